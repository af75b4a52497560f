"""Control flow of TensorFlow 2: maps, scans and arrays of tensors."""

import numpy as np
import tensorflow as tf

from flow import ANY_PICTURES, COUNT, COUNTS, PICTURES, ROW, ROWS, i32, ints, pictures, some, Theme

# -- map_fn, scan, fold ------------------------------------------------------------------------


def flow_map(out):
    t = Theme("flow_map", "map_fn over pictures and rows, scan, fold; batches of 0, 1 and 3")
    kernel = t.net.w("kernel", 3, 3, 3, 2)
    scale = t.net.w("scale", 3, mean=1.0)
    batches = {"none": (pictures(0),), "one": (pictures(1),), "three": (pictures(3),)}

    @t.function(PICTURES, calls=batches)
    def resized(x):
        return tf.map_fn(lambda p: tf.image.resize(p * scale, [3, 6]), x)

    @t.function(PICTURES, calls=batches)
    def convolved(x):
        return tf.map_fn(lambda p: tf.nn.relu(tf.nn.conv2d(p[None], kernel, 1, "SAME")[0]), x, fn_output_signature=tf.float32)

    @t.function(
        ANY_PICTURES,
        calls={"one": (pictures(1),), "three": (pictures(3, 7, 2),)},
        refused={"none": ((pictures(0),), "the shape of an element is not known when there is none")},
    )
    def doubled(x):  # the shape of an element is unknown to the list
        return tf.map_fn(lambda p: tf.concat([p, p], 0), x)

    @t.function(
        PICTURES,
        ROWS,
        calls={"none": (pictures(0), some("m0", 0, 3)), "two": (pictures(2), some("m2", 2, 3))},
        refused={"uneven": ((pictures(2), some("m3", 1, 3)), "the second array is shorter than the first")},
    )
    def several(x, y):
        def body(pair):
            p, row = pair
            return {
                "mean": tf.reduce_mean(p, [0, 1]) + row,
                "dark": tf.reduce_max(p) < 0.97,
                "best": tf.argmax(row, output_type=tf.int32),
            }

        return tf.map_fn(body, (x, y), fn_output_signature={"mean": tf.float32, "dark": tf.bool, "best": tf.int32})

    @t.function(PICTURES, calls=batches)
    def by_index(x):
        return tf.map_fn(
            lambda i: tf.reduce_sum(x[i], [0, 1]) * tf.cast(i + 1, tf.float32),
            tf.range(tf.shape(x)[0]),
            fn_output_signature=tf.float32,
        )

    @t.function(PICTURES, calls={"two": (pictures(2),)})
    def nested(x):
        return tf.map_fn(lambda p: tf.map_fn(lambda line: tf.reduce_max(line, 0) * scale, p), x)

    @t.function(
        COUNTS, calls={"equal": (ints(4, 4),)}, refused={"unequal": ((ints(2, 3),), "elements of different shapes do not stack")}
    )
    def ranges(n):
        return tf.map_fn(lambda k: tf.range(k), n)

    @t.function(ROWS, calls={"five": (some("scan", 5, 3),), "one": (some("scan 1", 1, 3),)})
    def scanned(x):
        return {
            "sums": tf.scan(lambda a, v: a + v, x),
            "back": tf.scan(lambda a, v: a * 0.5 + v * scale, x, reverse=True),
            "started": tf.scan(lambda a, v: (a[0] + v, a[1] + 1), x, initializer=(tf.ones([3]), tf.constant(7))),
        }

    @t.function(ROWS, calls={"none": (some("fold 0", 0, 3),), "four": (some("fold", 4, 3),)})
    def folded(x):
        return [
            tf.foldl(lambda a, v: tf.tanh(a + v), x, initializer=tf.zeros([3])),
            tf.foldr(lambda a, v: a * 2.0 + v, x, initializer=tf.zeros([3])),
        ]

    @t.function(COUNTS, calls={"three": (ints(2, 0, 1),), "none": (ints(),)})
    def names(n):
        labels = tf.constant(["cat", "dog", "", "horse"])
        return tf.map_fn(lambda k: labels[k], n, fn_output_signature=tf.string)

    t.build(out)
    t.cases(out)


# -- encoded images ----------------------------------------------------------------------------


def encoded(kind, *sizes):
    """Smooth pictures, as files."""
    files = []
    for i, (h, w) in enumerate(sizes):
        y, x = np.mgrid[0:h, 0:w]
        p = np.stack([x * 9 + i * 40, y * 12 + 30, 220 - x * 4 - y * 5], -1).clip(0, 255).astype(np.uint8)
        files.append(bytes((tf.io.encode_jpeg(p, quality=95) if kind == "jpeg" else tf.io.encode_png(p)).numpy()))
    return np.array(files, "S")


def flow_decode(out):
    t = Theme("flow_decode", "map_fn over encoded images: decode, resize, classify; results of a string signature")
    kernel = t.net.w("kernel", 3, 4)
    FILES = tf.TensorSpec([None], tf.string, name="files")
    jpegs, pngs = encoded("jpeg", (12, 17), (16, 8)), encoded("png", (5, 6), (4, 4), (1, 9))
    none = np.zeros([0], "S1")
    # A JPEG decoder may round a byte to either side.
    near = {"atol": 6e-3}

    @t.function(
        FILES,
        calls={"two": (jpegs,), "one": (jpegs[1:],), "none": (none,)},
        tolerance=near,
        refused={
            "cut": ((np.array([jpegs[0][:40]], "S"),), "the file ends in its header"),
            "text": ((np.array([jpegs[0], b"not an image"], "S"),), "the second file is no image"),
        },
    )
    def jpeg(files):
        def body(file):
            p = tf.image.convert_image_dtype(tf.io.decode_jpeg(file, channels=3), tf.float32)
            return tf.image.resize(p, [6, 5])

        return tf.map_fn(body, files, fn_output_signature=tf.float32)

    @t.function(
        FILES,
        calls={"three": (pngs,), "one": (pngs[:1],), "none": (none,)},
        refused={"text": ((np.array([b"", pngs[0]], "S"),), "the first file is empty")},
    )
    def png(files):
        def body(file):
            p = tf.io.decode_png(file, channels=3)
            p.set_shape([None, None, 3])
            return tf.cast(tf.image.resize(p, [4, 4], "nearest"), tf.uint8)

        return tf.map_fn(body, files, fn_output_signature=tf.uint8)

    @t.function(FILES, calls={"three": (pngs,), "mixed": (np.array([jpegs[0], pngs[0]], "S"),)}, tolerance=near)
    def classes(files):
        def body(file):
            p = tf.io.decode_image(file, channels=3, expand_animations=False, dtype=tf.float32)
            p.set_shape([None, None, 3])
            return tf.image.resize(p, [4, 4])

        x = tf.map_fn(body, files, fn_output_signature=tf.TensorSpec([4, 4, 3], tf.float32))
        scores = tf.nn.softmax(tf.matmul(tf.reduce_mean(x, [1, 2]), kernel))
        return {"scores": scores, "labels": tf.gather(tf.constant(["a", "bb", "", "dddd"]), tf.argmax(scores, -1))}

    def signature(c):
        c.call("signature", "signatures.serving_default", files=pngs, **near)
        c.fails("signature_dtype", "signatures.serving_default", files=ints(1), reason="wrong dtype for a signature")

    t.extra = signature
    t.build(out, signatures={"serving_default": "classes"})
    t.cases(out)


# -- TensorArray -------------------------------------------------------------------------------


def flow_array(out):
    t = Theme("flow_array", "TensorArray: write, read, stack, unstack, gather, scatter, sizes that grow, elements never written")
    weights = t.net.w("weights", 3, 3)
    A = tf.TensorArray
    x4 = some("array", 4, 3)

    @t.function(ROWS, calls={"four": (x4,), "none": (x4[:0],)})
    def written(x):
        n = tf.shape(x)[0]
        y = A(tf.float32, size=n, element_shape=[3])
        for i in tf.range(n):
            y = y.write(n - 1 - i, tf.tensordot(x[i], weights, 1))
        return y.stack(), y.size()

    @t.function(ROWS, calls={"four": (x4,)}, refused={"none": ((x4[:0],), "no element says what shape an element has")})
    def no_shape(x):
        n = tf.shape(x)[0]
        y = A(tf.float32, size=n, infer_shape=False)
        for i in tf.range(n):
            y = y.write(i, x[i] * 2.0)
        return y.stack()

    @t.function(ROWS, calls={"four": (x4,), "none": (x4[:0],)})
    def unstacked(x):
        source = A(tf.float32, size=tf.shape(x)[0], element_shape=[3]).unstack(x)
        total = tf.zeros([3])
        for i in tf.range(source.size()):
            total = total * 0.5 + source.read(i)
        return total

    @t.function(COUNT, calls={"five": (i32(5),), "zero": (i32(0),)})
    def growing(n):
        y = A(tf.int32, size=0, dynamic_size=True, element_shape=[])
        for i in tf.range(n):
            y = y.write(i, i * i)
        return y.stack(), y.size()

    @t.function(ROWS, COUNT, calls={"far": (x4[:2], i32(4)), "near": (x4[:2], i32(0))})
    def grown_with_gap(x, at):  # elements between are zeros; TensorFlow itself crashes where `at` is negative
        y = A(tf.float32, size=0, dynamic_size=True).unstack(x)
        return y.write(at, tf.ones([3])).stack()

    @t.function(
        ROWS,
        COUNTS,
        calls={"some": (x4, ints(3, 0, 3)), "none": (x4, ints())},
        refused={"past": ((x4, ints(0, 4)), "an index past the end"), "negative": ((x4, ints(-1)), "a negative index")},
    )
    def gathered(x, at):
        return A(tf.float32, size=4, element_shape=[3]).unstack(x).gather(at)

    @t.function(
        ROWS, COUNTS, calls={"two": (x4[:2], ints(3, 0))}, refused={"past": ((x4[:2], ints(0, 5)), "an index past the end")}
    )
    def scattered(x, at):
        return A(tf.float32, size=5, element_shape=[3]).scatter(at, x).stack()

    @t.function(
        ROWS,
        COUNT,
        calls={"first": (x4, i32(0)), "last": (x4, i32(3))},
        refused={"past": ((x4, i32(4)), "an element past the end"), "negative": ((x4, i32(-1)), "an element before the first")},
    )
    def element(x, at):
        return A(tf.float32, size=4, element_shape=[3]).unstack(x).read(at)

    @t.function(ROWS, COUNT, calls={"last": (x4, i32(5))}, refused={"past": ((x4, i32(6)), "a write past the end of a fixed size")})
    def place(x, at):
        return A(tf.float32, size=6, element_shape=[3]).write(at, x[0]).stack()

    @t.function(COUNT, calls={"known": (i32(1),)}, refused={"past": ((i32(2),), "an element past the end")})
    def never_written(at):  # zeros, as the shape of an element is known
        return A(tf.float32, size=2, element_shape=[2, 2]).read(at)

    @t.function(ROW, calls={"row": (x4[0],)})
    def written_twice(x):
        y = A(tf.float32, size=2, element_shape=[3]).write(0, x).write(1, -x).write(0, x * 2.0)
        return y.stack(), y.read(0)

    @t.function(ROWS, COUNT, calls={"odd": (x4, i32(3)), "even": (x4, i32(2))})
    def kept_apart(x, n):  # two arrays from one; a branch writes into one of them
        y = A(tf.float32, size=4, element_shape=[3]).unstack(x)
        z = y.write(0, x[1] * 3.0)
        if n % 2 == 1:
            z = z.write(1, y.read(0))
        return y.stack(), z.stack()

    @t.function(ROWS, calls={"four": (x4,)})
    def nested(x):
        y = A(tf.float32, size=4, element_shape=[3])
        for i in tf.range(4):
            inner = A(tf.float32, size=0, dynamic_size=True, element_shape=[])
            for j in tf.range(3):
                if x[i, j] > 0.0:
                    inner = inner.write(inner.size(), x[i, j])
            y = y.write(i, tf.fill([3], tf.reduce_sum(inner.stack())))
        return y.stack()

    @t.function(COUNT, calls={"two": (i32(2),), "zero": (i32(0),)})
    def other_types(n):
        flags, words, bytes_ = A(tf.bool, n, element_shape=[]), A(tf.string, n, element_shape=[]), A(tf.uint8, n, element_shape=[2])
        for i in tf.range(n):
            flags, words, bytes_ = flags.write(i, i > 0), words.write(i, "w"), bytes_.write(i, tf.cast([i, 255], tf.uint8))
        return flags.stack(), words.stack(), bytes_.stack()

    t.build(out)
    t.cases(out)


def flow_uneven(out):
    t = Theme("flow_uneven", "TensorArray whose elements have other numbers of rows: concat, split")
    A = tf.TensorArray
    x4 = some("array", 4, 3)

    @t.function(COUNTS, calls={"some": (ints(2, 0, 3),), "one": (ints(1),), "empties": (ints(0, 0),)})
    def concatenated(lengths):
        y = A(tf.float32, size=tf.shape(lengths)[0], infer_shape=False, element_shape=[None, 2])
        for i in tf.range(tf.shape(lengths)[0]):
            y = y.write(i, tf.fill([lengths[i], 2], tf.cast(i, tf.float32) + 0.5))
        return y.concat()

    @t.function(
        ROWS,
        COUNTS,
        calls={"three": (x4, ints(1, 0, 3)), "one": (x4, ints(4))},
        refused={"short": ((x4, ints(1, 1)), "lengths give 2 of 4 rows")},
    )
    def split(x, lengths):
        y = A(tf.float32, size=0, dynamic_size=True, infer_shape=False, element_shape=[None, 3]).split(x, lengths)
        return y.read(0), y.concat()

    t.build(out)
    t.cases(out)


def flow_lists(out):
    t = Theme("flow_lists", "lists pushed to and popped from, as gradients of loops and hand-written graphs have them")
    raw = tf.raw_ops

    @t.function(ROW, calls={"row": (some("push", 3),)})
    def pushed(x):
        l = raw.EmptyTensorList(element_shape=tf.constant([3]), max_num_elements=-1, element_dtype=tf.float32)
        l = raw.TensorListPushBack(input_handle=l, tensor=x)
        l = raw.TensorListPushBack(input_handle=l, tensor=x * 2.0)
        shorter, last = raw.TensorListPopBack(input_handle=l, element_shape=tf.constant([3]), element_dtype=tf.float32)
        return {
            "all": raw.TensorListStack(input_handle=l, element_shape=tf.constant([3]), element_dtype=tf.float32),
            "length": raw.TensorListLength(input_handle=l),
            "left": raw.TensorListLength(input_handle=shorter),
            "last": last,
        }

    @t.function(ROW, COUNT, calls={"three": (some("stack", 3), i32(3)), "zero": (some("stack", 3), i32(0))})
    def gradient(x, n):  # the forward loop pushes what the backward loop pops
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(y * 1.5 + 0.1)), [0, x])[1]
        return y, tape.gradient(y, x)

    @t.function(COUNT, refused={"empty": ((i32(1),), "nothing to pop")}, calls={"some": (i32(0),)})
    def popped(n):
        l = raw.TensorListReserve(element_shape=tf.constant([], tf.int32), num_elements=1 - n, element_dtype=tf.float32)
        return raw.TensorListPopBack(input_handle=l, element_shape=tf.constant([], tf.int32), element_dtype=tf.float32)[1]

    t.build(out)
    t.cases(out)
