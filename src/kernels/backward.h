/* The inner loops of gradients of picture ops, float32 and channels last. */
#ifndef LI_KERNELS_BACKWARD_H
#define LI_KERNELS_BACKWARD_H

#include "depthwise.h"

/* Columns of [rows, cols], `row` floats from one row to the next in each of dy, x and dx. Sums as in reduce.h. */
struct li_backward_norm {
    const float *dy, *x;
    int64_t rows, cols;
    ptrdiff_t row;
    const float *mean; /* [cols] */
};

struct li_backward_kernels {
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
