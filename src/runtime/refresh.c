/*
 * Making prepare results, and making again what a written variable made stale.
 *
 * Results that are stale are the outputs of a plan of their own, made for them and gone when they are there: its nodes
 * are the plan's prepare nodes, all of them steps; what is fresh is an input; what it gives goes straight into the
 * memory that is kept. So packing runs on all threads, and what lies between is shared in one block.
 *
 * The cache's lock is held meanwhile. A result is replaced only when a version has changed since it was made; versions
 * change under the store's write lock, and every run that reads results holds the read lock, so none of them reads what
 * is freed here.
 */
#include "run.h"

#include <string.h>

static uint64_t version_of(const struct li_plan *plan, int32_t resource)
{
    return atomic_load(&li_store_get(plan->graph->store, resource)->version);
}

static bool fresh(const struct li_plan *plan, const struct li_kept *kept)
{
    const struct li_expression *e = kept->expression;
    if (!e->data) {
        return false;
    }
    for (int32_t i = 0; i < e->stamp_count; i++) {
        if (e->stamps[i].version != version_of(plan, e->stamps[i].resource)) {
            return false;
        }
    }
    return true;
}

/* ---- The graph of what is stale ---- */

struct making {
    const struct li_plan *plan;
    const struct li_graph *g;
    struct li_arena arena;
    struct li_graph *to;
    li_vid *map;  /* g's values to to's */
    bool *needed; /* by node of g */
    const struct li_kept **stale;
    int32_t stale_count;
    struct li_tensor *inputs; /* fresh results, as inputs of `to` */
    void **results;           /* memory of stale ones, while it is not theirs */
    struct li_run run;
    lince_error *err;
};

static lince_status take_fresh(struct making *m, const struct li_kept *kept)
{
    const struct li_value *value = &m->g->values[kept->value];
    m->inputs[m->to->input_count] = (struct li_tensor){.dtype = value->dtype,
                                                       .shape = value->shape,
                                                       .data = kept->expression->data,
                                                       .size_bytes = li_value_bytes(value)};
    return li_graph_input(m->to, value->dtype, &value->shape, &m->map[kept->value], m->err);
}

static lince_status divide(struct making *m)
{
    for (int32_t i = 0; i < m->plan->kept_count; i++) {
        const struct li_kept *kept = &m->plan->kept[i];
        if (fresh(m->plan, kept)) {
            LI_TRY(take_fresh(m, kept));
        } else {
            m->stale[m->stale_count++] = kept;
            m->needed[m->g->values[kept->value].producer] = true;
        }
    }
    return LINCE_OK;
}

static void need_inputs(struct making *m)
{
    for (int32_t n = m->g->node_count; n-- > 0;) {
        const struct li_node *node = &m->g->nodes[n];
        for (int i = 0; m->needed[n] && i < node->nin; i++) {
            int32_t producer = m->g->values[node->in[i]].producer;
            if (producer != LI_NONE && m->map[node->in[i]] == LI_NONE) {
                m->needed[producer] = true;
            }
        }
    }
}

static lince_status copy_node(struct making *m, const struct li_node *node)
{
    for (int i = 0; i < node->nin; i++) {
        li_vid v = node->in[i];
        if (m->map[v] == LI_NONE) {
            LI_TRY(li_graph_copy_value(m->to, &m->g->values[v], &m->map[v], m->err));
        }
    }
    return li_graph_copy_node(m->to, m->g, node, m->map, m->err);
}

static lince_status make_graph(struct making *m)
{
    li_vid *outputs = li_arena_alloc(&m->arena, ((size_t)m->plan->kept_count + 1) * sizeof *outputs, m->err);
    if (!outputs) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_graph_new_from(&m->to, m->g, m->err));
    LI_TRY(divide(m));
    need_inputs(m);
    for (int32_t n = 0; n < m->g->node_count; n++) {
        LI_TRY(m->needed[n] ? copy_node(m, &m->g->nodes[n]) : LINCE_OK);
    }
    for (int32_t i = 0; i < m->stale_count; i++) {
        outputs[i] = m->map[m->stale[i]->value];
    }
    LI_TRY(li_graph_set_outputs(m->to, outputs, m->stale_count, m->err));
    li_graph_default_views(m->to);
    return LINCE_OK;
}

/* ---- Running it ---- */

static lince_status make_stamps(const struct making *m, const struct li_kept *kept)
{
    struct li_expression *e = kept->expression;
    if (e->stamps) {
        return LINCE_OK;
    }
    e->stamps = li_calloc(m->plan->cache->mem, (size_t)kept->resource_count + 1, sizeof *e->stamps, m->err);
    return e->stamps ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status make_room(struct making *m)
{
    for (int32_t i = 0; i < m->stale_count; i++) {
        const struct li_value *value = &m->g->values[m->stale[i]->value];
        LI_TRY(make_stamps(m, m->stale[i]));
        m->results[i] = li_alloc(m->plan->cache->mem, li_value_bytes(value), m->err);
        if (!m->results[i]) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

static lince_status run_graph(struct making *m, struct li_pool *pool)
{
    static const struct li_plan_options options = {.results = LI_RESULTS_GIVEN, .whole = true};
    struct li_graph *graph = m->to;
    struct li_plan *plan;
    m->to = NULL;
    LI_TRY(li_plan_build(&plan, graph, m->plan->env, &options, m->err));
    const struct li_run_call call = {.pool = pool, .inputs = m->inputs, .results = m->results};
    lince_status st = li_run_plan(plan, &m->run, &call, m->err);
    li_run_fini(&m->run);
    li_plan_free(plan);
    return st;
}

/* Hand a result to its expression. */
static void publish(struct making *m, int32_t i)
{
    const struct li_kept *kept = m->stale[i];
    struct li_expression *e = kept->expression;
    e->stamp_count = kept->resource_count;
    for (int32_t k = 0; k < kept->resource_count; k++) {
        e->stamps[k] = (struct li_stamp){kept->resources[k], version_of(m->plan, kept->resources[k])};
    }
    li_free(m->plan->cache->mem, e->data);
    e->data = m->results[i];
    m->results[i] = NULL;
}

static lince_status make_all(struct making *m, struct li_pool *pool)
{
    size_t values = (size_t)m->g->value_count + 1, kept = (size_t)m->plan->kept_count + 1;
    m->map = li_arena_alloc(&m->arena, values * sizeof *m->map, m->err);
    m->needed = li_arena_calloc(&m->arena, (size_t)m->g->node_count + 1, sizeof *m->needed, m->err);
    m->stale = li_arena_calloc(&m->arena, kept, sizeof *m->stale, m->err);
    m->inputs = li_arena_calloc(&m->arena, kept, sizeof *m->inputs, m->err);
    m->results = li_arena_calloc(&m->arena, kept, sizeof *m->results, m->err);
    if (!m->map || !m->needed || !m->stale || !m->inputs || !m->results) {
        return LINCE_ENOMEM;
    }
    for (size_t v = 0; v < values; v++) {
        m->map[v] = LI_NONE;
    }
    LI_TRY(make_graph(m));
    LI_TRY(make_room(m));
    LI_TRY(run_graph(m, pool));
    for (int32_t i = 0; i < m->stale_count; i++) {
        publish(m, i);
    }
    return LINCE_OK;
}

static lince_status make_stale(const struct li_plan *plan, struct li_pool *pool, lince_error *err)
{
    struct making m = {.plan = plan, .g = plan->graph, .err = err};
    li_arena_init(&m.arena, plan->env->mem, 0);
    li_run_init(&m.run, plan->env->mem);
    lince_status st = make_all(&m, pool);
    for (int32_t i = 0; m.results && i < plan->kept_count; i++) {
        li_free(plan->cache->mem, m.results[i]);
    }
    li_graph_free(m.to);
    li_arena_free(&m.arena);
    return st;
}

/* ---- What a run knows ---- */

static bool unchanged(const struct li_plan *plan, const struct li_run *run)
{
    for (int32_t i = 0; i < plan->read_count; i++) {
        if (run->seen[i] != version_of(plan, plan->read[i])) {
            return false;
        }
    }
    return plan->kept_count == 0 || run->kept[0];
}

lince_status li_run_refresh(const struct li_plan *plan, struct li_run *run, struct li_pool *pool, lince_error *err)
{
    if (unchanged(plan, run)) {
        return LINCE_OK;
    }
    lince_status st = LINCE_OK;
    pthread_mutex_lock(&plan->cache->lock);
    for (int32_t i = 0; !st && i < plan->kept_count; i++) {
        if (!fresh(plan, &plan->kept[i])) {
            st = make_stale(plan, pool, err);
            break;
        }
    }
    for (int32_t i = 0; !st && i < plan->kept_count; i++) {
        run->kept[i] = plan->kept[i].expression->data;
    }
    pthread_mutex_unlock(&plan->cache->lock);
    for (int32_t i = 0; !st && i < plan->read_count; i++) {
        run->seen[i] = version_of(plan, plan->read[i]);
    }
    return st;
}
