/* What normalisations are made of: moments of columns, and scale and shift per column. */
#ifndef LI_KERNELS_NORM_H
#define LI_KERNELS_NORM_H

#include "activation.h"
#include "map.h"

/*
 * Mean and biased variance of each column of [rows, cols], in two steps, so that threads can share the first: partial
 * for every chunk (their number depends on rows and cols only), then combine in chunk order. A chunk takes two passes
 * and keeps its mean in two floats, so a mean far from zero costs the variance no digits.
 */
enum { LI_NORM_PARTIAL = 3 }; /* mean, what the rounding of the mean left, mean square of deviations */

struct li_norm_kernels {
    int64_t (*moment_chunks)(int64_t rows, int64_t cols); /* at least 1 */
    /* partial: [chunks][LI_NORM_PARTIAL][cols]; this call writes [chunk]. */
    void (*moments_partial)(const float *x, int64_t rows, int64_t cols, ptrdiff_t x_row, int64_t chunk, float *partial);
    /* mean, variance: [cols]. rows == 0 gives NaN, as 0 / 0. */
    void (*moments_combine)(const float *partial, int64_t rows, int64_t cols, float *mean, float *variance);
    /* y[r, c] = activation(x[r, c] * scale[c] + shift[c]); y may be x. shift may be NULL. */
    void (*scale_shift)(float *y, ptrdiff_t y_row, const float *x, ptrdiff_t x_row, int64_t rows, int64_t cols,
                        const float *scale, const float *shift, enum li_activation activation, float alpha);
    /* y[r, c] = (x[r, c] - mean[r]) / sqrt(variance[r] + epsilon) * scale[c] + shift[c], moments along each row. y may
     * be x. */
    void (*layer_norm)(float *y, const float *x, int64_t rows, int64_t cols, const float *scale, const float *shift,
                       float epsilon);
};

#endif
