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

/* ---- Writing (write.c, rewrite.c) -------------------------------------------------------------------------------- */

/*
 * A checkpoint that is being written. Elements go to the data file as they are added and are not kept; what is kept of
 * a tensor is its key and where it lies, until the table is written at the end. For one thread.
 */
struct li_bundle_writer;

/*
 * Begin PREFIX.data-00000-of-00001, a new file in a folder that is there, for instance "model/variables/variables". mem
 * is kept until the writer is freed. LINCE_ENOENT: no such folder. LINCE_EIO: it is there already, or cannot be made.
 */
lince_status li_bundle_writer_open(struct li_bundle_writer **out, const char *prefix, struct li_mem *mem,
                                   lince_error *err);

/*
 * Append a tensor of any dtype that has elements, strings included; data is only read, and may be mapped. Keys may come
 * in any order: of variables such as "kernel/.ATTRIBUTES/VARIABLE_VALUE", of the object graph
 * "_CHECKPOINTABLE_OBJECT_GRAPH", a string of rank 0.
 * LINCE_EINVAL: the key is empty or too long, the shape not full, size_bytes not what shape and dtype take.
 * LINCE_EUNSUPPORTED: the dtype. LINCE_EIO: the disk; every later call fails then.
 */
lince_status li_bundle_writer_add(struct li_bundle_writer *writer, const char *key, const struct li_tensor *tensor,
                                  lince_error *err);

/* Write PREFIX.index; both files are on the disk then. LINCE_EINVAL: two tensors have one key. */
lince_status li_bundle_writer_finish(struct li_bundle_writer *writer, lince_error *err);

/* What was not finished is removed. NULL is fine. */
void li_bundle_writer_free(struct li_bundle_writer *writer);

/*
 * The new value of a tensor or of a slice of one; *value stays NULL when there is none. It is read before the next
 * call.
 */
typedef lince_status li_bundle_value(void *context, const struct li_bundle_entry *entry, const struct li_tensor **value,
                                     lince_error *err);

/*
 * Add all that another checkpoint holds, each with its new value, or with the bytes that it has there, which are
 * compared with their checksum. A tensor that is saved in slices is saved in these slices again.
 * Errors are those of li_bundle_read(), li_bundle_writer_add() and value.
 */
lince_status li_bundle_rewrite(struct li_bundle_writer *to, struct li_bundle *from, li_bundle_value *value,
                               void *context, lince_error *err);

#endif
