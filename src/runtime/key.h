/* The bytes that name an expression; private to runtime/. */
#ifndef LI_RUNTIME_KEY_H
#define LI_RUNTIME_KEY_H

#include "graph/graph.h"

/* Grows; a failed allocation is remembered in status. Free data with li_free(). */
struct li_key {
    uint8_t *data;
    size_t len, room;
    struct li_mem *mem;
    lince_status status;
    lince_error *err;
};

void li_key_put(struct li_key *key, const void *data, size_t len);
void li_key_u64(struct li_key *key, uint64_t value);
/* Strings are told apart by `unique`, a number that is never used again. */
void li_key_tensor(struct li_key *key, const struct li_tensor *tensor, uint64_t unique);
void li_key_attr(struct li_key *key, const struct li_attr *attr, uint64_t unique);

#endif
