/*
 * Nodes that run bodies: If, Case, While. Handles of resources are no inputs or outputs of such a node: its bodies know
 * them, and one that comes out is the one that went in.
 */
#include "model/inline.h"

#include <string.h>

struct run {
    struct li_step *s;
    const struct li_op *op;
    const struct li_attr *attrs;
    int nattrs;
    const li_vid *arg; /* the inputs that the bodies get */
    int args;
    const struct li_made **made;
    int bodies;
    int results;            /* that the node has, handles included */
    const int32_t *returns; /* by result: the resource whose handle it is; LI_NONE: a tensor */
};

static bool is_loop(const struct run *r)
{
    return r->op->control == LI_CONTROL_LOOP;
}

static lince_status refuse(const struct li_import *im, const struct run *r, lince_status code, const char *what)
{
    return li_fail(im->err, code, "node \"%.500s\" (%s): %.500s", r->s->name, r->op->name, what);
}

/* ---- Bodies ---- */

/* The i-th body that attribute names: its name is that of the attribute, and a number after the first. */
static lince_status add_body(struct li_import *im, struct run *r, const char *attribute, int i, struct li_body *body,
                             const struct li_given *given)
{
    struct li_step *s = r->s;
    if (body->args != r->args) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): gives \"%.200s\" %d arguments, it takes %d",
                       s->name, r->op->name, body->name, r->args, body->args);
    }
    const char *path = i ? li_arena_printf(&im->scratch, im->err, "%s/%s_%d", s->name, attribute, i)
                         : li_arena_printf(&im->scratch, im->err, "%s/%s", s->name, attribute);
    if (!path) {
        return LINCE_ENOMEM;
    }
    return li_specialise(&r->made[r->bodies++], im, body, given, r->arg, path, s->frame->depth + 1);
}

static lince_status add_named(struct li_import *im, struct run *r, const char *attribute, int i)
{
    struct li_given given;
    struct li_body *body;
    const char *name;
    li_attrs_function(r->s->part, attribute, i, &r->s->frame->given, &name, &given);
    LI_TRY(li_import_find(im, r->s, name, &body));
    if (!body) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): the library has no function \"%.200s\"",
                       r->s->name, r->op->name, name);
    }
    return add_body(im, r, attribute, i, body, &given);
}

/* Bodies of its own, or those of the functions that its attributes name. */
static lince_status add_bodies(struct li_import *im, struct run *r)
{
    const struct li_part *part = r->s->part;
    int n = part->bodies;
    for (int a = 0; !part->body && r->op->bodies[a]; a++) {
        n += li_attrs_functions(part, r->op->bodies[a], &r->s->frame->given);
    }
    r->made = li_arena_alloc(&im->scratch, (size_t)n * sizeof *r->made, im->err);
    if (!r->made) {
        return LINCE_ENOMEM;
    }
    for (int a = 0; r->op->bodies[a]; a++) {
        int named = part->body ? 0 : li_attrs_functions(part, r->op->bodies[a], &r->s->frame->given);
        for (int i = 0; i < named; i++) {
            LI_TRY(add_named(im, r, r->op->bodies[a], i));
        }
        if (part->body) {
            LI_TRY(add_body(im, r, r->op->bodies[a], 0, part->body[a], &r->s->frame->given));
        }
    }
    bool enough = is_loop(r) ? r->bodies == 2 : r->bodies > 0;
    return enough ? LINCE_OK : refuse(im, r, LINCE_EINVAL, "it names no functions to run");
}

/* ---- Results ---- */

/* The i-th result of a body that is complete: for a loop's turn, a handle must be the one that came in there. */
static lince_status check_results(struct li_import *im, const struct run *r, const struct li_made *m)
{
    if (m->body->results != r->results) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): \"%.200s\" returns %d values, wanted %d",
                       r->s->name, r->op->name, m->body->name, m->body->results, r->results);
    }
    for (int i = 0; m->complete && !im->missing_count && i < r->results; i++) {
        if (m->returns[i] != r->returns[i]) {
            return li_fail(im->err, LINCE_EUNSUPPORTED,
                           "node \"%.500s\" (%s): result \"%.200s\" of \"%.200s\" is the handle of another resource",
                           r->s->name, r->op->name, m->body->result[i].name, m->body->name);
        }
    }
    return LINCE_OK;
}

/* One number or truth says whether to go on. */
static lince_status check_condition(struct li_import *im, const struct run *r)
{
    const struct li_made *m = r->made[0];
    bool fits = m->body->results == 1 && (!m->complete || m->returns[0] == LI_NONE);
    return fits ? LINCE_OK : refuse(im, r, LINCE_EINVAL, "its condition does not return one tensor");
}

/* Of a branch that runs itself, the results are not known here; those of the others are the same. */
static const struct li_made *complete(const struct run *r)
{
    for (int i = 0; i < r->bodies; i++) {
        if (r->made[i]->complete) {
            return r->made[i];
        }
    }
    return NULL;
}

static lince_status find_results(struct li_import *im, struct run *r)
{
    if (is_loop(r)) {
        int32_t *bound = li_arena_alloc(&im->scratch, (size_t)r->args * sizeof *bound, im->err);
        if (!bound) {
            return LINCE_ENOMEM;
        }
        for (int i = 0; i < r->args; i++) {
            bound[i] = im->graph->values[r->arg[i]].resource;
        }
        r->returns = bound;
        r->results = r->args;
        LI_TRY(check_condition(im, r));
        return check_results(im, r, r->made[1]);
    }
    const struct li_made *known = complete(r);
    if (!known) {
        return refuse(im, r, LINCE_EUNSUPPORTED, "whichever branch is chosen, it runs itself again");
    }
    r->returns = known->returns;
    r->results = known->body->results;
    for (int i = 0; i < r->bodies; i++) {
        LI_TRY(check_results(im, r, r->made[i]));
    }
    return LINCE_OK;
}

/* ---- The node ---- */

static bool is_tensor(const struct li_import *im, const struct run *r, bool inputs, int i)
{
    return inputs ? im->graph->values[r->arg[i]].resource == LI_NONE : r->returns[i] == LI_NONE;
}

/* A list with an element for each argument, or result, without those of handles. */
static lince_status reduce(struct li_import *im, const struct run *r, struct li_attr *attr, bool inputs)
{
    int n = inputs ? r->args : r->results;
    int64_t *ints = li_arena_alloc(&im->scratch, (size_t)n * sizeof *ints, im->err);
    struct li_shape *shapes = li_arena_alloc(&im->scratch, (size_t)n * sizeof *shapes, im->err);
    size_t kept = 0;
    if (!ints || !shapes) {
        return LINCE_ENOMEM;
    }
    if (attr->count == 0 && attr->kind != LI_ATTR_TYPES) {
        return LINCE_OK; /* shapes that were not written */
    }
    if (attr->count != (size_t)n) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): \"%s\" has %zu entries, wanted %d", r->s->name,
                       r->op->name, attr->name, attr->count, n);
    }
    for (int i = 0; i < n; i++) {
        if (is_tensor(im, r, inputs, i)) {
            if (attr->kind == LI_ATTR_SHAPES) {
                shapes[kept++] = attr->shape[i];
            } else {
                ints[kept++] = attr->ints[i];
            }
        }
    }
    attr->ints = ints;
    attr->shape = shapes;
    attr->count = kept;
    return LINCE_OK;
}

static bool is_of_inputs(const struct run *r, const char *name)
{
    return strcmp(name, "Tin") == 0 || (is_loop(r) && strcmp(name, "T") == 0);
}

/* An empty list has no kind in a file: it was read as one of numbers, which is what a row takes it for. */
static lince_status reduce_all(struct li_import *im, struct run *r)
{
    struct li_attr *copy = li_arena_alloc(&im->scratch, (size_t)r->nattrs * sizeof *copy, im->err);
    if (!copy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < r->nattrs; i++) {
        copy[i] = r->attrs[i];
        bool in = is_of_inputs(r, copy[i].name);
        bool out = strcmp(copy[i].name, "Tout") == 0 || strcmp(copy[i].name, "output_shapes") == 0;
        if (in || out) {
            LI_TRY(reduce(im, r, &copy[i], in));
        }
    }
    r->attrs = copy;
    return LINCE_OK;
}

/* A list of the dtypes of arguments, or of results. */
static lince_status list_types(struct li_import *im, const struct run *r, bool inputs, struct li_attr *out)
{
    const struct li_body *body = r->made[is_loop(r) ? 1 : 0]->body;
    const struct li_port *port = inputs ? body->arg : body->result;
    int n = inputs ? r->args : r->results;
    int64_t *types = li_arena_alloc(&im->scratch, (size_t)n * sizeof *types, im->err);
    if (!types) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < n; i++) {
        types[i] = port[i].type;
    }
    out->ints = types;
    out->count = (size_t)n;
    return LINCE_OK;
}

/* What the row must be told, of a node that no file wrote: dtypes, and names for messages. */
static lince_status invent_attrs(struct li_import *im, struct run *r)
{
    int n = 0;
    while (r->op->attrs[n].name) {
        n++;
    }
    struct li_attr *attrs = li_arena_calloc(&im->scratch, (size_t)n, sizeof *attrs, im->err);
    if (!attrs) {
        return LINCE_ENOMEM;
    }
    for (const struct li_attr_spec *spec = r->op->attrs; spec->name; spec++) {
        struct li_attr *a = &attrs[r->nattrs];
        *a = (struct li_attr){.name = spec->name, .kind = spec->kind, .i = LINCE_BOOL};
        if (spec->kind == LI_ATTR_FUNC) {
            a->s = r->s->part->body[0]->name;
            a->s_len = strlen(a->s);
        } else if (spec->kind == LI_ATTR_TYPES) {
            LI_TRY(list_types(im, r, is_of_inputs(r, spec->name), a));
        }
        r->nattrs += spec->fallback == NULL;
    }
    r->attrs = attrs;
    return LINCE_OK;
}

static lince_status append(struct li_import *im, struct run *r, struct li_node **node)
{
    struct li_step *s = r->s;
    int first = s->in.count - r->args, n = first;
    li_vid *in = li_arena_alloc(&im->scratch, (size_t)s->in.count * sizeof *in, im->err);
    struct li_graph **graphs = li_arena_alloc(&im->scratch, (size_t)r->bodies * sizeof *graphs, im->err);
    if (!in || !graphs) {
        return LINCE_ENOMEM;
    }
    memcpy(in, s->in.v, (size_t)first * sizeof *in);
    for (int i = 0; i < r->args; i++) {
        if (is_tensor(im, r, true, i)) {
            in[n++] = r->arg[i];
        }
    }
    for (int i = 0; i < r->bodies; i++) {
        graphs[i] = r->made[i]->graph;
    }
    LI_TRY(li_graph_append(im->graph, r->op, s->name, in, n, r->attrs, r->nattrs, node, im->err));
    (*node)->required = s->frame->need[s->n].waited;
    return li_graph_set_bodies(im->graph, im->graph->node_count - 1, graphs, r->bodies, im->err);
}

/* All its results: the node's outputs, and between them handles. */
static lince_status give(struct li_import *im, struct run *r, const struct li_node *node)
{
    li_vid *out = li_arena_alloc(&im->scratch, (size_t)r->results * sizeof *out, im->err);
    int n = 0, tensors = 0;
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < r->results; i++) {
        tensors += is_tensor(im, r, false, i);
    }
    if (tensors != node->nout) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): has %d outputs, its functions return %d tensors",
                       r->s->name, r->op->name, node->nout, tensors);
    }
    const li_vid *given = node->out; /* the node moves, its outputs do not */
    for (int i = 0; i < r->results; i++) {
        if (is_tensor(im, r, false, i)) {
            out[i] = given[n++];
        } else {
            LI_TRY(li_graph_resource(im->graph, r->returns[i], &out[i], im->err));
        }
    }
    *r->s->to = (struct li_results){.out = out, .count = r->results, .graph_node = LI_NONE};
    return li_import_charge(im, (size_t)r->results, r->s->name);
}

lince_status li_import_control(struct li_import *im, struct li_step *s)
{
    int first = s->part->op->control == LI_CONTROL_BRANCH;
    struct run r = {.s = s, .op = s->part->op, .arg = s->in.v + first, .args = s->in.count - first};
    struct li_node *node;
    if (r.args < 0) {
        return refuse(im, &r, LINCE_EINVAL, "it has no input that chooses a branch");
    }
    if (s->frame->depth >= LI_MAX_CALL_DEPTH) {
        return li_fail(im->err, LINCE_ELIMIT, "node \"%.500s\": functions call functions deeper than %d", s->name,
                       LI_MAX_CALL_DEPTH);
    }
    LI_TRY(add_bodies(im, &r));
    if (im->missing_count) { /* what the bodies return may be unknown; all that is missing has been found */
        *s->to = (struct li_results){.graph_node = LI_NONE, .unknown = true};
        return li_import_need_dummy(im);
    }
    LI_TRY(find_results(im, &r));
    LI_TRY(s->part->body ? invent_attrs(im, &r)
                         : li_attrs_read(&r.attrs, &r.nattrs, s->part, &s->frame->given, &im->scratch, im->err));
    LI_TRY(reduce_all(im, &r));
    LI_TRY(append(im, &r, &node));
    return give(im, &r, node);
}
