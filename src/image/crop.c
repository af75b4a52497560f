/* Which part of a picture is kept, and where it goes. The arithmetic is that of TensorFlow's image_ops_impl.py. */
#include "image.h"

#include <math.h>
#include <string.h>

static int64_t central_offset(int64_t size, double fraction)
{
    return (int64_t)(((double)size - (double)size * fraction) / 2);
}

struct li_rect li_crop_central(int64_t h, int64_t w, double fraction)
{
    int64_t top = central_offset(h, fraction), left = central_offset(w, fraction);

    return (struct li_rect){top, left, h - 2 * top, w - 2 * left};
}

/*
 * With oh == ow this is the crop of TensorFlow's ResNet and EfficientNet input code: fraction of the shorter side,
 * rounded down.
 */
struct li_rect li_crop_aspect(int64_t h, int64_t w, int64_t oh, int64_t ow, double fraction)
{
    float wide = (float)w, high = (float)h;

    if (w * oh > h * ow) {
        wide = (float)h * (float)ow / (float)oh;
    } else {
        high = (float)w * (float)oh / (float)ow;
    }
    int64_t ch = (int64_t)((float)fraction * high), cw = (int64_t)((float)fraction * wide);
    ch = LI_MIN(LI_MAX(ch, 1), h);
    cw = LI_MIN(LI_MAX(cw, 1), w);
    return (struct li_rect){(h - ch + 1) / 2, (w - cw + 1) / 2, ch, cw};
}

/* x / 2 rounded down, 0 for negative x. */
static int64_t half(int64_t x)
{
    return x > 0 ? x / 2 : 0;
}

void li_crop_or_pad(int64_t h, int64_t w, int64_t oh, int64_t ow, struct li_rect *from, struct li_rect *to)
{
    int64_t rows = LI_MIN(h, oh), columns = LI_MIN(w, ow);

    *from = (struct li_rect){half(h - oh), half(w - ow), rows, columns};
    *to = (struct li_rect){half(oh - h), half(ow - w), rows, columns};
}

struct li_rect li_resize_with_pad(int64_t h, int64_t w, int64_t oh, int64_t ow)
{
    float by_height = (float)h / (float)oh, by_width = (float)w / (float)ow;
    float ratio = by_height > by_width ? by_height : by_width;
    float high = (float)h / ratio, wide = (float)w / ratio;
    int64_t rows = (int64_t)floorf(high), columns = (int64_t)floorf(wide);
    int64_t top = (int64_t)floorf(((float)oh - high) / 2), left = (int64_t)floorf(((float)ow - wide) / 2);

    /*
     * The bounds matter to pictures so long and thin that a side vanishes, which TensorFlow refuses, and to rounding.
     */
    rows = LI_MIN(LI_MAX(rows, 1), oh);
    columns = LI_MIN(LI_MAX(columns, 1), ow);
    top = LI_MIN(LI_MAX(top, 0), oh - rows);
    left = LI_MIN(LI_MAX(left, 0), ow - columns);
    return (struct li_rect){top, left, rows, columns};
}

void li_resize_keep_aspect(int64_t h, int64_t w, int64_t *oh, int64_t *ow)
{
    float by_height = (float)*oh / (float)h, by_width = (float)*ow / (float)w;
    float scale = by_height < by_width ? by_height : by_width;

    *oh = LI_MAX((int64_t)rintf(scale * (float)h), 1);
    *ow = LI_MAX((int64_t)rintf(scale * (float)w), 1);
}

void li_crop_copy(void *out, int64_t out_w, int64_t top, int64_t left, const void *in, int64_t in_w,
                  const struct li_rect *from, size_t pixel_bytes)
{
    for (int64_t y = 0; y < from->height; y++) {
        memcpy((uint8_t *)out + (size_t)((top + y) * out_w + left) * pixel_bytes,
               (const uint8_t *)in + (size_t)((from->top + y) * in_w + from->left) * pixel_bytes,
               (size_t)from->width * pixel_bytes);
    }
}
