/* A handful of ops to make graphs of, and short ways to make them. */
#ifndef LI_UNIT_GRAPH_SUPPORT_H
#define LI_UNIT_GRAPH_SUPPORT_H

#include "unit/graph_fixture.h"
#include "unit/graph_infer_with.h"

#define ATTRS(...)                                                                                                     \
    (const struct li_attr_spec[])                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }
#define OUTPUT(n)                                                                                                      \
    (const struct li_output_spec[])                                                                                    \
    {                                                                                                                  \
        {n, NULL},                                                                                                     \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }
#define SHAPE(...) (&(struct li_shape){LI_COUNT(((int64_t[]){__VA_ARGS__})), {__VA_ARGS__}})
#define SCALAR (&(struct li_shape){0, {0}})

static const struct li_tensor *tensor_of(struct li_graph *g, lince_dtype dtype, const struct li_shape *shape,
                                         const void *data)
{
    struct li_tensor tensor = {.dtype = dtype, .shape = *shape, .data = (void *)data};
    const struct li_tensor *own;
    assert_int_equal(li_shape_bytes(shape, dtype, &tensor.size_bytes, NULL), LINCE_OK);
    assert_int_equal(li_graph_own_tensor(g, &tensor, &own, NULL), LINCE_OK);
    return own;
}

/* ---- Rows ---- */

static lince_status add_shape(struct li_infer *s)
{
    struct li_shape shape;
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_broadcast(s, li_in_shape(s, 0), li_in_shape(s, 1), &shape));
    return li_out_is(s, 0, li_in_dtype(s, 0), &shape);
}

/* Of equal shapes or scalars, float32; in three tasks, so that ranges are used. */
static lince_status add_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        float a = li_f32(&c->in[0])[li_count(&c->in[0]) == 1 ? 0 : i],
              b = li_f32(&c->in[1])[li_count(&c->in[1]) == 1 ? 0 : i];
        ((float *)c->out[0].data)[i] = a + b;
    }
    return LINCE_OK;
}

static lince_status add_prepare(struct li_prepare *p)
{
    p->tasks = 3;
    return LINCE_OK;
}

static lince_status same_rule(struct li_infer *s)
{
    return li_out_same(s, 0, 0);
}

static lince_status shape_rule(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    LI_TRY(li_out_is(s, 0, LINCE_INT64, SHAPE(in->rank)));
    s->graph->values[s->node->out[0]].constant = tensor_of(s->graph, LINCE_INT64, SHAPE(in->rank), in->dim);
    return LINCE_OK;
}

static lince_status reshape_rule(struct li_infer *s)
{
    struct li_shape shape;
    LI_TRY(li_in_ints(s, 1, shape.dim, LI_MAX_RANK, &shape.rank));
    return li_out_is(s, 0, li_in_dtype(s, 0), &shape);
}

static lince_status ones_rule(struct li_infer *s)
{
    struct li_shape shape;
    LI_TRY(li_in_ints(s, 0, shape.dim, LI_MAX_RANK, &shape.rank));
    return li_out_is(s, 0, LINCE_FLOAT32, &shape);
}

static lince_status ones_forward(struct li_call *c)
{
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = 1.0f;
    }
    return LINCE_OK;
}

static lince_status length_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_INT64, SHAPE(1));
}

/* The sum of the elements as a number: something whose content only running tells. */
static lince_status length_forward(struct li_call *c)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < li_count(&c->in[0]); i++) {
        sum += (int64_t)li_f32(&c->in[0])[i];
    }
    *(int64_t *)c->out[0].data = sum;
    return LINCE_OK;
}

static lince_status read_rule(struct li_infer *s)
{
    const struct li_resource *r = li_store_get(s->graph->store, s->node->touch[0].resource);
    return li_out_is(s, 0, r->dtype, &r->shape);
}

static lince_status write_forward(struct li_call *c)
{
    memcpy(c->state[0].out->data, c->in[1].data, (size_t)li_count(&c->in[1]) * sizeof(float));
    return LINCE_OK;
}

static lince_status random_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_UINT64, SCALAR);
}

static lince_status random_forward(struct li_call *c)
{
    memcpy(c->state[0].out->data, c->state[0].in->data, 4 * sizeof(uint64_t));
    *(uint64_t *)c->out[0].data = ((uint64_t *)c->state[0].out->data)[0]++;
    return LINCE_OK;
}

static lince_status check_forward(struct li_call *c)
{
    return li_f32(&c->in[0])[0] > 0 ? LINCE_OK : li_call_fail(c, LINCE_EDATA, "not positive");
}

static lince_status split_rule(struct li_infer *s)
{
    for (int i = 0; i < s->node->nout; i++) {
        LI_TRY(li_out_same(s, i, 0));
    }
    return LINCE_OK;
}

static const struct li_op op_add = {.name = "Add",
                                    .inputs_min = 2,
                                    .inputs_max = 2,
                                    .outputs = OUTPUT("z"),
                                    .shape = add_shape,
                                    .prepare = add_prepare,
                                    .forward = add_forward};
static const struct li_op op_check = {
    .name = "Check", .inputs_min = 1, .inputs_max = 1, .forward = check_forward, .effects = LI_EFFECT_FAIL};
static const struct li_op op_copies = {
    .name = "Copies",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape = split_rule,
    .outputs = (const struct li_output_spec[]){{"y", "n"}, {"z", "T"}, {.name = NULL}},
    .attrs = ATTRS({"n", LI_ATTR_INT, NULL, NULL}, {"T", LI_ATTR_TYPES, "[]", NULL})};
static const struct li_op op_identity = {.name = "Identity",
                                         .inputs_min = 1,
                                         .inputs_max = 1,
                                         .outputs = OUTPUT("y"),
                                         .shape = same_rule,
                                         .flags = LI_OP_ALIAS};
static const struct li_op op_length = {.name = "Length",
                                       .inputs_min = 1,
                                       .inputs_max = 1,
                                       .outputs = OUTPUT("y"),
                                       .shape = length_rule,
                                       .forward = length_forward};
static const struct li_op op_ones = {.name = "Ones",
                                     .inputs_min = 1,
                                     .inputs_max = 1,
                                     .outputs = OUTPUT("y"),
                                     .shape = ones_rule,
                                     .forward = ones_forward};
static const struct li_op op_random = {.name = "Random",
                                       .inputs_min = 0,
                                       .inputs_max = 0,
                                       .outputs = OUTPUT("y"),
                                       .shape = random_rule,
                                       .forward = random_forward,
                                       .attrs =
                                           ATTRS({"seed", LI_ATTR_INT, "0", NULL}, {"seed2", LI_ATTR_INT, "0", NULL}),
                                       .effects = LI_EFFECT_RANDOM};
static const struct li_op op_read = {.name = "Read",
                                     .inputs_min = 1,
                                     .inputs_max = 1,
                                     .outputs = OUTPUT("y"),
                                     .shape = read_rule,
                                     .effects = LI_EFFECT_READ};
static const struct li_op op_reshape = {.name = "Reshape",
                                        .inputs_min = 2,
                                        .inputs_max = 2,
                                        .outputs = OUTPUT("y"),
                                        .shape = reshape_rule,
                                        .flags = LI_OP_ALIAS};
static const struct li_op op_shape = {
    .name = "Shape", .inputs_min = 1, .inputs_max = 1, .outputs = OUTPUT("y"), .shape = shape_rule};
static const struct li_op op_slow = {.name = "Slow",
                                     .inputs_min = 1,
                                     .inputs_max = 1,
                                     .outputs = OUTPUT("y"),
                                     .shape = ones_rule,
                                     .forward = ones_forward,
                                     .flags = LI_OP_NO_FOLD};
static const struct li_op op_tuned = {
    .name = "Tuned",
    .inputs_min = 1,
    .inputs_max = -1,
    .outputs = OUTPUT("y"),
    .shape = same_rule,
    .attrs = ATTRS({"padding", LI_ATTR_STRING, NULL, "SAME VALID"}, {"T", LI_ATTR_TYPE, "float32", "float32 float16"},
                   {"strides", LI_ATTR_INTS, "[1,2,-3,1]", NULL}, {"rate", LI_ATTR_FLOAT, "0.25", NULL},
                   {"on", LI_ATTR_BOOL, "true", NULL}, {"shape", LI_ATTR_SHAPE, "[2,-1]", NULL},
                   {"types", LI_ATTR_TYPES, "[int32,bool]", NULL}, {"words", LI_ATTR_STRINGS, "[a,bc]", NULL},
                   {"any", LI_ATTR_SHAPE, "unknown", NULL}, {"scales", LI_ATTR_FLOATS, "[]", NULL})};
static const struct li_op op_write = {
    .name = "Write", .inputs_min = 2, .inputs_max = 2, .forward = write_forward, .effects = LI_EFFECT_WRITE};

static const struct li_op *const rows[] = {&op_add,  &op_check,  &op_copies, &op_identity, &op_length,
                                           &op_ones, &op_random, &op_read,   &op_reshape,  &op_shape,
                                           &op_slow, &op_tuned,  &op_write};
static const struct li_ops ops = {rows, LI_COUNT(rows)};

/* ---- Making graphs ---- */

static int set_up(void **state)
{
    *state = fixture_new(&ops);
    return 0;
}

static inline li_vid input_of(struct fixture *f, const struct li_shape *shape)
{
    li_vid v;
    OK(li_graph_input(f->g, LINCE_FLOAT32, shape, &v, &f->err));
    return v;
}

static inline li_vid floats(struct fixture *f, const struct li_shape *shape, const float *data)
{
    li_vid v;
    OK(li_graph_constant(f->g, tensor_of(f->g, LINCE_FLOAT32, shape, data), &v, &f->err));
    return v;
}

static inline li_vid ints(struct fixture *f, int count, const int64_t *data)
{
    li_vid v;
    OK(li_graph_constant(f->g, tensor_of(f->g, LINCE_INT64, SHAPE(count), data), &v, &f->err));
    return v;
}

/* Append; the first output, or LI_NONE. */
static inline li_vid node(struct fixture *f, const struct li_op *op, const char *name, li_vid a, li_vid b)
{
    struct li_node *made;
    OK(li_graph_append(f->g, op, name, (li_vid[]){a, b}, (a >= 0) + (b >= 0), NULL, 0, &made, &f->err));
    return made->nout ? made->out[0] : LI_NONE;
}

static inline void require_last(struct fixture *f)
{
    f->g->nodes[f->g->node_count - 1].required = true;
}

/* Append a node without outputs whose effect is asked for. */
static inline void effect(struct fixture *f, const struct li_op *op, const char *name, li_vid a, li_vid b)
{
    node(f, op, name, a, b);
    require_last(f);
}

static inline int32_t variable(struct fixture *f, const char *name, int64_t count)
{
    static const float zeros[64];
    int32_t resource;
    OK(li_store_add(f->store, LI_VARIABLE, name, LINCE_FLOAT32, SHAPE(count), &resource, &f->err));
    OK(li_store_write(f->store, resource, zeros, (size_t)count * sizeof(float), &f->err));
    return resource;
}

static inline li_vid handle(struct fixture *f, int32_t resource)
{
    li_vid v;
    OK(li_graph_resource(f->g, resource, &v, &f->err));
    return v;
}

static inline void set_outputs(struct fixture *f, li_vid a, li_vid b)
{
    OK(li_graph_set_outputs(f->g, (li_vid[]){a, b}, (a >= 0) + (b >= 0), &f->err));
}

static inline struct li_graph *infer(struct fixture *f, const struct li_shape *shapes, struct li_graph **rest)
{
    struct li_graph *out, *remaining;
    OK(infer_with(&out, &remaining, f->g, shapes, NULL, &f->env, &f->err));
    if (rest) {
        *rest = remaining;
    } else {
        assert_null(remaining);
    }
    return out;
}

#endif
