/* Functions of one float32 over arrays. A tail is computed as a vector of its own, by the same instructions. */
#include "../unary.h"
#include "vmath.h"
#include "wide.h"

INLINE vf evaluate(const enum li_unary op, vf x)
{
    switch (op) {
    case LI_UNARY_NEG:
        return -x;
    case LI_UNARY_ABS:
        return v_abs(x);
    case LI_UNARY_SQUARE:
        return x * x;
    case LI_UNARY_SQRT:
        return v_sqrt(x);
    case LI_UNARY_RSQRT:
        return 1.0f / v_sqrt(x);
    case LI_UNARY_RECIPROCAL:
        return 1.0f / x;
    case LI_UNARY_EXP:
        return v_exp(x);
    case LI_UNARY_EXPM1:
        return v_expm1(x);
    case LI_UNARY_LOG:
        return v_log(x);
    case LI_UNARY_LOG1P:
        return v_log1p(x);
    case LI_UNARY_TANH:
        return v_tanh(x);
    case LI_UNARY_SIGMOID:
        return v_sigmoid(x);
    case LI_UNARY_SOFTPLUS:
        return v_softplus(x);
    case LI_UNARY_ERF:
        return v_erf(x);
    case LI_UNARY_ERFC:
        return v_erfc(x);
    case LI_UNARY_FLOOR:
        return v_floor(x);
    case LI_UNARY_CEIL:
        return v_ceil(x);
    case LI_UNARY_ROUND:
        return v_round(x);
    case LI_UNARY_SIGN:
        return v_select((vi)(x == 0.0f) | v_is_nan(x), x, v_copysign(v_set(1.0f), x));
    case LI_UNARY_COUNT:
        break;
    }
    return x;
}

#define LOOP(expression)                                                                                               \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
        for (; i + VL <= n; i += VL) {                                                                                 \
            vf v = v_load(x + i);                                                                                      \
            v_store(y + i, expression);                                                                                \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            vf v = v_load_part(x + i, n - i);                                                                          \
            v_store_part(y + i, expression, n - i);                                                                    \
        }                                                                                                              \
    } while (0)

/* The switches stand outside the loops: one loop for each function. */
#define CASE(op)                                                                                                       \
    case op:                                                                                                           \
        LOOP(evaluate(op, v));                                                                                         \
        break;

static void apply(enum li_unary op, float *y, const float *x, int64_t n)
{
    switch (op) {
        CASE(LI_UNARY_NEG)
        CASE(LI_UNARY_ABS)
        CASE(LI_UNARY_SQUARE)
        CASE(LI_UNARY_SQRT)
        CASE(LI_UNARY_RSQRT)
        CASE(LI_UNARY_RECIPROCAL)
        CASE(LI_UNARY_EXP)
        CASE(LI_UNARY_EXPM1)
        CASE(LI_UNARY_LOG)
        CASE(LI_UNARY_LOG1P)
        CASE(LI_UNARY_TANH)
        CASE(LI_UNARY_SIGMOID)
        CASE(LI_UNARY_SOFTPLUS)
        CASE(LI_UNARY_ERF)
        CASE(LI_UNARY_ERFC)
        CASE(LI_UNARY_FLOOR)
        CASE(LI_UNARY_CEIL)
        CASE(LI_UNARY_ROUND)
        CASE(LI_UNARY_SIGN)
    case LI_UNARY_COUNT:
        break;
    }
}

#define ACTIVATION(kind)                                                                                               \
    case kind:                                                                                                         \
        LOOP(v_activate(kind, a, v));                                                                                  \
        break;

static void activate(enum li_activation activation, float alpha, float *y, const float *x, int64_t n)
{
    const vf a = v_set(alpha);
    switch (activation) {
        ACTIVATION(LI_ACT_NONE)
        ACTIVATION(LI_ACT_RELU)
        ACTIVATION(LI_ACT_RELU6)
        ACTIVATION(LI_ACT_LEAKY_RELU)
        ACTIVATION(LI_ACT_ELU)
        ACTIVATION(LI_ACT_SIGMOID)
        ACTIVATION(LI_ACT_HARD_SIGMOID)
        ACTIVATION(LI_ACT_SWISH)
        ACTIVATION(LI_ACT_HARD_SWISH)
        ACTIVATION(LI_ACT_TANH)
        ACTIVATION(LI_ACT_GELU)
        ACTIVATION(LI_ACT_GELU_TANH)
    case LI_ACT_COUNT:
        break;
    }
}

static void clamp(float *y, const float *x, int64_t n, float low, float high)
{
    const vf vlow = v_set(low), vhigh = v_set(high);
    LOOP(v_at_most(v_at_least(v, vlow), vhigh));
}

static void subtract_exp(float *y, const float *x, int64_t n, float largest)
{
    LOOP(v_exp(v - largest));
}

static void divide(float *y, const float *x, int64_t n, float divisor)
{
    LOOP(v / divisor);
}

static void subtract(float *y, const float *x, int64_t n, float a, float b)
{
    LOOP((v - a) - b);
}

static void softmax(float *y, const float *x, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        subtract_exp(y, x, cols, wide_extreme(x, cols, true));
        divide(y, y, cols, wide_sum(y, cols, TERM_VALUE, 0));
    }
}

/* Sum of exp(x - largest), pairwise over pieces that fit on the stack. */
static float sum_exp(const float *x, int64_t n, float largest)
{
    float piece[BLOCK];
    if (n > BLOCK) {
        int64_t half = (n / 2 + BLOCK - 1) / BLOCK * BLOCK;
        return sum_exp(x, half, largest) + sum_exp(x + half, n - half, largest);
    }
    subtract_exp(piece, x, n, largest);
    return wide_sum(piece, n, TERM_VALUE, 0);
}

static void log_softmax(float *y, const float *x, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        float largest = wide_extreme(x, cols, true), sum = sum_exp(x, cols, largest);
        apply(LI_UNARY_LOG, &sum, &sum, 1);
        subtract(y, x, cols, largest, sum);
    }
}

const struct li_unary_kernels LI_SIMD_NAME(unary) = {apply, activate, clamp, softmax, log_softmax};
