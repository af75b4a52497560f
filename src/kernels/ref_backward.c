/* Inner loops of gradients by plain loops, sums in double. */
#include "backward.h"

#include <math.h>

static double slope_at(enum li_slope slope, double alpha, double at)
{
    const double selu_scale = 1.0507009873554805, selu_alpha = 1.6732632423543772;
    switch (slope) {
    case LI_SLOPE_RELU:
        return at > 0 ? 1 : 0;
    case LI_SLOPE_RELU6:
        return at > 0 && at < 6 ? 1 : 0;
    case LI_SLOPE_LEAKY_RELU:
        return at > 0 ? 1 : alpha;
    case LI_SLOPE_ELU:
        return at < 0 ? at + 1 : 1;
    case LI_SLOPE_SELU:
        return at < 0 ? at + selu_scale * selu_alpha : selu_scale;
    case LI_SLOPE_TANH:
        return 1 - at * at;
    case LI_SLOPE_SIGMOID:
        return at * (1 - at);
    case LI_SLOPE_SWISH: {
        double s = 1 / (1 + exp(-alpha * at));
        return s * (1 + alpha * at * (1 - s));
    }
    case LI_SLOPE_NONE:
    case LI_SLOPE_COUNT:
        break;
    }
    return 1;
}

/* Where a function is flat nothing passes, not even what is no number. */
static void slope_run(enum li_slope slope, float alpha, const float *dy, const float *at, int64_t count, float *dx)
{
    bool flat = slope == LI_SLOPE_RELU || slope == LI_SLOPE_RELU6;
    for (int64_t i = 0; i < count; i++) {
        double factor = slope_at(slope, (double)alpha, (double)at[i]);
        dx[i] = flat && factor == 0 ? 0 : (float)((double)dy[i] * factor);
    }
}

/* dy[r, c] as it arrives at the norm. */
static double norm_dy(const struct li_backward_norm *g, int64_t r, int64_t c)
{
    int64_t at = r * g->row + c;
    if (g->slope == LI_SLOPE_NONE) {
        return (double)g->dy[at];
    }
    double activated = (double)g->x[at] * (double)g->scale[c] + (double)g->shift[c];
    double slope = slope_at(g->slope, (double)g->alpha, (double)(float)activated);
    return slope == 0 ? 0 : (double)g->dy[at] * slope;
}

static void norm_sums(const struct li_backward_norm *g, float *sum, float *product)
{
    for (int64_t c = 0; c < g->cols; c++) {
        double plain = 0, centred = 0;
        for (int64_t r = 0; r < g->rows; r++) {
            double dy = norm_dy(g, r, c);
            plain += dy;
            centred += dy * ((double)g->x[r * g->row + c] - (double)g->mean[c]);
        }
        sum[c] = (float)plain;
        product[c] = (float)centred;
    }
}

static void norm_apply(const struct li_backward_norm *g, float *dx, const float *slope, const float *tilt,
                       const float *shift)
{
    for (int64_t r = 0; r < g->rows; r++) {
        for (int64_t c = 0; c < g->cols; c++) {
            int64_t at = r * g->row + c;
            double from_mean = (double)g->x[at] - (double)g->mean[c];
            dx[at] = (float)(norm_dy(g, r, c) * (double)slope[c] - from_mean * (double)tilt[c] - (double)shift[c]);
        }
    }
}

/* Rows of outputs [first, last). */
struct rows {
    int64_t first, last;
};

/* Tap number `tap` of output channel o. */
static double tap_sum(const struct li_depthwise *g, const float *x, const float *dy, struct rows rows, int64_t tap,
                      int64_t o)
{
    const struct li_window *w = &g->window;
    int64_t ky = tap / w->kernel_w, kx = tap % w->kernel_w;
    double sum = 0;
    for (int64_t i = rows.first; i < rows.last; i++) {
        int64_t n = i / w->out_h, oy = i % w->out_h, iy = oy * w->stride_h + ky * w->dilation_h - w->pad_top;
        for (int64_t ox = 0; iy >= 0 && iy < w->in_h && ox < w->out_w; ox++) {
            int64_t ix = ox * w->stride_w + kx * w->dilation_w - w->pad_left;
            if (ix >= 0 && ix < w->in_w) {
                sum += (double)x[n * g->x.image + iy * g->x.row + ix * g->x.pixel + o / g->multiplier] *
                       (double)dy[n * g->y.image + oy * g->y.row + ox * g->y.pixel + o];
            }
        }
    }
    return sum;
}

static void depthwise_filter(const struct li_depthwise *g, const float *x, const float *dy, int64_t first, int64_t last,
                             float *df)
{
    int64_t outputs = g->channels * g->multiplier;
    for (int64_t i = 0; i < g->window.kernel_h * g->window.kernel_w * outputs; i++) {
        df[i] = (float)tap_sum(g, x, dy, (struct rows){first, last}, i / outputs, i % outputs);
    }
}

const struct li_backward_kernels li_backward_ref = {slope_run, norm_sums, norm_apply, depthwise_filter};
