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

/* The bodies of a control node are run as the step says, and so planned with it. */
static lince_status plan_bodies(struct li_plan *plan, struct li_step *step, const bool *written, lince_error *err)
{
    const struct li_node *node = &plan->graph->nodes[step->node];
    bool loop = node->op->control == LI_CONTROL_LOOP;
    const struct li_plan **body = li_arena_calloc(&plan->arena, (size_t)node->bodies, sizeof *body, err);
    step->body = node->bodies ? body : NULL;
    for (int b = 0; body && b < node->bodies; b++) {
        struct li_plan_options options = {.written = written,
                                          .written_count = plan->resource_count,
                                          .results = !loop    ? LI_RESULTS_GIVEN
                                                     : b == 0 ? LI_RESULTS_OWN
                                                              : LI_RESULTS_TURN};
        struct li_graph *graph;
        struct li_plan *made;
        LI_TRY(li_graph_prune(&graph, node->body[b], err)); /* a copy: the plan owns its graph */
        LI_TRY(li_plan_build(&made, graph, plan->env, &options, err));
        body[b] = made;
    }
    return body ? LINCE_OK : LINCE_ENOMEM;
}

/* By resource: what this call writes, here or elsewhere. */
static bool *find_written(struct li_plan *plan, const struct li_plan_options *options, lince_error *err)
{
    plan->resource_count = LI_MAX(li_graph_resources(plan->graph), options->written_count);
    bool *written = li_arena_calloc(&plan->arena, (size_t)plan->resource_count + 1, sizeof *written, err);
    for (int32_t r = 0; written && r < options->written_count; r++) {
        written[r] = options->written[r];
    }
    for (int32_t n = 0; written && n < plan->graph->node_count; n++) {
        const struct li_node *node = &plan->graph->nodes[n];
        for (int i = 0; i < node->touches; i++) {
            written[node->touch[i].resource] |= li_touch_writes(&node->touch[i]);
        }
    }
    return written;
}

static lince_status build(struct li_plan *plan, const struct li_plan_options *options, lince_error *err)
{
    const bool *written = find_written(plan, options, err);
    if (!written) {
        return LINCE_ENOMEM;
    }
    LI_TRY(ready_resources(plan, err));
    LI_TRY(li_plan_order(plan, written, err));
    LI_TRY(li_plan_place(plan, err));
    LI_TRY(options->whole ? LINCE_OK : li_plan_express(plan, err)); /* the cache's lock is held where it is */
    for (int32_t s = 0; s < plan->step_count; s++) {
        LI_TRY(prepare_step(plan, &plan->steps[s], err));
        LI_TRY(plan_bodies(plan, &plan->steps[s], written, err));
    }
    return find_halos(plan, err);
}

lince_status li_plan_build(struct li_plan **out, struct li_graph *graph, const struct li_env *env,
                           const struct li_plan_options *options, lince_error *err)
{
    struct li_plan *plan = li_calloc(env->mem, 1, sizeof *plan, err);
    if (!plan) {
        li_graph_free(graph);
        return LINCE_ENOMEM;
    }
    plan->graph = graph;
    plan->env = env;
    plan->options = *options;
    plan->options.written = NULL;
    li_arena_init(&plan->arena, env->mem, 0);
    lince_status st = build(plan, options, err);
    if (st) {
        li_plan_free(plan);
        return st;
    }
    *out = plan;
    return LINCE_OK;
}

static void free_bodies(struct li_plan *plan)
{
    for (int32_t s = 0; s < plan->step_count; s++) {
        const struct li_step *step = &plan->steps[s];
        for (int b = 0; step->body && b < plan->graph->nodes[step->node].bodies; b++) {
            li_plan_free((struct li_plan *)(uintptr_t)step->body[b]);
        }
    }
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
    free_bodies(plan);
    li_graph_free(plan->graph);
    li_arena_free(&plan->arena);
    li_free(mem, plan);
}
