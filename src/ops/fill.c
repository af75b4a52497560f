/* Values made from almost nothing: Fill, ZerosLike, OnesLike, Range, OneHot. */
#include "common.h"

#include <math.h>

/* Repeat one element over the task's part of the output. */
static void repeat(struct li_call *c, const void *element)
{
    struct li_move m = {.size = li_dtype_size(c->out[0].dtype)};
    li_move_dim(&m, li_count(&c->out[0]), 1, 0);
    li_move_run(&m, c->out[0].data, element, c->task, c->tasks);
}

static lince_status fill_shape(struct li_infer *s)
{
    struct li_shape out = {0};
    LI_TRY(li_in_ints(s, 0, out.dim, LI_MAX_RANK, &out.rank));
    LI_TRY(li_ops_need(s, 1, LI_SET_MOVABLE));
    LI_TRY(li_need_rank(s, 1, 0));
    return li_out_is(s, 0, li_in_dtype(s, 1), &out);
}

static lince_status fill_forward(struct li_call *c)
{
    repeat(c, c->in[1].data);
    return LINCE_OK;
}

/* The sum of all. */
static lince_status fill_grad(struct li_grad *g)
{
    return li_grad_unbroadcast(g, g->dy[0], g->in[1], &g->dx[1]);
}

const struct li_op li_op_fill = {
    .name = "Fill",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"index_type", LI_ATTR_TYPE, "int32", NULL}),
    .shape = fill_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = fill_forward,
    .grad = fill_grad,
};

static lince_status like_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_COMPUTED));
    return li_out_same(s, 0, 0);
}

static lince_status like_forward(struct li_call *c, int value)
{
    union li_block one;
    uint64_t element = 0;
    if (li_domain_of(c->out[0].dtype) == LI_DOMAIN_FLOAT) {
        one.f[0] = value;
    } else {
        one.i[0] = value;
    }
    li_block_store(&element, c->out[0].dtype, &one, 1);
    repeat(c, &element);
    return LINCE_OK;
}

static lince_status zeros_forward(struct li_call *c)
{
    return like_forward(c, 0);
}

static lince_status ones_forward(struct li_call *c)
{
    return like_forward(c, 1);
}

#define LIKE(id, op, run)                                                                                              \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .outputs = LI_OUTPUT("y"),                                                                                     \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),                                                                          \
        .shape = like_shape,                                                                                           \
        .prepare = li_ops_prepare_cheap,                                                                               \
        .forward = run,                                                                                                \
        .grad = li_grad_none,                                                                                          \
    }

LIKE(zeros_like, "ZerosLike", zeros_forward);
LIKE(ones_like, "OnesLike", ones_forward);

/* ---- Range ---- */

static lince_status range_shape(struct li_infer *s)
{
    const struct li_tensor *t[3];
    struct li_shape out = {.rank = 1};
    bool real = li_dtype_in(li_in_dtype(s, 0), LI_SET_FLOAT);
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_ops_need_alike(s, 0, 3));
    for (int i = 0; i < 3; i++) {
        LI_TRY(li_in_value(s, i, &t[i]));
        if (li_shape_count(&t[i]->shape) != 1) {
            return li_infer_fail(s, LINCE_EINVAL, "input %d is no single number", i);
        }
    }
    double start = real ? li_tensor_float(t[0], 0) : (double)li_tensor_int(t[0], 0);
    double limit = real ? li_tensor_float(t[1], 0) : (double)li_tensor_int(t[1], 0);
    double delta = real ? li_tensor_float(t[2], 0) : (double)li_tensor_int(t[2], 0);
    double count = ceil(fabs((limit - start) / delta));
    if (delta == 0 || (delta > 0 ? start > limit : start < limit) || !(count < 9e15)) {
        return li_infer_fail(s, LINCE_EINVAL, "no way from %g to %g in steps of %g", start, limit, delta);
    }
    out.dim[0] = (int64_t)count;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status range_forward(struct li_call *c)
{
    lince_dtype dtype = c->out[0].dtype;
    union li_block start, delta, part;
    int64_t count = li_count(&c->out[0]);
    li_block_load(&start, dtype, c->in[0].data, 1, 1);
    li_block_load(&delta, dtype, c->in[2].data, 1, 1);
    for (int64_t i = 0; i < count; i += LI_BLOCK) {
        int64_t n = LI_MIN(count - i, LI_BLOCK);
        for (int64_t k = 0; k < n; k++) {
            if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
                part.f[k] = start.f[0] + delta.f[0] * (double)(i + k);
            } else {
                part.u[k] = start.u[0] + delta.u[0] * (uint64_t)(i + k);
            }
        }
        li_block_store(li_at(c->out[0].data, dtype, i), dtype, &part, n);
    }
    return LINCE_OK;
}

const struct li_op li_op_range = {
    .name = "Range",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("Tidx")),
    .shape = range_shape,
    .forward = range_forward,
    .grad = li_grad_none,
};

/* ---- OneHot(indices, depth, on, off): a new axis of length depth ---- */

static lince_status one_hot_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = *in;
    int64_t depth;
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_INDEX | LI_BIT(LINCE_UINT8)));
    LI_TRY(li_in_int(s, 1, &depth));
    LI_TRY(li_ops_need(s, 2, LI_SET_MOVABLE));
    LI_TRY(li_need_same_dtype(s, 2, 3));
    LI_TRY(li_need_rank(s, 2, 0));
    LI_TRY(li_need_rank(s, 3, 0));
    if (depth < 0 || in->rank == LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_EINVAL, "depth %lld on indices of rank %d", (long long)depth, in->rank);
    }
    LI_TRY(li_axis(s, li_attr_int(s->node, "axis"), in->rank + 1, &axis));
    for (int i = out.rank++; i > axis; i--) {
        out.dim[i] = out.dim[i - 1];
    }
    out.dim[axis] = depth;
    return li_out_is(s, 0, li_in_dtype(s, 2), &out);
}

static lince_status one_hot_forward(struct li_call *c)
{
    const struct li_shape *out = c->out[0].shape;
    size_t size = li_dtype_size(c->out[0].dtype);
    int64_t axis = li_attr_int(c->node, "axis"), begin, end;
    axis += axis < 0 ? out->rank : 0;
    int64_t depth = out->dim[axis], inner = li_ops_product(out, (int)axis + 1, out->rank);
    struct li_move off = {.size = size};
    li_task_range(c, li_ops_product(out, 0, (int)axis), &begin, &end);
    li_move_dim(&off, (end - begin) * depth * inner, 1, 0);
    li_move_run(&off, li_at(c->out[0].data, c->out[0].dtype, begin * depth * inner), c->in[3].data, 0, 1);
    for (int64_t i = begin * inner; i < end * inner; i++) {
        int64_t index = c->in[0].dtype == LINCE_UINT8 ? ((const uint8_t *)c->in[0].data)[i] : li_index_at(&c->in[0], i);
        if (index >= 0 && index < depth) {
            struct li_move on = {.size = size};
            li_move_run(&on, li_at(c->out[0].data, c->out[0].dtype, (i / inner * depth + index) * inner + i % inner),
                        c->in[2].data, 0, 1);
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_one_hot = {
    .name = "OneHot",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"axis", LI_ATTR_INT, "-1", NULL}, LI_TYPE_SPEC("T"), LI_TYPE_SPEC("TI")),
    .shape = one_hot_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = one_hot_forward,
    .grad = li_grad_none,
};
