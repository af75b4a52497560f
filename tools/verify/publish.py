"""Models that lince published: does TensorFlow take them, and compute the same?

    build/venv/bin/python tools/verify/publish.py build/release [BODY...]

For each BODY, a folder with a feature-vector model, or, with "cut:" before it, a classifier (default: those below, of
tests/golden/models; `make ci-full` runs this as its part tensorflow), a classifier with a head of random numbers is published.
TensorFlow loads it, calls it, fine-tunes it (GradientTape and hub.KerasLayer), calls its signatures, from a session too, as
TensorFlow Serving does, saves it again and does the same with that. Its logits are compared with those of lince, and with the
head applied to the body by hand. What was cut is compared with the classifier: its own last layer must make its logits of it.
Prints a line for each, and what is wrong; fails if anything is.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # 2.21's gradients crash on some small images with it

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras

BODIES = ["feature_vector", "classifier", "classifier_minimal", "keras_sequential", "keras_functional", "keras_subclassed",
          "keras_compiled", "mobile", "vit", "dropout", "assets_table", "bit", "convnext", "swin", "mixed", "wrapped_inception",
          "cut:classifier", "cut:classifier_signatures", "cut:keras_sequential", "cut:keras_functional", "cut:keras_subclassed",
          "cut:keras_compiled"]
CLASSES = 5
LABELS = ["daisy", "dandelion", "rose", "sunflower", "tulip"]
TREE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PHOTOS = os.path.join(TREE, "examples", "photos")
MODELS = os.path.join(TREE, "tests", "golden", "models")


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 2048)]


class Head(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("features", ctypes.c_int64), ("classes", ctypes.c_int64),
                ("kernel", ctypes.c_void_p), ("bias", ctypes.c_void_p),
                ("dropout", ctypes.c_double), ("l1", ctypes.c_double), ("l2", ctypes.c_double)]


class Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("body", ctypes.c_void_p), ("output", ctypes.c_char_p),
                ("cut", ctypes.c_int32), ("head", ctypes.c_void_p), ("mean", ctypes.c_float * 3), ("std", ctypes.c_float * 3),
                ("labels", ctypes.c_void_p), ("label_count", ctypes.c_size_t),
                ("height", ctypes.c_int32), ("width", ctypes.c_int32), ("overwrite", ctypes.c_int32)]


class Lince:
    def __init__(self, library):
        self.l = ctypes.CDLL(library)

    def call(self, name, *args):
        err = Error()
        if getattr(self.l, name)(*args, ctypes.byref(err)):
            raise RuntimeError(err.text.decode())

    def publish(self, source, path, kernel, bias, cut, size, mean, std, dropout=0.5, l1=1e-4, l2=1e-3):
        model = ctypes.c_void_p()
        self.call("lince_model_open", ctypes.byref(model), source.encode(), None)
        head, options = Head(), Options()
        self.l.lince_head_init(ctypes.byref(head))
        self.l.lince_publish_options_init(ctypes.byref(options))
        head.features, head.classes = kernel.shape
        head.kernel, head.bias = kernel.ctypes.data, bias.ctypes.data
        head.dropout, head.l1, head.l2 = dropout, l1, l2
        labels = (ctypes.c_char_p * CLASSES)(*[l.encode() for l in LABELS])
        options.head = ctypes.addressof(head)
        options.cut = cut
        options.mean, options.std = (ctypes.c_float * 3)(*mean), (ctypes.c_float * 3)(*std)
        options.labels, options.label_count = ctypes.addressof(labels), CLASSES
        options.height, options.width = size
        self.call("lince_publish", model, path.encode(), ctypes.byref(options))
        self.l.lince_model_close(model)


class Check:
    def __init__(self, lince, program, source):
        self.cut = source.startswith("cut:")
        self.source = source[4:] if self.cut else source
        self.lince, self.program = lince, program
        self.problems = []
        self.rng = np.random.default_rng(1)
        self.work = tempfile.mkdtemp()

    def expect(self, condition, text):
        if not condition:
            self.problems.append(text)

    def close(self, what, got, want, tolerance=2e-5):
        got, want = np.asarray(got, np.float32), np.asarray(want, np.float32)
        if got.shape != want.shape:
            self.problems.append("%s: shape %s, wanted %s" % (what, got.shape, want.shape))
            return
        error = float(np.abs(got - want).max()) / max(1.0, float(np.abs(want).max()))
        self.expect(error <= tolerance, "%s: differs by %.3g" % (what, error))

    def features(self, body, x):
        """What the head is given: the body's result, or what its last dense layer reads."""
        out = body(x) if "training" not in self.arguments(body) else body(x, training=False)
        return out["default"] if isinstance(out, dict) else out

    @staticmethod
    def arguments(obj):
        spec = obj.__call__.function_spec if hasattr(obj.__call__, "function_spec") else obj.__call__._function_spec
        return spec.fullargspec.args + spec.fullargspec.kwonlyargs

    def run_lince(self, path, x, training=False):
        np.save(self.work + "/x.npy", x)
        command = [self.program, "run", path, "--input", self.work + "/x.npy", "--output", self.work + "/y.npy"]
        subprocess.run(command + ["--training" if training else "--no-training"], check=True)
        return np.load(self.work + "/y.npy")

    def images(self, body):
        for f in body.__call__.concrete_functions:
            shape = f.structured_input_signature[0][0].shape
            side = (shape[1] or 96, shape[2] or 96)
        return self.rng.uniform(0, 1, (3,) + side + (3,)).astype(np.float32), side

    def run(self):
        body = hub.load(self.source)
        x, side = self.images(body)
        mean, std = np.float32([0.5, 0.4, 0.3]), np.float32([0.5, 0.25, 0.2])
        out = self.features(body, (x - mean) / std)
        path = self.work + "/published"
        if self.cut:
            features = self.cut_features(body, side, x, mean, std, out)
        else:
            features = out.numpy()
        kernel = self.rng.normal(0, 0.2, (features.shape[1], CLASSES)).astype(np.float32)
        bias = self.rng.normal(0, 0.2, CLASSES).astype(np.float32)
        self.lince.publish(self.source, path, kernel, bias, self.cut, side, mean, std)
        want = features @ kernel + bias
        self.published(path, x, want, body, kernel, first=True)
        again = self.work + "/again"
        tf.saved_model.save(hub.load(path), again)
        self.published(again, x, want, body, kernel, first=False)
        self.serving(path, x, want, side)
        shutil.rmtree(self.work)

    def cut_features(self, body, side, x, mean, std, out):
        """lince's own cut, which must give the classifier's logits behind the classifier's kernel and bias."""
        model = self.work + "/cut"
        subprocess.run([self.program, "resave", self.source, "--feature-vector", "--output", model, "--quiet"], check=True)
        cut = hub.load(model)
        features = self.features(cut, (x - mean) / std).numpy()
        gone = {v.name for v in body.variables} - {v.name for v in cut.variables}
        dense = [v.numpy() for v in body.variables if v.name in gone]
        kernel = [v for v in dense if v.ndim in (2, 4)]
        bias = [v for v in dense if v.ndim == 1]
        self.expect(len(kernel) == 1, "%d kernels were cut off" % len(kernel))
        logits = features @ kernel[0].reshape(-1, kernel[0].shape[-1]) + (bias[0] if bias else 0)
        got = out.numpy()
        if abs(got.sum(1) - 1).max() < 1e-4:
            logits = tf.nn.softmax(logits).numpy()
        self.close("cut and its own dense layer", logits, got)
        return features

    def published(self, path, x, want, body, kernel, first):
        obj = hub.load(path)
        name = "published" if first else "saved again"
        self.expect("training" in self.arguments(obj), name + ": no argument training")
        for a in self.arguments(body):
            self.expect(a in self.arguments(obj), "%s: argument %s is gone" % (name, a))
        self.close(name + ": TensorFlow, head(body(x))", obj(x, training=False), want)
        self.close(name + ": default", obj(x), want)
        self.close(name + ": lince", self.run_lince(path, x), want)
        self.expect(len(obj.trainable_variables) >= 2, name + ": no trainable variables")
        self.expect(all(v.trainable for v in obj.trainable_variables), name + ": a flag is wrong")
        names = [v.name for v in obj.variables]
        self.expect(names[-2].startswith("head/kernel") and names[-1].startswith("head/bias"), name + ": names %s" % names[-2:])
        loss = 1e-4 * np.abs(kernel).sum() + 1e-3 * np.square(kernel).sum()
        self.close(name + ": loss of the head", obj.regularization_losses[-1](), loss)
        self.expect(open(obj.labels.asset_path.numpy()).read().split() == LABELS, name + ": labels")
        self.expect(subprocess.run([self.program, "info", path, "--json"], capture_output=True).stdout.count(b"labels.txt") > 0, name + ": lince sees no labels")
        self.classify(path, name, x.shape[1:3])
        self.tune(obj, x, name)
        self.keras(path, x, want, obj, name)

    def classify(self, path, name, side):
        photo = PHOTOS + "/flower.jpg"
        out = subprocess.run([self.program, "classify", path, photo, "--top", "1", "--size", "%dx%d" % side], capture_output=True, text=True)
        self.expect(any(l in out.stdout for l in LABELS), "%s: classify: %s%s" % (name, out.stdout, out.stderr))

    def tune(self, obj, x, name):
        labels = tf.constant([0, 3, 1])
        losses = []
        for _ in range(4):
            with tf.GradientTape() as tape:
                logits = obj(x, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
                loss += tf.add_n([l() for l in obj.regularization_losses])
            gradients = tape.gradient(loss, obj.trainable_variables)
            losses.append(float(loss))
            missing = [v.name for v, g in zip(obj.trainable_variables, gradients) if g is None]
            self.expect(not missing, "%s: no gradient of %s" % (name, missing[:3]))
            for v, g in zip(obj.trainable_variables, gradients):
                if g is not None:
                    v.assign_sub(1e-3 * tf.clip_by_norm(tf.convert_to_tensor(g), 1.0))
        self.expect(np.isfinite(losses).all(), "%s: losses %s" % (name, losses))
        drawn = [obj(x, training=True).numpy() for _ in range(2)]
        self.expect(np.abs(drawn[0] - drawn[1]).max() > 0, name + ": dropout draws the same twice")

    def keras(self, path, x, want, obj, name):
        layer = hub.KerasLayer(path, trainable=True)
        model = tf_keras.Sequential([tf_keras.layers.InputLayer(x.shape[1:]), layer])
        self.close(name + ": KerasLayer", model.predict(x, verbose=0), want)
        self.expect(len(layer.trainable_weights) == len(obj.trainable_variables), name + ": KerasLayer: trainable weights")
        self.expect(len(layer.losses) == len(obj.regularization_losses), name + ": KerasLayer: losses")
        model.compile(tf_keras.optimizers.legacy.SGD(1e-4), tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = model.fit(x, np.array([0, 3, 1]), epochs=2, verbose=0)
        self.expect(np.isfinite(history.history["loss"]).all(), name + ": KerasLayer: fit")

    def serving(self, path, x, want, side):
        obj = tf.saved_model.load(path)
        self.close("serving_default", obj.signatures["serving_default"](images=tf.constant(x))["logits"], want)
        self.expect("serving_bytes" in obj.signatures, "no signature serving_bytes")
        files = [open(PHOTOS + "/" + f, "rb").read() for f in ("flower.jpg", "coffee.jpg")]
        decoded = tf.stack([tf.image.resize(tf.image.convert_image_dtype(tf.io.decode_jpeg(f, 3), tf.float32), side) for f in files])
        got = obj.signatures["serving_bytes"](image_bytes=tf.constant(files))["logits"]
        photos = obj(decoded).numpy()
        self.close("serving_bytes", got, photos, 1e-6)
        none = obj.signatures["serving_bytes"](image_bytes=tf.constant([], tf.string))["logits"]
        self.expect(none.shape[0] == 0, "serving_bytes of no files")
        graph = tf.Graph()
        with tf.compat.v1.Session(graph=graph) as session:  # as TensorFlow Serving loads it
            meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
            signature = meta.signature_def["serving_default"]
            got = session.run(signature.outputs["logits"].name, {signature.inputs["images"].name: x})
            self.close("a session", got, want)
            signature = meta.signature_def["serving_bytes"]
            got = session.run(signature.outputs["logits"].name, {signature.inputs["image_bytes"].name: files})
            self.close("a session, bytes", got, photos, 1e-6)


def folder(body):
    cut = "cut:" if body.startswith("cut:") else ""
    path = body[len(cut):]
    return cut + (path if os.path.isdir(path) else os.path.join(MODELS, path))


def main():
    build, sources = sys.argv[1], sys.argv[2:] or BODIES
    lince = Lince(os.path.join(build, "liblince.so"))
    bad = 0
    for source in sources:
        check = Check(lince, os.path.join(build, "lince"), folder(source))
        try:
            check.run()
        except Exception as e:  # one model's failure is no reason to skip the others
            check.problems.append("%s: %s" % (type(e).__name__, str(e)[:1500]))
        for p in check.problems:
            print("  " + p)
        print("%s: %s" % (source, "%d problems" % len(check.problems) if check.problems else "accepted"), flush=True)
        bad += bool(check.problems)
    print("published: %d models, %d with problems" % (len(sources), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
