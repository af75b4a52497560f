/* Moments of columns, and scale and shift. */
#include "../norm.h"
#include "clip.h"
#include "vmath.h"
#include "wide.h"

enum {
    CHUNK_FLOATS = 32 << 10, /* 128 KB: a chunk's second pass finds it in the second-level cache */
    MAX_CHUNKS = 256
};

static int64_t moment_chunks(int64_t rows, int64_t cols)
{
    return LI_MAX(1, LI_MIN(LI_MIN(MAX_CHUNKS, rows), rows * cols / CHUNK_FLOATS));
}

enum { STRIP = 4, ROW_BLOCK = 32 };

struct strip {
    vf v[STRIP];
};

struct columns {
    const float *x;
    ptrdiff_t row;
    int64_t channels; /* of the strip */
};

/* Sums of x - center and of its square. */
struct sums {
    struct strip linear, square;
};

/* A strip of columns over rows [first, last), pairwise over blocks of rows. */
static struct sums sum_rows(const struct columns *s, int64_t first, int64_t last, const struct strip *center)
{
    struct sums sum = {{{{0}}}, {{{0}}}};
    if (last - first > ROW_BLOCK) {
        int64_t middle = first + divide_up((last - first) / 2, ROW_BLOCK) * ROW_BLOCK;
        sum = sum_rows(s, first, middle, center);
        struct sums rest = sum_rows(s, middle, last, center);
        for (int j = 0; j < STRIP; j++) {
            sum.linear.v[j] += rest.linear.v[j];
            sum.square.v[j] += rest.square.v[j];
        }
        return sum;
    }
    for (int64_t i = first; i < last; i++) {
        UNROLL(4)
        for (int j = 0; j < STRIP; j++) {
            vf d = v_load_upto(s->x + i * s->row + j * VL, s->channels - j * VL) - center->v[j];
            sum.linear.v[j] += d;
            sum.square.v[j] = v_fma(d, d, sum.square.v[j]);
        }
    }
    return sum;
}

static void moments_partial(const float *x, int64_t rows, int64_t cols, ptrdiff_t x_row, int64_t chunk, float *partial)
{
    struct range range = piece(rows, chunk, moment_chunks(rows, cols));
    float count = (float)(range.last - range.first);
    partial += chunk * LI_NORM_PARTIAL * cols;
    for (int64_t c = 0; c < cols; c += STRIP * VL) {
        struct columns s = {x + c, x_row, LI_MIN(STRIP * VL, cols - c)};
        struct strip center = {{{0}}};
        struct strip mean = sum_rows(&s, range.first, range.last, &center).linear;
        for (int j = 0; j < STRIP; j++) {
            mean.v[j] /= count;
        }
        struct sums around = sum_rows(&s, range.first, range.last, &mean);
        for (int64_t j = 0; j * VL < s.channels; j++) {
            int64_t lanes = LI_MIN(VL, s.channels - j * VL);
            vf rest = v_select((vi)(v_abs(mean.v[j]) == V_INF), v_zero(), around.linear.v[j] / count);
            v_store_n(partial + c + j * VL, mean.v[j], lanes);
            v_store_n(partial + cols + c + j * VL, rest, lanes);
            v_store_n(partial + 2 * cols + c + j * VL, around.square.v[j] / count - rest * rest, lanes);
        }
    }
}

/* Chunk by chunk in double (Chan, Golub and LeVeque 1979): the means may lie close together and far from zero. */
static void moments_combine(const float *partial, int64_t rows, int64_t cols, float *mean, float *variance)
{
    enum { AT_ONCE = 64 };
    int64_t chunks = moment_chunks(rows, cols);
    for (int64_t c = 0; c < cols; c += AT_ONCE) {
        int64_t n = LI_MIN(AT_ONCE, cols - c);
        double center[AT_ONCE] = {0}, spread[AT_ONCE] = {0};
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t chunk = 0; chunk < chunks; chunk++) {
                struct range range = piece(rows, chunk, chunks);
                double weight = (double)(range.last - range.first) / (double)rows;
                const float *p = partial + chunk * LI_NORM_PARTIAL * cols + c;
                for (int64_t i = 0; i < n; i++) {
                    double chunk_mean = (double)p[i] + (double)p[cols + i], d = chunk_mean - center[i];
                    if (pass == 0) {
                        center[i] += weight * chunk_mean;
                    } else {
                        spread[i] += weight * ((double)p[2 * cols + i] + d * d);
                    }
                }
            }
        }
        for (int64_t i = 0; i < n; i++) {
            mean[c + i] = (float)center[i];
            variance[c + i] = (float)spread[i];
        }
    }
}

INLINE vf scaled(const float *x, const float *scale, const float *shift, int64_t lanes)
{
    return v_fma(v_load_n(x, lanes), v_load_n(scale, lanes), shift ? v_load_n(shift, lanes) : v_zero());
}

static void scale_shift(float *y, ptrdiff_t y_row, const float *x, ptrdiff_t x_row, int64_t rows, int64_t cols,
                        const float *scale, const float *shift, enum li_activation activation, float alpha)
{
    enum { AT_ONCE = 8 };
    for (int64_t r = 0; r < rows; r++, x += x_row, y += y_row) {
        for (int64_t c = 0; c < cols; c += AT_ONCE * VL) {
            vf value[AT_ONCE];
            int n = 0;
            for (int64_t j = c; j < cols && n < AT_ONCE; j += VL, n++) {
                value[n] = scaled(x + j, scale + j, shift ? shift + j : NULL, LI_MIN(VL, cols - j));
            }
            activate_vectors(activation, alpha, value, n);
            for (int i = 0; i < n; i++) {
                v_store_n(y + c + i * VL, value[i], LI_MIN(VL, cols - c - i * VL));
            }
        }
    }
}

static void layer_norm(float *y, const float *x, int64_t rows, int64_t cols, const float *scale, const float *shift,
                       float epsilon)
{
    for (int64_t r = 0; r < rows; r++, x += cols, y += cols) {
        float mean = wide_sum(x, cols, TERM_VALUE, 0) / (float)cols;
        float variance = wide_sum(x, cols, TERM_DEVIATION, mean) / (float)cols;
        float factor = 1 / sqrtf(variance + epsilon);
        for (int64_t c = 0; c < cols; c += VL) {
            int64_t lanes = LI_MIN(VL, cols - c);
            vf v = (v_load_n(x + c, lanes) - mean) * factor;
            v_store_n(y + c, v_fma(v, v_load_n(scale + c, lanes), v_load_n(shift + c, lanes)), lanes);
        }
    }
}

const struct li_norm_kernels LI_SIMD_NAME(norm) = {moment_chunks, moments_partial, moments_combine, scale_shift,
                                                   layer_norm};
