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

/* ---- Writing (table_write.c) ---- */

/* What a handle, or any other varint, takes at most. */
enum { LI_VARINT_BYTES = 10 };

/* The bytes of a varint; returns how many they are. */
size_t li_varint(uint8_t to[LI_VARINT_BYTES], uint64_t value);

/* A block under construction: entries, the last key, and where the restarts are. */
struct li_block {
    uint8_t *bytes;
    uint32_t *restart;
    size_t len, room, restarts, restart_room;
    int interval, since; /* entries from one restart to the next; since the last */
    size_t key_len;
    uint8_t key[LI_TABLE_MAX_KEY];
};

struct li_table_writer {
    struct li_sink *sink;
    struct li_mem *mem;
    uint64_t offset;       /* of the next block in the file */
    struct li_block data;  /* the one that grows */
    struct li_block index; /* of those that are written, but for the last until the next key is known: */
    uint8_t handle[2 * LI_VARINT_BYTES], last_key[LI_TABLE_MAX_KEY];
    size_t handle_len, last_key_len; /* handle_len 0: the index has it */
};

/* Everything that is written comes from add and finish; add wants ascending keys. Free it in any case. */
void li_table_writer_init(struct li_table_writer *writer, struct li_sink *sink, struct li_mem *mem);
lince_status li_table_writer_add(struct li_table_writer *writer, struct li_bytes key, struct li_bytes value,
                                 lince_error *err);
lince_status li_table_writer_finish(struct li_table_writer *writer, lince_error *err);
void li_table_writer_free(struct li_table_writer *writer);

#endif
