/*
 * Inner loops of gradients. Sums run over blocks of rows and then over the blocks: their cuts follow from shapes alone.
 */
#include "../backward.h"
#include "clip.h"
#include "simd.h"
#include "slope.h"

enum {
    GROUP = 64,     /* vectors of columns whose sums stay in the nearest cache */
    ROWS = 4,       /* rows that are added at once */
    ROW_BLOCK = 64, /* rows that are summed one after the other, before they are added to the total */
    TILE = 16,      /* pixels of dy whose channels are gone through in turn */
    MOST_TAPS = 5,  /* in a row, that are summed at once */
    CHAINS = 4      /* sums of a tap that run side by side, to hide the latency of multiply-adds */
};

/* ---- Functions of one number ---- */

/* A loop is made for each. */
INLINE void slope_loop(const enum li_slope slope, float alpha, const float *dy, const float *at, int64_t count,
                       float *dx)
{
    const vf factor = v_set(alpha);
    int64_t i = 0;
    for (; i + VL <= count; i += VL) {
        v_store(dx + i, v_slope(slope, factor, v_load(dy + i), v_load(at + i)));
    }
    if (i < count) {
        v_store_part(dx + i, v_slope(slope, factor, v_load_part(dy + i, count - i), v_load_part(at + i, count - i)),
                     count - i);
    }
}

static void slope_run(enum li_slope slope, float alpha, const float *dy, const float *at, int64_t count, float *dx)
{
#define SLOPE_CASE(kind)                                                                                               \
    case kind:                                                                                                         \
        slope_loop(kind, alpha, dy, at, count, dx);                                                                    \
        break;
    switch (slope) {
        SLOPE_CASE(LI_SLOPE_NONE)
        SLOPE_CASE(LI_SLOPE_RELU)
        SLOPE_CASE(LI_SLOPE_RELU6)
        SLOPE_CASE(LI_SLOPE_LEAKY_RELU)
        SLOPE_CASE(LI_SLOPE_ELU)
        SLOPE_CASE(LI_SLOPE_SELU)
        SLOPE_CASE(LI_SLOPE_TANH)
        SLOPE_CASE(LI_SLOPE_SIGMOID)
        SLOPE_CASE(LI_SLOPE_SWISH)
    case LI_SLOPE_COUNT:
        break;
    }
#undef SLOPE_CASE
}

/* ---- Normalisation ---- */

/*
 * A block of rows into the sums of `vectors` vectors of columns, a few rows at a time. Rows are read from end to end,
 * as they lie in memory: pictures are far larger than a cache.
 */
struct block {
    vf sum[GROUP], product[GROUP];
};

/* dy as it arrives at the norm: behind what follows that. */
INLINE vf norm_dy(const struct li_backward_norm *g, const enum li_slope slope, vf dy, vf x, int64_t c,
                  const int64_t lanes)
{
    return slope == LI_SLOPE_NONE ? dy
                                  : v_slope(slope, v_set(g->alpha), dy,
                                            v_fma(x, v_load_n(g->scale + c, lanes), v_load_n(g->shift + c, lanes)));
}

INLINE void add_rows(const struct li_backward_norm *g, const enum li_slope slope, const int rows, int64_t r, int64_t c,
                     int64_t j, const int64_t lanes, struct block *block)
{
    vf sum = block->sum[j], product = block->product[j], mean = v_load_n(g->mean + c, lanes);
    UNROLL(4)
    for (int k = 0; k < rows; k++) {
        vf x = v_load_n(g->x + (r + k) * g->row + c, lanes);
        vf dy = norm_dy(g, slope, v_load_n(g->dy + (r + k) * g->row + c, lanes), x, c, lanes);
        sum += dy;
        product = v_fma(dy, x - mean, product);
    }
    block->sum[j] = sum;
    block->product[j] = product;
}

INLINE void add_columns(const struct li_backward_norm *g, const enum li_slope slope, const int rows, int64_t r,
                        int64_t first, int64_t last, struct block *block)
{
    int64_t c = first, j = 0;
    for (; c + VL <= last; c += VL) {
        add_rows(g, slope, rows, r, c, j++, VL, block);
    }
    if (c < last) {
        add_rows(g, slope, rows, r, c, j, last - c, block);
    }
}

INLINE void sum_block(const struct li_backward_norm *g, const enum li_slope slope, int64_t row, int64_t rows,
                      int64_t first, int64_t last, struct block *block)
{
    int64_t r = row;
    memset(block, 0, sizeof *block);
    for (; r + ROWS <= row + rows; r += ROWS) {
        add_columns(g, slope, ROWS, r, first, last, block);
    }
    for (; r < row + rows; r++) {
        add_columns(g, slope, 1, r, first, last, block);
    }
}

/* A loop is made for each of the slopes. */
#define NORM_CASES(g, function, ...)                                                                                   \
    switch ((g)->slope) {                                                                                              \
    case LI_SLOPE_RELU:                                                                                                \
        function(g, LI_SLOPE_RELU, __VA_ARGS__);                                                                       \
        break;                                                                                                         \
    case LI_SLOPE_RELU6:                                                                                               \
        function(g, LI_SLOPE_RELU6, __VA_ARGS__);                                                                      \
        break;                                                                                                         \
    case LI_SLOPE_SWISH:                                                                                               \
        function(g, LI_SLOPE_SWISH, __VA_ARGS__);                                                                      \
        break;                                                                                                         \
    default:                                                                                                           \
        function(g, LI_SLOPE_NONE, __VA_ARGS__);                                                                       \
    }

static void norm_sums(const struct li_backward_norm *g, float *sum, float *product)
{
    memset(sum, 0, (size_t)g->cols * sizeof(float));
    memset(product, 0, (size_t)g->cols * sizeof(float));
    for (int64_t first = 0; first < g->cols; first += GROUP * VL) {
        int64_t last = LI_MIN(g->cols, first + GROUP * VL);
        for (int64_t r = 0; r < g->rows; r += ROW_BLOCK) {
            struct block block;
            NORM_CASES(g, sum_block, r, LI_MIN(ROW_BLOCK, g->rows - r), first, last, &block)
            for (int64_t c = first, j = 0; c < last; c += VL, j++) {
                int64_t lanes = LI_MIN(VL, last - c);
                v_store_n(sum + c, v_load_n(sum + c, lanes) + block.sum[j], lanes);
                v_store_n(product + c, v_load_n(product + c, lanes) + block.product[j], lanes);
            }
        }
    }
}

struct line {
    const float *slope, *tilt, *shift;
};

INLINE void apply(const struct li_backward_norm *g, const enum li_slope slope, float *dx, int64_t at,
                  const struct line *l, int64_t c, const int64_t lanes)
{
    vf x = v_load_n(g->x + at + c, lanes), from_mean = x - v_load_n(g->mean + c, lanes);
    vf dy = norm_dy(g, slope, v_load_n(g->dy + at + c, lanes), x, c, lanes);
    vf flat = v_fma(dy, v_load_n(l->slope + c, lanes), -v_load_n(l->shift + c, lanes));
    v_store_n(dx + at + c, v_fma(-from_mean, v_load_n(l->tilt + c, lanes), flat), lanes);
}

INLINE void apply_rows(const struct li_backward_norm *g, const enum li_slope slope, float *dx, const struct line *line)
{
    for (int64_t r = 0; r < g->rows; r++) {
        int64_t c = 0;
        for (; c + VL <= g->cols; c += VL) {
            apply(g, slope, dx, r * g->row, line, c, VL);
        }
        if (c < g->cols) {
            apply(g, slope, dx, r * g->row, line, c, g->cols - c);
        }
    }
}

static void norm_apply(const struct li_backward_norm *g, float *dx, const float *slope, const float *tilt,
                       const float *shift)
{
    const struct line line = {slope, tilt, shift};
    NORM_CASES(g, apply_rows, dx, &line)
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

/* One row of taps over one row of outputs, of some channels. */
struct tap_row {
    const float *x, *dy;         /* of pixel 0 of the row of the picture, and of the outputs */
    ptrdiff_t x_pixel, dy_pixel; /* floats */
    struct axis axis;
    struct range inner, tap[MOST_TAPS]; /* outputs whose taps all lie inside; of each tap */
};

static struct tap_row tap_row_of(const struct li_depthwise *g)
{
    struct tap_row t = {.x_pixel = g->x.pixel, .dy_pixel = g->y.pixel, .axis = columns_of(&g->window)};
    t.inner = inside_outputs(&t.axis);
    for (int64_t k = 0; k < LI_MIN(MOST_TAPS, t.axis.taps); k++) {
        t.tap[k] = outputs_of_tap(&t.axis, k);
    }
    return t;
}

static inline struct range within(struct range a, const struct range *b)
{
    int64_t first = LI_MAX(a.first, b->first);
    return (struct range){first, LI_MAX(first, LI_MIN(a.last, b->last))};
}

/* One tap, over outputs [range->first, range->last). */
INLINE vf one_tap(const struct tap_row *t, int64_t kx, const struct range *range, const int64_t lanes)
{
    int64_t ix = range->first * t->axis.stride + kx * t->axis.dilation - t->axis.pad;
    return range->first >= range->last
               ? v_zero()
               : sum_pixels(t->x + ix * t->x_pixel, t->axis.stride * t->x_pixel, t->dy + range->first * t->dy_pixel,
                            t->dy_pixel, range->last - range->first, lanes);
}

/* All taps of a row at once, over outputs whose taps all lie inside: each pixel of dy is loaded once. */
INLINE void inner_taps(const struct tap_row *t, const int taps, const struct range *range, const int64_t lanes, vf *sum)
{
    vf even[MOST_TAPS], odd[MOST_TAPS];
    const ptrdiff_t step = t->axis.stride * t->x_pixel;
    const float *x = t->x + (range->first * t->axis.stride - t->axis.pad) * t->x_pixel;
    const float *dy = t->dy + range->first * t->dy_pixel;
    int64_t i = range->first;
    UNROLL(8)
    for (int k = 0; k < taps; k++) {
        even[k] = odd[k] = v_zero();
    }
    for (; i + 2 <= range->last; i += 2, x += 2 * step, dy += 2 * t->dy_pixel) {
        vf first = v_load_n(dy, lanes), second = v_load_n(dy + t->dy_pixel, lanes);
        UNROLL(8)
        for (int k = 0; k < taps; k++) {
            even[k] = v_fma(v_load_n(x + k * t->x_pixel, lanes), first, even[k]);
            odd[k] = v_fma(v_load_n(x + step + k * t->x_pixel, lanes), second, odd[k]);
        }
    }
    for (; i < range->last; i++) {
        vf last = v_load_n(dy, lanes);
        UNROLL(8)
        for (int k = 0; k < taps; k++) {
            even[k] = v_fma(v_load_n(x + k * t->x_pixel, lanes), last, even[k]);
        }
    }
    UNROLL(8)
    for (int k = 0; k < taps; k++) {
        sum[k] = even[k] + odd[k];
    }
}

/* df: of the row's first tap; its taps lie df_step floats apart. */
INLINE void add_inner(const struct tap_row *t, const int taps, const struct range *tile, float *df, ptrdiff_t df_step,
                      const int64_t lanes)
{
    struct range inner = within(t->inner, tile);
    vf sum[MOST_TAPS];
    inner_taps(t, taps, &inner, lanes, sum);
    UNROLL(8)
    for (int k = 0; k < taps; k++) {
        struct range all = within(t->tap[k], tile);
        struct range before = {all.first, LI_MIN(all.last, inner.first)};
        struct range after = {LI_MAX(all.first, inner.last), all.last};
        if (before.first < before.last || after.first < after.last) {
            sum[k] += one_tap(t, k, &before, lanes) + one_tap(t, k, &after, lanes);
        }
        v_store_n(df + k * df_step, v_load_n(df + k * df_step, lanes) + sum[k], lanes);
    }
}

INLINE void add_row(const struct tap_row *t, const struct range *tile, float *df, ptrdiff_t df_step,
                    const int64_t lanes)
{
    if (t->axis.taps == 3 && t->axis.dilation == 1) {
        add_inner(t, 3, tile, df, df_step, lanes);
        return;
    }
    if (t->axis.taps == 5 && t->axis.dilation == 1) {
        add_inner(t, 5, tile, df, df_step, lanes);
        return;
    }
    for (int64_t k = 0; k < t->axis.taps; k++) {
        struct range all = within(outputs_of_tap(&t->axis, k), tile);
        v_store_n(df + k * df_step, v_load_n(df + k * df_step, lanes) + one_tap(t, k, &all, lanes), lanes);
    }
}

/* A tile of a row of outputs, and where the first row of taps inside begins. */
struct tile {
    struct range columns;
    int64_t rows; /* of taps inside */
    ptrdiff_t x_row, df_row;
};

/* All taps for lanes channels; x and t->dy are those of the first of them. */
INLINE void add_tile(struct tap_row *t, const struct tile *tile, const float *x, float *df, ptrdiff_t outputs,
                     const int64_t lanes)
{
    for (int64_t k = 0; k < tile->rows; k++) {
        t->x = x + k * tile->x_row;
        add_row(t, &tile->columns, df + k * tile->df_row, outputs, lanes);
    }
}

/* All channels, so that the tile is read as it lies in memory. dy: of the row. */
static void add_channels(const struct li_depthwise *g, struct tap_row *t, const struct tile *tile, const float *x,
                         const float *dy, float *df)
{
    int64_t o = 0, outputs = g->channels * g->multiplier;
    for (; g->multiplier == 1 && o + VL <= outputs; o += VL) {
        t->dy = dy + o;
        add_tile(t, tile, x + o, df + o, outputs, VL);
    }
    /* Several outputs of one channel are no vector of x: they go one by one. */
    for (int64_t lanes; o < outputs; o += lanes) {
        lanes = g->multiplier == 1 ? outputs - o : 1;
        t->dy = dy + o;
        add_tile(t, tile, x + o / g->multiplier, df + o, outputs, lanes);
    }
}

static void depthwise_filter(const struct li_depthwise *g, const float *x, const float *dy, int64_t first, int64_t last,
                             float *df)
{
    const struct li_window *w = &g->window;
    const struct axis vertical = rows_of(w);
    struct tap_row t = tap_row_of(g);
    int64_t taps = w->kernel_w * g->channels * g->multiplier;
    memset(df, 0, (size_t)(w->kernel_h * taps) * sizeof(float));
    for (int64_t row = first; row < last; row++) {
        int64_t n = row / w->out_h, oy = row % w->out_h;
        struct range ky = inside_taps(&vertical, oy);
        struct tile tile = {.rows = ky.last - ky.first, .x_row = w->dilation_h * g->x.row, .df_row = taps};
        const float *from = x + n * g->x.image + (oy * w->stride_h + ky.first * w->dilation_h - w->pad_top) * g->x.row;
        for (int64_t ox = 0; ox < w->out_w; ox += TILE) {
            tile.columns = (struct range){ox, LI_MIN(w->out_w, ox + TILE)};
            add_channels(g, &t, &tile, from, dy + n * g->y.image + oy * g->y.row, df + ky.first * taps);
        }
    }
}

const struct li_backward_kernels LI_SIMD_NAME(backward) = {slope_run, norm_sums, norm_apply, depthwise_filter};
