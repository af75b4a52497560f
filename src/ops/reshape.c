/* The same elements in order under another shape: Reshape, Squeeze, ExpandDims. Nothing moves. */
#include "common.h"

/* Back to the shape of the input. */
static lince_status back_grad(struct li_grad *g)
{
    li_vid shape;
    LI_TRY(li_grad_emit(g, "Shape", g->in, 1, NULL, 0, &shape));
    return li_grad_emit(g, "Reshape", (li_vid[]){g->dy[0], shape}, 2, NULL, 0, &g->dx[0]);
}

/* A wanted shape: its open dim (-1 when there is none), and the product of the others that are not 0. */
struct wanted {
    struct li_shape shape;
    int64_t given;
    int open;
    bool empty; /* a dim is 0 */
};

static lince_status read_wanted(struct li_infer *s, struct wanted *w)
{
    char text[LI_SHAPE_TEXT];
    *w = (struct wanted){.given = 1, .open = -1};
    LI_TRY(li_in_ints(s, 1, w->shape.dim, LI_MAX_RANK, &w->shape.rank));
    for (int i = 0; i < w->shape.rank; i++) {
        int64_t dim = w->shape.dim[i];
        if (dim < -1 || (dim == -1 && w->open >= 0)) {
            return li_infer_fail(s, LINCE_EINVAL, "wanted shape %s: at most one dim may be -1, none less",
                                 li_shape_text(&w->shape, text));
        }
        if (dim == -1) {
            w->open = i;
        } else if (dim == 0) {
            w->empty = true;
        } else if (__builtin_mul_overflow(w->given, dim, &w->given)) {
            return li_infer_fail(s, LINCE_ELIMIT, "wanted shape %s is too large", li_shape_text(&w->shape, text));
        }
    }
    return LINCE_OK;
}

/*
 * What the open dim is; -1 when no number fits. Where both sides have a dim of 0, those are left out on both and the
 * rest need not divide evenly, as in TensorFlow: [0,2,3,4] to [0,-1,4] is [0,6,4].
 */
static int64_t open_dim(const struct wanted *w, const struct li_shape *in)
{
    int64_t count = 1;
    bool left_out = false;
    for (int i = 0; i < in->rank; i++) {
        if (w->empty && in->dim[i] == 0) {
            left_out = true;
        } else if (__builtin_mul_overflow(count, in->dim[i], &count)) { /* beside a 0 the others may be anything */
            return -1;
        }
    }
    return left_out || count % w->given == 0 ? count / w->given : -1;
}

/* The open dim is filled in: the elements as many as there are. */
static bool holds(const struct wanted *w, int64_t count)
{
    int64_t open = w->open < 0 ? 1 : w->shape.dim[w->open];
    return open >= 0 && (w->empty ? 0 : w->given * open) == count;
}

static lince_status reshape_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct wanted w;
    char from[LI_SHAPE_TEXT], to[LI_SHAPE_TEXT];
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_need_rank(s, 1, 1));
    LI_TRY(read_wanted(s, &w));
    if (w.open >= 0) {
        w.shape.dim[w.open] = open_dim(&w, in);
    }
    if (!holds(&w, li_shape_count(in))) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld elements of shape %s do not fit %s", (long long)li_shape_count(in),
                             li_shape_text(in, from), li_shape_text(&w.shape, to));
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &w.shape);
}

const struct li_op li_op_reshape = {
    .name = "Reshape",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tshape")),
    .shape = reshape_shape,
    .grad = back_grad,
    .flags = LI_OP_ALIAS,
};

static lince_status squeeze_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    const struct li_attr *dims = li_attr(s->node, "squeeze_dims");
    struct li_shape out = {0};
    bool drop[LI_MAX_RANK] = {false};
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    for (size_t i = 0; i < dims->count; i++) {
        int axis;
        LI_TRY(li_axis(s, dims->ints[i], in->rank, &axis));
        if (in->dim[axis] != 1) {
            return li_infer_fail(s, LINCE_EINVAL, "squeezes dim %d, which is %lld, not 1", axis,
                                 (long long)in->dim[axis]);
        }
        drop[axis] = true;
    }
    for (int i = 0; i < in->rank; i++) {
        if (!(drop[i] || (dims->count == 0 && in->dim[i] == 1))) {
            out.dim[out.rank++] = in->dim[i];
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

const struct li_op li_op_squeeze = {
    .name = "Squeeze",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"squeeze_dims", LI_ATTR_INTS, "[]", NULL}),
    .shape = squeeze_shape,
    .grad = back_grad,
    .flags = LI_OP_ALIAS,
};

static lince_status expand_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    int64_t dim;
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_int(s, 1, &dim));
    LI_TRY(li_axis(s, dim, out.rank + 1, &axis));
    if (out.rank == LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_ELIMIT, "the result would have more than %d dims", LI_MAX_RANK);
    }
    for (int i = out.rank++; i > axis; i--) {
        out.dim[i] = out.dim[i - 1];
    }
    out.dim[axis] = 1;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

const struct li_op li_op_expand_dims = {
    .name = "ExpandDims",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tdim")),
    .shape = expand_shape,
    .grad = back_grad,
    .flags = LI_OP_ALIAS,
};
