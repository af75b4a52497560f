"""Gradients through control flow of TensorFlow 2, and gradients that a model brings itself."""

import numpy as np
import tensorflow as tf

from flow import PICTURES, ROW, ROWS, f32, i32, pictures, some, Theme


class GradientTheme(Theme):
    """Functions of one array to be differentiated by, and what else is given by keyword."""

    def __init__(self, name, about):
        super().__init__(name, about)
        self.asked = []

    def differentiable(self, *specs, **calls):
        """Decorator. calls: id = (x, {keyword: value})."""

        def add(f):
            name = f.__name__
            self.functions[name] = (tf.function(f), [specs])
            self.asked += [(name, id, x, kwargs) for id, (x, kwargs) in calls.items()]
            return f

        return add

    def extra(self, case):
        for name, id, x, kwargs in self.asked:
            case.call("%s_%s" % (name, id), name, x, **kwargs)
            case.gradients("%s_%s" % (name, id), name, x, **kwargs)


def flow_gradients(out):
    t = GradientTheme("flow_gradients", "gradients of branches and loops: by the branch taken, by recorded turns, nested, without a turn")
    w = t.net.w("w", 3, 3, scale=0.5)
    b = t.net.w("b", 3, scale=0.5)
    kernel = t.net.w("kernel", 3, 3, 3, 3, scale=0.2)
    cell = t.net.w("cell", 7, 16, scale=0.4)
    cell_bias = t.net.w("cell_bias", 16, scale=0.3)
    gate = t.net.w("gate", 6, 9, scale=0.4)
    x2, x4, p2 = some("g2", 2, 3), some("g4", 4, 3), pictures(2)
    up, down = np.abs(x2), -np.abs(x2)

    # -- branches ------------------------------------------------------------------------------

    @t.differentiable(ROWS, up=(up, {}), down=(down, {}))
    def branches(x):  # other values are saved in each, and one has another variable
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.tanh(tf.matmul(x, w)) * x, lambda: tf.nn.softplus(x * b) + tf.exp(x))

    @t.differentiable(PICTURES, tf.TensorSpec([], tf.bool, name="training"), on=(p2, {"training": np.array(True)}), off=(p2, {"training": np.array(False)}))
    def flag(x, training):
        y = tf.nn.conv2d(x, kernel, 1, "SAME")
        mask = lambda: tf.cast(tf.random.stateless_uniform(tf.shape(y), [3, 4]) > 0.4, tf.float32)
        return tf.cond(training, lambda: y * mask() * 2.0, lambda: y)

    @t.differentiable(
        ROWS,
        tf.TensorSpec([], tf.int32, name="which"),
        **{name: (x2, {"which": i32(i)}) for i, name in enumerate(["first", "second", "constant", "last"])},
        beyond=(x2, {"which": i32(9)}),
    )
    def switched(x, which):
        return tf.switch_case(which, [lambda: x * x, lambda: tf.sin(x) * b, lambda: tf.ones_like(x), lambda: tf.matmul(x, w)])

    @t.differentiable(ROWS, up=(up, {}), down=(down, {}), mixed=(x2, {}))
    def inside(x):  # branches in branches; what one hands on unchanged
        def some_more():
            return tf.cond(x[0, 0] > x[1, 0], lambda: (x * b, 1), lambda: (tf.square(x) * w[0], 2))

        y, n = tf.cond(tf.reduce_min(x) > 0.0, lambda: (x, 0), some_more)
        return y * x, n

    # -- loops ---------------------------------------------------------------------------------

    @t.differentiable(PICTURES, two=(p2, {}))
    def convolutions(x):
        def body(i, y):
            return i + 1, y + tf.nn.relu(tf.nn.conv2d(y, kernel, 1, "SAME"))

        return tf.reduce_mean(tf.while_loop(lambda i, y: i < 3, body, [0, x])[1], [1, 2])

    @t.differentiable(ROWS, some=(x2 * f32(9), {}), none=(x2 * f32(0.01), {}))
    def until(x):  # the number of turns depends on data
        y = tf.while_loop(lambda y: tf.reduce_max(y) > 1.0, lambda y: (tf.matmul(y, w) * 0.4 + y * 0.3,), [x])[0]
        return y * b

    @t.differentiable(
        ROWS,
        tf.TensorSpec([], tf.int32, name="n"),
        **{name: (x2, {"n": i32(n)}) for name, n in (("none", 0), ("one", 1), ("five", 5))},
    )
    def captured(x, n):  # what all turns read
        bias = tf.reduce_mean(x, 0) * b
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.tanh(tf.matmul(y, w) + bias)), [0, x])[1]

    @t.differentiable(ROW, odd=(some("g3", 3), {}))
    def swapped(x):
        def body(i, a, b, c, d):
            return i + 1, b * 1.5, a, a * d, d

        return tf.while_loop(lambda i, *_: i < 3, body, [0, x, x * x, tf.ones([3]), tf.sin(x)])[1:]

    @t.differentiable(ROWS, some=(x4, {}))
    def loops(x):  # a loop in a loop, a branch in that; TensorFlow cannot differentiate a saved one by a variable
        bb, ww = b * 1.0, w * 1.0

        def inner(j, y):
            y = tf.cond(tf.reduce_sum(y) > 0.0, lambda: tf.tanh(y) * bb, lambda: tf.matmul(y, ww) + 0.1)
            return j + 1, y

        def outer(i, y):
            return i + 1, tf.while_loop(lambda j, y: j < i + 1, inner, [0, y])[1] + x * 0.1

        return tf.while_loop(lambda i, y: i < 3, outer, [0, x])[1]

    @t.differentiable(ROWS, up=(up, {}), down=(down, {}))
    def loop_in_branch(x):
        bb = b * 1.0
        loop = lambda: tf.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, tf.sin(y * bb) + y), [0, x])[1]
        return tf.cond(tf.reduce_sum(x) > 0.0, loop, lambda: x)

    @t.differentiable(ROWS, early=(x2 * f32(3), {}), late=(x2 * f32(90), {}))
    def limited(x):
        return tf.while_loop(lambda y: tf.reduce_max(y) > 1.0, lambda y: (y * tf.sigmoid(b) * 0.5,), [x], maximum_iterations=4)[0]

    # -- lists ---------------------------------------------------------------------------------

    @t.differentiable(PICTURES, three=(pictures(3), {}), one=(pictures(1), {}))
    def mapped(x):
        return tf.map_fn(lambda p: tf.nn.relu(tf.nn.conv2d(p[None], kernel, 1, "SAME")[0] - 0.1), x)

    @t.differentiable(ROWS, four=(x4, {}))
    def scanned(x):
        return tf.scan(lambda a, row: tf.tanh(tf.linalg.matvec(w, a) + row), x, initializer=b * 1.0)

    @t.differentiable(ROWS, four=(x4, {}))
    def folded(x):
        return tf.foldl(lambda a, row: a * 0.5 + row * row, x)

    @t.differentiable(ROWS, four=(x4, {}))
    def positions(x):  # elements that are read twice, overwritten, and never written
        a = tf.TensorArray(tf.float32, 5, clear_after_read=False, element_shape=[3])
        a = a.write(0, x[0]).write(2, x[1]).write(0, x[2])
        for i in tf.range(2):
            a = a.write(3, a.read(i * 2) * b)
        return a.stack() * a.read(2)

    # -- recurrent cells -----------------------------------------------------------------------

    @t.differentiable(tf.TensorSpec([None, None, 3], tf.float32), two=(some("seq", 2, 5, 3), {}), one=(some("seq1", 1, 1, 3), {}))
    def lstm(x):
        steps = tf.transpose(x, [1, 0, 2])
        given = tf.TensorArray(tf.float32, tf.shape(steps)[0]).unstack(steps)
        made = tf.TensorArray(tf.float32, tf.shape(steps)[0], element_shape=[None, 4])
        zero = tf.zeros([tf.shape(x)[0], 4])

        def body(i, made, h, c):
            z = tf.matmul(tf.concat([given.read(i), h], 1), cell) + cell_bias
            g, f, n, o = tf.split(z, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(g) * tf.tanh(n)
            h = tf.sigmoid(o) * tf.tanh(c)
            return i + 1, made.write(i, h), h, c

        _, made, h, c = tf.while_loop(lambda i, *_: i < tf.shape(steps)[0], body, [0, made, zero, zero])
        return tf.transpose(made.stack(), [1, 0, 2]), c

    @t.differentiable(tf.TensorSpec([None, 5, 3], tf.float32), two=(some("seq", 2, 5, 3), {}))
    def gru(x):
        h = tf.zeros([tf.shape(x)[0], 3])
        for i in tf.range(5):
            z, r, _ = tf.split(tf.matmul(tf.concat([x[:, i], h], 1), gate), 3, 1)
            n = tf.tanh(tf.matmul(tf.concat([x[:, i], tf.sigmoid(r) * h], 1), gate)[:, 6:])
            h = tf.sigmoid(z) * h + (1.0 - tf.sigmoid(z)) * n
        return h

    t.build(out)
    t.cases(out)


def flow_custom(out):
    t = GradientTheme("flow_custom", "gradients that are not those of the nodes, saved with the model: scaled, clipped, of several results, of variables, in functions and branches")
    v = t.net.w("v", 3, scale=0.5)
    x2 = some("c2", 2, 3)

    @tf.custom_gradient
    def tripled(x):
        return x * 1.0, lambda dy: dy * 3.0

    @tf.custom_gradient
    def clipped(x, most):
        y = tf.exp(x)
        return y, lambda dy: (tf.clip_by_value(dy * y, -most, most), None)

    @tf.custom_gradient
    def two(x, y):
        s = tf.sin(x)

        def grad(da, db):
            return da * s + db, db * y * 5.0

        return (x * y, x + y), grad

    @tf.custom_gradient
    def with_variable(x):
        def grad(dy, variables):
            return dy * v * 2.0, [tf.reduce_sum(dy * x, 0) * 7.0 for _ in variables]

        return x * v, grad

    @t.differentiable(ROWS, two=(x2, {}))
    def scaled(x):
        return tripled(tripled(x) * v)

    @t.differentiable(ROWS, two=(x2, {}))
    def bounded(x):
        return clipped(x * v, 0.3) * x

    @t.differentiable(ROWS, two=(x2, {}))
    def both(x):
        a, b = two(x, x * x * v)
        return a * 2.0 + b

    @t.differentiable(ROWS, two=(x2, {}))
    def first(x):  # nothing arrives at the second result
        return two(x, tf.cos(x) * v)[0]

    @t.differentiable(ROWS, two=(x2, {}))
    def of_variable(x):
        return with_variable(x) * x

    inner = tf.function(lambda x: tripled(x * v) + x)

    @t.differentiable(ROWS, two=(x2, {}))
    def called(x):
        return inner(inner(x))

    t.build(out)
    t.cases(out)
