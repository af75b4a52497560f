/*
 * turn: the gradient of a convolution's input, and a transposed convolution, of strides 1 is a convolution itself, and
 * is packed, shared among threads and fused like one:
 *
 *     Conv2DBackpropInput(sizes, f, dy)  ->  Conv2D(dy, _LiConvTurn(f))
 */
#include "match.h"
#include "passes.h"

#include "ops/ops.h"

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    static const int64_t ones[4] = {1, 1, 1, 1};
    const struct li_node *node = &r->from->nodes[n];
    int64_t pads[8];
    if (!li_op_is(node, "Conv2DBackpropInput") || !li_ops_turned_conv(r->from, node, pads)) {
        return LINCE_OK;
    }
    const struct li_attr attrs[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", ones, 4),
                                    LI_STR("padding", "EXPLICIT"), LI_INTS("explicit_paddings", pads, 8),
                                    *li_attr(node, "dilations")};
    li_vid filter = li_mapped(r, node->in[1]), in[2] = {li_mapped(r, node->in[2])};
    *done = true;
    LI_TRY(li_emit_one(r, "_LiConvTurn", node->name, &filter, 1, NULL, 0, &in[1], err));
    return li_emit_one(r, "Conv2D", node->name, in, 2, attrs, LI_COUNT(attrs), &r->map[node->out[0]], err);
}

lince_status li_pass_turn(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
