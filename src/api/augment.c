/* lince_augment.h: checks, then image/augment.c, a picture a task. */
#include "api.h"

#include <math.h>
#include <string.h>

void lince_augment_options_init(lince_augment_options *options)
{
    if (options) {
        *options = (lince_augment_options){.struct_size = sizeof *options, .crop_area = 1, .crop_ratio = 1};
    }
}

struct range {
    const char *name;
    double value, low, high;
};

static lince_status check_range(const struct range *r, lince_error *err)
{
    if (r->value >= r->low && r->value <= r->high) {
        return LINCE_OK;
    }
    return li_fail(err, LINCE_EINVAL, "%s is %g; %g to %g is possible", r->name, r->value, r->low, r->high);
}

static lince_status read_options(lince_augment_options *to, const lince_augment_options *from, lince_error *err)
{
    lince_augment_options_init(to);
    if (from && (from->struct_size == 0 || from->struct_size > sizeof *to)) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_augment_options.struct_size is %zu; lince_augment_options_init() sets it",
                       from->struct_size);
    }
    if (from) {
        memcpy(to, from, from->struct_size);
    }
    const struct range ranges[] = {{"rotation", to->rotation, 0, 180},
                                   {"width_shift", to->width_shift, 0, 1},
                                   {"height_shift", to->height_shift, 0, 1},
                                   {"shear", to->shear, 0, 80},
                                   {"zoom", to->zoom, 0, 0.9},
                                   {"brightness", to->brightness, 0, 1},
                                   {"contrast", to->contrast, 0, 1},
                                   {"crop_area", to->crop_area, 1e-4, 1},
                                   {"crop_ratio", to->crop_ratio, 1, 10}};
    for (size_t i = 0; i < LI_COUNT(ranges); i++) {
        LI_TRY(check_range(&ranges[i], err));
    }
    return LINCE_OK;
}

static lince_status check_pictures(struct li_tensor *to, const lince_tensor *from, const char *what, lince_error *err)
{
    char text[LI_SHAPE_TEXT];
    LI_TRY(li_api_tensor(to, from, what, err));
    const int64_t *dim = to->shape.dim;
    if (to->dtype != LINCE_FLOAT32 || to->shape.rank != 4 || dim[3] != 3) {
        return li_fail(err, LINCE_EINVAL, "%s is %s%s; float32[n,height,width,3] is wanted", what,
                       li_dtype_name(to->dtype), li_shape_text(&to->shape, text));
    }
    if (dim[1] < 1 || dim[2] < 1 || dim[1] > LI_MAX_IMAGE_SIDE || dim[2] > LI_MAX_IMAGE_SIDE) {
        return li_fail(err, LINCE_EINVAL, "%s is %s; sides of 1 to %d are possible", what,
                       li_shape_text(&to->shape, text), LI_MAX_IMAGE_SIDE);
    }
    return LINCE_OK;
}

/* What the threads share. */
struct work {
    struct li_tensor in, out;
    const int64_t *photos;
    uint64_t seed;
    int64_t epoch;
    lince_augment_options options;
    unsigned subnormals; /* of the caller's thread */
};

static lince_status check_batch(const struct work *w, lince_error *err)
{
    int64_t n = w->in.shape.dim[0];
    if (w->out.shape.dim[0] != n) {
        return li_fail(err, LINCE_EINVAL, "out has room for %lld pictures, images has %lld",
                       (long long)w->out.shape.dim[0], (long long)n);
    }
    uintptr_t in = (uintptr_t)w->in.data, out = (uintptr_t)w->out.data;
    if (n && in < out + w->out.size_bytes && out < in + w->in.size_bytes) {
        return li_fail(err, LINCE_EINVAL, "images and out share memory; they must be apart");
    }
    for (int64_t i = 0; w->photos && i < n; i++) {
        if (w->photos[i] < 0) {
            return li_fail(err, LINCE_EINVAL, "photos[%lld] is %lld; 0 or more is wanted", (long long)i,
                           (long long)w->photos[i]);
        }
    }
    return w->epoch >= 0 ? LINCE_OK
                         : li_fail(err, LINCE_EINVAL, "epoch is %lld; 0 or more is wanted", (long long)w->epoch);
}

/* A pool's threads flush subnormal numbers, the caller's as a rule does not; a picture's bits are the caller's. */
static void augment_one(void *context, int64_t i, int worker)
{
    const struct work *w = context;
    const int64_t *in = w->in.shape.dim, *out = w->out.shape.dim;
    unsigned before = li_subnormals_flush();
    (void)worker;
    li_subnormals_restore(w->subnormals);
    struct li_augment a =
        li_augment_draw(&w->options, w->seed, w->epoch, w->photos ? w->photos[i] : i, in[1], in[2], out[1], out[2]);
    li_augment_apply(&a, (const float *)w->in.data + i * in[1] * in[2] * 3, in[1], in[2],
                     (float *)w->out.data + i * out[1] * out[2] * 3, out[1], out[2]);
    li_subnormals_restore(before);
}

lince_status lince_image_augment(const lince_tensor *images, const int64_t *photos, uint64_t seed, int64_t epoch,
                                 const lince_augment_options *options, lince_pool *pool, const lince_tensor *out,
                                 lince_error *err)
{
    struct work w = {.photos = photos, .seed = seed, .epoch = epoch};
    LI_NEED("lince_image_augment", images);
    LI_NEED("lince_image_augment", out);
    LI_TRY(read_options(&w.options, options, err));
    LI_TRY(check_pictures(&w.in, images, "images", err));
    LI_TRY(check_pictures(&w.out, out, "out", err));
    LI_TRY(check_batch(&w, err));
    w.subnormals = li_subnormals_flush();
    li_subnormals_restore(w.subnormals);
    if (pool) {
        li_pool_run(pool->pool, w.in.shape.dim[0], augment_one, &w);
    }
    for (int64_t i = 0; !pool && i < w.in.shape.dim[0]; i++) {
        augment_one(&w, i, 0);
    }
    return LINCE_OK;
}
