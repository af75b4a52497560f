/* Runs of graphs with bodies, and of rows whose writes are left to the commit. */
#ifndef LI_UNIT_RUNTIME_CONTROL_SUPPORT_H
#define LI_UNIT_RUNTIME_CONTROL_SUPPORT_H

#include "unit/control_support.h"
#include "unit/runtime_support.h"

/* ---- Rows that write at the commit ---- */

static const struct li_op op_assign = {.name = "Assign",
                                       .inputs_min = 2,
                                       .inputs_max = 2,
                                       .forward = write_forward,
                                       .effects = LI_EFFECT_WRITE,
                                       .flags = LI_OP_COMMIT};
static const struct li_op op_assign_add = {.name = "AssignAdd",
                                           .inputs_min = 2,
                                           .inputs_max = 2,
                                           .forward = accumulate_forward,
                                           .effects = LI_EFFECT_WRITE,
                                           .flags = LI_OP_COMMIT};

/* ---- Loops ---- */

/* A turn under way: its first variable counts; turn_end() makes the loop of it. */
struct turn {
    struct li_graph *outer;
    li_vid in[4];
    int count;
};

static inline struct turn turn_begin(struct fixture *f, int count)
{
    struct turn t = {.outer = begin_body(f), .count = count};
    for (int i = 0; i < count; i++) {
        t.in[i] = argument(f);
    }
    return t;
}

/* results and begin: those after the counter, which runs from `from`. The loop's first output after that. */
static inline li_vid turn_end(struct fixture *f, struct turn *t, const li_vid *results, float from, float limit,
                              const li_vid *begin)
{
    li_vid out[4] = {node(f, &op_add, "next", t->in[0], number(f, 1))}, in[4];
    memcpy(out + 1, results, (size_t)(t->count - 1) * sizeof *out);
    OK(li_graph_set_outputs(f->g, out, t->count, &f->err));
    struct li_graph *body = end_body(f, t->outer), *condition = less_body(f, t->count, limit);
    in[0] = number(f, from);
    memcpy(in + 1, begin, (size_t)(t->count - 1) * sizeof *in);
    return control(f, &op_while, "while", in, t->count, t->count, condition, body) + 1;
}

/* for i in range(turns): x = op(x) */
static inline li_vid repeat(struct fixture *f, const struct li_op *op, float turns, li_vid x)
{
    struct turn t = turn_begin(f, 2);
    li_vid y = node(f, op, "body", t.in[1], LI_NONE);
    return turn_end(f, &t, &y, 0, turns, &x);
}

/* ---- Runs ---- */

/* What a run with one float32 input ends in. */
static inline lince_status status_on(struct fixture *f, struct li_session *s, const struct li_shape *shape,
                                     const float *data)
{
    struct li_tensor input = float_tensor(shape, data);
    const struct li_tensor *out;
    return li_session_run(s, &input, 1, NULL, &out, &f->err);
}

/* The first element of the first output of a run on one number. */
static inline float run_number(struct fixture *f, struct li_session *s, float value)
{
    return first_of(run_on(f, s, SHAPE(1), &value));
}

static inline void assert_numbers(const struct li_tensor *t, int count, const float *wanted)
{
    assert_int_equal(li_shape_count(&t->shape), count);
    assert_memory_equal(t->data, wanted, (size_t)count * sizeof *wanted);
}

#endif
