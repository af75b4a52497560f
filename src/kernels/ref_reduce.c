/* Reductions by plain loops, sums in double. */
#include "reduce.h"

#include <math.h>

static double start(enum li_reduce op)
{
    return op == LI_REDUCE_MAX ? -INFINITY : op == LI_REDUCE_MIN ? INFINITY : 0;
}

static double step(enum li_reduce op, double sum, double x)
{
    switch (op) {
    case LI_REDUCE_SUM_SQUARES:
        return sum + x * x;
    case LI_REDUCE_MAX:
        return x != x || x > sum ? x : sum;
    case LI_REDUCE_MIN:
        return x != x || x < sum ? x : sum;
    default:
        return sum + x;
    }
}

static float finish(enum li_reduce op, double sum, float scale)
{
    return (float)(op == LI_REDUCE_MAX || op == LI_REDUCE_MIN ? sum : sum * (double)scale);
}

static void ref_reduce_rows(enum li_reduce op, float *y, const float *x, int64_t count, int64_t cols, ptrdiff_t x_row,
                            float scale)
{
    for (int64_t r = 0; r < count; r++) {
        double sum = start(op);
        for (int64_t c = 0; c < cols; c++) {
            sum = step(op, sum, (double)x[r * x_row + c]);
        }
        y[r] = finish(op, sum, scale);
    }
}

static void picture(enum li_reduce op, float *y, const float *x, int64_t h, int64_t w, int64_t channels,
                    const struct li_map *map, float scale)
{
    for (int64_t c = 0; c < channels; c++) {
        double sum = start(op);
        for (int64_t i = 0; i < h; i++) {
            for (int64_t j = 0; j < w; j++) {
                sum = step(op, sum, (double)x[i * map->row + j * map->pixel + c]);
            }
        }
        y[c] = finish(op, sum, scale);
    }
}

static void columns(enum li_reduce op, float *y, const float *x, int64_t count, int64_t cols, ptrdiff_t x_row,
                    float scale)
{
    picture(op, y, x, 1, count, cols, &(struct li_map){.pixel = x_row}, scale);
}

const struct li_reduce_kernels li_reduce_ref = {ref_reduce_rows, columns, picture};
