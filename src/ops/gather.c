/* Elements and rows chosen by index: GatherV2, Gather, ResourceGather, GatherNd. An index out of range is an error. */
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

static void describe(struct gather *d, const struct li_shape *params, const struct li_shape *indices, int axis,
                     int batch_dims)
{
    d->batch = li_ops_product(params, 0, batch_dims);
    d->outer = li_ops_product(params, batch_dims, axis);
    d->n = params->dim[axis];
    d->inner = li_ops_product(params, axis + 1, params->rank);
    d->m = li_ops_product(indices, batch_dims, indices->rank);
}

/* params[:axis] + indices[batch_dims:] + params[axis+1:] */
static lince_status gather_result(struct li_infer *s, lince_dtype dtype, const struct li_shape *params,
                                  int64_t wanted_axis)
{
    const struct li_shape *indices = li_in_shape(s, 1);
    struct li_shape out = {0};
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
    for (int i = 0; i < axis; i++) {
        out.dim[out.rank++] = params->dim[i];
    }
    for (int i = (int)batch_dims; i < indices->rank; i++) {
        out.dim[out.rank++] = indices->dim[i];
    }
    for (int i = axis + 1; i < params->rank; i++) {
        out.dim[out.rank++] = params->dim[i];
    }
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
    int64_t batch_dims = li_attr_int(c->node, "batch_dims");
    axis += axis < 0 ? params->shape->rank : 0;
    batch_dims += batch_dims < 0 ? c->in[1].shape->rank : 0;
    if (axis < batch_dims || axis >= params->shape->rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, params->shape->rank);
    }
    describe(&d, params->shape, c->in[1].shape, (int)axis, (int)batch_dims);
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

const struct li_op li_op_resource_gather = {
    .name = "ResourceGather",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(BATCH_DIMS, VALIDATE, LI_TYPE_SPEC("dtype"), LI_TYPE_SPEC("Tindices")),
    .shape = resource_gather_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = resource_gather_forward,
    .effects = LI_EFFECT_READ,
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
