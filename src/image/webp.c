/*
 * WebP through libwebp. As in TensorFlow (webp_io.cc) the number of channels asked for must be that of the file: 3,
 * or 4 with alpha. Animations have 4 always; TensorFlow corrupts its memory on those without alpha, so there we
 * follow its types, not it.
 */
#include "codec.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static lince_status fail(VP8StatusCode code, const char *where, lince_error *err)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return li_fail(err, LINCE_ENOMEM, "WebP: no memory for %s", where);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return li_fail(err, LINCE_EUNSUPPORTED, "WebP: %s uses a feature that libwebp does not know", where);
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return li_fail(err, LINCE_ECORRUPT, "WebP: the file ends inside %s", where);
    default:
        return li_fail(err, LINCE_ECORRUPT, "WebP: %s is damaged", where);
    }
}

static lince_status read_header(WebPBitstreamFeatures *f, struct li_bytes file, lince_error *err)
{
    VP8StatusCode code = WebPGetFeatures(file.data, file.len, f);

    if (code != VP8_STATUS_OK) {
        return fail(code, "its header", err);
    }
    return li_image_check_size("WebP", f->height, f->width, 1, err);
}

static int file_channels(const WebPBitstreamFeatures *f)
{
    return f->has_alpha || f->has_animation ? 4 : 3;
}

/* The demuxer reads no pixel; 0 where it does not take the file. */
static int64_t count_frames(struct li_bytes file)
{
    const WebPData data = {file.data, file.len};
    WebPDemuxer *demuxer = WebPDemux(&data);
    int64_t frames = demuxer ? WebPDemuxGetI(demuxer, WEBP_FF_FRAME_COUNT) : 0;
    WebPDemuxDelete(demuxer);
    return frames;
}

static lince_status size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    WebPBitstreamFeatures f;

    LI_TRY(read_header(&f, file, err));
    info->frames = f.has_animation ? count_frames(file) : 1;
    if (info->frames == 0) {
        return li_fail(err, LINCE_ECORRUPT, "WebP: an animation whose frames cannot be counted");
    }
    info->height = f.height;
    info->width = f.width;
    info->channels = file_channels(&f);
    return LINCE_OK;
}

static lince_status decode_still(struct li_tensor *image, struct li_bytes file, lince_error *err)
{
    const int64_t *dim = image->shape.dim + image->shape.rank - 3;
    WebPDecoderConfig config;

    if (!WebPInitDecoderConfig(&config)) {
        return li_fail(err, LINCE_EUNSUPPORTED, "WebP: libwebp is another version than the one this was built with");
    }
    config.output.colorspace = dim[2] == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = image->data;
    config.output.u.RGBA.stride = (int)(dim[1] * dim[2]);
    config.output.u.RGBA.size = image->size_bytes;
    VP8StatusCode code = WebPDecode(file.data, file.len, &config);
    return code == VP8_STATUS_OK ? LINCE_OK : fail(code, "the picture", err);
}

static lince_status copy_frames(uint8_t *out, size_t frame_bytes, int64_t frames, WebPAnimDecoder *decoder,
                                lince_error *err)
{
    uint8_t *canvas;
    int time_ms;

    for (int64_t i = 0; i < frames; i++) {
        if (!WebPAnimDecoderHasMoreFrames(decoder) || !WebPAnimDecoderGetNext(decoder, &canvas, &time_ms)) {
            return li_fail(err, LINCE_ECORRUPT, "WebP: frame %lld of %lld is damaged or not there", (long long)i,
                           (long long)frames);
        }
        memcpy(out + (size_t)i * frame_bytes, canvas, frame_bytes);
    }
    return LINCE_OK;
}

static lince_status decode_animation(struct li_tensor *out, WebPAnimDecoder *decoder, bool first, struct li_mem *mem,
                                     lince_error *err)
{
    WebPAnimInfo info;

    if (!decoder || !WebPAnimDecoderGetInfo(decoder, &info)) {
        return li_fail(err, LINCE_ECORRUPT,
                       "WebP: the animation's parts do not fit together, or the file ends inside it");
    }
    int64_t frames = first ? 1 : info.frame_count;
    if (info.frame_count == 0) {
        return li_fail(err, LINCE_EINVAL, "WebP: an animation without frames");
    }
    LI_TRY(li_image_check_size("WebP", info.canvas_height, info.canvas_width, frames, err));
    LI_TRY(li_image_alloc(out, LINCE_UINT8, first ? 0 : frames, info.canvas_height, info.canvas_width, 4, mem, err));
    return copy_frames(out->data, (size_t)info.canvas_height * info.canvas_width * 4, frames, decoder, err);
}

static lince_status decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err)
{
    struct li_tensor image = {0};
    WebPBitstreamFeatures f;
    lince_status status;

    if (options->dtype != LINCE_UINT8) {
        return li_fail(err, LINCE_EINVAL, "WebP: decoding to %s was asked for; wanted uint8",
                       li_dtype_name(options->dtype));
    }
    LI_TRY(read_header(&f, file, err));
    int channels = file_channels(&f);
    if (options->channels && options->channels != channels) {
        return li_fail(err, LINCE_EINVAL, "WebP: the file has %d channels%s, %d were asked for; wanted 0 or %d",
                       channels, f.has_animation ? " (an animation)" : "", options->channels, channels);
    }
    /* libwebp's own planes and rows, and for animations its canvases. */
    LI_TRY(li_image_afford((size_t)f.width * (size_t)f.height * (f.has_animation ? 16 : 4), mem, err));
    if (f.has_animation) {
        WebPData data = {file.data, file.len};
        WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, NULL);
        status = decode_animation(&image, decoder, options->first_frame, mem, err);
        WebPAnimDecoderDelete(decoder);
    } else {
        LI_TRY(
            li_image_alloc(&image, LINCE_UINT8, options->first_frame ? 0 : 1, f.height, f.width, channels, mem, err));
        status = decode_still(&image, file, err);
    }
    if (status) {
        li_free(mem, image.data);
        return status;
    }
    *out = image;
    return LINCE_OK;
}

static bool takes_channels(int channels)
{
    return channels != 1;
}

const struct li_codec li_codec_webp = {
    .name = "WebP", .size = size, .decode = decode, .channels = "0, 3 or 4", .takes_channels = takes_channels};
