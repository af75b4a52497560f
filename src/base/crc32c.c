/* CRC-32C, the checksum of checkpoint tables, tensors and record files, by isa-l. */
#include "base/base.h"

#include <isa-l/crc.h>

uint32_t li_crc32c(uint32_t crc, const void *data, size_t len)
{
    const size_t chunk = (size_t)1 << 30; /* isa-l counts in int */
    /* isa-l's type lacks const; it only reads. */
    unsigned char *at = (unsigned char *)(uintptr_t)data;
    uint32_t state = ~crc;

    while (len > 0) {
        size_t n = LI_MIN(len, chunk);
        state = crc32_iscsi(at, (int)n, state);
        at += n;
        len -= n;
    }
    return ~state;
}
