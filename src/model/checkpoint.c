/*
 * Which entry of the checkpoint is a variable's value. The checkpoint has an object graph of its own; both are walked
 * from the root along equal names, and what is met together is one object. Neither ids nor variables' names are to be
 * relied on.
 */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

#define GRAPH_KEY "_CHECKPOINTABLE_OBJECT_GRAPH"

typedef Tf__TrackableObjectGraph__TrackableObject tracked;

struct pairing {
    struct li_model *model;
    const Tf__TrackableObjectGraph *graph;
    int32_t *partner;             /* by object: its node in the checkpoint's graph, or LI_NONE */
    int32_t *queue, queued;       /* objects that have one, in the order in which it was found */
    Tf__ObjectReference **sorted; /* the children of the node at hand, sorted by name, for when their order differs */
    size_t sorted_room;
};

static lince_status read_graph(const Tf__TrackableObjectGraph **out, struct li_model *m, struct li_arena *arena,
                               lince_error *err)
{
    const struct li_bundle_entry *entry = li_bundle_find(m->bundle, GRAPH_KEY);
    struct li_tensor tensor;
    ProtobufCMessage *message;
    if (!entry) {
        return li_fail(err, LINCE_EINVAL,
                       "variables/variables: no object graph (" GRAPH_KEY "), so variables cannot be told apart");
    }
    LI_TRY(li_bundle_read(&tensor, m->bundle, entry, err));
    if (tensor.dtype != LINCE_STRING || tensor.size_bytes != sizeof(lince_string)) {
        return li_fail(err, LINCE_EINVAL, "variables/variables: " GRAPH_KEY " is no single string");
    }
    const lince_string *s = tensor.data;
    LI_TRY(li_proto_unpack(&message, (struct li_bytes){(const uint8_t *)s->data, s->size},
                           &tf__trackable_object_graph__descriptor, "variables/variables: " GRAPH_KEY, arena, err));
    *out = (const Tf__TrackableObjectGraph *)message;
    return LINCE_OK;
}

static lince_status check_graph(const Tf__TrackableObjectGraph *graph, lince_error *err)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        for (size_t c = 0; c < graph->nodes[i]->n_children; c++) {
            const Tf__ObjectReference *child = graph->nodes[i]->children[c];
            if (child->node_id < 0 || (size_t)child->node_id >= graph->n_nodes) {
                return li_fail(err, LINCE_EINVAL, "variables/variables: object %zu has a child %d, the graph has %zu",
                               i, child->node_id, graph->n_nodes);
            }
        }
    }
    return LINCE_OK;
}

static int compare_references(const void *a, const void *b)
{
    return strcmp((*(Tf__ObjectReference *const *)a)->local_name, (*(Tf__ObjectReference *const *)b)->local_name);
}

static lince_status sort_children(struct pairing *p, const tracked *node, lince_error *err)
{
    if (p->sorted_room < node->n_children) {
        Tf__ObjectReference **grown = li_realloc(p->model->mem, p->sorted, node->n_children * sizeof *grown, err);
        if (!grown) {
            return LINCE_ENOMEM;
        }
        p->sorted = grown;
        p->sorted_room = node->n_children;
    }
    memcpy(p->sorted, node->children, node->n_children * sizeof *p->sorted);
    qsort(p->sorted, node->n_children, sizeof *p->sorted, compare_references);
    return LINCE_OK;
}

/* The first node that an object is paired with, on the shortest path that both graphs have, is the one that counts. */
static void pair(struct pairing *p, int32_t object, int32_t node)
{
    p->partner[object] = node;
    p->queue[p->queued++] = object;
}

/*
 * Pair the children of an object. Their order is the same as a rule, so the next one is tried before the sorted list.
 */
static lince_status pair_children(struct pairing *p, int32_t object, lince_error *err)
{
    const Tf__SavedObject *o = p->model->object[object];
    const tracked *node = p->graph->nodes[p->partner[object]];
    bool sorted = false;
    size_t next = 0;
    for (size_t i = 0; i < o->n_children; i++) {
        Tf__ObjectReference *child = o->children[i], **found;
        if (p->partner[child->node_id] != LI_NONE) {
            continue;
        }
        if (next < node->n_children && strcmp(node->children[next]->local_name, child->local_name) == 0) {
            pair(p, child->node_id, node->children[next++]->node_id);
            continue;
        }
        if (!node->n_children) {
            return LINCE_OK;
        }
        if (!sorted) {
            LI_TRY(sort_children(p, node, err));
            sorted = true;
        }
        found = bsearch(&child, p->sorted, node->n_children, sizeof *p->sorted, compare_references);
        if (found) {
            pair(p, child->node_id, (*found)->node_id);
        }
    }
    return LINCE_OK;
}

static const char *value_key(const tracked *node)
{
    for (size_t i = 0; i < node->n_attributes; i++) {
        if (strcmp(node->attributes[i]->name, "VARIABLE_VALUE") == 0) {
            return node->attributes[i]->checkpoint_key;
        }
    }
    return NULL;
}

static lince_status pair_all(struct pairing *p, const char **keys, lince_error *err)
{
    struct li_model *m = p->model;
    if (p->graph->n_nodes) {
        pair(p, 0, 0);
    }
    for (int32_t i = 0; i < p->queued; i++) {
        int32_t object = p->queue[i];
        LI_TRY(pair_children(p, object, err));
        if (m->object[object]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            const char *key = value_key(p->graph->nodes[p->partner[object]]);
            if (key && !(keys[object] = li_arena_strdup(&m->arena, key, err))) {
                return LINCE_ENOMEM;
            }
        }
    }
    return LINCE_OK;
}

static lince_status find_keys(struct li_model *m, const char **keys, lince_error *err)
{
    struct pairing p = {.model = m};
    struct li_arena scratch;
    lince_status st;
    li_arena_init(&scratch, m->mem, 0);
    st = read_graph(&p.graph, m, &scratch, err);
    if (!st && !(st = check_graph(p.graph, err))) {
        p.partner = li_arena_alloc(&scratch, (size_t)m->object_count * sizeof *p.partner, err);
        p.queue = li_arena_alloc(&scratch, (size_t)m->object_count * sizeof *p.queue, err);
        st = p.partner && p.queue ? LINCE_OK : LINCE_ENOMEM;
    }
    if (!st) {
        for (int32_t i = 0; i < m->object_count; i++) {
            p.partner[i] = LI_NONE;
        }
        st = pair_all(&p, keys, err);
    }
    li_free(m->mem, p.sorted);
    li_arena_free(&scratch);
    return st;
}

/* The store's call when a variable is first used: its bytes stay where the checkpoint has them. */
static lince_status load_variable(struct li_resource *resource, void *context, lince_error *err)
{
    const struct li_variable_source *source = context;
    lince_status st = li_bundle_read(&resource->value, source->bundle, source->entry, err);
    return st ? li_prefix(err, st, "variable \"%s\"", resource->name) : LINCE_OK;
}

const struct li_bundle_entry *li_checkpoint_entry(const struct li_resource *resource)
{
    const struct li_variable_source *source = resource->load_context;
    return resource->load == load_variable ? source->entry : NULL;
}

static lince_status check_entry(const Tf__SavedVariable *v, const struct li_bundle_entry *entry, lince_error *err)
{
    struct li_shape shape;
    lince_dtype dtype;
    char declared[LI_SHAPE_TEXT], stored[LI_SHAPE_TEXT];
    LI_TRY(li_proto_dtype(&dtype, v->dtype, err));
    LI_TRY(li_proto_shape(&shape, v->shape, err));
    if (dtype != entry->dtype || !li_shape_compatible(&shape, &entry->shape)) {
        return li_fail(err, LINCE_EINVAL, "declared %s%s, its entry \"%s\" in the checkpoint is %s%s",
                       li_dtype_name(dtype), li_shape_text(&shape, declared), entry->key, li_dtype_name(entry->dtype),
                       li_shape_text(&entry->shape, stored));
    }
    return LINCE_OK;
}

lince_status li_checkpoint_variable(struct li_model *m, const char *name, const struct li_bundle_entry *entry,
                                    int32_t *out, lince_error *err)
{
    struct li_variable_source *source = li_arena_alloc(&m->arena, sizeof *source, err);
    if (!source) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_store_add(m->store, LI_VARIABLE, name, entry->dtype, &entry->shape, out, err));
    *source = (struct li_variable_source){m->bundle, entry};
    li_store_get(m->store, *out)->load = load_variable;
    li_store_get(m->store, *out)->load_context = source;
    return LINCE_OK;
}

static lince_status add_variable(struct li_model *m, int32_t object, const char *key, lince_error *err)
{
    const Tf__SavedVariable *v = m->object[object]->variable;
    const struct li_bundle_entry *entry;
    if (!key) {
        return li_fail(err, LINCE_ENOENT, "the checkpoint has no value for it");
    }
    LI_TRY(li_bundle_get(&entry, m->bundle, key, err));
    LI_TRY(check_entry(v, entry, err));
    return li_checkpoint_variable(m, v->name, entry, &m->object_resource[object], err);
}

lince_status li_checkpoint_open(struct li_model *m, lince_error *err)
{
    const char *prefix = li_arena_printf(&m->arena, err, "%s/variables/variables", m->path);
    if (!prefix) {
        return LINCE_ENOMEM;
    }
    return li_bundle_open(&m->bundle, prefix, m->files ? LI_BUNDLE_IN_MEMORY : LI_BUNDLE_MAPPED, m->mem, err);
}

static bool has_variables(const struct li_model *m, const int32_t *order, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (m->object[order[i]]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            return true;
        }
    }
    return false;
}

lince_status li_checkpoint_bind(struct li_model *m, const int32_t *order, int32_t count, const char **keys,
                                lince_error *err)
{
    if (!has_variables(m, order, count)) {
        return LINCE_OK;
    }
    LI_TRY(li_checkpoint_open(m, err));
    LI_TRY(find_keys(m, keys, err));
    for (int32_t i = 0; i < count; i++) {
        if (m->object[order[i]]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            lince_status st = add_variable(m, order[i], keys[order[i]], err);
            if (st) {
                return li_prefix(err, st, "variable \"%s\"", m->object[order[i]]->variable->name);
            }
        }
    }
    return LINCE_OK;
}
