/* ClipByValue: max(min(t, high), low), both ends a scalar or of the shape of t. */
#include "common.h"

static lince_status clip_shape(struct li_infer *s)
{
    struct li_shape out;
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    for (int i = 1; i <= 2; i++) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        LI_TRY(li_need_same_dtype(s, 0, i));
        LI_TRY(li_broadcast(s, li_in_shape(s, 0), li_in_shape(s, i), &out));
        if (!li_shape_equal(&out, li_in_shape(s, 0))) {
            return li_infer_fail(s, LINCE_EINVAL, "an end of shape %s does not fit the value's %s",
                                 li_shape_text(li_in_shape(s, i), a), li_shape_text(li_in_shape(s, 0), b));
        }
    }
    return li_out_same(s, 0, 0);
}

static void clip_block(lince_dtype dtype, union li_block *t, const union li_block *low, const union li_block *high,
                       int64_t n)
{
    enum li_domain domain = li_domain_of(dtype);
    for (int64_t k = 0; k < n; k++) {
        if (domain == LI_DOMAIN_FLOAT) {
            double x = t->f[k] > high->f[k] ? high->f[k] : t->f[k];
            t->f[k] = x < low->f[k] ? low->f[k] : x;
        } else if (domain == LI_DOMAIN_SIGNED) {
            t->i[k] = LI_MAX(LI_MIN(t->i[k], high->i[k]), low->i[k]);
        } else {
            t->u[k] = LI_MAX(LI_MIN(t->u[k], high->u[k]), low->u[k]);
        }
    }
}

static void clip_span(struct li_call *c, const struct li_span *span, int64_t r)
{
    lince_dtype dtype = c->in[0].dtype;
    for (int64_t i = 0; i < span->cols; i += LI_BLOCK) {
        union li_block part[3];
        int64_t n = LI_MIN(span->cols - i, LI_BLOCK);
        for (int k = 1; k <= 3; k++) {
            int64_t at = span->offset[k] + r * span->row[k] + (span->scalar[k] ? 0 : i);
            li_block_load(&part[k - 1], dtype, li_at(c->in[k - 1].data, dtype, at), !span->scalar[k], n);
        }
        clip_block(dtype, &part[0], &part[1], &part[2], n);
        li_block_store(li_at(c->out[0].data, dtype, span->offset[0] + r * span->row[0] + i), dtype, &part[0], n);
    }
}

static lince_status clip_forward(struct li_call *c)
{
    struct li_walk walk;
    struct li_span span;
    bool fast = c->in[0].dtype == LINCE_FLOAT32 && li_count(&c->in[1]) == 1 && li_count(&c->in[2]) == 1;
    fast = fast && *li_f32(&c->in[1]) <= *li_f32(&c->in[2]);
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &c->in[1], &c->in[2]}, 4);
    while (li_walk_next(&walk, &span)) {
        for (int64_t r = 0; r < span.rows; r++) {
            if (fast) {
                c->kernels->unary->clamp((float *)c->out[0].data + span.offset[0] + r * span.row[0],
                                         li_f32(&c->in[0]) + span.offset[1] + r * span.row[1], span.cols,
                                         *li_f32(&c->in[1]), *li_f32(&c->in[2]));
            } else {
                clip_span(c, &span, r);
            }
        }
    }
    return LINCE_OK;
}

/* To t where it was inside; to an end where that was taken. */
static lince_status clip_grad(struct li_grad *g)
{
    static const char *const beyond[3] = {NULL, "Less", "Greater"};
    li_vid zeros, rest = g->dy[0];
    LI_TRY(li_grad_emit(g, "ZerosLike", g->dy, 1, NULL, 0, &zeros));
    for (int i = 1; i <= 2; i++) {
        li_vid mask, side;
        LI_TRY(li_grad_emit(g, beyond[i], (li_vid[]){g->in[0], g->in[i]}, 2, NULL, 0, &mask));
        LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){mask, g->dy[0], zeros}, 3, NULL, 0, &side));
        LI_TRY(li_grad_unbroadcast(g, side, g->in[i], &g->dx[i]));
        LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){mask, zeros, rest}, 3, NULL, 0, &rest));
    }
    g->dx[0] = rest;
    return LINCE_OK;
}

const struct li_op li_op_clip_by_value = {
    .name = "ClipByValue",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = clip_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = clip_forward,
    .grad = clip_grad,
    .flags = LI_OP_INPLACE,
};
