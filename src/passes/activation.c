/*
 * activation: every activation that kernels know becomes one _LiActivate, whether the model has an op for it (Relu6) or
 * spells it out (swish, hard swish, gelu). Fusing into what comes before is the business of fuse.c.
 *
 * A composition matches only if its inner results are read by nothing else; values are compared with the constants it
 * is known for to a few units in the last place, since exporters round them differently.
 */
#include "match.h"
#include "passes.h"

#include "ops/ops.h"

#include <math.h>
#include <string.h>

struct found {
    li_vid x;
    enum li_activation activation;
    float alpha;
};

static bool near(float a, double b)
{
    return fabs((double)a - b) <= 1e-6 * fabs(b);
}

/* ---- One op ---- */

static bool single(const struct li_node *node, struct found *f)
{
    static const struct {
        const char *op;
        enum li_activation activation;
    } known[] = {{"Relu", LI_ACT_RELU}, {"Relu6", LI_ACT_RELU6},     {"LeakyRelu", LI_ACT_LEAKY_RELU},
                 {"Elu", LI_ACT_ELU},   {"Sigmoid", LI_ACT_SIGMOID}, {"Tanh", LI_ACT_TANH}};
    for (size_t i = 0; i < LI_COUNT(known); i++) {
        if (li_op_is(node, known[i].op)) {
            *f = (struct found){node->in[0], known[i].activation, 1};
            if (known[i].activation == LI_ACT_LEAKY_RELU) {
                f->alpha = (float)li_attr_float(node, "alpha");
            }
            return true;
        }
    }
    return false;
}

/* ---- Compositions; `m` lets them ask who else reads an inner result ---- */

/* v = factor * base, with any number of multiplications by constants and negations in between. */
static li_vid unscale(const struct li_match *m, li_vid v, double *factor)
{
    *factor = 1;
    for (;;) {
        const struct li_node *node = li_producer(m->g, v);
        float c;
        if (li_op_is(node, "Mul") && li_scalar_of(m->g, node->in[1], &c)) {
            v = node->in[0];
        } else if (li_op_is(node, "Mul") && li_scalar_of(m->g, node->in[0], &c)) {
            v = node->in[1];
        } else if (li_op_is(node, "RealDiv") && li_scalar_of(m->g, node->in[1], &c) && c != 0) {
            v = node->in[0];
            c = 1 / c;
        } else if (li_op_is(node, "Neg")) {
            v = node->in[0];
            c = -1;
        } else {
            return v;
        }
        *factor *= c;
    }
}

static bool inner(const struct li_match *m, li_vid v)
{
    return m->consumer[v] >= 0;
}

/* v = Relu6(x + 3) / 6 */
static bool hard_sigmoid(const struct li_match *m, li_vid v, li_vid *x)
{
    double factor;
    li_vid core = unscale(m, v, &factor);
    const struct li_node *relu6 = li_made_by(m->g, core, "Relu6");
    if (!relu6 || core == v || !near((float)factor, 1.0 / 6) || !inner(m, core) || !inner(m, relu6->in[0])) {
        return false;
    }
    const struct li_node *add = li_producer(m->g, relu6->in[0]);
    float three;
    if (!li_op_is(add, "AddV2") && !li_op_is(add, "Add")) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (li_scalar_of(m->g, add->in[i], &three) && near(three, 3)) {
            *x = add->in[1 - i];
            return true;
        }
    }
    return false;
}

/* gate = Sigmoid(alpha * x), Relu6(x + 3) / 6, or what gelu multiplies with */
static bool gate_of(const struct li_match *m, li_vid gate, li_vid x, double outer, struct found *f)
{
    double factor, slope;
    li_vid hard, core = unscale(m, gate, &factor);
    *f = (struct found){.x = x};
    if (near((float)outer, 1) && hard_sigmoid(m, gate, &hard) && hard == x) {
        f->activation = LI_ACT_HARD_SWISH;
        return true;
    }
    const struct li_node *node = li_producer(m->g, core);
    if (!node || !inner(m, core)) {
        return false;
    }
    if (li_op_is(node, "Sigmoid") && near((float)(outer * factor), 1) && unscale(m, node->in[0], &slope) == x) {
        f->activation = LI_ACT_SWISH;
        f->alpha = (float)slope;
        return true;
    }
    if (li_op_is(node, "Erfc") && near((float)(outer * factor), 0.5) && unscale(m, node->in[0], &slope) == x &&
        near((float)slope, -M_SQRT1_2)) {
        f->activation = LI_ACT_GELU;
        return true;
    }
    if (!li_op_is(node, "AddV2") || !near((float)(outer * factor), 0.5)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const struct li_node *erf = li_made_by(m->g, node->in[i], "Erf");
        float one;
        if (erf && li_scalar_of(m->g, node->in[1 - i], &one) && one == 1 && inner(m, node->in[i]) &&
            unscale(m, erf->in[0], &slope) == x && near((float)slope, M_SQRT1_2)) {
            f->activation = LI_ACT_GELU;
            return true;
        }
    }
    return false;
}

static bool product(const struct li_match *m, const struct li_node *node, struct found *f)
{
    li_vid x;
    if (!li_op_is(node, "Mul")) {
        return false;
    }
    if (hard_sigmoid(m, node->out[0], &x)) {
        *f = (struct found){x, LI_ACT_HARD_SIGMOID, 0};
        return true;
    }
    for (int i = 0; i < 2; i++) {
        double outer;
        li_vid gate = node->in[1 - i];
        x = node->in[i];
        if (inner(m, gate) && gate_of(m, gate, x, 1, f)) {
            return true;
        }
        x = unscale(m, x, &outer);
        if (x != node->in[i] && inner(m, gate) && inner(m, node->in[i]) && gate_of(m, gate, x, outer, f)) {
            return true;
        }
    }
    return false;
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_match *m = r->context;
    const struct li_node *node = &r->from->nodes[n];
    struct found f;
    if (node->nout != 1 || r->from->values[node->out[0]].dtype != LINCE_FLOAT32 ||
        !(product(m, node, &f) || single(node, &f))) {
        return LINCE_OK;
    }
    if (!li_shape_equal(&r->from->values[f.x].shape, &r->from->values[node->out[0]].shape)) {
        return LINCE_OK;
    }
    struct li_attr attrs[] = {LI_INT("activation", f.activation), LI_FLOAT("alpha", (double)f.alpha)};
    li_vid x = li_mapped(r, f.x);
    *done = true;
    return li_emit_one(r, "_LiActivate", node->name, &x, 1, attrs, 2, &r->map[node->out[0]], err);
}

lince_status li_pass_activation(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                                lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
