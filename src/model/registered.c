/*
 * Gradients that a model saved for nodes of its functions (tf.custom_gradient). Such a node says by `_gradient_op_type`
 * under which name its gradient is registered; that is a function of the library, which takes the gradients of the
 * node's outputs and captures tensors of the node's own function. These become further inputs of the node where a graph
 * is imported to be differentiated, so that they are at hand, under whatever value they have become, when its gradient
 * is asked for.
 */
#include "model/inline.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is registered ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct li_registered *)a)->type, ((const struct li_registered *)b)->type);
}

/* Sorted by type; of one that stands twice any counts. */
static lince_status list_all(struct li_model *m, lince_error *err)
{
    const Tf__GraphDef *graph = m->meta->def->graph_def;
    const Tf__FunctionDefLibrary *library = graph ? graph->library : NULL;
    size_t n = library ? library->n_registered_gradients : 0;
    struct li_registered *list = li_arena_alloc(&m->arena, n * sizeof *list, err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const Tf__RegisteredGradient *r = library->registered_gradients[i];
        list[i] = (struct li_registered){r->registered_op_type, r->gradient_func};
    }
    if (n) {
        qsort(list, n, sizeof *list, compare);
    }
    m->registered = list;
    m->registered_count = n;
    return LINCE_OK;
}

lince_status li_registered_find(const char **function, struct li_model *m, const char *type, lince_error *err)
{
    const struct li_registered key = {.type = type};
    if (!m->registered) {
        LI_TRY(list_all(m, err));
    }
    const struct li_registered *found =
        m->registered_count ? bsearch(&key, m->registered, m->registered_count, sizeof key, compare) : NULL;
    *function = found && *type ? found->function : NULL;
    return LINCE_OK;
}

const Tf__CapturedTensor *li_registered_captured(const struct li_model *m, const Tf__SavedConcreteFunction *saved,
                                                 size_t i)
{
    int32_t object = saved->bound_inputs[i];
    const Tf__SavedObject *o = object >= 0 && object < m->object_count ? m->object[object] : NULL;
    return o && o->kind_case == TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR ? o->captured_tensor : NULL;
}

/* ---- The node ---- */

/* The list of types of a node that hands on more than its file says; a handle's or a tensor's, nobody looks at them. */
lince_status li_registered_widen(struct li_import *im, const struct li_step *s, const struct li_attr **attrs, int count)
{
    struct li_attr *copy = li_arena_alloc(&im->scratch, (size_t)count * sizeof *copy, im->err);
    for (int a = 0; copy && a < count; a++) {
        size_t n = (*attrs)[a].count, more = (size_t)s->part->saved;
        copy[a] = (*attrs)[a];
        if (copy[a].kind != LI_ATTR_TYPES) {
            continue;
        }
        int64_t *types = li_arena_alloc(&im->scratch, (n + more) * sizeof *types, im->err);
        for (size_t i = 0; types && i < n + more; i++) {
            types[i] = i < n ? copy[a].ints[i] : LINCE_FLOAT32;
        }
        LI_TRY(types ? LINCE_OK : LINCE_ENOMEM);
        copy[a].ints = types;
        copy[a].count = n + more;
    }
    *attrs = copy;
    return copy ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- The gradient ---- */

struct wanted {
    const struct li_graph *g;
    const struct li_node *node;
    const char *function;
    struct li_registered_gradient *out;
};

static const char *type_of(const struct li_node *node)
{
    for (int i = 0; i < node->nattrs; i++) {
        if (strcmp(node->attrs[i].name, LI_GRADIENT_TYPE) == 0) {
            return node->attrs[i].s;
        }
    }
    return "";
}

/* What it captures: tensors that the node hands on, from its input `first` on; and objects, as any function does. */
static lince_status bind(struct li_import *im, const struct wanted *w, const Tf__SavedConcreteFunction *saved,
                         const struct li_port *port, int first, li_vid *args)
{
    static const struct li_shape unknown = {.rank = -1};
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        if (!li_registered_captured(im->model, saved, i)) {
            LI_TRY(li_import_capture(im, saved->bound_inputs[i], &args[i]));
            continue;
        }
        const struct li_value *value = &w->g->values[w->node->in[first++]];
        LI_TRY(value->dtype == LINCE_RESOURCE
                   ? li_graph_resource(im->graph, value->resource, &args[i], im->err)
                   : li_graph_input(im->graph, (lince_dtype)port[i].type, &unknown, &args[i], im->err));
    }
    return LINCE_OK;
}

/* Which input of the node each result belongs to: the function's structure has a None for those without one. */
static lince_status place_results(struct li_import *im, const struct wanted *w, const Tf__SavedConcreteFunction *saved,
                                  const struct li_body *body, const li_vid *results)
{
    struct li_arg all = {.kind = LI_ARG_NONE};
    size_t n = 0;
    int *input = li_arena_alloc(&im->graph->arena, (size_t)body->results * sizeof *input, im->err);
    if (!input) {
        return LINCE_ENOMEM;
    }
    if (saved->output_signature) {
        LI_TRY(li_value_read(&all, saved->output_signature, "its results", &im->scratch, im->err));
    }
    for (size_t i = 0; li_arg_is_container(&all) && i < all.count; i++) {
        if (all.child[i].kind != LI_ARG_NONE && n < (size_t)body->results) {
            input[n++] = (int)i;
        }
    }
    if (n != (size_t)body->results || all.count != (size_t)w->out->upstream) {
        return li_fail(im->err, LINCE_EINVAL, "it returns %d gradients, its result has %zu, for %zu of %d tensors",
                       body->results, n, all.count, w->out->upstream);
    }
    w->out->input = input;
    return li_graph_set_outputs(im->graph, results, body->results, im->err);
}

static lince_status import_function(struct li_import *im, const void *context)
{
    static const struct li_shape unknown = {.rank = -1};
    const struct wanted *w = context;
    const Tf__SavedConcreteFunction *saved = li_object_concrete(im->model, w->function);
    struct li_body *body;
    const li_vid *results;
    LI_TRY(li_body_of_function(&body, im->model, w->function, im->err));
    if (!body || !saved || saved->n_bound_inputs > (size_t)body->args) {
        return li_fail(im->err, LINCE_EINVAL, "it is no function with %zu captured tensors or more",
                       saved ? saved->n_bound_inputs : 0);
    }
    int captured = 0, upstream = body->args - (int)saved->n_bound_inputs;
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        captured += li_registered_captured(im->model, saved, i) != NULL;
    }
    if (w->node->nin != upstream + captured) { /* it captures what is not in the node's function */
        li_graph_free(im->whole);
        im->whole = NULL;
        return LINCE_OK;
    }
    w->out->upstream = upstream;
    li_vid *args = li_arena_alloc(&im->scratch, (size_t)body->args * sizeof *args, im->err);
    if (!args) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < upstream; i++) {
        LI_TRY(li_graph_input(im->graph, (lince_dtype)body->arg[i].type, &unknown, &args[i], im->err));
    }
    LI_TRY(bind(im, w, saved, body->arg + upstream, upstream, args + upstream));
    LI_TRY(li_inline(im, body, args, &results));
    LI_TRY(li_import_check_missing(im));
    return place_results(im, w, saved, body, results);
}

lince_status li_model_gradient(struct li_registered_gradient *out, struct li_model *m, const struct li_graph *g,
                               const struct li_node *node, lince_error *err)
{
    struct wanted w = {.g = g, .node = node, .out = out};
    struct li_import im = {.err = err};
    *out = (struct li_registered_gradient){.graph = NULL};
    pthread_mutex_lock(&m->lock);
    lince_status st = li_registered_find(&w.function, m, type_of(node), err);
    pthread_mutex_unlock(&m->lock);
    if (st || !w.function) {
        return st;
    }
    st = li_import_with(&im, m, w.function, import_function, &w);
    if (!st) {
        out->graph = im.whole;
        im.whole = NULL;
    }
    li_import_end(&im);
    return st ? li_prefix(err, st, "node \"%.500s\" (%s): its gradient \"%.200s\"", node->name, node->op->name,
                          w.function)
              : LINCE_OK;
}
