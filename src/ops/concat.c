/* Several values become one: ConcatV2, Concat, Pack. */
#include "common.h"

/* ---- Concat: the axis is the last input of ConcatV2, the first of Concat ---- */

static lince_status concat(struct li_infer *s, int first, int axis_input)
{
    struct li_shape out = *li_in_shape(s, first);
    int64_t wanted;
    int axis;
    LI_TRY(li_ops_need(s, first, LI_SET_MOVABLE));
    LI_TRY(li_ops_need_alike(s, first, first + s->node->nin - 1));
    LI_TRY(li_in_int(s, axis_input, &wanted));
    LI_TRY(li_axis(s, wanted, out.rank, &axis));
    for (int i = first + 1; i < first + s->node->nin - 1; i++) {
        const struct li_shape *part = li_in_shape(s, i);
        struct li_shape like = *part;
        if (part->rank == out.rank) {
            like.dim[axis] = out.dim[axis];
        }
        if (!li_shape_equal(&like, &out)) {
            char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
            return li_infer_fail(s, LINCE_EINVAL, "shapes %s and %s differ in more than axis %d",
                                 li_shape_text(li_in_shape(s, first), a), li_shape_text(part, b), axis);
        }
        if (__builtin_add_overflow(out.dim[axis], part->dim[axis], &out.dim[axis])) {
            return li_infer_fail(s, LINCE_ELIMIT, "the sum of dims along axis %d is too large", axis);
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, first), &out);
}

static lince_status concat_v2_shape(struct li_infer *s)
{
    return concat(s, 0, s->node->nin - 1);
}

static lince_status concat_v1_shape(struct li_infer *s)
{
    return concat(s, 1, 0);
}

static lince_status join(struct li_call *c, int first, int axis_input)
{
    int rank = c->out[0].shape->rank;
    int64_t axis = li_index_at(&c->in[axis_input], 0), at = 0;
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, rank);
    }
    for (int i = first; i < first + c->node->nin - 1; i++) {
        const struct li_operand *part = &c->in[i];
        struct li_move m = {.size = li_dtype_size(part->dtype)};
        li_move_shape(&m, part->shape, c->out[0].stride, part->stride);
        li_move_run(&m, li_at(c->out[0].data, part->dtype, at), part->data, c->task, c->tasks);
        at += part->shape->dim[axis] * c->out[0].stride[axis];
    }
    return LINCE_OK;
}

static lince_status concat_v2_forward(struct li_call *c)
{
    return join(c, 0, c->node->nin - 1);
}

static lince_status concat_v1_forward(struct li_call *c)
{
    return join(c, 1, 0);
}

/* Each part's own range of the gradient. */
static lince_status take_apart(struct li_grad *g, int first, int axis_input)
{
    const int rank = g->graph->values[g->in[first]].shape.rank;
    const struct li_tensor *known = g->graph->values[g->in[axis_input]].constant;
    if (!known) {
        return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient, its axis is not a constant",
                       g->node->name);
    }
    int64_t axis = li_tensor_int(known, 0), begin[LI_MAX_RANK] = {0};
    axis += axis < 0 ? rank : 0;
    for (int i = first; i < first + g->node->nin - 1; i++) {
        const struct li_shape shape = g->graph->values[g->in[i]].shape;
        li_vid in[3] = {g->dy[0], LI_NONE, LI_NONE};
        LI_TRY(li_grad_ints(g, begin, rank, &in[1]));
        LI_TRY(li_grad_ints(g, shape.dim, rank, &in[2]));
        LI_TRY(li_grad_emit(g, "Slice", in, 3, NULL, 0, &g->dx[i]));
        begin[axis] += shape.dim[axis];
    }
    return LINCE_OK;
}

static lince_status concat_v2_grad(struct li_grad *g)
{
    return take_apart(g, 0, g->node->nin - 1);
}

static lince_status concat_v1_grad(struct li_grad *g)
{
    return take_apart(g, 1, 0);
}

const struct li_op li_op_concat_v2 = {
    .name = "ConcatV2",
    .inputs_min = 2,
    .inputs_max = -1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tidx")),
    .shape = concat_v2_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = concat_v2_forward,
    .grad = concat_v2_grad,
};

const struct li_op li_op_concat = {
    .name = "Concat",
    .inputs_min = 2,
    .inputs_max = -1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T")),
    .shape = concat_v1_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = concat_v1_forward,
    .grad = concat_v1_grad,
};

/* ---- Pack: a new axis ---- */

static lince_status pack_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need_alike(s, 0, s->node->nin));
    for (int i = 1; i < s->node->nin; i++) {
        if (!li_shape_equal(li_in_shape(s, i), &out)) {
            char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
            return li_infer_fail(s, LINCE_EINVAL, "packs shapes %s and %s; they must be equal", li_shape_text(&out, a),
                                 li_shape_text(li_in_shape(s, i), b));
        }
    }
    if (out.rank == LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_ELIMIT, "the result would have more than %d dims", LI_MAX_RANK);
    }
    LI_TRY(li_axis(s, li_attr_int(s->node, "axis"), out.rank + 1, &axis));
    for (int i = out.rank++; i > axis; i--) {
        out.dim[i] = out.dim[i - 1];
    }
    out.dim[axis] = s->node->nin;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status pack_forward(struct li_call *c)
{
    int rank = c->out[0].shape->rank, axis = (int)li_attr_int(c->node, "axis");
    int64_t stride[LI_MAX_RANK];
    axis += axis < 0 ? rank : 0;
    for (int d = 0, k = 0; d < rank; d++) {
        if (d != axis) {
            stride[k++] = c->out[0].stride[d];
        }
    }
    for (int i = 0; i < c->node->nin; i++) {
        const struct li_operand *part = &c->in[i];
        struct li_move m = {.size = li_dtype_size(part->dtype)};
        li_move_shape(&m, part->shape, stride, part->stride);
        li_move_run(&m, li_at(c->out[0].data, part->dtype, i * c->out[0].stride[axis]), part->data, c->task, c->tasks);
    }
    return LINCE_OK;
}

static lince_status pack_grad(struct li_grad *g)
{
    const struct li_attr attrs[] = {LI_INT("num", g->node->nin), LI_INT("axis", li_attr_int(g->node, "axis"))};
    return li_graph_emit(g->graph, "Unpack", g->node->name, g->dy, 1, attrs, 2, g->dx, g->node->nin, g->err);
}

const struct li_op li_op_pack = {
    .name = "Pack",
    .inputs_min = 1,
    .inputs_max = -1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T"), {"axis", LI_ATTR_INT, "0", NULL}),
    .shape = pack_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = pack_forward,
    .grad = pack_grad,
};
