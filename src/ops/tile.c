/* One value, repeated: Tile, BroadcastTo. */
#include "common.h"

static lince_status tile_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    int64_t multiples[LI_MAX_RANK];
    int count;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_ints(s, 1, multiples, LI_MAX_RANK, &count));
    if (count != out.rank) {
        return li_infer_fail(s, LINCE_EINVAL, "%d multiples for %d dims", count, out.rank);
    }
    for (int i = 0; i < count; i++) {
        if (multiples[i] < 0 || __builtin_mul_overflow(out.dim[i], multiples[i], &out.dim[i])) {
            return li_infer_fail(s, LINCE_EINVAL, "dim %d cannot be repeated %lld times", i, (long long)multiples[i]);
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status tile_forward(struct li_call *c)
{
    const struct li_shape *in = c->in[0].shape;
    struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
    if (li_count(&c->out[0]) == 0) {
        return LINCE_OK;
    }
    for (int i = 0; i < in->rank; i++) {
        li_move_dim(&m, c->out[0].shape->dim[i] / in->dim[i], c->out[0].stride[i] * in->dim[i], 0);
        li_move_dim(&m, in->dim[i], c->out[0].stride[i], c->in[0].stride[i]);
    }
    li_move_run(&m, c->out[0].data, c->in[0].data, c->task, c->tasks);
    return LINCE_OK;
}

/* Reshape to [m0, d0, m1, d1, ...] and sum over the m. */
static lince_status tile_grad(struct li_grad *g)
{
    const struct li_shape in = g->graph->values[g->in[0]].shape, out = g->graph->values[g->out[0]].shape;
    int64_t split[LI_MAX_RANK];
    int32_t axes[LI_MAX_RANK], rank = 0, repeated = 0;
    for (int i = 0; i < in.rank; i++) {
        if (in.dim[i] != out.dim[i]) {
            if (rank + 2 > LI_MAX_RANK) {
                return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient for so many repeated dims",
                               g->node->name);
            }
            axes[repeated++] = rank;
            split[rank++] = in.dim[i] ? out.dim[i] / in.dim[i] : 0;
        }
        if (rank + 1 > LI_MAX_RANK) {
            return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient for so many repeated dims",
                           g->node->name);
        }
        split[rank++] = in.dim[i];
    }
    const struct li_tensor shape = {
        .dtype = LINCE_INT64, .shape = {.rank = 1, .dim = {rank}}, .data = split, .size_bytes = (size_t)rank * 8};
    const struct li_tensor over = {.dtype = LINCE_INT32,
                                   .shape = {.rank = 1, .dim = {repeated}},
                                   .data = axes,
                                   .size_bytes = (size_t)repeated * 4};
    const struct li_tensor *own[2];
    li_vid constant[2], parts;
    LI_TRY(li_graph_own_tensor(g->graph, &shape, &own[0], g->err));
    LI_TRY(li_graph_own_tensor(g->graph, &over, &own[1], g->err));
    LI_TRY(li_graph_constant(g->graph, own[0], &constant[0], g->err));
    LI_TRY(li_graph_constant(g->graph, own[1], &constant[1], g->err));
    LI_TRY(li_grad_emit(g, "Reshape", (li_vid[]){g->dy[0], constant[0]}, 2, NULL, 0, &parts));
    return li_grad_emit(g, "Sum", (li_vid[]){parts, constant[1]}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_tile = {
    .name = "Tile",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tmultiples")),
    .shape = tile_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = tile_forward,
    .grad = tile_grad,
};

/* ---- BroadcastTo ---- */

static lince_status broadcast_shape(struct li_infer *s)
{
    struct li_shape out = {0}, both;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_ints(s, 1, out.dim, LI_MAX_RANK, &out.rank));
    LI_TRY(li_broadcast(s, li_in_shape(s, 0), &out, &both));
    if (!li_shape_equal(&both, &out)) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "shape %s does not broadcast to %s", li_shape_text(li_in_shape(s, 0), a),
                             li_shape_text(&out, b));
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status broadcast_forward(struct li_call *c)
{
    const struct li_shape *in = c->in[0].shape, *out = c->out[0].shape;
    struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
    int missing = out->rank - in->rank;
    for (int i = 0; i < out->rank; i++) {
        bool repeated = i < missing || in->dim[i - missing] == 1;
        li_move_dim(&m, out->dim[i], c->out[0].stride[i], repeated ? 0 : c->in[0].stride[i - missing]);
    }
    li_move_run(&m, c->out[0].data, c->in[0].data, c->task, c->tasks);
    return LINCE_OK;
}

static lince_status broadcast_grad(struct li_grad *g)
{
    return li_grad_unbroadcast(g, g->dy[0], g->in[0], &g->dx[0]);
}

const struct li_op li_op_broadcast_to = {
    .name = "BroadcastTo",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tidx")),
    .shape = broadcast_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = broadcast_forward,
    .grad = broadcast_grad,
};
