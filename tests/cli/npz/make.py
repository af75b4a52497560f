"""The .npz files beside this script, as numpy writes them: python make.py (needs numpy)."""

import os

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
# Of tests/golden/models/structures: scale:0 is float32[3], save_counter:0 is int64[].
good = {"scale:0": np.array([1.5, -2, 0.25], np.float32), "save_counter:0": np.array(7, np.int64)}
np.savez("good.npz", **good)
np.savez_compressed("compressed.npz", **good)
np.savez("missing.npz", **{"scale:0": good["scale:0"]})
np.savez("more.npz", **good, **{"scale": good["scale:0"]})
np.savez("shape.npz", **{**good, "scale:0": np.zeros((3, 1), np.float32)})
np.savez("dtype.npz", **{**good, "scale:0": np.zeros(3)})
np.savez_compressed("large.npz", **{**good, "scale:0": np.zeros(1 << 21, np.int8)})
np.savez("object.npz", **{**good, "scale:0": np.array([None, 1, 2], object)})
# For the reader's own test: many elements, deflated; Fortran order; text.
np.savez_compressed("several.npz", zeros=np.zeros((100, 50), np.float32), ramp=np.arange(6, dtype=np.int16).reshape(2, 3),
                    turned=np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)), texts=np.array(["a", "bcd"]))
