/* identity: nodes that hand their inputs on as they are go; who reads them reads what they read. */
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

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    (void)err;
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
