"""Full-size models of the common families, made with TensorFlow, run by lince, compared with TensorFlow's answers.

    python -m venv build/venv
    build/venv/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0 tensorflow-hub==0.16.1
    build/venv/bin/python tools/families/check.py build/release/lince build/families [FAMILY[/TASK]...]

Not part of the tests: it takes TensorFlow, and about half an hour. Each model is called in inference and in training mode, with
the seeds of its random ops as they are, at its native size, and at 192 x 192 and 160 x 224 where its traces leave the size open; with
return_endpoints, by its signature, as hub.KerasLayer calls it on photos, and for its regularization losses. The answers that
make.py stored in golden/, by another process, count as one more of TensorFlow's.

What TensorFlow itself moves between one and two threads is measured beside it, with both of its sets of kernels (Eigen, and oneDNN, which
is its default), and between the two. Prints a line for each, and fails if any is beyond: inference 5e-5 of the largest magnitude;
training mode and losses ten times what TensorFlow moves with its threads (at least 1e-6), for the result and for every variable; a
variable that TensorFlow leaves alone must keep its bits.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FREE = [(192, 192), (160, 224)]                         # sizes beside the native one
SETTINGS = [(1, False), (2, False), (1, True), (2, True)]  # threads, oneDNN; the first is what lince is compared with


# --- cases -----------------------------------------------------------------------------------------------------------------

def calls_of(golden):
    """-> (name, size or None for golden/input.npy, way, keyword arguments)"""
    slim = golden["style"] == "slim"
    inference, training = {"training": False}, {"training": True}
    if golden["style"] == "plain":
        return [("inference", None, "object", {})]
    if slim:
        training["batch_norm_momentum"] = golden["batch_norm_momentum"]
    calls = []
    for size in [None] + (FREE if slim else []):
        calls += [("inference", size, "object", inference), ("training", size, "object", training)]
    if slim:
        calls += [("endpoints", FREE[1], "object", dict(inference, return_endpoints=True)),
                  ("training, endpoints", FREE[0], "object", dict(training, return_endpoints=True))]
    return calls + [("signature", None, "signature", {}), ("KerasLayer, training", None, "layer", training),
                    ("KerasLayer, photos", "photos", "layer", inference)]


def cases_of(model, golden, photos, work):
    cases = []
    for name, size, way, kwargs in calls_of(golden):
        case = dict(name=name, way=way, kwargs=kwargs, size=(golden["size"],) * 2)
        case["anew"] = golden["stochastic_training"] and kwargs.get("training", False)
        if size == "photos":
            case["photos"] = photos
        elif size is None:
            case["input"] = os.path.join(model, "golden", "input.npy")
        else:
            case.update(size=size, input=os.path.join(work, "x%dx%d.npy" % size))
            np.save(case["input"], np.random.default_rng(7).random((2, *size, 3), dtype=np.float32))
        cases.append(case)
    return cases


# --- answers: {result/NAME, vNNNN, losses: array} ---------------------------------------------------------------------------

def tensorflow(threads, onednn, model, cases, work):
    for i, case in enumerate(cases):
        case["output"] = os.path.join(work, "answer%d.npz" % i)
    listed = os.path.join(work, "cases.json")
    with open(listed, "w") as f:
        json.dump(cases, f)
    env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS=str(int(onednn)))
    subprocess.run([sys.executable, os.path.join(HERE, "answers.py"), str(threads), model, listed], check=True, env=env,
                   stderr=subprocess.DEVNULL)
    answers = []
    for case in cases:
        with np.load(case["output"]) as f:
            answers.append(dict(f))
    return answers


def stored(model, case, golden):
    """What make.py wrote for this call, if it did."""
    files = {"inference": "output", "training": "output_training"}
    path = os.path.join(model, "golden", files.get(case["name"], "none") + ".npy")
    if "golden" not in case.get("input", "") or not os.path.exists(path):
        return {}
    out = {"result/": np.load(path)}
    if case["name"] == "training":
        flat = np.load(os.path.join(model, "golden", "updated_by_training.npy"))
        for entry in golden["updated_by_training"]:
            shape = golden["variables"][entry["variable"]]["shape"]
            out["v%04d" % entry["variable"]] = flat[entry["offset"]:][:entry["size"]].reshape(shape)
    return out


def lince_photos(program, model, case, work):
    """embed where it is one, else the logits of classify."""
    size, out = "%dx%d" % tuple(case["size"]), os.path.join(work, "features.npy")
    if model.endswith("feature_vector"):
        subprocess.run([program, "embed", model, *case["photos"], "--size", size, "--output", out, "--quiet"], check=True)
        return {"result/": np.load(out)}
    text = subprocess.run([program, "classify", model, *case["photos"], "--size", size, "--scores", "logits", "--top", "100000",
                           "--json", "--quiet"], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line)["predictions"] for line in text.splitlines()]
    return {"result/": np.array([[p["score"] for p in sorted(r, key=lambda p: p["index"])] for r in rows], np.float32)}


def lince(program, model, case, variables, work):
    if "photos" in case:
        return lince_photos(program, model, case, work)
    with tempfile.TemporaryDirectory(dir=work) as here:
        out, after = os.path.join(here, "y"), os.path.join(here, "after")
        command = [program, "run", model, "--input", case["input"], "--output", out, "--variables-after", after]
        command += ["--signature", "serving_default"] if case["way"] == "signature" else []
        for key, value in case["kwargs"].items():
            command += ["--set", "%s=%s" % (key, json.dumps(value))]
        subprocess.run(command, check=True)
        if os.path.isdir(out):
            answer = {"result/" + n[:-4]: np.load(os.path.join(out, n)) for n in os.listdir(out)}
        else:
            answer = {"result/": np.load(out)}
        listed = sorted(os.listdir(after))[:variables]  # the rest are not among obj.variables
        answer.update({"v" + n[:-4]: np.load(os.path.join(after, n)) for n in listed})
        return answer


# --- comparison -------------------------------------------------------------------------------------------------------------

def distance(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    return float(np.abs(a.astype(np.float64) - b).max() / max(np.abs(b).max(), 1e-30)) if b.size else 0.0


def moved(answers, key):
    """-> what TensorFlow moves: threads with Eigen, threads with oneDNN, from Eigen to oneDNN"""
    one, two, onednn_one, onednn_two = (a[key] for a in answers)
    return distance(two, one), distance(onednn_two, onednn_one), distance(onednn_two, one)


def limit_of(answers, key, training):
    return max(1e-6, 10 * max(moved(answers, key)[:2])) if training else 5e-5


def report(label, size, got, answers, golden, training, loaded):
    """A line for one call, and one for each tensor that is beyond. Variables that TensorFlow left as they were are not in its answers."""
    worst, beyond = {}, []
    for key in sorted(set(answers[0]) | set(got)):
        if key not in answers[0]:
            if key not in loaded or not np.array_equal(got[key], loaded[key]):
                beyond.append(key + " changed")
            continue
        far, limit = distance(got[key], answers[0][key]) if key in got else float("inf"), limit_of(answers, key, training)
        if key in golden and not distance(got[key], golden[key]) <= limit:
            beyond.append("%s by %.1e of %.1e from golden/" % (key, distance(got[key], golden[key]), limit))
        if not far <= limit:
            beyond.append("%s by %.1e of %.1e" % (key, far, limit))
        kind = "result" if key.startswith("result/") else "variables"
        worst[kind] = np.maximum(worst.get(kind, 0), [far, far / limit, *moved(answers, key)])
    print("%s %dx%d:%s%s" % (label, *size, "".join(
        " %s %.1e, %.2f of the limit (TensorFlow: threads %.1e %.1e, kernels %.1e)" % (k, *w) for k, w in sorted(worst.items())),
        "".join("\n  BEYOND " + b for b in beyond)), flush=True)
    return not beyond


def losses(program, model, name, answers, golden):
    info = json.loads(subprocess.run([program, "info", model, "--json", "--losses"], check=True, capture_output=True, text=True).stdout)
    got = np.array(info["loss_values"], np.float32)
    far, limit = distance(got, answers[0]["losses"]), limit_of(answers, "losses", True)
    total = distance(got.sum(dtype=np.float64), np.float64(golden["regularization_loss"]))
    ok = far <= limit and total <= limit
    print("%s: %d losses %.1e, their sum %.1e from golden/ (TensorFlow: threads %.1e %.1e, kernels %.1e)%s" % (
        name, got.size, far, total, *moved(answers, "losses"), "" if ok else "\n  BEYOND"), flush=True)
    return ok


def check(program, model, name, photos):
    with open(os.path.join(model, "golden", "golden.json")) as f:
        golden = json.load(f)
    with tempfile.TemporaryDirectory() as work:
        cases = cases_of(model, golden, photos, work)
        answers = list(zip(*[tensorflow(*s, model, cases, work) for s in SETTINGS]))
        loaded = dict(np.load(os.path.join(work, "variables.npz")))
        ok = losses(program, model, name, answers[0], golden)
        for case, theirs in zip(cases, answers):
            theirs = [{k: v for k, v in a.items() if k != "losses"} for a in theirs]
            got = lince(program, model, case, len(loaded), work)
            training = case["kwargs"].get("training", False)
            ok = report(name + " " + case["name"], case["size"], got, theirs, stored(model, case, golden), training, loaded) and ok
        return ok


def main(program, folder, *names):
    families = names or subprocess.run([sys.executable, os.path.join(HERE, "make.py"), "--list"], check=True, capture_output=True,
                                       text=True).stdout.split()
    examples = os.path.join(HERE, "..", "..", "examples", "photos")
    photos = [os.path.join(examples, n) for n in sorted(os.listdir(examples)) if n.endswith(".jpg")][:2]
    ok = True
    for name in families:
        family, _, task = name.partition("/")
        if not os.path.isdir(os.path.join(folder, family)):
            subprocess.run([sys.executable, os.path.join(HERE, "make.py"), family, folder], check=True)
        for task in [task] if task else sorted(os.listdir(os.path.join(folder, family))):
            ok = check(program, os.path.join(folder, family, task), family + "/" + task, photos) and ok
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
