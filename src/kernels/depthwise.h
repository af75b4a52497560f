/* Depthwise convolution of NHWC float32 pictures. */
#ifndef LI_KERNELS_DEPTHWISE_H
#define LI_KERNELS_DEPTHWISE_H

#include "activation.h"
#include "map.h"
#include "window.h"

/*
 * y[n, oy, ox, c * multiplier + m] = activation(bias[c * multiplier + m] + sum over the window's taps ky, kx of
 *     x[n, iy, ix, c] * filter[ky, kx, c, m])
 * Padding and halo as in conv.h.
 */
struct li_depthwise {
    struct li_window window;
    int64_t batch, channels, multiplier;
    struct li_map x, y;
    bool halo;
    enum li_activation activation;
    float alpha;
};

/* filter: TensorFlow's [kernel_h, kernel_w, channels, multiplier], dense, not packed. bias: [channels * multiplier] or
 * NULL. x and y must not overlap. */
struct li_depthwise_data {
    const float *x;
    const float *filter;
    const float *bias;
    float *y;
};

struct li_depthwise_kernels {
    int64_t (*tasks)(const struct li_depthwise *depthwise); /* as in conv.h: bands of rows, by shapes only */
    void (*run)(const struct li_depthwise *depthwise, const struct li_depthwise_data *data, int64_t task);
};

#endif
