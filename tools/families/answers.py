"""What TensorFlow answers, in a process of its own, since it fixes its threads and kernels when it starts.

    python answers.py THREADS MODEL CASES.json

A case is one call with the variables as loaded: where its images are ("input", or "photos" with a "size"), its keyword arguments
("kwargs"), the "way" it is made (object, layer or signature), whether it wants the model "anew" because it draws random numbers, and
the "output", a .npz file: result/NAME of each tensor (result/ where
there is one), v0000 and on of each variable that the call changed, and the regularization losses. variables.npz beside it holds all
variables as loaded.
"""

import json
import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub


def photos(paths, size):
    """As the hub's tutorial reads them."""
    def one(path):
        pixels = tf.image.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.image.resize(tf.image.convert_image_dtype(pixels, tf.float32), size)
    return tf.stack([one(p) for p in paths])


def call(obj, x, way, kwargs):
    if way == "signature":
        return obj.signatures["serving_default"](x)
    if way == "object":
        return obj(x, **kwargs)
    arguments = {k: v for k, v in kwargs.items() if k != "training"}
    return hub.KerasLayer(obj, trainable=kwargs["training"], arguments=arguments)(x, training=kwargs["training"])


def answer(obj, before, case):
    x = photos(case["photos"], case["size"]) if "photos" in case else tf.constant(np.load(case["input"]))
    y = call(obj, x, case["way"], case["kwargs"])
    out = {"result/" + k: v.numpy() for k, v in y.items()} if isinstance(y, dict) else {"result/": y.numpy()}
    for i, (v, b) in enumerate(zip(obj.variables, before)):
        if not np.array_equal(v.numpy(), b):
            out["v%04d" % i] = v.numpy()
            v.assign(b)
    out["losses"] = np.array([f() for f in obj.regularization_losses], np.float32)
    np.savez(case["output"], **out)


def main(threads, model, cases):
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    obj = hub.load(model)
    before = [v.numpy() for v in obj.variables]
    np.savez(os.path.join(os.path.dirname(cases), "variables.npz"), **{"v%04d" % i: b for i, b in enumerate(before)})
    with open(cases) as f:
        for case in json.load(f):
            answer(hub.load(model) if case["anew"] else obj, before, case)


if __name__ == "__main__":
    main(*sys.argv[1:])
