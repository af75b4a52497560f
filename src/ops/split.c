/* One value becomes several: Split, SplitV, Unpack. */
#include "common.h"

/* ---- Split and SplitV ---- */

static lince_status split_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 1);
    int64_t wanted;
    int axis;
    LI_TRY(li_ops_need(s, 1, LI_SET_MOVABLE));
    LI_TRY(li_in_int(s, 0, &wanted));
    LI_TRY(li_axis(s, wanted, out.rank, &axis));
    if (s->node->nout < 1 || out.dim[axis] % s->node->nout != 0) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld along axis %d do not split into %d equal parts",
                             (long long)out.dim[axis], axis, s->node->nout);
    }
    out.dim[axis] /= s->node->nout;
    for (int i = 0; i < s->node->nout; i++) {
        LI_TRY(li_out_is(s, i, li_in_dtype(s, 1), &out));
    }
    return LINCE_OK;
}

/* At most one size is -1: what the others leave. */
static lince_status split_v_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    const struct li_tensor *sizes;
    int64_t wanted, given = 0;
    int axis, open = -1;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 1, 1));
    LI_TRY(li_in_value(s, 1, &sizes));
    LI_TRY(li_in_int(s, 2, &wanted));
    LI_TRY(li_axis(s, wanted, out.rank, &axis));
    if (s->node->nout < 1 || sizes->shape.dim[0] != s->node->nout) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld sizes for %d parts", (long long)sizes->shape.dim[0], s->node->nout);
    }
    int64_t whole = out.dim[axis];
    for (int i = 0; i < s->node->nout; i++) {
        int64_t size = li_tensor_int(sizes, i);
        if (size < -1 || size > whole || (size == -1 && open >= 0)) {
            return li_infer_fail(s, LINCE_EINVAL, "part %d has size %lld of %lld", i, (long long)size,
                                 (long long)whole);
        }
        open = size == -1 ? i : open;
        given += size == -1 ? 0 : size;
    }
    if (open >= 0 ? given > whole : given != whole) {
        return li_infer_fail(s, LINCE_EINVAL, "the sizes add up to %lld, axis %d has %lld", (long long)given, axis,
                             (long long)whole);
    }
    for (int i = 0; i < s->node->nout; i++) {
        out.dim[axis] = i == open ? whole - given : li_tensor_int(sizes, i);
        LI_TRY(li_out_is(s, i, li_in_dtype(s, 0), &out));
    }
    return LINCE_OK;
}

static lince_status part(struct li_call *c, const struct li_operand *value, int64_t axis)
{
    int64_t at = 0;
    axis += axis < 0 ? value->shape->rank : 0;
    if (axis < 0 || axis >= value->shape->rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, value->shape->rank);
    }
    for (int i = 0; i < c->node->nout; i++) {
        struct li_move m = {.size = li_dtype_size(value->dtype)};
        if (at + c->out[i].shape->dim[axis] > value->shape->dim[axis]) {
            return li_call_fail(c, LINCE_EDATA, "the sizes changed to ones that do not fit");
        }
        li_move_shape(&m, c->out[i].shape, c->out[i].stride, value->stride);
        li_move_run(&m, c->out[i].data, li_at(value->data, value->dtype, at * value->stride[axis]), c->task, c->tasks);
        at += c->out[i].shape->dim[axis];
    }
    return LINCE_OK;
}

static lince_status split_forward(struct li_call *c)
{
    return part(c, &c->in[1], li_index_at(&c->in[0], 0));
}

static lince_status split_v_forward(struct li_call *c)
{
    return part(c, &c->in[0], li_index_at(&c->in[2], 0));
}

/* The concatenation of what arrives, zeros where nothing does. */
static lince_status join_grad(struct li_grad *g, li_vid axis, li_vid *out)
{
    int n = g->node->nout;
    li_vid *parts = li_arena_alloc(&g->graph->arena, ((size_t)n + 1) * sizeof(*parts), g->err);
    if (!parts) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < n; i++) {
        parts[i] = g->dy[i];
        if (parts[i] == LI_NONE) {
            LI_TRY(li_grad_emit(g, "ZerosLike", &g->out[i], 1, NULL, 0, &parts[i]));
        }
    }
    parts[n] = axis;
    return li_grad_emit(g, "ConcatV2", parts, n + 1, (struct li_attr[]){LI_INT("N", n)}, 1, out);
}

static lince_status split_grad(struct li_grad *g)
{
    return join_grad(g, g->in[0], &g->dx[1]);
}

static lince_status split_v_grad(struct li_grad *g)
{
    return join_grad(g, g->in[2], &g->dx[0]);
}

static lince_status prepare_second(struct li_prepare *p)
{
    p->tasks = li_task_count(li_shape_count(&li_ops_in(p, 1)->shape), LI_GRAIN_CHEAP);
    return LINCE_OK;
}

const struct li_op li_op_split = {
    .name = "Split",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUTS({"output", "num_split"}),
    .attrs = LI_ATTRS({"num_split", LI_ATTR_INT, NULL, NULL}, LI_TYPE_SPEC("T")),
    .shape = split_shape,
    .layout = li_ops_layout_strided,
    .prepare = prepare_second,
    .forward = split_forward,
    .grad = split_grad,
};

const struct li_op li_op_split_v = {
    .name = "SplitV",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUTS({"output", "num_split"}),
    .attrs = LI_ATTRS({"num_split", LI_ATTR_INT, NULL, NULL}, LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tlen")),
    .shape = split_v_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_input,
    .forward = split_v_forward,
    .grad = split_v_grad,
};

/* ---- Unpack: an axis goes ---- */

static lince_status unpack_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = {0};
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_axis(s, li_attr_int(s->node, "axis"), in->rank, &axis));
    if (in->dim[axis] != s->node->nout) {
        return li_infer_fail(s, LINCE_EINVAL, "axis %d has %lld, it is unpacked into %d", axis,
                             (long long)in->dim[axis], s->node->nout);
    }
    for (int i = 0; i < in->rank; i++) {
        if (i != axis) {
            out.dim[out.rank++] = in->dim[i];
        }
    }
    for (int i = 0; i < s->node->nout; i++) {
        LI_TRY(li_out_is(s, i, li_in_dtype(s, 0), &out));
    }
    return LINCE_OK;
}

static lince_status unpack_forward(struct li_call *c)
{
    int rank = c->in[0].shape->rank, axis = (int)li_attr_int(c->node, "axis");
    int64_t stride[LI_MAX_RANK];
    axis += axis < 0 ? rank : 0;
    for (int d = 0, k = 0; d < rank; d++) {
        if (d != axis) {
            stride[k++] = c->in[0].stride[d];
        }
    }
    for (int i = 0; i < c->node->nout; i++) {
        struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
        li_move_shape(&m, c->out[i].shape, c->out[i].stride, stride);
        li_move_run(&m, c->out[i].data, li_at(c->in[0].data, c->in[0].dtype, i * c->in[0].stride[axis]), c->task,
                    c->tasks);
    }
    return LINCE_OK;
}

static lince_status unpack_grad(struct li_grad *g)
{
    int n = g->node->nout;
    li_vid *parts = li_arena_alloc(&g->graph->arena, ((size_t)n + 1) * sizeof(*parts), g->err);
    if (!parts) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < n; i++) {
        parts[i] = g->dy[i];
        if (parts[i] == LI_NONE) {
            LI_TRY(li_grad_emit(g, "ZerosLike", &g->out[i], 1, NULL, 0, &parts[i]));
        }
    }
    const struct li_attr attrs[] = {LI_INT("N", n), LI_INT("axis", li_attr_int(g->node, "axis"))};
    return li_grad_emit(g, "Pack", parts, n, attrs, 2, &g->dx[0]);
}

const struct li_op li_op_unpack = {
    .name = "Unpack",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUTS({"output", "num"}),
    .attrs = LI_ATTRS({"num", LI_ATTR_INT, NULL, NULL}, LI_TYPE_SPEC("T"), {"axis", LI_ATTR_INT, "0", NULL}),
    .shape = unpack_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_input,
    .forward = unpack_forward,
    .grad = unpack_grad,
};
