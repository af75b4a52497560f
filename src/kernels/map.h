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

/* A border of whole pixels around each picture, which belongs to the buffer: a halo. */
struct li_border {
    int64_t top, left, bottom, right;
};

/* Strides of a buffer whose pictures have such a border, floats it takes, and where pixel (0, 0) lies in it. */
struct li_map li_map_bordered(int64_t h, int64_t w, int64_t channels, const struct li_border *border);
size_t li_map_bordered_floats(int64_t batch, int64_t h, int64_t w, int64_t channels, const struct li_border *border);
size_t li_map_bordered_origin(int64_t w, int64_t channels, const struct li_border *border);

/* Set the border of images [first, last) to value; y is pixel (0, 0) of image 0. */
void li_map_fill_border(float *y, const struct li_map *map, int64_t first, int64_t last, int64_t h, int64_t w,
                        int64_t channels, const struct li_border *border, float value);

/* Copy rows [first, last) of all rows [batch * h] from one layout to another. */
void li_map_copy(float *y, const struct li_map *to, const float *x, const struct li_map *from, int64_t first,
                 int64_t last, int64_t h, int64_t w, int64_t channels);

#endif
