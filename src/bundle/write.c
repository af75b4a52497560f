/* Writing a checkpoint: tensors one behind the other into one data file, then the table that says where they lie. */
#include "bundle/internal.h"
#include "proto/proto.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 1 << 20, VERSION = 1, MAX_TENSORS = 1 << 24 };

/* ---- The data file ---- */

static lince_status append(struct li_bundle_writer *w, struct li_entry *e, const void *data, size_t len,
                           lince_error *err)
{
    w->failed = w->data->write(w->data, data, len, err);
    e->size += (int64_t)len;
    return w->failed;
}

/* The checksum is made and the bytes are written while they are in the cache. */
static lince_status append_plain(struct li_bundle_writer *w, struct li_entry *e, const uint8_t *data, size_t len,
                                 uint32_t *crc, lince_error *err)
{
    while (len) {
        size_t n = LI_MIN(len, (size_t)CHUNK_BYTES);
        *crc = li_crc32c(*crc, data, n);
        LI_TRY(append(w, e, data, n, err));
        data += n;
        len -= n;
    }
    return LINCE_OK;
}

/* All lengths, their masked checksum, all bytes: see fill_strings() in read.c. */
static lince_status append_strings(struct li_bundle_writer *w, struct li_entry *e, const lince_string *string, size_t n,
                                   uint32_t *crc, lince_error *err)
{
    uint8_t bytes[LI_VARINT_BYTES];
    for (size_t i = 0; i < n; i++) {
        *crc = li_bundle_crc_length(*crc, string[i].size);
        LI_TRY(append(w, e, bytes, li_varint(bytes, string[i].size), err));
    }
    uint32_t mask = li_crc32c_mask(*crc);
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(mask >> 8 * i);
    }
    LI_TRY(append_plain(w, e, bytes, 4, crc, err));
    for (size_t i = 0; i < n; i++) {
        LI_TRY(append_plain(w, e, (const uint8_t *)string[i].data, string[i].size, crc, err));
    }
    return LINCE_OK;
}

lince_status li_bundle_writer_elements(struct li_bundle_writer *w, struct li_entry *e, const void *data, size_t len,
                                       uint32_t *crc, lince_error *err)
{
    if (e->entry.dtype == LINCE_STRING) {
        return append_strings(w, e, data, len / sizeof(lince_string), crc, err);
    }
    return append_plain(w, e, data, len, crc, err);
}

lince_status li_bundle_writer_raw(struct li_bundle_writer *w, struct li_entry *e, struct li_bytes bytes,
                                  lince_error *err)
{
    return append(w, e, bytes.data, bytes.len, err);
}

/* ---- Entries ---- */

static lince_status grow(struct li_bundle_writer *w, lince_error *err)
{
    if (w->entries == MAX_TENSORS) {
        return li_fail(err, LINCE_ELIMIT, "a checkpoint of more than %d tensors", MAX_TENSORS);
    }
    if (w->entries < w->capacity) {
        return LINCE_OK;
    }
    size_t capacity = w->capacity ? 2 * w->capacity : 64;
    struct li_entry *entry = li_realloc(w->mem, w->entry, capacity * sizeof *entry, err);
    if (!entry) {
        return LINCE_ENOMEM;
    }
    w->entry = entry;
    w->capacity = capacity;
    return LINCE_OK;
}

lince_status li_bundle_writer_begin(struct li_entry **out, struct li_bundle_writer *w, struct li_bytes key,
                                    lince_dtype dtype, const struct li_shape *shape, lince_error *err)
{
    if (w->failed) {
        return li_fail(err, w->failed, "the checkpoint could not be written before");
    }
    LI_TRY(grow(w, err));
    const char *copy = li_arena_strndup(&w->arena, (const char *)key.data, key.len, err);
    if (!copy) {
        return LINCE_ENOMEM;
    }
    struct li_entry *e = &w->entry[w->entries];
    *e = (struct li_entry){.entry = {copy, dtype, *shape}, .key_len = key.len, .offset = w->offset};
    *out = e;
    return LINCE_OK;
}

void li_bundle_writer_end(struct li_bundle_writer *w, struct li_entry *e)
{
    w->offset += e->size;
    w->entries++;
}

lince_status li_bundle_writer_tensor(struct li_bundle_writer *w, struct li_bytes key, const struct li_tensor *tensor,
                                     lince_error *err)
{
    struct li_entry *e;
    uint32_t crc = 0;
    LI_TRY(li_bundle_writer_begin(&e, w, key, tensor->dtype, &tensor->shape, err));
    LI_TRY(li_bundle_writer_elements(w, e, tensor->data, tensor->size_bytes, &crc, err));
    e->crc = li_crc32c_mask(crc);
    li_bundle_writer_end(w, e);
    return LINCE_OK;
}

static lince_status check_tensor(const struct li_tensor *tensor, lince_error *err)
{
    lince_dtype dtype;
    size_t bytes;
    char text[LI_SHAPE_TEXT];
    LI_TRY(li_proto_dtype(&dtype, (int32_t)tensor->dtype, err));
    if (!li_shape_full(&tensor->shape)) {
        return li_fail(err, LINCE_EINVAL, "its shape is %s, wanted every dimension known",
                       li_shape_text(&tensor->shape, text));
    }
    LI_TRY(li_shape_bytes(&tensor->shape, dtype, &bytes, err));
    return bytes == tensor->size_bytes
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL, "%zu bytes, its shape and dtype take %zu", tensor->size_bytes, bytes);
}

lince_status li_bundle_writer_add(struct li_bundle_writer *w, const char *key, const struct li_tensor *tensor,
                                  lince_error *err)
{
    size_t len = strlen(key);
    if (len == 0 || len > LI_MAX_NAME) {
        return li_fail(err, LINCE_EINVAL, "a key of %zu bytes, wanted 1 to %d", len, LI_MAX_NAME);
    }
    lince_status st = check_tensor(tensor, err);
    if (st) {
        return li_prefix(err, st, "\"%s\"", key);
    }
    return li_bundle_writer_tensor(w, (struct li_bytes){(const uint8_t *)key, len}, tensor, err);
}

/* ---- The table ---- */

static struct li_bytes key_of(const struct li_entry *e)
{
    return (struct li_bytes){(const uint8_t *)e->entry.key, e->key_len};
}

static int compare_keys(const void *a, const void *b)
{
    return li_table_compare(key_of(a), key_of(b));
}

static lince_status sort(struct li_bundle_writer *w, lince_error *err)
{
    if (w->entries) {
        qsort(w->entry, w->entries, sizeof *w->entry, compare_keys);
    }
    for (size_t i = 1; i < w->entries; i++) {
        if (compare_keys(&w->entry[i - 1], &w->entry[i]) == 0) {
            return li_fail(err, LINCE_EINVAL, "two tensors with the key \"%s\"", w->entry[i].entry.key);
        }
    }
    return LINCE_OK;
}

static lince_status add_message(struct li_table_writer *table, struct li_bytes key, const ProtobufCMessage *message,
                                struct li_arena *scratch, lince_error *err)
{
    uint8_t *bytes = li_arena_alloc(scratch, protobuf_c_message_get_packed_size(message), err);
    if (!bytes) {
        return LINCE_ENOMEM;
    }
    return li_table_writer_add(table, key, (struct li_bytes){bytes, protobuf_c_message_pack(message, bytes)}, err);
}

static lince_status add_header(struct li_table_writer *table, struct li_arena *scratch, lince_error *err)
{
    Tf__VersionDef version = TF__VERSION_DEF__INIT;
    Tf__BundleHeaderProto header = TF__BUNDLE_HEADER_PROTO__INIT;
    version.producer = VERSION;
    header.num_shards = 1;
    header.version = &version;
    return add_message(table, (struct li_bytes){(const uint8_t *)"", 0}, &header.base, scratch, err);
}

static lince_status make_slice(Tf__TensorSliceProto **out, const struct li_extent *extents, size_t rank,
                               struct li_arena *scratch, lince_error *err)
{
    Tf__TensorSliceProto *slice = li_arena_alloc(scratch, sizeof *slice, err);
    Tf__TensorSliceProto__Extent *extent = li_arena_alloc(scratch, rank * sizeof *extent, err);
    Tf__TensorSliceProto__Extent **list = li_arena_alloc(scratch, rank * sizeof *list, err);
    if (!slice || !extent || !list) {
        return LINCE_ENOMEM;
    }
    tf__tensor_slice_proto__init(slice);
    for (size_t d = 0; d < rank; d++) {
        list[d] = &extent[d];
        tf__tensor_slice_proto__extent__init(list[d]);
        extent[d].start = extents[d].start;
        if (extents[d].length != LI_SLICE_FULL) {
            extent[d].has_length_case = TF__TENSOR_SLICE_PROTO__EXTENT__HAS_LENGTH_LENGTH;
            extent[d].length = extents[d].length;
        }
    }
    slice->extent = list;
    slice->n_extent = rank;
    *out = slice;
    return LINCE_OK;
}

static lince_status make_slices(Tf__BundleEntryProto *proto, const struct li_entry *e, struct li_arena *scratch,
                                lince_error *err)
{
    size_t rank = (size_t)e->entry.shape.rank;
    proto->slices = li_arena_alloc(scratch, e->slices * sizeof(Tf__TensorSliceProto *), err);
    if (!proto->slices) {
        return LINCE_ENOMEM;
    }
    for (; proto->n_slices < e->slices; proto->n_slices++) {
        LI_TRY(make_slice(&proto->slices[proto->n_slices], e->extents + proto->n_slices * rank, rank, scratch, err));
    }
    return LINCE_OK;
}

static lince_status add_entry(struct li_table_writer *table, const struct li_entry *e, struct li_arena *scratch,
                              lince_error *err)
{
    Tf__TensorShapeProto__Dim dim[LI_MAX_RANK], *dims[LI_MAX_RANK];
    Tf__TensorShapeProto shape = TF__TENSOR_SHAPE_PROTO__INIT;
    Tf__BundleEntryProto proto = TF__BUNDLE_ENTRY_PROTO__INIT;
    for (int d = 0; d < e->entry.shape.rank; d++) {
        dims[d] = &dim[d];
        tf__tensor_shape_proto__dim__init(dims[d]);
        dim[d].size = e->entry.shape.dim[d];
    }
    shape.dim = dims;
    shape.n_dim = (size_t)e->entry.shape.rank;
    proto.dtype = (int32_t)e->entry.dtype;
    proto.shape = &shape;
    if (e->slices) {
        LI_TRY(make_slices(&proto, e, scratch, err));
    } else {
        proto.offset = e->offset;
        proto.size = e->size;
        proto.crc32c = e->crc;
    }
    return add_message(table, key_of(e), &proto.base, scratch, err);
}

static lince_status add_all(struct li_table_writer *table, const struct li_bundle_writer *w, lince_error *err)
{
    struct li_arena scratch;
    li_arena_init(&scratch, w->mem, 0);
    lince_status st = add_header(table, &scratch, err);
    for (size_t i = 0; i < w->entries && !st; i++) {
        li_arena_free(&scratch);
        st = add_entry(table, &w->entry[i], &scratch, err);
    }
    li_arena_free(&scratch);
    return st ? st : li_table_writer_finish(table, err);
}

lince_status li_bundle_writer_table(struct li_bundle_writer *w, struct li_sink *index, lince_error *err)
{
    struct li_table_writer *table;
    if (w->failed) {
        return li_fail(err, w->failed, "the checkpoint could not be written before");
    }
    LI_TRY(sort(w, err));
    if (!(table = li_alloc(w->mem, sizeof *table, err))) {
        return LINCE_ENOMEM;
    }
    li_table_writer_init(table, index, w->mem);
    lince_status st = add_all(table, w, err);
    li_table_writer_free(table);
    li_free(w->mem, table);
    return st;
}

/* ---- The files ---- */

lince_status li_bundle_writer_new(struct li_bundle_writer **out, struct li_sink *data, struct li_mem *mem,
                                  lince_error *err)
{
    struct li_bundle_writer *w = li_calloc(mem, 1, sizeof *w, err);
    if (!w) {
        return LINCE_ENOMEM;
    }
    w->mem = mem;
    w->data = data;
    li_mem_retain(mem);
    li_arena_init(&w->arena, mem, 0);
    *out = w;
    return LINCE_OK;
}

static lince_status open_files(struct li_bundle_writer *w, const char *prefix, lince_error *err)
{
    w->data_path = li_arena_printf(&w->arena, err, "%s.data-00000-of-00001", prefix);
    w->index_path = li_arena_printf(&w->arena, err, "%s.index", prefix);
    if (!w->data_path || !w->index_path) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_file_sink_open(&w->file, w->data_path, w->mem, err));
    w->made_data = true;
    return LINCE_OK;
}

lince_status li_bundle_writer_open(struct li_bundle_writer **out, const char *prefix, struct li_mem *mem,
                                   lince_error *err)
{
    struct li_bundle_writer *w;
    LI_TRY(li_bundle_writer_new(&w, NULL, mem, err));
    w->data = &w->file.sink;
    lince_status st = open_files(w, prefix, err);
    if (st) {
        li_bundle_writer_free(w);
        return st;
    }
    *out = w;
    return LINCE_OK;
}

/* The data is on the disk before a table speaks of it. */
lince_status li_bundle_writer_finish(struct li_bundle_writer *w, lince_error *err)
{
    struct li_file_sink index;
    if (w->failed) {
        return li_fail(err, w->failed, "the checkpoint could not be written before");
    }
    LI_TRY(li_file_sink_close(&w->file, err));
    LI_TRY(li_file_sink_open(&index, w->index_path, w->mem, err));
    w->made_index = true;
    lince_status st = li_bundle_writer_table(w, &index.sink, err);
    if (st) {
        li_file_sink_abandon(&index);
        return st;
    }
    LI_TRY(li_file_sink_close(&index, err));
    w->made_data = w->made_index = false;
    return LINCE_OK;
}

void li_bundle_writer_free(struct li_bundle_writer *w)
{
    if (!w) {
        return;
    }
    struct li_mem *mem = w->mem;
    li_file_sink_abandon(&w->file);
    if (w->made_data) {
        unlink(w->data_path);
    }
    if (w->made_index) {
        unlink(w->index_path);
    }
    li_free(mem, w->entry);
    li_arena_free(&w->arena);
    li_free(mem, w);
    li_mem_release(mem);
}
