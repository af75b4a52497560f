/* Prepare results: naming them, keeping them, and making again what a written variable made stale. */
#include "plan.h"

#include <string.h>

/* ---- Keys ---- */

struct key {
    uint8_t *data;
    size_t len, room;
    struct li_mem *mem;
    lince_status status;
    lince_error *err;
};

static void put(struct key *k, const void *data, size_t len)
{
    if (k->status) {
        return;
    }
    if (len > k->room - k->len) {
        size_t room = (k->len + len) * 2 + 64;
        uint8_t *grown = li_realloc(k->mem, k->data, room, k->err);
        if (!grown) {
            k->status = LINCE_ENOMEM;
            return;
        }
        k->data = grown;
        k->room = room;
    }
    if (len) {
        memcpy(k->data + k->len, data, len);
    }
    k->len += len;
}

static void put_u64(struct key *k, uint64_t value)
{
    put(k, &value, sizeof value);
}

/* A list, with its length in front: no two lists of attributes have one spelling. */
static void put_list(struct key *k, const void *data, size_t count, size_t size)
{
    put_u64(k, data ? count : UINT64_MAX);
    put(k, data, data ? count * size : 0);
}

/* Small contents are spelled out; large ones lie in the model's memory, and are told apart by where. */
static void put_tensor(struct key *k, const struct li_tensor *t, uint64_t unique)
{
    put_u64(k, (uint64_t)t->dtype);
    put_u64(k, (uint64_t)t->shape.rank);
    put(k, t->shape.dim, (size_t)t->shape.rank * sizeof t->shape.dim[0]);
    if (t->dtype == LINCE_STRING) {
        put_u64(k, unique); /* never shared */
    } else if (t->size_bytes <= LI_MAX_FOLD_BYTES) {
        put(k, t->data, t->size_bytes);
    } else {
        put(k, &t->data, sizeof t->data);
    }
}

/* Only the members that the kind says hold something. */
static void put_attr(struct key *k, const struct li_attr *a, uint64_t unique)
{
    size_t shapes = a->kind == LI_ATTR_SHAPES ? a->count : a->kind == LI_ATTR_SHAPE && a->shape ? 1 : 0;
    put_u64(k, (uint64_t)a->kind);
    put_u64(k, (uint64_t)a->i);
    put(k, &a->f, sizeof a->f);
    if (a->kind == LI_ATTR_STRING || a->kind == LI_ATTR_FUNC) {
        put_list(k, a->s, a->s_len, 1);
    } else if (a->kind == LI_ATTR_INTS || a->kind == LI_ATTR_BOOLS || a->kind == LI_ATTR_TYPES) {
        put_list(k, a->ints, a->count, sizeof *a->ints);
    } else if (a->kind == LI_ATTR_FLOATS) {
        put_list(k, a->floats, a->count, sizeof *a->floats);
    } else if (a->kind == LI_ATTR_STRINGS || a->kind == LI_ATTR_FUNCS) {
        put_u64(k, a->count);
        for (size_t i = 0; i < a->count; i++) {
            put_list(k, a->strings[i], strlen(a->strings[i]), 1);
        }
    } else if (a->kind == LI_ATTR_TENSOR && a->tensor) {
        put_tensor(k, a->tensor, unique);
    }
    for (size_t i = 0; i < shapes; i++) {
        put_u64(k, (uint64_t)a->shape[i].rank);
        put(k, a->shape[i].dim, (size_t)LI_MAX(a->shape[i].rank, 0) * sizeof a->shape[i].dim[0]);
    }
}

/* ---- Expressions of all prepare nodes ---- */

struct expressing {
    struct li_plan *plan;
    const struct li_graph *g;
    struct li_expression **of; /* by value */
    struct key key;
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
        put(&x->key, "C", 1);
        put_tensor(&x->key, value->constant, x->plan->cache->next_id);
    } else {
        put(&x->key, "R", 1);
        put_u64(&x->key, (uint64_t)value->resource);
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
        put(&x->key, "N", 1);
        put(&x->key, &node->op, sizeof node->op);
        put_u64(&x->key, (uint64_t)x->plan->env->isa << 32 | (uint64_t)o);
        put_u64(&x->key, node->touches ? (uint64_t)node->touch[0].resource : UINT64_MAX);
        for (int i = 0; i < node->nin; i++) {
            put_u64(&x->key, x->of[node->in[i]]->id);
        }
        for (int i = 0; i < node->nattrs; i++) {
            put_attr(&x->key, &node->attrs[i], x->plan->cache->next_id);
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
    plan->kept_data = li_arena_calloc(&plan->arena, (size_t)plan->kept_count + 1, sizeof *plan->kept_data, err);
    lince_status st = x.of && plan->expressions && plan->kept_data ? LINCE_OK : LINCE_ENOMEM;
    st = st ? st : li_prepared_of(&plan->cache, x.g->store, err);
    if (!st) {
        pthread_mutex_lock(&plan->cache->lock);
        st = express_all(&x);
        pthread_mutex_unlock(&plan->cache->lock);
    }
    st = st ? st : find_dependencies(plan, &arena, err);
    if (!st) {
        plan->seen = li_arena_calloc(&plan->arena, (size_t)plan->read_count + 1, sizeof *plan->seen, err);
        st = plan->seen ? LINCE_OK : LINCE_ENOMEM;
    }
    li_free(plan->arena.mem, x.key.data);
    li_arena_free(&arena);
    return st;
}

/* ---- Refreshing ---- */

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

struct making {
    struct li_plan *plan;
    const struct li_graph *g;
    struct li_arena arena;
    bool *needed;            /* by node */
    bool *made;              /* by node */
    struct li_tensor *value; /* by value; data of nodes that were evaluated is theirs */
    lince_error *err;
};

/* What is stale is made from what is fresh, as far as that is kept. */
static void need_stale(struct making *m)
{
    for (int32_t i = 0; i < m->plan->kept_count; i++) {
        const struct li_kept *kept = &m->plan->kept[i];
        const struct li_value *value = &m->g->values[kept->value];
        if (fresh(m->plan, kept)) {
            m->value[kept->value] = (struct li_tensor){.dtype = value->dtype,
                                                       .shape = value->shape,
                                                       .data = kept->expression->data,
                                                       .size_bytes = li_value_bytes(value)};
        } else {
            m->needed[value->producer] = true;
        }
    }
    for (int32_t n = m->g->node_count; n-- > 0;) {
        const struct li_node *node = &m->g->nodes[n];
        for (int i = 0; m->needed[n] && i < node->nin; i++) {
            int32_t producer = m->g->values[node->in[i]].producer;
            if (producer != LI_NONE && !m->value[node->in[i]].data) {
                m->needed[producer] = true;
            }
        }
    }
}

static struct li_tensor tensor_of(const struct making *m, li_vid v)
{
    const struct li_value *value = &m->g->values[v];
    return value->constant ? *value->constant : m->value[v];
}

static lince_status make_node(struct making *m, int32_t n)
{
    const struct li_node *node = &m->g->nodes[n];
    if (node->touches) { /* a plain read: the committed value itself */
        m->value[node->out[0]] = li_store_get(m->g->store, node->touch[0].resource)->value;
        return LINCE_OK;
    }
    if (node->op->flags & LI_OP_ALIAS) {
        m->value[node->out[0]] = tensor_of(m, node->in[0]);
        m->value[node->out[0]].shape = m->g->values[node->out[0]].shape;
        return LINCE_OK;
    }
    struct li_tensor *in = li_arena_calloc(&m->arena, (size_t)node->nin + 1, sizeof *in, m->err);
    struct li_tensor *out = li_arena_calloc(&m->arena, (size_t)node->nout + 1, sizeof *out, m->err);
    if (!in || !out) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        in[i] = tensor_of(m, node->in[i]);
    }
    LI_TRY(li_node_eval(m->g, node, in, out, m->plan->env, m->err));
    for (int i = 0; i < node->nout; i++) {
        m->value[node->out[i]] = out[i];
    }
    m->made[n] = true;
    return LINCE_OK;
}

/* Hand a result that was just made to its expression. */
static lince_status publish(struct making *m, const struct li_kept *kept)
{
    struct li_expression *e = kept->expression;
    if (!e->stamps) {
        e->stamps = li_calloc(m->plan->cache->mem, (size_t)kept->resource_count + 1, sizeof *e->stamps, m->err);
        if (!e->stamps) {
            return LINCE_ENOMEM;
        }
    }
    e->stamp_count = kept->resource_count;
    for (int32_t i = 0; i < kept->resource_count; i++) {
        e->stamps[i] = (struct li_stamp){kept->resources[i], version_of(m->plan, kept->resources[i])};
    }
    li_free(m->plan->cache->mem, e->data);
    e->data = m->value[kept->value].data;
    m->value[kept->value].data = NULL;
    return LINCE_OK;
}

static lince_status make_all(struct making *m)
{
    for (int32_t n = 0; n < m->g->node_count; n++) {
        if (m->needed[n]) {
            LI_TRY(make_node(m, n));
        }
    }
    for (int32_t i = 0; i < m->plan->kept_count; i++) {
        if (!fresh(m->plan, &m->plan->kept[i])) {
            LI_TRY(publish(m, &m->plan->kept[i]));
        }
    }
    return LINCE_OK;
}

static void free_rest(struct making *m)
{
    for (int32_t n = 0; m->made && n < m->g->node_count; n++) {
        for (int i = 0; m->made[n] && i < m->g->nodes[n].nout; i++) {
            li_free(m->plan->env->mem, m->value[m->g->nodes[n].out[i]].data);
        }
    }
}

static lince_status make_stale(struct li_plan *plan, lince_error *err)
{
    struct making m = {.plan = plan, .g = plan->graph, .err = err};
    li_arena_init(&m.arena, plan->arena.mem, 0);
    m.needed = li_arena_calloc(&m.arena, (size_t)m.g->node_count + 1, 1, err);
    m.made = li_arena_calloc(&m.arena, (size_t)m.g->node_count + 1, 1, err);
    m.value = li_arena_calloc(&m.arena, (size_t)m.g->value_count + 1, sizeof *m.value, err);
    lince_status st = LINCE_ENOMEM;
    if (m.needed && m.made && m.value) {
        need_stale(&m);
        st = make_all(&m);
        free_rest(&m);
    }
    li_arena_free(&m.arena);
    return st;
}

static bool unchanged(const struct li_plan *plan)
{
    for (int32_t i = 0; i < plan->read_count; i++) {
        if (plan->seen[i] != version_of(plan, plan->read[i])) {
            return false;
        }
    }
    return plan->kept_count == 0 || plan->kept_data[0];
}

lince_status li_plan_refresh(struct li_plan *plan, lince_error *err)
{
    if (unchanged(plan)) {
        return LINCE_OK;
    }
    lince_status st = LINCE_OK;
    pthread_mutex_lock(&plan->cache->lock);
    for (int32_t i = 0; !st && i < plan->kept_count; i++) {
        if (!fresh(plan, &plan->kept[i])) {
            st = make_stale(plan, err);
            break;
        }
    }
    for (int32_t i = 0; !st && i < plan->kept_count; i++) {
        plan->kept_data[i] = plan->kept[i].expression->data;
    }
    pthread_mutex_unlock(&plan->cache->lock);
    for (int32_t i = 0; !st && i < plan->read_count; i++) {
        plan->seen[i] = version_of(plan, plan->read[i]);
    }
    return st;
}
