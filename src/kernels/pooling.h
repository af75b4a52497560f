/* Max and average pooling of NHWC float32 pictures. */
#ifndef LI_KERNELS_POOLING_H
#define LI_KERNELS_POOLING_H

#include "map.h"
#include "window.h"

/* What lies in the padding is left out: of the maximum, and of the sum and the count of the average. A window that
 * holds nothing but padding gives -FLT_MAX (maximum) or 0 (average). The maximum starts from there and takes no NaN, as
 * TensorFlow's does. */
struct li_pooling {
    struct li_window window; /* dilations 1 */
    int64_t batch, channels;
    struct li_map x, y;
};

/* x and y must not overlap. */
struct li_pooling_kernels {
    int64_t (*tasks)(const struct li_pooling *pooling); /* bands of output rows, by shapes only */
    void (*max)(const struct li_pooling *pooling, const float *x, float *y, int64_t task);
    void (*average)(const struct li_pooling *pooling, const float *x, float *y, int64_t task);
};

#endif
