/*
 * Rows put where indices say: ScatterNd adds, DynamicStitch overwrites. Each runs as one task, so the order is fixed.
 */
#include "common.h"

#include <string.h>

static lince_status nd_shape(struct li_infer *s)
{
    const struct li_shape *indices = li_in_shape(s, 0), *updates = li_in_shape(s, 1);
    struct li_shape out = {0}, wanted = {0};
    LI_TRY(li_ops_need(s, 0, LI_SET_INDEX));
    LI_TRY(li_ops_need(s, 1, LI_SET_NUMBER));
    LI_TRY(li_in_ints(s, 2, out.dim, LI_MAX_RANK, &out.rank));
    LI_TRY(li_out_is(s, 0, li_in_dtype(s, 1), &out)); /* checks the dims before they are used */
    int64_t depth = indices->rank < 1 ? -1 : indices->dim[indices->rank - 1];
    bool fits = depth >= 0 && depth <= out.rank && indices->rank - 1 + out.rank - depth <= LI_MAX_RANK;
    for (int i = 0; fits && i < indices->rank - 1; i++) {
        wanted.dim[wanted.rank++] = indices->dim[i];
    }
    for (int i = (int)depth; fits && i < out.rank; i++) {
        wanted.dim[wanted.rank++] = out.dim[i];
    }
    if (!fits || !li_shape_equal(&wanted, updates)) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT], c[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "indices %s and updates %s do not fit the shape %s",
                             li_shape_text(indices, a), li_shape_text(updates, b), li_shape_text(&out, c));
    }
    return LINCE_OK;
}

static lince_status nd_forward(struct li_call *c)
{
    const struct li_shape *indices = c->in[0].shape, *out = c->out[0].shape;
    lince_dtype dtype = c->out[0].dtype;
    int depth = (int)indices->dim[indices->rank - 1];
    int64_t rows = li_ops_product(indices, 0, indices->rank - 1), inner = li_ops_product(out, depth, out->rank);
    size_t bytes = (size_t)li_count(&c->out[0]) * li_dtype_size(dtype);
    if (bytes) {
        memset(c->out[0].data, 0, bytes);
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t at = 0;
        for (int d = 0; d < depth; d++) {
            int64_t index = li_index_at(&c->in[0], row * depth + d);
            if (index < 0 || index >= out->dim[d]) {
                return li_call_fail(c, LINCE_EDATA, "index %lld is outside [0, %lld) of dim %d", (long long)index,
                                    (long long)out->dim[d], d);
            }
            at = at * out->dim[d] + index;
        }
        li_block_add(li_at(c->out[0].data, dtype, at * inner), li_at(c->in[1].data, dtype, row * inner), dtype, inner);
    }
    return LINCE_OK;
}

static lince_status nd_grad(struct li_grad *g)
{
    return li_grad_emit(g, "GatherNd", (li_vid[]){g->dy[0], g->in[0]}, 2, NULL, 0, &g->dx[1]);
}

const struct li_op li_op_scatter_nd = {
    .name = "ScatterNd",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tindices"), {"bad_indices_policy", LI_ATTR_STRING, "", NULL}),
    .shape = nd_shape,
    .forward = nd_forward,
    .grad = nd_grad,
};

/* ---- DynamicStitch(indices N, data N): data[i] has the shape indices[i] + rest ---- */

static lince_status stitch_shape(struct li_infer *s)
{
    int n = s->node->nin / 2;
    struct li_shape out = {.rank = 1};
    int64_t largest = -1;
    if (s->node->nin % 2) {
        return li_infer_fail(s, LINCE_EINVAL, "%d inputs; wants as many indices as values", s->node->nin);
    }
    LI_TRY(li_ops_need(s, n, LI_SET_MOVABLE));
    LI_TRY(li_ops_need_alike(s, n, 2 * n));
    for (int i = 0; i < n; i++) {
        const struct li_shape *indices = li_in_shape(s, i), *data = li_in_shape(s, n + i);
        const struct li_tensor *known;
        struct li_shape rest = {.rank = 1};
        LI_TRY(li_ops_need(s, i, LI_BIT(LINCE_INT32)));
        LI_TRY(li_in_value(s, i, &known));
        bool fits = data->rank >= indices->rank && data->rank - indices->rank < LI_MAX_RANK;
        for (int d = 0; fits && d < data->rank; d++) {
            if (d < indices->rank) {
                fits = data->dim[d] == indices->dim[d];
            } else {
                rest.dim[rest.rank++] = data->dim[d];
            }
        }
        if (!fits || (i > 0 && !li_shape_equal(&rest, &out))) {
            return li_infer_fail(s, LINCE_EINVAL, "the values of part %d do not fit its indices and part 0", i);
        }
        out = rest;
        for (int64_t k = 0; k < li_shape_count(indices); k++) {
            largest = LI_MAX(largest, li_tensor_int(known, k));
        }
    }
    out.dim[0] = largest + 1;
    return li_out_is(s, 0, li_in_dtype(s, n), &out);
}

static lince_status stitch_forward(struct li_call *c)
{
    int n = c->node->nin / 2;
    int64_t rows = c->out[0].shape->dim[0];
    size_t bytes = (size_t)li_ops_product(c->out[0].shape, 1, c->out[0].shape->rank) * li_dtype_size(c->out[0].dtype);
    if (rows && bytes) {
        memset(c->out[0].data, 0, (size_t)rows * bytes);
    }
    for (int i = 0; i < n; i++) {
        for (int64_t k = 0; k < li_count(&c->in[i]); k++) {
            int64_t row = li_index_at(&c->in[i], k);
            if (row < 0 || row >= rows) {
                return li_call_fail(c, LINCE_EDATA, "index %lld is outside [0, %lld)", (long long)row, (long long)rows);
            }
            if (bytes) {
                memcpy((char *)c->out[0].data + (size_t)row * bytes,
                       (const char *)c->in[n + i].data + (size_t)k * bytes, bytes);
            }
        }
    }
    return LINCE_OK;
}

/* Each part takes its rows back, also those that a later part overwrote: so in TensorFlow. */
static lince_status stitch_grad(struct li_grad *g)
{
    int n = g->node->nin / 2;
    li_vid axis;
    LI_TRY(li_grad_ints(g, (int64_t[]){0}, 1, &axis));
    for (int i = 0; i < n; i++) {
        LI_TRY(li_grad_emit(g, "GatherV2", (li_vid[]){g->dy[0], g->in[i], axis}, 3, NULL, 0, &g->dx[n + i]));
    }
    return LINCE_OK;
}

const struct li_op li_op_dynamic_stitch = {
    .name = "DynamicStitch",
    .inputs_min = 2,
    .inputs_max = -1,
    .outputs = LI_OUTPUT("merged"),
    .attrs = LI_ATTRS(LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T")),
    .shape = stitch_shape,
    .forward = stitch_forward,
    .grad = stitch_grad,
};
