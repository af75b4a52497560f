/* Pictures in memory: [image][y][x][channel], channels side by side, the other three axes with a stride of their own.
 */
#ifndef LI_KERNELS_MAP_H
#define LI_KERNELS_MAP_H

#include "base/base.h"

/*
 * Strides in floats. The pointer that goes with them is that of pixel (0, 0), channel 0 of image 0, so one description
 * serves a dense value (pixel = channels, row = w * pixel, image = h * row), a value inside a buffer with a border
 * around each picture, and a slice of the channels of a wider value.
 */
struct li_map {
    ptrdiff_t pixel, row, image;
};

static inline struct li_map li_map_dense(int64_t h, int64_t w, int64_t channels)
{
    return (struct li_map){channels, w * channels, h * w * channels};
}

#endif
