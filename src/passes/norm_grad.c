/*
 * norm_grad: a gradient that goes back through an activation and then through the batch norm before it does so in one
 * go. What the activation was given is made again from the norm's input, to the same bits:
 *
 *     y  = _LiScaleShift(x, scale, shift) with Relu
 *     g  = ReluGrad(dy, y), which nothing else reads
 *     p  = _LiBatchNormGradParts(g, x, mean)        ->  p  = _LiBatchNormGradParts(dy, x, mean, scale, shift)
 *     dx = _LiBatchNormGrad(g, x, ..., p)           ->  dx = _LiBatchNormGrad(dy, x, ..., p, scale, shift)
 *
 * Where the norm's statistics are those of the batch.
 */
#include "match.h"
#include "passes.h"

#include "ops/ops.h"

enum { DY, X, PARTS = 5, GRAD_INPUTS };

/* What stands between a batch norm and its gradient. */
struct between {
    const struct li_node *slope; /* ReluGrad, Relu6Grad */
    const struct li_node *norm;  /* the _LiScaleShift */
};

static bool pairs(const struct li_node *slope, const struct li_node *norm)
{
    int64_t activation = norm ? li_attr_int(norm, "activation") : LI_ACT_NONE;
    return (li_op_is(slope, "ReluGrad") && activation == LI_ACT_RELU) ||
           (li_op_is(slope, "Relu6Grad") && activation == LI_ACT_RELU6);
}

/* The gradient of a norm whose parts are these, and what stands before both; false: nothing that can be merged. */
static bool find(const struct li_rewrite *r, const struct li_node *parts, struct between *b)
{
    const struct li_match *m = r->context;
    int32_t reader = m->consumer[parts->out[0]];
    const struct li_node *grad = reader < 0 ? NULL : &r->from->nodes[reader];
    li_vid g = parts->in[DY];
    b->slope = li_producer(r->from, g);
    if (!li_op_is(grad, "_LiBatchNormGrad") || !li_attr_int(grad, "is_training") || grad->in[DY] != g ||
        r->uses[g] != 2 || !b->slope || b->slope->nin != 2) {
        return false;
    }
    b->norm = li_made_by(r->from, b->slope->in[1], "_LiScaleShift");
    return pairs(b->slope, b->norm) && b->norm->in[0] == parts->in[X];
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    bool is_grad = li_op_is(node, "_LiBatchNormGrad");
    const struct li_node *parts = is_grad ? li_producer(r->from, node->in[PARTS]) : node;
    struct between b;
    if (!li_op_is(parts, "_LiBatchNormGradParts") || parts->nin != 3 || !find(r, parts, &b)) {
        return LINCE_OK;
    }
    li_vid in[GRAD_INPUTS + 2];
    struct li_attr attrs[3] = {*li_attr(b.norm, "activation")};
    static const char *const kept[] = {"epsilon", "is_training"}; /* of the gradient */
    for (int i = 0; i < node->nin; i++) {
        in[i] = li_mapped(r, i == DY ? b.slope->in[0] : node->in[i]);
    }
    in[node->nin] = li_mapped(r, b.norm->in[1]);
    in[node->nin + 1] = li_mapped(r, b.norm->in[2]);
    for (int i = 0; is_grad && i < 2; i++) {
        attrs[1 + i] = *li_attr(node, kept[i]);
    }
    li_vid out[3];
    *done = true;
    LI_TRY(li_graph_emit(r->to, node->op->name, node->name, in, node->nin + 2, attrs, is_grad ? 3 : 1, out, node->nout,
                         err));
    for (int i = 0; i < node->nout; i++) {
        r->map[node->out[i]] = out[i];
    }
    return LINCE_OK;
}

lince_status li_pass_norm_grad(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                               lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
