/* Functions of one float32, over arrays. */
#ifndef LI_KERNELS_UNARY_H
#define LI_KERNELS_UNARY_H

#include "activation.h"
#include "map.h"

/* TensorFlow's ops of the same names. Infinities and NaN as in libm; the result of one element never depends on its
 * place. */
enum li_unary {
    LI_UNARY_NEG,
    LI_UNARY_ABS,
    LI_UNARY_SQUARE,
    LI_UNARY_SQRT,
    LI_UNARY_RSQRT,
    LI_UNARY_RECIPROCAL,
    LI_UNARY_EXP,
    LI_UNARY_EXPM1,
    LI_UNARY_LOG,
    LI_UNARY_LOG1P,
    LI_UNARY_TANH,
    LI_UNARY_SIGMOID,
    LI_UNARY_SOFTPLUS, /* log(1 + exp(x)) */
    LI_UNARY_ERF,
    LI_UNARY_ERFC,
    LI_UNARY_FLOOR,
    LI_UNARY_CEIL,
    LI_UNARY_ROUND, /* half to even */
    LI_UNARY_SIGN,
    LI_UNARY_COUNT
};

/* In all of these y may be x; otherwise they must not overlap. */
struct li_unary_kernels {
    void (*apply)(enum li_unary op, float *y, const float *x, int64_t n);
    void (*activate)(enum li_activation activation, float alpha, float *y, const float *x, int64_t n);
    void (*clamp)(float *y, const float *x, int64_t n, float low, float high); /* min(max(x, low), high); NaN stays */
    /* Along the last axis of [rows, cols], dense. */
    void (*softmax)(float *y, const float *x, int64_t rows, int64_t cols);
    void (*log_softmax)(float *y, const float *x, int64_t rows, int64_t cols);
};

#endif
