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

static void run_f32(const struct li_call *c, slope_function *slope, double alpha, int64_t begin, int64_t end)
{
    const float *a = li_f32(&c->in[0]), *b = li_f32(&c->in[1]);
    float *to = c->out[0].data;
    for (int64_t i = begin; i < end; i++) {
        to[i] = (float)slope((double)a[i], (double)b[i], alpha);
    }
}

static lince_status unary_grad_run(struct li_call *c, slope_function *slope, double alpha)
{
    int64_t begin, end;
    lince_dtype dtype = c->in[0].dtype;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    if (dtype == LINCE_FLOAT32) {
        run_f32(c, slope, alpha, begin, end);
        return LINCE_OK;
    }
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block a, b;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&a, dtype, li_at(c->in[0].data, dtype, i), 1, n);
        li_block_load(&b, dtype, li_at(c->in[1].data, dtype, i), 1, n);
        for (int64_t k = 0; k < n; k++) {
            a.f[k] = slope(a.f[k], b.f[k], alpha);
        }
        li_block_store(li_at(c->out[0].data, dtype, i), dtype, &a, n);
    }
    return LINCE_OK;
}

#define SLOPE(id, op, output, specs, alpha_value, op_flags, expression)                                                \
    static double id##_slope(double a, double b, double alpha)                                                         \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        return expression;                                                                                             \
    }                                                                                                                  \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return unary_grad_run(c, id##_slope, alpha_value);                                                             \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT(output),                                                                                  \
        .attrs = specs,                                                                                                \
        .shape = two_alike,                                                                                            \
        .prepare = li_ops_prepare_costly,                                                                              \
        .forward = id##_forward,                                                                                       \
        .flags = op_flags,                                                                                             \
    };

#define TYPE_ONLY LI_ATTRS(LI_TYPE_SPEC("T"))

/* a: y, b: g */
SLOPE(sqrt_grad, "SqrtGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, b * 0.5 / a)
SLOPE(rsqrt_grad, "RsqrtGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, -0.5 * b * a * a * a)
SLOPE(reciprocal_grad, "ReciprocalGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, -b *a *a)
SLOPE(inv_grad, "InvGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, -b *a *a)
SLOPE(tanh_grad, "TanhGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, b *(1 - a * a))
SLOPE(sigmoid_grad, "SigmoidGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE, b *a *(1 - a))
/* a: x, b: g; 2 / sqrt(pi) */
SLOPE(li_erf_grad, "_LiErfGrad", "z", TYPE_ONLY, 0, LI_OP_INPLACE | LI_OP_INTERNAL,
      b * 1.1283791670955126 * exp(-a * a))
/* a: g, b: the input (Relu's output serves as well) */
SLOPE(relu_grad, "ReluGrad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE, b > 0 ? a : 0)
SLOPE(relu6_grad, "Relu6Grad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE, b > 0 && b < 6 ? a : 0)
SLOPE(softsign_grad, "SoftsignGrad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE, a / ((1 + fabs(b)) * (1 + fabs(b))))
SLOPE(softplus_grad, "SoftplusGrad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE, a / (1 + exp(-b)))
SLOPE(leaky_relu_grad, "LeakyReluGrad", "backprops", LI_ATTRS(LI_TYPE_SPEC("T"), {"alpha", LI_ATTR_FLOAT, "0.2", NULL}),
      li_attr_float(c->node, "alpha"), LI_OP_INPLACE, b > 0 ? a : alpha * a)
/* a: g, b: the output */
SLOPE(elu_grad, "EluGrad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE, b < 0 ? a * (b + 1) : a)
SLOPE(selu_grad, "SeluGrad", "backprops", TYPE_ONLY, 0, LI_OP_INPLACE,
      b < 0 ? a * (b + 1.0507009873554805 * 1.6732632423543772) : a * 1.0507009873554805)
