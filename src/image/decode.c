/*
 * From a file's bytes to a tensor: choose the codec, check the options, convert. As TensorFlow's decode_image_op.cc
 * does.
 */
#include "codec.h"

static lince_status check_options(const struct li_codec *codec, const struct li_image_options *o, lince_error *err)
{
    if (o->channels != 0 && o->channels != 1 && o->channels != 3 && o->channels != 4) {
        return li_fail(err, LINCE_EINVAL, "decoding to %d channels was asked for; wanted 0, 1, 3 or 4", o->channels);
    }
    if (!codec->takes_channels(o->channels)) {
        return li_fail(err, LINCE_EINVAL, "%s: decoding to %d channels was asked for; wanted %s", codec->name,
                       o->channels, codec->channels);
    }
    if (o->dtype != LINCE_DTYPE_NONE && o->dtype != LINCE_UINT8 && o->dtype != LINCE_UINT16 &&
        o->dtype != LINCE_FLOAT32) {
        return li_fail(err, LINCE_EINVAL, "decoding to %s was asked for; wanted uint8, uint16 or float32",
                       li_dtype_name(o->dtype));
    }
    if (o->ratio != 0 && o->ratio != 1 && o->ratio != 2 && o->ratio != 4 && o->ratio != 8) {
        return li_fail(err, LINCE_EINVAL, "a JPEG ratio of %d was asked for; wanted 1, 2, 4 or 8", o->ratio);
    }
    return LINCE_OK;
}

/* TensorFlow multiplies 8-bit samples by 256 where it decodes to 16 bits (only PNG has 257, made by the codec). */
static void widen_u16(uint16_t *out, const uint8_t *in, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        out[i] = (uint16_t)(in[i] * 256);
    }
}

static lince_status to_dtype(struct li_tensor *image, lince_dtype dtype, struct li_mem *mem, lince_error *err)
{
    struct li_tensor out = {.dtype = dtype, .shape = image->shape};
    int64_t count = li_shape_count(&image->shape);

    LI_TRY(li_shape_bytes(&out.shape, dtype, &out.size_bytes, err));
    if (!(out.data = li_alloc(mem, out.size_bytes, err))) {
        return LINCE_ENOMEM;
    }
    if (dtype == LINCE_UINT16) {
        widen_u16(out.data, image->data, count);
    } else {
        li_image_convert(out.data, dtype, image->data, image->dtype, count);
    }
    li_free(mem, image->data);
    *image = out;
    return LINCE_OK;
}

lince_status li_image_decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                             struct li_mem *mem, lince_error *err)
{
    struct li_image_options o = *options;
    struct li_tensor image = {0};
    lince_error why;
    lince_status status;

    if (o.dtype == LINCE_DTYPE_NONE) {
        o.dtype = LINCE_UINT8;
    }
    const struct li_codec *codec = li_image_sniff(file, err ? err : (err = &why));
    if (!codec) {
        return err->code;
    }
    LI_TRY(check_options(codec, &o, err));
    LI_TRY(codec->decode(&image, file, &o, mem, err));
    if (image.dtype != o.dtype && (status = to_dtype(&image, o.dtype, mem, err))) {
        li_free(mem, image.data);
        return status;
    }
    *out = image;
    return LINCE_OK;
}

lince_status li_image_size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    struct li_image_info found = {0};
    lince_error why;
    const struct li_codec *codec = li_image_sniff(file, err ? err : (err = &why));

    if (!codec) {
        return err->code;
    }
    LI_TRY(codec->size(file, &found, err));
    found.format = codec->name;
    *info = found;
    return LINCE_OK;
}

lince_status li_image_shape(struct li_shape *out, struct li_bytes file, const struct li_image_options *options,
                            lince_error *err)
{
    struct li_image_info info = {0};
    lince_error why;
    const struct li_codec *codec = li_image_sniff(file, err ? err : (err = &why));

    if (!codec) {
        return err->code;
    }
    LI_TRY(check_options(codec, options, err));
    LI_TRY(codec->size(file, &info, err));
    int ratio = codec->shrinks && options->ratio ? options->ratio : 1;
    int channels = options->channels ? options->channels : info.channels;
    *out = (struct li_shape){.rank = 3,
                             .dim = {(info.height + ratio - 1) / ratio, (info.width + ratio - 1) / ratio, channels}};
    if (info.frames && !options->first_frame) {
        *out = (struct li_shape){.rank = 4, .dim = {info.frames, out->dim[0], out->dim[1], channels}};
    }
    return LINCE_OK;
}

lince_status li_image_check_size(const char *format, int64_t h, int64_t w, int64_t samples, lince_error *err)
{
    if (h < 1 || w < 1) {
        return li_fail(err, LINCE_EINVAL,
                       "%s: the header says %lld x %lld pixels (width x height); both must be positive", format,
                       (long long)w, (long long)h);
    }
    if (h > LI_MAX_IMAGE_SIDE || w > LI_MAX_IMAGE_SIDE) {
        return li_fail(err, LINCE_ELIMIT, "%s: the header says %lld x %lld pixels (width x height); a side may have %d",
                       format, (long long)w, (long long)h, LI_MAX_IMAGE_SIDE);
    }
    if (h * w >= LI_MAX_IMAGE_PIXELS / samples) {
        return li_fail(
            err, LINCE_ELIMIT,
            "%s: the header says %lld x %lld pixels (width x height), times %lld; fewer than %lld in all are read",
            format, (long long)w, (long long)h, (long long)samples, (long long)LI_MAX_IMAGE_PIXELS);
    }
    return LINCE_OK;
}

lince_status li_image_alloc(struct li_tensor *out, lince_dtype dtype, int64_t frames, int64_t h, int64_t w, int64_t c,
                            struct li_mem *mem, lince_error *err)
{
    struct li_shape shape = {.rank = 3, .dim = {h, w, c}};

    if (frames > 0) {
        shape = (struct li_shape){.rank = 4, .dim = {frames, h, w, c}};
    }
    struct li_tensor image = {.dtype = dtype, .shape = shape};
    LI_TRY(li_shape_bytes(&shape, dtype, &image.size_bytes, err));
    if (!(image.data = li_alloc(mem, image.size_bytes, err))) {
        return LINCE_ENOMEM;
    }
    *out = image;
    return LINCE_OK;
}

lince_status li_image_afford(size_t bytes, struct li_mem *mem, lince_error *err)
{
    void *probe = li_alloc(mem, bytes, err);

    li_free(mem, probe);
    return probe ? LINCE_OK : LINCE_ENOMEM;
}
