/*
 * Phases of the strides. Pixels of dx with the same remainders (py, px) by the strides see the same taps, so each of
 * these phases is itself a convolution of dy of stride 1 with some of the taps, turned around:
 *
 *     iy = s t + p reads dy at oy = (iy + pad - ky d) / s for the ky that make it whole,
 *     which are ky = k0 + j q with q = s / gcd(s, d);
 *     so oy = t + (p + pad - k0 d) / s - j (q d / s).
 */
#include "conv.h"

#include <string.h>

struct li_phase li_phase_of(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                            int64_t remainder)
{
    struct li_phase p = {.outputs = extent > remainder ? (extent - remainder + stride - 1) / stride : 0, .dilation = 1};
    for (int64_t k = 0; k < kernel; k++) {
        if ((remainder + pad - k * dilation) % stride != 0) {
            continue;
        }
        if (p.count == 1) {
            p.step = k - p.first;
        }
        p.first = p.count == 0 ? k : p.first;
        p.count++;
    }
    if (p.count > 1) {
        p.dilation = p.step * dilation / stride;
    }
    p.pad = (p.count - 1) * p.dilation - (remainder + pad - p.first * dilation) / stride;
    return p;
}

struct li_window li_phase_window(const struct li_window *w, const struct li_phase *v, const struct li_phase *h)
{
    return (struct li_window){.in_h = w->out_h,
                              .in_w = w->out_w,
                              .out_h = v->outputs,
                              .out_w = h->outputs,
                              .kernel_h = v->count,
                              .kernel_w = h->count,
                              .stride_h = 1,
                              .stride_w = 1,
                              .dilation_h = v->dilation,
                              .dilation_w = h->dilation,
                              .pad_top = v->pad,
                              .pad_left = h->pad};
}

void li_phase_clear(const struct li_phase_pixels *p, float *dx, int64_t piece, int64_t pieces)
{
    int64_t rows = p->images * p->rows;
    for (int64_t r = rows * piece / pieces; r < rows * (piece + 1) / pieces; r++) {
        float *row = dx + r / p->rows * p->map.image + r % p->rows * p->map.row;
        for (int64_t i = 0; i < p->columns; i++) {
            memset(row + i * p->map.pixel, 0, (size_t)p->channels * sizeof(float));
        }
    }
}
