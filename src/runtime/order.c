/*
 * What is done once and what in every run, and in which order.
 *
 * A node whose inputs are constants, resources that this call does not write, or results of such nodes, is prepared.
 * All others are steps, in the order of the graph but for one thing: a write that nothing in the run looks at any more
 * is left to the commit. There it runs under the store's write lock on the resource's own memory, so no pending copy of
 * the resource is made. That is allowed where
 *
 * - nothing comes after this plan in its call, and the row says that it only writes, cannot fail, and may write where
 *   it reads (LI_OP_COMMIT);
 * - no step that stays touches one of its resources later;
 * - none of its inputs lies in the memory of a resource that anything writes after it was read, a step of the commit or
 *   one that stays: all that was written is there before the first step of the commit.
 */
#include "plan.h"

#include <string.h>

struct ordering {
    struct li_plan *plan;
    const struct li_graph *g;
    const bool *written;
    bool *later;     /* by resource: a step that stays touches it, further on than the node that is looked at */
    int32_t *writer; /* by resource: the last node that writes it */
    bool *commit;    /* by node: left to the commit */
};

/* ---- Prepare or step ---- */

static bool ready_input(const struct ordering *o, li_vid v)
{
    const struct li_value *value = &o->g->values[v];
    if (value->constant || value->dtype == LINCE_RESOURCE) {
        return true;
    }
    return value->producer != LI_NONE && o->plan->prepared[value->producer];
}

static bool prepares(const struct ordering *o, const struct li_node *node)
{
    if (node->bodies || (node->effects && !(li_plain_read(node) && li_node_is_fixed(node, o->written)))) {
        return false;
    }
    for (int i = 0; i < node->nin; i++) {
        if (!ready_input(o, node->in[i])) {
            return false;
        }
    }
    return true;
}

/* ---- Step or commit ---- */

static bool only_writes(const struct ordering *o, int32_t n)
{
    const struct li_node *node = &o->g->nodes[n];
    if (!(node->op->flags & LI_OP_COMMIT) || node->nout > 0 || o->plan->prepared[n]) {
        return false;
    }
    for (int i = 0; i < node->touches; i++) {
        if (o->later[node->touch[i].resource]) {
            return false;
        }
    }
    return true;
}

static void mark_later(const struct ordering *o, const struct li_node *node)
{
    for (int i = 0; i < node->touches; i++) {
        o->later[node->touch[i].resource] = true;
    }
}

static void find_writers(const struct ordering *o)
{
    for (int32_t r = 0; r < o->plan->resource_count; r++) {
        o->writer[r] = LI_NONE;
    }
    for (int32_t n = 0; n < o->g->node_count; n++) {
        const struct li_node *node = &o->g->nodes[n];
        for (int i = 0; i < node->touches; i++) {
            if (li_touch_writes(&node->touch[i])) {
                o->writer[node->touch[i].resource] = n;
            }
        }
    }
}

static void find_candidates(const struct ordering *o)
{
    for (int32_t n = o->g->node_count; n-- > 0;) {
        const struct li_node *node = &o->g->nodes[n];
        o->commit[n] = only_writes(o, n);
        if (!o->commit[n]) {
            mark_later(o, node);
        }
    }
}

/*
 * Whether a value lies in memory that is another value's by then: what a plain read gives is the resource's own, or
 * what was written to it before.
 */
static bool is_overtaken(const struct ordering *o, li_vid v)
{
    int32_t producer = o->g->values[o->g->values[v].view.base].producer;
    const struct li_node *node = producer == LI_NONE ? NULL : &o->g->nodes[producer];
    return node && li_plain_read(node) && o->writer[node->touch[0].resource] > producer;
}

/* One that turns out to stay takes its resource's earlier writes along, or they would come after it. */
static void drop_unsafe(const struct ordering *o)
{
    memset(o->later, 0, (size_t)o->plan->resource_count * sizeof *o->later);
    for (int32_t n = o->g->node_count; n-- > 0;) {
        const struct li_node *node = &o->g->nodes[n];
        bool stays = !o->commit[n];
        for (int i = 0; o->commit[n] && i < node->nin; i++) {
            stays |= is_overtaken(o, node->in[i]);
        }
        for (int i = 0; o->commit[n] && i < node->touches; i++) {
            stays |= o->later[node->touch[i].resource];
        }
        if (stays) {
            o->commit[n] = false;
            mark_later(o, node);
        }
    }
}

/* ---- The order ---- */

static void put_in_order(const struct ordering *o, bool commit)
{
    for (int32_t n = 0; n < o->g->node_count; n++) {
        if (!o->plan->prepared[n] && o->commit[n] == commit) {
            o->plan->order[o->plan->order_count++] = n;
        }
    }
}

static lince_status run_ordering(struct ordering *o, struct li_arena *arena, lince_error *err)
{
    struct li_plan *plan = o->plan;
    size_t nodes = (size_t)o->g->node_count + 1, resources = (size_t)plan->resource_count + 1;
    plan->prepared = li_arena_calloc(&plan->arena, nodes, sizeof *plan->prepared, err);
    plan->order = li_arena_alloc(&plan->arena, nodes * sizeof *plan->order, err);
    o->later = li_arena_calloc(arena, resources, sizeof *o->later, err);
    o->writer = li_arena_alloc(arena, resources * sizeof *o->writer, err);
    o->commit = li_arena_calloc(arena, nodes, sizeof *o->commit, err);
    if (!plan->prepared || !plan->order || !o->later || !o->writer || !o->commit) {
        return LINCE_ENOMEM;
    }
    for (int32_t n = 0; !plan->options.whole && n < o->g->node_count; n++) {
        plan->prepared[n] = prepares(o, &o->g->nodes[n]);
    }
    if (plan->options.last) {
        find_writers(o);
        find_candidates(o);
        drop_unsafe(o);
    }
    put_in_order(o, false);
    plan->commit = plan->order_count; /* in nodes; place.c makes it one of steps */
    put_in_order(o, true);
    return LINCE_OK;
}

lince_status li_plan_order(struct li_plan *plan, const bool *written, lince_error *err)
{
    struct ordering o = {.plan = plan, .g = plan->graph, .written = written};
    struct li_arena arena;
    li_arena_init(&arena, plan->arena.mem, 0);
    lince_status st = run_ordering(&o, &arena, err);
    li_arena_free(&arena);
    return st;
}
