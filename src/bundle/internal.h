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

/* The key of one slice of a tensor; returns its length, or 0 when it would pass LI_TABLE_MAX_KEY. */
size_t li_slice_key(uint8_t key[LI_TABLE_MAX_KEY], const char *name, const struct li_extent *extents, int rank);

#endif
