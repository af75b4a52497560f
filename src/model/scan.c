/* What the traces of a callable need: every op, and what of them is unsupported. */
#include "model/inline.h"

#include <stdlib.h>
#include <string.h>

struct li_scan {
    struct li_arena arena;
    const char **op, **unsupported;
    size_t op_count, unsupported_count;
};

/* Texts gathered from all traces; repetitions are dropped at the end. */
struct gathered {
    const char **text;
    size_t count;
    int32_t room;
};

static lince_status gather(struct gathered *g, const char *text, struct li_arena *arena, lince_error *err)
{
    LI_TRY(li_grow(arena->mem, &g->text, &g->room, (int64_t)g->count + 1, sizeof *g->text, err));
    g->text[g->count] = li_arena_strdup(arena, text, err);
    return g->text[g->count++] ? LINCE_OK : LINCE_ENOMEM;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_unique(const char **text, size_t *count)
{
    size_t n = 0;
    if (*count) {
        qsort(text, *count, sizeof *text, compare_texts);
    }
    for (size_t i = 0; i < *count; i++) {
        if (!n || strcmp(text[n - 1], text[i]) != 0) {
            text[n++] = text[i];
        }
    }
    *count = n;
}

static lince_status keep(struct gathered *g, const char ***out, size_t *count, struct li_arena *arena, lince_error *err)
{
    sort_unique(g->text, &g->count);
    *out = li_arena_calloc(arena, g->count, sizeof **out, err);
    if (!*out) {
        return LINCE_ENOMEM;
    }
    if (g->count) {
        memcpy(*out, g->text, g->count * sizeof **out);
    }
    *count = g->count;
    return LINCE_OK;
}

/* Every tensor of the trace as an input. */
static lince_status bind_inputs(struct li_binding *b, lince_error *err)
{
    b->bound = li_arena_calloc(&b->arena, b->trace->spec_count, sizeof *b->bound, err);
    if (!b->bound) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < b->trace->spec_count; i++) {
        b->bound[i].input = (int32_t)i;
    }
    return LINCE_OK;
}

/* A repetition within one trace is dropped before it is copied. */
static lince_status gather_import(struct li_import *im, struct gathered *ops, struct gathered *missing,
                                  struct li_arena *arena, lince_error *err)
{
    sort_unique(im->op, &im->op_count);
    for (size_t i = 0; i < im->op_count; i++) {
        LI_TRY(gather(ops, im->op[i], arena, err));
    }
    for (size_t i = 0; i < im->missing_count; i++) {
        LI_TRY(gather(missing, im->missing[i].what, arena, err));
    }
    return LINCE_OK;
}

/* A trace that cannot be imported for another reason is told with that reason. */
static lince_status scan_trace(struct li_callable *c, const struct li_trace *trace, struct gathered *ops,
                               struct gathered *missing, struct li_arena *arena, lince_error *err)
{
    lince_error inner = {0};
    struct li_binding b = {.callable = c, .trace = trace};
    struct li_import im = {.collect_ops = true, .err = &inner};
    li_arena_init(&b.arena, arena->mem, 0);
    lince_status st = bind_inputs(&b, err);
    if (!st) {
        lince_status broken = li_import_run(&im, &b);
        st = broken == LINCE_ENOMEM ? li_fail(err, broken, "%s", inner.text) : LINCE_OK;
        st = st ? st : gather_import(&im, ops, missing, arena, err);
        if (!st && broken && !im.missing_count) {
            st = gather(missing, inner.text, arena, err);
        }
        li_import_end(&im);
    }
    li_arena_free(&b.arena);
    return st;
}

static lince_status scan_all(struct li_scan *scan, struct li_callable *c, lince_error *err)
{
    struct gathered ops = {0}, missing = {0};
    lince_status st = LINCE_OK;
    for (size_t i = 0; !st && i < c->trace_count; i++) {
        st = scan_trace(c, &c->trace[i], &ops, &missing, &scan->arena, err);
    }
    st = st ? st : keep(&ops, &scan->op, &scan->op_count, &scan->arena, err);
    st = st ? st : keep(&missing, &scan->unsupported, &scan->unsupported_count, &scan->arena, err);
    li_free(c->model->mem, ops.text);
    li_free(c->model->mem, missing.text);
    return st;
}

static void free_scan(struct li_scan *scan, struct li_mem *mem)
{
    if (scan) {
        li_arena_free(&scan->arena);
        li_free(mem, scan);
    }
}

/* Two threads may scan at once; the first one's result stays. */
static lince_status need_scan(struct li_callable *c, const struct li_scan **out, lince_error *err)
{
    struct li_model *m = c->model;
    pthread_mutex_lock(&m->lock);
    struct li_scan *scan = c->scan;
    pthread_mutex_unlock(&m->lock);
    if (!scan) {
        struct li_scan *made = li_calloc(m->mem, 1, sizeof *made, err);
        if (!made) {
            return LINCE_ENOMEM;
        }
        li_arena_init(&made->arena, m->mem, 0);
        lince_status st = scan_all(made, c, err);
        if (st) {
            free_scan(made, m->mem);
            return st;
        }
        pthread_mutex_lock(&m->lock);
        scan = c->scan ? c->scan : made;
        c->scan = scan;
        pthread_mutex_unlock(&m->lock);
        if (scan != made) {
            free_scan(made, m->mem);
        }
    }
    *out = scan;
    return LINCE_OK;
}

lince_status li_callable_ops(struct li_callable *c, const char *const **names, size_t *count, lince_error *err)
{
    const struct li_scan *scan;
    LI_TRY(need_scan(c, &scan, err));
    *names = scan->op;
    *count = scan->op_count;
    return LINCE_OK;
}

lince_status li_callable_unsupported(struct li_callable *c, const char *const **texts, size_t *count, lince_error *err)
{
    const struct li_scan *scan;
    LI_TRY(need_scan(c, &scan, err));
    *texts = scan->unsupported;
    *count = scan->unsupported_count;
    return LINCE_OK;
}

void li_scan_free(struct li_callable *c)
{
    free_scan(c->scan, c->model->mem);
    c->scan = NULL;
}
