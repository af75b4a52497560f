/*
 * From a file to the float tensor a model takes. The same as decoding, converting, cropping and resizing one after
 * another, but the floats of the whole photo are never made: the resizers turn the rows they read into floats.
 */
#include "image.h"

#include <string.h>

/* What is done to one picture of h x w. */
struct plan {
    struct li_rect from; /* of the picture */
    struct li_rect to;   /* of the output */
    int64_t height, width;
};

static lince_status check(const struct li_load_options *o, lince_error *err)
{
    if (o->height < 0 || o->width < 0 || (o->height == 0) != (o->width == 0) || o->height > LI_MAX_IMAGE_SIDE ||
        o->width > LI_MAX_IMAGE_SIDE) {
        return li_fail(err, LINCE_EINVAL,
                       "image size %lld x %lld (height x width); wanted 1..%d for each, or 0 for both",
                       (long long)o->height, (long long)o->width, LI_MAX_IMAGE_SIDE);
    }
    if (!(o->crop_fraction >= 0 && o->crop_fraction <= 1)) {
        return li_fail(err, LINCE_EINVAL, "crop fraction %g; wanted above 0, at most 1", o->crop_fraction);
    }
    for (int i = 0; o->range == LI_RANGE_MEAN_STD && i < 3; i++) {
        if (!(o->std[i] > 0 || o->std[i] < 0)) {
            return li_fail(err, LINCE_EINVAL, "standard deviation %g of channel %d; wanted another number than 0",
                           (double)o->std[i], i);
        }
    }
    return LINCE_OK;
}

static struct plan plan_of(const struct li_load_options *o, int64_t h, int64_t w)
{
    double fraction = o->crop_fraction > 0 ? o->crop_fraction : 1;
    struct plan p = {.height = o->height, .width = o->width};
    bool sized = o->height > 0;

    p.from = sized && o->fit == LI_FIT_CROP ? li_crop_aspect(h, w, o->height, o->width, fraction)
                                            : li_crop_central(h, w, fraction);
    if (!sized) {
        p.height = p.from.height;
        p.width = p.from.width;
    }
    p.to = (struct li_rect){0, 0, p.height, p.width};
    if (sized && o->fit == LI_FIT_PAD) {
        p.to = li_resize_with_pad(p.from.height, p.from.width, p.height, p.width);
    }
    return p;
}

lince_status li_image_load_size(struct li_bytes file, const struct li_load_options *o, int64_t *height, int64_t *width,
                                lince_error *err)
{
    struct li_image_info info;

    LI_TRY(check(o, err));
    LI_TRY(li_image_size(file, &info, err));
    bool turned = o->orient && li_image_orientation(file) >= 5;
    struct plan p = plan_of(o, turned ? info.width : info.height, turned ? info.height : info.width);
    *height = p.height;
    *width = p.width;
    return LINCE_OK;
}

/* The last step: pixels of [0, 1], or [0, 255] for LI_RANGE_0_255, to the range asked for. */
static void set_range(float *out, int64_t pixels, const struct li_load_options *o)
{
    if (o->range == LI_RANGE_M1_1) {
        for (int64_t i = 0; i < pixels * 3; i++) {
            out[i] = out[i] * 2 - 1;
        }
    } else if (o->range == LI_RANGE_MEAN_STD) {
        for (int64_t i = 0; i < pixels; i++, out += 3) {
            for (int k = 0; k < 3; k++) {
                out[k] = (out[k] - o->mean[k]) / o->std[k];
            }
        }
    }
}

static lince_status resize(float *out, const struct li_resize *r, const uint8_t *in, struct li_mem *mem,
                           lince_error *err)
{
    bool nearest = r->method == LI_RESIZE_NEAREST; /* gives bytes, which become floats afterwards */
    int64_t count = r->oh * r->ow * 3;
    size_t scratch_bytes = nearest ? (size_t)count : li_resize_scratch_bytes(r);
    uint8_t *table = li_alloc(mem, li_resize_table_bytes(r), err),
            *scratch = table ? li_alloc(mem, scratch_bytes, err) : NULL;

    if (scratch) {
        li_resize_table(r, table);
        li_resize_rows(r, table, in, nearest ? (void *)scratch : out, 0, r->oh, nearest ? NULL : scratch);
    }
    for (int64_t i = 0; scratch && nearest && i < count; i++) {
        out[i] = (float)scratch[i] * r->unit;
    }
    li_free(mem, scratch);
    li_free(mem, table);
    return scratch ? LINCE_OK : LINCE_ENOMEM;
}

static void clear(float *out, size_t count)
{
    memset(out, 0, count * sizeof(float));
}

/*
 * Spread the small picture that starts at out over the larger one around it, with 0 outside. From the last row up:
 * what is still to be moved then lies before the row being written.
 */
static void place(float *out, const struct plan *p)
{
    size_t row = (size_t)p->width * 3, small = (size_t)p->to.width * 3, left = (size_t)p->to.left * 3;

    for (int64_t y = p->height - 1; y >= 0; y--) {
        float *target = out + (size_t)y * row;
        int64_t from = y - p->to.top;
        if (from < 0 || from >= p->to.height) {
            clear(target, row);
            continue;
        }
        memmove(target + left, out + (size_t)from * small, small * sizeof(float));
        clear(target, left);
        clear(target + left + small, row - left - small);
    }
}

static lince_status fill(float *out, int64_t count, const struct li_tensor *image, const struct li_load_options *o,
                         struct li_mem *mem, lince_error *err)
{
    int64_t h = image->shape.dim[0], w = image->shape.dim[1];
    struct plan p = plan_of(o, h, w);
    struct li_resize r = {.dtype = LINCE_UINT8,
                          .n = 1,
                          .h = p.from.height,
                          .w = p.from.width,
                          .c = 3,
                          .oh = p.to.height,
                          .ow = p.to.width,
                          .row_stride = w * 3};

    if (p.height * p.width * 3 != count) {
        return li_fail(err, LINCE_EINVAL, "the image gives %lld x %lld x 3 floats; there is room for %lld",
                       (long long)p.height, (long long)p.width, (long long)count);
    }
    r.unit = o->range == LI_RANGE_0_255 ? 1 : 1.0f / 255;
    bool sized = o->height > 0; /* if not, bilinear from a size to itself is a copy */
    li_resize_v2(&r, sized ? o->interpolation : LI_RESIZE_BILINEAR, sized && o->antialias);
    LI_TRY(resize(out, &r, (const uint8_t *)image->data + (p.from.top * w + p.from.left) * 3, mem, err));
    if (p.to.height != p.height || p.to.width != p.width) {
        place(out, &p);
    }
    set_range(out, p.height * p.width, o);
    return LINCE_OK;
}

lince_status li_image_load(float *out, int64_t out_count, struct li_bytes file, const struct li_load_options *o,
                           struct li_mem *mem, lince_error *err)
{
    struct li_image_options decode = {.channels = 3, .first_frame = true, .dct_accurate = o->dct_accurate};
    struct li_tensor image = {0};
    lince_status status;

    LI_TRY(check(o, err));
    LI_TRY(li_image_decode(&image, file, &decode, mem, err));
    status = o->orient ? li_image_orient(&image, li_image_orientation(file), mem, err) : LINCE_OK;
    if (!status) {
        status = fill(out, out_count, &image, o, mem, err);
    }
    li_free(mem, image.data);
    return status;
}
