/* Depthwise convolution by plain loops, sums in double. One task is one row of one image. */
#include "depthwise.h"
#include "ref.h"

static int64_t tasks(const struct li_depthwise *g)
{
    return g->window.out_w * g->channels * g->multiplier == 0 ? 0 : g->batch * g->window.out_h;
}

static double sum_taps(const struct li_depthwise *g, const float *image, const float *filter, int64_t oy, int64_t ox,
                       int64_t o)
{
    const struct li_window *w = &g->window;
    int64_t outputs = g->channels * g->multiplier;
    double sum = 0;
    for (int64_t ky = 0; ky < w->kernel_h; ky++) {
        int64_t iy = oy * w->stride_h + ky * w->dilation_h - w->pad_top;
        if (iy < 0 || iy >= w->in_h) {
            continue;
        }
        for (int64_t kx = 0; kx < w->kernel_w; kx++) {
            int64_t ix = ox * w->stride_w + kx * w->dilation_w - w->pad_left;
            if (ix >= 0 && ix < w->in_w) {
                sum += (double)image[iy * g->x.row + ix * g->x.pixel + o / g->multiplier] *
                       (double)filter[(ky * w->kernel_w + kx) * outputs + o];
            }
        }
    }
    return sum;
}

static void ref_depthwise_run(const struct li_depthwise *g, const struct li_depthwise_data *data, int64_t task)
{
    const struct li_window *w = &g->window;
    int64_t n = task / w->out_h, oy = task % w->out_h;
    for (int64_t ox = 0; ox < w->out_w; ox++) {
        float *y = data->y + n * g->y.image + oy * g->y.row + ox * g->y.pixel;
        for (int64_t o = 0; o < g->channels * g->multiplier; o++) {
            double sum = sum_taps(g, data->x + n * g->x.image, data->filter, oy, ox, o);
            y[o] = ref_activate(data->bias ? sum + (double)data->bias[o] : sum, g->activation, g->alpha);
        }
    }
}

const struct li_depthwise_kernels li_depthwise_ref = {tasks, ref_depthwise_run};
