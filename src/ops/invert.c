/* Invert: every bit of an integer turned over. */
#include "common.h"

static lince_status invert_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_INT));
    return li_out_same(s, 0, 0);
}

/* Bits above the dtype's own are dropped when the block is stored. */
static void invert_block(const void *context, lince_dtype dtype, union li_block *block, int64_t n)
{
    (void)context;
    (void)dtype;
    for (int64_t k = 0; k < n; k++) {
        block->u[k] = ~block->u[k];
    }
}

static lince_status invert_forward(struct li_call *c)
{
    li_ops_map(c, NULL, invert_block, NULL);
    return LINCE_OK;
}

const struct li_op li_op_invert = {
    .name = "Invert",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("y"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = invert_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = invert_forward,
    .grad = li_grad_none,
    .flags = LI_OP_INPLACE,
};
