"""What the control flow goldens share: models of many small functions, and one file of arrays per model.

A model has tens of calls on arrays of a few elements: cases/NAME.npys holds them one after another, every distinct
array once, and an entry gives the offset of its own.
"""

import io
import json
import os
import re

import numpy as np
import tensorflow as tf

from goldens import Case, model_dir, rng, storable, tidy
from models_blocks import Net

SCALAR, COUNT, FLAG = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.bool)
ROWS, ROW = tf.TensorSpec([None, 3], tf.float32), tf.TensorSpec([3], tf.float32)
COUNTS = tf.TensorSpec([None], tf.int32)
PICTURES = tf.TensorSpec([None, 5, 4, 3], tf.float32)
ANY_PICTURES = tf.TensorSpec([None, None, None, 3], tf.float32)


def some(tag, *shape):
    return rng("flow " + tag).normal(0, 1, shape).astype("f")


def pictures(n, h=5, w=4):
    return rng("flow pictures %d" % n).uniform(0, 1, [n, h, w, 3]).astype("f")


def ints(*values):
    return np.array(values, np.int32)


def i32(value):
    return np.int32(value)


def f32(value):
    return np.float32(value)


class FlowCase(Case):
    """A case whose arrays stand in one .npys file. Encoded images are arrays of bytes (`|S`)."""

    def __init__(self, out, name, **options):
        self.packed, self.offsets = io.BytesIO(), {}
        super().__init__(out, name, **options)
        os.rmdir(self.folder)

    def save(self, file, array):
        if np.asarray(array).dtype.kind == "O" or np.asarray(array).dtype.kind == "U":
            return super().save(file, array)
        return self.pack(*storable(array))

    def pack(self, data, dtype):
        key = (data.dtype.str, data.shape, data.tobytes())
        if key not in self.offsets:
            self.offsets[key] = self.packed.tell()
            np.lib.format.write_array(self.packed, data, version=(1, 0))
        return {
            "tensor": self.name + ".npys",
            "offset": self.offsets[key],
            "dtype": "string" if data.dtype.kind == "S" else dtype,
            "shape": list(data.shape),
        }

    def write(self):
        """A line for each call: the manifests are long enough without one for each brace."""
        for call in self.manifest["calls"]:
            if "error" in call:
                call["error"]["python_message"] = re.sub(r'File "[^"]*"', "File", call["error"]["python_message"])[:160]
        lines = {k: json.dumps(v) for k, v in self.manifest.items()}
        for k in ("calls", "all_variables"):
            lines[k] = "[%s]" % ",\n ".join(json.dumps(v) for v in self.manifest[k])
        with open(os.path.join(self.out, "cases", self.name + ".json"), "w") as f:
            f.write("{%s}\n" % ",\n".join('"%s": %s' % line for line in lines.items()))
        with open(os.path.join(self.out, "cases", self.name + ".npys"), "wb") as f:
            f.write(self.packed.getvalue())


class Theme:
    """A model of named functions, and the calls that are made of each."""

    def __init__(self, name, about):
        self.net, self.about = Net(name), about
        self.functions, self.plan = {}, []

    def variable(self, name, value, dtype=None):
        v = tf.Variable(value, dtype=dtype, name=name, trainable=False)
        self.net.list.append(v)
        return v

    def function(self, *specs, calls=None, sequence=None, refused=None, traces=None, tolerance=None):
        """Decorator: save the function under its name, traced for `specs` (or for each of `traces`).

        calls: {id: arguments}. sequence: a list of arguments, each call from the state the one before left.
        refused: {id: (arguments, reason)}. Arguments are a tuple, or a dict of keywords.
        """

        def add(f):
            name = f.__name__
            self.functions[name] = (tf.function(f), traces or [specs])
            for id, arguments in (calls or {}).items():
                self.plan.append((name, id, arguments, {"keep": False, **(tolerance or {})}))
            for i, arguments in enumerate(sequence or []):
                self.plan.append((name, "step%d" % i, arguments, {"keep": i > 0, **(tolerance or {})}))
            for id, (arguments, reason) in (refused or {}).items():
                self.plan.append((name, id, arguments, {"reason": reason}))
            return f

        return add

    def build(self, out, signatures={}):
        for f, traces in self.functions.values():
            for arguments in traces:
                args, kwargs = split(arguments)
                f.get_concrete_function(*args, **kwargs)
        named = {name: f for name, (f, _) in self.functions.items()}
        chosen = {key: named[name].get_concrete_function(*self.functions[name][1][0]) for key, name in signatures.items()}
        root = tf.train.Checkpoint(**named)
        root.variables = list(self.net.list)
        path = model_dir(out, self.net.name)
        tf.saved_model.save(root, path, signatures=chosen or None)
        tidy(path)
        slim(path)

    def cases(self, out):
        c = FlowCase(out, self.net.name, about=self.about)
        for name in self.functions:
            c.traces(name)
        c.add(has_call=False)
        for name, id, arguments, options in self.plan:
            args, kwargs = split(arguments)
            made = c.fails if "reason" in options else c.call
            made("%s_%s" % (name, id), name, *args, **options, **kwargs)
        self.extra(c)
        c.write()

    def extra(self, case):
        """Calls that are not of this model's functions: signatures."""


def split(arguments):
    return ((), arguments) if isinstance(arguments, dict) else (arguments, {})


def names_in(node):
    return [v.func.name for v in node.attr.values() if v.HasField("func")] + [
        f.name for v in node.attr.values() for f in v.list.func
    ]


def reached(roots, inputs):
    """The roots and all that inputs(name) leads to from them."""
    found, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += inputs(name)
    return found


def node_of(tensor):
    return tensor.lstrip("^").split(":")[0]


def slim(path):
    """Halve the file: leave out what TensorFlow can load and call it without.

    That is the saver, functions that only training from Python would call, and the shapes noted beside nodes.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    file = os.path.join(path, "saved_model.pb")
    with open(file, "rb") as f:
        saved = saved_model_pb2.SavedModel.FromString(f.read())
    meta = saved.meta_graphs[0]
    graph, objects = meta.graph_def, meta.object_graph_def
    nodes = {n.name: n for n in graph.node}
    roots = [node_of(t.name) for s in meta.signature_def.values() for t in (*s.inputs.values(), *s.outputs.values())]
    roots += [o.constant.operation for o in objects.nodes if o.HasField("constant")]
    kept = reached([r for r in roots if r in nodes], lambda n: map(node_of, nodes[n].input))
    kept_nodes = [n for n in graph.node if n.name in kept]
    functions = {f.signature.name: f for f in graph.library.function}
    called = reached(
        [*objects.concrete_functions, *(n for node in kept_nodes for n in names_in(node))],
        lambda n: [m for node in functions[n].node_def for m in names_in(node)],
    )
    kept_functions = [f for f in graph.library.function if f.signature.name in called]
    for function in kept_functions:
        function.arg_attr.clear()
        for node in function.node_def:
            node.attr.pop("_output_shapes", None)
    del graph.node[:], graph.library.function[:]
    graph.node.extend(kept_nodes)
    graph.library.function.extend(kept_functions)
    meta.ClearField("saver_def")
    for key in [k for k in meta.signature_def if k == "__saved_model_init_op"]:
        del meta.signature_def[key]
    with open(file, "wb") as f:
        f.write(saved.SerializeToString(deterministic=True))
