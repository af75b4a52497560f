/*
 * LRN: y = x / n^beta with n = bias + alpha * sum of x^2 over the channels within depth_radius. LRNGrad: with sums over
 * the same channels,
 *
 *     dx = dy / n^beta - 2 alpha beta x * sum of dy y / n
 */
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

/* The sum of the channels within the radius of c. */
static float sum_around(const struct lrn *l, const float *values, int64_t c)
{
    int64_t last = LI_MIN(l->channels - 1, c + l->radius);
    float sum = 0;
    for (int64_t i = LI_MAX(0, c - l->radius); i <= last; i++) {
        sum += values[i];
    }
    return sum;
}

/* n of each channel; square holds a row. */
static void norms(const struct lrn *l, const struct li_unary_kernels *k, const float *x, float *square, float *norm)
{
    k->apply(LI_UNARY_SQUARE, square, x, l->channels);
    for (int64_t c = 0; c < l->channels; c++) {
        norm[c] = l->bias + l->alpha * sum_around(l, square, c);
    }
}

static void pixel(const struct lrn *l, const struct li_unary_kernels *k, const float *x, float *y, float *scratch)
{
    float *square = scratch, *base = square + l->channels, *more = base + l->channels;
    norms(l, k, x, square, base);
    power(l, k, base, more);
    for (int64_t c = 0; c < l->channels; c++) {
        y[c] = x[c] / base[c];
    }
}

static struct lrn lrn_of(const struct li_call *c)
{
    const struct li_node *node = c->node;
    return (struct lrn){c->in[0].shape->dim[3], li_attr_int(node, "depth_radius"), (float)li_attr_float(node, "bias"),
                        (float)li_attr_float(node, "alpha"), (float)li_attr_float(node, "beta")};
}

static lince_status lrn_forward(struct li_call *c)
{
    const int64_t *dim = c->in[0].shape->dim;
    struct lrn l = lrn_of(c);
    int64_t first, last;
    li_task_range(c, dim[0] * dim[1] * dim[2], &first, &last);
    for (int64_t i = first; i < last; i++) {
        pixel(&l, c->kernels->unary, li_f32(&c->in[0]) + i * l.channels, (float *)c->out[0].data + i * l.channels,
              c->scratch);
    }
    return LINCE_OK;
}

static lince_status lrn_grad(struct li_grad *g)
{
    static const char *const names[] = {"depth_radius", "bias", "alpha", "beta"};
    const li_vid in[] = {g->dy[0], g->in[0], g->out[0]};
    struct li_attr attrs[LI_COUNT(names)];
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        attrs[i] = *li_attr(g->node, names[i]);
    }
    return li_grad_emit(g, "LRNGrad", in, 3, attrs, LI_COUNT(names), &g->dx[0]);
}

#define LRN_ATTRS                                                                                                      \
    LI_ATTRS({"depth_radius", LI_ATTR_INT, "5", NULL}, {"bias", LI_ATTR_FLOAT, "1", NULL},                             \
             {"alpha", LI_ATTR_FLOAT, "1", NULL}, {"beta", LI_ATTR_FLOAT, "0.5", NULL}, LI_TYPE_SPEC("T"))

const struct li_op li_op_lrn = {
    .name = "LRN",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LRN_ATTRS,
    .shape = lrn_shape,
    .prepare = lrn_prepare,
    .forward = lrn_forward,
    .grad = lrn_grad,
};

/* ---- LRNGrad: input_grads, input_image, output_image ---- */

static lince_status grad_shape(struct li_infer *s)
{
    LI_TRY(lrn_shape(s));
    LI_TRY(li_ops_need_alike(s, 0, 3));
    for (int i = 1; i < 3; i++) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        if (!li_shape_equal(li_in_shape(s, 0), li_in_shape(s, i))) {
            return li_infer_fail(s, LINCE_EINVAL, "input_grads has shape %s, input %d has %s",
                                 li_shape_text(li_in_shape(s, 0), a), i, li_shape_text(li_in_shape(s, i), b));
        }
    }
    return LINCE_OK;
}

static void grad_pixel(const struct lrn *l, const struct li_unary_kernels *k, const float *const in[3], float *dx,
                       float *scratch)
{
    float *part = scratch, *base = part + l->channels, *more = base + l->channels;
    const float *dy = in[0], *x = in[1], *y = in[2];
    norms(l, k, x, part, base);
    for (int64_t c = 0; c < l->channels; c++) {
        part[c] = dy[c] * y[c] / base[c];
    }
    power(l, k, base, more);
    for (int64_t c = 0; c < l->channels; c++) {
        dx[c] = dy[c] / base[c] - 2 * l->alpha * l->beta * x[c] * sum_around(l, part, c);
    }
}

static lince_status grad_forward(struct li_call *c)
{
    const int64_t *dim = c->in[0].shape->dim;
    struct lrn l = lrn_of(c);
    int64_t first, last;
    li_task_range(c, dim[0] * dim[1] * dim[2], &first, &last);
    for (int64_t i = first; i < last; i++) {
        int64_t at = i * l.channels;
        const float *const in[] = {li_f32(&c->in[0]) + at, li_f32(&c->in[1]) + at, li_f32(&c->in[2]) + at};
        grad_pixel(&l, c->kernels->unary, in, (float *)c->out[0].data + at, c->scratch);
    }
    return LINCE_OK;
}

const struct li_op li_op_lrn_grad = {
    .name = "LRNGrad",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LRN_ATTRS,
    .shape = grad_shape,
    .prepare = lrn_prepare,
    .forward = grad_forward,
    .grad = li_grad_absent,
};
