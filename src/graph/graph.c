/* Building graphs: values, nodes, inputs, outputs, and what graphs made from each other share. */
#include "internal.h"

#include <assert.h>
#include <string.h>

/* ---- What graphs share ------------------------------------------------------------------------------------------- */

/* In the keep's arena. */
struct li_owned_body {
    struct li_owned_body *next;
    struct li_graph *graph;
};

/* Bodies do not hold the keep of the graph that owns them, so there is no circle. */
static void release_keep(struct li_keep *keep)
{
    while (keep && atomic_fetch_sub(&keep->references, 1) == 1) {
        struct li_keep *parent = keep->parent;
        struct li_mem *mem = keep->mem;
        for (struct li_owned_body *b = keep->bodies; b; b = b->next) {
            li_graph_free(b->graph);
        }
        li_arena_free(&keep->arena);
        li_free(mem, keep);
        li_mem_release(mem);
        keep = parent;
    }
}

struct li_arena *li_graph_kept(struct li_graph *g, lince_error *err)
{
    if (g->keep_is_own) {
        return &g->keep->arena;
    }
    struct li_keep *keep = li_calloc(g->arena.mem, 1, sizeof *keep, err);
    if (!keep) {
        return NULL;
    }
    keep->mem = g->arena.mem;
    li_mem_retain(keep->mem);
    li_arena_init(&keep->arena, keep->mem, 0);
    keep->parent = g->keep; /* our reference to it becomes the new one's */
    atomic_init(&keep->references, 1);
    g->keep = keep;
    g->keep_is_own = true;
    return &keep->arena;
}

lince_status li_graph_own_body(struct li_graph *g, struct li_graph *body, lince_error *err)
{
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_owned_body *owned = kept ? li_arena_alloc(kept, sizeof *owned, err) : NULL;
    if (!owned) {
        li_graph_free(body);
        return LINCE_ENOMEM;
    }
    *owned = (struct li_owned_body){g->keep->bodies, body};
    g->keep->bodies = owned;
    return LINCE_OK;
}

/* ---- New and free ------------------------------------------------------------------------------------------------ */

lince_status li_graph_new(struct li_graph **out, struct li_store *store, const struct li_ops *ops, struct li_mem *mem,
                          lince_error *err)
{
    struct li_graph *g = li_calloc(mem, 1, sizeof *g, err);
    if (!g) {
        return LINCE_ENOMEM;
    }
    li_mem_retain(mem);
    li_arena_init(&g->arena, mem, 0);
    if (store) {
        li_store_retain(store);
    }
    g->store = store;
    g->ops = ops;
    *out = g;
    return LINCE_OK;
}

lince_status li_graph_new_from(struct li_graph **out, const struct li_graph *from, lince_error *err)
{
    struct li_graph *g;
    LI_TRY(li_graph_new(&g, from->store, from->ops, from->arena.mem, err));
    g->env = from->env;
    g->keep = from->keep;
    if (g->keep) {
        atomic_fetch_add(&g->keep->references, 1);
    }
    *out = g;
    return LINCE_OK;
}

void li_graph_free(struct li_graph *g)
{
    if (!g) {
        return;
    }
    struct li_mem *mem = g->arena.mem;
    struct li_store *store = g->store;
    release_keep(g->keep);
    li_free(mem, g->values);
    li_free(mem, g->nodes);
    li_arena_free(&g->arena);
    li_free(mem, g);
    if (store) {
        li_store_release(store);
    }
    li_mem_release(mem);
}

/* ---- Room -------------------------------------------------------------------------------------------------------- */

static lince_status check_limit(int64_t wanted, int64_t most, const char *what, lince_error *err)
{
    return wanted > most ? li_fail(err, LINCE_ELIMIT, "the graph has more than %lld %s", (long long)most, what)
                         : LINCE_OK;
}

lince_status li_graph_reserve(struct li_graph *g, int32_t values, int32_t nodes, lince_error *err)
{
    int64_t all_values = (int64_t)g->value_count + values, all_nodes = (int64_t)g->node_count + nodes;
    LI_TRY(check_limit(all_values, LI_MAX_VALUES, "values", err));
    LI_TRY(check_limit(all_nodes, LI_MAX_NODES, "nodes", err));
    LI_TRY(li_grow(g->arena.mem, &g->values, &g->value_room, all_values, sizeof *g->values, err));
    return li_grow(g->arena.mem, &g->nodes, &g->node_room, all_nodes, sizeof *g->nodes, err);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/* There is room. */
static li_vid put_value(struct li_graph *g, const struct li_value *value)
{
    li_vid v = g->value_count++;
    g->values[v] = *value;
    g->values[v].view = (struct li_view){.base = v};
    return v;
}

static lince_status add_value(struct li_graph *g, const struct li_value *value, li_vid *out, lince_error *err)
{
    LI_TRY(li_graph_reserve(g, 1, 0, err));
    *out = put_value(g, value);
    return LINCE_OK;
}

lince_status li_graph_copy_value(struct li_graph *to, const struct li_value *value, li_vid *out, lince_error *err)
{
    struct li_value copy = *value;
    copy.producer = LI_NONE;
    return add_value(to, &copy, out, err);
}

lince_status li_graph_input(struct li_graph *g, lince_dtype dtype, const struct li_shape *shape, li_vid *out,
                            lince_error *err)
{
    int32_t count = g->input_count;
    LI_TRY(li_arena_grow(&g->arena, &g->inputs, &g->input_room, count + 1, sizeof *g->inputs, err));
    const struct li_value value = {
        .dtype = dtype, .shape = *shape, .resource = LI_NONE, .producer = LI_NONE, .output = count};
    LI_TRY(add_value(g, &value, out, err));
    g->inputs[g->input_count++] = *out;
    return LINCE_OK;
}

lince_status li_graph_constant(struct li_graph *g, const struct li_tensor *tensor, li_vid *out, lince_error *err)
{
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_tensor *copy = kept ? li_arena_alloc(kept, sizeof *copy, err) : NULL;
    if (!copy) {
        return LINCE_ENOMEM;
    }
    *copy = *tensor;
    const struct li_value value = {
        .dtype = tensor->dtype, .shape = tensor->shape, .constant = copy, .resource = LI_NONE, .producer = LI_NONE};
    return add_value(g, &value, out, err);
}

/* Strings lie behind their array. */
static lince_status own_strings(struct li_arena *kept, lince_string *strings, size_t count, lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char *text = li_arena_strndup(kept, strings[i].data, strings[i].size, err);
        if (!text) {
            return LINCE_ENOMEM;
        }
        strings[i].data = text;
    }
    return LINCE_OK;
}

lince_status li_graph_own_tensor(struct li_graph *g, const struct li_tensor *tensor, const struct li_tensor **out,
                                 lince_error *err)
{
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_tensor *copy = kept ? li_arena_alloc(kept, sizeof *copy, err) : NULL;
    /* Kernels read vectors: as aligned as any other tensor. */
    void *room = copy ? li_arena_alloc(kept, tensor->size_bytes + LI_ALIGN, err) : NULL;
    if (!room) {
        return LINCE_ENOMEM;
    }
    *copy = *tensor;
    copy->data = (void *)(((uintptr_t)room + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN);
    if (tensor->size_bytes) {
        memcpy(copy->data, tensor->data, tensor->size_bytes);
    }
    if (tensor->dtype == LINCE_STRING) {
        LI_TRY(own_strings(kept, copy->data, tensor->size_bytes / sizeof(lince_string), err));
    }
    *out = copy;
    return LINCE_OK;
}

lince_status li_graph_resource(struct li_graph *g, int32_t resource, li_vid *out, lince_error *err)
{
    const struct li_value value = {
        .dtype = LINCE_RESOURCE, .shape = {.rank = 0}, .resource = resource, .producer = LI_NONE};
    return add_value(g, &value, out, err);
}

lince_status li_graph_set_outputs(struct li_graph *g, const li_vid *outputs, int count, lince_error *err)
{
    li_vid *copy = li_arena_alloc(&g->arena, (size_t)count * sizeof *copy, err);
    if (!copy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        assert(outputs[i] >= 0 && outputs[i] < g->value_count);
        copy[i] = outputs[i];
    }
    g->outputs = copy;
    g->output_count = count;
    return LINCE_OK;
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

/*
 * Append a node whose fields but in and out are set: copies in, and makes nout values like those of `like` (NULL: no
 * shape yet).
 */
static lince_status add_node(struct li_graph *g, const struct li_node *node, const li_vid *in,
                             const struct li_value *like, const li_vid *like_out, lince_error *err)
{
    LI_TRY(li_graph_reserve(g, node->nout, 1, err));
    li_vid *ids = li_arena_alloc(&g->arena, ((size_t)node->nin + (size_t)node->nout) * sizeof *ids, err);
    if (!ids) {
        return LINCE_ENOMEM;
    }
    int32_t n = g->node_count++;
    struct li_node *added = &g->nodes[n];
    *added = *node;
    added->in = ids;
    added->out = ids + node->nin;
    for (int i = 0; i < node->nin; i++) {
        assert(in[i] >= 0 && in[i] < g->value_count);
        added->in[i] = in[i];
    }
    for (int i = 0; i < node->nout; i++) {
        struct li_value value = {.shape = {.rank = -1}, .resource = LI_NONE};
        if (like) {
            value = like[like_out[i]];
        }
        value.producer = n;
        value.output = i;
        added->out[i] = put_value(g, &value);
    }
    return LINCE_OK;
}

lince_status li_graph_append(struct li_graph *g, const struct li_op *op, const char *name, const li_vid *in, int nin,
                             const struct li_attr *attrs, int nattrs, struct li_node **node, lince_error *err)
{
    if (nin < op->inputs_min || (op->inputs_max >= 0 && nin > op->inputs_max)) {
        return li_fail(err, LINCE_EINVAL, "node \"%s\" (%s): has %d inputs, wanted %s%d", name, op->name, nin,
                       op->inputs_max < 0 || nin < op->inputs_min ? "at least " : "at most ",
                       op->inputs_max < 0 || nin < op->inputs_min ? op->inputs_min : op->inputs_max);
    }
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_node made = {.op = op, .nin = nin, .effects = op->effects};
    made.name = kept ? li_arena_strdup(kept, name, err) : NULL;
    if (!made.name) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_attrs_bind(g, op, made.name, attrs, nattrs, &made.attrs, &made.nattrs, err));
    LI_TRY(li_attrs_outputs(op, made.name, made.attrs, made.nattrs, &made.nout, err));
    LI_TRY(add_node(g, &made, in, NULL, NULL, err));
    if (node) {
        *node = &g->nodes[g->node_count - 1];
    }
    return LINCE_OK;
}

lince_status li_graph_set_bodies(struct li_graph *g, int32_t node, struct li_graph *const *bodies, int count,
                                 lince_error *err)
{
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_graph **copy = kept ? li_arena_alloc(kept, (size_t)count * sizeof *copy, err) : NULL;
    if (!copy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        copy[i] = bodies[i];
    }
    g->nodes[node].body = copy;
    g->nodes[node].bodies = count;
    return LINCE_OK;
}

lince_status li_graph_copy_sources(struct li_graph *to, const struct li_graph *from, li_vid *map, lince_error *err)
{
    for (int32_t i = 0; i < from->input_count; i++) {
        const struct li_value *value = &from->values[from->inputs[i]];
        li_vid v;
        LI_TRY(li_graph_input(to, value->dtype, &value->shape, &v, err));
        to->values[v].constant = value->constant;
        to->values[v].resource = value->resource;
        to->values[v].unshaped = value->unshaped;
        map[from->inputs[i]] = v;
    }
    for (li_vid v = 0; v < from->value_count; v++) {
        if (from->values[v].producer < 0 && map[v] < 0) {
            LI_TRY(li_graph_copy_value(to, &from->values[v], &map[v], err));
        }
    }
    return LINCE_OK;
}

lince_status li_graph_copy_node(struct li_graph *to, const struct li_graph *from, const struct li_node *node,
                                li_vid *map, lince_error *err)
{
    li_vid few[16], *in = few;
    if (node->nin > (int)LI_COUNT(few)) {
        in = li_arena_alloc(&to->arena, (size_t)node->nin * sizeof *in, err);
        if (!in) {
            return LINCE_ENOMEM;
        }
    }
    for (int i = 0; i < node->nin; i++) {
        in[i] = map[node->in[i]];
    }
    LI_TRY(add_node(to, node, in, from->values, node->out, err));
    const struct li_node *added = &to->nodes[to->node_count - 1];
    for (int i = 0; i < node->nout; i++) {
        map[node->out[i]] = added->out[i];
    }
    return LINCE_OK;
}

static lince_status put(struct li_graph *to, const struct li_graph *from, const li_vid *arguments, li_vid *map,
                        lince_error *err)
{
    for (li_vid v = 0; v < from->value_count; v++) {
        map[v] = LI_NONE;
    }
    for (int32_t i = 0; i < from->input_count; i++) {
        map[from->inputs[i]] = arguments[i];
    }
    for (li_vid v = 0; v < from->value_count; v++) {
        if (from->values[v].producer < 0 && map[v] < 0) {
            LI_TRY(li_graph_copy_value(to, &from->values[v], &map[v], err));
        }
    }
    for (int32_t n = 0; n < from->node_count; n++) {
        LI_TRY(li_graph_copy_node(to, from, &from->nodes[n], map, err));
    }
    return LINCE_OK;
}

lince_status li_graph_put(struct li_graph *to, const struct li_graph *from, const li_vid *arguments, li_vid *results,
                          lince_error *err)
{
    li_vid *map = li_alloc(to->arena.mem, ((size_t)from->value_count + 1) * sizeof *map, err);
    if (!map) {
        return LINCE_ENOMEM;
    }
    lince_status st = put(to, from, arguments, map, err);
    for (int32_t i = 0; !st && i < from->output_count; i++) {
        results[i] = map[from->outputs[i]];
    }
    li_free(to->arena.mem, map);
    return st;
}

const struct li_op *li_ops_find(const struct li_ops *ops, const char *name)
{
    int low = 0, high = ops ? ops->count : 0;
    while (low < high) {
        int middle = low + (high - low) / 2;
        int order = strcmp(ops->rows[middle]->name, name);
        if (order == 0) {
            return ops->rows[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}
