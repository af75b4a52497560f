/* What the traces of a callable tell when they are imported, each once: what they need, what numbers they give. */
#include "model/inline.h"

#include <stdlib.h>
#include <string.h>

enum list { OPS, UNSUPPORTED, LISTS };

/* Sorted, each once. */
struct texts {
    const char **text;
    size_t count;
};

/* What one trace told. */
struct told {
    struct li_arena arena;
    struct texts list[LISTS];
    enum li_scores *scores; /* by output; NULL: it cannot be imported */
};

/* Made when something is asked first, and guarded by the model's lock; what its pointers lead to stays as it is. */
struct li_scan {
    struct told **told;      /* by trace; NULL: not imported yet */
    struct texts all[LISTS]; /* of all traces, whose texts they are; text NULL: not asked for yet */
};

/* ---- Texts ---- */

static lince_status new_texts(struct texts *out, struct li_arena *arena, size_t room, lince_error *err)
{
    out->text = li_arena_calloc(arena, room, sizeof *out->text, err);
    return out->text ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status add_text(struct texts *to, const char *text, struct li_arena *arena, lince_error *err)
{
    to->text[to->count] = li_arena_strdup(arena, text, err);
    return to->text[to->count++] ? LINCE_OK : LINCE_ENOMEM;
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

/* ---- One trace ---- */

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

/* Repetitions are dropped before anything is copied. */
static lince_status keep_ops(struct told *t, struct li_import *im, lince_error *err)
{
    sort_unique(im->op, &im->op_count);
    LI_TRY(new_texts(&t->list[OPS], &t->arena, im->op_count, err));
    for (size_t i = 0; i < im->op_count; i++) {
        LI_TRY(add_text(&t->list[OPS], im->op[i], &t->arena, err));
    }
    return LINCE_OK;
}

/* broken: why it cannot be imported, told when nothing in it is unsupported; NULL: it can. */
static lince_status keep_unsupported(struct told *t, const struct li_import *im, const char *broken, lince_error *err)
{
    struct texts *list = &t->list[UNSUPPORTED];
    LI_TRY(new_texts(list, &t->arena, im->missing_count + 1, err));
    for (size_t i = 0; i < im->missing_count; i++) {
        LI_TRY(add_text(list, im->missing[i].what, &t->arena, err));
    }
    if (broken && !im->missing_count) {
        LI_TRY(add_text(list, broken, &t->arena, err));
    }
    sort_unique(list->text, &list->count);
    return LINCE_OK;
}

static lince_status keep_scores(struct told *t, const struct li_graph *g, lince_error *err)
{
    t->scores = li_arena_calloc(&t->arena, (size_t)g->output_count, sizeof *t->scores, err);
    for (int32_t i = 0; t->scores && i < g->output_count; i++) {
        t->scores[i] = li_passes_scores(g, g->outputs[i]);
    }
    return t->scores ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status keep(struct told *t, struct li_import *im, const char *broken, lince_error *err)
{
    LI_TRY(keep_ops(t, im, err));
    LI_TRY(keep_unsupported(t, im, broken, err));
    return broken ? LINCE_OK : keep_scores(t, im->whole, err);
}

static lince_status import(struct told *t, struct li_binding *b, lince_error *err)
{
    lince_error inner = {0};
    struct li_import im = {.collect_ops = true, .err = &inner};
    LI_TRY(bind_inputs(b, err));
    lince_status broken = li_import_run(&im, b);
    lince_status st =
        broken == LINCE_ENOMEM ? li_fail(err, broken, "%s", inner.text) : keep(t, &im, broken ? inner.text : NULL, err);
    li_import_end(&im);
    return st;
}

static void free_told(struct told *t, struct li_mem *mem)
{
    if (t) {
        li_arena_free(&t->arena);
        li_free(mem, t);
    }
}

static lince_status new_told(struct told **out, struct li_callable *c, size_t trace, lince_error *err)
{
    struct li_mem *mem = c->model->mem;
    struct told *t = li_calloc(mem, 1, sizeof *t, err);
    if (!t) {
        return LINCE_ENOMEM;
    }
    struct li_binding b = {.callable = c, .trace = &c->trace[trace]};
    li_arena_init(&t->arena, mem, 0);
    li_arena_init(&b.arena, mem, 0);
    lince_status st = import(t, &b, err);
    li_arena_free(&b.arena);
    if (st) {
        free_told(t, mem);
        return st;
    }
    *out = t;
    return LINCE_OK;
}

/* ---- What is kept ---- */

/* The model's lock is held. */
static lince_status need_scan(struct li_callable *c, lince_error *err)
{
    if (c->scan) {
        return LINCE_OK;
    }
    struct li_mem *mem = c->model->mem;
    struct li_scan *scan = li_calloc(mem, 1, sizeof *scan, err);
    struct told **told = li_calloc(mem, c->trace_count + 1, sizeof *told, err);
    if (!scan || !told) {
        li_free(mem, scan);
        li_free(mem, told);
        return LINCE_ENOMEM;
    }
    scan->told = told;
    c->scan = scan;
    return LINCE_OK;
}

/* Importing takes the lock itself. Two threads may import one trace at once; what was told first stays. */
static lince_status need_told(const struct told **out, struct li_callable *c, size_t trace, lince_error *err)
{
    struct li_model *m = c->model;
    struct told *made = NULL;
    pthread_mutex_lock(&m->lock);
    lince_status st = need_scan(c, err);
    if (!st && !c->scan->told[trace]) {
        pthread_mutex_unlock(&m->lock);
        st = new_told(&made, c, trace, err);
        pthread_mutex_lock(&m->lock);
    }
    if (!st && !c->scan->told[trace]) {
        c->scan->told[trace] = made;
        made = NULL;
    }
    if (!st) {
        *out = c->scan->told[trace];
    }
    pthread_mutex_unlock(&m->lock);
    free_told(made, m->mem);
    return st;
}

/* The model's lock is held, and all traces have told. */
static lince_status join(struct texts *out, const struct li_callable *c, enum list which, lince_error *err)
{
    size_t room = 1;
    for (size_t i = 0; i < c->trace_count; i++) {
        room += c->scan->told[i]->list[which].count;
    }
    out->text = li_calloc(c->model->mem, room, sizeof *out->text, err);
    if (!out->text) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < c->trace_count; i++) {
        const struct texts *one = &c->scan->told[i]->list[which];
        for (size_t k = 0; k < one->count; k++) {
            out->text[out->count++] = one->text[k];
        }
    }
    sort_unique(out->text, &out->count);
    return LINCE_OK;
}

static lince_status need_all(struct texts *out, struct li_callable *c, enum list which, lince_error *err)
{
    const struct told *told;
    for (size_t i = 0; i < c->trace_count; i++) {
        LI_TRY(need_told(&told, c, i, err));
    }
    pthread_mutex_lock(&c->model->lock);
    lince_status st = need_scan(c, err);
    if (!st && !c->scan->all[which].text) {
        st = join(&c->scan->all[which], c, which, err);
    }
    if (!st) {
        *out = c->scan->all[which];
    }
    pthread_mutex_unlock(&c->model->lock);
    return st;
}

void li_scan_free(struct li_callable *c)
{
    struct li_mem *mem = c->model->mem;
    if (!c->scan) {
        return;
    }
    for (size_t i = 0; i < c->trace_count; i++) {
        free_told(c->scan->told[i], mem);
    }
    for (int i = 0; i < LISTS; i++) {
        li_free(mem, c->scan->all[i].text);
    }
    li_free(mem, c->scan->told);
    li_free(mem, c->scan);
    c->scan = NULL;
}

/* ---- What is asked ---- */

lince_status li_callable_ops(struct li_callable *c, const char *const **names, size_t *count, lince_error *err)
{
    struct texts all;
    LI_TRY(need_all(&all, c, OPS, err));
    *names = all.text;
    *count = all.count;
    return LINCE_OK;
}

lince_status li_callable_unsupported(struct li_callable *c, const char *const **texts, size_t *count, lince_error *err)
{
    struct texts all;
    LI_TRY(need_all(&all, c, UNSUPPORTED, err));
    *texts = all.text;
    *count = all.count;
    return LINCE_OK;
}

lince_status li_callable_scores(struct li_callable *c, const struct li_trace *trace, int32_t output,
                                enum li_scores *scores, lince_error *err)
{
    const struct told *told;
    LI_TRY(need_told(&told, c, (size_t)(trace - c->trace), err));
    *scores = told->scores ? told->scores[output] : LI_SCORES_ANY;
    return LINCE_OK;
}
