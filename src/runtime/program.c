/* Programs: a tree of plans, found by shapes and, behind the first, by the contents that decided shapes. */
#include "entry.h"

#include <string.h>

/* ---- Entries; the lock is held ----------------------------------------------------------------------------------- */

static void free_segment(struct li_program *p, struct li_segment *s);

static void free_entry(struct li_program *p, struct li_entry *e)
{
    struct li_mem *mem = p->mem;
    li_plan_free(e->plan);
    li_program_release(e->body[0]);
    li_program_release(e->body[1]);
    if (e->rest) {
        free_segment(p, e->rest);
        li_free(mem, e->rest);
    }
    li_arena_free(&e->arena);
    li_free(mem, e);
}

static void drop(struct li_program *p, struct li_entry *e)
{
    if (--e->references == 0) {
        p->plans--;
        p->idle--;
        free_entry(p, e);
    } else if (e->references == 1) {
        p->idle++;
    }
}

static void free_segment(struct li_program *p, struct li_segment *s)
{
    while (s->entries) {
        struct li_entry *e = s->entries;
        s->entries = e->next;
        drop(p, e);
    }
    if (s->later || !p->is_body) {
        li_graph_free(s->graph);
    }
}

static void unlink_entry(struct li_program *p, struct li_entry *e)
{
    struct li_entry **at = &e->segment->entries;
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    drop(p, e);
}

/* A run that is further on holds all entries on its way. */
static bool is_idle(const struct li_entry *e)
{
    return e->references == 1;
}

/* Of `oldest` (NULL: none yet) and a segment's idle entries, the one that was used least recently. */
static struct li_entry *oldest_of(const struct li_segment *s, struct li_entry *oldest)
{
    for (struct li_entry *e = s->entries; e; e = e->next) {
        oldest = is_idle(e) && (!oldest || e->used < oldest->used) ? e : oldest;
    }
    return oldest;
}

/* The same, with the segments behind entries that stay. */
static struct li_entry *oldest_in(const struct li_segment *s, struct li_entry *oldest)
{
    oldest = oldest_of(s, oldest);
    for (const struct li_entry *e = s->entries; e; e = e->next) {
        if (e->rest && !is_idle(e)) {
            oldest = oldest_in(e->rest, oldest);
        }
    }
    return oldest;
}

static int count_entries(const struct li_segment *s)
{
    int count = 0;
    for (const struct li_entry *e = s->entries; e; e = e->next) {
        count++;
    }
    return count;
}

/* An entry goes with all that comes after it. In a tree where runs hold everything nothing goes. */
static void make_room(struct li_program *p, struct li_segment *s)
{
    struct li_entry *oldest = NULL;
    if (count_entries(s) >= LI_MAX_PLANS) {
        oldest = oldest_of(s, NULL);
    } else if (p->plans >= LI_MAX_PROGRAM_PLANS && p->idle > 0) {
        oldest = oldest_in(&p->first, NULL);
    }
    if (oldest) {
        unlink_entry(p, oldest);
    }
}

/* ---- Finding or making ------------------------------------------------------------------------------------------- */

static lince_status new_entry(struct li_program *p, struct li_segment *s, const struct li_tensor *inputs,
                              struct li_inferred *inferred, struct li_entry **out, lince_error *err)
{
    struct li_entry *e = li_calloc(p->mem, 1, sizeof *e, err);
    if (!e) {
        return LINCE_ENOMEM;
    }
    *e = (struct li_entry){.segment = s, .references = 1};
    li_arena_init(&e->arena, p->mem, 0);
    lince_status st = li_entry_fill(p, e, inputs, inferred, err);
    if (st) {
        free_entry(p, e);
        return st;
    }
    make_room(p, s);
    e->next = s->entries;
    s->entries = e;
    p->plans++;
    p->idle++;
    *out = e;
    return LINCE_OK;
}

static lince_status infer(const struct li_program *p, const struct li_segment *s, const struct li_tensor *inputs,
                          struct li_inferred *out, lince_error *err)
{
    int32_t count = s->graph->input_count;
    struct li_infer_input *given = li_calloc(p->mem, (size_t)count + 1, sizeof *given, err);
    if (!given) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < count; i++) {
        given[i] = (struct li_infer_input){
            .dtype = inputs[i].dtype, .shape = inputs[i].shape, .known = s->later ? &inputs[i] : NULL};
    }
    lince_status st = li_graph_infer(out, s->graph, given, &p->env, err);
    li_free(p->mem, given);
    LI_TRY(st);
    if (s->later && out->rest && !out->loop.op && !out->choices && out->rest->node_count >= s->graph->node_count) {
        const struct li_node *node = &out->rest->nodes[0];
        st = li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): its shape is not known by running either", node->name,
                     node->op->name);
        li_inferred_free(out);
    }
    return st;
}

static lince_status find_or_make(struct li_program *p, struct li_segment *s, const struct li_tensor *inputs,
                                 struct li_entry **out, lince_error *err)
{
    struct li_inferred inferred;
    *out = li_entry_exact(s, inputs);
    if (*out) {
        return LINCE_OK;
    }
    LI_TRY(infer(p, s, inputs, &inferred, err));
    *out = s->later ? li_entry_same(s, &inferred) : NULL;
    lince_status st = *out ? LINCE_OK : new_entry(p, s, inputs, &inferred, out, err);
    li_inferred_free(&inferred);
    return st;
}

lince_status li_program_entry(struct li_entry **out, struct li_program *p, struct li_segment *segment,
                              const struct li_tensor *inputs, lince_error *err)
{
    struct li_entry *e = NULL;
    pthread_mutex_lock(p->lock);
    lince_status st = find_or_make(p, segment, inputs, &e, err);
    if (!st) {
        p->idle -= e->references == 1;
        e->references++;
        e->used = ++p->clock;
        *out = e;
    }
    pthread_mutex_unlock(p->lock);
    return st;
}

void li_program_leave(struct li_program *p, struct li_entry *entry)
{
    if (entry) {
        pthread_mutex_lock(p->lock);
        drop(p, entry);
        pthread_mutex_unlock(p->lock);
    }
}

/* ---- New and free ------------------------------------------------------------------------------------------------ */

static int32_t end_of(const int32_t *resources, int32_t count, int32_t end)
{
    for (int32_t i = 0; i < count; i++) {
        end = LI_MAX(end, resources[i] + 1);
    }
    return end;
}

/* To planning, what others change between runs is the same as what a run writes: nothing made of it is kept. */
static void add_written(struct li_program *p, const struct li_program_options *options)
{
    for (int32_t i = 0; i < options->written_count; i++) {
        p->written[options->written[i]] = true;
    }
    for (int32_t i = 0; i < options->changing_count; i++) {
        p->written[options->changing[i]] = true;
    }
    p->updates |= options->written_count > 0;
}

/*
 * What a run writes is known before any of it is planned: a variable that one segment writes is prepared by none. A
 * handle that only inference can follow is left to it.
 */
static lince_status find_written(struct li_program *p, const struct li_program_options *options, lince_error *err)
{
    struct li_graph *g = p->first.graph;
    lince_error ignored;
    for (int32_t n = 0; n < g->node_count; n++) {
        lince_status st = li_graph_touch(g, n, NULL, &ignored);
        if (st == LINCE_ENOMEM) {
            return li_fail(err, st, "%s", ignored.text);
        }
        p->updates |= (g->nodes[n].effects & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM)) != 0;
    }
    struct li_arena arena;
    li_arena_init(&arena, p->mem, 0);
    const bool *written = li_graph_written(g, &arena, err);
    int32_t found = li_graph_resources(g);
    p->written_count =
        end_of(options->changing, options->changing_count, end_of(options->written, options->written_count, found));
    p->written = li_calloc(p->mem, (size_t)p->written_count + 1, sizeof *p->written, err);
    bool done = written && p->written;
    if (done) {
        memcpy(p->written, written, (size_t)found * sizeof *written);
        add_written(p, options);
    }
    li_arena_free(&arena);
    return done ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status new_program(struct li_program **out, struct li_mem *mem, lince_error *err)
{
    struct li_program *p = li_calloc(mem, 1, sizeof *p, err);
    if (!p) {
        return LINCE_ENOMEM;
    }
    li_mem_retain(mem);
    p->mem = mem;
    atomic_init(&p->references, 1);
    pthread_mutex_init(&p->own_lock, NULL); /* cannot fail without attributes */
    p->lock = &p->own_lock;
    *out = p;
    return LINCE_OK;
}

/*
 * A fork waits for planning that is under way. Guards are added while no lock is held that one takes: so also that of
 * the prepared results, which planning would make.
 */
static lince_status guard_fork(struct li_program *p, lince_error *err)
{
    struct li_prepared *cache;
    LI_TRY(li_prepared_of(&cache, p->first.graph->store, err));
    return li_fork_guard_mutex(&p->guard, LI_FORK_PROGRAM, &p->own_lock, err);
}

lince_status li_program_new(struct li_program **out, struct li_graph *graph, const struct li_program_options *options,
                            lince_error *err)
{
    struct li_program *p;
    lince_status st = li_graph_trim(&graph, err);
    st = st ? st : new_program(&p, options->env->mem, err);
    if (st) {
        li_graph_free(graph);
        return st;
    }
    p->env = *options->env;
    p->first.graph = graph;
    p->apart = options->apart;
    p->stage_count = options->stage_count;
    for (int i = 0; i < options->stage_count; i++) {
        p->stages[i] = options->stages[i];
    }
    st = find_written(p, options, err);
    st = st ? st : guard_fork(p, err);
    if (st) {
        li_program_release(p);
        return st;
    }
    *out = p;
    return LINCE_OK;
}

lince_status li_program_of_body(struct li_program **out, const struct li_program *owner, struct li_graph *body,
                                lince_error *err)
{
    struct li_program *p;
    LI_TRY(new_program(&p, owner->mem, err));
    p->env = owner->env;
    p->first.graph = body;
    p->is_body = true;
    p->lock = owner->lock;
    p->stage_count = owner->stage_count;
    memcpy(p->stages, owner->stages, sizeof p->stages);
    p->updates = owner->updates;
    p->written_count = owner->written_count;
    p->written = li_calloc(p->mem, (size_t)p->written_count + 1, sizeof *p->written, err);
    if (!p->written) {
        li_program_release(p);
        return LINCE_ENOMEM;
    }
    memcpy(p->written, owner->written, (size_t)p->written_count * sizeof *p->written);
    *out = p;
    return LINCE_OK;
}

void li_program_retain(struct li_program *p)
{
    atomic_fetch_add(&p->references, 1);
}

void li_program_release(struct li_program *p)
{
    if (!p || atomic_fetch_sub(&p->references, 1) != 1) {
        return;
    }
    struct li_mem *mem = p->mem;
    free_segment(p, &p->first);
    li_free(mem, p->written);
    if (!p->is_body) { /* a body's goes while its owner's lock is held, under which no guard may be removed */
        li_fork_guard_remove(&p->guard);
    }
    pthread_mutex_destroy(&p->own_lock);
    li_free(mem, p);
    li_mem_release(mem);
}

const struct li_graph *li_program_graph(const struct li_program *p)
{
    return p->first.graph;
}
