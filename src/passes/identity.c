/*
 * identity: nodes that hand their inputs on as they are go, a multiplication by 1 among them; who reads them reads what
 * they read.
 */
#include "match.h"
#include "passes.h"

static bool hands_on(const struct li_node *node)
{
    static const char *const ops[] = {"Identity", "IdentityN", "StopGradient", "PreventGradient", "Snapshot"};
    for (size_t i = 0; i < LI_COUNT(ops); i++) {
        if (li_op_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

/* The factor of a Mul that is its result, since the other is 1; LI_NONE: there is none. */
static li_vid other_of_one(const struct li_graph *g, const struct li_node *node)
{
    float factor;
    for (int i = 0; li_op_is(node, "Mul") && i < 2; i++) {
        li_vid other = node->in[1 - i];
        if (li_scalar_of(g, node->in[i], &factor) && factor == 1 &&
            li_shape_equal(&g->values[other].shape, &g->values[node->out[0]].shape)) {
            return other;
        }
    }
    return LI_NONE;
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    (void)err;
    li_vid same = other_of_one(r->from, node);
    if (same != LI_NONE) {
        *done = true;
        r->map[node->out[0]] = li_mapped(r, same);
        return LINCE_OK;
    }
    *done = hands_on(node);
    for (int i = 0; *done && i < node->nout; i++) {
        r->map[node->out[i]] = li_mapped(r, node->in[i]);
    }
    return LINCE_OK;
}

lince_status li_pass_identity(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                              lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
