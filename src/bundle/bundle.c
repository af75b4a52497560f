/* Opening and closing a checkpoint, and finding things in it. */
#include "bundle/internal.h"

#include <string.h>

static lince_status fill(struct li_bundle *b, struct li_bytes index, const char *prefix, lince_error *err)
{
    b->prefix = li_arena_strdup(&b->arena, prefix, err);
    b->where = b->prefix ? li_arena_printf(&b->arena, err, "%s.index", prefix) : NULL;
    if (!b->where) {
        return LINCE_ENOMEM;
    }
    /*
     * Keys are spelled as what they differ in, so a small table can hold large ones. No honest table comes near this:
     * a key's own bytes and its entry are half of what we keep of them, and blocks shrink to a third by compression.
     */
    size_t limit;
    if (!li_mul_size(index.len, 64, &limit) || !li_add_size(limit, (size_t)1 << 20, &limit)) {
        limit = 0;
    }
    b->arena.limit_bytes = limit;
    lince_status st = li_table_each(index, b->where, b->mem, li_bundle_add, b, err);
    const char *other = st == LINCE_EFORMAT ? li_bytes_foreign(index) : NULL;
    if (other) {
        return li_fail(err, st, "%s: this is %s", b->where, other);
    }
    return st ? st : li_bundle_check(b, err);
}

static lince_status new_bundle(struct li_bundle **out, struct li_mem *mem, lince_error *err)
{
    struct li_bundle *b = li_calloc(mem, 1, sizeof *b, err);

    if (!b) {
        return LINCE_ENOMEM;
    }
    if (pthread_mutex_init(&b->lock, NULL)) {
        li_free(mem, b);
        return li_fail(err, LINCE_ENOMEM, "the system has no lock left");
    }
    lince_status st = li_fork_guard_mutex(&b->guard, LI_FORK_BUNDLE, &b->lock, err);
    if (st) {
        pthread_mutex_destroy(&b->lock);
        li_free(mem, b);
        return st;
    }
    li_mem_retain(mem);
    b->mem = mem;
    li_arena_init(&b->arena, mem, 0);
    *out = b;
    return LINCE_OK;
}

lince_status li_bundle_open_bytes(struct li_bundle **out, struct li_bytes index, const char *prefix, struct li_mem *mem,
                                  lince_error *err)
{
    struct li_bundle *b = NULL;

    LI_TRY(new_bundle(&b, mem, err));
    lince_status st = fill(b, index, prefix, err);
    if (st) {
        li_bundle_close(b);
        return st;
    }
    *out = b;
    return LINCE_OK;
}

static lince_status open_index(struct li_bundle **out, const char *prefix, struct li_mem *files, struct li_mem *mem,
                               lince_error *err)
{
    struct li_arena scratch;
    struct li_file index;

    li_arena_init(&scratch, mem, 0);
    const char *path = li_arena_printf(&scratch, err, "%s.index", prefix);
    lince_status st = path ? li_file_read(&index, path, files, err) : LINCE_ENOMEM;
    if (!st) {
        st = li_bundle_open_bytes(out, index.bytes, prefix, mem, err);
        li_file_unmap(&index);
    }
    li_arena_free(&scratch);
    return st;
}

/* A shard that the header does not have is an error of the entry that lies in it. */
static lince_status read_shards(struct li_bundle *b, lince_error *err)
{
    struct li_bytes bytes;
    for (size_t i = 0; i < b->entries; i++) {
        const struct li_entry *e = &b->entry[i];
        if (!e->slices && e->shard >= 0 && e->shard < b->shards) {
            LI_TRY(li_bundle_shard(&bytes, b, e->shard, err));
        }
    }
    return LINCE_OK;
}

lince_status li_bundle_open(struct li_bundle **out, const char *prefix, enum li_bundle_files files, struct li_mem *mem,
                            lince_error *err)
{
    struct li_bundle *b;
    struct li_mem *read_into = files == LI_BUNDLE_IN_MEMORY ? mem : NULL;

    LI_TRY(open_index(&b, prefix, read_into, mem, err));
    b->files = read_into;
    lince_status st = read_into ? read_shards(b, err) : LINCE_OK;
    if (st) {
        li_bundle_close(b);
        return st;
    }
    *out = b;
    return LINCE_OK;
}

void li_bundle_close(struct li_bundle *b)
{
    if (!b) {
        return;
    }
    struct li_mem *mem = b->mem;
    li_fork_guard_remove(&b->guard);
    for (size_t i = 0; i < b->entries; i++) {
        if (b->entry[i].owned) {
            li_free(mem, atomic_load(&b->entry[i].data));
        }
    }
    for (int32_t i = 0; i < b->shards && b->shard; i++) {
        li_file_unmap(&b->shard[i].file); /* all zero where it was not opened */
    }
    li_free(mem, b->shard);
    li_free(mem, b->entry);
    li_arena_free(&b->arena);
    pthread_mutex_destroy(&b->lock);
    li_free(mem, b);
    li_mem_release(mem);
}

size_t li_bundle_count(const struct li_bundle *b)
{
    return b->entries - b->slices;
}

const struct li_bundle_entry *li_bundle_at(const struct li_bundle *b, size_t i)
{
    return &b->entry[b->slices + i].entry;
}

struct li_entry *li_bundle_lookup(const struct li_bundle *b, struct li_bytes key)
{
    size_t low = 0, high = b->entries;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct li_entry *e = &b->entry[middle];
        int order = li_table_compare((struct li_bytes){(const uint8_t *)e->entry.key, e->key_len}, key);
        if (order == 0) {
            return e;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct li_bundle_entry *li_bundle_find(const struct li_bundle *b, const char *key)
{
    struct li_entry *e = li_bundle_lookup(b, (struct li_bytes){(const uint8_t *)key, strlen(key)});

    return e ? &e->entry : NULL;
}

lince_status li_bundle_get(const struct li_bundle_entry **out, const struct li_bundle *b, const char *key,
                           lince_error *err)
{
    *out = li_bundle_find(b, key);
    return *out ? LINCE_OK
                : li_fail(err, LINCE_ENOENT, "%s: no tensor \"%s\" among its %zu", b->where, key, li_bundle_count(b));
}
