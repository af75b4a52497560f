/* What the files of this room share. Private to the room. */
#ifndef LI_BUNDLE_INTERNAL_H
#define LI_BUNDLE_INTERNAL_H

#include "bundle/bundle.h"
#include "bundle/table.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LI_SLICE_FULL = -1 };

/* One dimension of a slice; length LI_SLICE_FULL: the whole of it. */
struct li_extent {
    int64_t start, length;
};

struct li_entry {
    struct li_bundle_entry entry; /* first: what callers hold is a pointer to it */
    size_t key_len;               /* keys of slices have NUL bytes inside */
    int32_t shard;
    int64_t offset, size;      /* in the shard; unchecked */
    uint32_t crc;              /* masked */
    struct li_extent *extents; /* [slices][rank], when the tensor is saved in slices and has no bytes of its own */
    size_t slices;
    _Atomic(void *) data; /* NULL until read and found right; then the elements */
    bool owned;           /* data is memory, not the mapped file; written before data */
};

struct li_shard {
    struct li_file file;
    bool open;
};

struct li_bundle {
    struct li_mem *mem;
    struct li_arena arena;  /* keys, entries, extents */
    const char *prefix;     /* "model/variables/variables" */
    const char *where;      /* the index, for errors */
    struct li_entry *entry; /* all of them, sorted by key: slices come first, as their keys begin with a zero byte */
    size_t entries, slices, capacity;
    bool has_header;
    int32_t shards;
    struct li_mem *files;   /* whose memory files are read into; NULL: they are mapped */
    struct li_shard *shard; /* opened when first needed, under the lock */
    pthread_mutex_t lock;
    struct li_fork_guard guard; /* of lock */
};

/* Open with the bytes of an index, which need not outlive the call; prefix names the data files. */
lince_status li_bundle_open_bytes(struct li_bundle **out, struct li_bytes index, const char *prefix, struct li_mem *mem,
                                  lince_error *err);

/*
 * entries.c: take one entry of the table into the bundle (li_table_entry), and look at all of them once they are
 * there.
 */
lince_status li_bundle_add(void *bundle, struct li_bytes key, struct li_bytes value, lince_error *err);
lince_status li_bundle_check(struct li_bundle *bundle, lince_error *err);

/* The entry of any key, slices included; NULL when there is none. */
struct li_entry *li_bundle_lookup(const struct li_bundle *bundle, struct li_bytes key);

/*
 * slices.c: read the slices of an entry and put them together at data, size bytes of it, in memory the caller frees.
 * Memory is taken when all slices are known to be there.
 */
lince_status li_bundle_join_slices(void **data, struct li_bundle *bundle, struct li_entry *entry, size_t size,
                                   lince_error *err);

/* read.c: the whole of a data file, opened when that has not happened. */
lince_status li_bundle_shard(struct li_bytes *out, struct li_bundle *bundle, int32_t number, lince_error *err);

/* read.c: what li_bundle_read() checks, anew, whether the entry was read or not. */
lince_status li_bundle_verify_entry(struct li_bundle *bundle, struct li_entry *entry, lince_error *err);

/* The bytes of an entry in its shard, size of them, checksum not compared. */
lince_status li_bundle_locate(struct li_bytes *out, struct li_bundle *bundle, const struct li_entry *entry, size_t size,
                              lince_error *err);

/* entries.c: order of pointers to entries by shard, then by offset. */
int li_bundle_compare_places(const void *a, const void *b);

/*
 * read.c: the checksum of string lengths goes over a length as the 4 bytes of its value, or 8 where 4 do not hold it;
 * not over its varint.
 */
uint32_t li_bundle_crc_length(uint32_t crc, uint64_t length);

/* A slice with its extents made plain. */
struct li_bundle_part {
    int64_t start[LI_MAX_RANK];
    struct li_shape shape;
};

/* slices.c: slice i of an entry; LINCE_EINVAL when it leaves the tensor. */
lince_status li_bundle_part_place(struct li_bundle_part *out, const struct li_entry *entry, size_t i, lince_error *err);
/* Its own entry, which has its dtype and shape. */
lince_status li_bundle_part_find(struct li_entry **out, const struct li_bundle *bundle, const struct li_entry *entry,
                                 size_t i, const struct li_bundle_part *part, lince_error *err);
/* Where the row of a slice at these coordinates begins in the whole, in elements; the coordinates go on to the next. */
size_t li_bundle_part_offset(const struct li_bundle_part *part, const struct li_shape *whole, int64_t *at);

/* ---- write.c ---- */

struct li_bundle_writer {
    struct li_mem *mem;
    struct li_arena arena; /* keys, extents, paths */
    struct li_sink *data;
    struct li_file_sink file; /* all zero when data goes elsewhere */
    const char *data_path, *index_path;
    bool made_data, made_index; /* files that are there and not complete */
    struct li_entry *entry;     /* in the order of adding until the table is written */
    size_t entries, capacity;
    int64_t offset;
    lince_status failed; /* of a write: what the data file holds since is not known */
};

/* A writer whose data goes to a sink; the table is written to another when all tensors are there. */
lince_status li_bundle_writer_new(struct li_bundle_writer **out, struct li_sink *data, struct li_mem *mem,
                                  lince_error *err);
lince_status li_bundle_writer_table(struct li_bundle_writer *writer, struct li_sink *index, lince_error *err);

/* An entry whose elements come in pieces: begin, then elements or bytes, its crc, end. No other may begin before. */
lince_status li_bundle_writer_begin(struct li_entry **out, struct li_bundle_writer *writer, struct li_bytes key,
                                    lince_dtype dtype, const struct li_shape *shape, lince_error *err);
lince_status li_bundle_writer_elements(struct li_bundle_writer *writer, struct li_entry *entry, const void *data,
                                       size_t size_bytes, uint32_t *crc, lince_error *err);
lince_status li_bundle_writer_raw(struct li_bundle_writer *writer, struct li_entry *entry, struct li_bytes bytes,
                                  lince_error *err);
void li_bundle_writer_end(struct li_bundle_writer *writer, struct li_entry *entry);

/* A tensor under any key, those of slices included, all at once. */
lince_status li_bundle_writer_tensor(struct li_bundle_writer *writer, struct li_bytes key,
                                     const struct li_tensor *tensor, lince_error *err);

/* The key of one slice of a tensor; returns its length, or 0 when it would pass LI_TABLE_MAX_KEY. */
size_t li_slice_key(uint8_t key[LI_TABLE_MAX_KEY], const char *name, const struct li_extent *extents, int rank);

#endif
