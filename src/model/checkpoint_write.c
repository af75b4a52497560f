/* A model's checkpoint written again: its variables' present values, and all else that it holds as it is. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

/* A variable, by the entry that it was read from. */
struct saved {
    const struct li_bundle_entry *entry;
    struct li_resource *resource;
    int32_t number;
};

struct saving {
    struct li_model *model;
    struct saved *saved; /* sorted by entry */
    size_t count;
};

static int compare_entries(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct saved *)a)->entry, y = (uintptr_t)((const struct saved *)b)->entry;
    return (x > y) - (x < y);
}

/* The read lock is held, so a variable that is added from now on has the checkpoint's value. */
static lince_status list_variables(struct saving *s, struct li_arena *scratch, lince_error *err)
{
    struct li_store *store = s->model->store;
    int32_t n = store->count;
    s->saved = li_arena_alloc(scratch, (size_t)n * sizeof *s->saved, err);
    if (!s->saved) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < n; i++) {
        struct li_resource *r = li_store_get(store, i);
        const struct li_bundle_entry *entry = li_checkpoint_entry(r);
        if (entry) {
            s->saved[s->count++] = (struct saved){entry, r, i};
        }
    }
    if (s->count) {
        qsort(s->saved, s->count, sizeof *s->saved, compare_entries);
    }
    return LINCE_OK;
}

/* Two variables of one entry: there is room for one value. */
static lince_status check_equal(const struct saving *s, const struct saved *a, const struct saved *b, lince_error *err)
{
    LI_TRY(li_store_ready(s->model->store, a->number, err));
    LI_TRY(li_store_ready(s->model->store, b->number, err));
    const struct li_tensor *x = &a->resource->value, *y = &b->resource->value;
    if (x->size_bytes == 0 || memcmp(x->data, y->data, x->size_bytes) == 0) {
        return LINCE_OK;
    }
    return li_fail(err, LINCE_EUNSUPPORTED,
                   "variables \"%.500s\" and \"%.500s\" were read from one tensor of the checkpoint, \"%.500s\", and "
                   "have different values now",
                   a->resource->name, b->resource->name, a->entry->key);
}

/* The value of a variable that has memory of its own. What others have is still what the checkpoint holds. */
static lince_status present_value(void *context, const struct li_bundle_entry *entry, const struct li_tensor **value,
                                  lince_error *err)
{
    const struct saving *s = context;
    const struct saved key = {.entry = entry}, *end = s->saved + s->count;
    const struct saved *first = s->count ? bsearch(&key, s->saved, s->count, sizeof *s->saved, compare_entries) : NULL;
    if (!first) {
        return LINCE_OK;
    }
    while (first > s->saved && first[-1].entry == entry) {
        first--;
    }
    for (const struct saved *v = first; v < end && v->entry == entry; v++) {
        bool written = v->resource->owned || first->resource->owned;
        if (v != first && written) {
            LI_TRY(check_equal(s, first, v, err));
        }
        if (v->resource->owned) {
            *value = &v->resource->value;
        }
    }
    return LINCE_OK;
}

/* One moment: no commit comes between the first value and the last. */
static lince_status write_values(struct saving *s, struct li_bundle *from, struct li_bundle_writer *to,
                                 lince_error *err)
{
    struct li_store *store = s->model->store;
    struct li_arena scratch;
    li_arena_init(&scratch, s->model->mem, 0);
    pthread_rwlock_rdlock(&store->lock);
    lince_status st = list_variables(s, &scratch, err);
    st = st ? st : li_bundle_rewrite(to, from, present_value, s, err);
    pthread_rwlock_unlock(&store->lock);
    li_arena_free(&scratch);
    return st;
}

static lince_status write_checkpoint(struct li_model *m, struct li_bundle *from, const char *prefix, lince_error *err)
{
    struct saving s = {.model = m};
    struct li_bundle_writer *to;
    LI_TRY(li_bundle_writer_open(&to, prefix, m->mem, err));
    lince_status st = write_values(&s, from, to, err);
    st = st ? st : li_bundle_writer_finish(to, err);
    li_bundle_writer_free(to);
    return st;
}

/* A model without variables opened none; there is one all the same, as TensorFlow needs its object graph. */
static lince_status open_unused(struct li_bundle **out, struct li_model *m, struct li_arena *scratch, lince_error *err)
{
    const char *prefix = li_arena_printf(scratch, err, "%s/variables/variables", m->path);
    *out = NULL;
    if (!prefix) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_bundle_open(out, prefix, LI_BUNDLE_MAPPED, m->mem, err);
    return st == LINCE_ENOENT ? LINCE_OK : st;
}

lince_status li_checkpoint_write(struct li_model *m, struct li_folder *folder, lince_error *err)
{
    struct li_bundle *unused = NULL;
    if (!m->bundle) {
        LI_TRY(open_unused(&unused, m, &folder->arena, err));
    }
    if (!m->bundle && !unused) {
        return LINCE_OK;
    }
    const char *prefix = li_folder_path(folder, "variables/variables", err);
    lince_status st = prefix ? li_folder_make(folder, "variables", err) : LINCE_ENOMEM;
    st = st ? st : write_checkpoint(m, m->bundle ? m->bundle : unused, prefix, err);
    li_bundle_close(unused);
    return st;
}
