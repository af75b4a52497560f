"""One step of fine-tuning, by lince and by TensorFlow, side by side in one run.

    python -m venv build/venv
    build/venv/bin/pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0
    build/venv/bin/python bench/training.py build/release/lince MODEL BATCH [SIDE]

MODEL is a classifier, BATCH how many images of SIDE pixels (224) a step takes. SGD with momentum 0.9, training=True, softmax cross
entropy and the model's regularization losses, two threads. A step of lince is what five steps of a process take more than one,
divided by four; of TensorFlow the least of four calls of a tf.function after two. Least of two turns. Prints a line for each.
"""

import os
import subprocess
import sys
import tempfile
import time

import numpy as np

TENSORFLOW = """
import os, sys, time
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_USE_LEGACY_KERAS="1")
import numpy as np, tensorflow as tf, tf_keras as keras
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.config.threading.set_inter_op_parallelism_threads(1)
model = tf.saved_model.load(sys.argv[1])
x, y = (tf.constant(np.load(name)) for name in sys.argv[2:])
variables = list(model.trainable_variables)
optimizer = keras.optimizers.SGD(0.001, 0.9)
optimizer.build(variables)

@tf.function
def step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        for regularization in getattr(model, "regularization_losses", []):
            loss += regularization()
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss

times = []
for i in range(6):
    start = time.perf_counter()
    step(x, y).numpy()
    times.append(time.perf_counter() - start)
print(min(times[2:]))
"""


def lince(program, model, x, y):
    def run(steps):
        start = time.perf_counter()
        subprocess.run([program, "train", model, "--images", x, "--targets", y, "--steps", str(steps), "--momentum", "0.9",
                        "--learning-rate", "0.001", "--threads", "2", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start
    one, five = run(1), run(5)
    return (five - one) / 4


def tensorflow(model, x, y):
    done = subprocess.run([sys.executable, "-c", TENSORFLOW, model, x, y], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main():
    program, model, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
    side = int(sys.argv[4]) if len(sys.argv) > 4 else 224
    with tempfile.TemporaryDirectory() as folder:
        x, y = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
        random = np.random.default_rng(7)
        np.save(x, random.random((batch, side, side, 3), dtype=np.float32))
        np.save(y, random.integers(0, 1000, batch))
        turns = [(lince(program, model, x, y), tensorflow(model, x, y)) for _ in range(2)]
    for name, seconds in zip(("lince", "TensorFlow"), map(min, zip(*turns))):
        print("%-10s %6.0f ms a step, %5.1f images/s" % (name, seconds * 1e3, batch / seconds))


main()
