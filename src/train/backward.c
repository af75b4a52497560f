/*
 * Reverse differentiation of a graph. Nodes are in execution order, so going through them backwards meets every reader
 * of a value before the node that makes it: when a node's turn comes, all that its outputs' gradients are summed from
 * is there.
 */
#include "train/bodies.h"

#include <string.h>

bool li_backward_wants(const struct li_backward *b, li_vid v)
{
    return li_wants(b->call, b->g, b->wanted, v);
}

lince_status li_backward_find_wanted(struct li_backward *b)
{
    return li_find_wanted(b->call, b->g, b->nodes, b->wanted);
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

lince_status li_backward_add(struct li_backward *b, struct li_term **list, li_vid grad)
{
    struct li_term *term = li_arena_alloc(&b->call->arena, sizeof *term, b->call->err);
    if (!term) {
        return LINCE_ENOMEM;
    }
    *term = (struct li_term){.next = *list, .grad = grad};
    *list = term;
    return LINCE_OK;
}

/* The sum of all terms, which then are one; LI_NONE when there are none. */
lince_status li_backward_sum(struct li_backward *b, struct li_term **list, const char *what, li_vid *out)
{
    int count = 0;
    for (const struct li_term *term = *list; term; term = term->next) {
        count++;
    }
    *out = count ? (*list)->grad : LI_NONE;
    if (count < 2) {
        return LINCE_OK;
    }
    li_vid *in = li_arena_alloc(&b->call->arena, (size_t)count * sizeof *in, b->call->err);
    const char *name = li_arena_printf(&b->call->arena, b->call->err, "gradients/%s/sum", what);
    if (!in || !name) {
        return LINCE_ENOMEM;
    }
    int at = count; /* in the order they came */
    for (const struct li_term *term = *list; term; term = term->next) {
        in[--at] = term->grad;
    }
    LI_TRY(li_ops_add_all(b->g, name, in, count, out, b->call->err));
    (*list)->grad = *out;
    (*list)->next = NULL;
    return LINCE_OK;
}

/* ---- One node ---------------------------------------------------------------------------------------------------- */

static struct li_term **terms_of(const struct li_backward *b, li_vid v)
{
    const struct li_value *value = &b->g->values[v];
    return value->dtype == LINCE_RESOURCE ? &b->by_handle[value->resource] : &b->terms[v];
}

static lince_status take_input_gradient(struct li_backward *b, const struct li_node *node, int i, li_vid dx)
{
    const struct li_value *x = &b->g->values[node->in[i]], *grad = &b->g->values[dx];
    const struct li_resource *r = x->dtype == LINCE_RESOURCE ? li_store_get(b->g->store, x->resource) : NULL;
    const lince_dtype dtype = r ? r->dtype : x->dtype;
    const struct li_shape *shape = r ? &r->shape : &x->shape;
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (grad->dtype != dtype || !li_shape_equal(&grad->shape, shape)) {
        return li_fail(b->call->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (%s): the gradient of input %d is %s%s, wanted %s%s", node->name, node->op->name, i,
                       li_dtype_name(grad->dtype), li_shape_text(&grad->shape, found), li_dtype_name(dtype),
                       li_shape_text(shape, wanted));
    }
    return li_backward_add(b, terms_of(b, node->in[i]), dx);
}

static lince_status ask(struct li_backward *b, int32_t n, const struct li_node *node, const li_vid *dy, li_vid *dx)
{
    struct li_grad grad = {
        .graph = b->g, .node = node, .in = node->in, .out = node->out, .dy = dy, .dx = dx, .err = b->call->err};
    bool done = false;
    if (node->op->control) {
        return li_control_gradient(b, n, dy, dx);
    }
    if (li_custom_type(node)) {
        LI_TRY(li_custom_gradient(b, node, dy, dx, &done));
    }
    return done ? LINCE_OK : node->op->grad(&grad);
}

static lince_status differentiate(struct li_backward *b, int32_t n, const struct li_node *node, const li_vid *dy)
{
    if (!node->op->grad) {
        return li_fail(b->call->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (%s): has no gradient yet, and the loss depends on a target through it", node->name,
                       node->op->name);
    }
    li_vid *dx = li_arena_alloc(&b->call->arena, (size_t)node->nin * sizeof *dx, b->call->err);
    if (!dx) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        dx[i] = LI_NONE;
    }
    LI_TRY(ask(b, n, node, dy, dx));
    for (int i = 0; i < node->nin; i++) {
        if (dx[i] >= 0 && li_backward_wants(b, node->in[i])) {
            LI_TRY(take_input_gradient(b, node, i, dx[i]));
        }
    }
    return LINCE_OK;
}

static lince_status read_gradient(struct li_backward *b, const struct li_node *node, li_vid dy)
{
    /* A part of the variable, which only a gradient of the row's own could place; or somewhere in a body. */
    if (node->op->forward || node->op->control) {
        return li_fail(b->call->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (%s): has no gradient with respect to the variable", node->name, node->op->name);
    }
    return li_backward_add(b, &b->by_handle[node->touch[0].resource], dy);
}

static lince_status step(struct li_backward *b, int32_t n)
{
    const struct li_node node = b->g->nodes[n]; /* a copy: appending moves nodes */
    bool any = false;
    li_vid *dy = li_arena_alloc(&b->call->arena, (size_t)node.nout * sizeof *dy, b->call->err);
    if (!dy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node.nout; i++) {
        LI_TRY(li_backward_sum(b, &b->terms[node.out[i]], node.name, &dy[i]));
        any |= dy[i] >= 0;
    }
    if (!any || !li_depends(b->call, b->g, b->wanted, &node)) {
        return LINCE_OK;
    }
    if (li_reads_target(b->call, &node) && !node.op->grad) {
        return read_gradient(b, &node, dy[0]);
    }
    return differentiate(b, n, &node, dy);
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

lince_status li_backward_begin(struct li_backward *b, struct li_backward_call *call, struct li_graph *g)
{
    struct li_arena *arena = &call->arena;
    size_t values = (size_t)g->value_count + 1, resources = (size_t)call->resources + 1;
    *b = (struct li_backward){.call = call, .g = g, .values = g->value_count, .nodes = g->node_count};
    b->wanted = li_arena_calloc(arena, values, sizeof *b->wanted, call->err);
    b->terms = li_arena_calloc(arena, values, sizeof *b->terms, call->err);
    b->by_handle = li_arena_calloc(arena, resources, sizeof *b->by_handle, call->err);
    return b->wanted && b->terms && b->by_handle ? LINCE_OK : LINCE_ENOMEM;
}

lince_status li_backward_run(struct li_backward *b)
{
    for (int32_t n = b->nodes - 1; n >= 0; n--) {
        LI_TRY(step(b, n));
    }
    return LINCE_OK;
}
