/*
 * The counting allocator. Each block is taken a little larger than asked for, so that the pointer given out stands on a
 * LI_ALIGN boundary with a header right below it:
 *
 *     raw                    header          pointer
 *     | up to LI_ALIGN - 1   | raw, total    | bytes ...
 *
 * What is counted, and held against the limit, is the whole block: a million tiny ones cost what they cost.
 */
#include "base/base.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct li_mem {
    void *(*alloc)(size_t bytes, void *context); /* NULL: malloc */
    void (*release)(void *pointer, void *context);
    void *context;
    size_t limit;
    atomic_size_t used;
    atomic_size_t peak;
    atomic_uint_fast64_t allocations;
    atomic_uint references;
};

struct header {
    void *raw;
    size_t total;
};

enum { OVERHEAD = sizeof(struct header) + LI_ALIGN - 1 };

static void raw_free(struct li_mem *mem, void *raw)
{
    if (mem->release) {
        mem->release(raw, mem->context);
    } else {
        free(raw);
    }
}

struct li_mem *li_mem_new(void *(*alloc)(size_t bytes, void *context), void (*release)(void *pointer, void *context),
                          void *context, size_t limit_bytes)
{
    if (!alloc != !release) {
        return NULL; /* half of the user's pair, half of ours: no block could be freed */
    }
    struct li_mem *mem = alloc ? alloc(sizeof *mem, context) : malloc(sizeof *mem);
    if (!mem) {
        return NULL;
    }
    mem->alloc = alloc;
    mem->release = release;
    mem->context = context;
    mem->limit = limit_bytes ? limit_bytes : SIZE_MAX;
    atomic_init(&mem->used, 0);
    atomic_init(&mem->peak, 0);
    atomic_init(&mem->allocations, 0);
    atomic_init(&mem->references, 1);
    return mem;
}

void li_mem_retain(struct li_mem *mem)
{
    atomic_fetch_add_explicit(&mem->references, 1, memory_order_relaxed);
}

void li_mem_release(struct li_mem *mem)
{
    if (mem && atomic_fetch_sub_explicit(&mem->references, 1, memory_order_acq_rel) == 1) {
        raw_free(mem, mem);
    }
}

/* Add total to the count unless that passes the limit. */
static bool reserve(struct li_mem *mem, size_t total, size_t *used_before)
{
    size_t used = atomic_load_explicit(&mem->used, memory_order_relaxed);

    do {
        *used_before = used;
        if (used > mem->limit || total > mem->limit - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&mem->used, &used, used + total, memory_order_relaxed,
                                                    memory_order_relaxed));

    size_t now = used + total;
    size_t peak = atomic_load_explicit(&mem->peak, memory_order_relaxed);
    while (peak < now &&
           !atomic_compare_exchange_weak_explicit(&mem->peak, &peak, now, memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

static void unreserve(struct li_mem *mem, size_t total)
{
    atomic_fetch_sub_explicit(&mem->used, total, memory_order_relaxed);
}

static void *raw_alloc(struct li_mem *mem, size_t total, bool clear)
{
    if (mem->alloc) {
        void *raw = mem->alloc(total, mem->context);
        return raw && clear ? memset(raw, 0, total) : raw;
    }
    return clear ? calloc(1, total) : malloc(total); /* calloc knows which pages are clear already */
}

static void *take(struct li_mem *mem, size_t bytes, bool clear, lince_error *err)
{
    size_t total, used;

    if (!li_add_size(bytes, OVERHEAD, &total)) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu bytes: no such size", bytes);
        return NULL;
    }
    atomic_fetch_add_explicit(&mem->allocations, 1, memory_order_relaxed);
    if (!reserve(mem, total, &used)) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu bytes: %zu are in use and the memory limit is %zu", bytes, used,
                mem->limit);
        return NULL;
    }
    char *raw = raw_alloc(mem, total, clear);
    if (!raw) {
        unreserve(mem, total);
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu bytes: out of memory", bytes);
        return NULL;
    }
    size_t skip = sizeof(struct header);
    skip += (LI_ALIGN - ((uintptr_t)raw + skip) % LI_ALIGN) % LI_ALIGN;
    struct header *header = (struct header *)(void *)(raw + skip) - 1;
    header->raw = raw;
    header->total = total;
    return raw + skip;
}

void *li_alloc(struct li_mem *mem, size_t bytes, lince_error *err)
{
    return take(mem, bytes, false, err);
}

void *li_calloc(struct li_mem *mem, size_t count, size_t size, lince_error *err)
{
    size_t bytes;

    if (!li_mul_size(count, size, &bytes)) {
        li_fail(err, LINCE_ENOMEM, "cannot allocate %zu times %zu bytes: no such size", count, size);
        return NULL;
    }
    return take(mem, bytes, true, err);
}

void *li_realloc(struct li_mem *mem, void *pointer, size_t bytes, lince_error *err)
{
    void *grown = take(mem, bytes, false, err);

    if (grown && pointer) {
        const struct header *header = (const struct header *)pointer - 1;
        memcpy(grown, pointer, LI_MIN(bytes, header->total - OVERHEAD));
        li_free(mem, pointer);
    }
    return grown;
}

void li_free(struct li_mem *mem, void *pointer)
{
    if (!pointer) {
        return;
    }
    const struct header header = ((const struct header *)pointer)[-1];
    unreserve(mem, header.total);
    raw_free(mem, header.raw);
}

char *li_strdup(struct li_mem *mem, const char *text, lince_error *err)
{
    size_t bytes = strlen(text) + 1;
    char *copy = li_alloc(mem, bytes, err);

    return copy ? memcpy(copy, text, bytes) : NULL;
}

size_t li_mem_used_bytes(const struct li_mem *mem)
{
    return atomic_load_explicit(&mem->used, memory_order_relaxed);
}

size_t li_mem_peak_bytes(const struct li_mem *mem)
{
    return atomic_load_explicit(&mem->peak, memory_order_relaxed);
}

uint64_t li_mem_allocations(const struct li_mem *mem)
{
    return atomic_load_explicit(&mem->allocations, memory_order_relaxed);
}
