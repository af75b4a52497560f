/*
 * Sessions: plans by input shapes, the segments of graphs whose shapes depend on data, one run at a time, one commit at
 * its end.
 */
#include "run.h"

#include <string.h>

/* A plan, for the shapes it was made for. */
struct entry {
    struct li_shape *shapes;
    int32_t shape_count;
    struct li_plan *plan;
    struct segment *rest; /* what comes when this plan has run; NULL: nothing */
    uint64_t used;        /* when; 0: the entry is free */
};

/*
 * A bound graph and the plans made for it. The first segment's are found by the shapes of its inputs. A later one is
 * inferred anew in every run, with the contents that the run has found; where all its values then have the shapes they
 * had before, the graph is the same, and so is the plan.
 */
struct segment {
    struct li_graph *graph;
    struct entry entries[LI_MAX_PLANS];
    struct li_run_state state;
};

struct li_session {
    struct li_mem *mem;
    struct li_env env;
    struct li_pool *pool;
    lince_status (*optimize)(struct li_graph **out, const struct li_graph *inferred, const struct li_env *env,
                             lince_error *err);
    struct segment first;
    uint64_t clock;
    void **pending;         /* by resource: what this run wrote */
    bool *dirty;            /* by resource: an earlier segment of this run writes it */
    int32_t resource_count; /* all that its plans use are below it */
    char *aligned;          /* inputs that the caller has at an odd address */
    size_t aligned_room;
    struct li_tensor *inputs;
    struct li_shape *shapes;
    atomic_bool busy;
};

/* ---- Segments ---- */

static void free_entry(struct li_mem *mem, struct entry *e);

static void free_segment(struct li_mem *mem, struct segment *s)
{
    for (int i = 0; i < LI_MAX_PLANS; i++) {
        free_entry(mem, &s->entries[i]);
    }
    li_run_state_free(&s->state);
    li_graph_free(s->graph);
}

static void free_entry(struct li_mem *mem, struct entry *e)
{
    li_plan_free(e->plan);
    li_free(mem, e->shapes);
    if (e->rest) {
        free_segment(mem, e->rest);
        li_free(mem, e->rest);
    }
    *e = (struct entry){.used = 0};
}

static struct entry *find(struct segment *s, const struct li_shape *shapes, int32_t count)
{
    for (int i = 0; i < LI_MAX_PLANS; i++) {
        struct entry *e = &s->entries[i];
        bool same = e->used && e->shape_count == count;
        for (int32_t k = 0; same && k < count; k++) {
            same = li_shape_equal(&e->shapes[k], &shapes[k]);
        }
        if (same) {
            return e;
        }
    }
    return NULL;
}

/* A free entry, or that which was used least recently, emptied. */
static struct entry *make_room(struct li_session *session, struct segment *s)
{
    struct entry *oldest = &s->entries[0];
    for (int i = 1; i < LI_MAX_PLANS; i++) {
        if (s->entries[i].used < oldest->used) {
            oldest = &s->entries[i];
        }
    }
    if (s->state.plan == oldest->plan) {
        s->state.plan = NULL;
    }
    free_entry(session->mem, oldest);
    return oldest;
}

static lince_status remember(struct li_session *session, struct entry *e, const struct li_shape *shapes, int32_t count,
                             struct li_plan *plan, struct li_graph *rest, lince_error *err)
{
    e->shapes = li_calloc(session->mem, (size_t)count + 1, sizeof *e->shapes, err);
    e->rest = rest ? li_calloc(session->mem, 1, sizeof *e->rest, err) : NULL;
    if (!e->shapes || (rest && !e->rest)) {
        li_free(session->mem, e->shapes);
        li_free(session->mem, e->rest);
        *e = (struct entry){.used = 0};
        return LINCE_ENOMEM;
    }
    if (count) {
        memcpy(e->shapes, shapes, (size_t)count * sizeof *shapes);
    }
    e->shape_count = count;
    e->plan = plan;
    if (rest) {
        e->rest->graph = rest;
        li_run_state_init(&e->rest->state, session->mem);
    }
    return LINCE_OK;
}

/* Which resources there are is known when a graph is inferred: random ops get their generators there. */
static lince_status cover_resources(struct li_session *s, const struct li_graph *inferred, lince_error *err)
{
    int32_t count = LI_MAX(s->resource_count, li_graph_resources(inferred));
    if (count == s->resource_count) {
        return LINCE_OK;
    }
    void **pending = li_realloc(s->mem, s->pending, (size_t)count * sizeof *pending, err);
    s->pending = pending ? pending : s->pending;
    bool *dirty = pending ? li_realloc(s->mem, s->dirty, (size_t)count * sizeof *dirty, err) : NULL;
    if (!dirty) {
        return LINCE_ENOMEM;
    }
    s->dirty = dirty;
    for (; s->resource_count < count; s->resource_count++) {
        pending[s->resource_count] = NULL;
        dirty[s->resource_count] = false;
    }
    return LINCE_OK;
}

/* From inferred to planned; inferred stays the caller's. */
static lince_status plan_graph(struct li_session *session, const struct li_graph *inferred, struct li_plan **plan,
                               lince_error *err)
{
    struct li_graph *graph;
    LI_TRY(cover_resources(session, inferred, err));
    if (session->optimize) {
        LI_TRY(session->optimize(&graph, inferred, &session->env, err));
    } else {
        LI_TRY(li_graph_prune(&graph, inferred, err));
        li_graph_default_views(graph);
    }
    return li_plan_build(plan, graph, &session->env, session->dirty, err);
}

/* Takes rest over. */
static lince_status add_entry(struct li_session *session, struct segment *s, const struct li_shape *shapes,
                              int32_t count, const struct li_graph *inferred, struct li_graph *rest, struct entry **out,
                              lince_error *err)
{
    struct li_plan *plan = NULL;
    lince_status st = plan_graph(session, inferred, &plan, err);
    if (!st) {
        struct entry *e = make_room(session, s);
        st = remember(session, e, shapes, count, plan, rest, err);
        *out = e;
    }
    if (st) {
        li_plan_free(plan);
        li_graph_free(rest);
    }
    return st;
}

static lince_status first_entry(struct li_session *session, const struct li_shape *shapes, int32_t count,
                                struct entry **out, lince_error *err)
{
    struct segment *s = &session->first;
    *out = find(s, shapes, count);
    if (!*out) {
        struct li_graph *inferred, *rest;
        LI_TRY(li_graph_infer(&inferred, &rest, s->graph, shapes, NULL, &session->env, err));
        lince_status st = add_entry(session, s, shapes, count, inferred, rest, out, err);
        li_graph_free(inferred);
        LI_TRY(st);
    }
    (*out)->used = ++session->clock;
    return LINCE_OK;
}

/* The shapes of all values of an inferred graph, in order. */
static lince_status shapes_of(struct li_arena *arena, const struct li_graph *g, struct li_shape **out, lince_error *err)
{
    *out = li_arena_alloc(arena, ((size_t)g->value_count + 1) * sizeof **out, err);
    for (int32_t v = 0; *out && v < g->value_count; v++) {
        (*out)[v] = g->values[v].shape;
    }
    return *out ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status later_entry_in(struct li_session *session, struct segment *s, const struct li_tensor *inputs,
                                   struct li_arena *arena, struct entry **out, lince_error *err)
{
    int32_t count = s->graph->input_count;
    struct li_shape *shapes = li_arena_alloc(arena, ((size_t)count + 1) * sizeof *shapes, err), *all = NULL;
    const struct li_tensor **known = li_arena_alloc(arena, ((size_t)count + 1) * sizeof *known, err);
    struct li_graph *inferred, *rest;
    if (!shapes || !known) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < count; i++) {
        shapes[i] = inputs[i].shape;
        known[i] = &inputs[i];
    }
    LI_TRY(li_graph_infer(&inferred, &rest, s->graph, shapes, known, &session->env, err));
    lince_status st =
        rest && rest->node_count >= s->graph->node_count
            ? li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): its shape is not known by running either",
                      rest->nodes[0].name, rest->nodes[0].op->name)
            : shapes_of(arena, inferred, &all, err);
    *out = st ? NULL : find(s, all, inferred->value_count);
    if (st || *out) {
        li_graph_free(rest);
    } else {
        st = add_entry(session, s, all, inferred->value_count, inferred, rest, out, err);
    }
    li_graph_free(inferred);
    return st;
}

static lince_status later_entry(struct li_session *session, struct segment *s, const struct li_tensor *inputs,
                                struct entry **out, lince_error *err)
{
    struct li_arena arena;
    li_arena_init(&arena, session->mem, 0);
    lince_status st = later_entry_in(session, s, inputs, &arena, out, err);
    li_arena_free(&arena);
    if (!st) {
        (*out)->used = ++session->clock;
    }
    return st;
}

/* ---- New and free ---- */

lince_status li_session_new(struct li_session **out, struct li_graph *graph, const struct li_session_options *options,
                            lince_error *err)
{
    struct li_mem *mem = options->env->mem;
    struct li_session *s = li_calloc(mem, 1, sizeof *s, err);
    if (!s) {
        li_graph_free(graph);
        return LINCE_ENOMEM;
    }
    *s = (struct li_session){.mem = mem, .env = *options->env, .pool = options->pool, .optimize = options->optimize};
    li_mem_retain(mem);
    li_pool_retain(s->pool);
    s->first.graph = graph;
    li_run_state_init(&s->first.state, mem);
    size_t inputs = (size_t)graph->input_count + 1;
    s->inputs = li_calloc(mem, inputs, sizeof *s->inputs, err);
    s->shapes = li_calloc(mem, inputs, sizeof *s->shapes, err);
    if (!s->inputs || !s->shapes) {
        li_session_free(s);
        return LINCE_ENOMEM;
    }
    *out = s;
    return LINCE_OK;
}

void li_session_free(struct li_session *s)
{
    if (s) {
        struct li_mem *mem = s->mem;
        free_segment(mem, &s->first);
        li_pool_release(s->pool);
        li_free(mem, s->pending);
        li_free(mem, s->dirty);
        li_free(mem, s->inputs);
        li_free(mem, s->shapes);
        li_free(mem, s->aligned);
        li_free(mem, s);
        li_mem_release(mem);
    }
}

/* ---- Running ---- */

static bool odd(const struct li_tensor *t)
{
    size_t size = LI_MIN(li_dtype_size(t->dtype), (size_t)16);
    return size && (uintptr_t)t->data % size != 0;
}

/* Inputs at addresses that their elements cannot have are copied. */
static lince_status align_inputs(struct li_session *s, const struct li_tensor *inputs, int32_t count, lince_error *err)
{
    size_t need = 0, at = 0;
    for (int32_t i = 0; i < count; i++) {
        s->inputs[i] = inputs[i];
        need += odd(&inputs[i]) ? (inputs[i].size_bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN : 0;
    }
    if (need > s->aligned_room) {
        li_free(s->mem, s->aligned);
        s->aligned = li_alloc(s->mem, need, err);
        s->aligned_room = s->aligned ? need : 0;
        if (!s->aligned) {
            return LINCE_ENOMEM;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        if (odd(&inputs[i])) {
            s->inputs[i].data = memcpy(s->aligned + at, inputs[i].data, inputs[i].size_bytes);
            at += (inputs[i].size_bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
        }
    }
    return LINCE_OK;
}

static lince_status check_inputs(const struct li_session *s, const struct li_tensor *inputs, int32_t count,
                                 lince_error *err)
{
    const struct li_graph *g = s->first.graph;
    if (count != g->input_count) {
        return li_fail(err, LINCE_EINVAL, "%d inputs are given, the graph takes %d", (int)count, (int)g->input_count);
    }
    for (int32_t i = 0; i < count; i++) {
        lince_dtype wanted = g->values[g->inputs[i]].dtype;
        if (inputs[i].dtype != wanted) {
            return li_fail(err, LINCE_EINVAL, "input %d is %s, the graph takes %s", (int)i,
                           li_dtype_name(inputs[i].dtype), li_dtype_name(wanted));
        }
    }
    return LINCE_OK;
}

static void forget_writes(struct li_session *s)
{
    for (int32_t i = 0; i < s->resource_count; i++) {
        s->pending[i] = NULL;
        s->dirty[i] = false;
    }
}

/* Whether a run of the bound graph writes, in whichever segment: known before any of them is planned. */
static bool writes(const struct li_graph *g)
{
    for (int32_t n = 0; n < g->node_count; n++) {
        if (g->nodes[n].effects & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM)) {
            return true;
        }
    }
    return false;
}

/*
 * Planning loads variables and takes the write lock to own them, so it happens outside the read lock: between segments
 * the lock is let go. A run that writes holds `update`, as a write from outside does, so nothing it read can change
 * meanwhile; one that only reads may see a write that came between its segments.
 */
static lince_status run_entry(struct li_session *s, struct segment *segment, struct entry *e,
                              const struct li_tensor *inputs, lince_error *err)
{
    struct li_store *store = s->first.graph->store;
    pthread_rwlock_rdlock(&store->lock);
    lince_status st = li_run(e->plan, &segment->state, s->pool, inputs, s->pending, err);
    pthread_rwlock_unlock(&store->lock);
    for (int32_t i = 0; !st && i < e->plan->write_count; i++) {
        s->dirty[e->plan->writes[i].resource] = true;
    }
    return st;
}

static lince_status run_segments(struct li_session *s, const struct li_tensor **outputs, lince_error *err)
{
    struct segment *segment = &s->first;
    struct entry *e;
    const struct li_tensor *inputs = s->inputs;
    LI_TRY(first_entry(s, s->shapes, segment->graph->input_count, &e, err));
    for (;;) {
        LI_TRY(run_entry(s, segment, e, inputs, err));
        inputs = *outputs = segment->state.outputs;
        if (!e->rest) {
            return LINCE_OK;
        }
        segment = e->rest;
        LI_TRY(later_entry(s, segment, inputs, &e, err));
    }
}

/* Publish what the run wrote. Every written resource has memory of its own, so this cannot fail. */
static void commit(struct li_session *s)
{
    struct li_store *store = s->first.graph->store;
    pthread_rwlock_wrlock(&store->lock);
    for (int32_t i = 0; i < s->resource_count; i++) {
        if (s->pending[i]) {
            struct li_resource *r = li_store_get(store, i);
            memcpy(r->owned, s->pending[i], r->value.size_bytes);
            r->value.data = r->owned;
            atomic_fetch_add(&r->version, 1);
        }
    }
    pthread_rwlock_unlock(&store->lock);
}

static lince_status run_once(struct li_session *s, const struct li_tensor *inputs, int32_t count,
                             const struct li_tensor **outputs, lince_error *err)
{
    struct li_store *store = s->first.graph->store;
    bool updates = writes(s->first.graph);
    LI_TRY(check_inputs(s, inputs, count, err));
    LI_TRY(align_inputs(s, inputs, count, err));
    for (int32_t i = 0; i < count; i++) {
        s->shapes[i] = inputs[i].shape;
    }
    forget_writes(s);
    if (updates) { /* planning may own resources, which takes locks of its own: first */
        struct entry *e;
        LI_TRY(first_entry(s, s->shapes, count, &e, err));
        pthread_mutex_lock(&store->update);
    }
    lince_status st = run_segments(s, outputs, err);
    if (updates) {
        if (!st) {
            commit(s);
        }
        pthread_mutex_unlock(&store->update);
    }
    return st;
}

lince_status li_session_run(struct li_session *session, const struct li_tensor *inputs, int32_t count,
                            const struct li_tensor **outputs, lince_error *err)
{
    if (atomic_exchange(&session->busy, true)) {
        return li_fail(err, LINCE_EINVAL, "the session is running in another thread; it takes one call at a time");
    }
    lince_status st = run_once(session, inputs, count, outputs, err);
    atomic_store(&session->busy, false);
    return st;
}

/* ---- Explain ---- */

static lince_status explain(struct li_session *s, const struct li_shape *shapes,
                            int (*tell)(const struct li_step_info *step, void *context), void *context,
                            lince_error *err)
{
    struct entry *e;
    forget_writes(s);
    LI_TRY(first_entry(s, shapes, s->first.graph->input_count, &e, err));
    li_plan_tell(e->plan, tell, context);
    return LINCE_OK;
}

lince_status li_session_explain(struct li_session *session, const struct li_shape *shapes, int32_t count,
                                int (*tell)(const struct li_step_info *step, void *context), void *context,
                                lince_error *err)
{
    if (count != session->first.graph->input_count) {
        return li_fail(err, LINCE_EINVAL, "%d shapes are given, the graph takes %d", (int)count,
                       (int)session->first.graph->input_count);
    }
    if (atomic_exchange(&session->busy, true)) {
        return li_fail(err, LINCE_EINVAL, "the session is running in another thread; it takes one call at a time");
    }
    lince_status st = explain(session, shapes, tell, context, err);
    atomic_store(&session->busy, false);
    return st;
}
