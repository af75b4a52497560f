"""lince beside other runtimes: one model, the same batch and threads, in turns.

    python -m venv build/venv
    build/venv/bin/pip install numpy onnxruntime openvino ai-edge-litert
    build/venv/bin/python bench/peers.py build/release/lince MODEL... [--batch 1] [--threads 1] [--rounds 3] [--seconds 2]

A MODEL is a SavedModel folder with the same network beside its saved_model.pb, as tf2onnx and TensorFlow's converter write it:
model.onnx for ONNX Runtime and OpenVINO, model.tflite (batch 1, resized) for LiteRT; what is not there or not installed is left
out. Every turn is a process of its own, and the peers take turns, so that what else the machine does falls on all alike. Prints
a row of README's table: the least and the median of all calls, in milliseconds. Run it while nothing else runs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time


def onnxruntime(path, batch, threads):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(os.path.join(path, "model.onnx"), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})


def openvino(path, batch, threads):
    import openvino as ov
    model = ov.Core().read_model(os.path.join(path, "model.onnx"))
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
                                                      "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    return lambda x: request.infer({0: x}, share_inputs=True)


def litert(path, batch, threads):
    from ai_edge_litert.interpreter import Interpreter
    lite = Interpreter(os.path.join(path, "model.tflite"), num_threads=threads)
    given = lite.get_input_details()[0]
    lite.resize_tensor_input(given["index"], [batch, *given["shape"][1:]])
    lite.allocate_tensors()

    def call(x):
        lite.set_tensor(given["index"], x)
        lite.invoke()
    return call


PEERS = {"ONNX Runtime": onnxruntime, "OpenVINO": openvino, "LiteRT": litert}


def measure(peer, path, batch, threads, size, seconds):
    """One turn: the milliseconds of each call, printed as JSON."""
    import numpy as np
    x = np.random.default_rng(0).random((batch, size, size, 3), dtype=np.float32)
    call = PEERS[peer](path, batch, threads)
    for _ in range(3):
        call(x)
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call(x)
        times.append(1000 * (time.perf_counter() - start))
    print(json.dumps(times))


def turn(peer, program, path, batch, threads, size, seconds):
    """-> least, median; None where the peer is not installed or has no file."""
    if peer == "lince":
        out = subprocess.run([program, "bench", path, "--batch-size", str(batch), "--threads", str(threads), "--size", str(size),
                              "--seconds", str(seconds), "--json"], check=True, capture_output=True, text=True).stdout
        latency = json.loads(out)["latency_ms"]
        return latency["min"], latency["p50"]
    ran = subprocess.run([sys.executable, __file__, "--turn", json.dumps([peer, path, batch, threads, size, seconds])],
                         capture_output=True, text=True)
    if ran.returncode:
        return None
    times = json.loads(ran.stdout.splitlines()[-1])
    return min(times), statistics.median(times)


def main():
    if sys.argv[1:2] == ["--turn"]:
        return measure(*json.loads(sys.argv[2]))
    parser = argparse.ArgumentParser(description="time lince beside other runtimes")
    parser.add_argument("program")
    parser.add_argument("model", nargs="+")
    for name, default in (("batch", 1), ("threads", 1), ("rounds", 3), ("seconds", 2), ("size", 224)):
        parser.add_argument("--" + name, type=int, default=default)
    a = parser.parse_args()
    names = ["lince", *PEERS]
    print("| model, batch, threads | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for path in a.model:
        turns = [[turn(n, a.program, path, a.batch, a.threads, a.size, a.seconds) for n in names] for _ in range(a.rounds)]
        cells = []
        for column in zip(*turns):
            got = [t for t in column if t]
            cells.append("%.3g / %.3g" % (min(t[0] for t in got), statistics.median(t[1] for t in got)) if got else "")
        name = os.path.basename(os.path.dirname(os.path.abspath(path)))
        print("| %s, %d, %d | %s |" % (name, a.batch, a.threads, " | ".join(cells)), flush=True)


main()
