/* Arrays that grow. */
#include "base.h"

#include <string.h>

/* Doubling, so that what is appended one by one is moved only now and then. */
static lince_status larger(int32_t room, int64_t count, size_t size, int32_t *out, size_t *bytes, lince_error *err)
{
    enum { FIRST = 8 };
    int64_t wanted = LI_MAX(LI_MAX(count, 2 * (int64_t)room), FIRST);
    wanted = wanted > INT32_MAX && count <= INT32_MAX ? count : wanted;
    if (wanted > INT32_MAX || !li_mul_size((size_t)wanted, size, bytes)) {
        return li_fail(err, LINCE_ELIMIT, "a list of %lld entries", (long long)count);
    }
    *out = (int32_t)wanted;
    return LINCE_OK;
}

/* The caller's pointer has a type of its own, so its bytes are copied. */
static void *load(const void *array)
{
    void *at;
    memcpy(&at, array, sizeof at);
    return at;
}

static void store(void *array, void *moved)
{
    memcpy(array, &moved, sizeof moved);
}

static void clear(void *array, int32_t from, int32_t to, size_t size)
{
    memset((char *)array + (size_t)from * size, 0, (size_t)(to - from) * size);
}

lince_status li_grow(struct li_mem *mem, void *array, int32_t *room, int64_t count, size_t size, lince_error *err)
{
    int32_t wanted = 0;
    size_t bytes = 0;
    if (count <= *room) {
        return LINCE_OK;
    }
    LI_TRY(larger(*room, count, size, &wanted, &bytes, err));
    void *moved = li_realloc(mem, load(array), bytes, err);
    if (!moved) {
        return LINCE_ENOMEM;
    }
    clear(moved, *room, wanted, size);
    store(array, moved);
    *room = wanted;
    return LINCE_OK;
}

lince_status li_arena_grow(struct li_arena *arena, void *array, int32_t *room, int64_t count, size_t size,
                           lince_error *err)
{
    int32_t wanted = 0;
    size_t bytes = 0;
    if (count <= *room) {
        return LINCE_OK;
    }
    LI_TRY(larger(*room, count, size, &wanted, &bytes, err));
    void *moved = li_arena_alloc(arena, bytes, err);
    if (!moved) {
        return LINCE_ENOMEM;
    }
    if (*room) {
        memcpy(moved, load(array), (size_t)*room * size);
    }
    clear(moved, *room, wanted, size);
    store(array, moved);
    *room = wanted;
    return LINCE_OK;
}
