/* A bound trace as a flat graph: its arguments, what it captures, its function inlined, its results. */
#include "model/section.h"

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
        if (im->inputs) {
            args[k] = im->inputs[i];
            continue;
        }
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

/* ---- The whole ---- */

static lince_status set_outputs(struct li_import *im, const struct li_trace *trace, const struct li_body *body,
                                const li_vid *results)
{
    size_t n = 0;
    for (size_t i = 0; i < trace->leaf_count; i++) {
        n += trace->leaf[i].output != LI_NONE;
    }
    if (n != (size_t)body->results) {
        return li_fail(im->err, LINCE_EINVAL, "it returns %d tensors, its result holds %zu", body->results, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (im->graph->values[results[i]].dtype == LINCE_RESOURCE) {
            return li_fail(im->err, LINCE_EUNSUPPORTED, "its result \"%.200s\" is a resource", body->result[i].name);
        }
    }
    if (im->results) {
        memcpy(im->results, results, n * sizeof *results);
        return LINCE_OK;
    }
    return li_graph_set_outputs(im->graph, results, (int)n, im->err);
}

static lince_status check_count(const struct li_import *im, const struct li_trace *trace, const struct li_body *body,
                                size_t captured)
{
    if (trace->spec_count + captured == (size_t)body->args) {
        return LINCE_OK;
    }
    return li_fail(im->err, LINCE_EINVAL, "it takes %d arguments; its trace has %zu and captures %zu", body->args,
                   trace->spec_count, captured);
}

static lince_status find_body(struct li_import *im, const struct li_binding *b, struct li_body **out)
{
    const struct li_trace *trace = b->trace;
    struct li_section *section = trace->section;
    if (section) {
        LI_TRY(b->updates ? li_section_updating(&section, im->model, section, im->err) : LINCE_OK);
        return li_section_body(out, im->model, section, im->err);
    }
    LI_TRY(li_body_of_function(out, im->model, trace->function, im->err));
    return *out ? LINCE_OK : li_fail(im->err, LINCE_EINVAL, "the library has no such function");
}

static lince_status import_trace(struct li_import *im, const void *context)
{
    static const Tf__SavedConcreteFunction nothing = TF__SAVED_CONCRETE_FUNCTION__INIT;
    const struct li_binding *b = context;
    const struct li_trace *trace = b->trace;
    const Tf__SavedConcreteFunction *saved = trace->saved ? trace->saved : &nothing;
    struct li_body *body;
    const li_vid *results;
    LI_TRY(find_body(im, b, &body));
    LI_TRY(check_count(im, trace, body, saved->n_bound_inputs));
    li_vid *args = li_arena_alloc(&im->scratch, (size_t)body->args * sizeof *args, im->err);
    if (!args) {
        return LINCE_ENOMEM;
    }
    LI_TRY(add_inputs(im, b, args));
    LI_TRY(add_fixed(im, b, args));
    LI_TRY(li_import_captures(im, saved, args + trace->spec_count));
    LI_TRY(li_inline(im, body, args, &results));
    LI_TRY(li_import_check_missing(im));
    return set_outputs(im, trace, body, results);
}

lince_status li_import_with(struct li_import *im, struct li_model *m, const char *name,
                            lince_status (*run)(struct li_import *im, const void *context), const void *context)
{
    im->model = m;
    im->trace = name;
    im->dummy = LI_NONE;
    li_arena_init(&im->scratch, m->mem, m->unpacking_bytes);
    if (!im->whole) {
        LI_TRY(li_graph_new(&im->whole, m->store, li_ops(), m->mem, im->err));
    }
    im->graph = im->whole;
    pthread_mutex_lock(&m->lock);
    im->work = im->collect_ops ? m->scanned : 0; /* scanning goes through all traces there are */
    lince_status st = run(im, context);
    m->scanned = im->collect_ops ? im->work : m->scanned;
    pthread_mutex_unlock(&m->lock);
    if (st == LINCE_ENOMEM && (m->arena.limited || im->scratch.limited)) {
        st = LINCE_ELIMIT;
    }
    return st;
}

lince_status li_import_run(struct li_import *im, const struct li_binding *b)
{
    im->gradients = b->gradients;
    lince_status st = li_import_with(im, b->callable->model, b->trace->function, import_trace, b);
    if (st && b->trace->section) {
        return li_prefix(im->err, st, "%.200s", b->callable->name);
    }
    return st ? li_prefix(im->err, st, "%.200s: function \"%.200s\"", b->callable->name, b->trace->function) : LINCE_OK;
}

void li_import_end(struct li_import *im)
{
    if (im->model) {
        li_graph_free(im->whole);
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
        *out = im.whole;
        im.whole = NULL;
    }
    li_import_end(&im);
    return st;
}

lince_status li_binding_append(struct li_graph *g, const struct li_binding *binding, const li_vid *inputs,
                               li_vid *results, lince_error *err)
{
    static const li_vid nothing;
    struct li_import im = {.whole = g, .inputs = inputs ? inputs : &nothing, .results = results, .err = err};
    lince_status st = li_import_run(&im, binding);
    im.whole = NULL; /* the caller's */
    li_import_end(&im);
    return st;
}
