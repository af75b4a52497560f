/* Pooling by plain loops. One task is one row of one image. */
#include "pooling.h"

#include <float.h>

static int64_t tasks(const struct li_pooling *g)
{
    return g->window.out_w * g->channels == 0 ? 0 : g->batch * g->window.out_h;
}

/* Taps [first, last) of a window of size taps at start that lie inside [0, extent). */
static void clip(int64_t start, int64_t taps, int64_t extent, int64_t *first, int64_t *last)
{
    *first = LI_MAX(0, -start);
    *last = LI_MAX(*first, LI_MIN(taps, extent - start));
}

static void pool(const struct li_pooling *g, const float *x, float *y, int64_t task, bool average)
{
    const struct li_window *w = &g->window;
    int64_t n = task / w->out_h, oy = task % w->out_h, y0, y1, x0, x1;
    int64_t top = oy * w->stride_h - w->pad_top;
    clip(top, w->kernel_h, w->in_h, &y0, &y1);
    for (int64_t ox = 0; ox < w->out_w; ox++) {
        int64_t left = ox * w->stride_w - w->pad_left;
        clip(left, w->kernel_w, w->in_w, &x0, &x1);
        int64_t count = (y1 - y0) * (x1 - x0);
        for (int64_t c = 0; c < g->channels; c++) {
            double result = average ? 0 : -(double)FLT_MAX;
            for (int64_t i = 0; i < count; i++) {
                int64_t iy = top + y0 + i / (x1 - x0), ix = left + x0 + i % (x1 - x0);
                double v = (double)x[n * g->x.image + iy * g->x.row + ix * g->x.pixel + c];
                result = average ? result + v : v > result ? v : result;
            }
            y[n * g->y.image + oy * g->y.row + ox * g->y.pixel + c] =
                (float)(average && count > 0 ? result / (double)count : result);
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

const struct li_pooling_kernels li_pooling_ref = {tasks, max, average};
