/* Convolution by plain loops, sums in double. The packed filter is the filter. One task is one row of one image. */
#include "conv.h"
#include "ref.h"

#include <string.h>

static size_t packed_floats(const struct li_conv *conv)
{
    return (size_t)(conv->window.kernel_h * conv->window.kernel_w * (conv->cin / conv->groups) * conv->cout);
}

static void ref_conv_pack(const struct li_conv *conv, const float *filter, float *packed)
{
    if (packed_floats(conv) > 0) {
        memcpy(packed, filter, packed_floats(conv) * sizeof(float));
    }
}

static int64_t tasks(const struct li_conv *conv)
{
    return conv->window.out_w * conv->cout == 0 ? 0 : conv->batch * conv->window.out_h;
}

static double sum_taps(const struct li_conv *g, const float *image, const float *filter, int64_t oy, int64_t ox,
                       int64_t o)
{
    const struct li_window *w = &g->window;
    int64_t channels = g->cin / g->groups, first = o / (g->cout / g->groups) * channels;
    double sum = 0;
    for (int64_t ky = 0; ky < w->kernel_h; ky++) {
        int64_t iy = oy * w->stride_h + ky * w->dilation_h - w->pad_top;
        if (iy < 0 || iy >= w->in_h) {
            continue;
        }
        for (int64_t kx = 0; kx < w->kernel_w; kx++) {
            int64_t ix = ox * w->stride_w + kx * w->dilation_w - w->pad_left;
            if (ix < 0 || ix >= w->in_w) {
                continue;
            }
            const float *x = image + iy * g->x.row + ix * g->x.pixel + first;
            const float *f = filter + (ky * w->kernel_w + kx) * channels * g->cout + o;
            for (int64_t c = 0; c < channels; c++) {
                sum += (double)x[c] * (double)f[c * g->cout];
            }
        }
    }
    return sum;
}

static void ref_conv_run(const struct li_conv *g, const struct li_conv_data *data, int64_t task)
{
    const struct li_window *w = &g->window;
    int64_t n = task / w->out_h, oy = task % w->out_h;
    for (int64_t ox = 0; ox < w->out_w; ox++) {
        float *y = data->y + n * g->y.image + oy * g->y.row + ox * g->y.pixel;
        for (int64_t o = 0; o < g->cout; o++) {
            double sum = sum_taps(g, data->x + n * g->x.image, data->filter, oy, ox, o);
            if (data->bias) {
                sum += (double)data->bias[o];
            }
            if (data->residual) {
                sum +=
                    (double)data->residual[n * g->residual.image + oy * g->residual.row + ox * g->residual.pixel + o];
            }
            y[o] = ref_activate(sum, g->activation, g->alpha);
        }
    }
}

const struct li_conv_kernels li_conv_ref = {packed_floats, ref_conv_pack, tasks, ref_conv_run};
