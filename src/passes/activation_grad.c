/*
 * activation_grad: the gradient of a swish that is spelled out, s = Sigmoid(alpha * x), y = x * s, becomes one node of
 * x, so that nothing else than y reads s. As reverse differentiation spells it, and as TensorFlow's own saved gradient:
 *
 *     AddN(dy * s, alpha * SigmoidGrad(s, dy * x))      ->  _LiActivateGrad(dy, x)
 *     dy * (s * (1 + alpha * x * (1 - s)))              ->  _LiActivateGrad(dy, x)
 */
#include "match.h"
#include "passes.h"

#include "ops/ops.h"

#include <math.h>

struct found {
    li_vid dy, x;
    float alpha;
};

static bool inner(const struct li_match *m, li_vid v)
{
    return m->consumer[v] >= 0;
}

/* v = *factor * the result, a scalar constant; or v itself. */
static li_vid unscale(const struct li_graph *g, li_vid v, float *factor)
{
    const struct li_node *node = li_made_by(g, v, "Mul");
    *factor = 1;
    for (int i = 0; node && i < 2; i++) {
        if (li_scalar_of(g, node->in[i], factor)) {
            return node->in[1 - i];
        }
    }
    return v;
}

/* The Sigmoid of alpha * x that v is; *x and *alpha receive what it is of. */
static bool gate(const struct li_graph *g, li_vid v, li_vid *x, float *alpha)
{
    const struct li_node *sigmoid = li_made_by(g, v, "Sigmoid");
    *x = sigmoid ? unscale(g, sigmoid->in[0], alpha) : LI_NONE;
    return sigmoid != NULL;
}

/* One of the two factors of v is `known`: the other; else LI_NONE. */
static li_vid cofactor(const struct li_graph *g, li_vid v, li_vid known)
{
    const struct li_node *node = li_made_by(g, v, "Mul");
    return node && (node->in[0] == known || node->in[1] == known) ? li_other(node, known) : LI_NONE;
}

/* straight = dy * s, bent = alpha * SigmoidGrad(s, dy * x) */
static bool sum_of(const struct li_match *m, li_vid straight, li_vid bent, struct found *f)
{
    const struct li_graph *g = m->g;
    const struct li_node *product = li_made_by(g, straight, "Mul");
    float factor;
    li_vid core = unscale(g, bent, &factor);
    const struct li_node *slope = li_made_by(g, core, "SigmoidGrad");
    if (!product || !slope || !inner(m, straight) || !inner(m, bent) || !inner(m, core) || !inner(m, slope->in[1]) ||
        (product->in[0] != slope->in[0] && product->in[1] != slope->in[0]) ||
        !gate(g, slope->in[0], &f->x, &f->alpha)) {
        return false;
    }
    f->dy = li_other(product, slope->in[0]);
    return factor == f->alpha && cofactor(g, slope->in[1], f->dy) == f->x;
}

/* v = 1 + ... or 1 - ...: the rest; else LI_NONE */
static li_vid beyond_one(const struct li_graph *g, li_vid v, const char *op)
{
    const struct li_node *node = li_made_by(g, v, op);
    float one;
    return node && li_scalar_of(g, node->in[0], &one) && one == 1 ? node->in[1] : LI_NONE;
}

/* slope = s * (1 + alpha * x * (1 - s)) */
static bool slope_of(const struct li_match *m, li_vid slope, struct found *f)
{
    const struct li_graph *g = m->g;
    const struct li_node *product = inner(m, slope) ? li_made_by(g, slope, "Mul") : NULL;
    for (int i = 0; product && i < 2; i++) {
        li_vid s = product->in[i], bend = beyond_one(g, product->in[1 - i], "AddV2");
        const struct li_node *node = bend == LI_NONE ? NULL : li_made_by(g, bend, "Mul");
        float alpha;
        for (int k = 0; node && k < 2 && gate(g, s, &f->x, &f->alpha); k++) {
            if (beyond_one(g, node->in[k], "Sub") == s && unscale(g, node->in[1 - k], &alpha) == f->x &&
                alpha == f->alpha) {
                return true;
            }
        }
    }
    return false;
}

static bool find(const struct li_match *m, const struct li_node *node, struct found *f)
{
    for (int i = 0; i < 2 && node->nin == 2; i++) {
        if (li_op_is(node, "AddN") && sum_of(m, node->in[i], node->in[1 - i], f)) {
            return true;
        }
        if (li_op_is(node, "Mul") && slope_of(m, node->in[i], f)) {
            f->dy = node->in[1 - i];
            return true;
        }
    }
    return false;
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    const struct li_value *values = r->from->values;
    struct found f;
    if (!find(r->context, node, &f) || values[f.x].dtype != LINCE_FLOAT32 ||
        !li_shape_equal(&values[f.x].shape, &values[f.dy].shape)) {
        return LINCE_OK;
    }
    const struct li_attr attrs[] = {LI_INT("activation", LI_ACT_SWISH), LI_FLOAT("alpha", (double)f.alpha)};
    const li_vid in[2] = {li_mapped(r, f.dy), li_mapped(r, f.x)};
    *done = true;
    return li_emit_one(r, "_LiActivateGrad", node->name, in, 2, attrs, 2, &r->map[node->out[0]], err);
}

lince_status li_pass_activation_grad(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                                     lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
