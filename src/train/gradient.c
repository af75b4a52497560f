/*
 * Reverse differentiation of a graph. Nodes are in execution order, so going through them backwards meets every reader
 * of a value before the node that makes it: when a node's turn comes, all that its outputs' gradients are summed from
 * is there.
 */
#include "ops/ops.h"
#include "train/train.h"

#include <string.h>

/* One of the gradients that meet at a value, latest first. */
struct term {
    struct term *next;
    li_vid grad;
};

struct backward {
    struct li_graph *g;
    lince_error *err;
    struct li_arena arena;
    int32_t values;      /* of the graph before it grew */
    bool *wanted;        /* by value: a target, or computed from one */
    struct term **terms; /* by value */
    const struct li_gradient_options *options;
    bool *handle;            /* by resource: a target is its handle */
    struct term **by_handle; /* by resource */
    int32_t resources;
};

/* ---- What has a gradient ----------------------------------------------------------------------------------------- */

/* Itself, or in one of its bodies. */
static bool reads_target(const struct backward *b, const struct li_node *node)
{
    for (int i = 0; i < node->touches; i++) {
        const struct li_touch *touch = &node->touch[i];
        if ((touch->how & LI_EFFECT_READ) && touch->resource < b->resources && b->handle[touch->resource]) {
            return true;
        }
    }
    return false;
}

/* Whether a gradient that reaches the node has to go on through it. A row without one depends too, and is refused. */
static bool depends(const struct backward *b, const struct li_node *node)
{
    if (node->op->grad == li_grad_none) {
        return false;
    }
    for (int i = 0; i < node->nin; i++) {
        if (b->wanted[node->in[i]]) {
            return true;
        }
    }
    return reads_target(b, node);
}

static void find_wanted(struct backward *b)
{
    for (int i = 0; i < b->options->target_count; i++) {
        li_vid target = b->options->targets[i];
        const struct li_value *value = &b->g->values[target];
        if (value->dtype == LINCE_RESOURCE) {
            b->handle[value->resource] = true;
        } else {
            b->wanted[target] = true;
        }
    }
    for (int32_t n = 0; n < b->g->node_count; n++) {
        const struct li_node *node = &b->g->nodes[n];
        for (int i = 0; depends(b, node) && i < node->nout; i++) {
            b->wanted[node->out[i]] |= li_dtype_is_float(b->g->values[node->out[i]].dtype);
        }
    }
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

static lince_status add_term(struct backward *b, struct term **list, li_vid grad)
{
    struct term *term = li_arena_alloc(&b->arena, sizeof *term, b->err);
    if (!term) {
        return LINCE_ENOMEM;
    }
    *term = (struct term){.next = *list, .grad = grad};
    *list = term;
    return LINCE_OK;
}

/* The sum of all terms, which then are one; LI_NONE when there are none. */
static lince_status sum_terms(struct backward *b, struct term **list, const char *what, li_vid *out)
{
    int count = 0;
    for (const struct term *term = *list; term; term = term->next) {
        count++;
    }
    *out = count ? (*list)->grad : LI_NONE;
    if (count < 2) {
        return LINCE_OK;
    }
    li_vid *in = li_arena_alloc(&b->arena, (size_t)count * sizeof *in, b->err);
    const char *name = li_arena_printf(&b->arena, b->err, "gradients/%s/sum", what);
    if (!in || !name) {
        return LINCE_ENOMEM;
    }
    int at = count; /* in the order they came */
    for (const struct term *term = *list; term; term = term->next) {
        in[--at] = term->grad;
    }
    LI_TRY(li_ops_add_all(b->g, name, in, count, out, b->err));
    (*list)->grad = *out;
    (*list)->next = NULL;
    return LINCE_OK;
}

/* ---- One node ---------------------------------------------------------------------------------------------------- */

/* Whether a gradient of this value is asked for, and where it is summed: a handle's with its variable. */
static bool is_wanted(const struct backward *b, li_vid v)
{
    const struct li_value *value = &b->g->values[v];
    return value->dtype == LINCE_RESOURCE ? value->resource < b->resources && b->handle[value->resource] : b->wanted[v];
}

static struct term **terms_of(const struct backward *b, li_vid v)
{
    const struct li_value *value = &b->g->values[v];
    return value->dtype == LINCE_RESOURCE ? &b->by_handle[value->resource] : &b->terms[v];
}

static lince_status take_input_gradient(struct backward *b, const struct li_node *node, int i, li_vid dx)
{
    const struct li_value *x = &b->g->values[node->in[i]], *grad = &b->g->values[dx];
    const struct li_resource *r = x->dtype == LINCE_RESOURCE ? li_store_get(b->g->store, x->resource) : NULL;
    const lince_dtype dtype = r ? r->dtype : x->dtype;
    const struct li_shape *shape = r ? &r->shape : &x->shape;
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (grad->dtype != dtype || !li_shape_equal(&grad->shape, shape)) {
        return li_fail(b->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): the gradient of input %d is %s%s, wanted %s%s",
                       node->name, node->op->name, i, li_dtype_name(grad->dtype), li_shape_text(&grad->shape, found),
                       li_dtype_name(dtype), li_shape_text(shape, wanted));
    }
    return add_term(b, terms_of(b, node->in[i]), dx);
}

static lince_status differentiate(struct backward *b, const struct li_node *node, const li_vid *dy)
{
    if (!node->op->grad) {
        return li_fail(b->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (%s): has no gradient yet, and the loss depends on a target through it", node->name,
                       node->op->name);
    }
    li_vid *dx = li_arena_alloc(&b->arena, (size_t)node->nin * sizeof *dx, b->err);
    if (!dx) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        dx[i] = LI_NONE;
    }
    struct li_grad grad = {
        .graph = b->g, .node = node, .in = node->in, .out = node->out, .dy = dy, .dx = dx, .err = b->err};
    LI_TRY(node->op->grad(&grad));
    for (int i = 0; i < node->nin; i++) {
        if (dx[i] >= 0 && is_wanted(b, node->in[i])) {
            LI_TRY(take_input_gradient(b, node, i, dx[i]));
        }
    }
    return LINCE_OK;
}

static lince_status read_gradient(struct backward *b, const struct li_node *node, li_vid dy)
{
    /* A part of the variable, which only a gradient of the row's own could place; or somewhere in a body. */
    if (node->op->forward || node->op->control) {
        return li_fail(b->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): has no gradient with respect to the variable",
                       node->name, node->op->name);
    }
    return add_term(b, &b->by_handle[node->touch[0].resource], dy);
}

static lince_status step(struct backward *b, int32_t n)
{
    const struct li_node node = b->g->nodes[n]; /* a copy: appending moves nodes */
    bool any = false;
    li_vid *dy = li_arena_alloc(&b->arena, (size_t)node.nout * sizeof *dy, b->err);
    if (!dy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node.nout; i++) {
        LI_TRY(sum_terms(b, &b->terms[node.out[i]], node.name, &dy[i]));
        any |= dy[i] >= 0;
    }
    if (!any || !depends(b, &node)) {
        return LINCE_OK;
    }
    if (reads_target(b, &node) && !node.op->grad) {
        return read_gradient(b, &node, dy[0]);
    }
    return differentiate(b, &node, dy);
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

static lince_status take_room(struct backward *b)
{
    size_t values = (size_t)b->values + 1, resources = (size_t)b->resources + 1;
    b->wanted = li_arena_calloc(&b->arena, values, sizeof *b->wanted, b->err);
    b->terms = li_arena_calloc(&b->arena, values, sizeof *b->terms, b->err);
    b->handle = li_arena_calloc(&b->arena, resources, sizeof *b->handle, b->err);
    b->by_handle = li_arena_calloc(&b->arena, resources, sizeof *b->by_handle, b->err);
    return b->wanted && b->terms && b->handle && b->by_handle ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status check_upstream(const struct backward *b, int i)
{
    const struct li_value *value = &b->g->values[b->options->outputs[i]];
    const struct li_value *grad = &b->g->values[b->options->upstream[i]];
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (grad->dtype == value->dtype && li_shape_equal(&grad->shape, &value->shape)) {
        return LINCE_OK;
    }
    return li_fail(b->err, LINCE_EINVAL, "the gradient of output %d is %s%s, the output %s%s", i,
                   li_dtype_name(grad->dtype), li_shape_text(&grad->shape, found), li_dtype_name(value->dtype),
                   li_shape_text(&value->shape, wanted));
}

static lince_status seed(struct backward *b, int i)
{
    const li_vid output = b->options->outputs[i];
    const struct li_value value = b->g->values[output];
    li_vid upstream = b->options->upstream ? b->options->upstream[i] : LI_NONE;
    if (!li_dtype_is_float(value.dtype)) {
        return li_fail(b->err, LINCE_EINVAL, "output %d is %s, wanted a float", i, li_dtype_name(value.dtype));
    }
    if (b->options->upstream && upstream < 0) {
        return LINCE_OK;
    }
    if (b->options->upstream) {
        LI_TRY(check_upstream(b, i));
    } else {
        LI_TRY(li_ops_fill(b->g, "gradients/loss", value.dtype, &value.shape, 1, &upstream, b->err));
    }
    return add_term(b, &b->terms[output], upstream);
}

static lince_status target_gradient(struct backward *b, li_vid target, li_vid *out)
{
    const struct li_value value = b->g->values[target];
    lince_dtype dtype = value.dtype;
    struct li_shape shape = value.shape;
    const char *name = "target";
    struct term **terms = &b->terms[target];
    if (dtype == LINCE_RESOURCE) {
        const struct li_resource *r = li_store_get(b->g->store, value.resource);
        terms = &b->by_handle[value.resource];
        dtype = r->dtype;
        shape = r->shape;
        name = r->name;
    }
    LI_TRY(sum_terms(b, terms, name, out));
    if (*out >= 0 || b->options->none) {
        return LINCE_OK;
    }
    const char *zeros = li_arena_printf(&b->arena, b->err, "gradients/%s/zeros", name);
    return zeros ? li_ops_fill(b->g, zeros, dtype, &shape, 0, out, b->err) : LINCE_ENOMEM;
}

static lince_status check_targets(const struct backward *b)
{
    for (int i = 0; i < b->options->target_count; i++) {
        const struct li_value *value = &b->g->values[b->options->targets[i]];
        if (value->dtype == LINCE_RESOURCE && (value->resource < 0 || value->resource >= b->resources)) {
            return li_fail(b->err, LINCE_EINVAL, "target %d is a handle of no variable", i);
        }
    }
    return LINCE_OK;
}

static lince_status run(struct backward *b, li_vid *grads)
{
    int32_t nodes = b->g->node_count;
    LI_TRY(take_room(b));
    LI_TRY(check_targets(b));
    find_wanted(b);
    for (int i = 0; i < b->options->output_count; i++) {
        LI_TRY(seed(b, i));
    }
    for (int32_t n = nodes - 1; n >= 0; n--) {
        LI_TRY(step(b, n));
    }
    for (int i = 0; i < b->options->target_count; i++) {
        LI_TRY(target_gradient(b, b->options->targets[i], &grads[i]));
    }
    return LINCE_OK;
}

lince_status li_gradient(struct li_graph **out, const struct li_graph *g, const struct li_gradient_options *options,
                         li_vid *grads, lince_error *err)
{
    struct backward b = {.err = err, .options = options, .values = g->value_count};
    const size_t count = (size_t)options->target_count;
    LI_TRY(li_graph_copy(&b.g, g, err));
    b.resources = g->store ? g->store->count : 0;
    li_arena_init(&b.arena, g->arena.mem, 0);
    li_vid *found = li_arena_alloc(&b.arena, count * sizeof *found, err);
    lince_status st = found ? run(&b, found) : LINCE_ENOMEM;
    if (!st && count) {
        memcpy(grads, found, count * sizeof *grads);
    }
    li_arena_free(&b.arena);
    if (st) {
        li_graph_free(b.g);
        return st;
    }
    *out = b.g;
    return LINCE_OK;
}
