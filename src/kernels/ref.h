/* Scalar activations for the plain loops. Everything is computed in double and rounded once. */
#ifndef LI_KERNELS_REF_H
#define LI_KERNELS_REF_H

#include "activation.h"

#include <math.h>

static inline double ref_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static inline double ref_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static inline float ref_activate(double x, enum li_activation activation, float alpha)
{
    switch (activation) {
    case LI_ACT_RELU:
        return (float)(x < 0 ? 0 : x);
    case LI_ACT_RELU6:
        return (float)ref_clamp(x, 0, 6);
    case LI_ACT_LEAKY_RELU:
        return (float)(x > 0 ? x : (double)alpha * x);
    case LI_ACT_ELU:
        return (float)(x > 0 ? x : (double)alpha * expm1(x));
    case LI_ACT_SIGMOID:
        return (float)ref_sigmoid(x);
    case LI_ACT_HARD_SIGMOID:
        return (float)(ref_clamp(x + 3, 0, 6) / 6);
    case LI_ACT_SWISH:
        return (float)(x * ref_sigmoid((double)alpha * x));
    case LI_ACT_HARD_SWISH:
        return (float)(x * ref_clamp(x + 3, 0, 6) / 6);
    case LI_ACT_TANH:
        return (float)tanh(x);
    case LI_ACT_GELU:
        return (float)(x * 0.5 * erfc(-x * M_SQRT1_2));
    case LI_ACT_GELU_TANH:
        /* (1 + tanh u) / 2 = sigmoid(2u), without the cancellation */
        return (float)(x * ref_sigmoid(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case LI_ACT_NONE:
    case LI_ACT_COUNT:
        break;
    }
    return (float)x;
}

#endif
