/* The inner loops of gradients of picture ops, float32 and channels last. */
#ifndef LI_KERNELS_BACKWARD_H
#define LI_KERNELS_BACKWARD_H

#include "depthwise.h"

/*
 * What a gradient is multiplied by on its way through a function of one number: its slope where the input, or the
 * output, is `at`.
 */
enum li_slope {
    LI_SLOPE_NONE,
    LI_SLOPE_RELU,       /* at: input or output; at > 0 ? 1 : 0 */
    LI_SLOPE_RELU6,      /* at: input or output; 0 < at < 6 ? 1 : 0 */
    LI_SLOPE_LEAKY_RELU, /* at: input; at > 0 ? 1 : alpha */
    LI_SLOPE_ELU,        /* at: output; at < 0 ? at + 1 : 1 */
    LI_SLOPE_SELU,       /* at: output */
    LI_SLOPE_TANH,       /* at: output; 1 - at^2 */
    LI_SLOPE_SIGMOID,    /* at: output; at (1 - at) */
    LI_SLOPE_SWISH,      /* at: input; s (1 + alpha at (1 - s)), s = sigmoid(alpha at) */
    LI_SLOPE_COUNT
};

/*
 * Columns of [rows, cols], `row` floats from one row to the next in each of dy, x and dx. Sums as in reduce.h. Where a
 * Relu, Relu6 or swish stands behind the norm, every dy[r, c] is multiplied by its slope first, at x[r, c] * scale[c] +
 * shift[c], which is what it was given.
 */
struct li_backward_norm {
    const float *dy, *x;
    int64_t rows, cols;
    ptrdiff_t row;
    const float *mean;   /* [cols] */
    enum li_slope slope; /* NONE, RELU, RELU6, SWISH */
    float alpha;
    const float *scale, *shift; /* [cols], with a slope */
};

struct li_backward_kernels {
    /* dx[i] = dy[i] * slope at at[i]; dx may be dy or at. */
    void (*slope)(enum li_slope slope, float alpha, const float *dy, const float *at, int64_t count, float *dx);
    /* sum[c] = sum over r of dy[r, c]; product[c] = sum over r of dy[r, c] * (x[r, c] - mean[c]). */
    void (*norm_sums)(const struct li_backward_norm *norm, float *sum, float *product);
    /* dx[r, c] = dy[r, c] * slope[c] - (x[r, c] - mean[c]) * tilt[c] - shift[c]; dx may be dy. */
    void (*norm_apply)(const struct li_backward_norm *norm, float *dx, const float *slope, const float *tilt,
                       const float *shift);
    /*
     * What rows [first, last) of the batch * out_h rows of y give to the gradient of a depthwise filter: df[ky, kx, c,
     * m] = sum over their pixels (n, oy, ox) of x[n, iy, ix, c] * dy[n, oy, ox, c * multiplier + m]. g->y says where dy
     * lies. df is TensorFlow's dense filter.
     */
    void (*depthwise_filter)(const struct li_depthwise *g, const float *x, const float *dy, int64_t first, int64_t last,
                             float *df);
};

#endif
