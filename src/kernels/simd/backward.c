/* Inner loops of gradients. Sums run over blocks of rows and then over the blocks: their cuts follow from shapes alone. */
#include "../backward.h"
#include "clip.h"
#include "simd.h"

enum {
    GROUP = 64,     /* vectors of columns whose sums stay in the nearest cache */
    ROWS = 4,       /* rows that are added at once */
    ROW_BLOCK = 64, /* rows that are summed one after the other, before they are added to the total */
    TAPS = 25,      /* of a filter that are summed at once */
    CHAINS = 4      /* sums of a tap that run side by side, to hide the latency of multiply-adds */
};

/* ---- Normalisation ---- */

/*
 * A block of rows into the sums of `vectors` vectors of columns, a few rows at a time. Rows are read from end to end, as
 * they lie in memory: pictures are far larger than a cache.
 */
struct block {
    vf sum[GROUP], product[GROUP];
};

INLINE void add_rows(const struct li_backward_norm *g, const int rows, int64_t r, int64_t c, int64_t j,
                     const int64_t lanes, struct block *block)
{
    vf sum = block->sum[j], product = block->product[j], mean = v_load_n(g->mean + c, lanes);
    UNROLL(4)
    for (int k = 0; k < rows; k++) {
        vf dy = v_load_n(g->dy + (r + k) * g->row + c, lanes), x = v_load_n(g->x + (r + k) * g->row + c, lanes);
        sum += dy;
        product = v_fma(dy, x - mean, product);
    }
    block->sum[j] = sum;
    block->product[j] = product;
}

INLINE void add_columns(const struct li_backward_norm *g, const int rows, int64_t r, int64_t first, int64_t last,
                        struct block *block)
{
    int64_t c = first, j = 0;
    for (; c + VL <= last; c += VL) {
        add_rows(g, rows, r, c, j++, VL, block);
    }
    if (c < last) {
        add_rows(g, rows, r, c, j, last - c, block);
    }
}

static void sum_block(const struct li_backward_norm *g, int64_t row, int64_t rows, int64_t first, int64_t last,
                      struct block *block)
{
    int64_t r = row;
    memset(block, 0, sizeof *block);
    for (; r + ROWS <= row + rows; r += ROWS) {
        add_columns(g, ROWS, r, first, last, block);
    }
    for (; r < row + rows; r++) {
        add_columns(g, 1, r, first, last, block);
    }
}

static void norm_sums(const struct li_backward_norm *g, float *sum, float *product)
{
    memset(sum, 0, (size_t)g->cols * sizeof(float));
    memset(product, 0, (size_t)g->cols * sizeof(float));
    for (int64_t first = 0; first < g->cols; first += GROUP * VL) {
        int64_t last = LI_MIN(g->cols, first + GROUP * VL);
        for (int64_t r = 0; r < g->rows; r += ROW_BLOCK) {
            struct block block;
            sum_block(g, r, LI_MIN(ROW_BLOCK, g->rows - r), first, last, &block);
            for (int64_t c = first, j = 0; c < last; c += VL, j++) {
                int64_t lanes = LI_MIN(VL, last - c);
                v_store_n(sum + c, v_load_n(sum + c, lanes) + block.sum[j], lanes);
                v_store_n(product + c, v_load_n(product + c, lanes) + block.product[j], lanes);
            }
        }
    }
}

struct line {
    const float *mean, *slope, *tilt, *shift;
};

INLINE void apply(float *dx, const float *dy, const float *x, const struct line *l, int64_t c, const int64_t lanes)
{
    vf from_mean = v_load_n(x + c, lanes) - v_load_n(l->mean + c, lanes);
    vf flat = v_fma(v_load_n(dy + c, lanes), v_load_n(l->slope + c, lanes), -v_load_n(l->shift + c, lanes));
    v_store_n(dx + c, v_fma(-from_mean, v_load_n(l->tilt + c, lanes), flat), lanes);
}

static void norm_apply(const struct li_backward_norm *g, float *dx, const float *slope, const float *tilt,
                       const float *shift)
{
    const struct line line = {g->mean, slope, tilt, shift};
    for (int64_t r = 0; r < g->rows; r++) {
        int64_t at = r * g->row, c = 0;
        for (; c + VL <= g->cols; c += VL) {
            apply(dx + at, g->dy + at, g->x + at, &line, c, VL);
        }
        if (c < g->cols) {
            apply(dx + at, g->dy + at, g->x + at, &line, c, g->cols - c);
        }
    }
}

/* ---- The filter of a depthwise convolution ---- */

/* x * dy along one row of pixels, which lie x_step and dy_step floats apart. */
INLINE vf sum_pixels(const float *x, ptrdiff_t x_step, const float *dy, ptrdiff_t dy_step, int64_t count,
                     const int64_t lanes)
{
    vf sum[CHAINS] = {{0}};
    int64_t i = 0;
    for (; i + CHAINS <= count; i += CHAINS) {
        UNROLL(4)
        for (int k = 0; k < CHAINS; k++) {
            sum[k] = v_fma(v_load_n(x + k * x_step, lanes), v_load_n(dy + k * dy_step, lanes), sum[k]);
        }
        x += CHAINS * x_step;
        dy += CHAINS * dy_step;
    }
    for (; i < count; i++, x += x_step, dy += dy_step) {
        sum[0] = v_fma(v_load_n(x, lanes), v_load_n(dy, lanes), sum[0]);
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The outputs whose tap k lies inside. */
static struct range outputs_of_tap(const struct axis *a, int64_t k)
{
    int64_t start = k * a->dilation - a->pad;
    int64_t first = LI_MIN(a->outputs, divide_up(-start, a->stride));
    int64_t last = LI_MIN(a->outputs, divide_up(a->extent - start, a->stride));
    return (struct range){first, LI_MAX(first, last)};
}

/* A sum that remembers what its rounding lost (Kahan), since there is an addend for every row of every picture. */
struct total {
    vf sum, lost;
};

INLINE void add(struct total *t, vf value)
{
    vf y = value - t->lost, sum = t->sum + y;
    t->lost = (sum - t->sum) - y;
    t->sum = sum;
}

/* Where a tap's products lie: along the outputs xs of every row oy of ys, counted from pixel (0, 0) of image 0. */
struct tap {
    struct range ys, xs;
    ptrdiff_t x, dy; /* of output (0, xs.first); the first may lie before the picture */
};

static struct tap tap_of(const struct li_depthwise *g, int64_t tap)
{
    const struct li_window *w = &g->window;
    const struct axis vertical = rows_of(w), horizontal = columns_of(w);
    int64_t ky = tap / w->kernel_w, kx = tap % w->kernel_w;
    struct tap t = {.ys = outputs_of_tap(&vertical, ky), .xs = outputs_of_tap(&horizontal, kx)};
    t.x = (ky * w->dilation_h - w->pad_top) * g->x.row +
          (t.xs.first * w->stride_w + kx * w->dilation_w - w->pad_left) * g->x.pixel;
    t.dy = t.xs.first * g->y.pixel;
    return t;
}

/* Taps [first, first + count) for lanes channels. A row of dy serves all of them while it is in the cache. */
INLINE void filter_taps(const struct li_depthwise *g, const float *x, const float *dy, int64_t first, int64_t count,
                        float *df, const int64_t lanes)
{
    const struct li_window *w = &g->window;
    struct total total[TAPS];
    struct tap taps[TAPS];
    for (int64_t k = 0; k < count; k++) {
        total[k] = (struct total){v_zero(), v_zero()};
        taps[k] = tap_of(g, first + k);
    }
    for (int64_t i = 0; i < g->batch * w->out_h; i++) {
        int64_t n = i / w->out_h, oy = i % w->out_h;
        ptrdiff_t x_row = n * g->x.image + oy * w->stride_h * g->x.row, dy_row = n * g->y.image + oy * g->y.row;
        for (int64_t k = 0; k < count; k++) {
            const struct tap *t = &taps[k];
            if (oy >= t->ys.first && oy < t->ys.last && t->xs.last > t->xs.first) {
                add(&total[k], sum_pixels(x + (x_row + t->x), w->stride_w * g->x.pixel, dy + (dy_row + t->dy),
                                          g->y.pixel, t->xs.last - t->xs.first, lanes));
            }
        }
    }
    for (int64_t k = 0; k < count; k++) {
        v_store_n(df + (first + k) * g->channels * g->multiplier, total[k].sum, lanes);
    }
}

static void filter_channels(const struct li_depthwise *g, const float *x, const float *dy, float *df, int64_t lanes)
{
    int64_t taps = g->window.kernel_h * g->window.kernel_w;
    for (int64_t k = 0; k < taps; k += TAPS) {
        if (lanes == VL) {
            filter_taps(g, x, dy, k, LI_MIN(TAPS, taps - k), df, VL);
        } else {
            filter_taps(g, x, dy, k, LI_MIN(TAPS, taps - k), df, lanes);
        }
    }
}

static void depthwise_filter(const struct li_depthwise *g, const float *x, const float *dy, int64_t first, int64_t last,
                             float *df)
{
    /* Several outputs of one channel are no vector of x: they go one by one. */
    int64_t step = g->multiplier == 1 ? VL : 1;
    for (int64_t o = first * g->multiplier; o < last * g->multiplier; o += step) {
        filter_channels(g, x + o / g->multiplier, dy + o, df + o, LI_MIN(step, last * g->multiplier - o));
    }
}

const struct li_backward_kernels LI_SIMD_NAME(backward) = {norm_sums, norm_apply, depthwise_filter};
