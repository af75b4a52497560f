/* _LiActivateGrad: the gradient of an _LiActivate, from what it was given; what passes make of a swish's. */
#include "common.h"

enum { DY, X };

static lince_status activate_grad_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, X, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_same_dtype(s, DY, X));
    if (!li_shape_equal(li_in_shape(s, DY), li_in_shape(s, X)) || li_attr_int(s->node, "activation") != LI_ACT_SWISH) {
        return li_infer_fail(s, LINCE_EINVAL, "its inputs or its activation are none");
    }
    return li_out_same(s, 0, X);
}

static lince_status activate_grad_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    c->kernels->backward->slope(LI_SLOPE_SWISH, (float)li_attr_float(c->node, "alpha"), li_f32(&c->in[DY]) + begin,
                                li_f32(&c->in[X]) + begin, end - begin, (float *)c->out[0].data + begin);
    return LINCE_OK;
}

const struct li_op li_op_li_activate_grad = {
    .name = "_LiActivateGrad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("backprops"),
    .attrs = LI_ATTRS({"activation", LI_ATTR_INT, NULL, NULL}, {"alpha", LI_ATTR_FLOAT, "0", NULL}),
    .shape = activate_grad_shape,
    .prepare = li_ops_prepare_costly,
    .forward = activate_grad_forward,
    .flags = LI_OP_INTERNAL | LI_OP_INPLACE,
};
