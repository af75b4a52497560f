"""Control flow and files in the manner of TensorFlow 1: Switch/Merge and functional forms, tag sets, tables, queues, flags."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from flow import FlowCase
from goldens import model_dir, rng, tidy
from models_tf1 import value_for, write_module

v1 = tf.compat.v1


def some(tag, *shape):
    return rng("flow tf1 " + tag).normal(0, 1, shape).astype("f")


def get(name, shape, resource=True, **options):
    return v1.get_variable(name, shape, tf.float32, initializer=v1.zeros_initializer(), use_resource=resource, **options)


def signature(inputs, outputs):
    info = v1.saved_model.build_tensor_info
    return v1.saved_model.signature_def_utils.build_signature_def(
        {k: info(v) for k, v in inputs.items()}, {k: info(v) for k, v in outputs.items()}, "tensorflow/serving/predict"
    )


def initialise(session):
    session.run([v1.assign(v, value_for(v.op.name, v.shape.as_list())) for v in v1.global_variables()])


def save(out, name, build, **options):
    """One metagraph {serve}; build() gives {signature: (inputs, outputs)}."""
    path = model_dir(out, name)
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        signatures = build()
        initialise(session)
        options = {k: v() for k, v in options.items()}
        for op in options.values():
            session.run(op)
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {k: signature(*s) for k, s in signatures.items()},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            **options
        )
        builder.save()
    tidy(path)


def session_agrees(case, path, tags):
    """What a TF1 session gives, for calls that start from the file's values, is what the case has."""
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        meta = v1.saved_model.load(session, list(tags), path)
        for call in case.manifest["calls"]:
            key = call["callable"].split(".")[-1]
            if "error" in call or call.get("continues") or call["state_after"]:
                continue
            s = meta.signature_def[key]
            feed = {s.inputs[k].name: case.read(v) for k, v in call["kwargs"].items()}
            for k, want in call["result"]["dict"].items():
                got = session.run(s.outputs[k].name, feed)
                assert (
                    np.allclose(got, case.read(want), atol=1e-5, equal_nan=True)
                    if got.dtype.kind == "f"
                    else np.array_equal(got, case.read(want))
                ), (key, k)


class Tf1Case(FlowCase):
    def read(self, entry):
        if "strings" in entry:
            return np.array([s.encode() for s in entry["strings"]], object).reshape(entry["shape"])
        self.packed.seek(entry["offset"])
        a = np.load(self.packed)
        self.packed.seek(0, os.SEEK_END)
        return a

    def of(self, name, id=None, **kwargs):
        self.call(id or name, "signatures." + name, **kwargs)

    def refused(self, name, id, reason, **kwargs):
        self.fails(id, "signatures." + name, reason=reason, **kwargs)


# -- branches and loops ---------------------------------------------------------------------


def branches_and_loops(resource):
    """Every signature over one graph, as a server's file has them."""

    def build():
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        n, flag = v1.placeholder(tf.int32, [], name="n"), v1.placeholder(tf.bool, [], name="flag")
        a, b = get("weights_a", [3, 3], resource), get("weights_b", [3, 3], resource)
        total = tf.reduce_sum(x)
        branch = v1.cond(flag, lambda: tf.matmul(x, a), lambda: x[:1] - 1.0)
        pair = v1.cond(total > 0.0, lambda: (x, n, x), lambda: (-x, n * 2, tf.matmul(x, b)))
        nested = v1.cond(
            flag,
            lambda: v1.cond(n > 0, lambda: x + 1.0, lambda: tf.matmul(x, a)),
            lambda: v1.cond(n > 0, lambda: x * 2.0, lambda: x),
        )
        case = v1.case([(n < 0, lambda: x - 5.0), (n < 2, lambda: x + 5.0)], default=lambda: tf.matmul(x, b))
        turn = lambda i, y, z: (i + 1, tf.tanh(tf.matmul(y, a)) + z, z)
        loop = v1.while_loop(lambda i, y, z: i < n, turn, [0, x, x * 0.1])
        data = v1.while_loop(lambda y, k: tf.reduce_max(y) > 1.0, lambda y, k: (y * 0.5, k + 1), [x, tf.constant(0, tf.int64)])
        grow = v1.while_loop(
            lambda i, y: i < n,
            lambda i, y: (i + 1, tf.concat([y, y[:1] + 1.0], 0)),
            [0, x],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])],
        )
        swap = v1.while_loop(lambda i, p, q: i < n, lambda i, p, q: (i + 1, q, p), [0, x, x * 2.0])

        def with_branch(i, y):
            return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: tf.matmul(y, b), lambda: y * 0.5)

        branch_in_loop = v1.while_loop(lambda i, y: i < n, with_branch, [0, x])
        loop_in_branch = v1.cond(
            flag, lambda: v1.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y + tf.matmul(x, a)), [0, x])[1], lambda: x
        )

        def inner(i, s):
            return i + 1, v1.while_loop(lambda j, s: j < i, lambda j, s: (j + 1, s * 2 + j), [0, s])[1]

        nested_loop = v1.while_loop(lambda i, s: i < n, inner, [0, 1])
        two_loops = v1.while_loop(lambda i, y: i < n, lambda i, y: (i + 2, y - 1.0), [0, loop[1]])
        with tf.control_dependencies([v1.assert_greater_equal(n, 0, message="n must be >= 0")]):
            guarded = x * tf.cast(n, tf.float32)
        xn, xf = {"x": x, "n": n}, {"x": x, "flag": flag}
        return {
            "branch": (xf, {"y": branch}),
            "pair": (xn, dict(zip("abc", pair))),
            "nested": ({"x": x, "n": n, "flag": flag}, {"y": nested}),
            "case": (xn, {"y": case}),
            "loop": (xn, dict(zip("iyz", loop))),
            "data": ({"x": x}, dict(zip("yk", data))),
            "grow": (xn, {"y": grow[1]}),
            "swap": (xn, dict(zip("ipq", swap))),
            "branch_in_loop": (xn, {"y": branch_in_loop[1]}),
            "loop_in_branch": ({"x": x, "n": n, "flag": flag}, {"y": loop_in_branch}),
            "nested_loop": ({"n": n}, {"s": nested_loop[1]}),
            "two_loops": (xn, {"y": two_loops[1]}),
            "guarded": (xn, {"y": guarded}),
        }

    return build


def flow_cases(out, name, about):
    c = Tf1Case(out, name, about=about)
    x, yes, no, i = some("x", 2, 3), np.True_, np.False_, np.int32
    for f in (yes, no):
        c.of("branch", "branch_%s" % f, x=x, flag=f)
        for n in (0, 1):
            c.of("nested", "nested_%s_%d" % (f, n), x=x, flag=f, n=i(n))
        c.of("loop_in_branch", "loop_in_branch_%s" % f, x=x, flag=f, n=i(3))
    for sign in (1, -1):
        c.of("pair", "pair_%d" % sign, x=np.abs(x) * np.float32(sign), n=i(4))
    for n in (-1, 1, 2):
        c.of("case", "case_%d" % n, x=x, n=i(n))
    for n in (0, 1, 5):
        for s in ("loop", "grow", "swap", "branch_in_loop", "two_loops"):
            c.of(s, "%s_%d" % (s, n), x=x, n=i(n))
        c.of("nested_loop", "nested_loop_%d" % n, n=i(n))
    for scale in (0.01, 9):
        c.of("data", "data_%g" % scale, x=np.abs(x) * np.float32(scale))
    c.of("loop", "loop_empty", x=x[:0], n=i(2))
    c.of("guarded", x=x, n=i(3))
    c.refused("guarded", "guard", "an Assert before the result", x=x, n=i(-1))
    c.refused("loop", "missing", "n is not given", x=x)
    c.refused("loop", "width", "3 columns wanted", x=x[:, :2], n=i(1))
    c.fails("not_callable", "__call__", x, reason="TF1 objects have signatures only")
    session_agrees(c, os.path.join(out, "models", name), ["serve"])
    c.write()


def flow_tf1(out):
    v1.disable_control_flow_v2()
    try:
        save(out, "flow_tf1_old", branches_and_loops(False))
    finally:
        v1.enable_control_flow_v2()
    save(out, "flow_tf1_new", branches_and_loops(True))
    flow_cases(out, "flow_tf1_old", "TF1 file: Switch/Merge, Enter/Exit/NextIteration, ref variables")
    flow_cases(out, "flow_tf1_new", "TF1 file: the same with If, While and resource variables")


def flow_tf1_array(out):
    """map_fn and TensorArray before lists: TensorArrayV3 with a flow of floats."""

    def build():
        files = v1.placeholder(tf.string, [None], name="files")
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        body = lambda f: tf.image.resize(tf.image.convert_image_dtype(tf.io.decode_png(f, channels=3), tf.float32), [2, 3])
        pictures = v1.map_fn(body, files, dtype=tf.float32)
        sums = v1.scan(lambda s, row: s * 0.5 + row, x, initializer=tf.zeros([3]))
        array = v1.while_loop(
            lambda i, t: i < tf.shape(x)[0],
            lambda i, t: (i + 1, t.write(i, x[i] * 2.0)),
            [0, v1.TensorArray(tf.float32, tf.shape(x)[0], element_shape=[3], clear_after_read=False)],
        )[1]
        return {
            "serving_default": ({"files": files}, {"pictures": pictures}),
            "rows": ({"x": x}, {"sums": sums, "array": array.stack(), "first": array.gather([0])}),
        }

    v1.disable_control_flow_v2()
    try:
        save(out, "flow_tf1_array", build)
    finally:
        v1.enable_control_flow_v2()
    c = Tf1Case(out, "flow_tf1_array", about="TF1 map_fn and scan: TensorArrayV3 inside Enter/Exit loops")
    png = lambda h, w: bytes(tf.io.encode_png((np.arange(h * w * 3) * 5 % 256).astype(np.uint8).reshape(h, w, 3)).numpy())
    c.of("serving_default", "two_files", files=np.array([png(2, 5), png(3, 3)], "S"))
    c.of("serving_default", "one_file", files=np.array([png(3, 3)], "S"))
    c.refused("serving_default", "no_png", "no image", files=np.array([b"nothing"], "S"))
    c.of("rows", x=some("rows", 4, 3))
    c.refused("rows", "no_row", "gather of element 0 of none", x=some("rows", 0, 3))
    session_agrees(c, os.path.join(out, "models", "flow_tf1_array"), ["serve"])
    c.write()


# -- files ------------------------------------------------------------------------------------


def flow_tf1_waits(out):
    """Conditions that wait: by tf.control_dependencies, and because they stand in a loop and read only what is outside."""

    def build():
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        n, flag = v1.placeholder(tf.int32, [], name="n"), v1.placeholder(tf.bool, [], name="flag")
        checked = v1.Assert(n > 0, ["no rows asked for"])
        with tf.control_dependencies([checked]):
            constants = v1.cond(flag, lambda: tf.constant(1.0), lambda: tf.constant(2.0))
        first = v1.cond(flag, lambda: x + 1.0, lambda: x - 1.0)
        with tf.control_dependencies([v1.Assert(tf.reduce_all(first > -3.0), ["too small", first])]):
            second = v1.cond(flag, lambda: tf.fill([n, 3], 4.0), lambda: x * 3.0)

        def turn(i, y):
            z = v1.cond(flag, lambda: tf.transpose(y) * 0.5, lambda: tf.fill([3, n], 0.25))
            return i + 1, y + tf.transpose(z)

        looped = v1.while_loop(lambda i, y: i < n, turn, [0, tf.zeros([n, 3]) + x[0]])[1]
        inputs = {"x": x, "n": n, "flag": flag}
        return {
            "constants": ({"n": n, "flag": flag}, {"y": constants}),
            "second": (inputs, {"y": second}),
            "first": (inputs, {"y": first}),
            "looped": (inputs, {"y": looped}),
        }

    v1.disable_control_flow_v2()
    try:
        save(out, "flow_tf1_waits", build)
    finally:
        v1.enable_control_flow_v2()
    c = Tf1Case(out, "flow_tf1_waits", about="TF1 file: conditions under control dependencies, and in loops")
    x = some("waits", 2, 3)
    for flag in (np.True_, np.False_):
        c.of("constants", "constants_%s" % flag, n=np.int32(1), flag=flag)
        c.of("second", "second_%s" % flag, x=x, n=np.int32(2), flag=flag)
        c.of("first", "first_%s" % flag, x=x - 5, n=np.int32(0), flag=flag)
        c.of("looped", "looped_%s" % flag, x=x, n=np.int32(3), flag=flag)
    c.refused("constants", "no_rows", "the assertion before the condition", n=np.int32(0), flag=np.True_)
    c.refused("second", "too_small", "the assertion on what the first condition gives", x=x - 5, n=np.int32(2), flag=np.True_)
    session_agrees(c, os.path.join(out, "models", "flow_tf1_waits"), ["serve"])
    c.write()


def flow_tf1_unread(out):
    """Functions of TensorFlow 1's functional form list no effects: what nothing reads does not run, assignments included."""

    def build():
        x, flag = v1.placeholder(tf.float32, [], name="x"), v1.placeholder(tf.bool, [], name="flag")
        count = get("count", [])
        always = x > -100.0

        def checked(y):
            v1.Assert(flag, ["refused"])
            return y

        loop = lambda turn: tf.while_loop(lambda i, y: i < 2, lambda i, y: (i + 1, turn(y)), [0, x])[1]
        branch = lambda y: v1.cond(always, lambda: checked(y + 1.0), lambda: y)

        def beside(y):
            branch(y)
            return y + 2.0

        def counted():
            v1.assign_add(count, 1.0)
            return x + 1.0

        def read():
            with tf.control_dependencies([v1.Assert(flag, ["refused"])]):
                return tf.identity(x) + 3.0

        assigned = v1.cond(always, counted, lambda: x)
        with tf.control_dependencies([assigned]):
            after = count.read_value()
        inputs = {"x": x, "flag": flag}
        return {
            "in_loop": (inputs, {"y": loop(lambda y: checked(y) * 2.0)}),
            "in_branch": (inputs, {"y": branch(x)}),
            "branch_in_loop": (inputs, {"y": loop(beside)}),
            "assigned": ({"x": x}, {"y": assigned, "count": after}),
            "read": (inputs, {"y": v1.cond(always, read, lambda: x)}),
        }

    save(out, "flow_tf1_unread", build)
    c = Tf1Case(out, "flow_tf1_unread", about="TF1 file: assertions and an assignment in functions that list no effects")
    for name in ("in_loop", "in_branch", "branch_in_loop"):
        c.of(name, x=np.float32(0.5), flag=np.False_)
    c.of("assigned", x=np.float32(0.5))
    c.of("read", x=np.float32(0.5), flag=np.True_)
    c.refused("read", "read_no", "a result waits for the assertion", x=np.float32(0.5), flag=np.False_)
    session_agrees(c, os.path.join(out, "models", "flow_tf1_unread"), ["serve"])
    c.write()


def flow_tf1_files(out):
    # Two metagraphs of one checkpoint, told apart by tags; a partitioned variable.
    def network(train):
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        h = tf.matmul(x, tf.convert_to_tensor(get("weights_big", [4, 6], partitioner=v1.fixed_size_partitioner(2, axis=1))))
        if train:
            h = h + tf.reduce_mean(h, 0)
        return {"serving_default": ({"x": x}, {"scores": tf.nn.relu(h) + get("bias", [6], resource=False)})}

    path = model_dir(out, "flow_tf1_two_graphs")
    builder = v1.saved_model.Builder(path)
    for train in (False, True):
        with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
            signatures = {k: signature(*s) for k, s in network(train).items()}
            initialise(session)
            if train:
                builder.add_meta_graph(["serve", "train"], signatures)
            else:
                builder.add_meta_graph_and_variables(session, ["serve"], signatures)
    builder.save()
    tidy(path)
    x = some("two graphs", 2, 4)
    for tags in (["serve"], ["serve", "train"]):
        name = "flow_tf1_two_graphs" + ("_train" if len(tags) > 1 else "")
        c = Tf1Case(
            out,
            name,
            model="flow_tf1_two_graphs",
            tags=tags,
            about="TF1 file with metagraphs {serve} and {serve, train}, a variable in parts; tags " + str(tags),
        )
        c.of("serving_default", x=x)
        c.refused("serving_default", "width", "4 columns wanted", x=x[:, :3])
        session_agrees(c, path, tags)
        c.write()

    # A flag with a default, batch norm chosen by it; state the call changes; queues, summaries and a saver no fetch needs.
    def flags():
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        training = v1.placeholder_with_default(False, [], name="training")
        rate = v1.placeholder_with_default(np.float32([0.5, 1, 2]), [3], name="rate")
        moving, steps = get("moving_mean", [3]), v1.get_variable(
            "steps", [], tf.int64, initializer=v1.zeros_initializer(), use_resource=True
        )
        mean = v1.cond(training, lambda: tf.reduce_mean(x, 0), lambda: tf.identity(moving))
        y = (x - mean) * rate
        batch = v1.train.batch([tf.identity(v1.train.range_input_producer(5).dequeue())], 2)
        v1.summary.scalar("mean", tf.reduce_mean(y))
        v1.summary.histogram("queued", batch)
        merged = v1.summary.merge_all()
        v1.train.Saver(name="another_saver")
        v1.add_to_collection(v1.GraphKeys.SUMMARY_OP, merged)
        counted = tf.identity(v1.assign_add(steps, 1))
        scalar = v1.placeholder(tf.float32, [], name="scalar")
        return {
            "serving_default": ({"x": x}, {"y": y}),
            "flagged": ({"x": x, "training": training}, {"y": y}),
            "rated": ({"x": x, "rate": rate, "training": training}, {"y": y, "mean": mean}),
            "scalar": ({"a": scalar}, {"half": scalar * 0.5, "same": scalar}),
            "same": ({"x": x}, {"x": x}),
            "count": ({"x": x}, {"steps": counted, "y": y}),
            "constant": ({}, {"rate": rate}),
        }

    v1.disable_control_flow_v2()
    try:
        save(out, "flow_tf1_flags", flags)
    finally:
        v1.enable_control_flow_v2()
    c = Tf1Case(
        out,
        "flow_tf1_flags",
        about="TF1 file: PlaceholderWithDefault, scalars, an output that is an input, an update among the fetches; queues and summaries beside",
    )
    x = some("flags", 4, 3)
    c.of("serving_default", x=x)
    for f in (np.True_, np.False_):
        c.of("flagged", "flagged_%s" % f, x=x, training=f)
    c.of("rated", x=x, rate=np.float32([1, 0, -1]), training=np.True_)
    c.of("scalar", a=np.float32(3))
    c.of("same", x=x)
    c.of("count", x=x)
    c.call("count_again", "signatures.count", x=x, keep=True)
    c.of("constant")
    c.refused("scalar", "dtype", "float32 wanted", a=np.int32(1))
    c.refused("rated", "rate_of_2", "3 rates wanted", x=x, rate=np.float32([1, 2]), training=np.True_)
    session_agrees(c, os.path.join(out, "models", "flow_tf1_flags"), ["serve"])
    c.write()

    # A table read from an asset by an init op; no variable.
    def table():
        source = v1.lookup.TextFileInitializer(
            "labels.txt", tf.int64, v1.lookup.TextFileIndex.LINE_NUMBER, tf.string, v1.lookup.TextFileIndex.WHOLE_LINE
        )
        names = v1.lookup.StaticHashTable(source, "none of these")
        ids = v1.lookup.StaticHashTable(v1.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([7, 8], tf.int64)), -1)
        x, words = v1.placeholder(tf.float32, [None, 4], name="x"), v1.placeholder(tf.string, [None], name="words")
        return {
            "serving_default": ({"x": x}, {"label": names.lookup(tf.argmax(x, 1)), "index": tf.argmax(x, 1)}),
            "words": ({"words": words}, {"ids": ids.lookup(words)}),
        }

    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:  # the file's name stands in the graph: no path of this machine
        os.chdir(folder)
        with open("labels.txt", "w") as f:
            f.write("cat\ndog\nzebra\n")
        save(out, "flow_tf1_table", table, main_op=v1.tables_initializer)
        os.chdir(home)
    c = Tf1Case(out, "flow_tf1_table", about="TF1 file: tables initialised by main_op, one from an asset; no variable")
    c.of("serving_default", x=np.eye(4, dtype="f")[[2, 0, 3]])
    c.of("words", words=np.array([b"b", b"?", b"a"], "S"))
    c.refused("words", "floats", "texts wanted", words=np.float32([1]))
    session_agrees(c, os.path.join(out, "models", "flow_tf1_table"), ["serve"])
    c.write()

    # The smallest files: one variable, ref and resource; simple_save.
    for kind in ("ref", "resource"):
        name = "flow_tf1_one_" + kind
        path = model_dir(out, name)
        with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
            x = v1.placeholder(tf.float32, [None, 3], name="x")
            y = x * get("weights", [3], resource=kind == "resource")
            initialise(session)
            v1.saved_model.simple_save(session, path, {"x": x}, {"y": y})
        tidy(path)
        c = Tf1Case(out, name, about="TF1 simple_save: one %s variable" % kind)
        c.of("serving_default", x=some("one", 2, 3))
        c.refused("serving_default", "dtype", "float32 wanted", x=np.float64([[1, 2, 3]]))
        session_agrees(c, path, ["serve"])
        c.write()


def flow_tf1_hub(out):
    """A hub module whose graph branches on its input and loops; resource variables."""

    def body(x, is_training):
        y = tf.matmul(tf.reduce_mean(x, [1, 2]), get("weights_a", [3, 4]))
        y = v1.cond(tf.reduce_mean(x) > 0.5, lambda: tf.tanh(y), lambda: y * 0.5)
        y = v1.while_loop(lambda i, y: i < (3 if is_training else 2), lambda i, y: (i + 1, y + 1.0), [0, y])[1]
        return {"features": y, "logits": tf.matmul(y, get("weights_l", [4, 2]))}

    write_module(out, "flow_tf1_hub", body, ref_variables=False)
    bright, dark = rng("hub").uniform(0.4, 1, [2, 16, 16, 3]).astype("f"), rng("hub dark").uniform(0, 0.1, [1, 16, 16, 3]).astype(
        "f"
    )
    for tags in ([], ["train"]):
        c = Tf1Case(
            out,
            "flow_tf1_hub" + ("_train" if tags else ""),
            model="flow_tf1_hub",
            tags=tags or None,
            about="TF1 Hub module with If and While; tag set {%s}" % ", ".join(tags),
        )
        c.of("default", images=bright)
        c.of("default", "dark", images=dark)
        c.of("image_classification", images=bright)
        c.refused("default", "unknown_input", "the input is called images", image=dark)
        c.write()
