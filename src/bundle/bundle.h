/*
 * bundle: TensorFlow's checkpoint format ("tensor bundle"): a sorted table of keys, PREFIX.index, beside the files
 * with the tensors' bytes, PREFIX.data-NNNNN-of-MMMMM. Reading maps the files, or copies them into memory; a tensor is
 * touched when it is read.
 */
#ifndef LI_BUNDLE_H
#define LI_BUNDLE_H

#include "base/base.h"

/* A checkpoint that is open for reading. Any number of threads may read from it. */
struct li_bundle;

/* What the table says of one tensor. Borrowed until li_bundle_close(). */
struct li_bundle_entry {
    const char *key;       /* such as "kernel/.ATTRIBUTES/VARIABLE_VALUE" */
    lince_dtype dtype;     /* as the file has it: it may be a number this library does not know */
    struct li_shape shape; /* full */
};

/* Where the bytes of data files are: mapped when an entry needs them, or in memory from the opening on. */
enum li_bundle_files { LI_BUNDLE_MAPPED, LI_BUNDLE_IN_MEMORY };

/*
 * Open PREFIX.index, for instance "model/variables/variables", and read its table whole; in memory: also the data files
 * that it speaks of, whose absence is an error of the opening then. mem is kept until the close.
 * LINCE_ENOENT: no index. LINCE_EFORMAT: no table, keys out of order, no header. LINCE_ECORRUPT: checksums, lengths,
 * tensors that overlap. LINCE_EINVAL: shapes that are none. LINCE_EUNSUPPORTED: big-endian, a newer version, Snappy
 * left out.
 */
lince_status li_bundle_open(struct li_bundle **out, const char *prefix, enum li_bundle_files files, struct li_mem *mem,
                            lince_error *err);
void li_bundle_close(struct li_bundle *bundle);

/* The tensors, sorted by key. */
size_t li_bundle_count(const struct li_bundle *bundle);
const struct li_bundle_entry *li_bundle_at(const struct li_bundle *bundle, size_t i);

/* NULL when there is no such key. */
const struct li_bundle_entry *li_bundle_find(const struct li_bundle *bundle, const char *key);

/* li_bundle_find() for who needs the tensor: LINCE_ENOENT names the key and the file. */
lince_status li_bundle_get(const struct li_bundle_entry **out, const struct li_bundle *bundle, const char *key,
                           lince_error *err);

/*
 * The entry of one slice of a tensor that is saved in slices, from start on and of this length in each dimension; NULL
 * when there is none.
 */
const struct li_bundle_entry *li_bundle_slice(const struct li_bundle *bundle, const struct li_bundle_entry *entry,
                                              const int64_t *start, const int64_t *length);

/*
 * The tensor of an entry of this bundle, its checksum compared the first time. out->data is borrowed until
 * li_bundle_close() and must not be written. It points into the mapped file when the tensor is aligned to its elements
 * there (the format does not see to that); a tensor that is not, strings, and a variable saved in slices are put
 * together in memory once and kept.
 * LINCE_ENOENT: no data file, no slice. LINCE_ECORRUPT: a size, an offset or a checksum is wrong. LINCE_EINVAL: a
 * shard that the header does not have, slices that overlap or leave gaps. LINCE_EUNSUPPORTED: the dtype.
 */
lince_status li_bundle_read(struct li_tensor *out, struct li_bundle *bundle, const struct li_bundle_entry *entry,
                            lince_error *err);

/*
 * Do all tensors agree with their checksums? What is compared is what the files hold now (or held when they were read
 * into memory), whatever was read before. *failed receives how many do not, or cannot be read as li_bundle_read() says;
 * the error is that of the first by key, with their number. LINCE_ENOMEM ends it, and says nothing of the others.
 */
lince_status li_bundle_verify(struct li_bundle *bundle, size_t *failed, lince_error *err);

#endif
