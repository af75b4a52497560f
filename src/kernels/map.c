/* Layouts of pictures, and moving them. */
#include "map.h"

#include <string.h>

struct li_map li_map_bordered(int64_t h, int64_t w, int64_t channels, const struct li_border *border)
{
    return li_map_dense(border->top + h + border->bottom, border->left + w + border->right, channels);
}

size_t li_map_bordered_floats(int64_t batch, int64_t h, int64_t w, int64_t channels, const struct li_border *border)
{
    return (size_t)(batch * li_map_bordered(h, w, channels, border).image);
}

size_t li_map_bordered_origin(int64_t w, int64_t channels, const struct li_border *border)
{
    return (size_t)((border->top * (border->left + w + border->right) + border->left) * channels);
}

static void fill_pixels(float *y, int64_t count, ptrdiff_t stride, int64_t channels, float value)
{
    for (int64_t i = 0; i < count; i++) {
        for (int64_t c = 0; c < channels; c++) {
            y[i * stride + c] = value;
        }
    }
}

void li_map_fill_border(float *y, const struct li_map *map, int64_t first, int64_t last, int64_t h, int64_t w,
                        int64_t channels, const struct li_border *border, float value)
{
    int64_t width = border->left + w + border->right;
    for (int64_t n = first; n < last; n++) {
        float *image = y + n * map->image;
        for (int64_t row = -border->top; row < h + border->bottom; row++) {
            float *pixels = image + row * map->row;
            if (row < 0 || row >= h) {
                fill_pixels(pixels - border->left * map->pixel, width, map->pixel, channels, value);
                continue;
            }
            fill_pixels(pixels - border->left * map->pixel, border->left, map->pixel, channels, value);
            fill_pixels(pixels + w * map->pixel, border->right, map->pixel, channels, value);
        }
    }
}

void li_map_copy(float *y, const struct li_map *to, const float *x, const struct li_map *from, int64_t first,
                 int64_t last, int64_t h, int64_t w, int64_t channels)
{
    bool whole_rows = to->pixel == channels && from->pixel == channels;
    size_t run = (size_t)(whole_rows ? w * channels : channels) * sizeof(float);
    if (run == 0) {
        return;
    }
    for (int64_t row = first; row < last; row++) {
        const float *source = x + row / h * from->image + row % h * from->row;
        float *target = y + row / h * to->image + row % h * to->row;
        for (int64_t i = 0; i < (whole_rows ? 1 : w); i++) {
            memcpy(target + i * to->pixel, source + i * from->pixel, run);
        }
    }
}
