/* Many small things with one lifetime: blocks that double in size, given back together. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct li_arena_block {
    struct li_arena_block *next;
    size_t size; /* bytes in data */
    size_t used;
    _Alignas(ALIGN) char data[];
};

void li_arena_init(struct li_arena *arena, struct li_mem *mem, size_t limit_bytes)
{
    *arena = (struct li_arena){.mem = mem, .limit_bytes = limit_bytes};
}

static bool fits(const struct li_arena *arena, size_t size)
{
    return !arena->limit_bytes ||
           (arena->used_bytes <= arena->limit_bytes && size <= arena->limit_bytes - arena->used_bytes);
}

/*
 * A block with room for bytes. The first in the list is the one that is filled; a large one of its own stands second.
 */
static struct li_arena_block *add_block(struct li_arena *arena, size_t bytes, lince_error *err)
{
    struct li_arena_block *head = arena->blocks;
    size_t size = head ? LI_MIN(head->size * 2, (size_t)LARGEST_BLOCK) : FIRST_BLOCK;
    bool own = bytes > size / 2 || !fits(arena, size);

    if (own) {
        size = bytes;
    }
    if (!fits(arena, size)) {
        arena->limited = true;
        li_fail(err, LINCE_ELIMIT, "%zu bytes more than the %zu in use pass the limit of %zu", size, arena->used_bytes,
                arena->limit_bytes);
        return NULL;
    }
    struct li_arena_block *block = li_alloc(arena->mem, sizeof *block + size, err);
    if (!block) {
        return NULL;
    }
    block->size = size;
    block->used = 0;
    arena->used_bytes += size;
    if (own && head) {
        block->next = head->next;
        head->next = block;
    } else {
        block->next = head;
        arena->blocks = block;
    }
    return block;
}

void *li_arena_alloc(struct li_arena *arena, size_t bytes, lince_error *err)
{
    if (bytes > SIZE_MAX / 2) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu bytes: no such size", bytes);
        return NULL;
    }
    bytes = (LI_MAX(bytes, (size_t)1) + ALIGN - 1) / ALIGN * ALIGN;

    struct li_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        block = add_block(arena, bytes, err);
    }
    if (!block) {
        return NULL;
    }
    void *pointer = block->data + block->used;
    block->used += bytes;
    return pointer;
}

void *li_arena_calloc(struct li_arena *arena, size_t count, size_t size, lince_error *err)
{
    size_t bytes;

    if (!li_mul_size(count, size, &bytes)) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu times %zu bytes: no such size", count, size);
        return NULL;
    }
    void *pointer = li_arena_alloc(arena, bytes, err);
    return pointer ? memset(pointer, 0, bytes) : NULL;
}

char *li_arena_strndup(struct li_arena *arena, const char *text, size_t bytes, lince_error *err)
{
    size_t with_end;

    if (!li_add_size(bytes, 1, &with_end)) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu bytes: no such size", bytes);
        return NULL;
    }
    char *copy = li_arena_alloc(arena, with_end, err);
    if (copy) {
        if (bytes) {
            memcpy(copy, text, bytes);
        }
        copy[bytes] = '\0';
    }
    return copy;
}

char *li_arena_strdup(struct li_arena *arena, const char *text, lince_error *err)
{
    return li_arena_strndup(arena, text, strlen(text), err);
}

char *li_arena_printf(struct li_arena *arena, lince_error *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        li_fail(err, LINCE_EINVAL, "a text made from \"%s\" cannot be written", format);
        return NULL;
    }
    char *text = li_arena_alloc(arena, (size_t)len + 1, err);
    if (text) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    return text;
}

void li_arena_free(struct li_arena *arena)
{
    struct li_arena_block *next;

    for (struct li_arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        li_free(arena->mem, block);
    }
    arena->blocks = NULL;
    arena->used_bytes = 0;
}
