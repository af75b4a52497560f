/*
 * Elements and rows chosen by index: GatherV2, Gather, ResourceGather, GatherNd, and _LiGatherGrad, which adds rows up
 * where the first three took them. An index out of range is an error.
 */
#include "common.h"

#include <string.h>

/* params[batch, outer, n, inner] and indices[batch, m] to out[batch, outer, m, inner]. */
struct gather {
    int64_t batch, outer, n, inner, m;
};

static lince_status gather_rows(struct li_call *c, const struct gather *d, const struct li_operand *params,
                                const struct li_operand *indices)
{
    int64_t begin, end;
    size_t bytes = (size_t)d->inner * li_dtype_size(params->dtype);
    const char *from = params->data;
    char *to = c->out[0].data;
    li_task_range(c, d->batch * d->outer * d->m, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t block = row / d->m, index = li_index_at(indices, block / d->outer * d->m + row % d->m);
        if (index < 0 || index >= d->n) {
            return li_call_fail(c, LINCE_EDATA, "index %lld is outside [0, %lld)", (long long)index, (long long)d->n);
        }
        if (bytes) {
            memcpy(to + (size_t)row * bytes, from + (size_t)(block * d->n + index) * bytes, bytes);
        }
    }
    return LINCE_OK;
}

/* The axis was checked by the rule; it may come from another run's data, so it is checked again. */
static lince_status describe(const struct li_call *c, struct gather *d, const struct li_shape *params, int64_t axis)
{
    const struct li_shape *indices = c->in[1].shape;
    int64_t batch_dims = li_attr_int(c->node, "batch_dims");
    axis += axis < 0 ? params->rank : 0;
    batch_dims += batch_dims < 0 ? indices->rank : 0;
    if (axis < batch_dims || axis >= params->rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, params->rank);
    }
    d->batch = li_ops_product(params, 0, (int)batch_dims);
    d->outer = li_ops_product(params, (int)batch_dims, (int)axis);
    d->n = params->dim[axis];
    d->inner = li_ops_product(params, (int)axis + 1, params->rank);
    d->m = li_ops_product(indices, (int)batch_dims, indices->rank);
    return LINCE_OK;
}

/* params[:axis] + indices[batch_dims:] + params[axis+1:] */
static lince_status gathered(const struct li_infer *s, const struct li_shape *params, int64_t wanted_axis,
                             struct li_shape *out)
{
    const struct li_shape *indices = li_in_shape(s, 1);
    int64_t batch_dims = li_attr_int(s->node, "batch_dims");
    int axis;
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    batch_dims += batch_dims < 0 ? indices->rank : 0;
    LI_TRY(li_axis(s, wanted_axis, params->rank, &axis));
    if (batch_dims < 0 || batch_dims > indices->rank || batch_dims > axis) {
        return li_infer_fail(s, LINCE_EINVAL, "batch_dims %lld does not fit axis %d and indices of rank %d",
                             (long long)batch_dims, axis, indices->rank);
    }
    for (int i = 0; i < batch_dims; i++) {
        if (params->dim[i] != indices->dim[i]) {
            return li_infer_fail(s, LINCE_EINVAL, "batch dim %d is %lld in the values and %lld in the indices", i,
                                 (long long)params->dim[i], (long long)indices->dim[i]);
        }
    }
    if (params->rank - 1 + indices->rank - (int)batch_dims > LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_ELIMIT, "the result would have more than %d dims", LI_MAX_RANK);
    }
    out->rank = 0;
    for (int i = 0; i < axis; i++) {
        out->dim[out->rank++] = params->dim[i];
    }
    for (int i = (int)batch_dims; i < indices->rank; i++) {
        out->dim[out->rank++] = indices->dim[i];
    }
    for (int i = axis + 1; i < params->rank; i++) {
        out->dim[out->rank++] = params->dim[i];
    }
    return LINCE_OK;
}

static lince_status gather_result(struct li_infer *s, lince_dtype dtype, const struct li_shape *params, int64_t axis)
{
    struct li_shape out;
    LI_TRY(gathered(s, params, axis, &out));
    return li_out_is(s, 0, dtype, &out);
}

static lince_status gather_v2_shape(struct li_infer *s)
{
    int64_t axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_int(s, 2, &axis));
    return gather_result(s, li_in_dtype(s, 0), li_in_shape(s, 0), axis);
}

static lince_status gather_v1_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    return gather_result(s, li_in_dtype(s, 0), li_in_shape(s, 0), 0);
}

static lince_status gather_run(struct li_call *c, const struct li_operand *params, int64_t axis)
{
    struct gather d;
    LI_TRY(describe(c, &d, params->shape, axis));
    return gather_rows(c, &d, params, &c->in[1]);
}

static lince_status gather_v2_forward(struct li_call *c)
{
    return gather_run(c, &c->in[0], li_index_at(&c->in[2], 0));
}

static lince_status gather_v1_forward(struct li_call *c)
{
    return gather_run(c, &c->in[0], 0);
}

/* The values' gradient: what arrives at rows that were taken more than once adds up. */
static lince_status scatter_back(struct li_grad *g, const struct li_shape *params, li_vid axis)
{
    const struct li_attr batch = LI_INT("batch_dims", li_attr_int(g->node, "batch_dims"));
    li_vid in[4] = {LI_NONE, g->in[1], axis, g->dy[0]};
    LI_TRY(li_grad_ints(g, params->dim, params->rank, &in[0]));
    return li_grad_emit(g, "_LiGatherGrad", in, 4, &batch, 1, &g->dx[0]);
}

static lince_status gather_v2_grad(struct li_grad *g)
{
    const struct li_shape params = g->graph->values[g->in[0]].shape;
    return scatter_back(g, &params, g->in[2]);
}

/* Along the first axis. */
static lince_status scatter_rows_back(struct li_grad *g, const struct li_shape *params)
{
    li_vid axis;
    LI_TRY(li_grad_ints(g, (int64_t[]){0}, 1, &axis));
    return scatter_back(g, params, axis);
}

static lince_status gather_v1_grad(struct li_grad *g)
{
    const struct li_shape params = g->graph->values[g->in[0]].shape;
    return scatter_rows_back(g, &params);
}

#define BATCH_DIMS                                                                                                     \
    {                                                                                                                  \
        "batch_dims", LI_ATTR_INT, "0", NULL                                                                           \
    }
#define VALIDATE                                                                                                       \
    {                                                                                                                  \
        "validate_indices", LI_ATTR_BOOL, "true", NULL                                                                 \
    }

const struct li_op li_op_gather_v2 = {
    .name = "GatherV2",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(BATCH_DIMS, LI_TYPE_SPEC("Tparams"), LI_TYPE_SPEC("Tindices"), LI_TYPE_SPEC("Taxis")),
    .shape = gather_v2_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = gather_v2_forward,
    .grad = gather_v2_grad,
};

const struct li_op li_op_gather = {
    .name = "Gather",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(VALIDATE, BATCH_DIMS, LI_TYPE_SPEC("Tparams"), LI_TYPE_SPEC("Tindices")),
    .shape = gather_v1_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = gather_v1_forward,
    .grad = gather_v1_grad,
};

/* ---- ResourceGather: rows of a variable ---- */

static lince_status resource_gather_shape(struct li_infer *s)
{
    const struct li_resource *r = li_ops_resource(s);
    if (!r || r->kind == LI_TABLE) {
        return li_infer_fail(s, LINCE_EINVAL, "input 0 is no handle of a variable");
    }
    return gather_result(s, r->dtype, &r->shape, 0);
}

static lince_status resource_gather_forward(struct li_call *c)
{
    return gather_run(c, c->state[0].in, 0);
}

/* To the handle: of the whole variable, zeros where no index points. */
static lince_status resource_gather_grad(struct li_grad *g)
{
    const int32_t variable = g->graph->values[g->in[0]].resource;
    return scatter_rows_back(g, &li_store_get(g->graph->store, variable)->shape);
}

const struct li_op li_op_resource_gather = {
    .name = "ResourceGather",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(BATCH_DIMS, VALIDATE, LI_TYPE_SPEC("dtype"), LI_TYPE_SPEC("Tindices")),
    .shape = resource_gather_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = resource_gather_forward,
    .grad = resource_gather_grad,
    .effects = LI_EFFECT_READ,
};

/* ---- _LiGatherGrad(shape of the values, indices, axis, gradient of the output) ---- */

static lince_status gather_grad_shape(struct li_infer *s)
{
    struct li_shape params, wanted;
    int64_t axis;
    LI_TRY(li_ops_need(s, 3, LI_SET_NUMBER));
    LI_TRY(li_in_ints(s, 0, params.dim, LI_MAX_RANK, &params.rank));
    LI_TRY(li_out_is(s, 0, li_in_dtype(s, 3), &params)); /* checks the dims before they are used */
    LI_TRY(li_in_int(s, 2, &axis));
    LI_TRY(gathered(s, &params, axis, &wanted));
    if (!li_shape_equal(&wanted, li_in_shape(s, 3))) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "the gradient has shape %s, wanted %s",
                             li_shape_text(li_in_shape(s, 3), a), li_shape_text(&wanted, b));
    }
    return LINCE_OK;
}

/* Columns [begin, end) of one block: its n rows are zeros at first, and m rows of the gradient add to them in order. */
static lince_status add_rows(struct li_call *c, const struct gather *d, int64_t block, int64_t begin, int64_t end)
{
    const lince_dtype dtype = c->out[0].dtype;
    const size_t bytes = (size_t)(end - begin) * li_dtype_size(dtype);
    for (int64_t row = 0; row < d->n; row++) {
        memset(li_at(c->out[0].data, dtype, (block * d->n + row) * d->inner + begin), 0, bytes);
    }
    for (int64_t row = 0; row < d->m; row++) {
        int64_t index = li_index_at(&c->in[1], block / d->outer * d->m + row);
        if (index < 0 || index >= d->n) {
            return li_call_fail(c, LINCE_EDATA, "index %lld is outside [0, %lld)", (long long)index, (long long)d->n);
        }
        li_block_add(li_at(c->out[0].data, dtype, (block * d->n + index) * d->inner + begin),
                     li_at(c->in[3].data, dtype, (block * d->m + row) * d->inner + begin), dtype, end - begin);
    }
    return LINCE_OK;
}

/* Tasks divide blocks and columns, never the rows that may meet. */
static lince_status gather_grad_forward(struct li_call *c)
{
    struct gather d;
    int64_t begin, end;
    LI_TRY(describe(c, &d, c->out[0].shape, li_index_at(&c->in[2], 0)));
    li_task_range(c, d.batch * d.outer * d.inner, &begin, &end);
    while (begin < end) {
        int64_t block = begin / d.inner, column = begin % d.inner, count = LI_MIN(d.inner - column, end - begin);
        LI_TRY(add_rows(c, &d, block, column, column + count));
        begin += count;
    }
    return LINCE_OK;
}

/* Linear in its last input: rows taken again. */
static lince_status gather_grad_grad(struct li_grad *g)
{
    const struct li_attr batch = LI_INT("batch_dims", li_attr_int(g->node, "batch_dims"));
    return li_grad_emit(g, "GatherV2", (li_vid[]){g->dy[0], g->in[1], g->in[2]}, 3, &batch, 1, &g->dx[3]);
}

const struct li_op li_op_li_gather_grad = {
    .name = "_LiGatherGrad",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(BATCH_DIMS),
    .shape = gather_grad_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = gather_grad_forward,
    .grad = gather_grad_grad,
    .flags = LI_OP_INTERNAL,
};

/* ---- GatherNd: each index is a whole coordinate ---- */

static lince_status nd_shape(struct li_infer *s)
{
    const struct li_shape *params = li_in_shape(s, 0), *indices = li_in_shape(s, 1);
    struct li_shape out = {0};
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    int64_t depth = indices->rank < 1 ? -1 : indices->dim[indices->rank - 1];
    if (depth < 0 || depth > params->rank || indices->rank - 1 + params->rank - depth > LI_MAX_RANK) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "indices of shape %s do not fit values of rank %d",
                             li_shape_text(indices, text), params->rank);
    }
    for (int i = 0; i < indices->rank - 1; i++) {
        out.dim[out.rank++] = indices->dim[i];
    }
    for (int i = (int)depth; i < params->rank; i++) {
        out.dim[out.rank++] = params->dim[i];
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status nd_forward(struct li_call *c)
{
    const struct li_shape *params = c->in[0].shape, *indices = c->in[1].shape;
    int depth = (int)indices->dim[indices->rank - 1];
    size_t bytes = (size_t)li_ops_product(params, depth, params->rank) * li_dtype_size(c->in[0].dtype);
    int64_t begin, end;
    li_task_range(c, li_ops_product(indices, 0, indices->rank - 1), &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t at = 0;
        for (int d = 0; d < depth; d++) {
            int64_t index = li_index_at(&c->in[1], row * depth + d);
            if (index < 0 || index >= params->dim[d]) {
                return li_call_fail(c, LINCE_EDATA, "index %lld is outside [0, %lld) of dim %d", (long long)index,
                                    (long long)params->dim[d], d);
            }
            at = at * params->dim[d] + index;
        }
        if (bytes) {
            memcpy((char *)c->out[0].data + (size_t)row * bytes, (const char *)c->in[0].data + (size_t)at * bytes,
                   bytes);
        }
    }
    return LINCE_OK;
}

static lince_status nd_grad(struct li_grad *g)
{
    li_vid shape;
    LI_TRY(li_grad_emit(g, "Shape", g->in, 1, (struct li_attr[]){LI_TYPE("out_type", g->graph->values[g->in[1]].dtype)},
                        1, &shape));
    return li_grad_emit(g, "ScatterNd", (li_vid[]){g->in[1], g->dy[0], shape}, 3, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_gather_nd = {
    .name = "GatherNd",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs =
        LI_ATTRS(LI_TYPE_SPEC("Tparams"), LI_TYPE_SPEC("Tindices"), {"bad_indices_policy", LI_ATTR_STRING, "", NULL}),
    .shape = nd_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = nd_forward,
    .grad = nd_grad,
};
