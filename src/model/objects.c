/* The object graph: checked once as a whole, then looked up by name. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

const char *li_object_kind(const Tf__SavedObject *object)
{
    switch (object->kind_case) {
    case TF__SAVED_OBJECT__KIND_USER_OBJECT:
        return object->user_object->identifier;
    case TF__SAVED_OBJECT__KIND_ASSET:
        return "an asset";
    case TF__SAVED_OBJECT__KIND_FUNCTION:
        return "a function";
    case TF__SAVED_OBJECT__KIND_VARIABLE:
        return "a variable";
    case TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION:
        return "a concrete function";
    case TF__SAVED_OBJECT__KIND_CONSTANT:
        return "a constant";
    case TF__SAVED_OBJECT__KIND_RESOURCE:
        return "a resource";
    case TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
        return "a captured tensor";
    default:
        return "nothing known";
    }
}

/* Long names are refused here, so that no later text grows with them. */
static lince_status check_references(const struct li_model *m, int32_t node, Tf__ObjectReference *const *refs, size_t n,
                                     const char *what, lince_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(refs[i]->local_name) > LI_MAX_NAME) {
            return li_fail(err, LINCE_ELIMIT, "object %d: the name of its %s %zu has %zu bytes, the limit is %d", node,
                           what, i, strlen(refs[i]->local_name), LI_MAX_NAME);
        }
        if (refs[i]->node_id < 0 || refs[i]->node_id >= m->object_count) {
            return li_fail(err, LINCE_EINVAL, "object %d: its %s \"%s\" is object %d, the graph has %d", node, what,
                           refs[i]->local_name, refs[i]->node_id, m->object_count);
        }
    }
    return LINCE_OK;
}

static lince_status check_object(const struct li_model *m, int32_t i, lince_error *err)
{
    const Tf__SavedObject *o = m->object[i];
    if (o->kind_case == TF__SAVED_OBJECT__KIND__NOT_SET) {
        return li_fail(err, LINCE_EUNSUPPORTED, "object %d is of a kind this library does not know", i);
    }
    if (o->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE && strlen(o->variable->name) > LI_MAX_NAME) {
        return li_fail(err, LINCE_ELIMIT, "object %d: the variable's name has %zu bytes, the limit is %d", i,
                       strlen(o->variable->name), LI_MAX_NAME);
    }
    LI_TRY(check_references(m, i, o->children, o->n_children, "child", err));
    return check_references(m, i, o->dependencies, o->n_dependencies, "dependency", err);
}

struct keyed {
    Tf__ConcreteFunctionEntry *entry;
    size_t place;
};

/* By key; of equal keys, the last in the file first, which is the one that counts. */
static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = strcmp(x->entry->key, y->entry->key);
    return order ? order : x->place < y->place ? 1 : -1;
}

static lince_status sort_concrete(struct li_model *m, const Tf__SavedObjectGraph *graph, lince_error *err)
{
    size_t n = graph->n_concrete_functions;
    struct keyed *keyed = li_alloc(m->mem, n * sizeof *keyed, err);
    m->concrete = li_arena_calloc(&m->arena, n, sizeof *m->concrete, err);
    if (!keyed || !m->concrete) {
        li_free(m->mem, keyed);
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        keyed[i] = (struct keyed){graph->concrete_functions[i], i};
    }
    qsort(keyed, n, sizeof *keyed, compare_keyed);
    for (size_t i = 0; i < n; i++) {
        m->concrete[i] = keyed[i].entry;
    }
    m->concrete_count = n;
    li_free(m->mem, keyed);
    return LINCE_OK;
}

lince_status li_objects_open(struct li_model *m, lince_error *err)
{
    const Tf__SavedObjectGraph *graph = m->meta->def->object_graph_def;
    if (!graph->n_nodes) {
        return li_fail(err, LINCE_EINVAL, "the object graph has no objects");
    }
    if (graph->n_nodes > LI_MAX_OBJECTS) {
        return li_fail(err, LINCE_ELIMIT, "%zu objects, the limit is %d", graph->n_nodes, LI_MAX_OBJECTS);
    }
    m->object = graph->nodes;
    m->object_count = (int32_t)graph->n_nodes;
    for (int32_t i = 0; i < m->object_count; i++) {
        LI_TRY(check_object(m, i, err));
    }
    m->object_resource = li_arena_alloc(&m->arena, (size_t)m->object_count * sizeof *m->object_resource, err);
    m->object_constant = li_arena_calloc(&m->arena, (size_t)m->object_count, sizeof *m->object_constant, err);
    if (!m->object_resource || !m->object_constant) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < m->object_count; i++) {
        m->object_resource[i] = LI_NONE;
    }
    return sort_concrete(m, graph, err);
}

int32_t li_object_child(const struct li_model *m, int32_t object, const char *name)
{
    const Tf__SavedObject *o = m->object[object];
    for (size_t i = o->n_children; i-- > 0;) {
        if (strcmp(o->children[i]->local_name, name) == 0) {
            return o->children[i]->node_id;
        }
    }
    return LI_NONE;
}

const Tf__SavedConcreteFunction *li_object_concrete(const struct li_model *m, const char *name)
{
    static const Tf__SavedConcreteFunction empty = TF__SAVED_CONCRETE_FUNCTION__INIT;
    size_t low = 0, high = m->concrete_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(m->concrete[middle]->key, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == m->concrete_count || strcmp(m->concrete[low]->key, name) != 0) {
        return NULL;
    }
    return m->concrete[low]->value ? m->concrete[low]->value : &empty;
}

/* A decimal index without sign or blanks; -1 otherwise. */
static int64_t list_index(const char *name)
{
    int64_t value = 0;
    for (const char *c = name; *c; c++) {
        if (*c < '0' || *c > '9' || value > INT32_MAX) {
            return -1;
        }
        value = value * 10 + (*c - '0');
    }
    return *name ? value : -1;
}

static bool is_list(const Tf__SavedObject *o)
{
    return o->kind_case == TF__SAVED_OBJECT__KIND_USER_OBJECT &&
           (strcmp(o->user_object->identifier, "trackable_list_wrapper") == 0 ||
            strcmp(o->user_object->identifier, "trackable_tuple_wrapper") == 0);
}

lince_status li_object_list(const struct li_model *m, int32_t object, const char *what, int32_t **elements,
                            int64_t *count, struct li_arena *arena, lince_error *err)
{
    const Tf__SavedObject *o = m->object[object];
    int64_t length = 0;
    *count = -1;
    if (!is_list(o)) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < o->n_children; i++) {
        length = LI_MAX(length, list_index(o->children[i]->local_name) + 1);
    }
    if ((size_t)length > o->n_children) {
        return li_fail(err, LINCE_EINVAL, "the list \"%s\" has an element %lld, and only %zu in all", what,
                       (long long)length - 1, o->n_children);
    }
    *elements = li_arena_alloc(arena, (size_t)length * sizeof **elements, err);
    if (!*elements) {
        return LINCE_ENOMEM;
    }
    for (int64_t i = 0; i < length; i++) {
        (*elements)[i] = LI_NONE;
    }
    for (size_t i = 0; i < o->n_children; i++) {
        int64_t at = list_index(o->children[i]->local_name);
        if (at >= 0) {
            (*elements)[at] = o->children[i]->node_id;
        }
    }
    *count = length;
    return LINCE_OK;
}

lince_status li_object_walk(const struct li_model *m, int32_t **order, int32_t *count, struct li_arena *arena,
                            lince_error *err)
{
    int32_t *queue = li_arena_alloc(arena, (size_t)m->object_count * sizeof *queue, err);
    uint8_t *seen = li_arena_calloc(arena, (size_t)m->object_count, 1, err);
    int32_t length = 0;
    if (!queue || !seen) {
        return LINCE_ENOMEM;
    }
    queue[length++] = 0;
    seen[0] = 1;
    for (int32_t i = 0; i < length; i++) {
        const Tf__SavedObject *o = m->object[queue[i]];
        for (size_t c = 0; c < o->n_children; c++) {
            int32_t child = o->children[c]->node_id;
            if (!seen[child]) {
                seen[child] = 1;
                queue[length++] = child;
            }
        }
    }
    *order = queue;
    *count = length;
    return LINCE_OK;
}
