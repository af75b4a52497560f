/* The gradient of a convolution's filter by plain loops, sums in double. A chunk is a picture. */
#include "filter.h"

static size_t filter_scratch(const struct li_filter *g)
{
    (void)g;
    return 0;
}

static int64_t filter_chunks(const struct li_filter *g)
{
    return g->batch;
}

/* What one row of dy gives to tap (ky, kx), channel c and output o. */
static double row_sum(const struct li_filter *g, const float *x, const float *dy, int64_t oy, int64_t ky, int64_t kx)
{
    const struct li_window *w = &g->window;
    int64_t iy = oy * w->stride_h + ky * w->dilation_h - w->pad_top;
    double sum = 0;
    for (int64_t ox = 0; iy >= 0 && iy < w->in_h && ox < w->out_w; ox++) {
        int64_t ix = ox * w->stride_w + kx * w->dilation_w - w->pad_left;
        if (ix >= 0 && ix < w->in_w) {
            sum += (double)x[iy * g->x.row + ix * g->x.pixel] * (double)dy[oy * g->dy.row + ox * g->dy.pixel];
        }
    }
    return sum;
}

static void filter_run(const struct li_filter *g, const float *x, const float *dy, int64_t first, int64_t last,
                       int64_t row, int64_t rows, float *scratch, float *df)
{
    (void)scratch;
    for (int64_t r = row; r < row + rows; r++) {
        int64_t c = r % g->channels, kx = r / g->channels % g->window.kernel_w,
                ky = r / g->channels / g->window.kernel_w;
        for (int64_t o = 0; o < g->outputs; o++) {
            double sum = 0;
            for (int64_t i = first * g->window.out_h; i < last * g->window.out_h; i++) {
                int64_t n = i / g->window.out_h;
                sum += row_sum(g, x + n * g->x.image + c, dy + n * g->dy.image + o, i % g->window.out_h, ky, kx);
            }
            df[r * g->df_row + o] = (float)sum;
        }
    }
}

const struct li_filter_kernels li_filter_ref = {filter_scratch, filter_chunks, filter_run};
