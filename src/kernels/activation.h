/* What a kernel may do to a result before it is stored. */
#ifndef LI_KERNELS_ACTIVATION_H
#define LI_KERNELS_ACTIVATION_H

/* NaN stays NaN in all of them, as in TensorFlow. */
enum li_activation {
    LI_ACT_NONE,
    LI_ACT_RELU,         /* max(x, 0) */
    LI_ACT_RELU6,        /* min(max(x, 0), 6) */
    LI_ACT_LEAKY_RELU,   /* x > 0 ? x : alpha * x */
    LI_ACT_ELU,          /* x > 0 ? x : alpha * (exp(x) - 1) */
    LI_ACT_SIGMOID,      /* 1 / (1 + exp(-x)) */
    LI_ACT_HARD_SIGMOID, /* relu6(x + 3) / 6 */
    LI_ACT_SWISH,        /* x * sigmoid(alpha * x) */
    LI_ACT_HARD_SWISH,   /* x * relu6(x + 3) / 6 */
    LI_ACT_TANH,
    LI_ACT_GELU,      /* x * (1 + erf(x / sqrt 2)) / 2 */
    LI_ACT_GELU_TANH, /* x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 */
    LI_ACT_COUNT
};

#endif
