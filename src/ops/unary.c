/*
 * Functions of one number, element by element. float32 goes to the vector kernels where they have the function;
 * everything else goes through blocks of double or int64.
 */
#include "common.h"

#include <math.h>

struct unary {
    enum li_unary kernel; /* LI_UNARY_COUNT: none */
    double (*real)(double x);
    int64_t (*integer)(int64_t x); /* NULL: floats only */
};

static void run_fast(const struct li_call *c, const void *context, float *to, const float *from, int64_t n)
{
    c->kernels->unary->apply(((const struct unary *)context)->kernel, to, from, n);
}

static void run_block(const void *context, lince_dtype dtype, union li_block *block, int64_t n)
{
    const struct unary *u = context;
    bool real = li_domain_of(dtype) == LI_DOMAIN_FLOAT;
    for (int64_t k = 0; real && k < n; k++) {
        block->f[k] = u->real(block->f[k]);
    }
    for (int64_t k = 0; !real && k < n; k++) {
        block->i[k] = u->integer(block->i[k]);
    }
}

static lince_status unary_run(struct li_call *c, const struct unary *u)
{
    li_ops_map(c, u->kernel == LI_UNARY_COUNT ? NULL : run_fast, run_block, u);
    return LINCE_OK;
}

static lince_status signed_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT | LI_SET_SIGNED));
    return li_out_same(s, 0, 0);
}

static double neg(double x)
{
    return -x;
}

static double square(double x)
{
    return x * x;
}

static double rsqrt(double x)
{
    return 1 / sqrt(x);
}

static double reciprocal(double x)
{
    return 1 / x;
}

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double softsign(double x)
{
    return x / (1 + fabs(x));
}

/* pi * x has no rounding to speak of where tan needs it most, as x - rint(x) is exact. */
static int64_t neg_int(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

static int64_t abs_int(int64_t x)
{
    return x < 0 ? neg_int(x) : x;
}

static int64_t square_int(int64_t x)
{
    return (int64_t)((uint64_t)x * (uint64_t)x);
}

static int64_t sign_int(int64_t x)
{
    return (x > 0) - (x < 0);
}

static int64_t same_int(int64_t x)
{
    return x;
}

/* ---- Gradients: each a few nodes of TensorFlow's own ops ---- */

/* dx = dy * f(v): one op on v, then a product. */
static lince_status times(struct li_grad *g, const char *op, li_vid v)
{
    li_vid factor;
    LI_TRY(li_grad_emit(g, op, &v, 1, NULL, 0, &factor));
    return li_grad_emit(g, "Mul", (li_vid[]){g->dy[0], factor}, 2, NULL, 0, &g->dx[0]);
}

/* dx = op(a, b) */
static lince_status pair(struct li_grad *g, const char *op, li_vid a, li_vid b)
{
    return li_grad_emit(g, op, (li_vid[]){a, b}, 2, NULL, 0, &g->dx[0]);
}

/* dx = -v */
static lince_status minus(struct li_grad *g, li_vid v)
{
    return li_grad_one(g, "Neg", v, &g->dx[0]);
}

static lince_status neg_grad(struct li_grad *g)
{
    return minus(g, g->dy[0]);
}

static lince_status abs_grad(struct li_grad *g)
{
    return times(g, "Sign", g->in[0]);
}

static lince_status square_grad(struct li_grad *g)
{
    li_vid twice;
    LI_TRY(li_grad_emit(g, "AddV2", (li_vid[]){g->in[0], g->in[0]}, 2, NULL, 0, &twice));
    return pair(g, "Mul", g->dy[0], twice);
}

static lince_status sqrt_grad(struct li_grad *g)
{
    return pair(g, "SqrtGrad", g->out[0], g->dy[0]);
}

static lince_status rsqrt_grad(struct li_grad *g)
{
    return pair(g, "RsqrtGrad", g->out[0], g->dy[0]);
}

static lince_status reciprocal_grad(struct li_grad *g)
{
    return pair(g, "ReciprocalGrad", g->out[0], g->dy[0]);
}

static lince_status exp_grad(struct li_grad *g)
{
    return pair(g, "Mul", g->dy[0], g->out[0]);
}

static lince_status expm1_grad(struct li_grad *g)
{
    return times(g, "Exp", g->in[0]);
}

static lince_status log_grad(struct li_grad *g)
{
    return pair(g, "RealDiv", g->dy[0], g->in[0]);
}

static lince_status log1p_grad(struct li_grad *g)
{
    li_vid one, sum;
    LI_TRY(li_grad_scalar(g, g->in[0], 1, &one));
    LI_TRY(li_grad_two(g, "AddV2", g->in[0], one, &sum));
    return pair(g, "RealDiv", g->dy[0], sum);
}

static lince_status sin_grad(struct li_grad *g)
{
    return times(g, "Cos", g->in[0]);
}

static lince_status cos_grad(struct li_grad *g)
{
    LI_TRY(times(g, "Sin", g->in[0]));
    return minus(g, g->dx[0]);
}

/* dy / cos(x)^2 */
static lince_status tan_grad(struct li_grad *g)
{
    li_vid cosine, square;
    LI_TRY(li_grad_one(g, "Cos", g->in[0], &cosine));
    LI_TRY(li_grad_one(g, "Square", cosine, &square));
    return pair(g, "RealDiv", g->dy[0], square);
}

static lince_status sinh_grad(struct li_grad *g)
{
    return times(g, "Cosh", g->in[0]);
}

static lince_status cosh_grad(struct li_grad *g)
{
    return times(g, "Sinh", g->in[0]);
}

/* 1 - x^2, or with "AddV2" 1 + x^2 */
static lince_status one_and_square(struct li_grad *g, const char *op, li_vid *out)
{
    li_vid one, square;
    LI_TRY(li_grad_scalar(g, g->in[0], 1, &one));
    LI_TRY(li_grad_one(g, "Square", g->in[0], &square));
    return li_grad_two(g, op, one, square, out);
}

static lince_status asin_grad(struct li_grad *g)
{
    li_vid rest;
    LI_TRY(one_and_square(g, "Sub", &rest));
    return times(g, "Rsqrt", rest);
}

static lince_status acos_grad(struct li_grad *g)
{
    LI_TRY(asin_grad(g));
    return minus(g, g->dx[0]);
}

static lince_status atan_grad(struct li_grad *g)
{
    li_vid sum;
    LI_TRY(one_and_square(g, "AddV2", &sum));
    return pair(g, "RealDiv", g->dy[0], sum);
}

static lince_status atanh_grad(struct li_grad *g)
{
    li_vid rest;
    LI_TRY(one_and_square(g, "Sub", &rest));
    return pair(g, "RealDiv", g->dy[0], rest);
}

/* dy / f(y): sinh(acosh(x)) and cosh(asinh(x)) are the inverses of the slopes. */
static lince_status over(struct li_grad *g, const char *op)
{
    li_vid divisor;
    LI_TRY(li_grad_one(g, op, g->out[0], &divisor));
    return pair(g, "RealDiv", g->dy[0], divisor);
}

static lince_status asinh_grad(struct li_grad *g)
{
    return over(g, "Cosh");
}

static lince_status acosh_grad(struct li_grad *g)
{
    return over(g, "Sinh");
}

static lince_status lgamma_grad(struct li_grad *g)
{
    return times(g, "Digamma", g->in[0]);
}

static lince_status digamma_grad(struct li_grad *g)
{
    li_vid one, slope;
    LI_TRY(li_grad_scalar(g, g->in[0], 1, &one));
    LI_TRY(li_grad_two(g, "Polygamma", one, g->in[0], &slope));
    return li_grad_two(g, "Mul", g->dy[0], slope, &g->dx[0]);
}

static lince_status tanh_grad(struct li_grad *g)
{
    return pair(g, "TanhGrad", g->out[0], g->dy[0]);
}

static lince_status sigmoid_grad(struct li_grad *g)
{
    return pair(g, "SigmoidGrad", g->out[0], g->dy[0]);
}

static lince_status softplus_grad(struct li_grad *g)
{
    return times(g, "Sigmoid", g->in[0]);
}

static lince_status softsign_grad(struct li_grad *g)
{
    return pair(g, "SoftsignGrad", g->dy[0], g->in[0]);
}

static lince_status erf_grad(struct li_grad *g)
{
    return pair(g, "_LiErfGrad", g->in[0], g->dy[0]);
}

static lince_status erfc_grad(struct li_grad *g)
{
    LI_TRY(erf_grad(g));
    return minus(g, g->dx[0]);
}

#define UNARY(id, op, output, kernel_op, real_f, integer_f, rule, prepare_f, grad_f)                                   \
    static const struct unary id##_how = {kernel_op, real_f, integer_f};                                               \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return unary_run(c, &id##_how);                                                                                \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .outputs = LI_OUTPUT(output),                                                                                  \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),                                                                          \
        .shape = rule,                                                                                                 \
        .layout = li_ops_layout_strided,                                                                               \
        .prepare = prepare_f,                                                                                          \
        .forward = id##_forward,                                                                                       \
        .grad = grad_f,                                                                                                \
        .flags = LI_OP_INPLACE | LI_OP_UNIFORM_ELEMENTWISE,                                                            \
    };

#define CHEAP li_ops_prepare_cheap
#define COSTLY li_ops_prepare_costly
#define FLOATS li_ops_same_float

UNARY(abs, "Abs", "y", LI_UNARY_ABS, fabs, abs_int, signed_shape, CHEAP, abs_grad)
UNARY(acos, "Acos", "y", LI_UNARY_COUNT, acos, NULL, FLOATS, COSTLY, acos_grad)
UNARY(acosh, "Acosh", "y", LI_UNARY_COUNT, acosh, NULL, FLOATS, COSTLY, acosh_grad)
UNARY(asin, "Asin", "y", LI_UNARY_COUNT, asin, NULL, FLOATS, COSTLY, asin_grad)
UNARY(asinh, "Asinh", "y", LI_UNARY_COUNT, asinh, NULL, FLOATS, COSTLY, asinh_grad)
UNARY(atan, "Atan", "y", LI_UNARY_COUNT, atan, NULL, FLOATS, COSTLY, atan_grad)
UNARY(atanh, "Atanh", "y", LI_UNARY_COUNT, atanh, NULL, FLOATS, COSTLY, atanh_grad)
UNARY(ceil, "Ceil", "y", LI_UNARY_CEIL, ceil, NULL, FLOATS, CHEAP, li_grad_none)
UNARY(cos, "Cos", "y", LI_UNARY_COUNT, cos, NULL, FLOATS, COSTLY, cos_grad)
UNARY(cosh, "Cosh", "y", LI_UNARY_COUNT, cosh, NULL, FLOATS, COSTLY, cosh_grad)
UNARY(digamma, "Digamma", "y", LI_UNARY_COUNT, li_digamma, NULL, FLOATS, COSTLY, digamma_grad)
UNARY(erf, "Erf", "y", LI_UNARY_ERF, erf, NULL, FLOATS, COSTLY, erf_grad)
UNARY(erfc, "Erfc", "y", LI_UNARY_ERFC, erfc, NULL, FLOATS, COSTLY, erfc_grad)
UNARY(exp, "Exp", "y", LI_UNARY_EXP, exp, NULL, FLOATS, COSTLY, exp_grad)
UNARY(expm1, "Expm1", "y", LI_UNARY_EXPM1, expm1, NULL, FLOATS, COSTLY, expm1_grad)
UNARY(floor, "Floor", "y", LI_UNARY_FLOOR, floor, NULL, FLOATS, CHEAP, li_grad_none)
UNARY(inv, "Inv", "y", LI_UNARY_RECIPROCAL, reciprocal, NULL, FLOATS, CHEAP, reciprocal_grad)
UNARY(lgamma, "Lgamma", "y", LI_UNARY_COUNT, lgamma, NULL, FLOATS, COSTLY, lgamma_grad)
UNARY(log, "Log", "y", LI_UNARY_LOG, log, NULL, FLOATS, COSTLY, log_grad)
UNARY(log1p, "Log1p", "y", LI_UNARY_LOG1P, log1p, NULL, FLOATS, COSTLY, log1p_grad)
UNARY(neg, "Neg", "y", LI_UNARY_NEG, neg, neg_int, signed_shape, CHEAP, neg_grad)
UNARY(reciprocal, "Reciprocal", "y", LI_UNARY_RECIPROCAL, reciprocal, NULL, FLOATS, CHEAP, reciprocal_grad)
UNARY(rint, "Rint", "y", LI_UNARY_ROUND, rint, NULL, FLOATS, CHEAP, li_grad_none)
UNARY(round, "Round", "y", LI_UNARY_ROUND, rint, same_int, signed_shape, CHEAP, li_grad_none)
UNARY(rsqrt, "Rsqrt", "y", LI_UNARY_RSQRT, rsqrt, NULL, FLOATS, CHEAP, rsqrt_grad)
UNARY(sigmoid, "Sigmoid", "y", LI_UNARY_SIGMOID, sigmoid, NULL, FLOATS, COSTLY, sigmoid_grad)
UNARY(sign, "Sign", "y", LI_UNARY_SIGN, sign, sign_int, signed_shape, CHEAP, li_grad_none)
UNARY(sin, "Sin", "y", LI_UNARY_COUNT, sin, NULL, FLOATS, COSTLY, sin_grad)
UNARY(sinh, "Sinh", "y", LI_UNARY_COUNT, sinh, NULL, FLOATS, COSTLY, sinh_grad)
UNARY(softplus, "Softplus", "activations", LI_UNARY_SOFTPLUS, softplus, NULL, FLOATS, COSTLY, softplus_grad)
UNARY(softsign, "Softsign", "activations", LI_UNARY_COUNT, softsign, NULL, FLOATS, CHEAP, softsign_grad)
UNARY(sqrt, "Sqrt", "y", LI_UNARY_SQRT, sqrt, NULL, FLOATS, CHEAP, sqrt_grad)
UNARY(square, "Square", "y", LI_UNARY_SQUARE, square, square_int, li_ops_same_number, CHEAP, square_grad)
UNARY(tan, "Tan", "y", LI_UNARY_COUNT, tan, NULL, FLOATS, COSTLY, tan_grad)
UNARY(tanh, "Tanh", "y", LI_UNARY_TANH, tanh, NULL, FLOATS, COSTLY, tanh_grad)
