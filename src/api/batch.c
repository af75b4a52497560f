/* Many photos into one batch. */
#include "api.h"

#include <string.h>

/* What the threads share: they take photos one after the other, as some are ten times as long as others. */
struct batch {
    const lince_photo *photos;
    size_t count;
    struct li_load_options how;
    struct li_mem *mem;
    lince_dtype dtype;
    char *out;
    size_t slot_bytes, slot_values;
    lince_status *statuses;
    lince_error *errors;
    unsigned subnormals; /* of the caller's thread */
    atomic_size_t next;
    pthread_mutex_t lock;
    size_t failed; /* guarded by lock: the first photo that failed, count while there is none, and why */
    lince_error why;
};

static lince_status load_bytes(const struct batch *b, struct li_bytes file, void *slot, lince_error *err)
{
    if (b->dtype == LINCE_FLOAT32) {
        return li_image_load(slot, (int64_t)b->slot_values, file, &b->how, b->mem, err);
    }
    float *floats = li_alloc(b->mem, b->slot_values * sizeof *floats, err);
    if (!floats) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_image_load(floats, (int64_t)b->slot_values, file, &b->how, b->mem, err);
    if (!st) {
        li_image_convert(slot, b->dtype, floats, LINCE_FLOAT32, (int64_t)b->slot_values);
    }
    li_free(b->mem, floats);
    return st;
}

static lince_status load_file(const struct batch *b, const char *path, void *slot, lince_error *err)
{
    struct li_file file;
    LI_TRY(li_file_map(&file, path, err));
    lince_status st = load_bytes(b, file.bytes, slot, err);
    li_file_unmap(&file);
    return st ? li_prefix(err, st, "%s", path) : LINCE_OK;
}

static lince_status load_photo(const struct batch *b, size_t i, lince_error *err)
{
    const lince_photo *photo = &b->photos[i];
    void *slot = b->out + i * b->slot_bytes;
    if (photo->path) {
        return load_file(b, photo->path, slot, err);
    }
    lince_status st = photo->data ? load_bytes(b, (struct li_bytes){photo->data, photo->size_bytes}, slot, err)
                                  : li_fail(err, LINCE_EINVAL, "neither a path nor bytes are given");
    return st ? li_prefix(err, st, "photo %zu", i) : LINCE_OK;
}

static void note(struct batch *b, size_t i, lince_status st, const lince_error *err)
{
    if (b->statuses) {
        b->statuses[i] = st;
    }
    if (b->errors) {
        b->errors[i] = *err;
    }
    if (!st) {
        return;
    }
    memset(b->out + i * b->slot_bytes, 0, b->slot_bytes);
    pthread_mutex_lock(&b->lock);
    if (i < b->failed) {
        b->failed = i;
        b->why = *err;
    }
    pthread_mutex_unlock(&b->lock);
}

/*
 * Until none is left: one task a thread, and as many that find nothing to do when the pool was busy. A pool's threads
 * flush subnormal numbers, the caller's as a rule does not; a photo's bits are those it would get in the caller's.
 */
static void load_some(void *context, int64_t task, int worker)
{
    struct batch *b = context;
    unsigned before = li_subnormals_flush();
    (void)task;
    (void)worker;
    li_subnormals_restore(b->subnormals);
    for (size_t i; (i = atomic_fetch_add(&b->next, 1)) < b->count;) {
        lince_error err = {.code = LINCE_OK, .text = ""};
        lince_status st = load_photo(b, i, &err);
        note(b, i, st, &err);
    }
    li_subnormals_restore(before);
}

static lince_status check_out(const lince_tensor *out, size_t count, struct li_tensor *to, lince_error *err)
{
    LI_TRY(li_api_tensor(to, out, "out", err));
    if (to->dtype != LINCE_FLOAT32 && to->dtype != LINCE_UINT8) {
        return li_fail(err, LINCE_EINVAL, "out is %s; float32 or uint8 is wanted", lince_dtype_name(to->dtype));
    }
    if (to->shape.rank != 4 || (uint64_t)to->shape.dim[0] != count || to->shape.dim[3] != 3) {
        char text[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL, "out is %s; [%zu,height,width,3] is wanted", li_shape_text(&to->shape, text),
                       count);
    }
    return LINCE_OK;
}

static lince_status prepare(struct batch *b, const lince_image_options *options, const lince_tensor *out,
                            lince_error *err)
{
    struct li_tensor to;
    if (b->count) {
        LI_NEED("lince_image_load_batch", b->photos);
    }
    LI_NEED("lince_image_load_batch", out);
    LI_TRY(check_out(out, b->count, &to, err));
    LI_TRY(li_api_load_options(&b->how, options, to.shape.dim[1], to.shape.dim[2], err));
    if (to.dtype == LINCE_UINT8 && b->how.range != LI_RANGE_0_1) {
        return li_fail(err, LINCE_EINVAL, "out is uint8, for which mean and std must be 0 and 1");
    }
    b->dtype = to.dtype;
    b->out = to.data;
    b->slot_values = (size_t)(to.shape.dim[1] * to.shape.dim[2] * 3);
    b->slot_bytes = b->slot_values * lince_dtype_size(to.dtype);
    return LINCE_OK;
}

static void load_all(struct batch *b, lince_pool *pool)
{
    b->subnormals = li_subnormals_flush();
    li_subnormals_restore(b->subnormals);
    pthread_mutex_init(&b->lock, NULL);
    if (pool) {
        li_pool_run(pool->pool, LI_MIN(li_pool_threads(pool->pool), (int64_t)b->count), load_some, b);
    } else {
        load_some(b, 0, 0);
    }
    pthread_mutex_destroy(&b->lock);
}

static lince_status fail_all(const struct batch *b, lince_status st, const lince_error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->statuses) {
            b->statuses[i] = st;
        }
        if (b->errors) {
            b->errors[i] = *err;
        }
    }
    return st;
}

lince_status lince_image_load_batch(const lince_photo *photos, size_t count, const lince_image_options *options,
                                    lince_pool *pool, const lince_tensor *out, lince_status *statuses,
                                    lince_error *errors, lince_error *err)
{
    lince_error own;
    struct batch b = {.photos = photos, .count = count, .failed = count, .statuses = statuses, .errors = errors};
    err = err ? err : &own;
    lince_status st = prepare(&b, options, out, err);
    if (!st && !(b.mem = li_mem_new(NULL, NULL, NULL, 0))) {
        st = li_fail(err, LINCE_ENOMEM, "no memory to load images");
    }
    if (st) {
        return fail_all(&b, st, err);
    }
    load_all(&b, pool);
    li_mem_release(b.mem);
    return b.failed < count ? li_fail(err, b.why.code, "%s", b.why.text) : LINCE_OK;
}
