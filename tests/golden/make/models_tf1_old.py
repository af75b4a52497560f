"""What TensorFlow 1 had before lists, resources and object graphs: TensorArrays, tables by reference, savers that rename."""

import os
import tempfile

import numpy as np
import tensorflow as tf

from flow import slim
from goldens import model_dir, tidy
from models_flow_tf1 import Tf1Case, get, initialise, save, session_agrees, signature, some

v1 = tf.compat.v1
raw = tf.raw_ops


def old_control_flow(build):
    """build() as TensorFlow 1 did: Switch and Enter, TensorArrayV3."""

    def built():
        v1.disable_control_flow_v2()
        try:
            return build()
        finally:
            v1.enable_control_flow_v2()

    return built


# -- arrays -----------------------------------------------------------------------------------


class Cell:
    """What dynamic_rnn asks of a cell: y = tanh(x A + h B)."""

    state_size, output_size = 4, 4

    def __init__(self):
        self.a, self.b = get("weights_x", [3, 4]), get("weights_h", [4, 4])

    def __call__(self, x, h, scope=None):
        h = tf.tanh(tf.matmul(x, self.a) + tf.matmul(h, self.b))
        return h, h


def recurrent(x, lengths):
    """dynamic_rnn's loop: inputs out of one array, outputs into another, states of sequences that ended kept."""
    cell, steps = Cell(), tf.shape(x)[1]
    rows = tf.transpose(x, [1, 0, 2])
    inputs = v1.TensorArray(tf.float32, steps, element_shape=[None, 3]).unstack(rows)
    outputs = v1.TensorArray(tf.float32, steps, element_shape=[None, 4])

    def turn(i, h, outputs):
        y, new = cell(inputs.read(i), h)
        alive = (i < lengths)[:, None]
        old_or_new = lambda: (tf.where(tf.tile(alive, [1, 4]), y, tf.zeros_like(y)), tf.where(tf.tile(alive, [1, 4]), new, h))
        y, new = v1.cond(i < tf.reduce_min(lengths), lambda: (y, new), old_or_new)
        return i + 1, new, outputs.write(i, y)

    start = [tf.constant(0), tf.zeros([tf.shape(x)[0], 4]), outputs]
    _, h, outputs = v1.while_loop(lambda i, h, o: i < steps, turn, start, parallel_iterations=32, swap_memory=True)
    return {"outputs": tf.transpose(outputs.stack(), [1, 0, 2]), "state": h}


def arrays():
    x, n = v1.placeholder(tf.float32, [None, 3], name="x"), v1.placeholder(tf.int32, [], name="n")
    cube = v1.placeholder(tf.float32, [None, None, 3], name="cube")
    lengths, flag = v1.placeholder(tf.int32, [None], name="lengths"), v1.placeholder(tf.bool, [], name="flag")
    rows = tf.shape(x)[0]
    new = lambda dtype, size, **more: v1.TensorArray(dtype, size, clear_after_read=False, **more)
    loop = lambda array, turn: v1.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, turn(i, a)), [0, array])[1]

    nested = v1.map_fn(lambda page: v1.map_fn(lambda row: row * tf.reduce_sum(page), page), cube)
    pair = v1.map_fn(lambda r: (tf.argmax(r), r > 0.0, r[:2]), x, dtype=(tf.int64, tf.bool, tf.float32))
    running = v1.scan(lambda a, r: (a[0] + r, a[1] + 1), x, initializer=(tf.zeros([3]), tf.constant(0)))
    folded = v1.foldl(lambda a, r: a * 0.5 + r, x), v1.foldr(lambda a, r: a * 0.5 + r, x)
    growing = loop(new(tf.float32, 0, dynamic_size=True), lambda i, a: a.write(i, tf.cast(i, tf.float32) * x[0]))
    jumping = loop(new(tf.int32, 1, dynamic_size=True, element_shape=[]), lambda i, a: a.write(2 * i, i + 7))
    joined = loop(new(tf.float32, n), lambda i, a: a.write(i, x[:2] + tf.cast(i, tf.float32)))
    parts = new(tf.float32, 2).split(x, [rows // 2, rows // 2])
    scattered = new(tf.float32, 5, element_shape=[3]).scatter([3, 1], x[:2])
    twice = scattered.scatter([0], x[:1] * 2.0)
    both = new(tf.float32, rows).unstack(x)
    more = new(tf.float32, rows + 1).scatter(tf.range(rows), x)
    chosen = v1.cond(flag, lambda: more.write(rows, x[0] * 5.0).flow, lambda: more.write(rows, -x[1]).flow)
    chosen = raw.TensorArrayGatherV3(handle=more.handle, indices=tf.range(rows + 1), flow_in=chosen, dtype=tf.float32)

    def in_turn(i, a):
        flow = v1.cond(tf.equal(i % 2, 0), lambda: a.write(i, i * 3).flow, lambda: a.write(i, -i).flow)
        return v1.TensorArray(tf.int32, handle=a.handle, flow=flow)

    deep = loop(new(tf.int32, n), in_turn)
    words = loop(new(tf.string, n), lambda i, a: a.write(i, tf.where(i < 1, "first", "later")))
    shifted = v1.while_loop(
        lambda i, a, b: i < rows, lambda i, a, b: (i + 1, a.write(i, b.read(i) + 1.0), b), [0, new(tf.float32, rows), both]
    )[1]
    with tf.control_dependencies([both.close()]):
        closed = tf.identity(x)
    xn = {"x": x, "n": n}
    return {
        "serving_default": ({"x": x}, dict(zip("abc", pair))),
        "nested": ({"cube": cube}, {"y": nested}),
        "recurrent": ({"cube": cube, "lengths": lengths}, recurrent(cube, lengths)),
        "running": ({"x": x}, {"sums": running[0], "counts": running[1]}),
        "folded": ({"x": x}, {"left": folded[0], "right": folded[1]}),
        "growing": (xn, {"rows": growing.stack(), "size": growing.size()}),
        "jumping": (xn, {"y": jumping.stack()}),
        "joined": (xn, {"y": joined.concat()}),
        "parts": ({"x": x}, {"first": parts.read(0), "second": parts.read(1), "size": parts.size()}),
        "scattered": ({"x": x}, {"y": scattered.stack()}),
        "twice": ({"x": x}, {"y": twice.stack()}),
        "chosen": ({"x": x, "flag": flag}, {"y": chosen}),
        "deep": ({"n": n}, {"y": deep.stack()}),
        "words": ({"n": n}, {"y": words.stack()}),
        "shifted": ({"x": x}, {"y": shifted.stack()}),
        "closed": ({"x": x}, {"y": closed}),
        "outside": (xn, {"y": both.read(n)}),
        "beyond": (xn, {"y": loop(new(tf.float32, 2), lambda i, a: a.write(i, x[0])).stack()}),
        "reached": (xn, {"y": new(tf.float32, 2).scatter(tf.range(n), tf.tile(x[:1], [n, 1])).stack()}),
    }


def array_calls(c):
    i = np.int32
    x, cube = some("arrays", 4, 3), some("cube", 2, 3, 3)
    for s in ("serving_default", "running", "folded", "parts", "scattered", "twice", "shifted", "closed"):
        c.of(s, x=x)
    c.of("running", "running_none", x=x[:0])
    c.of("nested", cube=cube)
    c.of("nested", "nested_one", cube=cube[:1, :2])
    for lengths in ((3, 3), (1, 3), (0, 2)):
        c.of("recurrent", "recurrent_%d_%d" % lengths, cube=cube, lengths=np.array(lengths, np.int32))
    for n in (1, 4):
        for s in ("growing", "jumping", "joined"):
            c.of(s, "%s_%d" % (s, n), x=x, n=i(n))
        for s in ("deep", "words"):
            c.of(s, "%s_%d" % (s, n), n=i(n))
    for f in (np.True_, np.False_):
        c.of("chosen", "chosen_%s" % f, x=x, flag=f)
    c.of("outside", "inside", x=x, n=i(3))
    c.refused("outside", "outside", "element 4 of 4", x=x, n=i(4))
    c.of("beyond", "up_to_the_end", x=x, n=i(2))
    c.refused("beyond", "beyond", "3 elements for 2", x=x, n=i(3))
    c.of("reached", "reached", x=x, n=i(2))
    c.refused("reached", "reached_beyond", "3 rows for 2", x=x, n=i(3))
    c.refused("serving_default", "width", "3 columns wanted", x=x[:, :2])


def tf1_arrays(out):
    save(out, "tf1_arrays", old_control_flow(arrays))
    c = Tf1Case(out, "tf1_arrays", about="TF1 TensorArrayV3: nested, growing, joined, split, scattered, in branches, of texts")
    array_calls(c)
    session_agrees(c, os.path.join(out, "models", "tf1_arrays"), ["serve"])
    c.write()


def tf1_arrays_again(out):
    """The same, read and saved by TensorFlow 2: the graph is in functions, still with Switch and TensorArrayV3."""
    loaded = tf.saved_model.load(os.path.join(out, "models", "tf1_arrays"))
    path = model_dir(out, "tf1_arrays_again")
    kept = ("serving_default", "recurrent", "joined", "chosen", "words")
    root = tf.train.Checkpoint(loaded=loaded)
    tf.saved_model.save(root, path, signatures={k: loaded.signatures[k] for k in kept})
    tidy(path)
    slim(path)
    c = Tf1Case(out, "tf1_arrays_again", about="TF1 TensorArrayV3 in functions: a TF1 file that TF2 saved again")
    x, cube = some("arrays", 4, 3), some("cube", 2, 3, 3)
    c.of("serving_default", x=x)
    c.of("recurrent", cube=cube, lengths=np.array([1, 3], np.int32))
    c.of("joined", x=x, n=np.int32(2))
    c.of("chosen", x=x, flag=np.True_)
    c.of("words", n=np.int32(2))
    c.write()


# -- references ---------------------------------------------------------------------------------


def references():
    """Tables and variables that are references, read in branches and loops: RefSwitch, RefEnter, RefMerge."""
    words, flag = v1.placeholder(tf.string, [None], name="words"), v1.placeholder(tf.bool, [], name="flag")
    n, x = v1.placeholder(tf.int32, [], name="n"), v1.placeholder(tf.float32, [None, 3], name="x")
    table = lambda name, key, value: raw.HashTable(key_dtype=key, value_dtype=value, shared_name=name, name=name)
    ids, names = table("ids", tf.string, tf.int64), table("names", tf.int64, tf.string)
    fill = lambda t, k, v: raw.InitializeTable(table_handle=t, keys=k, values=v)
    fills = [fill(ids, tf.constant(["a", "b", "c"]), tf.constant([7, 8, 9], tf.int64))]
    fills.append(fill(names, tf.constant([7, 9], tf.int64), tf.constant(["seven", "nine"])))
    path = tf.constant("words.txt", name="asset_path")
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, path)
    lines = table("lines", tf.string, tf.int64)
    fills.append(raw.InitializeTableFromTextFile(table_handle=lines, filename=path, key_index=-2, value_index=-1))
    for op in fills:
        v1.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, op)
    find = lambda t, k, d: tf.ensure_shape(raw.LookupTableFind(table_handle=t, keys=k, default_value=d), [None])
    minus = tf.constant(-1, tf.int64)
    found = find(ids, words, minus)
    branch = v1.cond(flag, lambda: find(ids, words, minus), lambda: tf.zeros_like(words, tf.int64))
    turn = lambda i, s: (i + 1, s + find(ids, words, minus))
    in_loop = v1.while_loop(lambda i, s: i < n, turn, [0, tf.zeros_like(words, tf.int64)])[1]
    v = get("weights_v", [3], resource=False)
    ref = v._ref()
    chosen = v1.cond(flag, lambda: x * ref, lambda: x - ref)
    turned = v1.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 0.5 + ref), [0, x])[1]
    same = raw.RefIdentity(input=ref) + 1.0
    return {
        "serving_default": ({"words": words}, {"ids": found, "names": find(names, found, tf.constant("none"))}),
        "size": ({}, {"ids": raw.LookupTableSize(table_handle=ids), "lines": raw.LookupTableSize(table_handle=lines)}),
        "lines": ({"words": words}, {"numbers": find(lines, words, minus)}),
        "branch": ({"words": words, "flag": flag}, {"ids": branch}),
        "loop": ({"words": words, "n": n}, {"sums": in_loop}),
        "chosen": ({"x": x, "flag": flag}, {"y": chosen}),
        "turned": ({"x": x, "n": n}, {"y": turned}),
        "same": ({}, {"y": same}),
    }


def tf1_references(out):
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:  # the file's name stands in the graph: no path of this machine
        os.chdir(folder)
        with open("words.txt", "w") as f:
            f.write("c\nb\n")
        save(out, "tf1_references", old_control_flow(references), main_op=v1.tables_initializer)
        os.chdir(home)
    c = Tf1Case(out, "tf1_references", about="TF1 tables and variables by reference: HashTable, RefSwitch, RefEnter, RefIdentity")
    words, x = np.array([b"b", b"?", b"a", b"c"], "S"), some("references", 2, 3)
    c.of("serving_default", words=words)
    c.of("lines", words=words)
    c.of("size")
    c.of("same")
    for f in (np.True_, np.False_):
        c.of("branch", "branch_%s" % f, words=words, flag=f)
        c.of("chosen", "chosen_%s" % f, x=x, flag=f)
    for n in (0, 3):
        c.of("loop", "loop_%d" % n, words=words, n=np.int32(n))
        c.of("turned", "turned_%d" % n, x=x, n=np.int32(n))
    session_agrees(c, os.path.join(out, "models", "tf1_references"), ["serve"])
    c.write()


# -- savers ---------------------------------------------------------------------------------------


def tf1_renamed(out):
    """A saver that reads averages in the place of variables, other scopes, and a variable in parts under another name."""
    path = model_dir(out, "tf1_renamed")
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
        x = v1.placeholder(tf.float32, [None, 4], name="x")
        w, b = get("net/weights", [4, 3]), get("net/bias", [3], resource=False)
        parts = get("net/parts", [3, 5], partitioner=v1.fixed_size_partitioner(2, axis=1))
        step = get("net/plain", [])
        y = tf.matmul(tf.matmul(x, w) + b, tf.convert_to_tensor(parts)) + step
        initialise(session)
        names = {"net/weights/ExponentialMovingAverage": w, "model/b": b, "all/of/it": parts, "net/plain": step}
        # The averages lie beside values that are not to be read; b's name is that of another entry.
        decoys = {"net/weights": v1.get_variable("decoy", [4, 3]), "net/bias": v1.get_variable("decoy_b", [3])}
        session.run(v1.variables_initializer(list(decoys.values())))
        saver = v1.train.Saver({**names, **decoys}, sharded=True)
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature({"x": x}, {"y": y})}, saver=saver)
        builder.save()
    tidy(path)
    c = Tf1Case(out, "tf1_renamed", about="TF1 saver whose names are not the variables': averages, another scope, slices")
    c.of("serving_default", x=some("renamed", 2, 4))
    session_agrees(c, path, ["serve"])
    c.write()
