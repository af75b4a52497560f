/* AddN: the sum of values of one shape, from the first to the last. */
#include "common.h"

static lince_status add_n_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_ops_need_alike(s, 0, s->node->nin));
    for (int i = 1; i < s->node->nin; i++) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        if (!li_shape_equal(li_in_shape(s, 0), li_in_shape(s, i))) {
            return li_infer_fail(s, LINCE_EINVAL, "adds shapes %s and %s; they must be equal",
                                 li_shape_text(li_in_shape(s, 0), a), li_shape_text(li_in_shape(s, i), b));
        }
    }
    return li_out_same(s, 0, 0);
}

static void add_block(lince_dtype dtype, union li_block *sum, const union li_block *term, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
            sum->f[k] = li_round_to(dtype, sum->f[k] + term->f[k]);
        } else {
            sum->u[k] += term->u[k];
        }
    }
}

static lince_status add_n_forward(struct li_call *c)
{
    int64_t begin, end;
    lince_dtype dtype = c->in[0].dtype;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    if (dtype == LINCE_FLOAT32 && c->node->nin > 1) {
        const struct li_binary_rows all = {.rows = 1, .cols = end - begin};
        float *to = (float *)c->out[0].data + begin;
        for (int i = 1; i < c->node->nin; i++) {
            c->kernels->binary->rows(LI_BINARY_ADD, &all, to, i == 1 ? li_f32(&c->in[0]) + begin : to,
                                     li_f32(&c->in[i]) + begin);
        }
        return LINCE_OK;
    }
    for (int64_t at = begin; at < end; at += LI_BLOCK) {
        union li_block sum, term;
        int64_t n = LI_MIN(end - at, LI_BLOCK);
        li_block_load(&sum, dtype, li_at(c->in[0].data, dtype, at), 1, n);
        for (int i = 1; i < c->node->nin; i++) {
            li_block_load(&term, dtype, li_at(c->in[i].data, dtype, at), 1, n);
            add_block(dtype, &sum, &term, n);
        }
        li_block_store(li_at(c->out[0].data, dtype, at), dtype, &sum, n);
    }
    return LINCE_OK;
}

static lince_status add_n_grad(struct li_grad *g)
{
    for (int i = 0; i < g->node->nin; i++) {
        g->dx[i] = g->dy[0];
    }
    return LINCE_OK;
}

/* Not in place: a later input might be the first one again. */
const struct li_op li_op_add_n = {
    .name = "AddN",
    .inputs_min = 1,
    .inputs_max = -1,
    .outputs = LI_OUTPUT("sum"),
    .attrs = LI_ATTRS(LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T")),
    .shape = add_n_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = add_n_forward,
    .grad = add_n_grad,
};
