"""Choose what of the training goldens lies in the tree: select_training.py GOLDENS.

GOLDENS is what contract.py wrote. Of cases/train_*.json all setups and optimizers stay, with their losses and gradients;
of the larger arrays fewer do: variables after 5 steps (after 1 too, of two optimizers, in the plain setup of the
classifier), the gradient of the images in that setup. What stays goes into one file, each array once.
"""

import json
import os
import sys

FILE = "training.npys"
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases")


class Packer:
    """Complete .npy files one after another, each content once."""

    def __init__(self, source):
        self.source = source
        self.data, self.offsets = b"", {}

    def add(self, entry, key):
        entry = dict(entry)
        with open(os.path.join(self.source, entry[key]), "rb") as f:
            content = f.read()
        if content not in self.offsets:
            self.offsets[content] = len(self.data)
            self.data += content
        entry[key] = FILE
        entry["offset"] = self.offsets[content]
        return entry


def select(source, name, packer):
    with open(os.path.join(source, name + ".json")) as f:
        case = json.load(f)
    for number, setup in enumerate(case["training"]):
        for key in ("images", "labels"):
            setup[key] = packer.add(setup[key], "tensor")
        if setup["head"]:
            setup["head"] = {k: packer.add(v, "tensor") for k, v in setup["head"].items()}
        setup["gradients"] = packer.add(setup["gradients"], "pack")
        plain = name == "train_classifier" and number == 0
        if plain:
            setup["image_gradient"] = packer.add(setup["image_gradient"], "tensor")
        else:
            del setup["image_gradient"]
        del setup["variables"]
        for run in setup["runs"]:
            both = plain and run["id"] in ("sgd", "adam")
            run["after"] = {k: packer.add(v, "pack") for k, v in run["after"].items() if both or k == "5"}
    kept = {key: case[key] for key in ("name", "model", "about", "tags", "training_note", "training")}
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        json.dump(kept, f, separators=(",", ":"))
        f.write("\n")


def main():
    source = os.path.join(sys.argv[1], "cases")
    packer = Packer(source)
    for file in sorted(os.listdir(source)):
        if file.startswith("train_") and file.endswith(".json"):
            select(source, file[:-5], packer)
    with open(os.path.join(HERE, FILE), "wb") as f:
        f.write(packer.data)


if __name__ == "__main__":
    main()
