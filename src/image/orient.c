/* Turn and mirror a picture as its EXIF tag asks. */
#include "codec.h"

#include <string.h>

/*
 * Output pixel (y, x) comes from the input at start + y * down + x * right, in pixels.
 *
 *   1 as it is      2 mirrored left-right      3 turned by 180 degrees      4 mirrored top-bottom
 *   5..8: rows become columns: 5 as they are, 6 turned right, 7 mirrored along the other diagonal, 8 turned left
 */
struct path {
    int64_t start, down, right;
};

static struct path path_of(int orientation, int64_t h, int64_t w)
{
    switch (orientation) {
    case 2:
        return (struct path){w - 1, w, -1};
    case 3:
        return (struct path){h * w - 1, -w, -1};
    case 4:
        return (struct path){(h - 1) * w, -w, 1};
    case 5:
        return (struct path){0, 1, w};
    case 6:
        return (struct path){(h - 1) * w, 1, -w};
    case 7:
        return (struct path){h * w - 1, -1, -w};
    case 8:
        return (struct path){w - 1, -1, w};
    default:
        return (struct path){0, w, 1};
    }
}

lince_status li_image_orient(struct li_tensor *image, int orientation, struct li_mem *mem, lince_error *err)
{
    struct li_tensor out = *image;
    const uint8_t *in = image->data;

    if (image->shape.rank != 3 || orientation < 1 || orientation > 8) {
        return li_fail(err, LINCE_EINVAL, "cannot orient a picture of rank %d by tag %d; wanted [h, w, c] and 1..8",
                       image->shape.rank, orientation);
    }
    if (orientation == 1) {
        return LINCE_OK;
    }
    int64_t h = image->shape.dim[0], w = image->shape.dim[1];
    size_t pixel = (size_t)image->shape.dim[2] * li_dtype_size(image->dtype);
    struct path p = path_of(orientation, h, w);
    if (orientation >= 5) {
        out.shape.dim[0] = w;
        out.shape.dim[1] = h;
    }
    if (!(out.data = li_alloc(mem, out.size_bytes, err))) {
        return LINCE_ENOMEM;
    }
    uint8_t *to = out.data;
    for (int64_t y = 0; y < out.shape.dim[0]; y++) {
        for (int64_t x = 0; x < out.shape.dim[1]; x++, to += pixel) {
            memcpy(to, in + (size_t)(p.start + y * p.down + x * p.right) * pixel, pixel);
        }
    }
    li_free(mem, image->data);
    *image = out;
    return LINCE_OK;
}
