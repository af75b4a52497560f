"""Models saved by lince, loaded by TensorFlow: does it see what was saved, and compute what it computed before?

    python -m venv build/venv
    build/venv/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-hub==0.16.1
    build/venv/bin/python tools/verify/check.py build/release/lince [MODEL...]

Of each model in tests/golden/models (`make ci-full` runs this as its part tensorflow):

as it is   taken out to .npz, put in, saved. TensorFlow must find every tensor of the checkpoint with the same bits, object graph and
           optimizer slots included; the same variables; from every call in tests/golden/cases the same bits, and the same bits in the
           variables after it; the same refusals. hub.KerasLayer must take it, frozen and trainable, and TensorFlow save it again, wherever
           they do so with the original.
changed    numpy scales and shifts every float in the .npz. TensorFlow must find these values, and give what lince gives on the same model.

Prints a line for each model, and what is wrong; fails if anything is.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden")


def lince(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("lince %s: %s" % (" ".join(arguments), done.stderr.strip()))


# --- what TensorFlow sees ------------------------------------------------------------------------------------------------


def load(folder, manifest):
    return hub.load(folder, tags=manifest["tags"]) if manifest["tags"] is not None else hub.load(folder)


def variables_of(obj):
    """All variables it can reach, in the order of the names on the way, each once."""
    found, seen, queue = [], set(), [obj]
    while queue:
        one = queue.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, tf.Variable):
            found.append(one)
        elif hasattr(one, "_trackable_children"):
            queue += [child for _, child in sorted(one._trackable_children().items())]
    return found


def bits(value):
    """Something that is equal only if every bit is."""
    if hasattr(value, "numpy"):
        value = value.numpy()
    if isinstance(value, (list, tuple)):
        return [bits(v) for v in value]
    if hasattr(value, "items"):
        return {k: bits(v) for k, v in value.items()}
    array = np.asarray(value)
    return array.dtype.name, array.shape, array.tolist() if array.dtype == object else array.tobytes()


def checkpoint(folder):
    reader = tf.train.load_checkpoint(os.path.join(folder, "variables", "variables"))
    return {key: bits(reader.get_tensor(key)) for key in reader.get_variable_to_shape_map()}


# --- calls ---------------------------------------------------------------------------------------------------------------


def array(base, entry):
    if "strings" in entry:
        return np.array([s.encode() for s in entry["strings"]], object).reshape(entry["shape"])
    with open(os.path.join(base, entry["tensor"]), "rb") as f:
        f.seek(entry.get("offset", 0))
        a = np.lib.format.read_array(f)
    return a.view(tf.bfloat16.as_numpy_dtype) if entry["dtype"] == "bfloat16" else a


def argument(base, entry):
    if "const" in entry:
        return entry["const"]
    if "dict" in entry:
        return {k: argument(base, v) for k, v in entry["dict"].items()}
    for kind, make in (("list", list), ("tuple", tuple)):
        if kind in entry:
            return make(argument(base, v) for v in entry[kind])
    return tf.constant(array(base, entry))


def resolve(obj, path):
    for part in path.split(".") if path != "__call__" else []:
        obj = obj[part] if isinstance(obj, dict) or not hasattr(obj, part) else getattr(obj, part)
    return obj


def answers(folder, manifest, base):
    """What each call of the manifest gives, and what it leaves in the variables, from a fresh start."""
    tf.random.set_seed(1)
    obj, given = load(folder, manifest), []
    for call in manifest["calls"]:
        args = [argument(base, a) for a in call["args"]]
        kwargs = {k: argument(base, v) for k, v in call["kwargs"].items()}
        try:
            result = bits(resolve(obj, call["callable"])(*args, **kwargs))
        except Exception as error:  # whichever it is: the saved model must do the same
            result = type(error).__name__
        given.append((call["id"], result, [bits(v) for v in variables_of(obj)]))
    return given


def listing(folder, manifest):
    obj = load(folder, manifest)
    index = {id(v): i for i, v in enumerate(variables_of(obj))}
    lists = [[index.get(id(v)) for v in getattr(obj, name, None) or []] for name in ("variables", "trainable_variables")]
    losses = [bits(f()) for f in getattr(obj, "regularization_losses", None) or []]
    described = [(v.name, v.dtype.name, v.shape.as_list(), bool(v.trainable), bits(v)) for v in variables_of(obj)]
    return described, lists, losses, sorted(getattr(obj, "signatures", None) or {})


def layer(folder, images, trainable):
    one = hub.KerasLayer(folder, trainable=trainable)
    return bits(one(images)), [bits(w) for w in one.weights], len(one.trainable_weights), [bits(x) for x in one.losses]


def saved_again(folder, images):
    with tempfile.TemporaryDirectory() as copy:
        tf.saved_model.save(hub.load(folder), copy)
        return bits(hub.load(copy)(images))


def attempt(what, *arguments):
    try:
        return what(*arguments)
    except Exception as error:
        return type(error).__name__


def images_of(manifest, base):
    """The tensor of a call of the object itself with nothing else, or None."""
    for call in manifest["calls"]:
        if call["callable"] == "__call__" and len(call["args"]) == 1 and not call["kwargs"] and "error" not in call:
            return argument(base, call["args"][0])
    return None


# --- one model -----------------------------------------------------------------------------------------------------------


class Check:
    def __init__(self, program, name, work):
        self.program, self.work, self.problems, self.count, self.refused = program, work, [], 0, 0
        self.base = os.path.join(GOLDEN, "cases")
        with open(os.path.join(self.base, name + ".json")) as f:
            self.manifest = json.load(f)
        self.model = os.path.join(GOLDEN, self.manifest["model"])
        self.tags = [] if self.manifest["tags"] is None else ["--tags", ",".join(self.manifest["tags"])]

    def expect(self, ok, text):
        self.count += 1
        if not ok:
            self.problems.append(text)

    def same(self, what, found, wanted):
        self.refused += isinstance(wanted, str) or isinstance(wanted, tuple) and isinstance(wanted[1], str)
        if isinstance(wanted, dict) and isinstance(found, dict):
            differing = [k for k in sorted(set(found) | set(wanted)) if found.get(k) != wanted.get(k)]
            return self.expect(not differing, "%s: %s differ" % (what, ", ".join(differing[:5])))
        return self.expect(found == wanted, "%s differs" % what)

    def save(self, name, values):
        folder = os.path.join(self.work, name)
        lince(self.program, "variables", self.model, *self.tags, "--import", values, "--output", folder)
        return folder

    def take_out(self):
        values = os.path.join(self.work, "values.npz")
        lince(self.program, "variables", self.model, *self.tags, "--export", values, "--quiet")
        return values

    def unchanged(self):
        folder = self.save("same", self.take_out())
        with open(os.path.join(folder, "saved_model.pb"), "rb") as a, open(os.path.join(self.model, "saved_model.pb"), "rb") as b:
            self.expect(a.read() == b.read(), "saved_model.pb differs")
        self.same("the checkpoint", checkpoint(folder), checkpoint(self.model))
        self.same("the list of variables", listing(folder, self.manifest), listing(self.model, self.manifest))
        wanted, repeated = (answers(self.model, self.manifest, self.base) for _ in range(2))
        for got, want, again in zip(answers(folder, self.manifest, self.base), wanted, repeated):
            if want == again:  # dropout without a seed does not repeat itself
                self.same("call " + want[0], got, want)
        images = images_of(self.manifest, self.base)
        if images is not None:
            for trainable in (False, True):
                self.same("hub.KerasLayer(trainable=%s)" % trainable, attempt(layer, folder, images, trainable),
                          attempt(layer, self.model, images, trainable))
            self.same("what TensorFlow saves again", attempt(saved_again, folder, images), attempt(saved_again, self.model, images))

    def changed(self):
        path = os.path.join(self.work, "changed.npz")
        with np.load(self.take_out()) as values:
            new = {k: (values[k] * 1.0625 + 0.0078125).astype(values[k].dtype) if values[k].dtype.kind == "f" else values[k]
                   for k in values.files}
        np.savez_compressed(path, **new)
        folder = self.save("changed", path)
        obj = load(folder, self.manifest)
        found = variables_of(obj)
        names = collections.Counter(v.name for v in found)
        for v in found:
            if v.name in new and v.dtype != tf.bfloat16 and names[v.name] == 1:
                self.same("the new value of " + v.name, bits(v), bits(new[v.name]))
        self.compare(folder, obj)

    def compare(self, folder, obj):
        images = images_of(self.manifest, self.base)
        if images is None:
            return
        result = obj(images)
        if not isinstance(result, tf.Tensor) or result.dtype != tf.float32:
            return
        inputs, output = os.path.join(self.work, "in.npy"), os.path.join(self.work, "out.npy")
        np.save(inputs, images.numpy())
        lince(self.program, "run", folder, *self.tags, "--input", inputs, "--output", output)
        got, want = np.load(output).astype(np.float64), result.numpy().astype(np.float64)
        error = np.max(np.abs(got - want), initial=0) / max(1e-6, np.max(np.abs(want), initial=0))
        self.expect(error <= 1e-4, "with new values lince and TensorFlow differ by %.3g of the largest result" % error)


def check(program, name):
    with tempfile.TemporaryDirectory() as work:
        one = Check(program, name, work)
        for what in (one.unchanged, one.changed):
            try:
                what()
            except Exception as error:
                one.problems.append("%s: %s: %s" % (what.__name__, type(error).__name__, str(error)[:500]))
        for problem in one.problems:
            print("  " + problem)
        print("%s: %d checks (%d that TensorFlow refuses the original, too), %d problems"
              % (name, one.count, one.refused, len(one.problems)), flush=True)
        return len(one.problems)


def main():
    program, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    if not names:
        names = sorted(f[:-5] for f in os.listdir(os.path.join(GOLDEN, "cases")) if f.endswith(".json"))
        names = [n for n in names if "model" in json.load(open(os.path.join(GOLDEN, "cases", n + ".json")))]
    problems = sum(check(program, name) for name in names)
    print("verify: %d models, %d problems" % (len(names), problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
