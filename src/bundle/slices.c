/*
 * Variables saved in slices, as TensorFlow 1 saves partitioned ones: an entry that lists where the slices lie in the
 * tensor, and for each slice an entry of its own, whose key spells the tensor's name and the slice in an
 * order-preserving code.
 */
#include "bundle/internal.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_SLICES = 4096 }; /* each is compared with every other */

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

struct key {
    uint8_t *bytes;
    size_t len;
    bool full;
};

static void put(struct key *k, uint8_t byte)
{
    if (k->len < LI_TABLE_MAX_KEY) {
        k->bytes[k->len++] = byte;
    } else {
        k->full = true;
    }
}

/* The number of significant bytes, then those, most significant first. */
static void put_number(struct key *k, uint64_t value)
{
    unsigned n = 0;

    while (n < 8 && value >> 8 * n) {
        n++;
    }
    put(k, (uint8_t)n);
    while (n) {
        put(k, (uint8_t)(value >> 8 * --n));
    }
}

/* 00 becomes 00 ff, ff becomes ff 00, and 00 01 ends it. */
static void put_string(struct key *k, const char *text)
{
    for (; *text; text++) {
        uint8_t byte = (uint8_t)*text;
        put(k, byte);
        if (byte == 0xff) {
            put(k, 0);
        }
    }
    put(k, 0);
    put(k, 1);
}

/*
 * Two's complement in n bytes, 1 to 10, of which the first n bits, all equal to the sign and to the bit that follows,
 * are used up to say how many bytes there are: they are flipped, so that longer numbers sort above shorter ones, or
 * below when negative.
 */
static void put_signed(struct key *k, int64_t value)
{
    static const uint8_t header[11][2] = {{0, 0},    {0x80, 0}, {0xc0, 0}, {0xe0, 0},    {0xf0, 0},   {0xf8, 0},
                                          {0xfc, 0}, {0xfe, 0}, {0xff, 0}, {0xff, 0x80}, {0xff, 0xc0}};
    uint64_t bits = (uint64_t)value, magnitude = value < 0 ? ~bits : bits;
    unsigned n = 1;

    while (n < 10 && magnitude >> (7 * n - 1)) { /* 7 * 9 - 1 = 62: no shift passes 63 */
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned from_end = n - 1 - i;
        uint8_t byte = from_end >= 8 ? (value < 0 ? 0xff : 0) : (uint8_t)(bits >> 8 * from_end);
        put(k, i < 2 ? byte ^ header[n][i] : byte);
    }
}

size_t li_slice_key(uint8_t key[LI_TABLE_MAX_KEY], const char *name, const struct li_extent *extents, int rank)
{
    struct key k = {.bytes = key};

    put_number(&k, 0);
    put_string(&k, name);
    put_number(&k, (uint64_t)rank);
    for (int d = 0; d < rank; d++) {
        put_signed(&k, extents[d].start);
        put_signed(&k, extents[d].length);
    }
    return k.full ? 0 : k.len;
}

static bool is_slice(const struct li_extent *extents, const struct li_shape *whole, const int64_t *start,
                     const int64_t *length)
{
    for (int d = 0; d < whole->rank; d++) {
        int64_t own = extents[d].length == LI_SLICE_FULL ? whole->dim[d] : extents[d].length;
        if (extents[d].start != start[d] || own != length[d]) {
            return false;
        }
    }
    return true;
}

const struct li_bundle_entry *li_bundle_slice(const struct li_bundle *bundle, const struct li_bundle_entry *entry,
                                              const int64_t *start, const int64_t *length)
{
    const struct li_entry *e = (const struct li_entry *)entry;
    uint8_t key[LI_TABLE_MAX_KEY];
    size_t i = 0, rank = (size_t)e->entry.shape.rank;
    while (i < e->slices && !is_slice(e->extents + i * rank, &e->entry.shape, start, length)) {
        i++;
    }
    if (i == e->slices) {
        return NULL;
    }
    size_t len = li_slice_key(key, e->entry.key, e->extents + i * rank, (int)rank);
    const struct li_entry *part = len ? li_bundle_lookup(bundle, (struct li_bytes){key, len}) : NULL;
    return part ? &part->entry : NULL;
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

/* A slice and its bytes. */
struct slice {
    struct li_bundle_part part;
    struct li_bytes bytes;
};

lince_status li_bundle_part_place(struct li_bundle_part *s, const struct li_entry *e, size_t i, lince_error *err)
{
    const struct li_shape *whole = &e->entry.shape;
    const struct li_extent *extents = e->extents + i * (size_t)whole->rank;

    s->shape.rank = whole->rank;
    for (int d = 0; d < whole->rank; d++) {
        bool full = extents[d].length == LI_SLICE_FULL;
        int64_t start = extents[d].start, length = full ? whole->dim[d] : extents[d].length;
        if (start < 0 || length < 0 || start > whole->dim[d] || length > whole->dim[d] - start) {
            return li_fail(err, LINCE_EINVAL,
                           "slice %zu takes %" PRId64 " from %" PRId64 " of dimension %d, which is %" PRId64, i, length,
                           start, d, whole->dim[d]);
        }
        s->start[d] = start;
        s->shape.dim[d] = length;
    }
    return LINCE_OK;
}

static bool overlap(const struct li_bundle_part *a, const struct li_bundle_part *b)
{
    for (int d = 0; d < a->shape.rank; d++) {
        if (!a->shape.dim[d] || !b->shape.dim[d] || a->start[d] >= b->start[d] + b->shape.dim[d] ||
            b->start[d] >= a->start[d] + a->shape.dim[d]) {
            return false;
        }
    }
    return true;
}

/* Slices that do not overlap and have as many elements as the tensor cover it. */
static lince_status check_cover(const struct slice *slice, const struct li_entry *e, lince_error *err)
{
    int64_t elements = 0; /* cannot overflow: disjoint parts of a tensor whose bytes fit into a size_t */

    for (size_t i = 0; i < e->slices; i++) {
        for (size_t j = 0; j < i; j++) {
            if (overlap(&slice[j].part, &slice[i].part)) {
                return li_fail(err, LINCE_EINVAL, "its slices %zu and %zu overlap", j, i);
            }
        }
        elements += li_shape_count(&slice[i].part.shape);
    }
    if (elements != li_shape_count(&e->entry.shape)) {
        return li_fail(err, LINCE_EINVAL, "its %zu slices have %" PRId64 " elements, wanted %" PRId64, e->slices,
                       elements, li_shape_count(&e->entry.shape));
    }
    return LINCE_OK;
}

lince_status li_bundle_part_find(struct li_entry **out, const struct li_bundle *b, const struct li_entry *e, size_t i,
                                 const struct li_bundle_part *part, lince_error *err)
{
    uint8_t key[LI_TABLE_MAX_KEY];
    int rank = e->entry.shape.rank;

    size_t len = li_slice_key(key, e->entry.key, e->extents + i * (size_t)rank, rank);
    struct li_entry *own = len ? li_bundle_lookup(b, (struct li_bytes){key, len}) : NULL;
    if (!own) {
        return li_fail(err, LINCE_ENOENT, "its slice %zu has no entry", i);
    }
    if (own->entry.dtype != e->entry.dtype || !li_shape_equal(&own->entry.shape, &part->shape) || own->slices) {
        char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL, "its slice %zu is %s %s, wanted %s %s", i, li_dtype_name(own->entry.dtype),
                       li_shape_text(&own->entry.shape, found), li_dtype_name(e->entry.dtype),
                       li_shape_text(&part->shape, wanted));
    }
    *out = own;
    return LINCE_OK;
}

static lince_status find_slice(struct slice *s, struct li_bundle *b, const struct li_entry *e, size_t i,
                               lince_error *err)
{
    struct li_entry *own;
    size_t size;

    LI_TRY(li_bundle_part_find(&own, b, e, i, &s->part, err));
    LI_TRY(li_shape_bytes(&s->part.shape, e->entry.dtype, &size, err));
    LI_TRY(li_bundle_locate(&s->bytes, b, own, size, err));
    uint32_t crc = li_crc32c_mask(li_crc32c(0, s->bytes.data, s->bytes.len));
    if (crc != own->crc) {
        return li_fail(err, LINCE_ECORRUPT, "the checksum of its slice %zu is %08" PRIx32 ", its bytes have %08" PRIx32,
                       i, own->crc, crc);
    }
    return LINCE_OK;
}

size_t li_bundle_part_offset(const struct li_bundle_part *part, const struct li_shape *whole, int64_t *at)
{
    int last = part->shape.rank - 1;
    size_t offset = 0;

    for (int d = 0; d <= last; d++) {
        offset = offset * (size_t)whole->dim[d] + (size_t)(part->start[d] + at[d]);
    }
    for (int d = last - 1; d >= 0 && ++at[d] == part->shape.dim[d]; d--) {
        at[d] = 0;
    }
    return offset;
}

/* Copy the rows of a slice, a row being its last dimension, to their places in the tensor. */
static void copy_slice(char *to, const struct slice *s, const struct li_shape *whole, size_t element)
{
    int rank = s->part.shape.rank;
    size_t row = element * (size_t)(rank ? s->part.shape.dim[rank - 1] : 1);
    int64_t at[LI_MAX_RANK] = {0};

    for (size_t done = 0; done < s->bytes.len; done += row) {
        memcpy(to + li_bundle_part_offset(&s->part, whole, at) * element, s->bytes.data + done, row);
    }
}

static lince_status join(void **data, struct slice *slice, struct li_bundle *b, const struct li_entry *e, size_t size,
                         lince_error *err)
{
    for (size_t i = 0; i < e->slices; i++) {
        LI_TRY(li_bundle_part_place(&slice[i].part, e, i, err));
    }
    LI_TRY(check_cover(slice, e, err));
    for (size_t i = 0; i < e->slices; i++) {
        LI_TRY(find_slice(&slice[i], b, e, i, err));
    }
    *data = li_alloc(b->mem, size, err);
    if (!*data) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < e->slices; i++) {
        copy_slice(*data, &slice[i], &e->entry.shape, li_dtype_size(e->entry.dtype));
    }
    return LINCE_OK;
}

lince_status li_bundle_join_slices(void **data, struct li_bundle *b, struct li_entry *e, size_t size, lince_error *err)
{
    if (e->slices > MAX_SLICES) {
        return li_fail(err, LINCE_ELIMIT, "it is saved in %zu slices, wanted at most %d", e->slices, MAX_SLICES);
    }
    struct slice *slice = li_calloc(b->mem, e->slices, sizeof *slice, err);
    if (!slice) {
        return LINCE_ENOMEM;
    }
    lince_status st = join(data, slice, b, e, size, err);
    li_free(b->mem, slice);
    return st;
}
