/* Transpose, and what else only permutes elements along axes: ReverseV2, Roll. */
#include "common.h"

/* ---- Transpose ---- */

static lince_status transpose_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = {.rank = in->rank};
    int64_t perm[LI_MAX_RANK];
    int count;
    unsigned seen = 0;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_ints(s, 1, perm, LI_MAX_RANK, &count));
    if (count != in->rank) {
        return li_infer_fail(s, LINCE_EINVAL, "permutes %d dims, the value has %d", count, in->rank);
    }
    for (int i = 0; i < count; i++) {
        int axis;
        LI_TRY(li_axis(s, perm[i], in->rank, &axis));
        if (seen & 1u << axis) {
            return li_infer_fail(s, LINCE_EINVAL, "axis %d stands twice in the permutation", axis);
        }
        seen |= 1u << axis;
        out.dim[i] = in->dim[axis];
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status transpose_forward(struct li_call *c)
{
    int rank = c->in[0].shape->rank;
    struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
    for (int i = 0; i < rank; i++) {
        int64_t axis = li_index_at(&c->in[1], i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank || c->in[0].shape->dim[axis] != c->out[0].shape->dim[i]) {
            return li_call_fail(c, LINCE_EDATA, "the permutation changed to one that does not fit");
        }
        li_move_dim(&m, c->out[0].shape->dim[i], c->out[0].stride[i], c->in[0].stride[axis]);
    }
    li_move_run(&m, c->out[0].data, c->in[0].data, c->task, c->tasks);
    return LINCE_OK;
}

/* Of a known permutation it is worked out here: its axes may be negative, which InvertPermutation refuses. */
static lince_status emit_inverse(struct li_grad *g, li_vid *out)
{
    const struct li_tensor *perm = g->graph->values[g->in[1]].constant, *own;
    int rank = g->graph->values[g->in[0]].shape.rank;
    int64_t inverse[LI_MAX_RANK];
    if (!perm) {
        return li_grad_emit(g, "InvertPermutation", &g->in[1], 1, NULL, 0, out);
    }
    for (int i = 0; i < rank; i++) {
        int64_t axis = li_tensor_int(perm, i);
        inverse[axis + (axis < 0 ? rank : 0)] = i; /* the shape rule has checked it */
    }
    const struct li_tensor t = {LINCE_INT64, {1, {rank}}, inverse, (size_t)rank * sizeof(*inverse)};
    LI_TRY(li_graph_own_tensor(g->graph, &t, &own, g->err));
    return li_graph_constant(g->graph, own, out, g->err);
}

static lince_status transpose_grad(struct li_grad *g)
{
    li_vid inverse;
    LI_TRY(emit_inverse(g, &inverse));
    return li_grad_emit(g, "Transpose", (li_vid[]){g->dy[0], inverse}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_transpose = {
    .name = "Transpose",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("y"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tperm")),
    .shape = transpose_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = transpose_forward,
    .grad = transpose_grad,
};

/* ---- ReverseV2 ---- */

static lince_status reverse_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 1, 1));
    return li_out_same(s, 0, 0);
}

static lince_status reverse_forward(struct li_call *c)
{
    const struct li_shape *shape = c->in[0].shape;
    bool reversed[LI_MAX_RANK] = {false};
    struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
    int64_t start = 0;
    for (int64_t i = 0; i < li_count(&c->in[1]); i++) {
        int64_t axis = li_index_at(&c->in[1], i);
        axis += axis < 0 ? shape->rank : 0;
        if (axis < 0 || axis >= shape->rank || reversed[axis]) {
            return li_call_fail(c, LINCE_EDATA, "reverses axis %lld, which is not there or stands twice",
                                (long long)li_index_at(&c->in[1], i));
        }
        reversed[axis] = true;
    }
    for (int d = 0; d < shape->rank; d++) {
        start += reversed[d] ? (shape->dim[d] - 1) * c->in[0].stride[d] : 0;
        li_move_dim(&m, shape->dim[d], c->out[0].stride[d], reversed[d] ? -c->in[0].stride[d] : c->in[0].stride[d]);
    }
    if (li_count(&c->in[0]) > 0) {
        li_move_run(&m, c->out[0].data, li_at(c->in[0].data, c->in[0].dtype, start), c->task, c->tasks);
    }
    return LINCE_OK;
}

static lince_status reverse_grad(struct li_grad *g)
{
    return li_grad_emit(g, "ReverseV2", (li_vid[]){g->dy[0], g->in[1]}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_reverse_v2 = {
    .name = "ReverseV2",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("Tidx"), LI_TYPE_SPEC("T")),
    .shape = reverse_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = reverse_forward,
    .grad = reverse_grad,
};

/* ---- Roll ---- */

static lince_status roll_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    LI_TRY(li_ops_need(s, 2, LI_SET_INDEX));
    if (li_in_shape(s, 0)->rank < 1 || li_in_shape(s, 1)->rank > 1 ||
        !li_shape_equal(li_in_shape(s, 1), li_in_shape(s, 2))) {
        return li_infer_fail(s, LINCE_EINVAL, "wants a value of rank 1 or more, and as many shifts as axes");
    }
    return li_out_same(s, 0, 0);
}

/* out[(i + shift) % n] = in[i]: along each rolled axis two pieces, so 2^axes copies in all. */
static lince_status roll_forward(struct li_call *c)
{
    const struct li_shape *shape = c->in[0].shape;
    int64_t shift[LI_MAX_RANK] = {0};
    if (li_count(&c->in[0]) == 0) {
        return LINCE_OK;
    }
    for (int64_t i = 0; i < li_count(&c->in[1]); i++) {
        int64_t axis = li_index_at(&c->in[2], i), by = li_index_at(&c->in[1], i);
        axis += axis < 0 ? shape->rank : 0;
        if (axis < 0 || axis >= shape->rank) {
            return li_call_fail(c, LINCE_EDATA, "rolls axis %lld of %d", (long long)li_index_at(&c->in[2], i),
                                shape->rank);
        }
        int64_t n = shape->dim[axis];
        shift[axis] = (shift[axis] + by % n + n) % n;
    }
    for (unsigned piece = 0; piece < 1u << shape->rank; piece++) {
        struct li_move m = {.size = li_dtype_size(c->in[0].dtype)};
        int64_t to = 0, from = 0;
        for (int d = 0; d < shape->rank; d++) {
            bool wrapped = piece & 1u << d; /* the last `shift` elements go to the front */
            int64_t length = wrapped ? shift[d] : shape->dim[d] - shift[d];
            to += wrapped ? 0 : shift[d] * c->out[0].stride[d];
            from += wrapped ? (shape->dim[d] - shift[d]) * c->in[0].stride[d] : 0;
            li_move_dim(&m, length, c->out[0].stride[d], c->in[0].stride[d]);
        }
        li_move_run(&m, li_at(c->out[0].data, c->out[0].dtype, to), li_at(c->in[0].data, c->in[0].dtype, from), c->task,
                    c->tasks);
    }
    return LINCE_OK;
}

static lince_status roll_grad(struct li_grad *g)
{
    li_vid back;
    LI_TRY(li_grad_emit(g, "Neg", &g->in[1], 1, NULL, 0, &back));
    return li_grad_emit(g, "Roll", (li_vid[]){g->dy[0], back, g->in[2]}, 3, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_roll = {
    .name = "Roll",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tshift"), LI_TYPE_SPEC("Taxis")),
    .shape = roll_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = roll_forward,
    .grad = roll_grad,
};
