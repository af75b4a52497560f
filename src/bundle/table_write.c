/*
 * Writing the table format that table.c describes, with TensorFlow's own choices, so that the same entries give the
 * same bytes: blocks that are plain and close at 256 KiB, a restart every 16 entries and at every entry of the index,
 * and in the index the shortest key that parts two blocks.
 * Source: tensorflow/core/lib/io/table_builder.cc, block_builder.cc.
 */
#include "bundle/table.h"

#include <assert.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 18, DATA_INTERVAL = 16, INDEX_INTERVAL = 1, FOOTER_BYTES = 48 };

static const uint8_t magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

size_t li_varint(uint8_t to[LI_VARINT_BYTES], uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        to[n++] = (uint8_t)(value | 0x80);
    }
    to[n++] = (uint8_t)value;
    return n;
}

static void put_u32le(uint8_t to[4], uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

/* ---- Blocks ---- */

static lince_status append(struct li_block *b, struct li_mem *mem, const void *data, size_t len, lince_error *err)
{
    if (len > b->room - b->len) {
        size_t room;
        if (!li_add_size(LI_MAX(2 * b->room, (size_t)4096), len, &room)) {
            return li_fail(err, LINCE_ENOMEM, "a block of a checkpoint's table is too large");
        }
        uint8_t *grown = li_realloc(mem, b->bytes, room, err);
        if (!grown) {
            return LINCE_ENOMEM;
        }
        b->bytes = grown;
        b->room = room;
    }
    if (len) {
        memcpy(b->bytes + b->len, data, len);
        b->len += len;
    }
    return LINCE_OK;
}

static lince_status add_restart(struct li_block *b, struct li_mem *mem, lince_error *err)
{
    if (b->restarts == b->restart_room) {
        size_t room = b->restart_room ? 2 * b->restart_room : 64;
        uint32_t *grown = li_realloc(mem, b->restart, room * sizeof *grown, err);
        if (!grown) {
            return LINCE_ENOMEM;
        }
        b->restart = grown;
        b->restart_room = room;
    }
    b->restart[b->restarts++] = (uint32_t)b->len; /* a key and a value are far from 4 GiB, and so is a block */
    b->since = 0;
    return LINCE_OK;
}

static size_t shared_bytes(struct li_bytes a, struct li_bytes b)
{
    size_t n = 0, most = LI_MIN(a.len, b.len);
    while (n < most && a.data[n] == b.data[n]) {
        n++;
    }
    return n;
}

static lince_status add_entry(struct li_block *b, struct li_mem *mem, struct li_bytes key, struct li_bytes value,
                              lince_error *err)
{
    uint8_t head[3 * LI_VARINT_BYTES];
    bool restarts = b->restarts == 0 || b->since == b->interval;
    if (restarts) {
        LI_TRY(add_restart(b, mem, err));
    }
    size_t shared = restarts ? 0 : shared_bytes((struct li_bytes){b->key, b->key_len}, key);
    size_t n = li_varint(head, shared);
    n += li_varint(head + n, key.len - shared);
    n += li_varint(head + n, value.len);
    LI_TRY(append(b, mem, head, n, err));
    LI_TRY(append(b, mem, key.data + shared, key.len - shared, err));
    LI_TRY(append(b, mem, value.data, value.len, err));
    memcpy(b->key, key.data, key.len);
    b->key_len = key.len;
    b->since++;
    return LINCE_OK;
}

/* Its restarts, and how many there are; an empty block has one, at 0. */
static lince_status end_block(struct li_block *b, struct li_mem *mem, lince_error *err)
{
    uint8_t number[4];
    if (!b->restarts) {
        LI_TRY(add_restart(b, mem, err));
    }
    for (size_t i = 0; i < b->restarts; i++) {
        put_u32le(number, b->restart[i]);
        LI_TRY(append(b, mem, number, sizeof number, err));
    }
    put_u32le(number, (uint32_t)b->restarts);
    return append(b, mem, number, sizeof number, err);
}

static size_t size_when_ended(const struct li_block *b)
{
    return b->len + 4 * (b->restarts + 1);
}

/* ---- The file ---- */

/* Write a block and begin it anew; its handle becomes the bytes at handle. */
static lince_status write_block(struct li_table_writer *w, struct li_block *b, uint8_t *handle, size_t *handle_len,
                                lince_error *err)
{
    uint8_t trailer[5] = {0};
    LI_TRY(end_block(b, w->mem, err));
    put_u32le(trailer + 1, li_crc32c_mask(li_crc32c(li_crc32c(0, b->bytes, b->len), trailer, 1)));
    LI_TRY(w->sink->write(w->sink, b->bytes, b->len, err));
    LI_TRY(w->sink->write(w->sink, trailer, sizeof trailer, err));
    *handle_len = li_varint(handle, w->offset);
    *handle_len += li_varint(handle + *handle_len, b->len);
    w->offset += b->len + sizeof trailer;
    b->len = b->restarts = b->key_len = 0;
    return LINCE_OK;
}

/* The shortest key from a on and below b, where one byte that is larger does it. */
static size_t shorten_between(uint8_t *a, size_t len, struct li_bytes b)
{
    size_t at = shared_bytes((struct li_bytes){a, len}, b);
    if (at < len && at < b.len && a[at] < 0xff && a[at] + 1 < b.data[at]) {
        a[at]++;
        return at + 1;
    }
    return len;
}

/* A short key from a on. */
static size_t shorten_last(uint8_t *a, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != 0xff) {
            a[i]++;
            return i + 1;
        }
    }
    return len;
}

/* The entry of the block that was written last, once the key that follows is known; NULL: none does. */
static lince_status add_to_index(struct li_table_writer *w, const struct li_bytes *next, lince_error *err)
{
    uint8_t key[LI_TABLE_MAX_KEY];
    if (!w->handle_len) {
        return LINCE_OK;
    }
    memcpy(key, w->last_key, w->last_key_len);
    size_t len = next ? shorten_between(key, w->last_key_len, *next) : shorten_last(key, w->last_key_len);
    struct li_bytes handle = {w->handle, w->handle_len};
    w->handle_len = 0;
    return add_entry(&w->index, w->mem, (struct li_bytes){key, len}, handle, err);
}

static lince_status end_data_block(struct li_table_writer *w, lince_error *err)
{
    if (!w->data.restarts) {
        return LINCE_OK;
    }
    memcpy(w->last_key, w->data.key, w->data.key_len);
    w->last_key_len = w->data.key_len;
    return write_block(w, &w->data, w->handle, &w->handle_len, err);
}

void li_table_writer_init(struct li_table_writer *w, struct li_sink *sink, struct li_mem *mem)
{
    *w = (struct li_table_writer){
        .sink = sink, .mem = mem, .data.interval = DATA_INTERVAL, .index.interval = INDEX_INTERVAL};
}

lince_status li_table_writer_add(struct li_table_writer *w, struct li_bytes key, struct li_bytes value,
                                 lince_error *err)
{
    assert(key.len <= LI_TABLE_MAX_KEY);
    if (value.len + key.len >= 2 * BLOCK_BYTES) {
        LI_TRY(end_data_block(w, err));
    }
    LI_TRY(add_to_index(w, &key, err));
    LI_TRY(add_entry(&w->data, w->mem, key, value, err));
    return size_when_ended(&w->data) >= BLOCK_BYTES ? end_data_block(w, err) : LINCE_OK;
}

lince_status li_table_writer_finish(struct li_table_writer *w, lince_error *err)
{
    uint8_t footer[FOOTER_BYTES] = {0};
    size_t meta_len, index_len;
    LI_TRY(end_data_block(w, err));
    LI_TRY(write_block(w, &w->data, footer, &meta_len, err)); /* the metaindex, empty */
    LI_TRY(add_to_index(w, NULL, err));
    LI_TRY(write_block(w, &w->index, footer + meta_len, &index_len, err));
    memcpy(footer + FOOTER_BYTES - sizeof magic, magic, sizeof magic);
    return w->sink->write(w->sink, footer, sizeof footer, err);
}

static void free_block(struct li_block *b, struct li_mem *mem)
{
    li_free(mem, b->bytes);
    li_free(mem, b->restart);
}

void li_table_writer_free(struct li_table_writer *w)
{
    free_block(&w->data, w->mem);
    free_block(&w->index, w->mem);
}
