/* Pictures: decode, and load as a model wants them. */
#include "api.h"

#include <string.h>

void lince_image_options_init(lince_image_options *options)
{
    if (options) {
        *options = (lince_image_options){.struct_size = sizeof *options, .crop_fraction = 1, .std = {1, 1, 1}};
    }
}

static lince_status read_options(lince_image_options *to, const lince_image_options *from, lince_error *err)
{
    lince_image_options_init(to);
    if (!from) {
        return LINCE_OK;
    }
    if (from->struct_size == 0 || from->struct_size > sizeof *to) {
        return li_fail(err, LINCE_EINVAL, "lince_image_options.struct_size is %zu; lince_image_options_init() sets it",
                       from->struct_size);
    }
    memcpy(to, from, from->struct_size);
    if (!(to->crop_fraction > 0 && to->crop_fraction <= 1)) {
        return li_fail(err, LINCE_EINVAL, "crop_fraction is %g; it must be above 0 and at most 1", to->crop_fraction);
    }
    for (int i = 0; i < 3; i++) {
        if (!(to->std[i] != 0)) {
            return li_fail(err, LINCE_EINVAL, "std[%d] is %g; it must not be 0", i, (double)to->std[i]);
        }
    }
    return LINCE_OK;
}

static lince_status check_how(const lince_image_options *o, int64_t height, int64_t width, lince_error *err)
{
    if ((unsigned)o->interpolation > LINCE_LANCZOS5 || (unsigned)o->resize > LINCE_RESIZE_PAD) {
        return li_fail(err, LINCE_EINVAL, "interpolation %d, resize %d: no such method", (int)o->interpolation,
                       (int)o->resize);
    }
    if (height < 1 || width < 1 || height > LI_MAX_IMAGE_SIDE || width > LI_MAX_IMAGE_SIDE) {
        return li_fail(err, LINCE_EINVAL, "image size %lldx%lld; sides of 1 to %d are possible", (long long)height,
                       (long long)width, LI_MAX_IMAGE_SIDE);
    }
    return LINCE_OK;
}

lince_status li_api_load_options(struct li_load_options *to, const lince_image_options *from, int64_t height,
                                 int64_t width, lince_error *err)
{
    static const enum li_resize_method methods[] = {LI_RESIZE_BILINEAR, LI_RESIZE_NEAREST,  LI_RESIZE_BICUBIC,
                                                    LI_RESIZE_AREA,     LI_RESIZE_LANCZOS3, LI_RESIZE_LANCZOS5};
    static const enum li_image_fit fits[] = {LI_FIT_STRETCH, LI_FIT_CROP, LI_FIT_PAD};
    lince_image_options o;
    LI_TRY(read_options(&o, from, err));
    LI_TRY(check_how(&o, height, width, err));
    *to = (struct li_load_options){.height = height,
                                   .width = width,
                                   .crop_fraction = o.crop_fraction,
                                   .fit = fits[o.resize],
                                   .interpolation = methods[o.interpolation],
                                   .antialias = o.antialias,
                                   .orient = o.orient,
                                   .dct_accurate = o.accurate_dct};
    for (int i = 0; i < 3; i++) {
        to->mean[i] = o.mean[i];
        to->std[i] = o.std[i];
        if (o.mean[i] != 0 || o.std[i] != 1) {
            to->range = LI_RANGE_MEAN_STD;
        }
    }
    return LINCE_OK;
}

/* Memory of one picture; freed before the call returns. */
static lince_status load(struct li_bytes file, const lince_image_options *options, int64_t height, int64_t width,
                         float *out, lince_error *err)
{
    struct li_load_options how;
    LI_TRY(li_api_load_options(&how, options, height, width, err));
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    if (!mem) {
        return li_fail(err, LINCE_ENOMEM, "no memory to load an image");
    }
    int64_t count = height * width * 3;
    float *pixels = li_alloc(mem, (size_t)count * sizeof(float), err);
    lince_status st = pixels ? li_image_load(pixels, count, file, &how, mem, err) : LINCE_ENOMEM;
    if (!st) {
        memcpy(out, pixels, (size_t)count * sizeof(float));
    }
    li_free(mem, pixels);
    li_mem_release(mem);
    return st;
}

lince_status lince_image_load_bytes(const void *data, size_t size_bytes, const lince_image_options *options,
                                    int64_t height, int64_t width, float *out, lince_error *err)
{
    LI_NEED("lince_image_load_bytes", data);
    LI_NEED("lince_image_load_bytes", out);
    return load((struct li_bytes){data, size_bytes}, options, height, width, out, err);
}

lince_status lince_image_load(const char *path, const lince_image_options *options, int64_t height, int64_t width,
                              float *out, lince_error *err)
{
    struct li_file file;
    LI_NEED("lince_image_load", path);
    LI_NEED("lince_image_load", out);
    LI_TRY(li_file_map(&file, path, err));
    lince_status st = load(file.bytes, options, height, width, out, err);
    li_file_unmap(&file);
    return st ? li_prefix(err, st, "%s", path) : LINCE_OK;
}

int32_t lince_image_orientation(const void *data, size_t size_bytes)
{
    return data ? li_image_orientation((struct li_bytes){data, size_bytes}) : 1;
}

/* ---- Tensors that are given ---- */

/* What lies in front of a given tensor's data: where to return it. */
struct owner {
    _Alignas(LI_ALIGN) struct li_mem *mem;
};

static lince_status give(lince_tensor *out, struct li_mem *mem, const struct li_tensor *from, void **data,
                         lince_error *err)
{
    size_t bytes;
    struct owner *owner = NULL;
    if (!li_add_size(sizeof *owner, from->size_bytes, &bytes) || !(owner = li_alloc(mem, bytes, err))) {
        return LINCE_ENOMEM;
    }
    owner->mem = mem;
    *data = owner + 1;
    li_api_tensor_out(out, from);
    out->data = *data;
    return LINCE_OK;
}

void lince_tensor_free(lince_tensor *tensor)
{
    if (tensor && tensor->data) {
        struct owner *owner = (struct owner *)tensor->data - 1;
        struct li_mem *mem = owner->mem;
        li_free(mem, owner);
        li_mem_release(mem);
        *tensor = (lince_tensor){.dtype = LINCE_DTYPE_NONE};
    }
}

static lince_status decode(struct li_bytes file, int32_t channels, const lince_image_options *o, struct li_mem *mem,
                           lince_tensor *out, lince_error *err)
{
    struct li_tensor pixels;
    void *data;
    struct li_image_options how = {.channels = channels, .first_frame = true, .dct_accurate = o->accurate_dct};
    LI_TRY(li_image_decode(&pixels, file, &how, mem, err));
    lince_status st = o->orient ? li_image_orient(&pixels, li_image_orientation(file), mem, err) : LINCE_OK;
    st = st ? st : give(out, mem, &pixels, &data, err);
    if (!st) {
        memcpy(data, pixels.data, pixels.size_bytes);
    }
    li_free(mem, pixels.data);
    return st;
}

lince_status lince_image_decode(const void *data, size_t size_bytes, int32_t channels,
                                const lince_image_options *options, lince_tensor *out, lince_error *err)
{
    lince_image_options o;
    LI_NEED("lince_image_decode", data);
    LI_NEED("lince_image_decode", out);
    *out = (lince_tensor){.dtype = LINCE_DTYPE_NONE};
    LI_TRY(read_options(&o, options, err));
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    if (!mem) {
        return li_fail(err, LINCE_ENOMEM, "no memory to decode an image");
    }
    lince_status st = decode((struct li_bytes){data, size_bytes}, channels, &o, mem, out, err);
    if (st) {
        li_mem_release(mem);
    }
    return st;
}

lince_status lince_image_to_float(const lince_tensor *image, lince_tensor *out, lince_error *err)
{
    struct li_tensor from, to;
    void *data;
    LI_NEED("lince_image_to_float", image);
    LI_NEED("lince_image_to_float", out);
    *out = (lince_tensor){.dtype = LINCE_DTYPE_NONE};
    LI_TRY(li_api_tensor(&from, image, "image", err));
    if (from.dtype != LINCE_UINT8) {
        return li_fail(err, LINCE_EINVAL, "image is %s; uint8 is wanted", lince_dtype_name(from.dtype));
    }
    to = from;
    to.dtype = LINCE_FLOAT32;
    LI_TRY(li_shape_bytes(&to.shape, to.dtype, &to.size_bytes, err));
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    if (!mem || give(out, mem, &to, &data, err)) {
        li_mem_release(mem);
        return li_fail(err, LINCE_ENOMEM, "no memory for an image of %zu bytes", to.size_bytes);
    }
    li_image_convert(data, LINCE_FLOAT32, from.data, LINCE_UINT8, li_shape_count(&from.shape));
    return LINCE_OK;
}
