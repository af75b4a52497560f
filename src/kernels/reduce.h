/* Sums and extremes along the rows or the columns of a float32 matrix. */
#ifndef LI_KERNELS_REDUCE_H
#define LI_KERNELS_REDUCE_H

#include "map.h"

enum li_reduce {
    LI_REDUCE_SUM,
    LI_REDUCE_SUM_SQUARES,
    LI_REDUCE_MAX, /* NaN if any is; -inf of nothing */
    LI_REDUCE_MIN, /* NaN if any is; +inf of nothing */
    LI_REDUCE_COUNT
};

/*
 * Sums are pairwise with cuts that depend on the count alone, so they are the same for any number of threads and their
 * error grows with the logarithm of the count. Callers divide outputs between threads.
 */
struct li_reduce_kernels {
    /* y[r] = scale * reduction over c of x[r * x_row + c]. Scale 1 / cols makes a mean; extremes ignore it. */
    void (*rows)(enum li_reduce op, float *y, const float *x, int64_t rows, int64_t cols, ptrdiff_t x_row, float scale);
    /* y[c] = scale * reduction over r of x[r * x_row + c]. */
    void (*columns)(enum li_reduce op, float *y, const float *x, int64_t rows, int64_t cols, ptrdiff_t x_row,
                    float scale);
    /* y[c] = scale * reduction over the h * w pixels of one picture: the global pools. The image stride is not used. */
    void (*picture)(enum li_reduce op, float *y, const float *x, int64_t h, int64_t w, int64_t channels,
                    const struct li_map *map, float scale);
};

#endif
