/* L2Loss: half the sum of squares. */
#include "common.h"

static lince_status l2_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    return li_out_is(s, 0, li_in_dtype(s, 0), &(struct li_shape){.rank = 0});
}

static lince_status l2_forward(struct li_call *c)
{
    lince_dtype dtype = c->in[0].dtype;
    int64_t count = li_count(&c->in[0]);
    double sum = 0;
    union li_block b;
    if (dtype == LINCE_FLOAT32) {
        c->kernels->reduce->rows(LI_REDUCE_SUM_SQUARES, c->out[0].data, li_f32(&c->in[0]), 1, count, count, 0.5f);
        return LINCE_OK;
    }
    for (int64_t i = 0; i < count; i += LI_BLOCK) {
        int64_t n = LI_MIN(count - i, LI_BLOCK);
        li_block_load(&b, dtype, li_at(c->in[0].data, dtype, i), 1, n);
        for (int64_t k = 0; k < n; k++) {
            sum += b.f[k] * b.f[k];
        }
    }
    b.f[0] = sum / 2;
    li_block_store(c->out[0].data, dtype, &b, 1);
    return LINCE_OK;
}

static lince_status l2_grad(struct li_grad *g)
{
    return li_grad_emit(g, "Mul", (li_vid[]){g->in[0], g->dy[0]}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_l2_loss = {
    .name = "L2Loss",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = l2_shape,
    .forward = l2_forward,
    .grad = l2_grad,
};
