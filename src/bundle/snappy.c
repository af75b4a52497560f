/* Snappy blocks of a table. */
#include "bundle/table.h"

#include <inttypes.h>

#ifdef LINCE_SNAPPY

#include <snappy-c.h>

/* The densest element is a copy: 3 bytes that stand for 64. What claims more is refused before memory is taken. */
enum { MOST_GROWTH = 22 };

lince_status li_table_uncompress(uint8_t **out, size_t *len, struct li_bytes block, uint64_t offset, const char *where,
                                 struct li_mem *mem, lince_error *err)
{
    const char *packed = (const char *)block.data;
    size_t size;

    if (snappy_uncompressed_length(packed, block.len, &size) != SNAPPY_OK || size / MOST_GROWTH > block.len) {
        return li_fail(err, LINCE_ECORRUPT,
                       "%s: byte %" PRIu64 ": no Snappy block of %zu bytes unpacks to what this one claims", where,
                       offset, block.len);
    }
    uint8_t *data = li_alloc(mem, size, err);
    if (!data) {
        return li_prefix(err, LINCE_ENOMEM, "%s: byte %" PRIu64, where, offset);
    }
    if (snappy_uncompress(packed, block.len, (char *)data, &size) != SNAPPY_OK) {
        li_free(mem, data);
        return li_fail(err, LINCE_ECORRUPT, "%s: byte %" PRIu64 ": the Snappy block is broken", where, offset);
    }
    *out = data;
    *len = size;
    return LINCE_OK;
}

#else

lince_status li_table_uncompress(uint8_t **out, size_t *len, struct li_bytes block, uint64_t offset, const char *where,
                                 struct li_mem *mem, lince_error *err)
{
    (void)out;
    (void)len;
    (void)block;
    (void)mem;
    return li_fail(err, LINCE_EUNSUPPORTED,
                   "%s: byte %" PRIu64 ": the block is compressed with Snappy, which this build leaves out", where,
                   offset);
}

#endif
