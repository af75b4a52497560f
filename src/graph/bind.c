/*
 * Variables whose value lies in the caller's memory: a host that owns the weights binds them, and neither a run nor a
 * commit copies anything. All that writes to a resource writes to `owned`; while it is bound that is the caller's.
 */
#include "internal.h"

#include <string.h>

static lince_status check_memory(const struct li_resource *r, const void *data, size_t bytes, lince_error *err)
{
    LI_TRY(li_resource_check_size(r, bytes, err));
    size_t each = li_dtype_size(r->dtype);
    if (bytes && !data) {
        return li_fail(err, LINCE_EINVAL, "variable \"%s\" is bound to NULL, wanted %zu bytes", r->name, bytes);
    }
    if ((uintptr_t)data % each != 0) {
        return li_fail(err, LINCE_EINVAL, "variable \"%s\" is bound to %p, wanted a multiple of %zu", r->name, data,
                       each);
    }
    return LINCE_OK;
}

/* A change has begun. */
static void bind(struct li_resource *r, void *data, uint64_t version)
{
    if (r->bound && r->owned == data && r->bound_version == version) {
        return;
    }
    r->before = r->bound ? r->before : r->owned;
    r->bound = true;
    r->bound_version = version;
    r->owned = data;
    r->value.data = data;
    atomic_fetch_add(&r->version, 1);
}

lince_status li_store_bind(struct li_store *store, int32_t resource, void *data, size_t bytes, uint64_t version,
                           lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_find(store, resource, &r, err));
    LI_TRY(check_memory(r, data, bytes, err));
    LI_TRY(li_store_ready(store, resource, err));
    pthread_mutex_lock(&store->update);
    li_store_begin_change(store);
    bind(r, data, version);
    li_store_end_change(store);
    pthread_mutex_unlock(&store->update);
    return LINCE_OK;
}

/* A change has begun. What was made from the value stays right, so its version stays too. */
static lince_status unbind(struct li_store *store, struct li_resource *r, lince_error *err)
{
    void *own = !r->bound || r->before ? r->before : li_alloc(store->mem, r->value.size_bytes, err);
    if (!r->bound) {
        return LINCE_OK;
    }
    if (!own) {
        return LINCE_ENOMEM;
    }
    if (r->value.size_bytes) {
        memcpy(own, r->owned, r->value.size_bytes);
    }
    r->owned = own;
    r->value.data = own;
    r->before = NULL;
    r->bound = false;
    return LINCE_OK;
}

lince_status li_store_unbind(struct li_store *store, int32_t resource, lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_find(store, resource, &r, err));
    pthread_mutex_lock(&store->update);
    li_store_begin_change(store);
    lince_status st = unbind(store, r, err);
    li_store_end_change(store);
    pthread_mutex_unlock(&store->update);
    return st;
}
