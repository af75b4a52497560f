/* A gradient through a function of one number, a vector at a time. */
#ifndef LI_SIMD_SLOPE_H
#define LI_SIMD_SLOPE_H

#include "../backward.h"
#include "vmath.h"

#define SELU_SCALE 1.0507009873554805f
#define SELU_ALPHA 1.6732632423543772f

INLINE vf v_slope(const enum li_slope slope, vf alpha, vf dy, vf at)
{
    switch (slope) {
    case LI_SLOPE_RELU:
        return v_select(at > 0, dy, v_zero());
    case LI_SLOPE_RELU6:
        return v_select((at > 0) & (at < 6), dy, v_zero());
    case LI_SLOPE_LEAKY_RELU:
        return v_select(at > 0, dy, dy * alpha);
    case LI_SLOPE_ELU:
        return v_select(at < 0, dy * (at + 1), dy);
    case LI_SLOPE_SELU:
        return v_select(at < 0, dy * (at + SELU_SCALE * SELU_ALPHA), dy * SELU_SCALE);
    case LI_SLOPE_TANH:
        return dy * (1 - at * at);
    case LI_SLOPE_SIGMOID:
        return dy * (at * (1 - at));
    case LI_SLOPE_SWISH: {
        vf inner = alpha * at, s = v_sigmoid(inner);
        return dy * (s * (1 + inner * (1 - s)));
    }
    case LI_SLOPE_NONE:
    case LI_SLOPE_COUNT:
        break;
    }
    return dy;
}

#endif
