/* Reductions. Along rows: wide.h. Along columns: a few vectors of columns at a time, pairwise over blocks of pixels of
 * a fixed length. */
#include "../reduce.h"
#include "clip.h"
#include "wide.h"

static void reduce_rows(enum li_reduce op, float *y, const float *x, int64_t count, int64_t cols, ptrdiff_t x_row,
                        float scale)
{
    for (int64_t r = 0; r < count; r++, x += x_row) {
        switch (op) {
        case LI_REDUCE_SUM:
            y[r] = wide_sum(x, cols, TERM_VALUE, 0) * scale;
            break;
        case LI_REDUCE_SUM_SQUARES:
            y[r] = wide_sum(x, cols, TERM_SQUARE, 0) * scale;
            break;
        case LI_REDUCE_MAX:
            y[r] = wide_extreme(x, cols, true);
            break;
        case LI_REDUCE_MIN:
            y[r] = wide_extreme(x, cols, false);
            break;
        case LI_REDUCE_COUNT:
            break;
        }
    }
}

enum { COLUMN_VECTORS = 4, PIXEL_BLOCK = 32 };

/* A strip of up to four vectors of columns. */
struct strip {
    vf v[COLUMN_VECTORS];
};

struct source {
    const float *x;
    int64_t w; /* pixels of a row */
    ptrdiff_t pixel, row;
    int64_t channels; /* of the strip */
};

INLINE vf start(enum li_reduce op)
{
    return op == LI_REDUCE_MAX ? v_set(-INFINITY) : op == LI_REDUCE_MIN ? v_set(INFINITY) : v_zero();
}

INLINE vf combine(enum li_reduce op, vf a, vf b)
{
    return op == LI_REDUCE_MAX ? v_max(b, a) : op == LI_REDUCE_MIN ? v_min(b, a) : a + b;
}

INLINE vf step(enum li_reduce op, vf sum, vf x)
{
    return op == LI_REDUCE_SUM_SQUARES ? v_fma(x, x, sum) : combine(op, sum, x);
}

/* Pixels [first, last), one after the other. */
INLINE struct strip block(const enum li_reduce op, const struct source *s, int64_t first, int64_t last,
                          const bool whole)
{
    struct strip sum = {{start(op), start(op), start(op), start(op)}};
    int64_t column = first % s->w;
    const float *row = s->x + first / s->w * s->row;
    for (int64_t i = first; i < last; i++) {
        const float *x = row + column * s->pixel;
        UNROLL(4)
        for (int j = 0; j < COLUMN_VECTORS; j++) {
            vf v = whole ? v_load(x + j * VL) : v_load_upto(x + j * VL, s->channels - j * VL);
            sum.v[j] = step(op, sum.v[j], v);
        }
        if (++column == s->w) {
            column = 0;
            row += s->row;
        }
    }
    return sum;
}

static struct strip any_block(enum li_reduce op, const struct source *s, int64_t first, int64_t last)
{
    bool whole = s->channels == COLUMN_VECTORS * VL;
    switch (op) {
    case LI_REDUCE_SUM_SQUARES:
        return whole ? block(LI_REDUCE_SUM_SQUARES, s, first, last, true)
                     : block(LI_REDUCE_SUM_SQUARES, s, first, last, false);
    case LI_REDUCE_MAX:
        return whole ? block(LI_REDUCE_MAX, s, first, last, true) : block(LI_REDUCE_MAX, s, first, last, false);
    case LI_REDUCE_MIN:
        return whole ? block(LI_REDUCE_MIN, s, first, last, true) : block(LI_REDUCE_MIN, s, first, last, false);
    default:
        return whole ? block(LI_REDUCE_SUM, s, first, last, true) : block(LI_REDUCE_SUM, s, first, last, false);
    }
}

static struct strip pairwise(enum li_reduce op, const struct source *s, int64_t first, int64_t last)
{
    if (last - first <= PIXEL_BLOCK) {
        return any_block(op, s, first, last);
    }
    int64_t middle = first + divide_up((last - first) / 2, PIXEL_BLOCK) * PIXEL_BLOCK;
    struct strip a = pairwise(op, s, first, middle), b = pairwise(op, s, middle, last);
    for (int j = 0; j < COLUMN_VECTORS; j++) {
        a.v[j] = combine(op, a.v[j], b.v[j]);
    }
    return a;
}

static void picture(enum li_reduce op, float *y, const float *x, int64_t h, int64_t w, int64_t channels,
                    const struct li_map *map, float scale)
{
    float factor = op == LI_REDUCE_MAX || op == LI_REDUCE_MIN ? 1.0f : scale;
    for (int64_t c = 0; c < channels; c += COLUMN_VECTORS * VL) {
        struct source source = {x + c, LI_MAX(w, 1), map->pixel, map->row, LI_MIN(COLUMN_VECTORS * VL, channels - c)};
        struct strip sum = pairwise(op, &source, 0, h * w);
        for (int64_t j = 0; j * VL < source.channels; j++) {
            v_store_n(y + c + j * VL, sum.v[j] * factor, LI_MIN(VL, source.channels - j * VL));
        }
    }
}

static void columns(enum li_reduce op, float *y, const float *x, int64_t count, int64_t cols, ptrdiff_t x_row,
                    float scale)
{
    picture(op, y, x, 1, count, cols, &(struct li_map){.pixel = x_row}, scale);
}

const struct li_reduce_kernels LI_SIMD_NAME(reduce) = {reduce_rows, columns, picture};
