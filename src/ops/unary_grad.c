/*
 * TensorFlow's gradient ops of functions of one number: two inputs of one shape. Where a function's slope is easiest
 * from its output, the first input is the output y and the second the gradient g; the Relu family takes g first.
 */
#include "common.h"

#include <math.h>

static lince_status two_alike(struct li_infer *s)
{
    char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    if (!li_shape_equal(li_in_shape(s, 0), li_in_shape(s, 1))) {
        return li_infer_fail(s, LINCE_EINVAL, "inputs have shapes %s and %s; they must be equal",
                             li_shape_text(li_in_shape(s, 0), a), li_shape_text(li_in_shape(s, 1), b));
    }
    return li_out_same(s, 0, 0);
}

typedef double slope_function(double a, double b, double alpha);

/* kind: LI_SLOPE_NONE: there is no kernel of it. gradient: which input it is. */
struct slope {
    slope_function *at;
    enum li_slope kind;
    int gradient;
    double alpha;
};

static void run_f32(const struct li_call *c, const struct slope *slope, int64_t begin, int64_t end)
{
    const float *a = li_f32(&c->in[0]), *b = li_f32(&c->in[1]);
    float *to = c->out[0].data;
    if (slope->kind != LI_SLOPE_NONE) {
        const float *dy = li_f32(&c->in[slope->gradient]), *at = li_f32(&c->in[!slope->gradient]);
        c->kernels->backward->slope(slope->kind, (float)slope->alpha, dy + begin, at + begin, end - begin, to + begin);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        to[i] = (float)slope->at((double)a[i], (double)b[i], slope->alpha);
    }
}

static lince_status unary_grad_run(struct li_call *c, const struct slope *slope)
{
    int64_t begin, end;
    lince_dtype dtype = c->in[0].dtype;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    if (dtype == LINCE_FLOAT32) {
        run_f32(c, slope, begin, end);
        return LINCE_OK;
    }
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block a, b;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&a, dtype, li_at(c->in[0].data, dtype, i), 1, n);
        li_block_load(&b, dtype, li_at(c->in[1].data, dtype, i), 1, n);
        for (int64_t k = 0; k < n; k++) {
            a.f[k] = slope->at(a.f[k], b.f[k], slope->alpha);
        }
        li_block_store(li_at(c->out[0].data, dtype, i), dtype, &a, n);
    }
    return LINCE_OK;
}

/* ---- Second derivatives: of both inputs; dy is what arrives at a slope's output z ---- */

/* A slope is linear in the gradient g that it takes as input `i`: there dy goes through the same op. */
static lince_status through(struct li_grad *g, int i)
{
    li_vid in[2] = {g->in[0], g->in[1]};
    in[i] = g->dy[0];
    return li_grad_emit(g, g->node->op->name, in, 2, g->node->attrs, g->node->nattrs, &g->dx[i]);
}

/* dy * g, where g is input i. */
static lince_status both(struct li_grad *g, int i, li_vid *out)
{
    return li_grad_two(g, "Mul", g->dy[0], g->in[i], out);
}

/* Straight on both sides of a corner: nothing goes to the input that chooses the side. */
static lince_status straight_second(struct li_grad *g)
{
    return through(g, 0);
}

/* z = g / 2y: -dy * z / y, and dy / 2y. */
static lince_status sqrt_second(struct li_grad *g)
{
    li_vid product, quotient;
    LI_TRY(li_grad_two(g, "RealDiv", g->dy[0], g->in[0], &quotient));
    LI_TRY(li_grad_two(g, "Mul", quotient, g->out[0], &product));
    LI_TRY(li_grad_one(g, "Neg", product, &g->dx[0]));
    return through(g, 1);
}

/* z = -g * y^3 / 2: -3/2 * dy * g * y^2. */
static lince_status rsqrt_second(struct li_grad *g)
{
    li_vid product, square;
    LI_TRY(both(g, 1, &product));
    LI_TRY(li_grad_scale(g, product, -1.5, &product));
    LI_TRY(li_grad_one(g, "Square", g->in[0], &square));
    LI_TRY(li_grad_two(g, "Mul", product, square, &g->dx[0]));
    return through(g, 1);
}

/* z = -g * y^2 or g * (1 - y^2): -2 * dy * g * y. */
static lince_status square_second(struct li_grad *g)
{
    li_vid product;
    LI_TRY(both(g, 1, &product));
    LI_TRY(li_grad_scale(g, product, -2, &product));
    LI_TRY(li_grad_two(g, "Mul", product, g->in[0], &g->dx[0]));
    return through(g, 1);
}

/* z = g * y * (1 - y): dy * g - 2 * dy * g * y. */
static lince_status sigmoid_second(struct li_grad *g)
{
    li_vid product, twice, bend;
    LI_TRY(both(g, 1, &product));
    LI_TRY(li_grad_scale(g, product, 2, &twice));
    LI_TRY(li_grad_two(g, "Mul", twice, g->in[0], &bend));
    LI_TRY(li_grad_two(g, "Sub", product, bend, &g->dx[0]));
    return through(g, 1);
}

/* z = g * c * exp(-x^2): -2 * dy * z * x. */
static lince_status erf_second(struct li_grad *g)
{
    li_vid product;
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], g->out[0], &product));
    LI_TRY(li_grad_scale(g, product, -2, &product));
    LI_TRY(li_grad_two(g, "Mul", product, g->in[0], &g->dx[0]));
    return through(g, 1);
}

/* z = g * sigmoid(x): dy * g * s * (1 - s), which TensorFlow writes as dy * g / (exp(-x) + 2 + exp(x)). */
static lince_status softplus_second(struct li_grad *g)
{
    li_vid product, sigmoid;
    LI_TRY(both(g, 0, &product));
    LI_TRY(li_grad_one(g, "Sigmoid", g->in[1], &sigmoid));
    LI_TRY(li_grad_two(g, "SigmoidGrad", sigmoid, product, &g->dx[1]));
    return through(g, 0);
}

/* z = g / (1 + |x|)^2: -2 * dy * z * sign(x) / (1 + |x|). TensorFlow has none; this is the derivative. */
static lince_status softsign_second(struct li_grad *g)
{
    li_vid product, one, size, sign;
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], g->out[0], &product));
    LI_TRY(li_grad_scale(g, product, -2, &product));
    LI_TRY(li_grad_one(g, "Sign", g->in[1], &sign));
    LI_TRY(li_grad_two(g, "Mul", product, sign, &product));
    LI_TRY(li_grad_one(g, "Abs", g->in[1], &size));
    LI_TRY(li_grad_scalar(g, size, 1, &one));
    LI_TRY(li_grad_two(g, "AddV2", size, one, &size));
    LI_TRY(li_grad_two(g, "RealDiv", product, size, &g->dx[1]));
    return through(g, 0);
}

/* Below 0, z = g * (y + a constant), and straight above. */
static lince_status elu_second(struct li_grad *g)
{
    li_vid product, zero, below;
    LI_TRY(both(g, 0, &product));
    LI_TRY(li_grad_scalar(g, product, 0, &zero));
    LI_TRY(li_grad_two(g, "Less", g->in[1], zero, &below));
    LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){below, product, zero}, 3, NULL, 0, &g->dx[1]));
    return through(g, 0);
}

/* ---- Rows ---- */

#define SLOPE(id, op, output, specs, kernel, gradient, alpha_value, op_flags, second, expression)                      \
    static double id##_slope(double a, double b, double alpha)                                                         \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        return expression;                                                                                             \
    }                                                                                                                  \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        const struct slope slope = {id##_slope, LI_SLOPE_##kernel, gradient, alpha_value};                             \
        return unary_grad_run(c, &slope);                                                                              \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT(output),                                                                                  \
        .attrs = specs,                                                                                                \
        .shape = two_alike,                                                                                            \
        .prepare = LI_SLOPE_##kernel == LI_SLOPE_NONE ? li_ops_prepare_costly : li_ops_prepare_cheap,                  \
        .forward = id##_forward,                                                                                       \
        .grad = second,                                                                                                \
        .flags = LI_OP_INPLACE | (op_flags),                                                                           \
    };

#define TYPE_ONLY LI_ATTRS(LI_TYPE_SPEC("T"))

/* a: y, b: g */
SLOPE(sqrt_grad, "SqrtGrad", "z", TYPE_ONLY, NONE, 1, 0, 0, sqrt_second, b * 0.5 / a)
SLOPE(rsqrt_grad, "RsqrtGrad", "z", TYPE_ONLY, NONE, 1, 0, 0, rsqrt_second, -0.5 * b * a * a * a)
SLOPE(reciprocal_grad, "ReciprocalGrad", "z", TYPE_ONLY, NONE, 1, 0, 0, square_second, -b *a *a)
SLOPE(inv_grad, "InvGrad", "z", TYPE_ONLY, NONE, 1, 0, 0, square_second, -b *a *a)
SLOPE(tanh_grad, "TanhGrad", "z", TYPE_ONLY, TANH, 1, 0, 0, square_second, b *(1 - a * a))
SLOPE(sigmoid_grad, "SigmoidGrad", "z", TYPE_ONLY, SIGMOID, 1, 0, 0, sigmoid_second, b *a *(1 - a))
/* a: x, b: g; 2 / sqrt(pi) */
SLOPE(li_erf_grad, "_LiErfGrad", "z", TYPE_ONLY, NONE, 1, 0, LI_OP_INTERNAL, erf_second,
      b * 1.1283791670955126 * exp(-a * a))
/* a: g, b: the input (Relu's output serves as well) */
SLOPE(relu_grad, "ReluGrad", "backprops", TYPE_ONLY, RELU, 0, 0, 0, straight_second, b > 0 ? a : 0)
SLOPE(relu6_grad, "Relu6Grad", "backprops", TYPE_ONLY, RELU6, 0, 0, 0, straight_second, b > 0 && b < 6 ? a : 0)
SLOPE(softsign_grad, "SoftsignGrad", "backprops", TYPE_ONLY, NONE, 0, 0, 0, softsign_second,
      a / ((1 + fabs(b)) * (1 + fabs(b))))
SLOPE(softplus_grad, "SoftplusGrad", "backprops", TYPE_ONLY, NONE, 0, 0, 0, softplus_second, a / (1 + exp(-b)))
SLOPE(leaky_relu_grad, "LeakyReluGrad", "backprops", LI_ATTRS(LI_TYPE_SPEC("T"), {"alpha", LI_ATTR_FLOAT, "0.2", NULL}),
      LEAKY_RELU, 0, li_attr_float(c->node, "alpha"), 0, straight_second, b > 0 ? a : alpha * a)
/* a: g, b: the output */
SLOPE(elu_grad, "EluGrad", "backprops", TYPE_ONLY, ELU, 0, 0, 0, elu_second, b < 0 ? a * (b + 1) : a)
SLOPE(selu_grad, "SeluGrad", "backprops", TYPE_ONLY, SELU, 0, 0, 0, elu_second,
      b < 0 ? a * (b + 1.0507009873554805 * 1.6732632423543772) : a * 1.0507009873554805)
