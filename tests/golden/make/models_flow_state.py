"""Control flow of TensorFlow 2: variables, refusals and random numbers inside bodies."""

import numpy as np
import tensorflow as tf

from flow import COUNT, FLAG, PICTURES, ROW, ROWS, i32, ints, pictures, some, Theme

# -- state -------------------------------------------------------------------------------------


def flow_state(out):
    t = Theme(
        "flow_state", "variables assigned in branches and loops, read before, inside and after; refusals leave them as they were"
    )
    total, count = t.variable("total", [1.0, 2.0, 3.0]), t.variable("count", 0, tf.int64)
    other = t.variable("other", [0.5, 0.25, -1.0])
    x = some("state", 3)

    @t.function(ROW, FLAG, sequence=[(x, np.True_), (x, np.False_), (x, np.True_)])
    def branch(x, p):
        before = total * 1.0

        def yes():
            total.assign(x)
            count.assign_add(1)
            return total + 1.0  # reads what it wrote

        def no():
            count.assign_add(10)
            return total - 1.0

        y = tf.cond(p, yes, no)
        return before, y, total + 0.0, count + 0

    @t.function(ROW, COUNT, sequence=[(x, i32(0)), (x, i32(3)), (x, i32(2))])
    def loop(x, n):
        seen = tf.TensorArray(tf.float32, size=n, element_shape=[3])
        for i in tf.range(n):
            seen = seen.write(i, total.read_value())
            total.assign_add(x * tf.cast(i + 1, tf.float32))
            count.assign_add(1)
        return seen.stack(), total.read_value(), count.read_value()

    @t.function(sequence=[(), ()])
    def counted_by_variable():  # the condition reads the variable, the body writes it
        count.assign(0)
        while count < 4:
            count.assign_add(1)
            total.assign(total * 0.5)
        return total.read_value(), count.read_value()

    @t.function(COUNT, sequence=[(i32(3),), (i32(4),)])
    def swapped(n):
        for _ in tf.range(n):
            a, b = total.read_value(), other.read_value()
            total.assign(b)
            other.assign(a)
        return total - other

    @t.function(ROW, COUNT, sequence=[(x, i32(0)), (x, i32(1)), (x, i32(2)), (x, i32(9))])
    def which_variable(x, k):
        tf.switch_case(k, [lambda: total.assign_add(x), lambda: other.assign_sub(x), lambda: total.assign(other + x)])
        return total + other

    @t.function(
        ROWS,
        FLAG,
        sequence=[(some("moving", 4, 3), np.True_), (some("moving", 4, 3), np.False_), (some("moving 2", 2, 3), np.True_)],
    )
    def moving_mean(x, training):
        def learn():
            mean = tf.reduce_mean(x, 0)
            total.assign(total * 0.9 + mean * 0.1)
            return mean

        mean = tf.cond(training, learn, lambda: total + 0.0)
        return x - mean

    @t.function(COUNT, sequence=[(i32(2),), (i32(5),)])
    def nested(n):
        for i in tf.range(n):
            if i % 2 == 0:
                for _ in tf.range(i + 1):
                    count.assign_add(tf.cast(i, tf.int64) + 1)
            else:
                other.assign(other * 2.0)
        return count.read_value()

    @t.function(
        ROW,
        COUNT,
        calls={"all": (x, i32(3))},
        refused={"in_loop": ((x, i32(-1)), "an assertion after an assignment, in the second turn")},
    )
    def assigned_then_refused(x, n):
        for i in tf.range(3):
            total.assign_add(x)
            tf.debugging.assert_less(i, tf.where(n < 0, 1, n), message="a turn too many")
        return total.read_value()

    @t.function(
        ROW,
        FLAG,
        calls={"no": (x, np.False_)},
        refused={"in_branch": ((x, np.True_), "an assertion after an assignment, in a branch")},
    )
    def assigned_then_refused_in_branch(x, p):
        def yes():
            count.assign_add(5)
            tf.debugging.assert_positive(tf.reduce_min(x) - 100.0, message="never")
            return x

        return tf.cond(p, yes, lambda: x * 2.0)

    t.build(out)
    t.cases(out)


def flow_assert(out):
    t = Theme(
        "flow_assert", "Assert and other refusals in branches, loops and conditions; those of a branch not taken do not count"
    )
    x, bad = some("assert", 3), np.array([1, -1, 2], "f")

    @t.function(
        ROW,
        FLAG,
        calls={"taken": (np.abs(x), np.True_), "not_taken": (bad, np.False_)},
        refused={"taken_and_false": ((bad, np.True_), "the assertion of the branch taken")},
    )
    def branch(x, p):
        def checked():
            with tf.control_dependencies([tf.debugging.assert_non_negative(x, message="x must be >= 0")]):
                return tf.sqrt(x)

        return tf.cond(p, checked, lambda: x)

    @t.function(ROW, COUNT, calls={"two": (x, i32(2))}, refused={"four": ((x, i32(4)), "the assertion of the third turn")})
    def loop(x, n):
        i = tf.constant(0)
        while i < n:
            tf.debugging.Assert(i < 2, ["turn", i, x], summarize=2)
            x, i = x + 1.0, i + 1
        return x

    @t.function(ROW, calls={"good": (np.abs(x),)}, refused={"bad": ((bad,), "an assertion nothing reads")})
    def alone(x):
        tf.debugging.assert_non_negative(x)
        return x * 2.0

    @t.function(
        ROWS,
        FLAG,
        calls={"other": (some("ensure", 4, 3), np.False_), "right": (some("ensure", 2, 3), np.True_)},
        refused={"wrong": ((some("ensure", 4, 3), np.True_), "ensure_shape in the branch taken")},
    )
    def shape(x, p):
        return tf.cond(p, lambda: tf.ensure_shape(x, [2, 3]) * 2.0, lambda: x)

    @t.function(
        ROWS,
        COUNT,
        calls={"inside": (some("index", 4, 3), i32(1))},
        refused={"outside": ((some("index", 4, 3), i32(3)), "an index that runs out of the array")},
    )
    def index(x, start):
        total = tf.zeros([3])
        for i in tf.range(start, start + 3):
            total += tf.gather(x, i)
        return total

    @t.function(
        ROWS,
        calls={"three": (some("square", 3, 3),)},
        refused={"two": ((some("square", 2, 3),), "elements that do not fit the body of a map")},
    )
    def mapped(x):
        return tf.map_fn(lambda row: tf.reduce_sum(row * tf.reshape(x, [3, 3]), 0), x)

    t.build(out)
    t.cases(out)


def flow_random(out):
    t = Theme(
        "flow_random",
        "random numbers drawn in branches, loops and maps: stateless ones by seed, stateful ones by the seeds of their node",
    )
    near = {"atol": 1e-5}
    SEED = tf.TensorSpec([2], tf.int32)

    @t.function(SEED, COUNT, calls={"three": (ints(3, 4), i32(3)), "zero": (ints(3, 4), i32(0))}, tolerance=near)
    def stateless_loop(seed, n):
        x = tf.zeros([2])
        for i in tf.range(n):
            x = x * 2.0 + tf.random.stateless_uniform([2], seed + i)
        return x

    @t.function(SEED, PICTURES, calls={"two": (ints(1, 2), pictures(2))}, tolerance=near)
    def stateless_map(seed, x):
        def body(pair):
            p, i = pair
            return p + tf.random.stateless_normal([5, 4, 3], tf.stack([seed[0], i]), stddev=0.1)

        return tf.map_fn(body, (x, tf.range(tf.shape(x)[0])), fn_output_signature=tf.float32)

    @t.function(SEED, FLAG, calls={"yes": (ints(5, 6), np.True_), "no": (ints(5, 6), np.False_)}, tolerance=near)
    def stateless_branch(seed, p):
        return tf.cond(p, lambda: tf.random.stateless_uniform([3], seed), lambda: tf.random.stateless_normal([3], seed))

    @t.function(COUNT, sequence=[(i32(3),), (i32(2),)], tolerance=near)
    def stateful_loop(n):  # every turn draws on
        return tf.while_loop(
            lambda i, x: i < n,
            lambda i, x: (i + 1, x * 2.0 + tf.random.uniform([2], seed=11)),
            [0, tf.zeros([2])],
            parallel_iterations=1,
        )[1]

    @t.function(FLAG, sequence=[(np.True_,), (np.False_,), (np.True_,)], tolerance=near)
    def stateful_branch(p):
        return tf.cond(p, lambda: tf.random.uniform([3], seed=5), lambda: tf.random.normal([3], seed=6))

    @t.function(PICTURES, sequence=[(pictures(2),), (pictures(2),)], tolerance=near)
    def stateful_map(x):
        return tf.map_fn(lambda p: tf.reduce_mean(p, [0, 1]) + tf.random.uniform([3], seed=2), x, parallel_iterations=1)

    t.build(out)
    t.cases(out)
