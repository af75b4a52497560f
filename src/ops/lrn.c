/* LRN: y = x / (bias + alpha * sum of x^2 over the channels within depth_radius)^beta. */
#include "common.h"

#include <math.h>

static lince_status lrn_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, 0, 4));
    int64_t radius = li_attr_int(s->node, "depth_radius");
    if (radius < 0 || radius > INT32_MAX) {
        return li_infer_fail(s, LINCE_EINVAL, "depth_radius is %lld", (long long)radius);
    }
    return li_out_same(s, 0, 0);
}

static lince_status lrn_prepare(struct li_prepare *p)
{
    const struct li_shape *x = &li_ops_in(p, 0)->shape;
    p->tasks = li_task_count(li_shape_count(x), LI_GRAIN_COSTLY);
    p->scratch_bytes = 3 * (size_t)x->dim[3] * sizeof(float);
    return LINCE_OK;
}

struct lrn {
    int64_t channels, radius;
    float bias, alpha, beta;
};

/* to = base^beta, with two roots where that is enough; to and more hold a row each. */
static void power(const struct lrn *l, const struct li_unary_kernels *k, float *base, float *more)
{
    int64_t n = l->channels;
    if (l->beta == 0.5f) {
        k->apply(LI_UNARY_SQRT, base, base, n);
    } else if (l->beta == 0.75f) {
        k->apply(LI_UNARY_SQRT, base, base, n);
        k->apply(LI_UNARY_SQRT, more, base, n);
        for (int64_t i = 0; i < n; i++) {
            base[i] *= more[i];
        }
    } else if (l->beta != 1) {
        for (int64_t i = 0; i < n; i++) {
            base[i] = powf(base[i], l->beta);
        }
    }
}

static void pixel(const struct lrn *l, const struct li_unary_kernels *k, const float *x, float *y, float *scratch)
{
    float *square = scratch, *base = square + l->channels, *more = base + l->channels;
    k->apply(LI_UNARY_SQUARE, square, x, l->channels);
    for (int64_t c = 0; c < l->channels; c++) {
        int64_t last = LI_MIN(l->channels - 1, c + l->radius);
        float sum = 0;
        for (int64_t i = LI_MAX(0, c - l->radius); i <= last; i++) {
            sum += square[i];
        }
        base[c] = l->bias + l->alpha * sum;
    }
    power(l, k, base, more);
    for (int64_t c = 0; c < l->channels; c++) {
        y[c] = x[c] / base[c];
    }
}

static lince_status lrn_forward(struct li_call *c)
{
    const struct li_node *node = c->node;
    const int64_t *dim = c->in[0].shape->dim;
    struct lrn l = {dim[3], li_attr_int(node, "depth_radius"), (float)li_attr_float(node, "bias"),
                    (float)li_attr_float(node, "alpha"), (float)li_attr_float(node, "beta")};
    int64_t first, last;
    li_task_range(c, dim[0] * dim[1] * dim[2], &first, &last);
    for (int64_t i = first; i < last; i++) {
        pixel(&l, c->kernels->unary, li_f32(&c->in[0]) + i * l.channels, (float *)c->out[0].data + i * l.channels,
              c->scratch);
    }
    return LINCE_OK;
}

const struct li_op li_op_lrn = {
    .name = "LRN",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"depth_radius", LI_ATTR_INT, "5", NULL}, {"bias", LI_ATTR_FLOAT, "1", NULL},
                      {"alpha", LI_ATTR_FLOAT, "1", NULL}, {"beta", LI_ATTR_FLOAT, "0.5", NULL}, LI_TYPE_SPEC("T")),
    .shape = lrn_shape,
    .prepare = lrn_prepare,
    .forward = lrn_forward,
};
