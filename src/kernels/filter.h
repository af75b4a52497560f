/* The gradient of a convolution's filter, NHWC float32. */
#ifndef LI_KERNELS_FILTER_H
#define LI_KERNELS_FILTER_H

#include "map.h"
#include "window.h"

/*
 * Of a convolution of x, or of one group of its channels: its window, and where x and the gradient dy of its result
 * lie. The gradient of the filter is a matrix df whose rows are taps and channels and whose columns are outputs,
 *
 *     df[(ky, kx, c)][o] = sum over n, oy, ox of x[n, iy, ix, c] * dy[n, oy, ox, o]
 *
 * as TensorFlow's filter lies in memory; df_row floats from one row to the next.
 */
struct li_filter {
    struct li_window window;
    int64_t batch, channels, outputs; /* of the group */
    struct li_map x, dy;
    ptrdiff_t df_row;
};

struct li_filter_kernels {
    size_t (*scratch_floats)(const struct li_filter *g); /* that run() wants, aligned to LI_ALIGN */
    /* Into how many chunks the pixels of dy are cut: by shapes only. A sum goes through them in order. */
    int64_t (*chunks)(const struct li_filter *g);
    /* What chunks [first, last) give to rows [row, row + rows) of df. df: of row 0, column 0. */
    void (*run)(const struct li_filter *g, const float *x, const float *dy, int64_t first, int64_t last, int64_t row,
                int64_t rows, float *scratch, float *df);
};

#endif
