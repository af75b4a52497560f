/* The same elements in order under another shape: Reshape, Squeeze, ExpandDims. Nothing moves. */
#include "common.h"

/* Back to the shape of the input. */
static lince_status back_grad(struct li_grad *g)
{
    li_vid shape;
    LI_TRY(li_grad_emit(g, "Shape", g->in, 1, NULL, 0, &shape));
    return li_grad_emit(g, "Reshape", (li_vid[]){g->dy[0], shape}, 2, NULL, 0, &g->dx[0]);
}

static lince_status reshape_shape(struct li_infer *s)
{
    struct li_shape shape = {0};
    int64_t count = li_shape_count(li_in_shape(s, 0)), given = 1;
    int open = -1;
    char from[LI_SHAPE_TEXT], to[LI_SHAPE_TEXT];
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_need_rank(s, 1, 1));
    LI_TRY(li_in_ints(s, 1, shape.dim, LI_MAX_RANK, &shape.rank));
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < -1 || (shape.dim[i] == -1 && open >= 0)) {
            return li_infer_fail(s, LINCE_EINVAL, "wanted shape %s: at most one dim may be -1, none less",
                                 li_shape_text(&shape, to));
        }
        if (shape.dim[i] == -1) {
            open = i;
        } else if (__builtin_mul_overflow(given, shape.dim[i], &given)) {
            return li_infer_fail(s, LINCE_ELIMIT, "wanted shape %s is too large", li_shape_text(&shape, to));
        }
    }
    /* Beside a dim of 0 an open one could be anything: refused, as in TensorFlow. */
    if (open >= 0 && given > 0 && count % given == 0) {
        shape.dim[open] = count / given;
        given = count;
    }
    if ((open >= 0 && shape.dim[open] < 0) || given != count) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld elements of shape %s do not fit %s", (long long)count,
                             li_shape_text(li_in_shape(s, 0), from), li_shape_text(&shape, to));
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &shape);
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
