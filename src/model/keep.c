/*
 * What of a draft is written: what the root object leads to, through children, what functions capture and what they
 * call. Objects get their numbers in the file here.
 */
#include "model/draft.h"

#include <string.h>

struct keeper {
    struct li_draft *draft;
    struct li_kept *kept;
    int32_t *stack; /* objects to look at; each once */
    int32_t depth;
    int32_t *todo; /* functions to look at: of the model, then new ones; each once */
    int32_t todos;
};

static void keep_object(struct keeper *k, int32_t object)
{
    if (k->kept->number[object] == LI_NONE) {
        k->kept->number[object] = 0;
        k->stack[k->depth++] = object;
    }
}

/* A name that no function has is of an op, or nothing. */
static void keep_function(struct keeper *k, const char *name)
{
    const struct li_proto_items *items = &k->draft->model->meta->functions;
    int32_t found = LI_NONE;
    for (int32_t i = 0; i < k->draft->functions; i++) {
        if (strcmp(k->draft->function[i].name, name) == 0) {
            found = i;
        }
    }
    const struct li_proto_item *item = found == LI_NONE ? li_proto_find(items, name) : NULL;
    bool *kept = item               ? &k->kept->function[item - items->item]
                 : found == LI_NONE ? NULL
                                    : &k->kept->new_function[found];
    if (kept && !*kept) {
        *kept = true;
        k->todo[k->todos++] = item ? (int32_t)(item - items->item) : (int32_t)items->count + found;
    }
}

/* ---- Objects ---- */

static void look_at_object(struct keeper *k, int32_t object)
{
    const Tf__SavedObject *o = k->draft->object[object];
    for (size_t i = 0; i < o->n_children; i++) {
        keep_object(k, o->children[i]->node_id);
    }
    for (size_t i = 0; i < o->n_dependencies; i++) {
        keep_object(k, o->dependencies[i]->node_id);
    }
    if (o->kind_case == TF__SAVED_OBJECT__KIND_FUNCTION) {
        for (size_t i = 0; i < o->function->n_concrete_functions; i++) {
            keep_function(k, o->function->concrete_functions[i]);
        }
    } else if (o->kind_case == TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION) {
        keep_function(k, o->bare_concrete_function->concrete_function_name);
    } else if (o->kind_case == TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR) {
        keep_function(k, o->captured_tensor->concrete_function);
    }
}

/* ---- Functions ---- */

/* A custom gradient is found by the type that a node says. */
static void keep_gradients(struct keeper *k, const Tf__AttrValue *type)
{
    const Tf__GraphDef *graph = k->draft->model->meta->def->graph_def;
    const Tf__FunctionDefLibrary *library = graph ? graph->library : NULL;
    for (size_t i = 0; library && i < library->n_registered_gradients; i++) {
        const Tf__RegisteredGradient *g = library->registered_gradients[i];
        size_t len = strlen(g->registered_op_type);
        if (len == type->s.len && memcmp(type->s.data, g->registered_op_type, len) == 0) {
            keep_function(k, g->gradient_func);
        }
    }
}

static void look_at_attr(struct keeper *k, const Tf__AttrEntry *attr)
{
    const Tf__AttrValue *v = attr->value;
    if (!v) {
        return;
    }
    if (v->value_case == TF__ATTR_VALUE__VALUE_FUNC) {
        keep_function(k, v->func->name);
    } else if (v->value_case == TF__ATTR_VALUE__VALUE_LIST) {
        for (size_t i = 0; i < v->list->n_func; i++) {
            keep_function(k, v->list->func[i]->name);
        }
    } else if (v->value_case == TF__ATTR_VALUE__VALUE_S && strcmp(attr->key, "_gradient_op_type") == 0) {
        keep_gradients(k, v);
    }
}

static void look_at_nodes(struct keeper *k, const Tf__FunctionDef *def)
{
    for (size_t i = 0; i < def->n_node_def; i++) {
        keep_function(k, def->node_def[i]->op);
        for (size_t a = 0; a < def->node_def[i]->n_attr; a++) {
            look_at_attr(k, def->node_def[i]->attr[a]);
        }
    }
}

static void keep_legacy_gradient(struct keeper *k, const char *name)
{
    const Tf__GraphDef *graph = k->draft->model->meta->def->graph_def;
    const Tf__FunctionDefLibrary *library = graph ? graph->library : NULL;
    for (size_t i = 0; library && i < library->n_gradient; i++) {
        if (strcmp(library->gradient[i]->function_name, name) == 0) {
            keep_function(k, library->gradient[i]->gradient_func);
        }
    }
}

static lince_status look_at_function(struct keeper *k, int32_t function)
{
    struct li_draft *d = k->draft;
    const struct li_proto_items *items = &d->model->meta->functions;
    size_t count = items->count;
    struct li_proto_item made = {{0}, {0}};
    if ((size_t)function >= count) {
        made.bytes = d->function[(size_t)function - count].bytes;
    }
    struct li_arena scratch;
    const Tf__FunctionDef *def;
    li_arena_init(&scratch, d->mem, 0);
    lince_status st =
        li_proto_function(&def, (size_t)function < count ? &items->item[function] : &made, &scratch, d->err);
    if (!st && def->signature) {
        const Tf__SavedConcreteFunction *concrete = li_draft_concrete(d, def->signature->name);
        for (size_t i = 0; concrete && i < concrete->n_bound_inputs && !st; i++) {
            int32_t object = concrete->bound_inputs[i];
            st = object >= 0 && object < d->objects
                     ? LINCE_OK
                     : li_fail(d->err, LINCE_EINVAL, "function \"%.200s\" captures object %d, the graph has %d",
                               def->signature->name, object, d->objects);
            if (!st) {
                keep_object(k, object);
            }
        }
        keep_legacy_gradient(k, def->signature->name);
    }
    if (!st) {
        look_at_nodes(k, def);
    }
    li_arena_free(&scratch);
    return st;
}

/* ---- All ---- */

static lince_status follow(struct keeper *k)
{
    keep_object(k, k->draft->root);
    while (k->depth || k->todos) {
        if (k->depth) {
            look_at_object(k, k->stack[--k->depth]);
        } else {
            LI_TRY(look_at_function(k, k->todo[--k->todos]));
        }
    }
    return LINCE_OK;
}

static void number_objects(struct li_kept *kept, const struct li_draft *d)
{
    kept->number[d->root] = LI_NONE;
    kept->object[kept->objects++] = d->root;
    for (int32_t i = 0; i < d->objects; i++) {
        if (kept->number[i] != LI_NONE) {
            kept->number[i] = kept->objects;
            kept->object[kept->objects++] = i;
        }
    }
    kept->number[d->root] = 0;
}

lince_status li_keep(struct li_kept *kept, struct li_draft *d)
{
    size_t functions = d->model->meta->functions.count, all = functions + (size_t)d->functions;
    struct keeper k = {.draft = d, .kept = kept};
    *kept = (struct li_kept){.number = li_arena_alloc(&d->arena, (size_t)d->objects * sizeof *kept->number, d->err),
                             .object = li_arena_alloc(&d->arena, (size_t)d->objects * sizeof *kept->object, d->err),
                             .function = li_arena_calloc(&d->arena, functions, sizeof *kept->function, d->err),
                             .new_function =
                                 li_arena_calloc(&d->arena, (size_t)d->functions, sizeof *kept->new_function, d->err)};
    k.stack = li_arena_alloc(&d->arena, (size_t)d->objects * sizeof *k.stack, d->err);
    k.todo = li_arena_alloc(&d->arena, all * sizeof *k.todo, d->err);
    if (!kept->number || !kept->object || !kept->function || !kept->new_function || !k.stack || !k.todo) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < d->objects; i++) {
        kept->number[i] = LI_NONE;
    }
    LI_TRY(follow(&k));
    number_objects(kept, d);
    return LINCE_OK;
}
