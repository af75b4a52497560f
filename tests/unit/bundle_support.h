/* Forging checkpoints in memory: a table of one data block, and a data file. */
#ifndef LI_UNIT_BUNDLE_SUPPORT_H
#define LI_UNIT_BUNDLE_SUPPORT_H

#include "proto_support.h"

#include "bundle/internal.h"

static inline void put_u32(struct buf *b, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        put_byte(b, value >> 8 * i & 0xff);
    }
}

/* An entry of a table, its key spelled out. */
static inline void put_entry(struct buf *block, struct li_bytes key, struct li_bytes value)
{
    put_varint(block, 0);
    put_varint(block, key.len);
    put_varint(block, value.len);
    put(block, key.data, key.len);
    put(block, value.data, value.len);
}

static inline void put_entry_text(struct buf *block, const char *key, struct buf *value)
{
    put_entry(block, (struct li_bytes){(const uint8_t *)key, strlen(key)}, bytes_of(value));
    value->len = 0;
}

/* A block with its checksum; its handle goes to `handle`. */
static inline void put_block(struct buf *file, struct li_bytes content, unsigned type, struct buf *handle)
{
    size_t offset = file->len;

    put(file, content.data, content.len);
    put_byte(file, type);
    put_u32(file, li_crc32c_mask(li_crc32c(0, file->data + offset, content.len + 1)));
    put_varint(handle, offset);
    put_varint(handle, content.len);
}

/*
 * The end of a table whose data blocks stand in file, their handles in `handles`, one entry of the index block for
 * each.
 */
static inline void put_table_end(struct buf *file, struct buf *index)
{
    struct buf footer = {0};

    put_block(file, (struct li_bytes){(const uint8_t *)"\0\0\0\0\1\0\0\0", 8}, 0, &footer);
    put_u32(index, 0);
    put_u32(index, 1);
    put_block(file, bytes_of(index), 0, &footer);
    while (footer.len < 40) {
        put_byte(&footer, 0);
    }
    put(&footer, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    put(file, footer.data, footer.len);
    free(footer.data);
}

/* A table of one data block, given with its restarts. */
static inline struct buf table_of_block(struct li_bytes content, unsigned type)
{
    struct buf file = {0}, handle = {0}, index = {0};

    put_block(&file, content, type, &handle);
    put_entry_text(&index, "zzzz", &handle);
    put_table_end(&file, &index);
    free(handle.data);
    free(index.data);
    return file;
}

/* The same of entries without restarts. */
static inline struct buf table_of(struct buf *entries)
{
    put_u32(entries, 0);
    put_u32(entries, 1);
    return table_of_block(bytes_of(entries), 0);
}

static inline void put_header(struct buf *entries, int shards)
{
    struct buf value = {0};

    put_number(&value, 1, shards);
    put_entry_text(entries, "", &value);
    free(value.data);
}

/* The fields of a BundleEntryProto for bytes at offset of data file 0; dims end with -1. */
static inline void put_tensor(struct buf *value, int dtype, const int *dims, size_t offset, struct li_bytes bytes)
{
    struct buf shape = {0}, dim = {0};

    for (; *dims >= 0; dims++) {
        put_number(&dim, 1, *dims);
        put_message(&shape, 2, &dim);
    }
    put_number(value, 1, dtype);
    put_message(value, 2, &shape);
    put_number(value, 4, (int64_t)offset);
    put_number(value, 5, (int64_t)bytes.len);
    put_varint(value, 6 << 3 | 5);
    put_u32(value, li_crc32c_mask(li_crc32c(0, bytes.data, bytes.len)));
    free(shape.data);
    free(dim.data);
}

/* Open an index with one data file, both in memory that outlives the bundle. */
static inline lince_status open_forged(struct li_bundle **out, struct li_bytes index, struct li_bytes data,
                                       struct li_mem *mem, lince_error *err)
{
    LI_TRY(li_bundle_open_bytes(out, index, "forged", mem, err));
    (*out)->shard[0] = (struct li_shard){.file.bytes = data, .open = true};
    return LINCE_OK;
}

/* Read every tensor; the first fault, or LINCE_OK. */
static inline lince_status read_all(struct li_bundle *bundle, lince_error *err)
{
    lince_status first = LINCE_OK;
    lince_error ignored;

    for (size_t i = 0; i < li_bundle_count(bundle); i++) {
        struct li_tensor tensor;
        lince_status st = li_bundle_read(&tensor, bundle, li_bundle_at(bundle, i), first ? &ignored : err);
        first = first ? first : st;
    }
    return first;
}

/* A file in memory that takes `room` bytes. */
struct memory_sink {
    struct li_sink sink;
    struct buf bytes;
    size_t room;
};

static inline lince_status write_memory(struct li_sink *sink, const void *data, size_t len, lince_error *e)
{
    struct memory_sink *m = (struct memory_sink *)(void *)sink;

    if (len > m->room) {
        put(&m->bytes, data, m->room);
        m->room = 0;
        return li_fail(e, LINCE_EIO, "full");
    }
    m->room -= len;
    put(&m->bytes, data, len);
    return LINCE_OK;
}

static inline struct memory_sink memory_sink(size_t room)
{
    return (struct memory_sink){.sink.write = write_memory, .room = room};
}

/* For li_bundle_rewrite(): every tensor keeps its bytes. */
static inline lince_status nothing_new(void *context, const struct li_bundle_entry *entry,
                                       const struct li_tensor **value, lince_error *e)
{
    (void)context;
    (void)entry;
    (void)value;
    (void)e;
    return LINCE_OK;
}

#endif
