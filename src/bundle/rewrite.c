/*
 * A checkpoint written again with some new values. What has none keeps its bytes: optimizer slots, counters, the object
 * graph, dtypes this library cannot compute with. Tensors follow each other as they did, so that a checkpoint of one
 * data file whose values did not change becomes the same bytes again.
 */
#include "bundle/internal.h"
#include "proto/proto.h"

#include <stdlib.h>
#include <string.h>

/* Where a slice gets its elements when the tensor it is of has a new value. */
struct cut {
    const struct li_tensor *whole;
    struct li_bundle_part part;
};

struct rewrite {
    struct li_bundle_writer *to;
    struct li_bundle *from;
    li_bundle_value *value;
    void *context;
    struct cut **cut; /* by entry of from; NULL: it is no such slice */
    struct li_arena scratch;
    lince_error *err;
};

static struct li_bytes key_of(const struct li_entry *e)
{
    return (struct li_bytes){(const uint8_t *)e->entry.key, e->key_len};
}

/* A new value replaces what it was read from. */
static lince_status check_value(const struct li_entry *e, const struct li_tensor *value, lince_error *err)
{
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (value->dtype == e->entry.dtype && li_shape_equal(&value->shape, &e->entry.shape)) {
        return LINCE_OK;
    }
    return li_fail(err, LINCE_EINVAL, "\"%s\": the new value is %s%s, the checkpoint has %s%s", e->entry.key,
                   li_dtype_name(value->dtype), li_shape_text(&value->shape, found), li_dtype_name(e->entry.dtype),
                   li_shape_text(&e->entry.shape, wanted));
}

static lince_status find_value(struct rewrite *r, const struct li_entry *e, const struct li_tensor **value)
{
    *value = NULL;
    LI_TRY(r->value(r->context, &e->entry, value, r->err));
    return *value ? check_value(e, *value, r->err) : LINCE_OK;
}

/* ---- Slices ---- */

static lince_status note_slice(struct rewrite *r, const struct li_entry *whole, size_t i, const struct li_tensor *value)
{
    struct li_entry *part;
    struct cut *cut = li_arena_calloc(&r->scratch, 1, sizeof *cut, r->err);
    if (!cut) {
        return LINCE_ENOMEM;
    }
    cut->whole = value;
    LI_TRY(li_bundle_part_place(&cut->part, whole, i, r->err));
    LI_TRY(li_bundle_part_find(&part, r->from, whole, i, &cut->part, r->err));
    r->cut[part - r->from->entry] = cut;
    return LINCE_OK;
}

static lince_status note_slices(struct rewrite *r, const struct li_entry *whole)
{
    const struct li_tensor *value;
    LI_TRY(find_value(r, whole, &value));
    for (size_t i = 0; value && i < whole->slices; i++) {
        lince_status st = note_slice(r, whole, i, value);
        if (st) {
            return li_prefix(r->err, st, "\"%s\"", whole->entry.key);
        }
    }
    return LINCE_OK;
}

/* Row by row, a row being the last dimension of the slice. */
static lince_status write_rows(struct rewrite *r, struct li_entry *e, const struct cut *cut, uint32_t *crc)
{
    const struct li_shape *part = &cut->part.shape, *whole = &cut->whole->shape;
    size_t element = li_dtype_size(e->entry.dtype), size = element * (size_t)li_shape_count(part);
    size_t row = part->rank ? element * (size_t)part->dim[part->rank - 1] : element;
    int64_t at[LI_MAX_RANK] = {0};
    for (size_t done = 0; done < size; done += row) {
        const char *from = (const char *)cut->whole->data + li_bundle_part_offset(&cut->part, whole, at) * element;
        LI_TRY(li_bundle_writer_elements(r->to, e, from, row, crc, r->err));
    }
    return LINCE_OK;
}

static lince_status write_cut(struct rewrite *r, const struct li_entry *from, const struct cut *cut)
{
    struct li_entry *e;
    uint32_t crc = 0;
    LI_TRY(li_bundle_writer_begin(&e, r->to, key_of(from), from->entry.dtype, &from->entry.shape, r->err));
    LI_TRY(write_rows(r, e, cut, &crc));
    e->crc = li_crc32c_mask(crc);
    li_bundle_writer_end(r->to, e);
    return LINCE_OK;
}

/* ---- Entries ---- */

/* Which slices a tensor is saved in; it has no bytes itself. */
static lince_status write_extents(struct rewrite *r, const struct li_entry *from)
{
    struct li_entry *e;
    size_t n = from->slices * (size_t)from->entry.shape.rank;
    LI_TRY(li_bundle_writer_begin(&e, r->to, key_of(from), from->entry.dtype, &from->entry.shape, r->err));
    e->extents = li_arena_calloc(&r->to->arena, LI_MAX(n, (size_t)1), sizeof *e->extents, r->err);
    if (!e->extents) {
        return LINCE_ENOMEM;
    }
    if (n) {
        memcpy(e->extents, from->extents, n * sizeof *e->extents);
    }
    e->slices = from->slices;
    li_bundle_writer_end(r->to, e);
    return LINCE_OK;
}

/* As the file has it. A checksum that is wrong is not handed on; that of a dtype we do not know cannot be compared. */
static lince_status carry_over(struct rewrite *r, struct li_entry *from)
{
    struct li_entry *e;
    struct li_bytes bytes;
    lince_dtype known;
    lince_error ignored;
    if (!li_proto_dtype(&known, (int32_t)from->entry.dtype, &ignored)) {
        LI_TRY(li_bundle_verify_entry(r->from, from, r->err));
    }
    LI_TRY(li_bundle_locate(&bytes, r->from, from, (size_t)LI_MAX(from->size, 0), r->err));
    LI_TRY(li_bundle_writer_begin(&e, r->to, key_of(from), from->entry.dtype, &from->entry.shape, r->err));
    LI_TRY(li_bundle_writer_raw(r->to, e, bytes, r->err));
    e->crc = from->crc;
    li_bundle_writer_end(r->to, e);
    return LINCE_OK;
}

static lince_status write_entry(struct rewrite *r, struct li_entry *e)
{
    const struct li_tensor *value;
    const struct cut *cut = r->cut[e - r->from->entry];
    if (e->slices) {
        return write_extents(r, e);
    }
    LI_TRY(find_value(r, e, &value));
    if (value && cut) {
        return li_fail(r->err, LINCE_EUNSUPPORTED, "\"%s\": a variable of its own, and a slice of one that changed",
                       e->entry.key);
    }
    if (value) {
        return li_bundle_writer_tensor(r->to, key_of(e), value, r->err);
    }
    return cut ? write_cut(r, e, cut) : carry_over(r, e);
}

static lince_status rewrite_all(struct rewrite *r)
{
    struct li_bundle *b = r->from;
    r->cut = li_arena_calloc(&r->scratch, b->entries, sizeof *r->cut, r->err);
    struct li_entry **order = li_arena_alloc(&r->scratch, b->entries * sizeof *order, r->err);
    if (!r->cut || !order) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < b->entries; i++) {
        order[i] = &b->entry[i];
        if (b->entry[i].slices) {
            LI_TRY(note_slices(r, &b->entry[i]));
        }
    }
    if (b->entries) {
        qsort(order, b->entries, sizeof *order, li_bundle_compare_places);
    }
    for (size_t i = 0; i < b->entries; i++) {
        LI_TRY(write_entry(r, order[i]));
    }
    return LINCE_OK;
}

lince_status li_bundle_rewrite(struct li_bundle_writer *to, struct li_bundle *from, li_bundle_value *value,
                               void *context, lince_error *err)
{
    struct rewrite r = {.to = to, .from = from, .value = value, .context = context, .err = err};
    li_arena_init(&r.scratch, to->mem, 0);
    lince_status st = rewrite_all(&r);
    li_arena_free(&r.scratch);
    return st;
}
