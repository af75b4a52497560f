/* The numbers of zip archives, as far as .npz files have them. Source: PKWARE's APPNOTE.TXT 6.3. */
#ifndef APP_ZIP_H
#define APP_ZIP_H

#include <stddef.h>
#include <stdint.h>

enum {
    ZIP_LOCAL = 0x04034b50,
    ZIP_CENTRAL = 0x02014b50,
    ZIP_END = 0x06054b50,
    ZIP_END_64 = 0x06064b50,
    ZIP_LOCATOR_64 = 0x07064b50
};
enum {
    ZIP_LOCAL_BYTES = 30,
    ZIP_CENTRAL_BYTES = 46,
    ZIP_END_BYTES = 22,
    ZIP_END_64_BYTES = 56,
    ZIP_LOCATOR_BYTES = 20
};
enum { ZIP_STORED = 0, ZIP_DEFLATED = 8, ZIP_FLAG_ENCRYPTED = 1, ZIP_FLAG_UTF8 = 1 << 11, ZIP_EXTRA_64 = 1 };
enum { ZIP_VERSION = 20, ZIP_VERSION_64 = 45, ZIP_MAX_16 = 0xffff, ZIP_MAX_NAME = 0xffff };
#define ZIP_MAX_32 0xffffffffu

/* What the directory says of a file in the archive. */
struct zip_member {
    const char *name;
    size_t name_size;
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, size, offset; /* bytes in the archive, and unpacked; where its header is */
};

#endif
