"""Heads of classifiers: python make.py. Written with tensorflow-cpu 2.21.0; see README.md for what TensorFlow answers."""

import collections
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

SIDE = 8
rng = np.random.default_rng(20270101)


class Head(tf.Module):
    """A convolution, the mean of each channel, and what `finish` makes of the logits."""

    def __init__(self, classes, finish, spec=None):
        super().__init__()
        self.kernel = tf.Variable(rng.normal(0, 0.6, [3, 3, 3, 4]).astype(np.float32), name="kernel")
        self.dense = tf.Variable(rng.normal(0, 1.5, [4, classes]).astype(np.float32), name="dense")
        self.finish = finish
        spec = spec or tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="images")
        self.__call__ = tf.function(self.call, input_signature=[spec])

    def logits(self, images):
        features = tf.nn.relu(tf.nn.conv2d(images - 0.5, self.kernel, 1, "SAME"))
        return tf.reduce_mean(features, [1, 2]) @ self.dense

    def call(self, images):
        return self.finish(self.logits(images))


@tf.function
def inner_sigmoid(x):
    return tf.sigmoid(x)


TopK = collections.namedtuple("TopK", ["values", "indices"])
names = tf.constant(["cat", "dog", "fish", "newt"])


def top_texts(x):
    values, indices = tf.math.top_k(x, 2)
    return {"scores": values, "labels": tf.gather(names, indices)}


def top_numbers(x):
    values, indices = tf.math.top_k(tf.nn.softmax(x), 2)
    return TopK(values, indices)


def all_texts(x):
    return {"scores": tf.sigmoid(x), "classes": tf.tile(names[tf.newaxis], [tf.shape(x)[0], 1])}


class Odd(Head):
    """Names with a slash and a tilde, in what is taken and in what is given."""

    def __init__(self):
        super().__init__(2, None, {"in/put~": tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="images")})

    def call(self, inputs):
        x = self.logits(inputs["in/put~"])
        return {"a/b": [x, (x + 1,)], "c~": TopK(x * 2, None), "": tf.reduce_sum(x)}


class Grey(Head):
    """One channel, as MNIST's tutorials have it."""

    def __init__(self):
        super().__init__(3, None, tf.TensorSpec([None, SIDE, SIDE, 1], tf.float32, name="images"))

    def call(self, images):
        return self.logits(tf.image.grayscale_to_rgb(images))


class ChannelsFirst(Head):
    """[batch, channels, height, width], as models from elsewhere have it."""

    def __init__(self):
        super().__init__(3, None, tf.TensorSpec([None, 3, SIDE, SIDE], tf.float32, name="images"))

    def call(self, images):
        return self.logits(tf.transpose(images, [0, 2, 3, 1]))


class Bfloat16(Head):
    """An input that numpy has no name for."""

    def __init__(self):
        super().__init__(3, None, tf.TensorSpec([None, SIDE, SIDE, 3], tf.bfloat16, name="images"))

    def call(self, images):
        return self.logits(tf.cast(images, tf.float32))


class Bright(Head):
    """How many pixels are bright is known by looking."""

    def __init__(self):
        super().__init__(3, None)

    def call(self, images):
        return {"logits": self.logits(images), "bright": tf.where(images[..., 0] > 0.9)}


HEADS = {
    "binary_logit": lambda: Head(1, lambda x: x),
    "binary_sigmoid": lambda: Head(1, tf.sigmoid),
    "binary_flat": lambda: Head(1, lambda x: tf.squeeze(tf.sigmoid(x), -1)),
    "multilabel": lambda: Head(5, lambda x: tf.cast(tf.reshape(inner_sigmoid(tf.reshape(x, [-1])), [-1, 5]), tf.float64)),
    "softmax": lambda: Head(3, lambda x: tf.identity(tf.nn.softmax(x))),
    "logits": lambda: Head(3, lambda x: x),
    "top_texts": lambda: Head(4, top_texts),
    "top_numbers": lambda: Head(4, top_numbers),
    "all_texts": lambda: Head(4, all_texts),
    "odd_names": lambda: Odd(),
    "grey": lambda: Grey(),
    "channels_first": lambda: ChannelsFirst(),
    "bfloat16": lambda: Bfloat16(),
    "bright": lambda: Bright(),
}


def photo(name):
    low = rng.uniform(0, 255, [3, 4, 3])
    pixels = tf.image.resize(low, [12, 16], "bicubic")
    tf.io.write_file(name, tf.io.encode_png(tf.cast(tf.clip_by_value(pixels, 0, 255), tf.uint8)))


def read(name):
    image = tf.io.decode_image(tf.io.read_file(name), channels=3, expand_animations=False)
    return tf.image.resize(tf.image.convert_image_dtype(image, tf.float32), [SIDE, SIDE])[tf.newaxis]


for name in ["a.png", "b.png"]:
    photo(name)
for name, make in HEADS.items():
    tf.saved_model.save(make(), name)
    os.remove(f"{name}/fingerprint.pb")
    os.rmdir(f"{name}/assets")
    model = tf.saved_model.load(name)
    for image in ["a.png", "b.png"]:
        x = read(image)
        x = x[..., :1] if name == "grey" else x
        x = tf.transpose(x, [0, 3, 1, 2]) if name == "channels_first" else x
        if name == "bfloat16":
            x = tf.cast(x, tf.bfloat16)
            np.save("bfloat16.npy", tf.bitcast(x, tf.uint16).numpy())  # of b.png
        y = model({"in/put~": x} if name == "odd_names" else x)
        print(name, image, tf.nest.map_structure(lambda t: t if t is None else t.numpy().tolist(), y))
