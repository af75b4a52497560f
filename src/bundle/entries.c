/* The values of the table: the header under the empty key, and an entry for each tensor or slice of one. */
#include "bundle/internal.h"
#include "proto/proto.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 }; /* of the format: what TensorFlow compares the header's three numbers with */

/* Bytes of a table's entry as text, for errors: keys of slices are not printable. */
enum { KEY_TEXT = 128 };

static const char *key_text(char text[KEY_TEXT], struct li_bytes key)
{
    size_t n = LI_MIN(key.len, (size_t)KEY_TEXT - 4);

    for (size_t i = 0; i < n; i++) {
        text[i] = key.data[i] < ' ' || key.data[i] == 0x7f ? '?' : (char)key.data[i];
    }
    strcpy(text + n, n < key.len ? "..." : "");
    return text;
}

static lince_status read_header(struct li_bundle *b, const Tf__BundleHeaderProto *header, lince_error *err)
{
    const Tf__VersionDef *version = header->version;

    if (header->num_shards < 1) {
        return li_fail(err, LINCE_EINVAL, "%" PRId32 " data files, wanted at least 1", header->num_shards);
    }
    if (header->num_shards > LI_MAX_SHARDS) {
        return li_fail(err, LINCE_ELIMIT, "%" PRId32 " data files, wanted at most %d", header->num_shards,
                       LI_MAX_SHARDS);
    }
    if (header->endianness) {
        return li_fail(err, LINCE_EUNSUPPORTED, "byte order %" PRId32 ", wanted 0, little-endian", header->endianness);
    }
    if (version && version->min_consumer > VERSION) {
        return li_fail(err, LINCE_EUNSUPPORTED, "written for readers of version %" PRId32 ", this is one of %d",
                       version->min_consumer, VERSION);
    }
    for (size_t i = 0; version && i < version->n_bad_consumers; i++) {
        if (version->bad_consumers[i] == VERSION) {
            return li_fail(err, LINCE_EUNSUPPORTED, "not to be read by readers of version %d", VERSION);
        }
    }
    b->shards = header->num_shards;
    b->has_header = true;
    b->shard = li_calloc(b->mem, (size_t)b->shards, sizeof *b->shard, err);
    return b->shard ? LINCE_OK : LINCE_ENOMEM;
}

/* Slices without a length take the whole dimension. */
static lince_status read_extents(struct li_bundle *b, struct li_entry *e, const Tf__BundleEntryProto *proto,
                                 lince_error *err)
{
    int rank = e->entry.shape.rank;

    e->extents = li_arena_calloc(&b->arena, proto->n_slices * (size_t)LI_MAX(rank, 1), sizeof *e->extents, err);
    if (!e->extents) {
        return err ? err->code : LINCE_ENOMEM;
    }
    e->slices = proto->n_slices;
    for (size_t i = 0; i < e->slices; i++) {
        const Tf__TensorSliceProto *slice = proto->slices[i];
        if (slice->n_extent != (size_t)rank) {
            return li_fail(err, LINCE_EINVAL, "slice %zu has %zu dimensions, the tensor has %d", i, slice->n_extent,
                           rank);
        }
        for (int d = 0; d < rank; d++) {
            const Tf__TensorSliceProto__Extent *extent = slice->extent[d];
            bool given = extent->has_length_case == TF__TENSOR_SLICE_PROTO__EXTENT__HAS_LENGTH_LENGTH;
            e->extents[i * (size_t)rank + (size_t)d] =
                (struct li_extent){.start = extent->start, .length = given ? extent->length : LI_SLICE_FULL};
        }
    }
    return LINCE_OK;
}

static lince_status read_entry(struct li_bundle *b, struct li_entry *e, const Tf__BundleEntryProto *proto,
                               lince_error *err)
{
    char text[LI_SHAPE_TEXT];

    if (proto->dtype == LINCE_DTYPE_NONE) {
        return li_fail(err, LINCE_EINVAL, "dtype 0 is no dtype");
    }
    e->entry.dtype = (lince_dtype)proto->dtype;
    LI_TRY(li_proto_shape(&e->entry.shape, proto->shape, err));
    if (!li_shape_full(&e->entry.shape)) {
        return li_fail(err, LINCE_EINVAL, "its shape is %s, wanted every dimension known",
                       li_shape_text(&e->entry.shape, text));
    }
    e->shard = proto->shard_id;
    e->offset = proto->offset;
    e->size = proto->size;
    e->crc = proto->crc32c;
    return proto->n_slices ? read_extents(b, e, proto, err) : LINCE_OK;
}

static lince_status grow(struct li_bundle *b, lince_error *err)
{
    if (b->entries < b->capacity) {
        return LINCE_OK;
    }
    size_t capacity = b->capacity ? 2 * b->capacity : 64; /* each entry is bytes of a file: no overflow */
    struct li_entry *entry = li_realloc(b->mem, b->entry, capacity * sizeof *entry, err);
    if (!entry) {
        return LINCE_ENOMEM;
    }
    b->entry = entry;
    b->capacity = capacity;
    return LINCE_OK;
}

/* A key of a slice begins with a zero byte; no other key may hold one, as it is handed out as a C string. */
static lince_status add_entry(struct li_bundle *b, struct li_bytes key, const Tf__BundleEntryProto *proto,
                              lince_error *err)
{
    bool slice = key.data[0] == 0;

    if (!slice && memchr(key.data, 0, key.len)) {
        return li_fail(err, LINCE_EFORMAT, "a NUL byte stands in the key");
    }
    LI_TRY(grow(b, err));
    struct li_entry *e = &b->entry[b->entries];
    *e = (struct li_entry){.key_len = key.len};
    e->entry.key = li_arena_strndup(&b->arena, (const char *)key.data, key.len, err);
    if (!e->entry.key) {
        return err ? err->code : LINCE_ENOMEM;
    }
    LI_TRY(read_entry(b, e, proto, err));
    b->entries++;
    b->slices += slice;
    return LINCE_OK;
}

lince_status li_bundle_add(void *bundle, struct li_bytes key, struct li_bytes value, lince_error *err)
{
    struct li_bundle *b = bundle;
    struct li_arena scratch;
    ProtobufCMessage *message;
    char text[KEY_TEXT];
    bool header = key.len == 0;
    lince_status st;

    if (!header && !b->has_header) {
        return li_fail(err, LINCE_EFORMAT, "%s: no header: the first key is \"%s\", wanted an empty one", b->where,
                       key_text(text, key));
    }
    li_arena_init(&scratch, b->mem, 0);
    st = li_proto_unpack(&message, value,
                         header ? &tf__bundle_header_proto__descriptor : &tf__bundle_entry_proto__descriptor, "value",
                         &scratch, err);
    if (st == LINCE_EFORMAT) { /* the table is one, so its values must be messages */
        st = LINCE_ECORRUPT;
    }
    if (!st) {
        st = header ? read_header(b, (const Tf__BundleHeaderProto *)message, err)
                    : add_entry(b, key, (const Tf__BundleEntryProto *)message, err);
    }
    li_arena_free(&scratch);
    if (st && header) {
        return li_prefix(err, st, "%s: its header", b->where);
    }
    return st ? li_prefix(err, st, "%s: \"%s\"", b->where, key_text(text, key)) : LINCE_OK;
}

int li_bundle_compare_places(const void *a, const void *b)
{
    const struct li_entry *x = *(const struct li_entry *const *)a, *y = *(const struct li_entry *const *)b;

    if (x->shard != y->shard) {
        return x->shard < y->shard ? -1 : 1;
    }
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Two keys may not share bytes: small files could otherwise be made into any number of large tensors. */
static lince_status refuse_overlaps(const struct li_bundle *b, const struct li_entry **sorted, size_t n,
                                    lince_error *err)
{
    char one[KEY_TEXT], other[KEY_TEXT];

    qsort(sorted, n, sizeof *sorted, li_bundle_compare_places);
    for (size_t i = 1; i < n; i++) {
        const struct li_entry *x = sorted[i - 1], *y = sorted[i];
        int64_t end;
        if (x->shard == y->shard && (__builtin_add_overflow(x->offset, x->size, &end) || end > y->offset)) {
            return li_fail(err, LINCE_ECORRUPT, "%s: \"%s\" and \"%s\" share bytes of data file %" PRId32, b->where,
                           key_text(one, (struct li_bytes){(const uint8_t *)x->entry.key, x->key_len}),
                           key_text(other, (struct li_bytes){(const uint8_t *)y->entry.key, y->key_len}), x->shard);
        }
    }
    return LINCE_OK;
}

lince_status li_bundle_check(struct li_bundle *b, lince_error *err)
{
    size_t n = 0;

    if (!b->has_header) {
        return li_fail(err, LINCE_EFORMAT, "%s: the table is empty, wanted a header", b->where);
    }
    const struct li_entry **sorted = li_alloc(b->mem, b->entries * sizeof *sorted, err);
    if (!sorted) {
        return li_prefix(err, LINCE_ENOMEM, "%s", b->where);
    }
    for (size_t i = 0; i < b->entries; i++) {
        const struct li_entry *e = &b->entry[i];
        if (!e->slices && e->size > 0 && e->offset >= 0) { /* what is wrong with others is said when they are read */
            sorted[n++] = e;
        }
    }
    lince_status st = refuse_overlaps(b, sorted, n, err);
    li_free(b->mem, sorted);
    return st;
}
