/*
 * Programs that sessions share. A session and its twin, bound to the same trace with the same arguments, plan once; and
 * a session that is closed and opened again finds its plans and packed weights as it left them. The model keeps the
 * programs used last; one that goes is gone when its last session is.
 *
 * What a session fetches is its own: such a program is not shared.
 */
#include "session.h"

#include "passes/passes.h"
#include "runtime/runtime.h"

#include <string.h>

enum { MAX_PROGRAMS = 16 };

/* What a program was made of. Of each tensor the trace takes: the input that supplies it, or its content, copied. */
struct li_api_program {
    struct li_api_program *next; /* used before it */
    const struct li_trace *trace;
    struct li_arena arena;
    struct li_bound *bound;
    struct li_program *program;
    int32_t results;
};

/* ---- Whether it is the one --------------------------------------------------------------------------------------- */

static bool same_texts(const lince_string *a, const lince_string *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].size != b[i].size || (a[i].size && memcmp(a[i].data, b[i].data, a[i].size) != 0)) {
            return false;
        }
    }
    return true;
}

static bool same_tensor(const struct li_tensor *a, const struct li_tensor *b)
{
    if (a->dtype != b->dtype || !li_shape_equal(&a->shape, &b->shape)) {
        return false;
    }
    if (a->dtype == LINCE_STRING) {
        return same_texts(a->data, b->data, a->size_bytes / sizeof(lince_string));
    }
    return a->size_bytes == 0 || memcmp(a->data, b->data, a->size_bytes) == 0;
}

static bool same_binding(const struct li_api_program *p, const struct li_binding *binding)
{
    for (size_t i = 0; p->trace == binding->trace && i < p->trace->spec_count; i++) {
        const struct li_bound *a = &p->bound[i], *b = &binding->bound[i];
        if (a->input != b->input || (a->input == LI_NONE && !same_tensor(&a->tensor, &b->tensor))) {
            return false;
        }
    }
    return p->trace == binding->trace;
}

/* ---- Making one -------------------------------------------------------------------------------------------------- */

static lince_status copy_tensor(struct li_tensor *to, const struct li_tensor *from, struct li_arena *arena,
                                lince_error *err)
{
    *to = *from;
    to->data = li_arena_alloc(arena, from->size_bytes + 1, err);
    if (!to->data) {
        return LINCE_ENOMEM;
    }
    if (from->size_bytes) {
        memcpy(to->data, from->data, from->size_bytes);
    }
    lince_string *text = from->dtype == LINCE_STRING ? to->data : NULL;
    for (size_t i = 0; text && i < from->size_bytes / sizeof *text; i++) {
        text[i].data = li_arena_strndup(arena, text[i].data, text[i].size, err);
        if (!text[i].data) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

static lince_status copy_binding(struct li_api_program *p, const struct li_binding *binding, lince_error *err)
{
    size_t count = binding->trace->spec_count;
    p->trace = binding->trace;
    p->bound = li_arena_calloc(&p->arena, count + 1, sizeof *p->bound, err);
    for (size_t i = 0; p->bound && i < count; i++) {
        p->bound[i].input = binding->bound[i].input;
        if (p->bound[i].input == LI_NONE) {
            LI_TRY(copy_tensor(&p->bound[i].tensor, &binding->bound[i].tensor, &p->arena, err));
        }
    }
    return p->bound ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status make_program(struct li_program **out, int32_t *results, const struct lince_model *model,
                                 const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err)
{
    static const struct li_stage passes = {.make = li_passes_run};
    const struct li_program_options options = {.env = &model->env, .stages = &passes, .stage_count = 1};
    struct li_graph *graph;
    LI_TRY(li_binding_import(&graph, binding, err));
    *results = graph->output_count;
    lince_status st = li_api_fetch_add(graph, fetch, model->mem, err);
    if (st) {
        li_graph_free(graph);
        return st;
    }
    return li_program_new(out, graph, &options, err);
}

static void free_one(struct lince_model *model, struct li_api_program *p)
{
    if (p) {
        li_program_release(p->program);
        li_arena_free(&p->arena);
        li_free(model->mem, p);
    }
}

static lince_status make_one(struct li_api_program **out, struct lince_model *model, const struct li_binding *binding,
                             lince_error *err)
{
    static const struct li_api_fetch nothing;
    struct li_api_program *p = li_calloc(model->mem, 1, sizeof *p, err);
    if (!p) {
        return LINCE_ENOMEM;
    }
    li_arena_init(&p->arena, model->mem, 0);
    lince_status st = copy_binding(p, binding, err);
    st = st ? st : make_program(&p->program, &p->results, model, binding, &nothing, err);
    if (st) {
        free_one(model, p);
        return st;
    }
    *out = p;
    return LINCE_OK;
}

/* ---- The list; its lock is held ---------------------------------------------------------------------------------- */

/* The program of such a binding, put in front; NULL: there is none. */
static struct li_api_program *find(struct lince_model *model, const struct li_binding *binding)
{
    for (struct li_api_program **at = &model->programs; *at; at = &(*at)->next) {
        struct li_api_program *p = *at;
        if (same_binding(p, binding)) {
            *at = p->next;
            p->next = model->programs;
            model->programs = p;
            return p;
        }
    }
    return NULL;
}

/* Which is one too many, taken out; NULL: there is room. */
static struct li_api_program *take_last(struct lince_model *model)
{
    struct li_api_program **at = &model->programs;
    for (int count = 0; *at && count < MAX_PROGRAMS; count++) {
        at = &(*at)->next;
    }
    struct li_api_program *last = *at;
    *at = NULL;
    return last;
}

/* ---- Sharing ----------------------------------------------------------------------------------------------------- */

static bool share(struct li_program **out, int32_t *results, struct lince_model *model,
                  const struct li_binding *binding)
{
    pthread_mutex_lock(&model->programs_lock);
    const struct li_api_program *p = find(model, binding);
    if (p) {
        li_program_retain(p->program);
        *out = p->program;
        *results = p->results;
    }
    pthread_mutex_unlock(&model->programs_lock);
    return p != NULL;
}

/* Of two threads that made the same program at one time the second finds that of the first, and drops its own. */
static void put_in(struct lince_model *model, struct li_api_program *made, const struct li_binding *binding)
{
    pthread_mutex_lock(&model->programs_lock);
    struct li_api_program *gone = find(model, binding) ? made : NULL;
    if (!gone) {
        made->next = model->programs;
        model->programs = made;
        gone = take_last(model);
    }
    pthread_mutex_unlock(&model->programs_lock);
    free_one(model, gone);
}

lince_status li_api_program(struct li_program **out, int32_t *results, struct lince_model *model,
                            const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err)
{
    struct li_api_program *made;
    if (fetch->count) {
        return make_program(out, results, model, binding, fetch, err);
    }
    while (!share(out, results, model, binding)) { /* twice, unless others use many at the same moment */
        LI_TRY(make_one(&made, model, binding, err));
        put_in(model, made, binding);
    }
    return LINCE_OK;
}

/* Its lock is taken before a fork, so that a child finds the list whole. */
lince_status li_api_programs_open(struct lince_model *model, lince_error *err)
{
    pthread_mutex_init(&model->programs_lock, NULL); /* cannot fail without attributes */
    return li_fork_guard_mutex(&model->programs_guard, LI_FORK_MODEL, &model->programs_lock, err);
}

void li_api_programs_close(struct lince_model *model)
{
    while (model->programs) {
        struct li_api_program *p = model->programs;
        model->programs = p->next;
        free_one(model, p);
    }
    li_fork_guard_remove(&model->programs_guard);
    pthread_mutex_destroy(&model->programs_lock);
}
