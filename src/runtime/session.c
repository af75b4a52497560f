/*
 * Sessions: one run at a time of a program, and one commit at its end.
 *
 * A run that writes holds the store's `update` lock from its first segment to its commit, as a write from outside does,
 * so nothing that it read can change meanwhile. It is planned before, since planning may give variables memory of their
 * own, which takes locks itself. A run that only reads may see a write that comes between its segments.
 */
#include "chain.h"

#include <string.h>

struct li_session {
    struct li_mem *mem;
    struct li_program *program; /* the chain's */
    struct li_chain chain;
    struct li_chain_call call;
    char *aligned; /* inputs that the caller has at an odd address */
    size_t aligned_room;
    struct li_tensor *inputs;
    int32_t input_room;
    bool keep; /* variables are not committed, by the call that is under way */
};

/* ---- New and free ------------------------------------------------------------------------------------------------ */

lince_status li_session_new(struct li_session **out, struct li_program *program, struct li_pool *pool, lince_error *err)
{
    struct li_mem *mem = program->mem;
    struct li_session *s = li_calloc(mem, 1, sizeof *s, err);
    if (!s) {
        return LINCE_ENOMEM;
    }
    *s = (struct li_session){.mem = mem, .program = program};
    s->call = (struct li_chain_call){.pool = pool, .store = program->first.graph->store, .mem = mem};
    li_mem_retain(mem);
    li_pool_retain(pool);
    li_chain_init(&s->chain, program);
    lince_status st =
        li_run_grow(mem, &s->inputs, &s->input_room, program->first.graph->input_count, sizeof *s->inputs, err);
    if (st) {
        li_session_free(s);
        return st;
    }
    *out = s;
    return LINCE_OK;
}

void li_session_free(struct li_session *s)
{
    if (s) {
        struct li_mem *mem = s->mem;
        li_chain_fini(&s->chain);
        li_pool_release(s->call.pool);
        li_free(mem, s->call.pending);
        li_free(mem, s->inputs);
        li_free(mem, s->aligned);
        li_free(mem, s);
        li_mem_release(mem);
    }
}

void li_session_set_pool(struct li_session *s, struct li_pool *pool)
{
    li_pool_retain(pool);
    li_pool_release(s->call.pool);
    s->call.pool = pool;
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

static bool odd(const struct li_tensor *t)
{
    size_t size = LI_MIN(li_dtype_size(t->dtype), (size_t)16);
    return size && (uintptr_t)t->data % size != 0;
}

/* Inputs at addresses that their elements cannot have are copied. */
static lince_status align_inputs(struct li_session *s, const struct li_tensor *inputs, int32_t count, lince_error *err)
{
    size_t need = 0, at = 0;
    LI_TRY(li_run_grow(s->mem, &s->inputs, &s->input_room, count, sizeof *s->inputs, err));
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
    const struct li_graph *g = s->program->first.graph;
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

/* ---- Running ----------------------------------------------------------------------------------------------------- */

/* Whether what the run wrote to a resource is for this run alone. */
static bool is_kept(const struct li_session *s, const struct li_resource *r)
{
    return r->kind == LI_GENERATOR ? s->call.has_seed : s->keep;
}

/*
 * Publish what the run wrote. Every written resource has memory of its own, so this cannot fail. What the last plan
 * left to the commit is done last: it starts from what was written before.
 */
static void commit(struct li_session *s)
{
    struct li_store *store = s->call.store;
    struct li_link *last = li_chain_last(&s->chain);
    const struct li_run_call call = {.pool = s->call.pool, .inputs = last->given, .pending = s->call.pending};
    li_store_begin_change(store);
    for (int32_t i = 0; i < s->call.pending_room; i++) {
        struct li_resource *r = s->call.pending[i] ? li_store_get(store, i) : NULL;
        if (r && !is_kept(s, r)) {
            memcpy(r->owned, s->call.pending[i], r->value.size_bytes);
            r->value.data = r->owned;
            atomic_fetch_add(&r->version, 1);
        }
    }
    li_run_commit(last->entry->plan, &last->run, &call);
    li_store_end_change(store);
}

static bool commits(const struct li_session *s, const struct li_session_call *call)
{
    return s->program->updates && !(call->keep && call->has_seed);
}

static lince_status run_and_commit(struct li_session *s, const struct li_session_call *call,
                                   const struct li_tensor **outputs, lince_error *err)
{
    for (int32_t i = 0; i < s->call.pending_room; i++) {
        s->call.pending[i] = NULL;
    }
    s->call.turns = 0;
    s->call.stop = call->stop;
    s->call.has_seed = call->has_seed;
    s->call.seed = call->seed;
    s->keep = call->keep;
    LI_TRY(li_chain_run(&s->chain, &s->call, s->inputs, outputs, err));
    LI_TRY(call->accept ? call->accept(call->context, *outputs, err) : LINCE_OK);
    if (commits(s, call)) {
        commit(s);
    }
    return LINCE_OK;
}

lince_status li_session_run(struct li_session *s, const struct li_tensor *inputs, int32_t count,
                            const struct li_session_call *call, const struct li_tensor **outputs, lince_error *err)
{
    static const struct li_session_call plain;
    call = call ? call : &plain;
    s->chain.paused = 0;
    LI_TRY(check_inputs(s, inputs, count, err));
    LI_TRY(align_inputs(s, inputs, count, err));
    if (!commits(s, call)) {
        return run_and_commit(s, call, outputs, err);
    }
    struct li_entry *planned;
    LI_TRY(li_program_entry(&planned, s->program, &s->program->first, s->inputs, err));
    pthread_mutex_lock(&s->call.store->update);
    lince_status st = run_and_commit(s, call, outputs, err);
    pthread_mutex_unlock(&s->call.store->update);
    li_program_leave(s->program, planned);
    return st;
}

/* ---- The part behind a cut --------------------------------------------------------------------------------------- */

static lince_status check_given(const struct li_segment *rest, const struct li_tensor *inputs, int32_t count,
                                lince_error *err)
{
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (count != rest->given) {
        return li_fail(err, LINCE_EINVAL, "%d inputs are given to go on with, wanted %d", (int)count, (int)rest->given);
    }
    for (int32_t i = 0; i < count; i++) {
        const struct li_value *value = &rest->graph->values[rest->graph->inputs[i]];
        if (inputs[i].dtype != value->dtype || !li_shape_equal(&inputs[i].shape, &value->shape)) {
            return li_fail(err, LINCE_EINVAL, "input %d to go on with is %s%s, wanted %s%s", (int)i,
                           li_dtype_name(inputs[i].dtype), li_shape_text(&inputs[i].shape, found),
                           li_dtype_name(value->dtype), li_shape_text(&value->shape, wanted));
        }
    }
    return LINCE_OK;
}

/* It writes nothing: what a call commits, its first part has. */
lince_status li_session_resume(struct li_session *s, const struct li_tensor *inputs, int32_t count,
                               const struct li_stop *stop, const struct li_tensor **outputs, lince_error *err)
{
    const struct li_link *paused = li_chain_paused(&s->chain);
    if (!paused) {
        return li_fail(err, LINCE_EINVAL, "there is no run to go on with");
    }
    LI_TRY(check_given(paused->entry->rest, inputs, count, err));
    LI_TRY(align_inputs(s, inputs, count, err));
    s->call.turns = 0;
    s->call.stop = stop;
    return li_chain_resume(&s->chain, &s->call, s->inputs, outputs, err);
}

const void *li_session_written(const struct li_session *s, int32_t resource)
{
    return resource >= 0 && resource < s->call.pending_room ? s->call.pending[resource] : NULL;
}

/* ---- Explain ----------------------------------------------------------------------------------------------------- */

/* A loop may run between the plan and the rest. */
static void tell(const struct li_entry *entry, const struct li_teller *to)
{
    int stop = li_plan_tell(entry->plan, to);
    if (!stop && entry->loop.op) {
        stop = li_node_tell(&entry->loop, to);
    }
    if (!stop && entry->rest) {
        li_graph_tell(entry->rest->graph, to);
    }
}

lince_status li_session_explain(struct li_session *s, const struct li_shape *shapes, int32_t count,
                                int (*one)(const struct li_step_info *step, void *context), void *context,
                                lince_error *err)
{
    const struct li_graph *g = s->program->first.graph;
    struct li_entry *entry;
    if (count != g->input_count) {
        return li_fail(err, LINCE_EINVAL, "%d shapes are given, the graph takes %d", (int)count, (int)g->input_count);
    }
    for (int32_t i = 0; i < count; i++) {
        s->inputs[i] = (struct li_tensor){.dtype = g->values[g->inputs[i]].dtype, .shape = shapes[i]};
    }
    LI_TRY(li_program_entry(&entry, s->program, &s->program->first, s->inputs, err));
    tell(entry, &(struct li_teller){one, context, 0});
    li_program_leave(s->program, entry);
    return LINCE_OK;
}
