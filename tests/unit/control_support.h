/* Rows that run bodies, and short ways to make graphs of them. */
#ifndef LI_UNIT_CONTROL_SUPPORT_H
#define LI_UNIT_CONTROL_SUPPORT_H

#include "unit/graph_support.h"

/* ---- Rows that run bodies ---- */

static int choose(const struct li_tensor *selector, int bodies)
{
    (void)bodies;
    return li_tensor_float(selector, 0) > 0 ? 0 : 1;
}

#define CONTROL(id, op, kind)                                                                                          \
    static const struct li_op id = {.name = (op),                                                                      \
                                    .inputs_max = -1,                                                                  \
                                    .outputs = (const struct li_output_spec[]){{"output", "n"}, {.name = NULL}},       \
                                    .attrs = ATTRS({"n", LI_ATTR_INT, NULL, NULL}),                                    \
                                    .control = (kind),                                                                 \
                                    .choose = choose}

CONTROL(op_if, "If", LI_CONTROL_BRANCH);
CONTROL(op_while, "While", LI_CONTROL_LOOP);

/* ---- Rows of numbers ---- */

static lince_status less_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_BOOL, SCALAR);
}

static lince_status less_forward(struct li_call *c)
{
    *(uint8_t *)c->out[0].data = li_f32(&c->in[0])[0] < li_f32(&c->in[1])[0];
    return LINCE_OK;
}

static lince_status times_forward(struct li_call *c)
{
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = li_f32(&c->in[0])[i] * li_f32(&c->in[1])[i];
    }
    return LINCE_OK;
}

static lince_status down_forward(struct li_call *c)
{
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = li_f32(&c->in[0])[i] - 1;
    }
    return LINCE_OK;
}

/* Its own length and one more, of ones. */
static lince_status longer_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_FLOAT32, SHAPE(li_in_shape(s, 0)->dim[0] + 1));
}

#define BINARY(id, op, rule, ...)                                                                                      \
    static const struct li_op id = {                                                                                   \
        .name = (op), .inputs_min = 2, .inputs_max = 2, .outputs = OUTPUT("z"), .shape = (rule), __VA_ARGS__}

BINARY(op_less, "Less", less_rule, .forward = less_forward);
BINARY(op_times, "Times", same_rule, .forward = times_forward, .flags = LI_OP_INPLACE);
static const struct li_op op_down = {.name = "Down",
                                     .inputs_min = 1,
                                     .inputs_max = 1,
                                     .outputs = OUTPUT("y"),
                                     .shape = same_rule,
                                     .forward = down_forward,
                                     .flags = LI_OP_INPLACE | LI_OP_NO_FOLD};
static const struct li_op op_longer = {.name = "Longer",
                                       .inputs_min = 1,
                                       .inputs_max = 1,
                                       .outputs = OUTPUT("y"),
                                       .shape = longer_rule,
                                       .forward = ones_forward,
                                       .flags = LI_OP_NO_FOLD};

/* ---- Bodies ---- */

static const struct li_shape any_shape = {.rank = -1};

/* From here on the fixture's graph is a body of the one that is returned. */
static inline struct li_graph *begin_body(struct fixture *f)
{
    struct li_graph *outer = f->g;
    OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    return outer;
}

/* The body, which `outer` owns. */
static inline struct li_graph *end_body(struct fixture *f, struct li_graph *outer)
{
    struct li_graph *body = f->g;
    f->g = outer;
    OK(li_graph_own_body(outer, body, &f->err));
    return body;
}

static inline li_vid argument(struct fixture *f)
{
    return input_of(f, &any_shape);
}

static inline li_vid number(struct fixture *f, float value)
{
    return floats(f, SHAPE(1), &value);
}

/* A node that runs bodies; its first output, which the others follow. */
static inline li_vid control(struct fixture *f, const struct li_op *op, const char *name, const li_vid *in, int nin,
                             int nout, struct li_graph *first, struct li_graph *second)
{
    const struct li_attr n = {.name = "n", .kind = LI_ATTR_INT, .i = nout};
    struct li_node *made;
    OK(li_graph_append(f->g, op, name, in, nin, &n, 1, &made, &f->err));
    li_vid out = nout ? made->out[0] : LI_NONE;
    OK(li_graph_set_bodies(f->g, f->g->node_count - 1, (struct li_graph *[]){first, second}, 2, &f->err));
    return out;
}

/* A body of one argument that gives op(argument). */
static inline struct li_graph *unary_body(struct fixture *f, const struct li_op *op, const char *name)
{
    struct li_graph *outer = begin_body(f);
    set_outputs(f, node(f, op, name, argument(f), LI_NONE), LI_NONE);
    return end_body(f, outer);
}

/* A body of `count` arguments that says whether the first is less than `limit`. */
static inline struct li_graph *less_body(struct fixture *f, int count, float limit)
{
    struct li_graph *outer = begin_body(f);
    li_vid first = argument(f);
    for (int i = 1; i < count; i++) {
        argument(f);
    }
    set_outputs(f, node(f, &op_less, "less", first, number(f, limit)), LI_NONE);
    return end_body(f, outer);
}

#endif
