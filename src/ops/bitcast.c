/* Bitcast: the same bytes; a size that differs makes or takes a last dim. */
#include "common.h"

#include <string.h>

static lince_status bitcast_shape(struct li_infer *s)
{
    struct li_shape shape = *li_in_shape(s, 0);
    lince_dtype type = (lince_dtype)li_attr_int(s->node, "type");
    unsigned set = LI_SET_MOVABLE & ~LI_SET_STRING & ~LI_SET_BOOL;
    LI_TRY(li_ops_need(s, 0, set));
    if (!li_dtype_in(type, set)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "casts to %s", li_dtype_name(type));
    }
    size_t from = li_dtype_size(li_in_dtype(s, 0)), to = li_dtype_size(type);
    if (from > to) {
        if (shape.rank == LI_MAX_RANK) {
            return li_infer_fail(s, LINCE_ELIMIT, "the result would have more than %d dims", LI_MAX_RANK);
        }
        shape.dim[shape.rank++] = (int64_t)(from / to);
    } else if (from < to) {
        if (shape.rank == 0 || shape.dim[shape.rank - 1] != (int64_t)(to / from)) {
            char text[LI_SHAPE_TEXT];
            return li_infer_fail(s, LINCE_EINVAL, "shape %s of %s does not end in the %zu that make one %s",
                                 li_shape_text(&shape, text), li_dtype_name(li_in_dtype(s, 0)), to / from,
                                 li_dtype_name(type));
        }
        shape.rank--;
    }
    return li_out_is(s, 0, type, &shape);
}

static lince_status bitcast_forward(struct li_call *c)
{
    size_t bytes = (size_t)li_count(&c->out[0]) * li_dtype_size(c->out[0].dtype);
    if (bytes && c->out[0].data != c->in[0].data) {
        memcpy(c->out[0].data, c->in[0].data, bytes);
    }
    return LINCE_OK;
}

const struct li_op li_op_bitcast = {
    .name = "Bitcast",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"type", LI_ATTR_TYPE, NULL, NULL}),
    .shape = bitcast_shape,
    .forward = bitcast_forward,
    .grad = li_grad_none,
    .flags = LI_OP_INPLACE,
};
