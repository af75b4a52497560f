/*
 * A body as a graph of its own, for nodes that run it any number of times. Its inputs are its tensor arguments; handles
 * of resources are bound in it. One body with the same attributes and resources is one graph, also where it is met
 * inside itself: then it refers to itself while it is still being made.
 */
#include "model/inline.h"

#include <string.h>

static size_t bucket_of(const struct li_body *body)
{
    return ((uintptr_t)body >> 6) % LI_MADE_BUCKETS; /* pointers into an arena, far apart */
}

static struct li_made *find(const struct li_import *im, const struct li_made *wanted)
{
    size_t n = (size_t)wanted->body->args;
    for (struct li_made *m = im->made[bucket_of(wanted->body)]; m; m = m->next) {
        bool same = m->body == wanted->body && m->given.count == wanted->given.count &&
                    (m->given.entry == wanted->given.entry || !m->given.count);
        if (same && memcmp(m->bound, wanted->bound, n * sizeof *m->bound) == 0 &&
            memcmp(m->type, wanted->type, n * sizeof *m->type) == 0) {
            return m;
        }
    }
    return NULL;
}

/* What each argument is in the new graph. Its dtype is the function's to say: here it may not be known yet. */
static lince_status add_argument(struct li_import *im, const struct li_made *m, int32_t i, li_vid *out)
{
    const struct li_port *port = &m->body->arg[i];
    const struct li_shape unknown = {.rank = -1};
    if (m->bound[i] == LI_BOUND_DUMMY) {
        *out = im->dummy;
        return LINCE_OK;
    }
    if (m->bound[i] != LI_NONE) {
        return li_graph_resource(im->graph, m->bound[i], out, im->err);
    }
    if (m->type[i] == LINCE_DTYPE_NONE) {
        return li_fail(im->err, LINCE_EUNSUPPORTED, "function \"%.200s\": argument \"%.200s\" has no dtype of its own",
                       m->body->name, port->name);
    }
    return li_graph_input(im->graph, m->type[i], &unknown, out, im->err);
}

static lince_status set_results(struct li_import *im, struct li_made *m, const li_vid *results)
{
    li_vid *tensors = li_arena_alloc(&im->scratch, (size_t)m->body->results * sizeof *tensors, im->err);
    int n = 0;
    if (!tensors) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < m->body->results; i++) {
        m->returns[i] = im->graph->values[results[i]].resource;
        if (m->returns[i] == LI_NONE) {
            tensors[n++] = results[i];
        }
    }
    m->complete = true;
    return li_graph_set_outputs(im->graph, tensors, n, im->err);
}

static lince_status fill(struct li_import *im, struct li_made *m, const char *path, int depth)
{
    li_vid *args = li_arena_alloc(&im->scratch, (size_t)m->body->args * sizeof *args, im->err);
    struct li_frame frame = {.body = m->body, .arg = args, .path = path, .given = m->given, .depth = depth};
    const li_vid *results;
    if (!args) {
        return LINCE_ENOMEM;
    }
    if (im->missing_count) {
        LI_TRY(li_import_need_dummy(im)); /* values of other graphs may have been no values */
    }
    for (int32_t i = 0; i < m->body->args; i++) {
        LI_TRY(add_argument(im, m, i, &args[i]));
    }
    LI_TRY(li_inline_frame(im, &frame, &results));
    return set_results(im, m, results);
}

/* The new graph takes the place of the one that is being made, until it is complete. */
static lince_status make(struct li_import *im, struct li_made *m, const char *path, int depth)
{
    struct li_graph *outer = im->graph;
    li_vid dummy = im->dummy;
    LI_TRY(li_graph_new(&m->graph, im->model->store, li_ops(), im->model->mem, im->err));
    LI_TRY(li_graph_own_body(im->whole, m->graph, im->err));
    struct li_made **bucket = &im->made[bucket_of(m->body)];
    m->next = *bucket;
    *bucket = m;
    im->graph = m->graph;
    im->dummy = LI_NONE;
    lince_status st = fill(im, m, path, depth);
    im->graph = outer;
    im->dummy = dummy;
    return st ? st : im->missing_count ? li_import_need_dummy(im) : LINCE_OK;
}

/*
 * What each argument is bound to, tensors to nothing; and a tensor's dtype. The function says which are handles, if it
 * says anything.
 */
static lince_status bind(const struct li_import *im, const struct li_made *m, const li_vid *arg)
{
    for (int32_t i = 0; i < m->body->args; i++) {
        const struct li_value *v = &im->graph->values[arg[i]];
        int32_t said = m->body->arg[i].type;
        bool handle = v->resource != LI_NONE;
        if (said && handle != (said == LINCE_RESOURCE) && arg[i] != im->dummy) {
            return li_fail(im->err, LINCE_EINVAL, "function \"%.200s\": argument \"%.200s\" is %s of a resource",
                           m->body->name, m->body->arg[i].name, handle ? "a handle" : "no handle");
        }
        m->bound[i] = arg[i] == im->dummy ? LI_BOUND_DUMMY : v->resource;
        m->type[i] = said ? (lince_dtype)said : v->dtype;
    }
    return LINCE_OK;
}

lince_status li_specialise(const struct li_made **out, struct li_import *im, struct li_body *body,
                           const struct li_given *given, const li_vid *arg, const char *path, int depth)
{
    struct li_made *m = li_arena_calloc(&im->scratch, 1, sizeof *m, im->err);
    if (!m) {
        return LINCE_ENOMEM;
    }
    m->body = body;
    m->given = *given;
    m->bound = li_arena_alloc(&im->scratch, (size_t)body->args * sizeof *m->bound, im->err);
    m->returns = li_arena_alloc(&im->scratch, (size_t)body->results * sizeof *m->returns, im->err);
    m->type = li_arena_alloc(&im->scratch, (size_t)body->args * sizeof *m->type, im->err);
    if (!m->bound || !m->returns || !m->type) {
        return LINCE_ENOMEM;
    }
    LI_TRY(bind(im, m, arg));
    struct li_made *known = find(im, m);
    *out = known ? known : m;
    return known ? LINCE_OK : make(im, m, path, depth);
}
