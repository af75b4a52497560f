/*
 * Naming prepare results: each is an expression, an op with attributes on other expressions, and plans that want the
 * same one share it. An expression is named by what it is made of and the instruction set, never by a plan or a node.
 */
#include "key.h"
#include "plan.h"

#include <string.h>

/* ---- Expressions of all prepare nodes ---- */

struct expressing {
    struct li_plan *plan;
    const struct li_graph *g;
    struct li_expression **of; /* by value */
    struct li_key key;
    lince_error *err;
};

static lince_status take(struct expressing *x, li_vid v)
{
    struct li_plan *plan = x->plan;
    LI_TRY(x->key.status);
    LI_TRY(li_expression_get(&x->of[v], plan->cache, x->key.data, x->key.len, x->err));
    plan->expressions[plan->expression_count++] = x->of[v];
    return LINCE_OK;
}

static lince_status express_source(struct expressing *x, li_vid v)
{
    const struct li_value *value = &x->g->values[v];
    if (x->of[v]) {
        return LINCE_OK;
    }
    x->key.len = 0;
    if (value->constant) {
        li_key_put(&x->key, "C", 1);
        li_key_tensor(&x->key, value->constant, x->plan->cache->next_id);
    } else {
        li_key_put(&x->key, "R", 1);
        li_key_u64(&x->key, (uint64_t)value->resource);
    }
    return take(x, v);
}

static lince_status express_node(struct expressing *x, const struct li_node *node)
{
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(express_source(x, node->in[i]));
    }
    for (int o = 0; o < node->nout; o++) {
        x->key.len = 0;
        li_key_put(&x->key, "N", 1);
        li_key_put(&x->key, &node->op, sizeof node->op);
        li_key_u64(&x->key, (uint64_t)x->plan->env->isa << 32 | (uint64_t)o);
        li_key_u64(&x->key, node->touches ? (uint64_t)node->touch[0].resource : UINT64_MAX);
        for (int i = 0; i < node->nin; i++) {
            li_key_u64(&x->key, x->of[node->in[i]]->id);
        }
        for (int i = 0; i < node->nattrs; i++) {
            li_key_attr(&x->key, &node->attrs[i], x->plan->cache->next_id);
        }
        LI_TRY(take(x, node->out[o]));
    }
    return LINCE_OK;
}

static lince_status express_all(struct expressing *x)
{
    for (int32_t n = 0; n < x->g->node_count; n++) {
        if (x->plan->prepared[n]) {
            LI_TRY(express_node(x, &x->g->nodes[n]));
        }
    }
    for (int32_t i = 0; i < x->plan->kept_count; i++) {
        x->plan->kept[i].expression = x->of[x->plan->kept[i].value];
    }
    return LINCE_OK;
}

/* ---- What a kept result depends on ---- */

struct tracing {
    struct li_plan *plan;
    bool *node, *resource; /* visited, found; cleared for each result */
    int32_t *stack;
};

static int32_t trace(struct tracing *t, li_vid from)
{
    const struct li_graph *g = t->plan->graph;
    int32_t depth = 0, found = 0;
    memset(t->node, 0, (size_t)g->node_count);
    memset(t->resource, 0, (size_t)t->plan->resource_count);
    t->stack[depth++] = g->values[from].producer;
    t->node[t->stack[0]] = true;
    while (depth > 0) {
        const struct li_node *node = &g->nodes[t->stack[--depth]];
        if (node->touches && !t->resource[node->touch[0].resource]) { /* a plain read */
            t->resource[node->touch[0].resource] = true;
            found++;
        }
        for (int i = 0; i < node->nin; i++) {
            int32_t producer = g->values[node->in[i]].producer;
            if (producer != LI_NONE && !t->node[producer]) {
                t->node[producer] = true;
                t->stack[depth++] = producer;
            }
        }
    }
    return found;
}

static lince_status list_resources(struct li_plan *plan, const bool *marked, int32_t count, const int32_t **out,
                                   lince_error *err)
{
    int32_t *list = li_arena_alloc(&plan->arena, ((size_t)count + 1) * sizeof *list, err), n = 0;
    if (!list) {
        return LINCE_ENOMEM;
    }
    for (int32_t r = 0; n < count; r++) {
        if (marked[r]) {
            list[n++] = r;
        }
    }
    *out = list;
    return LINCE_OK;
}

static lince_status find_dependencies(struct li_plan *plan, struct li_arena *arena, lince_error *err)
{
    const struct li_graph *g = plan->graph;
    struct tracing t = {.plan = plan};
    t.node = li_arena_calloc(arena, (size_t)g->node_count + 1, 1, err);
    t.resource = li_arena_calloc(arena, (size_t)plan->resource_count + 1, 1, err);
    t.stack = li_arena_calloc(arena, (size_t)g->node_count + 1, sizeof *t.stack, err);
    bool *all = li_arena_calloc(arena, (size_t)plan->resource_count + 1, 1, err);
    if (!t.node || !t.resource || !t.stack || !all) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < plan->kept_count; i++) {
        struct li_kept *kept = &plan->kept[i];
        kept->resource_count = trace(&t, kept->value);
        LI_TRY(list_resources(plan, t.resource, kept->resource_count, &kept->resources, err));
        for (int32_t k = 0; k < kept->resource_count; k++) {
            plan->read_count += !all[kept->resources[k]];
            all[kept->resources[k]] = true;
        }
    }
    return list_resources(plan, all, plan->read_count, &plan->read, err);
}

lince_status li_plan_express(struct li_plan *plan, lince_error *err)
{
    struct expressing x = {.plan = plan, .g = plan->graph, .err = err, .key = {.mem = plan->arena.mem, .err = err}};
    struct li_arena arena;
    size_t values = (size_t)x.g->value_count + 1;
    li_arena_init(&arena, plan->arena.mem, 0);
    x.of = li_arena_calloc(&arena, values, sizeof(struct li_expression *), err);
    plan->expressions = li_arena_calloc(&plan->arena, values, sizeof(struct li_expression *), err);
    lince_status st = x.of && plan->expressions ? LINCE_OK : LINCE_ENOMEM;
    st = st ? st : li_prepared_of(&plan->cache, x.g->store, err);
    if (!st) {
        pthread_mutex_lock(&plan->cache->lock);
        st = express_all(&x);
        pthread_mutex_unlock(&plan->cache->lock);
    }
    st = st ? st : find_dependencies(plan, &arena, err);
    li_free(plan->arena.mem, x.key.data);
    li_arena_free(&arena);
    return st;
}
