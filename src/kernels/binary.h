/* Functions of two float32, over rows, with the broadcasts that cost nothing. */
#ifndef LI_KERNELS_BINARY_H
#define LI_KERNELS_BINARY_H

#include "map.h"

enum li_binary {
    LI_BINARY_ADD,
    LI_BINARY_SUB,
    LI_BINARY_MUL,
    LI_BINARY_DIV,
    LI_BINARY_MAX, /* NaN if either is */
    LI_BINARY_MIN, /* NaN if either is */
    LI_BINARY_SQUARED_DIFFERENCE,
    LI_BINARY_COUNT
};

/*
 * y[r * y_row + c] = op(a[r * a_row + c * (a_scalar ? 0 : 1)], b[r * b_row + c * (b_scalar ? 0 : 1)]).
 * A row stride of 0 broadcasts one row ([cols]) over all; scalar broadcasts one value over each row ([rows, 1]); both:
 * a scalar. Operands of one shape are one row of n. y may be a or b where those are not broadcast.
 */
struct li_binary_rows {
    int64_t rows, cols;
    ptrdiff_t a_row, b_row, y_row;
    bool a_scalar, b_scalar;
};

struct li_binary_kernels {
    void (*rows)(enum li_binary op, const struct li_binary_rows *shape, float *y, const float *a, const float *b);
};

#endif
