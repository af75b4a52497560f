/* Moments in double, one chunk. */
#include "norm.h"
#include "ref.h"

static int64_t moment_chunks(int64_t rows, int64_t cols)
{
    (void)rows, (void)cols;
    return 1;
}

static void moments(const float *x, int64_t count, ptrdiff_t stride, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)x[i * stride];
    }
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) {
        double d = (double)x[i * stride] - *mean;
        squares += d * d;
    }
    *variance = squares / (double)count;
}

static void moments_partial(const float *x, int64_t rows, int64_t cols, ptrdiff_t x_row, int64_t chunk, float *partial)
{
    (void)chunk;
    for (int64_t c = 0; c < cols; c++) {
        double mean, variance;
        moments(x + c, rows, x_row, &mean, &variance);
        partial[c] = (float)mean;
        partial[cols + c] = (float)(mean - (double)partial[c]);
        partial[2 * cols + c] = (float)variance;
    }
}

static void moments_combine(const float *partial, int64_t rows, int64_t cols, float *mean, float *variance)
{
    (void)rows;
    for (int64_t c = 0; c < cols; c++) {
        mean[c] = partial[c];
        variance[c] = partial[2 * cols + c];
    }
}

static void scale_shift(float *y, ptrdiff_t y_row, const float *x, ptrdiff_t x_row, int64_t rows, int64_t cols,
                        const float *scale, const float *shift, enum li_activation activation, float alpha)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < cols; c++) {
            double v = (double)x[r * x_row + c] * (double)scale[c] + (shift ? (double)shift[c] : 0);
            y[r * y_row + c] = ref_activate(v, activation, alpha);
        }
    }
}

static void layer_norm(float *y, const float *x, int64_t rows, int64_t cols, const float *scale, const float *shift,
                       float epsilon)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        double mean, variance;
        moments(x, cols, 1, &mean, &variance);
        double factor = 1 / sqrt(variance + (double)epsilon);
        for (int64_t c = 0; c < cols; c++) {
            y[c] = (float)(((double)x[c] - mean) * factor * (double)scale[c] + (double)shift[c]);
        }
    }
}

const struct li_norm_kernels li_norm_ref = {moment_chunks, moments_partial, moments_combine, scale_shift, layer_norm};
