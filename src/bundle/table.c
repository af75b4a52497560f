/*
 * The table format, which TensorFlow shares with LevelDB:
 *
 *     data block ... | metaindex block (empty) | index block | footer
 *
 * A block on disk is its content, a type byte (0 plain, 1 Snappy) and the masked CRC-32C of both. Content is entries,
 * the offsets of some of them (restarts), and how many offsets those are. An entry is (shared, unshared, value length)
 * as varints, the bytes of the key that differ from the key before, the value. The index block has an entry for each
 * data block, whose value says where it lies: a handle, (offset, size) as varints. The footer holds the handles of the
 * last two blocks.
 */
#include "bundle/table.h"

#include <inttypes.h>
#include <string.h>

enum { FOOTER_BYTES = 48, TRAILER_BYTES = 5, RESTART_BYTES = 4 };
enum { BLOCK_PLAIN = 0, BLOCK_SNAPPY = 1 };

static const uint64_t magic = 0xdb4775248b80fb57u;

struct table {
    struct li_bytes blocks; /* the file without its footer */
    const char *where;
    struct li_mem *mem;
};

struct handle {
    uint64_t offset, size;
};

struct block {
    struct li_bytes entries;
    uint8_t *unpacked; /* NULL when entries lie in the file */
    uint64_t offset;   /* in the file, for errors */
};

/* A place in a block, and the key of the entry before it. */
struct cursor {
    struct li_bytes rest;
    size_t key_len;
    uint8_t key[LI_TABLE_MAX_KEY];
};

int li_table_compare(struct li_bytes a, struct li_bytes b)
{
    size_t n = LI_MIN(a.len, b.len);
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static bool read_handle(struct li_bytes *from, struct handle *handle)
{
    return li_read_varint(from, &handle->offset) && li_read_varint(from, &handle->size);
}

static lince_status read_footer(struct table *t, struct li_bytes file, struct handle *index, lince_error *err)
{
    struct handle metaindex;
    uint64_t found;

    if (file.len < FOOTER_BYTES) {
        return li_fail(err, LINCE_EFORMAT, "%s: %zu bytes are no checkpoint index: its footer alone takes %d", t->where,
                       file.len, FOOTER_BYTES);
    }
    t->blocks = (struct li_bytes){file.data, file.len - FOOTER_BYTES};
    struct li_bytes handles = {file.data + t->blocks.len, FOOTER_BYTES - 8};
    struct li_bytes end = {handles.data + handles.len, 8};
    if (!li_read_u64le(&end, &found) || found != magic) {
        return li_fail(err, LINCE_EFORMAT,
                       "%s: no checkpoint index, or one that was cut: its last 8 bytes are %016" PRIx64
                       ", wanted %016" PRIx64,
                       t->where, found, magic);
    }
    if (!read_handle(&handles, &metaindex) || !read_handle(&handles, index)) {
        return li_fail(err, LINCE_ECORRUPT, "%s: byte %zu: the footer does not say where the index block lies",
                       t->where, t->blocks.len);
    }
    return LINCE_OK;
}

/* Leave the entries, without the restarts that TensorFlow searches from; we read from the start. */
static lince_status strip_restarts(const struct table *t, struct block *block, struct li_bytes content,
                                   lince_error *err)
{
    uint32_t count, offset, least = 0;

    if (content.len < RESTART_BYTES) {
        return li_fail(err, LINCE_ECORRUPT, "%s: byte %" PRIu64 ": a block of %zu bytes has no restart count", t->where,
                       block->offset, content.len);
    }
    struct li_bytes last = {content.data + content.len - RESTART_BYTES, RESTART_BYTES};
    li_read_u32le(&last, &count);
    if (count > content.len / RESTART_BYTES - 1) {
        return li_fail(err, LINCE_ECORRUPT, "%s: byte %" PRIu64 ": a block of %zu bytes claims %" PRIu32 " restarts",
                       t->where, block->offset, content.len, count);
    }
    size_t entries = content.len - RESTART_BYTES * ((size_t)count + 1);
    struct li_bytes restarts = {content.data + entries, RESTART_BYTES * (size_t)count};
    while (li_read_u32le(&restarts, &offset)) {
        if (offset < least || offset > entries) {
            return li_fail(err, LINCE_ECORRUPT,
                           "%s: byte %" PRIu64 ": a restart of the block is at %" PRIu32
                           ", out of order or past its %zu bytes",
                           t->where, block->offset, offset, entries);
        }
        least = offset;
    }
    block->entries = (struct li_bytes){content.data, entries};
    return LINCE_OK;
}

static void close_block(const struct table *t, struct block *block)
{
    li_free(t->mem, block->unpacked);
    block->unpacked = NULL;
}

/* Find the block, compare its checksum, unpack it. close_block() when done. */
static lince_status open_block(const struct table *t, struct handle handle, struct block *block, lince_error *err)
{
    *block = (struct block){.offset = handle.offset};
    if (handle.offset > t->blocks.len || t->blocks.len - handle.offset < TRAILER_BYTES ||
        handle.size > t->blocks.len - handle.offset - TRAILER_BYTES) {
        return li_fail(err, LINCE_ECORRUPT,
                       "%s: a block of %" PRIu64 " bytes at %" PRIu64 " passes the end of the %zu bytes", t->where,
                       handle.size, handle.offset, t->blocks.len);
    }
    struct li_bytes content = {t->blocks.data + handle.offset, (size_t)handle.size};
    struct li_bytes trailer = {content.data + content.len, TRAILER_BYTES};
    uint8_t type;
    uint32_t stored;
    li_read_u8(&trailer, &type);
    li_read_u32le(&trailer, &stored);
    uint32_t computed = li_crc32c_mask(li_crc32c(0, content.data, content.len + 1));
    if (stored != computed) {
        return li_fail(err, LINCE_ECORRUPT,
                       "%s: the checksum of the block at byte %" PRIu64 " is %08" PRIx32 ", its bytes have %08" PRIx32,
                       t->where, handle.offset, stored, computed);
    }
    if (type == BLOCK_SNAPPY) {
        size_t len;
        LI_TRY(li_table_uncompress(&block->unpacked, &len, content, handle.offset, t->where, t->mem, err));
        content = (struct li_bytes){block->unpacked, len};
    } else if (type != BLOCK_PLAIN) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: the block at byte %" PRIu64 " has compression %u, wanted none (0) or Snappy (1)", t->where,
                       handle.offset, (unsigned)type);
    }
    lince_status st = strip_restarts(t, block, content, err);
    if (st) {
        close_block(t, block);
    }
    return st;
}

/* Take the next entry off the cursor. */
static lince_status next_entry(const struct table *t, const struct block *block, struct cursor *c,
                               struct li_bytes *value, lince_error *err)
{
    size_t at = (size_t)(c->rest.data - block->entries.data);
    uint64_t shared, unshared, value_len;
    struct li_bytes suffix;

    if (!li_read_varint(&c->rest, &shared) || !li_read_varint(&c->rest, &unshared) ||
        !li_read_varint(&c->rest, &value_len) || shared > c->key_len || unshared > c->rest.len ||
        value_len > c->rest.len - unshared) {
        return li_fail(err, LINCE_ECORRUPT,
                       "%s: block at byte %" PRIu64 ": the entry at %zu shares more than the key before, or "
                       "passes the end of the block",
                       t->where, block->offset, at);
    }
    if (unshared > LI_TABLE_MAX_KEY - shared) {
        return li_fail(err, LINCE_ELIMIT,
                       "%s: block at byte %" PRIu64 ": the entry at %zu has a key of %" PRIu64
                       " bytes, wanted at most %d",
                       t->where, block->offset, at, shared + unshared, LI_TABLE_MAX_KEY);
    }
    li_read_bytes(&c->rest, (size_t)unshared, &suffix);
    li_read_bytes(&c->rest, (size_t)value_len, value);
    if (suffix.len) {
        memcpy(c->key + shared, suffix.data, suffix.len);
    }
    c->key_len = (size_t)(shared + unshared);
    return LINCE_OK;
}

/* What the reading of all data blocks has behind it. */
struct progress {
    li_table_entry *entry;
    void *context;
    bool any;
    size_t key_len;
    uint8_t key[LI_TABLE_MAX_KEY];
};

static lince_status pass_on(const struct table *t, struct progress *p, struct li_bytes key, struct li_bytes value,
                            lince_error *err)
{
    struct li_bytes before = {p->key, p->key_len};

    if (p->any && li_table_compare(before, key) >= 0) {
        return li_fail(err, LINCE_EFORMAT, "%s: key \"%.*s\" stands after \"%.*s\", wanted ascending keys", t->where,
                       (int)LI_MIN(key.len, (size_t)200), (const char *)key.data, (int)LI_MIN(before.len, (size_t)200),
                       (const char *)before.data);
    }
    LI_TRY(p->entry(p->context, key, value, err));
    p->any = true;
    p->key_len = key.len;
    if (key.len) {
        memcpy(p->key, key.data, key.len);
    }
    return LINCE_OK;
}

static lince_status read_data_block(const struct table *t, struct handle handle, struct progress *p, lince_error *err)
{
    struct block block;
    struct cursor cursor;
    struct li_bytes value;
    lince_status st = LINCE_OK;

    LI_TRY(open_block(t, handle, &block, err));
    cursor.rest = block.entries;
    cursor.key_len = 0;
    while (cursor.rest.len && !st) {
        if (!(st = next_entry(t, &block, &cursor, &value, err))) {
            st = pass_on(t, p, (struct li_bytes){cursor.key, cursor.key_len}, value, err);
        }
    }
    close_block(t, &block);
    return st;
}

/* Blocks lie one behind the other; so none is read twice, however the index is forged. */
static lince_status read_indexed_blocks(const struct table *t, const struct block *index, struct progress *p,
                                        lince_error *err)
{
    struct cursor cursor = {.rest = index->entries};
    struct li_bytes value;
    uint64_t end = 0;

    while (cursor.rest.len) {
        struct handle handle;
        LI_TRY(next_entry(t, index, &cursor, &value, err));
        if (!read_handle(&value, &handle)) {
            return li_fail(err, LINCE_ECORRUPT,
                           "%s: block at byte %" PRIu64 ": an entry of the index does not say where its block lies",
                           t->where, index->offset);
        }
        if (handle.offset < end) {
            return li_fail(err, LINCE_ECORRUPT,
                           "%s: the block at byte %" PRIu64 " begins before the end of the one before it, %" PRIu64,
                           t->where, handle.offset, end);
        }
        LI_TRY(read_data_block(t, handle, p, err));
        end = handle.offset + handle.size + TRAILER_BYTES; /* inside the file, as the block was read */
    }
    return LINCE_OK;
}

lince_status li_table_each(struct li_bytes file, const char *where, struct li_mem *mem, li_table_entry *entry,
                           void *context, lince_error *err)
{
    struct table t = {.where = where, .mem = mem};
    struct progress p = {.entry = entry, .context = context};
    struct handle handle;
    struct block index;

    LI_TRY(read_footer(&t, file, &handle, err));
    LI_TRY(open_block(&t, handle, &index, err));
    lince_status st = read_indexed_blocks(&t, &index, &p, err);
    close_block(&t, &index);
    return st;
}
