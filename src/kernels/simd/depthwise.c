/*
 * Depthwise convolution: a vector of channels at a time, for a few neighbouring pixels at once, so that each pixel of
 * the picture is loaded once a row and serves all the outputs that see it. Square kernels of 3, 5 and 7 without
 * dilation have their loops unrolled, once for tiles whose windows lie inside the picture and once for those at its
 * edges; everything else goes pixel by pixel.
 */
#include "../depthwise.h"
#include "clip.h"
#include "vmath.h"

enum {
    TASK_FLOATS = 16 << 10, /* outputs of one task */
    MAX_TASKS = 64,
    MAX_PIXELS = 7
};

/* One row of outputs: the taps that lie inside vertically are known. */
struct row {
    const struct li_depthwise *g;
    const float *x; /* pixel 0 of the first row of taps inside */
    const float *filter;
    const float *bias;
    float *y;
    int64_t taps; /* rows of taps inside */
    bool clamps;
    float low, high;
};

INLINE void store_pixels(const struct row *row, const vf *sum, const int pixels, float *y, int64_t lanes)
{
    ptrdiff_t step = row->g->y.pixel;
    if (row->clamps) {
        vf low = v_set(row->low), high = v_set(row->high);
        UNROLL(8)
        for (int i = 0; i < pixels; i++) {
            v_store_n(y + i * step, v_at_most(v_at_least(sum[i], low), high), lanes);
        }
        return;
    }
    vf value[MAX_PIXELS];
    UNROLL(8)
    for (int i = 0; i < pixels; i++) {
        value[i] = sum[i];
    }
    activate_vectors(row->g->activation, row->g->alpha, value, pixels);
    for (int i = 0; i < pixels; i++) {
        v_store_n(y + i * step, value[i], lanes);
    }
}

/* Which loads a tile may make: all, or only pixels [first, last) of those it would look at. */
struct look {
    int64_t first, last;
};

/* One row of taps into the sums of a tile. */
INLINE void add_taps(const struct row *row, const int size, const int stride, const int pixels, const bool edge,
                     const struct look *look, const float *x, const float *filter, const int64_t lanes, vf *sum)
{
    const struct li_depthwise *g = row->g;
    vf weight[7];
    UNROLL(8)
    for (int kx = 0; kx < size; kx++) {
        weight[kx] = v_load_n(filter + kx * g->channels, lanes);
    }
    UNROLL(20)
    for (int ix = 0; ix < (pixels - 1) * stride + size; ix++) {
        if (edge && (ix < look->first || ix >= look->last)) {
            continue;
        }
        vf value = v_load_n(x + ix * g->x.pixel, lanes);
        UNROLL(8)
        for (int kx = 0; kx < size; kx++) {
            if (ix >= kx && (ix - kx) % stride == 0 && (ix - kx) / stride < pixels) {
                sum[(ix - kx) / stride] = v_fma(value, weight[kx], sum[(ix - kx) / stride]);
            }
        }
    }
}

/*
 * pixels outputs, lanes channels from c on. inner: all taps of all of them are inside. Everything but row, x, y, c and
 * look is constant where this is used, so the loops unroll.
 */
INLINE void unrolled(const struct row *row, const int size, const int stride, const int pixels, const bool inner,
                     const struct look *look, const float *x, float *y, int64_t c, const int64_t lanes)
{
    const ptrdiff_t x_row = row->g->x.row, filter_row = size * row->g->channels;
    vf sum[MAX_PIXELS], bias = row->bias ? v_load_n(row->bias + c, lanes) : v_zero();
    UNROLL(8)
    for (int i = 0; i < pixels; i++) {
        sum[i] = bias;
    }
    if (inner) {
        UNROLL(8)
        for (int ky = 0; ky < size; ky++) {
            add_taps(row, size, stride, pixels, false, look, x + ky * x_row + c, row->filter + ky * filter_row + c,
                     lanes, sum);
        }
    } else {
        for (int64_t ky = 0; ky < row->taps; ky++) {
            add_taps(row, size, stride, pixels, true, look, x + ky * x_row + c, row->filter + ky * filter_row + c,
                     lanes, sum);
        }
    }
    store_pixels(row, sum, pixels, y + c, lanes);
}

typedef void tile_function(const struct row *row, const struct look *look, const float *x, float *y);

#define EACH_VECTOR(...)                                                                                               \
    int64_t c = 0, channels = row->g->channels;                                                                        \
    for (; c + VL <= channels; c += VL) {                                                                              \
        unrolled(row, __VA_ARGS__, look, x, y, c, VL);                                                                 \
    }                                                                                                                  \
    if (c < channels) {                                                                                                \
        unrolled(row, __VA_ARGS__, look, x, y, c, channels - c);                                                       \
    }

#define TILE(size, stride, pixels)                                                                                     \
    static void inner_##size##_##stride##_##pixels(const struct row *row, const struct look *look, const float *x,     \
                                                   float *y)                                                           \
    {                                                                                                                  \
        EACH_VECTOR(size, stride, pixels, true)                                                                        \
    }                                                                                                                  \
    static void outer_##size##_##stride##_##pixels(const struct row *row, const struct look *look, const float *x,     \
                                                   float *y)                                                           \
    {                                                                                                                  \
        EACH_VECTOR(size, stride, pixels, false)                                                                       \
    }
#define TILES(size, stride) TILE(size, stride, 1) TILE(size, stride, 4) TILE(size, stride, 7)
TILES(3, 1)
TILES(3, 2)
TILES(5, 1)
TILES(5, 2)
TILE(7, 1, 1)
TILE(7, 1, 4)

/* A kernel's tiles, widest first. */
struct variant {
    int64_t size, stride;
    struct {
        int64_t pixels;
        tile_function *inner, *outer;
    } tiles[3];
};

#define ENTRY(size, stride, pixels)                                                                                    \
    {                                                                                                                  \
        pixels, inner_##size##_##stride##_##pixels, outer_##size##_##stride##_##pixels                                 \
    }
#define VARIANT(size, stride)                                                                                          \
    {                                                                                                                  \
        size, stride,                                                                                                  \
        {                                                                                                              \
            ENTRY(size, stride, 7), ENTRY(size, stride, 4), ENTRY(size, stride, 1)                                     \
        }                                                                                                              \
    }
static const struct variant variants[] = {
    VARIANT(3, 1),
    VARIANT(3, 2),
    VARIANT(5, 1),
    VARIANT(5, 2),
    {7, 1, {ENTRY(7, 1, 4), ENTRY(7, 1, 4), ENTRY(7, 1, 1)}},
};

static const struct variant *find_variant(const struct li_depthwise *g)
{
    const struct li_window *w = &g->window;
    for (size_t i = 0; i < LI_COUNT(variants); i++) {
        if (w->kernel_h == variants[i].size && w->kernel_w == variants[i].size && w->stride_w == variants[i].stride &&
            w->dilation_h == 1 && w->dilation_w == 1 && g->multiplier == 1) {
            return &variants[i];
        }
    }
    return NULL;
}

/* All outputs of a row. The last tile may lie over the one before it: it writes the same values. */
static void run_tiles(const struct row *row, const struct variant *variant)
{
    const struct li_depthwise *g = row->g;
    const struct li_window *w = &g->window;
    for (int64_t ox = 0; ox < w->out_w;) {
        int64_t left = w->out_w - ox;
        int kind = left > 4 && w->out_w >= variant->tiles[0].pixels   ? 0
                   : left > 1 && w->out_w >= variant->tiles[1].pixels ? 1
                                                                      : 2;
        int64_t pixels = variant->tiles[kind].pixels, at = LI_MIN(ox, w->out_w - pixels);
        int64_t ix = at * w->stride_w - w->pad_left, span = (pixels - 1) * w->stride_w + w->kernel_w;
        struct look look = {g->halo ? 0 : LI_MAX(0, -ix), g->halo ? span : LI_MIN(span, w->in_w - ix)};
        bool inner = row->taps == w->kernel_h && look.first == 0 && look.last == span;
        (inner ? variant->tiles[kind].inner : variant->tiles[kind].outer)(row, &look, row->x + ix * g->x.pixel,
                                                                          row->y + at * g->y.pixel);
        ox = at + pixels;
    }
}

/* One output pixel, taps kx inside. */
static void run_pixel(const struct row *row, int64_t ox, struct range kx)
{
    const struct li_depthwise *g = row->g;
    const struct li_window *w = &g->window;
    const float *x = row->x + (ox * w->stride_w - w->pad_left) * g->x.pixel;
    for (int64_t c = 0; c < g->channels; c += VL) {
        int64_t lanes = LI_MIN(VL, g->channels - c);
        vf sum = row->bias ? v_load_n(row->bias + c, lanes) : v_zero();
        for (int64_t ky = 0; ky < row->taps; ky++) {
            const float *pixels = x + ky * w->dilation_h * g->x.row + c;
            const float *filter = row->filter + ky * w->kernel_w * g->channels + c;
            for (int64_t k = kx.first; k < kx.last; k++) {
                vf weight = v_load_n(filter + k * g->channels, lanes);
                sum = v_fma(v_load_n(pixels + k * w->dilation_w * g->x.pixel, lanes), weight, sum);
            }
        }
        store_pixels(row, &sum, 1, row->y + ox * g->y.pixel + c, lanes);
    }
}

/* One output pixel of a convolution with several outputs for each channel. */
static void run_pixel_multiplied(const struct row *row, int64_t ox, struct range kx)
{
    const struct li_depthwise *g = row->g;
    const struct li_window *w = &g->window;
    const float *x = row->x + (ox * w->stride_w - w->pad_left) * g->x.pixel;
    int64_t outputs = g->channels * g->multiplier;
    for (int64_t o = 0; o < outputs; o++) {
        float sum = row->bias ? row->bias[o] : 0;
        for (int64_t ky = 0; ky < row->taps; ky++) {
            for (int64_t k = kx.first; k < kx.last; k++) {
                sum += x[ky * w->dilation_h * g->x.row + k * w->dilation_w * g->x.pixel + o / g->multiplier] *
                       row->filter[(ky * w->kernel_w + k) * outputs + o];
            }
        }
        vf value = v_set(sum);
        store_pixels(row, &value, 1, row->y + ox * g->y.pixel + o, 1);
    }
}

static void run_row(const struct row *row, const struct variant *variant, const struct axis *horizontal)
{
    if (variant) {
        run_tiles(row, variant);
        return;
    }
    for (int64_t ox = 0; ox < horizontal->outputs; ox++) {
        struct range kx = inside_taps(horizontal, ox);
        if (row->g->multiplier == 1) {
            run_pixel(row, ox, kx);
        } else {
            run_pixel_multiplied(row, ox, kx);
        }
    }
}

static int64_t tasks(const struct li_depthwise *g)
{
    const struct li_window *w = &g->window;
    int64_t floats = g->batch * w->out_h * w->out_w * g->channels * g->multiplier;
    return floats == 0 ? 0 : LI_MAX(1, LI_MIN(LI_MIN(MAX_TASKS, g->batch * w->out_h), floats / TASK_FLOATS));
}

static void depthwise_run(const struct li_depthwise *g, const struct li_depthwise_data *data, int64_t task)
{
    const struct li_window *w = &g->window;
    struct axis vertical = rows_of(w), horizontal = columns_of(w);
    const struct variant *variant = find_variant(g);
    struct range rows = piece(g->batch * w->out_h, task, tasks(g));
    struct row row = {
        .g = g,
        .bias = data->bias,
        .clamps = g->activation == LI_ACT_NONE || g->activation == LI_ACT_RELU || g->activation == LI_ACT_RELU6,
        .low = g->activation == LI_ACT_NONE ? -INFINITY : 0,
        .high = g->activation == LI_ACT_RELU6 ? 6 : INFINITY,
    };
    for (int64_t i = rows.first; i < rows.last; i++) {
        int64_t n = i / w->out_h, oy = i % w->out_h;
        struct range ky = inside_taps(&vertical, oy);
        int64_t iy = oy * w->stride_h + ky.first * w->dilation_h - w->pad_top;
        row.taps = ky.last - ky.first;
        row.x = data->x + n * g->x.image + iy * g->x.row;
        row.filter = data->filter + ky.first * w->kernel_w * g->channels * g->multiplier;
        row.y = data->y + n * g->y.image + oy * g->y.row;
        run_row(&row, variant, &horizontal);
    }
}

const struct li_depthwise_kernels LI_SIMD_NAME(depthwise) = {tasks, depthwise_run};
