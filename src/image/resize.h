/* What the resize files share; private to the room. */
#ifndef LI_IMAGE_RESIZE_H
#define LI_IMAGE_RESIZE_H

#include "image.h"

/* One way of resizing. A table begins with what the output rows read, then comes what the output columns read. */
struct li_resizer {
    size_t (*entry_bytes)(const struct li_resize *r, int axis); /* of an output row (axis 0), of a column (axis 1) */
    void (*axis)(const struct li_resize *r, int axis, void *table); /* fills them */
    size_t (*scratch_floats)(const struct li_resize *r);
    void (*rows)(const struct li_resize *r, const void *ys, const void *xs, const void *in, void *out, int64_t y0,
                 int64_t y1, float *scratch);
    /* The pixel that tap k of an entry reads, and its weight; -1 behind the last tap. NULL: no gradient. */
    int64_t (*tap)(const struct li_resize *r, int axis, const void *entry, int64_t k, float *weight);
};

const struct li_resizer *li_resizer_of(enum li_resize_method method);
size_t li_resize_axis_bytes(const struct li_resize *r, int axis); /* of the part of the table */

extern const struct li_resizer li_resizer_bilinear, li_resizer_nearest, li_resizer_bicubic, li_resizer_area,
    li_resizer_sample;

static inline int64_t li_resize_in(const struct li_resize *r, int axis)
{
    return axis ? r->w : r->h;
}
static inline int64_t li_resize_out(const struct li_resize *r, int axis)
{
    return axis ? r->ow : r->oh;
}
static inline int64_t li_resize_stride(const struct li_resize *r)
{
    return r->row_stride ? r->row_stride : r->w * r->c;
}

/* Input pixels per output pixel. */
float li_resize_step(const struct li_resize *r, int axis);

/* The input coordinate of an output pixel, in pixels whose centres are at 0, 1, 2, ... */
static inline float li_resize_source(const struct li_resize *r, int64_t i, float step)
{
    return r->half_pixel ? ((float)i + 0.5f) * step - 0.5f : (float)i * step;
}

static inline int64_t li_resize_clamp(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

/*
 * Row y of the n * h input rows as w * c floats: where they lie, if they are floats already, else in buffer.
 */
const float *li_resize_load(const struct li_resize *r, const void *in, int64_t y, float *buffer);

/* Floats rounded up, so that the next part of scratch is aligned. */
static inline size_t li_resize_round(int64_t floats)
{
    return ((size_t)floats + 15) / 16 * 16;
}

#endif
