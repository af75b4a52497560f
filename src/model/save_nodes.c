/*
 * graph_def.node: what TensorFlow Serving, which knows no objects, runs a model from. Nodes are made from the objects
 * as TensorFlow's own saver does it: a handle for each variable, a constant, a placeholder for the path of an asset, a
 * call that makes a table.
 *
 * layers: graphs of files
 */
#include "model/draft.h"

#include <string.h>

/* ---- Names ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
}

/* What a node may be called: the name with "_" for what is not allowed. */
lince_status li_save_node_name(struct li_saving *s, const char *wanted, const char **out)
{
    struct li_draft *d = s->draft;
    char *name = li_arena_strdup(&d->arena, *wanted ? wanted : "variable", d->err);
    if (!name) {
        return LINCE_ENOMEM;
    }
    for (char *c = name; *c; c++) {
        *c = is_plain(*c) || (c > name && strchr("_-/\\>", *c)) ? *c : c > name ? '_' : '.';
    }
    return li_names_take(&s->nodes, name, &d->arena, out, d->err);
}

static lince_status name_node(struct li_saving *s, int32_t number)
{
    const Tf__SavedObject *o = s->draft->object[s->kept.object[number]];
    switch (o->kind_case) {
    case TF__SAVED_OBJECT__KIND_VARIABLE:
        return li_save_node_name(s, o->variable->name, &s->node[number]);
    case TF__SAVED_OBJECT__KIND_ASSET:
        s->node[number] = s->asset[s->asset_index[number]].node;
        return LINCE_OK;
    case TF__SAVED_OBJECT__KIND_RESOURCE:
        return li_save_node_name(s, "table", &s->node[number]);
    default:
        return LINCE_OK;
    }
}

/* Constants keep their names, since objects have them; so they are named first. */
static lince_status name_constants(struct li_saving *s)
{
    struct li_draft *d = s->draft;
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const Tf__SavedObject *o = d->object[s->kept.object[i]];
        if (o->kind_case != TF__SAVED_OBJECT__KIND_CONSTANT) {
            continue;
        }
        s->node[i] = o->constant->operation;
        if (!li_names_have(&s->nodes, s->node[i])) {
            const char *ignored;
            LI_TRY(li_names_take(&s->nodes, s->node[i], &d->arena, &ignored, d->err));
        }
    }
    return LINCE_OK;
}

lince_status li_save_node_names(struct li_saving *s)
{
    struct li_draft *d = s->draft;
    s->node = li_arena_calloc(&d->arena, (size_t)s->kept.objects, sizeof *s->node, d->err);
    if (!s->node) {
        return LINCE_ENOMEM;
    }
    LI_TRY(name_constants(s));
    LI_TRY(li_save_assets(s));
    for (int32_t i = 0; i < s->kept.objects; i++) {
        LI_TRY(name_node(s, i));
    }
    return LINCE_OK;
}

/* ---- Nodes ---- */

static void variable_node(const struct li_saving *s, int32_t number, const Tf__SavedVariable *v, struct li_out *graph)
{
    struct li_shape shape;
    if (li_proto_shape(&shape, v->shape, graph->err)) {
        li_out_fail(graph, LINCE_EINVAL);
        return;
    }
    size_t at = li_node_open(graph, LI_IN_GRAPH, "VarHandleOp", s->node[number]);
    li_attr_type_out(graph, "dtype", v->dtype);
    li_attr_shape_out(graph, "shape", &shape);
    li_attr_text_out(graph, "container", "");
    li_attr_text_out(graph, "shared_name", s->node[number]);
    li_out_close(graph, at);
}

static lince_status constant_node(const struct li_saving *s, const char *name, struct li_out *graph)
{
    const struct li_proto_item *item = li_proto_find(&s->draft->model->meta->nodes, name);
    if (!item) {
        return li_fail(s->draft->err, LINCE_EINVAL, "a captured constant is node \"%.200s\", which the graph has not",
                       name);
    }
    li_out_bytes(graph, LI_IN_GRAPH, item->bytes);
    return LINCE_OK;
}

/* The function that a child of a table is; NULL: it has none of that name. */
static const char *child_function(const struct li_draft *d, const Tf__SavedObject *table, const char *name)
{
    const Tf__SavedObject *child = NULL;
    for (size_t i = 0; i < table->n_children; i++) {
        child = strcmp(table->children[i]->local_name, name) == 0 ? d->object[table->children[i]->node_id] : child;
    }
    if (child && child->kind_case == TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION) {
        return child->bare_concrete_function->concrete_function_name;
    }
    bool function = child && child->kind_case == TF__SAVED_OBJECT__KIND_FUNCTION;
    return function && child->function->n_concrete_functions ? child->function->concrete_functions[0] : NULL;
}

lince_status li_save_call(struct li_saving *s, struct li_out *graph, const char *node, const char *function,
                          const char *const *first, const int32_t *first_type, size_t firsts, const int32_t *result,
                          size_t results)
{
    struct li_draft *d = s->draft;
    const Tf__SavedConcreteFunction *concrete = li_draft_concrete(d, function);
    size_t captures = concrete ? concrete->n_bound_inputs : 0;
    int32_t *type = li_arena_alloc(&d->arena, (firsts + captures) * sizeof *type, d->err);
    if (!type) {
        return LINCE_ENOMEM;
    }
    size_t at = li_node_open(graph, LI_IN_GRAPH, "StatefulPartitionedCall", node);
    for (size_t i = 0; i < firsts; i++) {
        li_out_text(graph, 3, first[i]);
        type[i] = first_type[i];
    }
    for (size_t i = 0; i < captures; i++) {
        const char *from = s->node[s->kept.number[concrete->bound_inputs[i]]];
        if (!from) {
            return li_fail(d->err, LINCE_EUNSUPPORTED, "function \"%.200s\" captures %s", function,
                           li_object_kind(d->object[concrete->bound_inputs[i]]));
        }
        li_out_text(graph, 3, from);
        LI_TRY(li_draft_captured_type(d, concrete->bound_inputs[i], &type[firsts + i]));
    }
    li_attrs_of_call_out(graph, function, type, firsts + captures, result, results);
    li_out_close(graph, at);
    return LINCE_OK;
}

static lince_status table_node(struct li_saving *s, int32_t number, const Tf__SavedObject *o, struct li_out *graph)
{
    static const int32_t handle = LINCE_RESOURCE;
    const char *make = child_function(s->draft, o, "_create_resource");
    return make ? li_save_call(s, graph, s->node[number], make, NULL, NULL, 0, &handle, 1)
                : li_fail(s->draft->err, LINCE_EUNSUPPORTED, "object %d is a resource that nothing makes",
                          s->kept.object[number]);
}

static void placeholder(const char *name, struct li_out *graph)
{
    size_t at = li_node_open(graph, LI_IN_GRAPH, "Placeholder", name);
    li_attr_type_out(graph, "dtype", LINCE_STRING);
    li_attr_shape_out(graph, "shape", &(struct li_shape){.rank = 0});
    li_out_close(graph, at);
}

lince_status li_save_nodes(struct li_saving *s, struct li_out *graph)
{
    struct li_names written = {0};
    const char *ignored;
    for (int32_t i = 0; i < s->assets; i++) {
        placeholder(s->asset[i].node, graph);
    }
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const Tf__SavedObject *o = s->draft->object[s->kept.object[i]];
        if (o->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            variable_node(s, i, o->variable, graph);
        } else if (o->kind_case == TF__SAVED_OBJECT__KIND_CONSTANT && !li_names_have(&written, s->node[i])) {
            LI_TRY(li_names_take(&written, s->node[i], &s->draft->arena, &ignored, s->draft->err));
            LI_TRY(constant_node(s, s->node[i], graph));
        } else if (o->kind_case == TF__SAVED_OBJECT__KIND_RESOURCE) {
            LI_TRY(table_node(s, i, o, graph));
        }
    }
    return LINCE_OK;
}

lince_status li_save_fills(struct li_saving *s, struct li_out *graph, const char *init)
{
    struct li_out group;
    li_out_init(&group, s->draft->mem, s->draft->err);
    lince_status st = LINCE_OK;
    for (int32_t i = 0; i < s->kept.objects && !st; i++) {
        const Tf__SavedObject *o = s->draft->object[s->kept.object[i]];
        bool table = o->kind_case == TF__SAVED_OBJECT__KIND_RESOURCE;
        const char *fill = table ? child_function(s->draft, o, "_initialize") : NULL, *node;
        int32_t type;
        size_t results = 0;
        if (fill) {
            st = li_save_node_name(s, "initialize", &node);
            st = st ? st : li_draft_result_type(s->draft, fill, &type, &results);
            st = st ? st : li_save_call(s, graph, node, fill, NULL, NULL, 0, &type, results);
            if (!st) {
                li_node_input(&group, "^%s", node);
            }
        }
    }
    size_t at = li_node_open(graph, LI_IN_GRAPH, "NoOp", init);
    li_out_raw(graph, (struct li_bytes){group.data, group.len});
    li_out_close(graph, at);
    st = st ? st : group.status;
    li_out_free(&group);
    return st;
}
