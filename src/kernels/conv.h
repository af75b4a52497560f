/* Direct convolution of NHWC float32 pictures. */
#ifndef LI_KERNELS_CONV_H
#define LI_KERNELS_CONV_H

#include "activation.h"
#include "map.h"
#include "window.h"

/*
 * y[n, oy, ox, o] = activation(bias[o] + residual[n, oy, ox, o] + sum over the window's taps ky, kx, and c, of
 *     x[n, iy, ix, c] * filter[ky, kx, c, o])
 * with x taken as 0 outside the picture. With groups > 1, output channel o sees the input channels of its
 * group: the filter is [kernel_h, kernel_w, cin / groups, cout], and groups divides cin and cout.
 *
 * halo says that the whole pixels any tap can ask for around each picture are memory of the buffer and hold zeros.
 * Without it nothing outside the picture is read. The results are equal bit for bit; a halo is worth its memory only
 * on pictures of 7 x 7 or less (7 % there, nothing or a loss above).
 */
struct li_conv {
    struct li_window window;
    int64_t batch, cin, cout;
    int64_t groups; /* 1 for an ordinary convolution */
    struct li_map x, y, residual;
    bool halo;
    enum li_activation activation;
    float alpha; /* of the activations that have one */
};

/*
 * filter: packed. bias: [cout] or NULL. residual: NULL, or added before the activation; it may be y itself (accumulate
 * in place). x and y must not overlap.
 */
struct li_conv_data {
    const float *x;
    const float *filter;
    const float *bias;
    const float *residual;
    float *y;
};

struct li_conv_kernels {
    /* Floats of the packed filter. It depends on the filter's shape, groups and the instruction set, not on the
     * picture. */
    size_t (*packed_floats)(const struct li_conv *conv);
    /* filter [kernel_h, kernel_w, cin / groups, cout], dense; packed is aligned to LI_ALIGN. */
    void (*pack)(const struct li_conv *conv, const float *filter, float *packed);
    /* How many tasks a run has: depends on shapes only. 0 when there is no output. */
    int64_t (*tasks)(const struct li_conv *conv);
    /* Compute one task's outputs. Tasks write disjoint outputs and never share a sum, so any order and any split over
     * threads gives the same bits. Needs no scratch. */
    void (*run)(const struct li_conv *conv, const struct li_conv_data *data, int64_t task);
};

#endif
