/* Nodes that run bodies, made by stages: one like another, and one that takes and gives more than it did. */
#include "internal.h"

#include <string.h>

/* The types of values as a list. */
static lince_status list_types(struct li_graph *g, const li_vid *values, int count, struct li_attr *out,
                               lince_error *err)
{
    struct li_arena *kept = li_graph_kept(g, err);
    int64_t *types = kept ? li_arena_alloc(kept, (size_t)count * sizeof *types, err) : NULL;
    if (!types) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        types[i] = g->values[values[i]].dtype;
    }
    out->ints = types;
    out->count = (size_t)count;
    return LINCE_OK;
}

/*
 * The attributes of `like` for other inputs and outputs. A row of this kind has one list of outputs; a list of types
 * beside it is that of the inputs, and shapes that were stated hold no more.
 */
static lince_status adapt(struct li_graph *g, const struct li_node *like, const li_vid *in, int nin, const li_vid *out,
                          int nout, struct li_attr **attrs, lince_error *err)
{
    int first = like->op->control == LI_CONTROL_BRANCH;
    struct li_arena *kept = li_graph_kept(g, err);
    struct li_attr *copy = kept ? li_arena_alloc(kept, (size_t)like->nattrs * sizeof *copy, err) : NULL;
    if (!copy) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < like->nattrs; i++) {
        copy[i] = like->attrs[i];
        if (copy[i].kind == LI_ATTR_SHAPES) {
            copy[i].count = 0;
        } else if (copy[i].kind == LI_ATTR_TYPES) {
            bool outputs = strcmp(copy[i].name, like->op->outputs[0].list) == 0;
            LI_TRY(list_types(g, outputs ? out : in + first, outputs ? nout : nin - first, &copy[i], err));
        }
    }
    *attrs = copy;
    return LINCE_OK;
}

/* A value like another, as output i of a node. */
static lince_status add_output(struct li_graph *g, int32_t n, int i, const struct li_value *like, li_vid *out,
                               lince_error *err)
{
    const struct li_value value = {.dtype = like->dtype, .shape = like->shape, .resource = LI_NONE};
    LI_TRY(li_graph_copy_value(g, &value, out, err));
    g->values[*out].producer = n;
    g->values[*out].output = i;
    return LINCE_OK;
}

lince_status li_graph_widen(struct li_graph *g, int32_t n, const li_vid *in, int nin, const struct li_value *like,
                            int nout, struct li_graph *const *bodies, lince_error *err)
{
    const struct li_node node = g->nodes[n];
    li_vid *ids = li_arena_alloc(&g->arena, (size_t)(node.nin + nin + node.nout + nout) * sizeof *ids, err);
    struct li_attr *attrs;
    if (!ids) {
        return LINCE_ENOMEM;
    }
    li_vid *out = ids + node.nin + nin;
    for (int i = 0; i < node.nin + nin; i++) {
        ids[i] = i < node.nin ? node.in[i] : in[i - node.nin];
    }
    for (int i = 0; i < node.nout; i++) {
        out[i] = node.out[i];
    }
    for (int i = 0; i < nout; i++) {
        LI_TRY(add_output(g, n, node.nout + i, &like[i], &out[node.nout + i], err));
    }
    LI_TRY(adapt(g, &node, ids, node.nin + nin, out, node.nout + nout, &attrs, err));
    struct li_node *wide = &g->nodes[n];
    wide->in = ids;
    wide->out = out;
    wide->nin = node.nin + nin;
    wide->nout = node.nout + nout;
    wide->attrs = attrs;
    wide->touched = false;
    LI_TRY(li_graph_set_bodies(g, n, bodies, node.bodies, err));
    return li_graph_touch(g, n, NULL, err);
}

lince_status li_graph_append_like(struct li_graph *g, const struct li_node *like, const char *name, const li_vid *in,
                                  int nin, const struct li_value *outputs, int nout, struct li_graph *const *bodies,
                                  li_vid *out, lince_error *err)
{
    struct li_attr *attrs;
    struct li_node *node;
    int32_t n = g->node_count;
    for (int i = 0; i < nout; i++) { /* for their types; the node has values of its own */
        LI_TRY(li_graph_copy_value(g, &outputs[i], &out[i], err));
    }
    LI_TRY(adapt(g, like, in, nin, out, nout, &attrs, err));
    LI_TRY(li_graph_append(g, like->op, name, in, nin, attrs, like->nattrs, &node, err));
    for (int i = 0; i < nout; i++) {
        out[i] = node->out[i];
        g->values[out[i]].dtype = outputs[i].dtype;
        g->values[out[i]].shape = outputs[i].shape;
    }
    LI_TRY(li_graph_set_bodies(g, n, bodies, like->bodies, err));
    return li_graph_touch(g, n, NULL, err);
}
