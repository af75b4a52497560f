/* The bytes of tensors: found in their data file, compared with their checksum once, used where they lie. */
#include "bundle/internal.h"
#include "proto/proto.h"

#include <inttypes.h>
#include <string.h>

lince_status li_bundle_shard(struct li_bytes *out, struct li_bundle *b, int32_t number, lince_error *err)
{
    struct li_shard *shard = &b->shard[number];
    struct li_arena scratch;
    lince_status st = LINCE_OK;

    pthread_mutex_lock(&b->lock);
    if (!shard->open) {
        li_arena_init(&scratch, b->mem, 0);
        const char *path =
            li_arena_printf(&scratch, err, "%s.data-%05d-of-%05d", b->prefix, (int)number, (int)b->shards);
        st = path ? li_file_read(&shard->file, path, b->files, err) : LINCE_ENOMEM;
        shard->open = !st;
        li_arena_free(&scratch);
    }
    *out = shard->file.bytes;
    pthread_mutex_unlock(&b->lock);
    return st;
}

lince_status li_bundle_locate(struct li_bytes *out, struct li_bundle *b, const struct li_entry *e, size_t size,
                              lince_error *err)
{
    struct li_bytes file;

    if (e->shard < 0 || e->shard >= b->shards) {
        return li_fail(err, LINCE_EINVAL, "it lies in data file %" PRId32 " of %" PRId32, e->shard, b->shards);
    }
    if (e->size < 0 || (uint64_t)e->size != size) {
        return li_fail(err, LINCE_ECORRUPT, "the index gives it %" PRId64 " bytes, its shape and dtype take %zu",
                       e->size, size);
    }
    LI_TRY(li_bundle_shard(&file, b, e->shard, err));
    if (e->offset < 0 || (uint64_t)e->offset > file.len || size > file.len - (uint64_t)e->offset) {
        return li_fail(err, LINCE_ECORRUPT,
                       "its %zu bytes at %" PRId64 " pass the end of data file %" PRId32 ", which has %zu", size,
                       e->offset, e->shard, file.len);
    }
    *out = (struct li_bytes){file.data + e->offset, size};
    return LINCE_OK;
}

static lince_status check_crc(const struct li_entry *e, uint32_t crc, lince_error *err)
{
    uint32_t found = li_crc32c_mask(crc);

    if (found != e->crc) {
        return li_fail(err, LINCE_ECORRUPT, "its checksum is %08" PRIx32 ", its bytes have %08" PRIx32, e->crc, found);
    }
    return LINCE_OK;
}

/* Elements as the entry has them: where they lie, or in memory of their own. */
struct elements {
    void *data;
    bool owned;
};

/* What an empty tensor points to; aligned, as all data is. */
static const _Alignas(sizeof(uint64_t)) char nothing[1];

/* Where they lie in the file, their checksum compared. */
static lince_status find_plain(struct li_bytes *out, struct li_bundle *b, const struct li_entry *e, size_t size,
                               lince_error *err)
{
    LI_TRY(li_bundle_locate(out, b, e, size, err));
    return check_crc(e, li_crc32c(0, out->data, out->len), err);
}

static lince_status read_plain(struct elements *out, struct li_bundle *b, const struct li_entry *e, size_t size,
                               lince_error *err)
{
    struct li_bytes bytes;
    size_t align = LI_MIN(li_dtype_size(e->entry.dtype), sizeof(uint64_t));

    LI_TRY(find_plain(&bytes, b, e, size, err));
    if (!size) {
        out->data = (void *)(uintptr_t)nothing;
    } else if ((uintptr_t)bytes.data % align == 0) {
        out->data = (void *)(uintptr_t)bytes.data;
    } else {
        out->data = li_alloc(b->mem, size, err);
        if (!out->data) {
            return LINCE_ENOMEM;
        }
        memcpy(out->data, bytes.data, size);
        out->owned = true;
    }
    return LINCE_OK;
}

uint32_t li_bundle_crc_length(uint32_t crc, uint64_t length)
{
    uint8_t bytes[8];
    size_t n = length <= UINT32_MAX ? 4 : 8;

    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(length >> 8 * i);
    }
    return li_crc32c(crc, bytes, n);
}

/* All lengths, their masked checksum, all bytes; the entry's checksum goes over the three. */
static lince_status fill_strings(lince_string *string, size_t n, struct li_bytes bytes, const struct li_entry *e,
                                 lince_error *err)
{
    struct li_bytes mask;
    uint64_t length;
    uint32_t crc = 0, stored;

    for (size_t i = 0; i < n; i++) {
        if (!li_read_varint(&bytes, &length) || length > bytes.len) {
            return li_fail(err, LINCE_ECORRUPT, "the length of string %zu of %zu is cut or passes its end", i, n);
        }
        string[i].size = (size_t)length;
        crc = li_bundle_crc_length(crc, length);
    }
    mask = (struct li_bytes){bytes.data, 4};
    if (!li_read_u32le(&bytes, &stored) || stored != li_crc32c_mask(crc)) {
        return li_fail(err, LINCE_ECORRUPT, "the checksum of its %zu string lengths is wrong", n);
    }
    crc = li_crc32c(li_crc32c(crc, mask.data, mask.len), bytes.data, bytes.len);
    LI_TRY(check_crc(e, crc, err));
    for (size_t i = 0; i < n; i++) {
        struct li_bytes text;
        if (!li_read_bytes(&bytes, string[i].size, &text)) {
            return li_fail(err, LINCE_ECORRUPT, "string %zu of %zu passes its end", i, n);
        }
        string[i].data = text.len ? (const char *)text.data : nothing;
    }
    return bytes.len ? li_fail(err, LINCE_ECORRUPT, "%zu bytes follow its last string", bytes.len) : LINCE_OK;
}

static lince_status read_strings(struct elements *out, struct li_bundle *b, const struct li_entry *e, size_t size,
                                 lince_error *err)
{
    size_t n = size / sizeof(lince_string);
    struct li_bytes bytes;

    /* A length is a byte at least: so memory stays in proportion to the file. */
    if (e->size < 0 || (uint64_t)e->size < n) {
        return li_fail(err, LINCE_ECORRUPT, "the index gives it %" PRId64 " bytes, its %zu strings take more", e->size,
                       n);
    }
    LI_TRY(li_bundle_locate(&bytes, b, e, (size_t)e->size, err));
    if (!n && !bytes.len) {
        out->data = (void *)(uintptr_t)nothing;
        return check_crc(e, 0, err);
    }
    lince_string *string = li_alloc(b->mem, size, err);
    if (!string) {
        return LINCE_ENOMEM;
    }
    lince_status st = fill_strings(string, n, bytes, e, err);
    if (st) {
        li_free(b->mem, string);
        return st;
    }
    *out = (struct elements){.data = string, .owned = true};
    return LINCE_OK;
}

static lince_status read_elements(struct elements *out, struct li_bundle *b, struct li_entry *e, size_t size,
                                  lince_error *err)
{
    bool strings = e->entry.dtype == LINCE_STRING;

    if (!e->slices) {
        return strings ? read_strings(out, b, e, size, err) : read_plain(out, b, e, size, err);
    }
    if (strings) {
        return li_fail(err, LINCE_EUNSUPPORTED, "strings saved in slices");
    }
    out->owned = true;
    return li_bundle_join_slices(&out->data, b, e, size, err);
}

/* Two threads may read an entry at once; whoever comes second uses what the first has put there. */
static void *publish(struct li_bundle *b, struct li_entry *e, struct elements found)
{
    pthread_mutex_lock(&b->lock);
    void *data = atomic_load_explicit(&e->data, memory_order_relaxed);
    if (!data) {
        e->owned = found.owned;
        data = found.data;
        atomic_store_explicit(&e->data, data, memory_order_release);
    } else if (found.owned) {
        li_free(b->mem, found.data);
    }
    pthread_mutex_unlock(&b->lock);
    return data;
}

/* What a tensor that is not there, or not as it should be, lies in may be no data file at all. */
static lince_status name_shard(struct li_bundle *b, const struct li_entry *e, lince_status st, lince_error *err)
{
    struct li_bytes file;
    lince_error ignored;
    bool broken = st == LINCE_ECORRUPT && !e->slices && e->shard >= 0 && e->shard < b->shards;
    const char *other = broken && !li_bundle_shard(&file, b, e->shard, &ignored) ? li_bytes_foreign(file) : NULL;

    return other ? li_fail(err, st, "data file %" PRId32 " is %s", e->shard, other) : st;
}

static lince_status blame(struct li_bundle *b, const struct li_entry *e, lince_status st, lince_error *err)
{
    return li_prefix(err, name_shard(b, e, st, err), "%s: \"%s\"", b->where, e->entry.key);
}

/* The tensor without its elements. */
static lince_status describe(struct li_tensor *out, const struct li_entry *e, lince_error *err)
{
    *out = (struct li_tensor){.dtype = e->entry.dtype, .shape = e->entry.shape};
    LI_TRY(li_proto_dtype(&out->dtype, (int32_t)e->entry.dtype, err));
    return li_shape_bytes(&out->shape, out->dtype, &out->size_bytes, err);
}

lince_status li_bundle_read(struct li_tensor *out, struct li_bundle *b, const struct li_bundle_entry *entry,
                            lince_error *err)
{
    struct li_entry *e = &b->entry[(const struct li_entry *)(const void *)entry - b->entry];
    struct li_tensor tensor;
    struct elements found = {0};
    void *data = atomic_load_explicit(&e->data, memory_order_acquire);
    lince_status st = describe(&tensor, e, err);

    st = st || data ? st : read_elements(&found, b, e, tensor.size_bytes, err);
    if (st) {
        return blame(b, e, st, err);
    }
    tensor.data = data ? data : publish(b, e, found);
    *out = tensor;
    return LINCE_OK;
}

/* Nothing is kept; and memory is taken only for what cannot be compared where it lies. */
static lince_status compare(struct li_bundle *b, struct li_entry *e, size_t size, lince_error *err)
{
    struct li_bytes bytes;
    struct elements found = {0};

    if (!e->slices && e->entry.dtype != LINCE_STRING) {
        return find_plain(&bytes, b, e, size, err);
    }
    LI_TRY(read_elements(&found, b, e, size, err));
    if (found.owned) {
        li_free(b->mem, found.data);
    }
    return LINCE_OK;
}

lince_status li_bundle_verify_entry(struct li_bundle *b, struct li_entry *e, lince_error *err)
{
    struct li_tensor tensor;
    lince_status st = describe(&tensor, e, err);

    st = st ? st : compare(b, e, tensor.size_bytes, err);
    return st ? blame(b, e, st, err) : LINCE_OK;
}
