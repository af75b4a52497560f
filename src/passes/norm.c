/*
 * norm: batch normalisation in training becomes steps that threads share, and what scales and shifts channels takes the
 * activation that follows:
 *
 *     FusedBatchNorm(x, ...)       ->  _LiScaleShift(x, lines), lines = _LiBatchNormLines(_LiBatchNormMoments(x), ...)
 *     _LiActivate(_LiScaleShift)   ->  _LiScaleShift with an activation
 *
 * Of float32 with channels last.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

enum {
    SCALE,
    SHIFT,
    NEW_MEAN,
    NEW_VARIANCE,
    BATCH_MEAN,
    BATCH_VARIANCE,
    LINES,
    /* of _LiBatchNormLines */ RESERVED = 5
};

static bool is_training_norm(const struct li_rewrite *r, const struct li_node *node)
{
    if (!li_op_is(node, "FusedBatchNorm") && !li_op_is(node, "FusedBatchNormV2") &&
        !li_op_is(node, "FusedBatchNormV3")) {
        return false;
    }
    const char *format = li_attr(node, "data_format")->s;
    return li_attr_int(node, "is_training") && format[strlen(format) - 1] == 'C' &&
           r->from->values[node->in[0]].dtype == LINCE_FLOAT32 &&
           (node->nout <= RESERVED || r->uses[node->out[RESERVED]] == 0);
}

/* The activation that is all that reads v; NULL: there is none. */
static const struct li_node *activation_of(const struct li_rewrite *r, li_vid v)
{
    const struct li_match *m = r->context;
    const struct li_node *node = m->consumer[v] < 0 ? NULL : &r->from->nodes[m->consumer[v]];
    return li_op_is(node, "_LiActivate") ? node : NULL;
}

static lince_status emit_scaled(struct li_rewrite *r, const struct li_node *node, const li_vid in[3], lince_error *err)
{
    const struct li_node *activate = activation_of(r, node->out[0]);
    struct li_attr attrs[2];
    if (activate) {
        attrs[0] = *li_attr(activate, "activation");
        attrs[1] = *li_attr(activate, "alpha");
    }
    return li_emit_one(r, "_LiScaleShift", node->name, in, 3, attrs, activate ? 2 : 0, &r->map[node->out[0]], err);
}

static lince_status visit_training(struct li_rewrite *r, const struct li_node *node, lince_error *err)
{
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
    return emit_scaled(r, node, (const li_vid[]){picture, lines[SCALE], lines[SHIFT]}, err);
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n], *before = node->nin ? li_producer(r->from, node->in[0]) : NULL;
    if (is_training_norm(r, node)) {
        *done = true;
        return visit_training(r, node, err);
    }
    if (li_op_is(node, "_LiScaleShift") && activation_of(r, node->out[0])) {
        li_vid in[3] = {li_mapped(r, node->in[0]), li_mapped(r, node->in[1]), li_mapped(r, node->in[2])};
        *done = true;
        return emit_scaled(r, node, in, err);
    }
    if (li_op_is(node, "_LiActivate") && activation_of(r, node->in[0]) == node &&
        (li_op_is(before, "_LiScaleShift") || (before && is_training_norm(r, before)))) {
        *done = true;
        r->map[node->out[0]] = li_mapped(r, node->in[0]);
    }
    return LINCE_OK;
}

lince_status li_pass_norm(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
