"""What is in the checkpoints of the golden models, and a checkpoint of TensorFlow 1.

    make.py GOLDENS

GOLDENS holds SavedModels written by TensorFlow 2.21 (seed 20240817) and cases/NAME.json, whose key `checkpoint` gives
the value of every tensor in variables/ as TensorFlow reads it back. For each checkpoint this writes

    NAME.json       [{"key", "dtype", "shape", and "hex": the elements, little-endian, or "strings"}, ...]
    tf1_slices/     copied: it belongs to no model that is here
"""
import ast
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDENS, = sys.argv[1:]
CHECKPOINTS = ["ckpt_sharded", "ckpt_snappy", "ckpt_small_blocks", "ckpt_dtypes", "ckpt_many", "assets_table"]


def npy(path):
    """Shape and raw elements of an array file."""
    b = open(os.path.join(GOLDENS, "cases", path), "rb").read()
    end = 10 + int.from_bytes(b[8:10], "little")
    return ast.literal_eval(b[10:end].decode())["shape"], b[end:]


def copy(source, target):
    os.makedirs(target, exist_ok=True)
    for f in os.listdir(source):
        shutil.copyfile(os.path.join(source, f), os.path.join(target, f))


def expected(case):
    rows = {}
    if case.get("all_values"):
        shape, raw = npy(case["all_values"]["tensor"])
        size = len(raw) // shape[0]
        values = {"%04d" % i: raw[i * size:(i + 1) * size] for i in range(shape[0])}
    for c in case["checkpoint"]:
        row = {"key": c["key"], "dtype": c["dtype"], "shape": c["shape"]}
        if "strings" in c["value"]:
            row["strings"] = c["value"]["strings"]
        elif "tensor" in c["value"]:
            row["hex"] = npy(c["value"]["tensor"])[1].hex()
        elif "_layer_" in c["key"]:  # ckpt_many: the key ends with the number of the variable
            row["hex"] = values[c["key"].split("/.ATTRIBUTES")[0].rsplit("_", 1)[1]].hex()
        rows[c["key"]] = row
    return list(rows.values())


for name in CHECKPOINTS:
    case = json.load(open(os.path.join(GOLDENS, "cases", name + ".json")))
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        rows = [json.dumps(r, ensure_ascii=False) for r in expected(case)]
        f.write("[\n" + ",\n".join(rows) + "\n]\n")

# A partitioned variable in three slices of its first dimension, which lie in a row in the data file, behind the bias [5].
copy(os.path.join(GOLDENS, "models", "tf1_serving", "variables"), os.path.join(HERE, "tf1_slices"))
data = open(os.path.join(HERE, "tf1_slices", "variables.data-00000-of-00001"), "rb").read()
rows = [{"key": "bias", "dtype": "float32", "shape": [5], "hex": data[:20].hex()},
        {"key": "big/weights", "dtype": "float32", "shape": [192, 5], "hex": data[20:].hex()}]
with open(os.path.join(HERE, "tf1_slices.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n")
