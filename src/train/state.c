/* What a training keeps beside the model's variables: slots, the count of steps, the variables of a head. */
#include "train.h"

#include <string.h>

void li_state_init(struct li_training_state *state, struct li_store *store, struct li_mem *mem)
{
    *state = (struct li_training_state){.store = store};
    li_arena_init(&state->arena, mem, 0);
}

void li_state_free(struct li_training_state *state)
{
    for (int32_t i = 0; i < state->count; i++) {
        li_store_drop(state->store, state->items[i].resource);
    }
    li_arena_free(&state->arena);
    state->count = 0;
}

static bool is_taken(const struct li_training_state *state, const char *name)
{
    for (int32_t i = 0; i < state->count; i++) {
        if (strcmp(state->items[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The name, or the first of NAME_1, NAME_2 ... that is free: models may have variables of one name. */
static const char *free_name(struct li_training_state *state, const char *name, lince_error *err)
{
    const char *own = li_arena_strdup(&state->arena, name, err);
    for (int32_t i = 1; own && is_taken(state, own); i++) {
        own = li_arena_printf(&state->arena, err, "%s_%d", name, (int)i);
    }
    return own;
}

static lince_status write_start(struct li_store *store, int32_t resource, const struct li_shape *shape,
                                lince_dtype dtype, float start, lince_error *err)
{
    size_t bytes;
    LI_TRY(li_shape_bytes(shape, dtype, &bytes, err));
    float *data = li_calloc(store->mem, bytes + 1, 1, err);
    if (!data) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; dtype == LINCE_FLOAT32 && i < bytes / sizeof *data; i++) {
        data[i] = start;
    }
    lince_status st = li_store_write(store, resource, data, bytes, err);
    li_free(store->mem, data);
    return st;
}

lince_status li_state_add(struct li_training_state *state, const char *name, lince_dtype dtype,
                          const struct li_shape *shape, float start, int32_t *resource, lince_error *err)
{
    LI_TRY(li_arena_grow(&state->arena, &state->items, &state->room, state->count + 1, sizeof *state->items, err));
    const char *own = free_name(state, name, err);
    if (!own) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_store_add(state->store, LI_VARIABLE, own, dtype, shape, resource, err));
    state->items[state->count++] = (struct li_state_item){own, *resource};
    return write_start(state->store, *resource, shape, dtype, start, err);
}
