/* Pooling: for each output, a few vectors of channels stay in registers while the window passes. */
#include "../pooling.h"
#include "clip.h"
#include "simd.h"

#include <float.h>

enum {
    TASK_FLOATS = 16 << 10, /* outputs of one task */
    MAX_TASKS = 64,
    STRIP = 4 /* vectors */
};

static int64_t tasks(const struct li_pooling *g)
{
    const struct li_window *w = &g->window;
    int64_t floats = g->batch * w->out_h * w->out_w * g->channels;
    return floats == 0 ? 0 : LI_MAX(1, LI_MIN(LI_MIN(MAX_TASKS, g->batch * w->out_h), floats / TASK_FLOATS));
}

/* The taps of one output that lie inside. */
struct window {
    const float *x; /* the first of them */
    ptrdiff_t pixel, row;
    int64_t h, w;
};

INLINE void pool_channels(const struct window *win, float *y, int64_t c, const int vectors, int64_t lanes,
                          const bool average)
{
    vf result[STRIP];
    UNROLL(4)
    for (int j = 0; j < vectors; j++) {
        result[j] = average ? v_zero() : v_set(-FLT_MAX);
    }
    for (int64_t ky = 0; ky < win->h; ky++) {
        for (int64_t kx = 0; kx < win->w; kx++) {
            const float *x = win->x + ky * win->row + kx * win->pixel + c;
            UNROLL(4)
            for (int j = 0; j < vectors; j++) {
                vf v = v_load_n(x + j * VL, lanes);
                result[j] = average ? result[j] + v : v_at_least(result[j], v);
            }
        }
    }
    float count = (float)LI_MAX(1, win->h * win->w);
    UNROLL(4)
    for (int j = 0; j < vectors; j++) {
        v_store_n(y + c + j * VL, average ? result[j] / count : result[j], lanes);
    }
}

INLINE void pool_pixel(const struct window *win, float *y, int64_t channels, const bool average)
{
    int64_t c = 0;
    for (; c + STRIP * VL <= channels; c += STRIP * VL) {
        pool_channels(win, y, c, STRIP, VL, average);
    }
    for (; c < channels; c += VL) {
        pool_channels(win, y, c, 1, LI_MIN(VL, channels - c), average);
    }
}

INLINE void pool(const struct li_pooling *g, const float *x, float *y, int64_t task, const bool average)
{
    const struct li_window *w = &g->window;
    struct axis vertical = rows_of(w), horizontal = columns_of(w);
    struct range rows = piece(g->batch * w->out_h, task, tasks(g));
    for (int64_t i = rows.first; i < rows.last; i++) {
        int64_t n = i / w->out_h, oy = i % w->out_h;
        struct range ky = inside_taps(&vertical, oy);
        for (int64_t ox = 0; ox < w->out_w; ox++) {
            struct range kx = inside_taps(&horizontal, ox);
            int64_t iy = oy * w->stride_h - w->pad_top + ky.first, ix = ox * w->stride_w - w->pad_left + kx.first;
            struct window win = {x + n * g->x.image + iy * g->x.row + ix * g->x.pixel, g->x.pixel, g->x.row,
                                 ky.last - ky.first, kx.last - kx.first};
            pool_pixel(&win, y + n * g->y.image + oy * g->y.row + ox * g->y.pixel, g->channels, average);
        }
    }
}

static void max(const struct li_pooling *g, const float *x, float *y, int64_t task)
{
    pool(g, x, y, task, false);
}

static void average(const struct li_pooling *g, const float *x, float *y, int64_t task)
{
    pool(g, x, y, task, true);
}

const struct li_pooling_kernels LI_SIMD_NAME(pooling) = {tasks, max, average};
