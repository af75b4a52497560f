/* Depthwise convolution of NHWC float32 pictures. */
#ifndef LI_KERNELS_DEPTHWISE_H
#define LI_KERNELS_DEPTHWISE_H

#include "activation.h"
#include "map.h"

/*
 * y[n, oy, ox, c * multiplier + m] = activation(bias[c * multiplier + m] + sum over ky, kx of
 *     x[n, oy * stride_h + ky * dilation_h - pad_top, ox * stride_w + kx * dilation_w - pad_left, c]
 *     * filter[ky, kx, c, m])
 * Padding and halo as in conv.h.
 */
struct li_depthwise {
    int64_t batch, in_h, in_w, channels, multiplier;
    int64_t out_h, out_w;
    int64_t kernel_h, kernel_w;
    int64_t stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left;
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
