/*
 * BMP as TensorFlow reads it: 8, 24 and 32 bits, uncompressed. 8 bits are given as they are, without the palette. The
 * file must be exactly as long as its header says.
 *
 *     10  u32  where the pixels start        22  i32  height; negative: the first row is the top one
 *     18  i32  width                         28  u16  bits a pixel
 */
#include "codec.h"

struct bmp {
    int64_t start, width, height, row_bytes;
    int channels;
    bool top_down;
};

static lince_status read_header(struct bmp *bmp, struct li_bytes file, lince_error *err)
{
    enum { HEADER_BYTES = 32 };

    if (file.len < HEADER_BYTES) {
        return li_fail(err, LINCE_ECORRUPT, "BMP: %zu bytes; its headers alone take %d", file.len, HEADER_BYTES);
    }
    int bits = (int)li_le16(file.data + 28);
    bmp->channels = bits / 8;
    bmp->start = (int32_t)li_le32(file.data + 10);
    bmp->width = (int32_t)li_le32(file.data + 18);
    bmp->height = (int32_t)li_le32(file.data + 22);
    bmp->top_down = bmp->height < 0;
    if (bmp->channels != 1 && bmp->channels != 3 && bmp->channels != 4) {
        return li_fail(err, LINCE_EUNSUPPORTED, "BMP: %d bits a pixel; wanted 8, 24 or 32", bits);
    }
    if (bmp->height == INT32_MIN) {
        return li_fail(err, LINCE_EINVAL, "BMP: the header says height %d", INT32_MIN);
    }
    if (bmp->top_down) {
        bmp->height = -bmp->height;
    }
    LI_TRY(li_image_check_size("BMP", bmp->height, bmp->width, 1, err));
    bmp->row_bytes = (bmp->width * bmp->channels + 3) / 4 * 4;
    int64_t wanted = bmp->start + bmp->row_bytes * bmp->height;
    if (bmp->start < 0 || (uint64_t)wanted != file.len) {
        return li_fail(err, LINCE_ECORRUPT, "BMP: %zu bytes; the header says %lld, of which %lld before the pixels",
                       file.len, (long long)wanted, (long long)bmp->start);
    }
    return LINCE_OK;
}

/* One pixel of `from` samples (grey; BGR; BGRA) to `to` samples. */
static void pixel(uint8_t *out, int to, const uint8_t *in, int from)
{
    if (from == 1) {
        out[0] = in[0];
        if (to >= 3) {
            out[1] = out[2] = in[0];
        }
    } else {
        out[0] = in[2];
        out[1] = in[1];
        out[2] = in[0];
    }
    if (to == 4) {
        out[3] = from == 4 ? in[3] : 255;
    }
}

static lince_status size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    struct bmp bmp = {0};

    LI_TRY(read_header(&bmp, file, err));
    info->height = bmp.height;
    info->width = bmp.width;
    info->channels = bmp.channels;
    return LINCE_OK;
}

static lince_status decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err)
{
    struct bmp bmp = {0};

    LI_TRY(read_header(&bmp, file, err));
    int to = options->channels ? options->channels : bmp.channels;
    LI_TRY(li_image_alloc(out, LINCE_UINT8, 0, bmp.height, bmp.width, to, mem, err));
    uint8_t *row = out->data;
    for (int64_t y = 0; y < bmp.height; y++, row += bmp.width * to) {
        const uint8_t *in = file.data + bmp.start + bmp.row_bytes * (bmp.top_down ? y : bmp.height - 1 - y);
        for (int64_t x = 0; x < bmp.width; x++) {
            pixel(row + x * to, to, in + x * bmp.channels, bmp.channels);
        }
    }
    return LINCE_OK;
}

static bool takes_channels(int channels)
{
    return channels != 1;
}

const struct li_codec li_codec_bmp = {
    .name = "BMP", .size = size, .decode = decode, .channels = "0, 3 or 4", .takes_channels = takes_channels};
