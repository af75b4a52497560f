/* What the format files share; private to the room. */
#ifndef LI_IMAGE_CODEC_H
#define LI_IMAGE_CODEC_H

#include "image.h"

struct li_codec {
    const char *name;
    lince_status (*size)(struct li_bytes file, struct li_image_info *info, lince_error *err);
    /*
     * NULL: this build has no such codec. out receives uint8; PNG gives uint16 when options->dtype is not uint8. On
     * success out->data is from mem; on failure nothing is kept.
     */
    lince_status (*decode)(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err);
    const char *channels; /* numbers options->channels may have, as text for messages */
    bool (*takes_channels)(int channels);
    bool shrinks; /* obeys options->ratio */
};

extern const struct li_codec li_codec_bmp, li_codec_gif, li_codec_jpeg, li_codec_png, li_codec_webp;

/* The format by its first bytes; NULL and err filled when it is none of ours. */
const struct li_codec *li_image_sniff(struct li_bytes file, lince_error *err);

/* Refuse sizes below 1 and above the limits; each pixel counts as `samples` against LI_MAX_IMAGE_PIXELS. */
lince_status li_image_check_size(const char *format, int64_t h, int64_t w, int64_t samples, lince_error *err);

/* A dense tensor of rank 3, or 4 when frames > 0, from mem. */
lince_status li_image_alloc(struct li_tensor *out, lince_dtype dtype, int64_t frames, int64_t h, int64_t w, int64_t c,
                            struct li_mem *mem, lince_error *err);

/* Fail now if mem would not give bytes that a library is about to take by itself. */
lince_status li_image_afford(size_t bytes, struct li_mem *mem, lince_error *err);

static inline uint32_t li_le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t li_le32(const uint8_t *p)
{
    return li_le16(p) | li_le16(p + 2) << 16;
}
static inline uint32_t li_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t li_be32(const uint8_t *p)
{
    return li_be16(p) << 16 | li_be16(p + 2);
}

/* One marker segment of a JPEG file; false at the scan, at the end, or where the bytes stop making sense. */
struct li_segment {
    uint8_t marker;
    struct li_bytes body; /* behind the length */
};
bool li_jpeg_segment(struct li_bytes *rest, struct li_segment *segment);

#endif
