"""Seeds for the fuzz target `model`: small SavedModels without variables, a few traces each, one op of tests/golden/ops a trace.

    python seeds.py FOLDER      (needs tensorflow)

fuzz/corpus/model was chosen from these and from what fuzzing found, by `fuzz_model -merge=1`.
"""
import inspect
import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2, struct_pb2

OPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "ops")
A_MODEL = 5  # traces of one
PYTHON = {"reduction_indices": "axis", "split_dim": "axis", "squeeze_dims": "axis", "t": "x", "e": "y"}  # its names for OpDef's


def load(entry):
    with open(os.path.join(OPS, entry["file"]), "rb") as f:
        f.seek(entry["offset"])
        return np.lib.format.read_array(f)


def size(case):
    return sum(int(np.prod(i["shape"])) for i in case["inputs"] + case["outputs"])


def trace(case):
    """The op as a function: floats are its arguments, everything else is constant."""
    values, lists = {}, {}
    for i in case["inputs"]:
        value = i["value"] if i["dtype"] == "string" else load(i)
        if i["dtype"] == "bfloat16":
            raise ValueError("bfloat16")
        lists.setdefault(i["arg"], []).append(value)
    arguments = [(a, k, v) for a, vs in lists.items() for k, v in enumerate(vs) if v.dtype == np.float32]

    def run(*given):
        own = {a: list(v) for a, v in lists.items()}
        for (a, k, _), g in zip(arguments, given):
            own[a][k] = g
        for a in own:
            many = any(i["arg"] == a and i["index"] > 0 for i in case["inputs"]) or case["op"] in ("AddN", "Pack", "ConcatV2") and a in ("inputs", "values")
            values[a] = own[a] if many else own[a][0]
        attrs = {k: tf.as_dtype(v) if isinstance(v, str) and k in ("DstT", "out_type", "dtype", "output_type", "T") else v for k, v in case["attrs"].items()}
        call, known = getattr(tf.raw_ops, case["op"]), inspect.signature(getattr(tf.raw_ops, case["op"])).parameters
        result = call(**{k if k in known else PYTHON.get(k, k): v for k, v in {**values, **attrs}.items()})
        flat = tf.nest.flatten(result) if not hasattr(result, "_fields") else [t for r in result for t in (r if isinstance(r, list) else [r])]
        return flat

    specs = [tf.TensorSpec(v.shape, v.dtype) for _, _, v in arguments]
    return tf.function(run).get_concrete_function(*specs)


def spec(value, tensor):
    value.tensor_spec_value.dtype = tensor.dtype.as_datatype_enum
    value.tensor_spec_value.shape.CopyFrom(tensor.shape.as_proto())


def model(functions):
    m = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = m.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    nodes = meta.object_graph_def.nodes
    root = nodes.add()
    root.user_object.identifier = "_generic_user_object"
    root.children.add(node_id=1, local_name="__call__")
    call = nodes.add().function
    arg = call.function_spec.fullargspec.named_tuple_value
    arg.name = "FullArgSpec"
    varargs = arg.values.add(key="varargs")
    varargs.value.string_value = "a"
    for name, f in functions:
        d = f.function_def
        d.signature.name = name
        d.ClearField("attr")
        d.ClearField("arg_attr")
        for n in d.node_def:
            n.ClearField("experimental_debug_info")
        meta.graph_def.library.function.add().CopyFrom(d)
        call.concrete_functions.append(name)
        saved = meta.object_graph_def.concrete_functions[name]
        both = saved.canonicalized_input_signature.tuple_value.values
        args = both.add().tuple_value
        args.SetInParent()
        both.add().dict_value.SetInParent()
        for t in f.inputs:
            spec(args.values.add(), t)
        for t in f.outputs:
            spec(saved.output_signature.list_value.values.add(), t)
    return m.SerializeToString(deterministic=True)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    best = {}
    with open(os.path.join(OPS, "ops.json")) as f:
        for case in json.load(f):
            if case["op"] not in best or size(case) < size(best[case["op"]]):
                best[case["op"]] = case
    made = []
    for op, case in sorted(best.items()):
        try:
            made.append((op, trace(case)))
        except Exception as e:  # an op that cannot be called like that is left to the fuzzer
            print(op, type(e).__name__, str(e)[:100])
    for i in range(0, len(made), A_MODEL):
        with open(os.path.join(folder, "ops_%s" % made[i][0].lower()), "wb") as f:
            f.write(model(made[i:i + A_MODEL]))
    print(len(made), "ops")


if __name__ == "__main__":
    main(sys.argv[1])
