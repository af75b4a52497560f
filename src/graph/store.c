/* Resources: variables, generators and tables of a model, and who may read or write them when. */
#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* An array of resources that was in use at some time; readers may still look at an old one. */
struct li_store_block {
    struct li_store_block *next;
    struct li_resource *resources[];
};

/* ---- New and free ------------------------------------------------------------------------------------------------ */

static uint64_t system_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        seed = li_hash((uint64_t)now.tv_sec, &now.tv_nsec, sizeof now.tv_nsec);
    }
    return seed;
}

lince_status li_store_new(struct li_store **out, struct li_mem *mem, lince_error *err)
{
    struct li_store *store = li_calloc(mem, 1, sizeof *store, err);
    if (!store) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_store_init_locks(store, err);
    if (st) {
        li_free(mem, store);
        return st;
    }
    li_mem_retain(mem);
    store->mem = mem;
    store->seed = system_seed();
    atomic_init(&store->references, 1);
    *out = store;
    return LINCE_OK;
}

void li_store_retain(struct li_store *store)
{
    atomic_fetch_add(&store->references, 1);
}

static void free_resources(struct li_store *store)
{
    for (int32_t i = 0; i < store->count; i++) {
        struct li_resource *r = li_store_get(store, i);
        li_free(store->mem, r->bound ? r->before : r->owned);
        li_free(store->mem, (char *)r->name);
        li_free(store->mem, r);
    }
    while (store->blocks) {
        struct li_store_block *next = store->blocks->next;
        li_free(store->mem, store->blocks);
        store->blocks = next;
    }
    li_free(store->mem, store->generators);
}

void li_store_release(struct li_store *store)
{
    if (!store || atomic_fetch_sub(&store->references, 1) != 1) {
        return;
    }
    struct li_mem *mem = store->mem;
    if (store->prepared && store->free_prepared) {
        store->free_prepared(store->prepared);
    }
    free_resources(store);
    li_store_fini_locks(store);
    li_free(mem, store);
    li_mem_release(mem);
}

/* ---- Adding; growth is held -------------------------------------------------------------------------------------- */

static lince_status make_room(struct li_store *store, lince_error *err)
{
    if (store->count < store->room) {
        return LINCE_OK;
    }
    if (store->count >= LI_MAX_OBJECTS) {
        return li_fail(err, LINCE_ELIMIT, "the model has more than %d variables, tables and generators",
                       LI_MAX_OBJECTS);
    }
    int32_t room = LI_MAX(store->room * 2, 16);
    struct li_store_block *block = li_alloc(store->mem, sizeof *block + (size_t)room * sizeof block->resources[0], err);
    if (!block) {
        return LINCE_ENOMEM;
    }
    if (store->count) {
        memcpy(block->resources, store->resources, (size_t)store->count * sizeof block->resources[0]);
    }
    block->next = store->blocks;
    store->blocks = block;
    store->room = room;
    store->resources = block->resources;
    return LINCE_OK;
}

static lince_status new_resource(struct li_resource **out, struct li_store *store, const char *name, lince_error *err)
{
    struct li_resource *r = li_calloc(store->mem, 1, sizeof *r, err);
    if (!r) {
        return LINCE_ENOMEM;
    }
    r->name = li_strdup(store->mem, name, err);
    if (!r->name) {
        li_free(store->mem, r);
        return LINCE_ENOMEM;
    }
    atomic_init(&r->version, 1);
    *out = r;
    return LINCE_OK;
}

static lince_status add(struct li_store *store, enum li_resource_kind kind, const char *name, lince_dtype dtype,
                        const struct li_shape *shape, int32_t *out, lince_error *err)
{
    struct li_resource *r;
    size_t bytes = 0;
    if (shape && li_shape_full(shape)) {
        lince_status st = li_shape_bytes(shape, dtype, &bytes, err);
        if (st) {
            return li_prefix(err, st, "variable \"%s\"", name);
        }
    }
    LI_TRY(make_room(store, err));
    LI_TRY(new_resource(&r, store, name, err));
    r->kind = kind;
    r->dtype = dtype;
    r->shape = shape ? *shape : (struct li_shape){.rank = 0};
    r->value = (struct li_tensor){.dtype = dtype, .shape = r->shape, .size_bytes = bytes};
    *out = store->count;
    store->resources[*out] = r;
    store->count = *out + 1; /* seen by others only now that the resource is whole */
    return LINCE_OK;
}

lince_status li_store_add(struct li_store *store, enum li_resource_kind kind, const char *name, lince_dtype dtype,
                          const struct li_shape *shape, int32_t *out, lince_error *err)
{
    pthread_mutex_lock(&store->growth);
    lince_status st = add(store, kind, name, dtype, shape, out, err);
    pthread_mutex_unlock(&store->growth);
    return st;
}

/* ---- Generators; growth is held ---------------------------------------------------------------------------------- */

/* Where in the index the generator of a key is, or would go. The index is never full. */
static int32_t *find_slot(const struct li_store *store, int32_t *index, int32_t room, const char *key)
{
    uint64_t at = li_hash(0, key, strlen(key));
    for (;; at++) {
        int32_t *slot = &index[at & (uint64_t)(room - 1)];
        if (*slot < 0 || strcmp(li_store_get(store, *slot)->name, key) == 0) {
            return slot;
        }
    }
}

static lince_status grow_index(struct li_store *store, lince_error *err)
{
    if (store->generator_count * 2 < store->generator_room) {
        return LINCE_OK;
    }
    int32_t room = LI_MAX(store->generator_room * 2, 32);
    int32_t *index = li_alloc(store->mem, (size_t)room * sizeof *index, err);
    if (!index) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < room; i++) {
        index[i] = LI_NONE;
    }
    for (int32_t i = 0; i < store->generator_room; i++) {
        int32_t generator = store->generators[i];
        if (generator >= 0) {
            *find_slot(store, index, room, li_store_get(store, generator)->name) = generator;
        }
    }
    li_free(store->mem, store->generators);
    store->generators = index;
    store->generator_room = room;
    return LINCE_OK;
}

/* Philox counter (low, high), key. */
void li_generator_start(uint64_t state[4], const char *key, uint64_t seed)
{
    state[0] = 0;
    state[2] = li_hash(seed, key, strlen(key));
    state[1] = li_hash(state[2], key, strlen(key));
    state[3] = 0;
}

/* seed is the key and seed2 the upper half of the counter; both 0 mean: any. */
static void seed_state(const struct li_store *store, const char *key, int64_t seed, int64_t seed2, uint64_t state[4])
{
    li_generator_start(state, key, store->seed);
    if (seed != 0 || seed2 != 0) {
        state[1] = (uint64_t)seed2;
        state[2] = (uint64_t)seed;
    }
}

static lince_status add_generator(struct li_store *store, const char *key, int64_t seed, int64_t seed2, int32_t *out,
                                  lince_error *err)
{
    LI_TRY(grow_index(store, err));
    int32_t *slot = find_slot(store, store->generators, store->generator_room, key);
    if (*slot >= 0) {
        *out = *slot;
        return LINCE_OK;
    }
    uint64_t *state = li_alloc(store->mem, 4 * sizeof *state, err);
    if (!state) {
        return LINCE_ENOMEM;
    }
    lince_status st = add(store, LI_GENERATOR, key, LINCE_UINT64, &(struct li_shape){1, {4}}, out, err);
    if (st) {
        li_free(store->mem, state);
        return st;
    }
    struct li_resource *r = li_store_get(store, *out);
    seed_state(store, key, seed, seed2, state);
    r->owned = state;
    r->value.data = state;
    r->ready = true;
    *slot = *out;
    store->generator_count++;
    return LINCE_OK;
}

lince_status li_store_generator(struct li_store *store, const char *key, int64_t seed, int64_t seed2, int32_t *out,
                                lince_error *err)
{
    pthread_mutex_lock(&store->growth);
    lince_status st = add_generator(store, key, seed, seed2, out, err);
    pthread_mutex_unlock(&store->growth);
    return st;
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

lince_status li_store_find(const struct li_store *store, int32_t resource, struct li_resource **out, lince_error *err)
{
    if (resource < 0 || resource >= store->count) {
        return li_fail(err, LINCE_EINVAL, "there is no variable %d, wanted 0 to %d", (int)resource,
                       (int)store->count - 1);
    }
    *out = li_store_get(store, resource);
    return LINCE_OK;
}

/* growth is held. */
static lince_status load(struct li_resource *r, lince_error *err)
{
    if (r->ready) {
        return LINCE_OK;
    }
    if (r->load && !r->value.data) {
        LI_TRY(r->load(r, r->load_context, err));
    }
    if (!r->value.data && r->kind != LI_TABLE) {
        return li_fail(err, LINCE_EINVAL, "variable \"%s\" has no value", r->name);
    }
    r->ready = true;
    return LINCE_OK;
}

lince_status li_store_ready(struct li_store *store, int32_t resource, lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_find(store, resource, &r, err));
    if (r->ready) {
        return LINCE_OK;
    }
    pthread_mutex_lock(&store->growth);
    lince_status st = load(r, err);
    pthread_mutex_unlock(&store->growth);
    return st;
}

/* A change has begun, or nobody knows the value yet. */
static lince_status take_memory(struct li_store *store, struct li_resource *r, lince_error *err)
{
    if (r->owned) {
        return LINCE_OK;
    }
    void *own = li_alloc(store->mem, r->value.size_bytes, err);
    if (!own) {
        return LINCE_ENOMEM;
    }
    if (r->value.data && r->value.size_bytes) {
        memcpy(own, r->value.data, r->value.size_bytes);
    }
    r->owned = own;
    r->value.data = own;
    return LINCE_OK;
}

lince_status li_store_own(struct li_store *store, int32_t resource, lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_ready(store, resource, err));
    LI_TRY(li_store_find(store, resource, &r, err));
    li_store_begin_change(store);
    lince_status st = take_memory(store, r, err);
    li_store_end_change(store);
    return st;
}

/* By the declared shape, which never changes: another thread may be loading the value. */
lince_status li_resource_check_size(const struct li_resource *r, size_t bytes, lince_error *err)
{
    size_t wanted;
    if (r->kind == LI_TABLE || r->dtype == LINCE_STRING) {
        return li_fail(err, LINCE_EUNSUPPORTED, "\"%s\" is a %s, not an array of numbers", r->name,
                       r->kind == LI_TABLE ? "table" : "string");
    }
    LI_TRY(li_shape_bytes(&r->shape, r->dtype, &wanted, err));
    if (bytes != wanted) {
        return li_fail(err, LINCE_EINVAL, "variable \"%s\" takes %zu bytes, found %zu", r->name, wanted, bytes);
    }
    return LINCE_OK;
}

lince_status li_store_read(struct li_store *store, int32_t resource, void *data, size_t bytes, lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_find(store, resource, &r, err));
    LI_TRY(li_resource_check_size(r, bytes, err));
    LI_TRY(li_store_ready(store, resource, err));
    pthread_rwlock_rdlock(&store->lock);
    if (bytes) {
        memcpy(data, r->value.data, bytes);
    }
    pthread_rwlock_unlock(&store->lock);
    return LINCE_OK;
}

/* A variable that was made without a value gets its first one here; until then nobody can read it. */
static lince_status make_first(struct li_store *store, struct li_resource *r, lince_error *err)
{
    lince_status st = LINCE_OK;
    pthread_mutex_lock(&store->growth);
    if (!r->ready && !r->load && !r->value.data) {
        st = take_memory(store, r, err);
        if (!st) {
            memset(r->owned, 0, r->value.size_bytes);
            r->ready = true;
        }
    }
    pthread_mutex_unlock(&store->growth);
    return st;
}

lince_status li_store_write(struct li_store *store, int32_t resource, const void *data, size_t bytes, lince_error *err)
{
    struct li_resource *r;
    LI_TRY(li_store_find(store, resource, &r, err));
    LI_TRY(li_resource_check_size(r, bytes, err));
    LI_TRY(make_first(store, r, err));
    LI_TRY(li_store_ready(store, resource, err));
    pthread_mutex_lock(&store->update); /* or a run that read the old value could overwrite this one */
    li_store_begin_change(store);
    lince_status st = take_memory(store, r, err);
    if (!st) {
        if (bytes) {
            memcpy(r->owned, data, bytes);
        }
        atomic_fetch_add(&r->version, 1);
    }
    li_store_end_change(store);
    pthread_mutex_unlock(&store->update);
    return st;
}

void li_store_drop(struct li_store *store, int32_t resource)
{
    struct li_resource *r = li_store_get(store, resource);
    pthread_mutex_lock(&store->update);
    pthread_mutex_lock(&store->growth);
    li_store_begin_change(store);
    li_free(store->mem, r->owned);
    r->owned = NULL;
    r->value.data = NULL;
    r->ready = false;
    li_store_end_change(store);
    pthread_mutex_unlock(&store->growth);
    pthread_mutex_unlock(&store->update);
}
