/* A bound trace as a flat graph: its arguments, what it captures, its function inlined, its results. */
#include "model/inline.h"

#include <string.h>

/* ---- Arguments ---- */

static lince_status add_inputs(struct li_import *im, const struct li_binding *b, li_vid *args)
{
    int32_t count = 0;
    for (size_t k = 0; k < b->trace->spec_count; k++) {
        count = LI_MAX(count, b->bound[k].input + 1);
    }
    /* By input: the parameter it is bound to, plus 1. */
    size_t *parameter = li_arena_calloc(&im->scratch, (size_t)count, sizeof *parameter, im->err);
    if (!parameter) {
        return LINCE_ENOMEM;
    }
    for (size_t k = 0; k < b->trace->spec_count; k++) {
        if (b->bound[k].input != LI_NONE) {
            parameter[b->bound[k].input] = k + 1;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        if (!parameter[i]) {
            return li_fail(im->err, LINCE_EINVAL, "input %d is not used, input %d is", i, count - 1);
        }
        size_t k = parameter[i] - 1;
        LI_TRY(li_graph_input(im->graph, b->trace->spec[k]->dtype, &b->trace->spec[k]->shape, &args[k], im->err));
    }
    return LINCE_OK;
}

static lince_status add_fixed(struct li_import *im, const struct li_binding *b, li_vid *args)
{
    for (size_t k = 0; k < b->trace->spec_count; k++) {
        const struct li_tensor *own;
        if (b->bound[k].input == LI_NONE) {
            LI_TRY(li_graph_own_tensor(im->graph, &b->bound[k].tensor, &own, im->err));
            LI_TRY(li_graph_constant(im->graph, own, &args[k], im->err));
        }
    }
    return LINCE_OK;
}

/* ---- Captures ---- */

static lince_status read_constant(struct li_import *im, int32_t object, const struct li_tensor **out)
{
    struct li_model *m = im->model;
    const char *name = m->object[object]->constant->operation;
    const struct li_proto_item *item = li_proto_find(&m->meta->nodes, name);
    const Tf__NodeDef *node;
    struct li_tensor *tensor = li_arena_calloc(&m->arena, 1, sizeof *tensor, im->err);
    if (!tensor) {
        return LINCE_ENOMEM;
    }
    if (!item) {
        return li_fail(im->err, LINCE_EINVAL, "the graph has no node \"%.200s\"", name);
    }
    LI_TRY(li_proto_node(&node, item, &m->arena, im->err));
    const Tf__AttrValue *value = li_proto_attr(node->attr, node->n_attr, "value");
    if (strcmp(node->op, "Const") != 0 || !value || value->value_case != TF__ATTR_VALUE__VALUE_TENSOR) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.200s\" (%.200s) is no Const with a value", name, node->op);
    }
    LI_TRY(li_proto_tensor(tensor, value->tensor, &m->arena, im->err));
    *out = tensor;
    return LINCE_OK;
}

static lince_status capture_constant(struct li_import *im, int32_t object, li_vid *out)
{
    const struct li_tensor **slot = &im->model->object_constant[object];
    if (!*slot) {
        LI_TRY(read_constant(im, object, slot));
    }
    return li_graph_constant(im->graph, *slot, out, im->err);
}

/* An asset is the absolute path of its file. */
static lince_status capture_asset(struct li_import *im, int32_t object, li_vid *out)
{
    const char *path;
    const struct li_tensor *own;
    LI_TRY(li_asset_find(im->model, (size_t)im->model->object[object]->asset->asset_file_def_index, &path, im->err));
    lince_string text = {path, strlen(path)};
    const struct li_tensor tensor = {.dtype = LINCE_STRING, .data = &text, .size_bytes = sizeof text};
    LI_TRY(li_graph_own_tensor(im->graph, &tensor, &own, im->err));
    return li_graph_constant(im->graph, own, out, im->err);
}

static lince_status capture_variable(struct li_import *im, int32_t object, li_vid *out)
{
    int32_t resource = im->model->object_resource[object];
    if (resource == LI_NONE) {
        return li_fail(im->err, LINCE_EINVAL, "variable \"%.200s\" cannot be reached from the root object",
                       im->model->object[object]->variable->name);
    }
    return li_graph_resource(im->graph, resource, out, im->err);
}

static lince_status capture_table(struct li_import *im, int32_t object, li_vid *out)
{
    int32_t resource;
    LI_TRY(li_table_resource(im, object, &resource));
    return li_graph_resource(im->graph, resource, out, im->err);
}

static lince_status capture(struct li_import *im, int32_t object, li_vid *out)
{
    const Tf__SavedObject *o = im->model->object[object];
    lince_status st;
    switch (o->kind_case) {
    case TF__SAVED_OBJECT__KIND_VARIABLE:
        st = capture_variable(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_CONSTANT:
        st = capture_constant(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_ASSET:
        st = capture_asset(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_RESOURCE:
        st = capture_table(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
        st = li_fail(im->err, LINCE_EUNSUPPORTED, "a tensor inside another function");
        break;
    default:
        st = li_fail(im->err, LINCE_EINVAL, "%s, which no function can take", li_object_kind(o));
    }
    return st ? li_prefix(im->err, st, "captured object %d", object) : LINCE_OK;
}

lince_status li_import_captures(struct li_import *im, const Tf__SavedConcreteFunction *saved, li_vid *args)
{
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        LI_TRY(capture(im, saved->bound_inputs[i], &args[i]));
    }
    return LINCE_OK;
}

/* ---- The whole ---- */

static lince_status fail_missing(const struct li_import *im)
{
    char list[1200];
    struct li_text text = {list, sizeof list, 0};
    for (size_t i = 0; i < im->missing_count && i < 3; i++) {
        li_text_add(&text, "%s node \"%.200s\" (%.100s)", i ? "," : "", im->missing[i].node, im->missing[i].what);
    }
    return li_fail(im->err, LINCE_EUNSUPPORTED, "%zu node%s what is not supported:%s%s", im->missing_count,
                   im->missing_count == 1 ? " needs" : "s need", list, im->missing_count > 3 ? ", ..." : "");
}

static lince_status set_outputs(struct li_import *im, const struct li_trace *trace, const struct li_function *function,
                                const li_vid *results)
{
    size_t n = 0;
    for (size_t i = 0; i < trace->leaf_count; i++) {
        n += trace->leaf[i].output != LI_NONE;
    }
    if (n != function->signature->n_output_arg) {
        return li_fail(im->err, LINCE_EINVAL, "it returns %zu tensors, its result holds %zu",
                       function->signature->n_output_arg, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (im->graph->values[results[i]].dtype == LINCE_RESOURCE) {
            return li_fail(im->err, LINCE_EUNSUPPORTED, "its result \"%.200s\" is a resource",
                           function->signature->output_arg[i]->name);
        }
    }
    return li_graph_set_outputs(im->graph, results, (int)n, im->err);
}

static lince_status check_count(const struct li_import *im, const struct li_trace *trace,
                                const struct li_function *function, size_t captured)
{
    if (trace->spec_count + captured == function->signature->n_input_arg) {
        return LINCE_OK;
    }
    return li_fail(im->err, LINCE_EINVAL, "it takes %zu arguments; its trace has %zu and captures %zu",
                   function->signature->n_input_arg, trace->spec_count, captured);
}

static lince_status import_trace(struct li_import *im, const struct li_binding *b)
{
    const struct li_trace *trace = b->trace;
    const Tf__SavedConcreteFunction *saved = trace->saved;
    const struct li_function *function;
    const li_vid *results;
    LI_TRY(li_function_get(&function, im->model, trace->function, im->err));
    if (!function) {
        return li_fail(im->err, LINCE_EINVAL, "the library has no such function");
    }
    LI_TRY(check_count(im, trace, function, saved->n_bound_inputs));
    li_vid *args = li_arena_alloc(&im->scratch, function->signature->n_input_arg * sizeof *args, im->err);
    if (!args) {
        return LINCE_ENOMEM;
    }
    LI_TRY(add_inputs(im, b, args));
    LI_TRY(add_fixed(im, b, args));
    LI_TRY(li_import_captures(im, saved, args + trace->spec_count));
    LI_TRY(li_inline(im, function, args, &results));
    if (im->missing_count) {
        return fail_missing(im);
    }
    return set_outputs(im, trace, function, results);
}

lince_status li_import_run(struct li_import *im, const struct li_binding *b)
{
    struct li_model *m = b->callable->model;
    im->model = m;
    im->trace = b->trace->function;
    im->dummy = LI_NONE;
    li_arena_init(&im->scratch, m->mem, m->unpacking_bytes);
    LI_TRY(li_graph_new(&im->graph, m->store, li_ops(), m->mem, im->err));
    pthread_mutex_lock(&m->lock);
    im->work = im->collect_ops ? m->scanned : 0; /* scanning goes through all traces there are */
    lince_status st = import_trace(im, b);
    m->scanned = im->collect_ops ? im->work : m->scanned;
    pthread_mutex_unlock(&m->lock);
    if (st == LINCE_ENOMEM && (m->arena.limited || im->scratch.limited)) {
        st = LINCE_ELIMIT;
    }
    return st ? li_prefix(im->err, st, "%.200s: function \"%.200s\"", b->callable->name, b->trace->function) : LINCE_OK;
}

void li_import_end(struct li_import *im)
{
    if (im->model) {
        li_graph_free(im->graph);
        li_free(im->model->mem, im->missing);
        li_free(im->model->mem, im->op);
        li_arena_free(&im->scratch);
    }
}

lince_status li_binding_import(struct li_graph **out, const struct li_binding *binding, lince_error *err)
{
    struct li_import im = {.err = err};
    lince_status st = li_import_run(&im, binding);
    if (!st) {
        *out = im.graph;
        im.graph = NULL;
    }
    li_import_end(&im);
    return st;
}
