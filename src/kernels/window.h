/* A window that moves over pictures: what convolutions and pools share. */
#ifndef LI_KERNELS_WINDOW_H
#define LI_KERNELS_WINDOW_H

#include "base/base.h"

/*
 * Tap (ky, kx) of output pixel (oy, ox) reads input pixel (oy * stride_h + ky * dilation_h - pad_top,
 * ox * stride_w + kx * dilation_w - pad_left), if that lies in [0, in_h) x [0, in_w).
 */
struct li_window {
    int64_t in_h, in_w, out_h, out_w;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right; /* SAME puts the odd one at the end */
};

#endif
