/*
 * parts: the gradient of a filter is summed over all pixels of a batch. Where there are many, tasks take pieces of
 * them, and what they find is added up in order:
 *
 *     Conv2DBackpropFilter(x, sizes, dy)  ->  Sum(_LiConvFilterParts(x, sizes, dy)) over the pieces
 *
 * and of a depthwise convolution with _LiDepthwiseFilterParts.
 */
#include "match.h"
#include "passes.h"

static lince_status emit_sum(struct li_rewrite *r, const struct li_node *node, li_vid parts, lince_error *err)
{
    static const int32_t zero[1] = {0};
    const struct li_tensor first = {LINCE_INT32, {1, {1}}, (void *)zero, sizeof zero}, *own;
    const struct li_attr keep_dims = LI_BOOL("keep_dims", false);
    li_vid in[2] = {parts};
    LI_TRY(li_graph_own_tensor(r->to, &first, &own, err));
    LI_TRY(li_graph_constant(r->to, own, &in[1], err));
    return li_emit_one(r, "Sum", node->name, in, 2, &keep_dims, 1, &r->map[node->out[0]], err);
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    const char *op = li_op_is(node, "Conv2DBackpropFilter")                  ? "_LiConvFilterParts"
                     : li_op_is(node, "DepthwiseConv2dNativeBackpropFilter") ? "_LiDepthwiseFilterParts"
                                                                             : NULL;
    li_vid in[3], parts;
    if (!op) {
        return LINCE_OK;
    }
    for (int i = 0; i < 3; i++) {
        in[i] = li_mapped(r, node->in[i]);
    }
    LI_TRY(li_emit_one(r, op, node->name, in, 3, node->attrs, node->nattrs, &parts, err));
    *done = r->to->values[parts].shape.dim[0] > 1; /* else the node itself is as good */
    return *done ? emit_sum(r, node, parts, err) : LINCE_OK;
}

lince_status li_pass_parts(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
