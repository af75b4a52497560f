/* Functions of one float by libm in double, rounded once. */
#include "ref.h"
#include "unary.h"

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double evaluate(enum li_unary op, double x)
{
    switch (op) {
    case LI_UNARY_NEG:
        return -x;
    case LI_UNARY_ABS:
        return fabs(x);
    case LI_UNARY_SQUARE:
        return x * x;
    case LI_UNARY_SQRT:
        return sqrt(x);
    case LI_UNARY_RSQRT:
        return 1 / sqrt(x);
    case LI_UNARY_RECIPROCAL:
        return 1 / x;
    case LI_UNARY_EXP:
        return exp(x);
    case LI_UNARY_EXPM1:
        return expm1(x);
    case LI_UNARY_LOG:
        return log(x);
    case LI_UNARY_LOG1P:
        return log1p(x);
    case LI_UNARY_TANH:
        return tanh(x);
    case LI_UNARY_SIGMOID:
        return ref_sigmoid(x);
    case LI_UNARY_SOFTPLUS:
        return softplus(x);
    case LI_UNARY_ERF:
        return erf(x);
    case LI_UNARY_ERFC:
        return erfc(x);
    case LI_UNARY_FLOOR:
        return floor(x);
    case LI_UNARY_CEIL:
        return ceil(x);
    case LI_UNARY_ROUND:
        return rint(x);
    case LI_UNARY_SIGN:
        return x > 0 ? 1 : x < 0 ? -1 : x;
    case LI_UNARY_COUNT:
        break;
    }
    return x;
}

static void apply(enum li_unary op, float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = (float)evaluate(op, (double)x[i]);
    }
}

static void activate(enum li_activation activation, float alpha, float *y, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = ref_activate((double)x[i], activation, alpha);
    }
}

static void clamp(float *y, const float *x, int64_t n, float low, float high)
{
    for (int64_t i = 0; i < n; i++) {
        y[i] = x[i] < low ? low : x[i] > high ? high : x[i];
    }
}

/* The largest of a row, and the sum of exp(x - largest). */
static double row_sum(const float *x, int64_t cols, float *largest)
{
    *largest = -INFINITY;
    for (int64_t i = 0; i < cols; i++) {
        *largest = x[i] > *largest ? x[i] : *largest;
    }
    double sum = 0;
    for (int64_t i = 0; i < cols; i++) {
        sum += exp((double)x[i] - (double)*largest);
    }
    return sum;
}

static void softmax(float *y, const float *x, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        float largest;
        double sum = row_sum(x, cols, &largest);
        for (int64_t i = 0; i < cols; i++) {
            y[i] = (float)(exp((double)x[i] - (double)largest) / sum);
        }
    }
}

static void log_softmax(float *y, const float *x, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        float largest;
        double sum = log(row_sum(x, cols, &largest));
        for (int64_t i = 0; i < cols; i++) {
            y[i] = (float)((double)x[i] - (double)largest - sum);
        }
    }
}

const struct li_unary_kernels li_unary_ref = {apply, activate, clamp, softmax, log_softmax};
