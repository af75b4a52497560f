#include "prepared.h"

#include <string.h>

static void free_expression(struct li_prepared *cache, struct li_expression *e)
{
    li_free(cache->mem, e->data);
    li_free(cache->mem, e->stamps);
    li_free(cache->mem, e);
}

static void free_cache(struct li_prepared *cache)
{
    struct li_mem *mem = cache->mem;
    li_fork_guard_remove(&cache->guard);
    for (size_t i = 0; i < cache->bucket_count; i++) {
        while (cache->bucket[i]) {
            struct li_expression *e = cache->bucket[i];
            cache->bucket[i] = e->next;
            free_expression(cache, e);
        }
    }
    pthread_mutex_destroy(&cache->lock);
    li_free(mem, cache->bucket);
    li_free(mem, cache);
}

static lince_status new_cache(struct li_prepared **out, struct li_mem *mem, lince_error *err)
{
    enum { BUCKETS = 1 << 12 };
    struct li_prepared *cache = li_calloc(mem, 1, sizeof *cache, err);
    struct li_expression **bucket = cache ? li_calloc(mem, BUCKETS, sizeof(struct li_expression *), err) : NULL;
    if (!bucket) {
        li_free(mem, cache);
        return LINCE_ENOMEM;
    }
    *cache = (struct li_prepared){.mem = mem, .bucket = bucket, .bucket_count = BUCKETS, .next_id = 1};
    pthread_mutex_init(&cache->lock, NULL);
    lince_status st = li_fork_guard_mutex(&cache->guard, LI_FORK_PREPARED, &cache->lock, err);
    if (st) {
        free_cache(cache);
        return st;
    }
    *out = cache;
    return LINCE_OK;
}

/* The store's cache; this one, where it has none yet. */
static struct li_prepared *publish(struct li_store *store, struct li_prepared *made)
{
    pthread_mutex_lock(&store->growth);
    if (!store->prepared) {
        store->prepared = made;
        store->free_prepared = free_cache;
    }
    struct li_prepared *cache = store->prepared;
    pthread_mutex_unlock(&store->growth);
    return cache;
}

lince_status li_prepared_of(struct li_prepared **out, struct li_store *store, lince_error *err)
{
    *out = publish(store, NULL);
    if (*out) {
        return LINCE_OK;
    }
    struct li_prepared *made; /* while no lock is held that a guard takes: its own is added */
    LI_TRY(new_cache(&made, store->mem, err));
    *out = publish(store, made);
    if (*out != made) {
        free_cache(made);
    }
    return LINCE_OK;
}

lince_status li_expression_get(struct li_expression **out, struct li_prepared *cache, const uint8_t *key, size_t len,
                               lince_error *err)
{
    uint64_t hash = li_hash(0, key, len);
    struct li_expression **bucket = &cache->bucket[hash % cache->bucket_count];
    for (struct li_expression *e = *bucket; e; e = e->next) {
        if (e->hash == hash && e->key_len == len && memcmp(e->key, key, len) == 0) {
            e->references++;
            *out = e;
            return LINCE_OK;
        }
    }
    struct li_expression *e = li_calloc(cache->mem, 1, sizeof *e + len, err);
    if (!e) {
        return LINCE_ENOMEM;
    }
    memcpy(e + 1, key, len);
    *e = (struct li_expression){.next = *bucket,
                                .hash = hash,
                                .id = cache->next_id++,
                                .references = 1,
                                .key_len = len,
                                .key = (const uint8_t *)(e + 1)};
    *bucket = e;
    *out = e;
    return LINCE_OK;
}

void li_expression_release(struct li_prepared *cache, struct li_expression *expression)
{
    if (--expression->references > 0) {
        return;
    }
    struct li_expression **at = &cache->bucket[expression->hash % cache->bucket_count];
    while (*at != expression) {
        at = &(*at)->next;
    }
    *at = expression->next;
    free_expression(cache, expression);
}
