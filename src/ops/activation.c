/* Relu and its family, and their gradients. NaN stays NaN. */
#include "common.h"

#include <math.h>

#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772

struct activation {
    enum li_activation kernel;
    float alpha;
};

static void run_fast(const struct li_call *c, const void *context, float *to, const float *from, int64_t n)
{
    const struct activation *a = context;
    c->kernels->unary->activate(a->kernel, a->alpha, to, from, n);
}

static double evaluate(const struct activation *a, double x)
{
    switch (a->kernel) {
    case LI_ACT_RELU:
        return x < 0 ? 0 : x;
    case LI_ACT_RELU6:
        return x < 0 ? 0 : x > 6 ? 6 : x;
    case LI_ACT_LEAKY_RELU:
        return x > 0 ? x : (double)a->alpha * x;
    default: /* LI_ACT_ELU */
        return x < 0 ? (double)a->alpha * expm1(x) : x;
    }
}

/* Integers: Relu and Relu6 only; unsigned ones are small where this matters, and 6 is 6 in both. */
static void run_block(const void *context, lince_dtype dtype, union li_block *block, int64_t n)
{
    const struct activation *a = context;
    for (int64_t k = 0; k < n; k++) {
        if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
            block->f[k] = evaluate(a, block->f[k]);
        } else {
            bool negative = li_domain_of(dtype) == LI_DOMAIN_SIGNED && block->i[k] < 0;
            bool above = a->kernel == LI_ACT_RELU6 && !negative && block->u[k] > 6;
            block->i[k] = negative ? 0 : above ? 6 : block->i[k];
        }
    }
}

#define ACTIVATION(id, op, kernel_act, alpha_value, specs, rule, prepare_f, gradient)                                  \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        const struct activation a = {kernel_act, alpha_value};                                                         \
        li_ops_map(c, run_fast, run_block, &a);                                                                        \
        return LINCE_OK;                                                                                               \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .outputs = LI_OUTPUT("activations"),                                                                           \
        .attrs = specs,                                                                                                \
        .shape = rule,                                                                                                 \
        .layout = li_ops_layout_strided,                                                                               \
        .prepare = prepare_f,                                                                                          \
        .forward = id##_forward,                                                                                       \
        .grad = gradient,                                                                                              \
        .flags = LI_OP_INPLACE | LI_OP_UNIFORM_ELEMENTWISE,                                                            \
    };

static lince_status grad_of_output(struct li_grad *g, const char *op)
{
    return li_grad_emit(g, op, (li_vid[]){g->dy[0], g->out[0]}, 2, NULL, 0, &g->dx[0]);
}

static lince_status relu_grad(struct li_grad *g)
{
    return grad_of_output(g, "ReluGrad");
}

static lince_status relu6_grad(struct li_grad *g)
{
    return grad_of_output(g, "Relu6Grad");
}

static lince_status elu_grad(struct li_grad *g)
{
    return grad_of_output(g, "EluGrad");
}

static lince_status selu_grad(struct li_grad *g)
{
    return grad_of_output(g, "SeluGrad");
}

static lince_status leaky_grad(struct li_grad *g)
{
    return li_grad_emit(g, "LeakyReluGrad", (li_vid[]){g->dy[0], g->in[0]}, 2,
                        (struct li_attr[]){LI_FLOAT("alpha", li_attr_float(g->node, "alpha"))}, 1, &g->dx[0]);
}

#define TYPE_ONLY LI_ATTRS(LI_TYPE_SPEC("T"))
#define WITH_ALPHA LI_ATTRS(LI_TYPE_SPEC("T"), {"alpha", LI_ATTR_FLOAT, "0.2", NULL})

ACTIVATION(relu, "Relu", LI_ACT_RELU, 0, TYPE_ONLY, li_ops_same_number, li_ops_prepare_cheap, relu_grad)
ACTIVATION(relu6, "Relu6", LI_ACT_RELU6, 0, TYPE_ONLY, li_ops_same_number, li_ops_prepare_cheap, relu6_grad)
ACTIVATION(leaky_relu, "LeakyRelu", LI_ACT_LEAKY_RELU, (float)li_attr_float(c->node, "alpha"), WITH_ALPHA,
           li_ops_same_float, li_ops_prepare_cheap, leaky_grad)
ACTIVATION(elu, "Elu", LI_ACT_ELU, 1, TYPE_ONLY, li_ops_same_float, li_ops_prepare_costly, elu_grad)

/* ---- Selu: elu with another slope on both sides ---- */

static void selu_fast(const struct li_call *c, const void *context, float *to, const float *from, int64_t n)
{
    (void)context;
    c->kernels->unary->activate(LI_ACT_ELU, (float)SELU_ALPHA, to, from, n);
    const float scale = (float)SELU_SCALE;
    const struct li_binary_rows all = {.rows = 1, .cols = n, .b_scalar = true};
    c->kernels->binary->rows(LI_BINARY_MUL, &all, to, to, &scale);
}

static void selu_block(const void *context, lince_dtype dtype, union li_block *block, int64_t n)
{
    (void)context;
    (void)dtype;
    for (int64_t k = 0; k < n; k++) {
        double x = block->f[k];
        block->f[k] = SELU_SCALE * (x < 0 ? SELU_ALPHA * expm1(x) : x);
    }
}

static lince_status selu_forward(struct li_call *c)
{
    li_ops_map(c, selu_fast, selu_block, NULL);
    return LINCE_OK;
}

const struct li_op li_op_selu = {
    .name = "Selu",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("activations"),
    .attrs = TYPE_ONLY,
    .shape = li_ops_same_float,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_costly,
    .forward = selu_forward,
    .grad = selu_grad,
    .flags = LI_OP_INPLACE | LI_OP_UNIFORM_ELEMENTWISE,
};
