/* Sorted tables of keys and values in checksummed blocks. Private to the room. */
#ifndef LI_BUNDLE_TABLE_H
#define LI_BUNDLE_TABLE_H

#include "base/base.h"

/* Bytes of a key in a table. A slice's key holds a name, and up to 10 bytes for each of 2 numbers a dimension. */
enum { LI_TABLE_MAX_KEY = LI_MAX_NAME + 256 };

/* Called with each entry; key and value last until it returns. Anything but LINCE_OK ends the reading. */
typedef lince_status li_table_entry(void *context, struct li_bytes key, struct li_bytes value, lince_error *err);

/* Read all entries, in order; their keys ascend strictly. where names the file in errors. */
lince_status li_table_each(struct li_bytes file, const char *where, struct li_mem *mem, li_table_entry *entry,
                           void *context, lince_error *err);

/* Bytewise, a shorter key first. */
int li_table_compare(struct li_bytes a, struct li_bytes b);

/*
 * The content of a Snappy block, in memory of mem that the caller frees. offset says where it stands, for errors.
 * LINCE_ECORRUPT when it is none, or claims more than such a block can hold; LINCE_EUNSUPPORTED in a build without
 * Snappy.
 */
lince_status li_table_uncompress(uint8_t **out, size_t *len, struct li_bytes block, uint64_t offset, const char *where,
                                 struct li_mem *mem, lince_error *err);

#endif
