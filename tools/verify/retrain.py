"""Retraining: does TensorFlow take what lince retrain makes, and does the same recipe in TensorFlow get as far?

    build/venv/bin/python tools/verify/retrain.py build/release/lince BODY PHOTOS [lince retrain's options]

BODY is a feature-vector model, PHOTOS a folder of class folders. `lince retrain` makes a classifier and says which photos were
for validation. TensorFlow loads it and classifies these with nothing but decode_image, convert_image_dtype, resize and
obj(images): the classes must be those of `lince classify`. Then tf_keras trains a head of its own on the same photos: hub.KerasLayer,
Dropout, Dense, as make_image_classifier builds it, with the same numbers, five times from other seeds. Prints both
accuracies; fails if a class differs, or if lince's accuracy, the mean of five seeds too, is below TensorFlow's by more than the
photos that the seeds of TensorFlow differ by.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
import tf_keras

SEEDS = 5


def photo(path, size):
    image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    return tf.image.resize(tf.image.convert_image_dtype(image, tf.float32), size).numpy()


def retrain(lince, body, photos, options, seed, place):
    """The report, and which photos were for validation: those that predictions of the page name are not enough, so all are asked."""
    out = os.path.join(place, f"new{seed}")
    text = subprocess.run([lince, "retrain", body, "--images", photos, "--output", out, "--seed", str(seed), "--json", "--quiet",
                           *options], check=True, capture_output=True, text=True).stdout
    return out, json.loads(text)


def held(seed, share, photos, classes):
    """The photos for validation, as app_dataset_split() chooses them."""
    mask = (1 << 64) - 1

    def order(name):
        h = 14695981039346656037 ^ seed
        for byte in name.encode():
            h = (h ^ byte) * 1099511628211 & mask
        h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd & mask
        h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53 & mask
        return h ^ (h >> 33)

    train, validation = [], []
    for label, name in enumerate(classes):
        names = sorted(os.path.join(name, f) for f in os.listdir(os.path.join(photos, name)))
        n = int(np.floor(len(names) * share + 0.5))
        n = 0 if len(names) < 2 else min(max(n, 1), len(names) - 1)
        chosen = set(sorted(names, key=order)[:n])
        validation += [(f, label) for f in names if f in chosen]
        train += [(f, label) for f in names if f not in chosen]
    return train, validation


def recipe(body, train, validation, classes, seed, tune, augment=None, epochs=5, batch=32, rate=0.005):
    """What make_image_classifier builds and does, with its defaults."""
    tf_keras.utils.set_random_seed(seed)
    model = tf_keras.Sequential([
        hub.KerasLayer(body, trainable=tune),
        tf_keras.layers.Dropout(0.2),
        tf_keras.layers.Dense(classes, kernel_regularizer=tf_keras.regularizers.L1L2(0.0, 0.0001))])
    model.build((None, *train[0].shape[1:]))
    model.compile(optimizer=tf_keras.optimizers.SGD(rate, momentum=0.9), metrics=["accuracy"],
                  loss=tf_keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1))
    onehot = [tf.one_hot(labels, classes) for _, labels in (train, validation)]
    model.fit(train[0], onehot[0], batch_size=batch, epochs=epochs, verbose=0)
    return model.evaluate(validation[0], onehot[1], verbose=0)[1]


def main():
    lince, body, photos, *options = sys.argv[1:]
    tune = "--do-fine-tuning" in options
    bad = 0
    place = tempfile.mkdtemp()
    ours, theirs = [], []
    classes = sorted(f for f in os.listdir(photos) if os.path.isdir(os.path.join(photos, f)))
    for seed in range(SEEDS):
        out, report = retrain(lince, body, photos, options, seed, place)
        size = (report["preprocessing"]["height"], report["preprocessing"]["width"])
        parts = [(np.stack([photo(os.path.join(photos, f), size) for f, _ in part]), np.array([label for _, label in part]))
                 for part in held(seed, 0.2, photos, classes)]
        validation = held(seed, 0.2, photos, classes)[1]
        logits = tf.saved_model.load(out)(tf.constant(parts[1][0])).numpy()
        lines = subprocess.run([lince, "classify", out, *[os.path.join(photos, f) for f, _ in validation], "--json", "--top", "1",
                                "--quiet", "--size", f"{size[0]}x{size[1]}"], check=True, capture_output=True, text=True).stdout
        answers = [json.loads(line)["predictions"][0]["index"] for line in lines.splitlines()]
        differ = int(np.sum(np.argmax(logits, 1) != np.array(answers)))
        right = float(np.mean(np.array(answers) == parts[1][1]))
        bad += differ + (abs(right - report["accuracy"]) > 1e-12) + (report["validation_photos"] != len(answers))
        ours.append(report["accuracy"])
        theirs.append(recipe(body, *parts, len(classes), seed, tune))
        print(f"seed {seed}: lince {ours[-1]:.4f}, TensorFlow {theirs[-1]:.4f} of {len(answers)} photos; TensorFlow with lince's model: "
              f"{differ} other classes", flush=True)
    spread = (max(theirs) - min(theirs)) / 2
    print(f"mean: lince {np.mean(ours):.4f}, TensorFlow {np.mean(theirs):.4f}")
    shutil.rmtree(place)
    sys.exit(bad > 0 or np.mean(ours) < np.mean(theirs) - spread)


main()
