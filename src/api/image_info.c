/* The images that a callable takes: what its traces are made for. */
#include "api.h"

#include <string.h>

/* Dims of what all traces take first: -1 where they differ, or where one leaves it open. */
struct images {
    lince_dtype dtype;
    int64_t dim[4]; /* batch, height, width, channels */
};

static bool image_of(const struct li_trace *trace, struct images *out)
{
    const struct li_arg *first = trace->spec_count ? trace->spec[0] : NULL;
    if (!first || first->shape.rank != 4) {
        return false;
    }
    out->dtype = first->dtype;
    for (int i = 0; i < 4; i++) {
        out->dim[i] = first->shape.dim[i];
        if (i > 0 && out->dim[i] > INT32_MAX) {
            return false;
        }
    }
    return true;
}

/* A trace that takes something else first does not count, unless it is the first one. */
static bool images_of(const struct li_callable *c, struct images *out)
{
    struct images other;
    if (c->trace_count == 0 || !image_of(&c->trace[0], out)) {
        return false;
    }
    for (size_t i = 1; i < c->trace_count; i++) {
        if (image_of(&c->trace[i], &other)) {
            for (int k = 0; k < 3; k++) {
                out->dim[k] = other.dim[k] == out->dim[k] ? out->dim[k] : -1;
            }
        }
    }
    return true;
}

static lince_status need_images(const struct li_callable *c, struct images *out, lince_error *err)
{
    return images_of(c, out)
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL,
                         "the first argument of %s is no batch of images [batch, height, width, channels]", c->name);
}

static int32_t side(int64_t dim)
{
    return (int32_t)LI_MAX(dim, 0);
}

lince_status lince_callable_image_size(lince_callable *callable, int32_t *height, int32_t *width, int32_t *channels,
                                       lince_error *err)
{
    struct images images;
    LI_NEED("lince_callable_image_size", callable);
    LI_TRY(need_images(callable->callable, &images, err));
    int32_t *const to[3] = {height, width, channels};
    for (int i = 0; i < 3; i++) {
        if (to[i]) {
            *to[i] = side(images.dim[i + 1]);
        }
    }
    return LINCE_OK;
}

/* Whether a side that is asked for may have so many pixels. */
static bool may_be(int32_t wanted, int64_t dim)
{
    return dim > 0 && (wanted == 0 || wanted == dim);
}

static bool stated(lince_image_info *info, const struct lince_model *m)
{
    struct li_model_facts facts;
    li_model_facts(m->model, &facts);
    bool fits = may_be(info->height, facts.image_height) && may_be(info->width, facts.image_width);
    info->default_height = fits ? facts.image_height : info->height;
    info->default_width = fits ? facts.image_width : info->width;
    return fits;
}

/* Where any size goes, and nothing is stated, what a signature was made for is what the publisher had in mind. */
static void find_default(lince_image_info *info, const struct lince_model *m)
{
    static const char prefix[] = "signatures.";
    struct images images;
    if (stated(info, m)) {
        return;
    }
    for (size_t i = 0; (!info->default_height || !info->default_width) && i < m->callable_count; i++) {
        const struct li_callable *c = m->callables[i].callable;
        if (strncmp(c->name, prefix, sizeof prefix - 1) == 0 && images_of(c, &images) &&
            may_be(info->height, images.dim[1]) && may_be(info->width, images.dim[2])) {
            info->default_height = side(images.dim[1]);
            info->default_width = side(images.dim[2]);
            info->default_from = c->name + sizeof prefix - 1;
        }
    }
}

lince_status lince_callable_image(lince_callable *callable, lince_image_info *info, lince_error *err)
{
    struct images images;
    LI_NEED("lince_callable_image", callable);
    LI_NEED("lince_callable_image", info);
    LI_TRY(need_images(callable->callable, &images, err));
    lince_image_info full = {.dtype = images.dtype,
                             .batch = images.dim[0],
                             .height = side(images.dim[1]),
                             .width = side(images.dim[2]),
                             .channels = side(images.dim[3])};
    find_default(&full, callable->owner);
    return LI_FILL(lince_image_info, info, &full, err);
}
