#include "plan.h"

/* ---- Resources a plan works with ---- */

/* Values are loaded, and written ones given memory of their own, before any lock is held by a run. */
static lince_status ready_resources(struct li_plan *plan, lince_error *err)
{
    struct li_store *store = plan->graph->store;
    for (int32_t n = 0; n < plan->graph->node_count; n++) {
        const struct li_node *node = &plan->graph->nodes[n];
        for (int i = 0; i < node->touches; i++) {
            bool written = node->touch[i].how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM);
            LI_TRY((written ? li_store_own : li_store_ready)(store, node->touch[i].resource, err));
        }
    }
    return LINCE_OK;
}

/* ---- Steps ---- */

static lince_status prepare_step(struct li_plan *plan, struct li_step *step, lince_error *err)
{
    const struct li_node *node = &plan->graph->nodes[step->node];
    struct li_prepare p = {
        .graph = plan->graph, .node = node, .env = plan->env, .arena = &plan->arena, .err = err, .tasks = 1};
    if (node->op->prepare) {
        LI_TRY(node->op->prepare(&p));
    }
    step->plan = p.plan;
    step->tasks = p.tasks;
    step->reason = p.reason;
    step->flop = p.flop;
    if (p.scratch_bytes > LI_MAX_TENSOR_BYTES) {
        return li_fail(err, LINCE_ELIMIT, "node \"%s\" (%s): wants %zu bytes of scratch, the limit is %zu", node->name,
                       node->op->name, p.scratch_bytes, LI_MAX_TENSOR_BYTES);
    }
    plan->scratch_bytes = LI_MAX(plan->scratch_bytes, (p.scratch_bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN);
    return LINCE_OK;
}

static bool has_halo(const struct li_value *value)
{
    return value->view.halo[0] || value->view.halo[1] || value->view.halo[2] || value->view.halo[3];
}

/*
 * The frame of a value is cleared before the step that first writes into its buffer; blocks are reused, so in every
 * run.
 */
static lince_status find_halos(struct li_plan *plan, lince_error *err)
{
    bool *cleared = li_arena_calloc(&plan->arena, (size_t)plan->graph->value_count + 1, 1, err);
    if (!cleared) {
        return LINCE_ENOMEM;
    }
    for (int32_t s = 0; s < plan->step_count; s++) {
        struct li_step *step = &plan->steps[s];
        const struct li_node *node = &plan->graph->nodes[step->node];
        li_vid *halos = li_arena_alloc(&plan->arena, ((size_t)node->nout + 1) * sizeof *halos, err);
        if (!halos) {
            return LINCE_ENOMEM;
        }
        for (int i = 0; i < node->nout; i++) {
            li_vid base = plan->graph->values[node->out[i]].view.base;
            if (has_halo(&plan->graph->values[base]) && !cleared[base]) {
                cleared[base] = true;
                halos[step->halo_count++] = base;
            }
        }
        step->halos = halos;
    }
    return LINCE_OK;
}

static lince_status build(struct li_plan *plan, const bool *dirty, lince_error *err)
{
    plan->resource_count = li_graph_resources(plan->graph);
    LI_TRY(ready_resources(plan, err));
    LI_TRY(li_plan_place(plan, dirty, err));
    LI_TRY(li_plan_express(plan, err));
    for (int32_t s = 0; s < plan->step_count; s++) {
        LI_TRY(prepare_step(plan, &plan->steps[s], err));
    }
    return find_halos(plan, err);
}

lince_status li_plan_build(struct li_plan **out, struct li_graph *graph, const struct li_env *env, const bool *dirty,
                           lince_error *err)
{
    struct li_plan *plan = li_calloc(env->mem, 1, sizeof *plan, err);
    if (!plan) {
        li_graph_free(graph);
        return LINCE_ENOMEM;
    }
    plan->graph = graph;
    plan->env = env;
    li_arena_init(&plan->arena, env->mem, 0);
    lince_status st = build(plan, dirty, err);
    if (st) {
        li_plan_free(plan);
        return st;
    }
    *out = plan;
    return LINCE_OK;
}

void li_plan_free(struct li_plan *plan)
{
    if (!plan) {
        return;
    }
    if (plan->cache) {
        pthread_mutex_lock(&plan->cache->lock);
        for (int32_t i = 0; i < plan->expression_count; i++) {
            li_expression_release(plan->cache, plan->expressions[i]);
        }
        pthread_mutex_unlock(&plan->cache->lock);
    }
    struct li_mem *mem = plan->env->mem;
    li_graph_free(plan->graph);
    li_arena_free(&plan->arena);
    li_free(mem, plan);
}
