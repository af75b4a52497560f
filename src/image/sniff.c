/* Which format a file has, by its first bytes; its name is never asked. */
#include "codec.h"

#include <string.h>

#ifndef LINCE_IMAGE
static const struct li_codec absent[] = {{.name = "JPEG"}, {.name = "PNG"}, {.name = "GIF"}, {.name = "WebP"}};
#endif

static bool starts(struct li_bytes file, const char *magic, size_t len)
{
    return file.len >= len && memcmp(file.data, magic, len) == 0;
}

/* JPEG XL: a bare code stream, or its container. */
static bool is_jpeg_xl(struct li_bytes file)
{
    return starts(file, "\xff\x0a", 2) || starts(file, "\0\0\0\x0cJXL \r\n\x87\n", 12);
}

static const struct li_codec *find(struct li_bytes file)
{
#ifdef LINCE_IMAGE
    const struct li_codec *const jpeg = &li_codec_jpeg, *const png = &li_codec_png, *const gif = &li_codec_gif,
                                 *const webp = &li_codec_webp;
#else
    const struct li_codec *const jpeg = &absent[0], *const png = &absent[1], *const gif = &absent[2],
                                 *const webp = &absent[3];
#endif

    if (starts(file, "\xff\xd8\xff", 3)) {
        return jpeg;
    }
    if (starts(file, "\x89PNG\r\n\x1a\n", 8)) {
        return png;
    }
    if (starts(file, "GIF8", 4)) {
        return gif;
    }
    if (starts(file, "BM", 2)) {
        return &li_codec_bmp;
    }
    if (file.len > 12 && starts(file, "RIFF", 4) && memcmp(file.data + 8, "WEBP", 4) == 0) {
        return webp;
    }
    return NULL;
}

/* The first bytes as hexadecimal digits, for the message. */
static void describe(struct li_bytes file, char text[3 * 8 + 1])
{
    size_t n = LI_MIN(file.len, (size_t)8);

    for (size_t i = 0; i < n; i++) {
        static const char digits[] = "0123456789abcdef";
        text[3 * i] = ' ';
        text[3 * i + 1] = digits[file.data[i] >> 4];
        text[3 * i + 2] = digits[file.data[i] & 15];
    }
    text[3 * n] = '\0';
}

const struct li_codec *li_image_sniff(struct li_bytes file, lince_error *err)
{
    char text[3 * 8 + 1];

    if (file.len == 0) {
        li_fail(err, LINCE_EFORMAT, "the image has no bytes");
        return NULL;
    }
    const struct li_codec *codec = find(file);
    if (!codec && is_jpeg_xl(file)) {
        li_fail(err, LINCE_EUNSUPPORTED, "the image is JPEG XL; wanted JPEG, PNG, GIF, BMP or WebP");
        return NULL;
    }
    if (!codec) {
        describe(file, text);
        li_fail(err, LINCE_EFORMAT,
                "unknown image format: %zu bytes that start with%s; wanted JPEG, PNG, GIF, BMP or WebP", file.len,
                text);
        return NULL;
    }
    if (!codec->decode) {
        li_fail(err, LINCE_EUNSUPPORTED, "%s: this lince was built with -DLINCE_IMAGE=OFF and reads BMP only",
                codec->name);
        return NULL;
    }
    return codec;
}
