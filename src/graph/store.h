/* Resources: the state of a model that outlives a run. Part of graph.h. */
#ifndef LI_GRAPH_STORE_H
#define LI_GRAPH_STORE_H

#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>

enum li_resource_kind { LI_VARIABLE, LI_GENERATOR, LI_TABLE };

/*
 * State that outlives a run. The committed value changes only under the store's write lock, by a run's commit or by a
 * write from outside; each change raises the version.
 */
struct li_resource {
    enum li_resource_kind kind;
    const char *name;  /* for messages */
    lince_dtype dtype; /* of a variable; a generator is uint64[4]: counter (2), key, 0; a table has none */
    struct li_shape shape;
    struct li_tensor value; /* committed; data NULL until li_store_ready() */
    void *owned;            /* LI_ALIGN-aligned memory for a value that was written; NULL while mapped */
    bool bound;             /* owned is the caller's, of that version by its own count; see li_store_bind() */
    uint64_t bound_version;
    void *before;             /* while it is bound: the memory of its own that it had */
    _Atomic uint64_t version; /* starts at 1 */
    atomic_bool ready;        /* value may be read; private to store.c */
    /* Fills value when it is first used (and checks its checksum); NULL when value is there already. */
    lince_status (*load)(struct li_resource *resource, void *context, lince_error *err);
    void *load_context;
    const struct li_table *table; /* LI_TABLE; see ops/table.c */
};

/* All resources of one model; counted, so that it outlives the model while graphs use it. */
struct li_store {
    struct li_mem *mem;
    /* May be read while another thread adds: an array that was outgrown stays, and what it holds stays valid. */
    struct li_resource **_Atomic resources;
    _Atomic int32_t count;
    int32_t room;
    struct li_store_block *blocks; /* all arrays there have been, and the index of generators */
    int32_t *generators;           /* open addressing by the hash of the key; LI_NONE: free */
    int32_t generator_count, generator_room;
    uint64_t seed;                /* of generators whose op names none; drawn from the system unless the user sets it */
    pthread_rwlock_t lock;        /* read: a run. write: a commit, or a write from outside */
    pthread_mutex_t update;       /* held by a run that will commit, and a write: neither may lose the other's */
    pthread_mutex_t growth;       /* loading, adding, owning */
    pthread_mutex_t change;       /* held inside the write lock, by li_store_begin_change(): what a fork waits for */
    struct li_fork_guard guard;   /* of growth and change */
    struct li_prepared *prepared; /* runtime/: results of the prepare parts of all plans */
    void (*free_prepared)(struct li_prepared *prepared);
    atomic_int references;
};

/*
 * Resource i < store->count, also while another thread adds. (Some compilers index an atomic pointer without an atomic
 * load.)
 */
static inline struct li_resource *li_store_get(const struct li_store *store, int32_t i)
{
    return atomic_load_explicit(&store->resources, memory_order_acquire)[i];
}

lince_status li_store_new(struct li_store **out, struct li_mem *mem, lince_error *err);
void li_store_retain(struct li_store *store);
void li_store_release(struct li_store *store);
lince_status li_store_add(struct li_store *store, enum li_resource_kind kind, const char *name, lince_dtype dtype,
                          const struct li_shape *shape, int32_t *out, lince_error *err);
/*
 * The generator of a random op, found by the op's key (function and node) or made: seeded by seed and seed2 as
 * TensorFlow does.
 */
lince_status li_store_generator(struct li_store *store, const char *key, int64_t seed, int64_t seed2, int32_t *out,
                                lince_error *err);
/* The state that a generator begins with where not the op but the caller names a seed. */
void li_generator_start(uint64_t state[4], const char *key, uint64_t seed);
/* Load it if that has not happened; thread-safe. */
lince_status li_store_ready(struct li_store *store, int32_t resource, lince_error *err);
/*
 * Load it, and give it memory of its own (value.data == owned), so that a commit later cannot fail; the committed value
 * stays what it is. Takes the write lock, as li_store_write() does; li_store_read() takes the read lock: all before a
 * run, not in one.
 */
lince_status li_store_own(struct li_store *store, int32_t resource, lince_error *err);
/*
 * Around whatever changes committed values, a commit above all: alone with them, as the write lock alone makes it, and
 * no child is forked in between. In between, take no lock that a fork takes (base/fork.c).
 */
void li_store_begin_change(struct li_store *store);
void li_store_end_change(struct li_store *store);
/* Copy the committed value out, or a new one in (under the write lock; version + 1). bytes must be the value's size. */
lince_status li_store_read(struct li_store *store, int32_t resource, void *data, size_t bytes, lince_error *err);
lince_status li_store_write(struct li_store *store, int32_t resource, const void *data, size_t bytes, lince_error *err);
/* Free the value of a variable that was added without a file: it has none again. Nothing that touches it may run. */
void li_store_drop(struct li_store *store, int32_t resource);

/*
 * bind.c: the value lies in the caller's memory until it is unbound; writes and commits go there too. The version is
 * raised unless data and version are what they were at the last call. Unbound, it keeps the value it has by then.
 */
lince_status li_store_bind(struct li_store *store, int32_t resource, void *data, size_t bytes, uint64_t version,
                           lince_error *err);
lince_status li_store_unbind(struct li_store *store, int32_t resource, lince_error *err);

#endif
