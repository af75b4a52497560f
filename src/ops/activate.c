/* _LiActivate: any activation that kernels know, elementwise; what passes make of Relu, swish and their kin. */
#include "common.h"

static lince_status activate_forward(struct li_call *c)
{
    enum li_activation activation = (enum li_activation)li_attr_int(c->node, "activation");
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    c->kernels->unary->activate(activation, (float)li_attr_float(c->node, "alpha"), (float *)c->out[0].data + begin,
                                li_f32(&c->in[0]) + begin, end - begin);
    return LINCE_OK;
}

const struct li_op li_op_li_activate = {
    .name = "_LiActivate",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"activation", LI_ATTR_INT, NULL, NULL}, {"alpha", LI_ATTR_FLOAT, "0", NULL}),
    .shape = li_ops_same_float,
    .prepare = li_ops_prepare_costly,
    .forward = activate_forward,
    .flags = LI_OP_INTERNAL | LI_OP_INPLACE | LI_OP_UNIFORM_ELEMENTWISE,
};
