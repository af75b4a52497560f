/* The orientation tag of EXIF: a TIFF directory inside a JPEG segment, a PNG chunk or a WebP chunk. */
#include "codec.h"

#include <string.h>

/*
 * ff marker, length (2 bytes, itself included), body. Fill bytes ff may come before a marker; a length below 2 skips
 * nothing.
 */
bool li_jpeg_segment(struct li_bytes *rest, struct li_segment *segment)
{
    struct li_bytes length;
    uint8_t byte;

    do {
        if (!li_read_u8(rest, &byte)) {
            return false;
        }
    } while (byte != 0xff);
    do {
        if (!li_read_u8(rest, &segment->marker)) {
            return false;
        }
    } while (segment->marker == 0xff);
    segment->body = (struct li_bytes){0};
    if (segment->marker == 0x01 || segment->marker == 0 || (segment->marker >= 0xd0 && segment->marker <= 0xd8)) {
        return true; /* no body */
    }
    if (segment->marker == 0xd9 || segment->marker == 0xda) {
        return false; /* end of the image; start of a scan */
    }
    return li_read_bytes(rest, 2, &length) &&
           li_read_bytes(rest, li_be16(length.data) < 2 ? 0 : li_be16(length.data) - 2, &segment->body);
}

static uint32_t read_int(const uint8_t *p, int bytes, bool big)
{
    if (bytes == 2) {
        return big ? li_be16(p) : li_le16(p);
    }
    return big ? li_be32(p) : li_le32(p);
}

/*
 * "II" or "MM", 42, offset of the directory: count (2), then entries of 12 bytes: tag (2), type (2; 3 = 16-bit),
 * count (4), value.
 */
static int tiff_orientation(struct li_bytes tiff)
{
    enum { TAG = 0x112, SHORT = 3 };

    if (tiff.len < 8 || (memcmp(tiff.data, "II*\0", 4) != 0 && memcmp(tiff.data, "MM\0*", 4) != 0)) {
        return 1;
    }
    bool big = tiff.data[0] == 'M';
    size_t at = read_int(tiff.data + 4, 4, big);
    if (at > tiff.len - 2) {
        return 1;
    }
    size_t count = read_int(tiff.data + at, 2, big);
    const uint8_t *entry = tiff.data + at + 2;
    count = LI_MIN(count, (tiff.len - at - 2) / 12);
    for (size_t i = 0; i < count; i++, entry += 12) {
        if (read_int(entry, 2, big) == TAG && read_int(entry + 2, 2, big) == SHORT) {
            uint32_t value = read_int(entry + 8, 2, big);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

static bool strip(struct li_bytes *from, const char *prefix, size_t len)
{
    struct li_bytes start;

    return from->len >= len && memcmp(from->data, prefix, len) == 0 && li_read_bytes(from, len, &start);
}

static int jpeg_orientation(struct li_bytes rest)
{
    struct li_segment segment;

    while (li_jpeg_segment(&rest, &segment)) {
        if (segment.marker == 0xe1 && strip(&segment.body, "Exif\0\0", 6)) {
            return tiff_orientation(segment.body);
        }
    }
    return 1;
}

/* Chunks: length, name, data, checksum. */
static int png_orientation(struct li_bytes rest)
{
    struct li_bytes head, data, crc;

    while (li_read_bytes(&rest, 8, &head) && li_read_bytes(&rest, li_be32(head.data), &data) &&
           li_read_bytes(&rest, 4, &crc)) {
        if (memcmp(head.data + 4, "eXIf", 4) == 0) {
            return tiff_orientation(data);
        }
    }
    return 1;
}

/* Chunks: name, length, data, and a byte after data of odd length. */
static int webp_orientation(struct li_bytes rest)
{
    struct li_bytes head, data, odd;

    while (li_read_bytes(&rest, 8, &head) && li_read_bytes(&rest, li_le32(head.data + 4), &data)) {
        if (memcmp(head.data, "EXIF", 4) == 0) {
            strip(&data, "Exif\0\0", 6);
            return tiff_orientation(data);
        }
        if (data.len % 2 && !li_read_bytes(&rest, 1, &odd)) {
            break;
        }
    }
    return 1;
}

int li_image_orientation(struct li_bytes file)
{
    struct li_bytes rest = file;

    if (strip(&rest, "\xff\xd8", 2)) {
        return jpeg_orientation(rest);
    }
    if (strip(&rest, "\x89PNG\r\n\x1a\n", 8)) {
        return png_orientation(rest);
    }
    if (file.len > 12 && memcmp(file.data, "RIFF", 4) == 0 && memcmp(file.data + 8, "WEBP", 4) == 0) {
        return webp_orientation((struct li_bytes){file.data + 12, file.len - 12});
    }
    return 1;
}
