"""A TensorFlow 1 Hub module: python make_hub.py. Written with tensorflow-cpu 2.21.0 and tensorflow-hub 0.16.1; see README.md."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
from tensorflow.core.protobuf import saved_model_pb2

v1 = tf.compat.v1
NAME, HEIGHT, WIDTH = "hub_module", 10, 12
rng = np.random.default_rng(20270102)


def field(number, payload):
    """One field of a message, as bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload


def graph(tags, weights):
    """Images of any size; `default` is the feature vector, other signatures give it and the classes."""
    with tf.Graph().as_default() as g:
        images = v1.placeholder(tf.float32, [None, None, None, 3], name="images")
        features = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(images, weights[0], 1, "SAME")), [1, 2], name="features")
        logits = tf.matmul(features, weights[1], name="logits")
        if "train" in tags:
            logits = logits * 2
        size = bytes([1 << 3, HEIGHT, 2 << 3, WIDTH])
        v1.add_to_collection("hub_module_attachments", field(1, b"image_module_info") + field(2, field(1, size)))
        meta = v1.train.export_meta_graph(graph=g, clear_devices=True)
        info = v1.saved_model.build_tensor_info
        for key, outputs in (("default", {"default": features}), ("image_feature_vector", {"default": features}),
                             ("image_classification", {"default": logits, "Tiny/Features": features})):
            meta.signature_def[key].CopyFrom(v1.saved_model.signature_def_utils.build_signature_def(
                inputs={"images": info(images)}, outputs={k: info(v) for k, v in outputs.items()}))
    meta.ClearField("saver_def")
    meta.meta_info_def.ClearField("tags")
    meta.meta_info_def.tags.extend(tags)
    return meta


weights = [rng.normal(0, 0.6, shape).astype(np.float32) for shape in ([3, 3, 3, 4], [4, 5])]
saved = saved_model_pb2.SavedModel(meta_graphs=[graph([], weights), graph(["train"], weights)])
os.makedirs(NAME, exist_ok=True)
for file, content in (("saved_model.pb", saved.SerializeToString(deterministic=True)), ("tfhub_module.pb", b"\x08\x03")):
    with open(os.path.join(NAME, file), "wb") as f:
        f.write(content)

image = tf.io.decode_image(tf.io.read_file("a.png"), channels=3, expand_animations=False)
image = tf.image.resize(tf.image.convert_image_dtype(image, tf.float32), [HEIGHT, WIDTH])[tf.newaxis]
model = hub.load(NAME)
print(NAME, "default", model.signatures["default"](image)["default"].numpy().tolist())
print(NAME, "image_classification", model.signatures["image_classification"](image)["default"].numpy().tolist())
