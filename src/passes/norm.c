/*
 * norm: batch normalisation in training becomes steps that threads share; what scales and shifts channels takes the
 * activation that follows, and the gradient that goes back through activation and norm does so in one go, making what
 * the activation was given from the norm's input again, to the same bits:
 *
 *     z  = FusedBatchNorm(x, ...)             ->  z  = _LiScaleShift(x, lines), lines from _LiBatchNormMoments(x)
 *     y  = _LiActivate(z)                     ->  y  = _LiScaleShift(x, lines) with an activation
 *     g  = ReluGrad(dy, y), or _LiActivateGrad(dy, z), which nothing else reads than
 *     p  = _LiBatchNormGradParts(g, x, mean)  ->  p  = _LiBatchNormGradParts(dy, x, mean, lines)
 *     dx = _LiBatchNormGrad(g, x, ..., p)     ->  dx = _LiBatchNormGrad(dy, x, ..., p, lines)
 *
 * Of float32 with channels last.
 */
#include "match.h"
#include "passes.h"

#include "ops/ops.h"

#include <string.h>

enum { SCALE, SHIFT, NEW_MEAN, NEW_VARIANCE, BATCH_MEAN, BATCH_VARIANCE, LINES }; /* outputs of _LiBatchNormLines */
enum { RESERVED = 5 };                                                            /* output of FusedBatchNormV3 */
enum { DY, X, GRAD_INPUTS = 6 };                                                  /* inputs of gradients */

/* What goes back through an activation before it goes through a norm. */
struct slope {
    const struct li_node *norm; /* NULL: none that is merged */
    const struct li_node *node; /* ReluGrad, Relu6Grad, _LiActivateGrad */
    enum li_activation activation;
    double alpha;
};

struct norming {
    struct li_match m;
    int32_t *activation;  /* by node that scales and shifts: the _LiActivate that reads it; LI_NONE */
    int32_t *merged;      /* by the same: how many merged gradients read its result */
    struct slope *slopes; /* by node of the gradient */
};

/* ---- Finding ---- */

static bool is_training_norm(const struct li_match *m, const struct li_node *node)
{
    if (!li_op_is(node, "FusedBatchNorm") && !li_op_is(node, "FusedBatchNormV2") &&
        !li_op_is(node, "FusedBatchNormV3")) {
        return false;
    }
    const char *format = li_attr(node, "data_format")->s;
    return li_attr_int(node, "is_training") && format[strlen(format) - 1] == 'C' &&
           m->g->values[node->in[0]].dtype == LINCE_FLOAT32 &&
           (node->nout <= RESERVED || m->uses[node->out[RESERVED]] == 0);
}

/* The activation whose gradient a node is, and the value that it was given; LI_NONE: no such. */
static li_vid slope_of(const struct li_graph *g, struct slope *s)
{
    static const char *const names[] = {"ReluGrad", "Relu6Grad"};
    static const enum li_activation kinds[] = {LI_ACT_RELU, LI_ACT_RELU6};
    if (li_op_is(s->node, "_LiActivateGrad")) {
        s->activation = (enum li_activation)li_attr_int(s->node, "activation");
        s->alpha = li_attr_float(s->node, "alpha");
        return s->node->in[1];
    }
    for (int i = 0; i < 2; i++) {
        const struct li_node *forward = li_op_is(s->node, names[i]) ? li_producer(g, s->node->in[1]) : NULL;
        if (li_op_is(forward, "_LiActivate") && li_attr_int(forward, "activation") == (int64_t)kinds[i]) {
            s->activation = kinds[i];
            return forward->in[0];
        }
    }
    return LI_NONE;
}

/* What stands before a norm's gradient, whose parts these are; and its two nodes, which may then take it over. */
static void find_slope(struct norming *f, int32_t parts)
{
    const struct li_graph *g = f->m.g;
    const struct li_node *p = &g->nodes[parts];
    int32_t reader = f->m.consumer[p->out[0]];
    const struct li_node *grad = reader < 0 ? NULL : &g->nodes[reader];
    struct slope s = {.node = li_producer(g, p->in[DY])};
    if (!li_op_is(grad, "_LiBatchNormGrad") || !li_attr_int(grad, "is_training") || grad->in[DY] != p->in[DY] ||
        f->m.uses[p->in[DY]] != 2 || p->nin != 3) {
        return;
    }
    li_vid z = slope_of(g, &s);
    const struct li_node *norm = z == LI_NONE ? NULL : li_producer(g, z);
    if (norm && is_training_norm(&f->m, norm) && norm->in[0] == p->in[X] && norm->out[0] == z) {
        s.norm = norm;
        f->slopes[parts] = f->slopes[reader] = s;
        f->merged[g->values[z].producer] += li_op_is(s.node, "_LiActivateGrad");
    }
}

static lince_status find(struct norming *f, lince_error *err)
{
    const struct li_graph *g = f->m.g;
    size_t n = (size_t)g->node_count + 1;
    f->activation = li_arena_alloc(&f->m.arena, n * sizeof *f->activation, err);
    f->merged = li_arena_calloc(&f->m.arena, n, sizeof *f->merged, err);
    f->slopes = li_arena_calloc(&f->m.arena, n, sizeof *f->slopes, err);
    if (!f->activation || !f->merged || !f->slopes) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < g->node_count; i++) {
        const struct li_node *node = &g->nodes[i];
        f->activation[i] = LI_NONE;
        if (li_op_is(node, "_LiActivate") && g->values[node->in[0]].producer != LI_NONE) {
            f->activation[g->values[node->in[0]].producer] = i;
        } else if (li_op_is(node, "_LiBatchNormGradParts")) {
            find_slope(f, i);
        }
    }
    return LINCE_OK;
}

/* ---- Forward ---- */

/* The activation that node n takes over: all that reads its result but for gradients that will not; or NULL. */
static const struct li_node *activation_of(const struct li_rewrite *r, int32_t n)
{
    const struct norming *f = r->context;
    li_vid v = r->from->nodes[n].out[0];
    return f->activation[n] != LI_NONE && f->m.uses[v] == 1 + f->merged[n] ? &r->from->nodes[f->activation[n]] : NULL;
}

static lince_status emit_scaled(struct li_rewrite *r, int32_t n, const li_vid in[3], lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n], *activate = activation_of(r, n);
    struct li_attr attrs[2];
    if (activate) {
        attrs[0] = *li_attr(activate, "activation");
        attrs[1] = *li_attr(activate, "alpha");
    }
    return li_emit_one(r, "_LiScaleShift", node->name, in, 3, attrs, activate ? 2 : 0, &r->map[node->out[0]], err);
}

static lince_status visit_norm(struct li_rewrite *r, int32_t n, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    const struct li_shape *x = &r->from->values[node->in[0]].shape;
    int64_t pixels = 1;
    for (int d = 0; d < x->rank - 1; d++) {
        pixels *= x->dim[d];
    }
    const struct li_attr attrs[] = {LI_INT("pixels", pixels), *li_attr(node, "epsilon"),
                                    *li_attr(node, "exponential_avg_factor")};
    li_vid picture = li_mapped(r, node->in[0]), in[5], lines[LINES];
    for (int i = 1; i < 5; i++) {
        in[i] = li_mapped(r, node->in[i]);
    }
    LI_TRY(li_emit_one(r, "_LiBatchNormMoments", node->name, &picture, 1, NULL, 0, &in[0], err));
    LI_TRY(li_graph_emit(r->to, "_LiBatchNormLines", node->name, in, 5, attrs, LI_COUNT(attrs), lines, LINES, err));
    for (int i = NEW_MEAN; i <= BATCH_VARIANCE; i++) {
        r->map[node->out[i - NEW_MEAN + 1]] = lines[i];
    }
    return emit_scaled(r, n, (const li_vid[]){picture, lines[SCALE], lines[SHIFT]}, err);
}

/* ---- Backward ---- */

static lince_status visit_gradient(struct li_rewrite *r, int32_t n, lince_error *err)
{
    const struct norming *f = r->context;
    const struct slope *s = &f->slopes[n];
    const struct li_node *node = &r->from->nodes[n];
    const struct li_node *scaled = li_producer(r->to, li_mapped(r, s->norm->out[0]));
    struct li_attr attrs[4] = {LI_INT("activation", s->activation), LI_FLOAT("alpha", s->alpha)};
    bool last = li_op_is(node, "_LiBatchNormGrad");
    li_vid in[GRAD_INPUTS + 2], out[3];
    for (int i = 0; i < node->nin; i++) {
        in[i] = li_mapped(r, i == DY ? s->node->in[DY] : node->in[i]);
    }
    in[node->nin] = scaled->in[1];
    in[node->nin + 1] = scaled->in[2];
    if (last) {
        attrs[2] = *li_attr(node, "epsilon");
        attrs[3] = *li_attr(node, "is_training");
    }
    LI_TRY(
        li_graph_emit(r->to, node->op->name, node->name, in, node->nin + 2, attrs, last ? 4 : 2, out, node->nout, err));
    for (int i = 0; i < node->nout; i++) {
        r->map[node->out[i]] = out[i];
    }
    return LINCE_OK;
}

/* ---- All ---- */

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct norming *f = r->context;
    const struct li_node *node = &r->from->nodes[n];
    int32_t before = node->nin ? r->from->values[node->in[0]].producer : LI_NONE;
    if (is_training_norm(&f->m, node)) {
        *done = true;
        return visit_norm(r, n, err);
    }
    if (f->slopes[n].norm) {
        *done = true;
        return visit_gradient(r, n, err);
    }
    if (li_op_is(node, "_LiScaleShift") && activation_of(r, n)) {
        const li_vid in[3] = {li_mapped(r, node->in[0]), li_mapped(r, node->in[1]), li_mapped(r, node->in[2])};
        *done = true;
        return emit_scaled(r, n, in, err);
    }
    if (li_op_is(node, "_LiActivate") && before != LI_NONE && activation_of(r, before) == node &&
        (li_op_is(&r->from->nodes[before], "_LiScaleShift") || is_training_norm(&f->m, &r->from->nodes[before]))) {
        *done = true;
        r->map[node->out[0]] = li_mapped(r, node->in[0]);
    }
    return LINCE_OK;
}

lince_status li_pass_norm(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    struct norming f;
    LI_TRY(li_match_init(&f.m, g, err));
    lince_status st = find(&f, err);
    if (!st) {
        st = li_graph_rewrite(out, g, env, &f, visit, err);
    }
    li_match_free(&f.m);
    return st;
}
