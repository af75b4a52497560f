/*
 * Where: the coordinates of what is not zero. How many there are depends on the data, so a segment of the plan ends
 * before it.
 */
#include "common.h"

static bool set(const struct li_tensor *t, int64_t i)
{
    return li_dtype_in(t->dtype, LI_SET_FLOAT) ? li_tensor_float(t, i) != 0 : li_tensor_int(t, i) != 0;
}

static lince_status where_shape(struct li_infer *s)
{
    const struct li_tensor *in;
    struct li_shape out = {.rank = 2};
    LI_TRY(li_ops_need(s, 0, LI_SET_COMPUTED));
    LI_TRY(li_in_value(s, 0, &in));
    for (int64_t i = 0; i < li_shape_count(&in->shape); i++) {
        out.dim[0] += set(in, i);
    }
    out.dim[1] = in->shape.rank;
    return li_out_is(s, 0, LINCE_INT64, &out);
}

static lince_status where_forward(struct li_call *c)
{
    const struct li_operand *in = &c->in[0];
    const struct li_tensor view = {.dtype = in->dtype,
                                   .shape = *in->shape,
                                   .data = in->data,
                                   .size_bytes = (size_t)li_count(in) * li_dtype_size(in->dtype)};
    int64_t rows = c->out[0].shape->dim[0], row = 0, *to = c->out[0].data;
    int rank = in->shape->rank;
    for (int64_t i = 0; i < li_count(in); i++) {
        if (!set(&view, i)) {
            continue;
        }
        if (row == rows) {
            return li_call_fail(c, LINCE_EDATA, "more elements are set than the %lld this was planned for",
                                (long long)rows);
        }
        int64_t rest = i;
        for (int d = rank - 1; d >= 0; d--) {
            to[row * rank + d] = rest % in->shape->dim[d];
            rest /= in->shape->dim[d];
        }
        row++;
    }
    return row == rows ? LINCE_OK
                       : li_call_fail(c, LINCE_EDATA, "%lld elements are set, this was planned for %lld",
                                      (long long)row, (long long)rows);
}

const struct li_op li_op_where = {
    .name = "Where",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("index"),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPE, "bool", NULL}),
    .shape = where_shape,
    .forward = where_forward,
    .grad = li_grad_none,
};
