/* Rows that show what the runtime does with them, and short ways to run graphs of them. */
#ifndef LI_UNIT_RUNTIME_SUPPORT_H
#define LI_UNIT_RUNTIME_SUPPORT_H

#include "unit/graph_support.h"
#include "unit/runtime_session_on.h"

static atomic_int packs;    /* forwards of Pack */
static atomic_int in_place; /* forwards of Twice whose output lay in its input */
static atomic_int prepares; /* plans that a Twice was prepared for */

/* ---- Rows ---- */

static lince_status twice_prepare(struct li_prepare *p)
{
    atomic_fetch_add(&prepares, 1);
    p->tasks = 3;
    p->reason = "by doubling";
    return LINCE_OK;
}

static lince_status twice_forward(struct li_call *c)
{
    int64_t begin, end;
    atomic_fetch_add(&in_place, c->task == 0 && c->in[0].data == c->out[0].data);
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        ((float *)c->out[0].data)[i] = 2 * li_f32(&c->in[0])[i];
    }
    return LINCE_OK;
}

static lince_status pack_forward(struct li_call *c)
{
    atomic_fetch_add(&packs, 1);
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = 1 + li_f32(&c->in[0])[i];
    }
    return LINCE_OK;
}

enum { PARTS = 7 };

static lince_status parts_prepare(struct li_prepare *p)
{
    p->tasks = PARTS;
    p->scratch_bytes = (size_t)li_shape_count(&p->graph->values[p->node->in[0]].shape) * sizeof(float);
    return LINCE_OK;
}

/* Running sums, cut into PARTS, by way of scratch: two tasks that shared it would show. */
static lince_status parts_forward(struct li_call *c)
{
    int64_t begin, end;
    float *scratch = c->scratch, sum = 0;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        scratch[i - begin] = sum += li_f32(&c->in[0])[i] / 3.0f;
    }
    for (int64_t i = begin; i < end; i++) {
        ((float *)c->out[0].data)[i] = scratch[i - begin];
    }
    return LINCE_OK;
}

static void copy_strided(const struct li_call *c, int dim, int64_t from, int64_t to)
{
    if (dim == c->out[0].shape->rank) {
        ((float *)c->out[0].data)[to] = li_f32(&c->in[0])[from];
        return;
    }
    for (int64_t i = 0; i < c->out[0].shape->dim[dim]; i++) {
        copy_strided(c, dim + 1, from + i * c->in[0].stride[dim], to + i * c->out[0].stride[dim]);
    }
}

static lince_status copy_forward(struct li_call *c)
{
    copy_strided(c, 0, 0, 0);
    return LINCE_OK;
}

/* Each pixel and its eight neighbours; outside the picture it reads the frame. */
static lince_status around_forward(struct li_call *c)
{
    const int64_t *dim = c->in[0].shape->dim, *stride = c->in[0].stride;
    float *out = c->out[0].data;
    for (int64_t n = 0; n < dim[0]; n++) {
        for (int64_t y = 0; y < dim[1]; y++) {
            for (int64_t x = 0; x < dim[2]; x++, out++) {
                *out = 0;
                for (int64_t k = 0; k < 9; k++) {
                    *out +=
                        li_f32(&c->in[0])[n * stride[0] + (y + k / 3 - 1) * stride[1] + (x + k % 3 - 1) * stride[2]];
                }
            }
        }
    }
    return LINCE_OK;
}

static lince_status scaled_rule(struct li_infer *s, int64_t up, int64_t down)
{
    struct li_shape shape = *li_in_shape(s, 0);
    shape.dim[1] = shape.dim[1] * up / down;
    return li_out_is(s, 0, LINCE_FLOAT32, &shape);
}

static lince_status grow_rule(struct li_infer *s)
{
    return scaled_rule(s, 4, 1);
}

static lince_status shrink_rule(struct li_infer *s)
{
    return scaled_rule(s, 1, 4);
}

/* The input over and over, or its beginning. */
static lince_status repeat_forward(struct li_call *c)
{
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = li_f32(&c->in[0])[i % li_count(&c->in[0])];
    }
    return LINCE_OK;
}

static lince_status accumulate_forward(struct li_call *c)
{
    for (int64_t i = 0; i < li_count(c->state[0].out); i++) {
        ((float *)c->state[0].out->data)[i] = li_f32(c->state[0].in)[i] + li_f32(&c->in[1])[i];
    }
    return LINCE_OK;
}

/* Strings in reverse order; their texts stay where they are. */
static lince_status turn_forward(struct li_call *c)
{
    int64_t n = li_count(&c->out[0]);
    for (int64_t i = 0; i < n; i++) {
        ((lince_string *)c->out[0].data)[i] = ((const lince_string *)c->in[0].data)[n - 1 - i];
    }
    return LINCE_OK;
}

static lince_status never_rule(struct li_infer *s)
{
    (void)s;
    return LI_DEFER;
}

#define UNARY(id, op, rule, ...)                                                                                       \
    static const struct li_op id = {                                                                                   \
        .name = (op), .inputs_min = 1, .inputs_max = 1, .outputs = OUTPUT("y"), .shape = (rule), __VA_ARGS__}

UNARY(op_twice, "Twice", same_rule, .prepare = twice_prepare, .forward = twice_forward,
      .flags = LI_OP_INPLACE | LI_OP_NO_FOLD);
UNARY(op_pack, "Pack", same_rule, .forward = pack_forward, .flags = LI_OP_NO_FOLD);
UNARY(op_parts, "Parts", same_rule, .prepare = parts_prepare, .forward = parts_forward);
UNARY(op_copy, "Copy", same_rule, .forward = copy_forward);
UNARY(op_around, "Around", same_rule, .forward = around_forward);
UNARY(op_grow, "Grow", grow_rule, .forward = repeat_forward);
UNARY(op_shrink, "Shrink", shrink_rule, .forward = repeat_forward);
UNARY(op_turn, "Turn", same_rule, .forward = turn_forward);
UNARY(op_never, "Never", never_rule, .forward = copy_forward);
static const struct li_op op_accumulate = {
    .name = "Accumulate", .inputs_min = 2, .inputs_max = 2, .forward = accumulate_forward, .effects = LI_EFFECT_WRITE};

/* ---- Sessions ---- */

/* A session of the fixture's graph, which is taken over; the fixture gets a new one. */
static inline struct li_session *session_with(struct fixture *f, int threads, stage *make)
{
    struct li_pool *pool;
    struct li_session *session;
    OK(li_pool_new(&pool, threads, f->mem, &f->err));
    OK(session_on(&session, f->g, &f->env, pool, make, &f->err));
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    return session;
}

static inline struct li_session *session_of(struct fixture *f)
{
    return session_with(f, 1, NULL);
}

static inline struct li_tensor float_tensor(const struct li_shape *shape, const float *data)
{
    return (struct li_tensor){.dtype = LINCE_FLOAT32,
                              .shape = *shape,
                              .data = (void *)(uintptr_t)data,
                              .size_bytes = (size_t)li_shape_count(shape) * sizeof(float)};
}

/* Run with one float32 input. */
static inline const struct li_tensor *run_on(struct fixture *f, struct li_session *session,
                                             const struct li_shape *shape, const float *data)
{
    struct li_tensor input = float_tensor(shape, data);
    const struct li_tensor *outputs;
    OK(li_session_run(session, &input, 1, NULL, &outputs, &f->err));
    return outputs;
}

static inline float first_of(const struct li_tensor *tensor)
{
    return *(const float *)tensor->data;
}

static inline void set_variable(struct fixture *f, int32_t resource, int64_t count, float value)
{
    float data[64];
    for (int64_t i = 0; i < count; i++) {
        data[i] = value;
    }
    OK(li_store_write(f->store, resource, data, (size_t)count * sizeof *data, &f->err));
}

static inline float get_variable(struct fixture *f, int32_t resource)
{
    float data[64];
    OK(li_store_read(f->store, resource, data, li_store_get(f->store, resource)->value.size_bytes, &f->err));
    return data[0];
}

#endif
