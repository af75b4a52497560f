/* Convolution by plain loops, sums in double. The packed filter is the filter. One task is one row of one image. */
#include "conv.h"
#include "ref.h"

#include <string.h>

static size_t packed_floats(const struct li_conv *conv)
{
    return (size_t)(conv->kernel_h * conv->kernel_w * (conv->cin / conv->groups) * conv->cout);
}

static void pack(const struct li_conv *conv, const float *filter, float *packed)
{
    if (packed_floats(conv) > 0) {
        memcpy(packed, filter, packed_floats(conv) * sizeof(float));
    }
}

static int64_t tasks(const struct li_conv *conv)
{
    return conv->out_w * conv->cout == 0 ? 0 : conv->batch * conv->out_h;
}

static double sum_taps(const struct li_conv *g, const float *image, const float *filter, int64_t oy, int64_t ox,
                       int64_t o)
{
    int64_t channels = g->cin / g->groups, first = o / (g->cout / g->groups) * channels;
    double sum = 0;
    for (int64_t ky = 0; ky < g->kernel_h; ky++) {
        int64_t iy = oy * g->stride_h + ky * g->dilation_h - g->pad_top;
        if (iy < 0 || iy >= g->in_h) {
            continue;
        }
        for (int64_t kx = 0; kx < g->kernel_w; kx++) {
            int64_t ix = ox * g->stride_w + kx * g->dilation_w - g->pad_left;
            if (ix < 0 || ix >= g->in_w) {
                continue;
            }
            const float *x = image + iy * g->x.row + ix * g->x.pixel + first;
            const float *f = filter + (ky * g->kernel_w + kx) * channels * g->cout + o;
            for (int64_t c = 0; c < channels; c++) {
                sum += (double)x[c] * (double)f[c * g->cout];
            }
        }
    }
    return sum;
}

static void run(const struct li_conv *g, const struct li_conv_data *data, int64_t task)
{
    int64_t n = task / g->out_h, oy = task % g->out_h;
    for (int64_t ox = 0; ox < g->out_w; ox++) {
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

const struct li_conv_kernels li_conv_ref = {packed_floats, pack, tasks, run};
