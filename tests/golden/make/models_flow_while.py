"""Control flow of TensorFlow 2: loops and branches."""

import numpy as np
import tensorflow as tf

from flow import ANY_PICTURES, COUNT, COUNTS, FLAG, PICTURES, ROW, ROWS, SCALAR, f32, i32, ints, pictures, some, Theme

# -- while -------------------------------------------------------------------------------------


def flow_while(out):
    t = Theme("flow_while", "while loops: conditions on data, no turn, nests, shapes that change, captured values, convolutions")
    matrix = t.net.w("matrix", 3, 3, scale=0.5)
    kernel = t.net.w("kernel", 3, 3, 3, 3, scale=0.2)
    x2 = some("while", 2, 3)

    @t.function(ROWS, calls={"some": (x2 * f32(9),), "none": (x2 * f32(0.01),), "nan": (x2 * f32("nan"),), "empty": (x2[:0],)})
    def halved(x):
        n = tf.constant(0)
        x, n = tf.while_loop(lambda x, n: tf.reduce_max(x) > 1.0, lambda x, n: (x * 0.5, n + 1), [x, n])
        return x, n

    @t.function(ROWS, COUNT, calls={"zero": (x2, i32(0)), "one": (x2, i32(1)), "negative": (x2, i32(-3)), "many": (x2, i32(40))})
    def captured(x, n):
        bias = tf.reduce_mean(x, 0)
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(tf.matmul(y, matrix) + bias)), [0, x])

    @t.function(COUNT, COUNT, calls={"3_4": (i32(3), i32(4)), "0_4": (i32(0), i32(4)), "3_0": (i32(3), i32(0))})
    def nested(n, m):
        def outer(i, total, turns):
            j, total = tf.while_loop(lambda j, s: j < m + i, lambda j, s: (j + 1, s * 3 + i * j), [0, total])
            return i + 1, total, turns + j

        return tf.while_loop(lambda i, s, k: i < n, outer, [0, 1, 0])

    @t.function(ROW, COUNT, calls={"four": (some("grow", 3), i32(4)), "zero": (some("grow", 3), i32(0))})
    def grow(row, n):
        y = row[None]
        _, y = tf.while_loop(
            lambda i, y: i < n,
            lambda i, y: (i + 1, tf.concat([y, y[-1:] * 0.5 + 1.0], 0)),
            [0, y],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])],
        )
        return y

    @t.function(ROWS, calls={"nine": (some("shrink", 9, 3),), "one": (some("shrink 1", 1, 3),)})
    def shrink(x):
        return tf.while_loop(
            lambda x: tf.shape(x)[0] > 1, lambda x: (x[::2] + 1.0,), [x], shape_invariants=[tf.TensorShape([None, 3])]
        )[0]

    @t.function(ROW, COUNT, calls={"two": (some("rank", 3), i32(2)), "zero": (some("rank", 3), i32(0))})
    def more_axes(row, n):
        return tf.while_loop(
            lambda i, y: i < n,
            lambda i, y: (i + 1, tf.stack([y, -y])),
            [0, row],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape(None)],
        )[1]

    @t.function(
        PICTURES, COUNT, calls={"zero": (pictures(1), i32(0)), "three": (pictures(2), i32(3)), "none": (pictures(0), i32(3))}
    )
    def convolution(x, n):
        def body(i, y):
            return i + 1, y + tf.nn.relu(tf.nn.conv2d(y, kernel, 1, "SAME"))

        return tf.reduce_mean(tf.while_loop(lambda i, y: i < n, body, [0, x])[1], [1, 2])

    @t.function(ANY_PICTURES, calls={"13x9": (pictures(1, 13, 9),), "2x2": (pictures(1, 2, 2),)})
    def pyramid(x):
        def body(y, s):
            y = tf.nn.avg_pool2d(tf.nn.conv2d(y, kernel, 1, "SAME"), 2, 2, "VALID")
            return y, s + tf.reduce_mean(y, [1, 2])

        return tf.while_loop(
            lambda y, s: tf.reduce_min(tf.shape(y)[1:3]) > 2,
            body,
            [x, tf.reduce_mean(x, [1, 2])],
            shape_invariants=[tf.TensorShape([None, None, None, 3]), tf.TensorShape([None, 3])],
        )

    @t.function(ROW, ROW, COUNT, calls={"odd": (some("a", 3), some("b", 3), i32(3)), "even": (some("a", 3), some("b", 3), i32(4))})
    def swapped(a, b, n):  # a permutation, one value twice, one constant, one passed through
        def body(i, a, b, c, d):
            return i + 1, b, a, a, d

        return tf.while_loop(lambda i, *_: i < n, body, [0, a, b, a, tf.constant(5.0)])

    @t.function(ROW, COUNT, calls={"ten": (some("limit", 3), i32(10)), "two": (some("limit", 3), i32(2))})
    def limited(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * 2.0), [0, x], maximum_iterations=4)

    @t.function(ROWS, calls={"four": (np.array([[1, 0, 0], [-1, 0, 0], [5, 1, 1], [1, 1, 1]], "f"),), "none": (x2[:0],)})
    def written_as_python(x):  # for, if, continue, break and return, converted by autograph
        total, seen = tf.zeros([3]), 0
        for row in x:
            if tf.reduce_sum(row) < 0.0:
                continue
            if tf.reduce_sum(row) > 5.0:
                break
            total += row
            seen += 1
        return total, seen

    @t.function(COUNT, calls={"27": (i32(27),), "1": (i32(1),)})
    def collatz(n):
        turns, biggest = tf.constant(0, tf.int64), n
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            biggest = tf.maximum(biggest, n)
            turns += 1
        return turns, biggest

    @t.function(tf.TensorSpec([], tf.float64), calls={"2": (np.float64(2),), "1e-9": (np.float64(1e-9),)})
    def root(x):
        y, done = x, tf.constant(False)
        while not done:
            z = 0.5 * (y + x / y)
            done = tf.abs(z - y) <= 1e-12 * z
            y = z
        return y

    @t.function(ROW, COUNT, calls={"500": (some("turns", 3), i32(500))})
    def many_turns(x, n):
        for i in tf.range(n):
            x = x * 0.5 + tf.cast(i % 7, tf.float32)
        return x

    @t.function(
        ROWS,
        COUNT,
        calls={"equal": (some("mismatch", 3, 3), i32(2)), "none": (x2, i32(0))},
        refused={"shape": ((x2, i32(1)), "2x3 times 2x3 in the first turn")},
    )
    def product(x, n):
        y = tf.while_loop(
            lambda i, y: i < n,
            lambda i, y: (i + 1, tf.matmul(y, x)),
            [0, x],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, None])],
        )[1]
        return y

    @t.function(
        ROW,
        COUNT,
        calls={"2": (np.array([1, 3, 9], "f"), i32(2))},
        refused={"3": ((np.array([1, 3, 9], "f"), i32(6)), "infinity in the third turn")},
    )
    def finite(x, n):
        return tf.while_loop(
            lambda i, y: i < n,
            lambda i, y: (i + 1, tf.debugging.check_numerics(y / (2.0 - tf.cast(i, tf.float32)), "not finite")),
            [0, x],
        )

    t.build(out)
    t.cases(out)


# -- cond, case --------------------------------------------------------------------------------


def flow_cond(out):
    t = Theme(
        "flow_cond",
        "cond, case, switch_case: nests, branches of other shapes and ranks, indices out of range, training as value or tensor",
    )
    a, b = t.net.w("a", 3, 3), t.net.w("b", 3, 3)
    x2 = some("cond", 2, 3)

    def each(x, *selectors):
        return {str(s).replace("-", "minus_"): (x, s) for s in selectors}

    @t.function(ROWS, FLAG, FLAG, calls={"%d%d" % (p, q): (x2, np.bool_(p), np.bool_(q)) for p in (0, 1) for q in (0, 1)})
    def nested(x, p, q):
        def inner():
            return tf.cond(q, lambda: tf.matmul(x, a), lambda: x - 1.0)

        return tf.cond(p, inner, lambda: tf.cond(q, lambda: x * 2.0, lambda: tf.matmul(x, b)))

    @t.function(
        ROWS,
        FLAG,
        calls={"yes": (x2, np.True_), "no": (x2, np.False_), "empty": (x2[:0], np.True_)},
        refused={"two_selectors": ((x2, np.array([True, False])), "the selector is no scalar")},
    )
    def other_shapes(x, p):
        y = tf.cond(p, lambda: x[:1], lambda: tf.concat([x, x], 0))
        return y, tf.shape(y)[0]

    @t.function(ROWS, FLAG, calls={"yes": (x2, np.True_), "no": (x2, np.False_)})
    def other_ranks(x, p):
        return tf.cond(p, lambda: x, lambda: tf.reduce_sum(x)), tf.cond(p, lambda: x[0], lambda: x[None])

    @t.function(ROWS, FLAG, calls={"yes": (x2, np.True_), "no": (x2, np.False_)})
    def structures(x, p):  # arguments returned as they are, one value twice, constants, None
        yes = lambda: {"x": x, "pair": (x, x), "n": tf.constant(1), "nothing": None}
        no = lambda: {"x": -x, "pair": (tf.ones([1, 3]), x), "n": tf.constant(2), "nothing": None}
        return tf.cond(p, yes, no)

    @t.function(ROWS, FLAG, calls={"yes": (x2, np.True_), "no": (x2, np.False_)})
    def only_one_side_reads(x, p):
        y, z = tf.matmul(x, a), tf.matmul(x, b)
        return tf.cond(p, lambda: y, lambda: z)

    @t.function(ROWS, COUNT, calls=each(x2, i32(0), i32(1), i32(2), i32(3), i32(-1), i32(2000000000)))
    def switch(x, k):  # out of range: the last
        return tf.switch_case(k, [lambda: x, lambda: tf.matmul(x, a), lambda: x[:1]])

    @t.function(ROWS, COUNT, calls=each(x2, i32(0), i32(1), i32(2), i32(-2)))
    def switch_default(x, k):
        return tf.switch_case(k, {1: lambda: x + 1.0, 0: lambda: x + 5.0}, default=lambda: x)

    @t.function(ROWS, SCALAR, calls=each(x2, f32(-1), f32(0.5), f32(7)))
    def case(x, v):
        return tf.case([(v < 0.0, lambda: -x), (v < 1.0, lambda: x * v)], default=lambda: tf.zeros_like(x))

    @t.function(
        ROWS, SCALAR, calls=each(x2, f32(-1), f32(3)), refused={"both": ((x2, f32(0.5)), "two predicates hold and one may")}
    )
    def case_exclusive(x, v):
        return tf.case([(v < 1.0, lambda: -x), (v > 0.0, lambda: x * v)], default=lambda: x, exclusive=True)

    @t.function(
        ROWS,
        SCALAR,
        calls=each(x2, f32(-1), f32(1)),
        refused={"none": ((x2, f32(3)), "no predicate holds and there is no default")},
    )
    def case_without_default(x, v):
        return tf.case([(v < 0.0, lambda: -x), (v < 2.0, lambda: x * v)])

    @t.function(ROWS, COUNT, calls=each(x2, i32(0), i32(4)))
    def loop_in_branch(x, n):
        return tf.cond(
            n > 0,
            lambda: tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(tf.matmul(y, a))), [0, x])[1],
            lambda: tf.map_fn(lambda row: row + 1.0, x),
        )

    @t.function(ROWS, COUNT, calls=each(x2, i32(0), i32(5)))
    def branch_in_loop(x, n):
        def body(i, y):
            y = tf.cond(i % 2 == 0, lambda: tf.matmul(y, a), lambda: y * 0.5)
            return i + 1, tf.switch_case(i % 3, [lambda: y, lambda: tf.nn.relu(y), lambda: -y])

        return tf.while_loop(lambda i, y: i < n, body, [0, x])[1]

    @t.function(ROWS, FLAG, calls={"yes": (x2, np.True_), "no": (x2, np.False_)})
    def written_as_python(x, p):
        if p and tf.reduce_sum(x) > -100.0:
            y, k = x + 1.0, 3
        elif not p:
            y, k = x - 1.0, 4
        else:
            y, k = x, 5
        return y, k

    @t.function(
        traces=[(ROWS, True), (ROWS, False), (ROWS, FLAG)],
        calls={"python_yes": (x2, True), "python_no": (x2, False), "tensor_yes": (x2, np.True_), "tensor_no": (x2, np.False_)},
        refused={"number": ((x2, f32(1)), "a float is no bool"), "none": ((x2, None), "not traced")},
    )
    def trained(x, training):
        return tf.cond(
            tf.cast(training, tf.bool), lambda: tf.nn.dropout(tf.ones_like(x), 0.0) * tf.reduce_mean(x, 0), lambda: tf.matmul(x, a)
        )

    plus = tf.function(lambda x: x + 1.0).get_concrete_function(ROWS)
    minus = tf.function(lambda x: x - 1.0).get_concrete_function(ROWS)

    def raw_if(selector, x):  # as graphs have it that Python did not write: the selector need not be a bool
        return tf.raw_ops.StatelessIf(cond=selector, input=[x], Tout=[tf.float32], then_branch=plus, else_branch=minus)[0]

    @t.function(ROWS, COUNT, calls=each(x2, i32(0), i32(-7)))
    def number_selects(x, k):
        return raw_if(k, x), raw_if(tf.cast(k, tf.float32), x)

    @t.function(ROWS, COUNTS, calls={"none": (x2, ints()), "one_zero": (x2, ints(0))})
    def array_selects(x, k):  # an array is true unless it is empty
        return raw_if(k, x)

    @t.function(ROWS, tf.TensorSpec([], tf.string), calls={"empty": (x2, np.array(b"", "S1")), "zero": (x2, np.array(b"0", "S1"))})
    def text_selects(x, k):
        return raw_if(k, x)

    t.build(out)
    t.cases(out)


def flow_unread(out):
    t = Theme("flow_unread", "results of branches and loops that nobody reads, made by what fails where it runs")
    x2 = some("while", 2, 3)
    row_of = lambda x, i: tf.gather(x, i)  # fails behind the last row

    @t.function(ROWS, COUNT, calls={"inside": (x2, i32(1)), "outside": (x2, i32(5)), "no_turn": (x2, i32(0))})
    def variable(x, n):
        start = [0, tf.zeros([3]), x]
        return tf.while_loop(lambda i, *_: i < n, lambda i, y, last: (i + 1, y + x[0], row_of(last, [i, i + 1])), start)[1]

    @t.function(ROWS, COUNT, calls={"inside": (x2, i32(1)), "outside": (x2, i32(5))})
    def variable_by_variable(x, n):
        turn = lambda i, y, a, b: (i + 1, y + 1.0, b, tf.reshape(row_of(x, i), [3]))
        return tf.while_loop(lambda i, *_: i < n, turn, [0, x, tf.zeros([3]), tf.zeros([3])])[1]

    @t.function(ROWS, COUNT, FLAG, calls={"yes": (x2, i32(7), np.True_), "no": (x2, i32(7), np.False_)})
    def branch(x, k, p):
        return tf.cond(p, lambda: (x + 1.0, row_of(x, k)), lambda: (x - 1.0, row_of(x, -k)))[0]

    @t.function(ROWS, COUNT, calls={"two": (x2, i32(2))}, refused={"three": ((x2, i32(3)), "the second loop's rows are read")})
    def same_body_twice(x, n):
        def loop():
            turn = lambda i, y, z: (i + 1, y + 1.0, row_of(x, i))
            return tf.while_loop(lambda i, *_: i < n, turn, [0, x, tf.zeros([3])])

        return loop()[1], loop()[2]

    @t.function(ROWS, COUNT, FLAG, calls={"inside": (x2, i32(1), np.True_), "outside": (x2, i32(4), np.True_)})
    def loop_in_branch_in_loop(x, n, p):
        def inner(y, z):
            turn = lambda i, y, z: (i + 1, y * 0.5 + 1.0, z + row_of(x, i))
            return tuple(tf.while_loop(lambda i, *_: i < n, turn, [0, y, z])[1:])

        turn = lambda i, y, z: (i + 1, *tf.cond(p, lambda: inner(y, z), lambda: (y, z)))
        return tf.while_loop(lambda i, *_: i < 2, turn, [0, x, tf.zeros([3])])[1]

    t.build(out)
    t.cases(out)
