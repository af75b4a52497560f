"""Full-size models of the common families, made with TensorFlow, run by lince, compared with TensorFlow's answers.

    python -m venv build/venv
    build/venv/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-hub==0.16.1
    build/venv/bin/python tools/families/check.py build/release/lince build/families [FAMILY...]

Not part of the tests: it takes TensorFlow, and about half an hour. Each model is called in inference and in training mode at
its native size, and at 192 x 192 and 160 x 224 where its traces leave the size open. What TensorFlow itself moves between one and two
threads, and between its two sets of kernels (Eigen and oneDNN), is measured beside it. Prints a line for each, and fails if any is beyond: inference 5e-5 of the largest magnitude; training
mode ten times what TensorFlow moves (at least 1e-6), for the result and for every variable that the call changed.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))

# One process a thread count: TensorFlow fixes it when it starts.
TENSORFLOW = """
import sys, json, numpy as np
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(int(sys.argv[1]))
obj = tf.saved_model.load(sys.argv[2])
x = tf.constant(np.load(sys.argv[3]))
kwargs = json.loads(sys.argv[4])
y = obj(x, **kwargs)
out = {"output": np.asarray(y)}
for i, v in enumerate(obj.variables):
    out["v%04d" % i] = np.asarray(v)
np.savez(sys.argv[5], **out)
"""


def tensorflow(threads, onednn, model, x, kwargs, work):
    out = os.path.join(work, "tf%d%d.npz" % (threads, onednn))
    env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS=str(onednn))
    subprocess.run([sys.executable, "-c", TENSORFLOW, str(threads), model, x, json.dumps(kwargs), out], check=True, env=env,
                   stderr=subprocess.DEVNULL)
    return np.load(out)


def lince(program, model, x, kwargs, work):
    out, after = os.path.join(work, "y.npy"), os.path.join(work, "after")
    command = [program, "run", model, "--input", x, "--output", out, "--variables-after", after]
    if "training" in kwargs:
        command.append("--training" if kwargs["training"] else "--no-training")
    subprocess.run(command, check=True)
    variables = [np.load(os.path.join(after, n)) for n in sorted(os.listdir(after))]
    return np.load(out), variables


def distance(a, b):
    return float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(b).max(), 1e-30)) if b.size else 0.0


def check(program, model, name, size, kwargs):
    with tempfile.TemporaryDirectory() as work:
        x = os.path.join(work, "x.npy")
        np.save(x, np.random.default_rng(7).random((2, *size, 3), dtype=np.float32))
        one = tensorflow(1, 0, model, x, kwargs, work)
        others = [tensorflow(2, 0, model, x, kwargs, work), tensorflow(2, 1, model, x, kwargs, work)]
        y, variables = lince(program, model, x, kwargs, work)
        training = kwargs.get("training", False)
        pairs = [("output", y)] + [("v%04d" % i, v) for i, v in enumerate(variables) if "v%04d" % i in one and training]
        worst, ok = 0.0, True
        for key, got in pairs:
            far = distance(got, one[key])
            limit = max(1e-6, 10 * max(distance(o[key], one[key]) for o in others)) if training else 5e-5
            worst, ok = max(worst, far), ok and far <= limit
        moved = [distance(o["output"], one["output"]) for o in others]
        print("%s %dx%d %s: result %.1e, all %.1e; TensorFlow: threads %.1e, kernels %.1e%s" % (
            name, *size, "training" if training else "inference", distance(y, one["output"]), worst, *moved,
            "" if ok else "  BEYOND"), flush=True)
        return ok


def main(program, folder, *names):
    families = names or subprocess.run([sys.executable, os.path.join(HERE, "make.py"), "--list"], check=True, capture_output=True,
                                       text=True).stdout.split()
    ok = True
    for family in families:
        if not os.path.isdir(os.path.join(folder, family)):
            subprocess.run([sys.executable, os.path.join(HERE, "make.py"), family, folder], check=True)
        for task in sorted(os.listdir(os.path.join(folder, family))):
            model = os.path.join(folder, family, task)
            with open(os.path.join(model, "golden", "golden.json")) as f:
                golden = json.load(f)
            native = (golden["size"], golden["size"])
            free = golden["style"] == "slim"
            modes = [{}] if golden["style"] == "plain" else [{"training": False}]
            if golden["style"] != "plain" and not golden["stochastic_training"]:
                modes.append({"training": True})
            for size in [native] + ([(192, 192), (160, 224)] if free else []):
                for kwargs in modes:
                    ok = check(program, model, family + "/" + task, size, kwargs) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
