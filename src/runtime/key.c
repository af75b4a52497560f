/* How an expression is spelled as bytes: two that are spelled alike are the same. */
#include "key.h"

#include <string.h>

void li_key_put(struct li_key *k, const void *data, size_t len)
{
    if (k->status) {
        return;
    }
    if (len > k->room - k->len) {
        size_t room = (k->len + len) * 2 + 64;
        uint8_t *grown = li_realloc(k->mem, k->data, room, k->err);
        if (!grown) {
            k->status = LINCE_ENOMEM;
            return;
        }
        k->data = grown;
        k->room = room;
    }
    if (len) {
        memcpy(k->data + k->len, data, len);
    }
    k->len += len;
}

void li_key_u64(struct li_key *k, uint64_t value)
{
    li_key_put(k, &value, sizeof value);
}

/* A list, with its length in front: no two lists of attributes have one spelling. */
static void put_list(struct li_key *k, const void *data, size_t count, size_t size)
{
    li_key_u64(k, data ? count : UINT64_MAX);
    li_key_put(k, data, data ? count * size : 0);
}

/* Small contents are spelled out; large ones lie in the model's memory, and are told apart by where. */
void li_key_tensor(struct li_key *k, const struct li_tensor *t, uint64_t unique)
{
    li_key_u64(k, (uint64_t)t->dtype);
    li_key_u64(k, (uint64_t)t->shape.rank);
    li_key_put(k, t->shape.dim, (size_t)t->shape.rank * sizeof t->shape.dim[0]);
    if (t->dtype == LINCE_STRING) {
        li_key_u64(k, unique); /* never shared */
    } else if (t->size_bytes <= LI_MAX_FOLD_BYTES) {
        li_key_put(k, t->data, t->size_bytes);
    } else {
        li_key_put(k, &t->data, sizeof t->data);
    }
}

/* Only the members that the kind says hold something. */
void li_key_attr(struct li_key *k, const struct li_attr *a, uint64_t unique)
{
    size_t shapes = a->kind == LI_ATTR_SHAPES ? a->count : a->kind == LI_ATTR_SHAPE && a->shape ? 1 : 0;
    li_key_u64(k, (uint64_t)a->kind);
    li_key_u64(k, (uint64_t)a->i);
    li_key_put(k, &a->f, sizeof a->f);
    if (a->kind == LI_ATTR_STRING || a->kind == LI_ATTR_FUNC) {
        put_list(k, a->s, a->s_len, 1);
    } else if (a->kind == LI_ATTR_INTS || a->kind == LI_ATTR_BOOLS || a->kind == LI_ATTR_TYPES) {
        put_list(k, a->ints, a->count, sizeof *a->ints);
    } else if (a->kind == LI_ATTR_FLOATS) {
        put_list(k, a->floats, a->count, sizeof *a->floats);
    } else if (a->kind == LI_ATTR_STRINGS || a->kind == LI_ATTR_FUNCS) {
        li_key_u64(k, a->count);
        for (size_t i = 0; i < a->count; i++) {
            put_list(k, a->strings[i], strlen(a->strings[i]), 1);
        }
    } else if (a->kind == LI_ATTR_TENSOR && a->tensor) {
        li_key_tensor(k, a->tensor, unique);
    }
    for (size_t i = 0; i < shapes; i++) {
        li_key_u64(k, (uint64_t)a->shape[i].rank);
        li_key_put(k, a->shape[i].dim, (size_t)LI_MAX(a->shape[i].rank, 0) * sizeof a->shape[i].dim[0]);
    }
}
