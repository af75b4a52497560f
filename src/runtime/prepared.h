/*
 * Results that plans keep between runs: packed weights, folded batch norms. They live with the model's store, one for
 * each expression, however many plans and sessions use it; private to runtime/.
 */
#ifndef LI_RUNTIME_PREPARED_H
#define LI_RUNTIME_PREPARED_H

#include "graph/graph.h"

/* A variable that an expression reads, and the version its value was made from. */
struct li_stamp {
    int32_t resource;
    uint64_t version;
};

/* One expression: an op with attributes on other expressions, a constant, or a variable. */
struct li_expression {
    struct li_expression *next; /* in its bucket */
    uint64_t hash, id;          /* id: never used again in this store */
    int32_t references;
    size_t key_len;
    const uint8_t *key;
    /*
     * Of what a step reads, once it is made. Written under the cache's lock, while no run that could read it is under
     * way.
     */
    void *data;
    struct li_stamp *stamps;
    int32_t stamp_count;
};

struct li_prepared {
    struct li_mem *mem;
    pthread_mutex_t lock;
    struct li_fork_guard guard; /* of lock */
    struct li_expression **bucket;
    size_t bucket_count;
    uint64_t next_id;
};

/* The store's cache, made when there is none. */
lince_status li_prepared_of(struct li_prepared **out, struct li_store *store, lince_error *err);
/* With the lock held: the expression with this key, one reference more. */
lince_status li_expression_get(struct li_expression **out, struct li_prepared *cache, const uint8_t *key, size_t len,
                               lince_error *err);
void li_expression_release(struct li_prepared *cache, struct li_expression *expression);

#endif
