/*
 * affine: what scales and shifts channels after a convolution goes into its filter and bias.
 *
 *     scale = gamma * rsqrt(variance + epsilon)      shift = beta - mean * scale
 *     FusedBatchNorm(Conv2D(x, f))    ->  BiasAdd(Conv2D(x, f * scale), shift)
 *     Mul(Conv2D(x, f), v) -> Conv2D(x, f * v) v: one number per channel, not from the images
 *
 * A batch norm that follows no convolution becomes one _LiScaleShift. The new nodes are ordinary ones: where the
 * variables they read do not change they are computed once, in training they are computed in every step.
 */
#include "match.h"
#include "passes.h"

/* A convolution that only `reader` reads, perhaps with a bias in between. */
struct source {
    const struct li_node *conv; /* NULL: none */
    li_vid bias;                /* of `from`; LI_NONE: none */
};

static bool is_conv(const struct li_node *node)
{
    return li_op_is(node, "Conv2D") || li_op_is(node, "DepthwiseConv2dNative");
}

static struct source source_of(const struct li_match *m, li_vid v, int32_t reader)
{
    struct source s = {NULL, LI_NONE};
    const struct li_node *node = li_producer(m->g, v);
    if (m->consumer[v] == reader && li_op_is(node, "BiasAdd") && li_attr_is(node, "data_format", "NHWC")) {
        s.bias = node->in[1];
        v = node->in[0];
        reader = m->g->values[node->out[0]].producer;
        node = li_producer(m->g, v);
    }
    if (m->consumer[v] == reader && is_conv(node)) {
        s.conv = node;
    }
    return s;
}

/* conv's node again, on filter * scale; scale is a [c] of `to`. */
static lince_status scaled_conv(struct li_rewrite *r, const struct li_node *conv, li_vid scale, li_vid *out,
                                lince_error *err)
{
    const struct li_shape *filter = &r->from->values[conv->in[1]].shape;
    li_vid in[2] = {li_mapped(r, conv->in[1]), scale};
    if (li_op_is(conv, "DepthwiseConv2dNative")) { /* [kh, kw, c, m] takes the scale as [c, m] */
        int32_t dims[2] = {(int32_t)filter->dim[2], (int32_t)filter->dim[3]};
        struct li_tensor shape = {.dtype = LINCE_INT32, .shape = {1, {2}}, .data = dims, .size_bytes = sizeof dims};
        const struct li_tensor *kept;
        li_vid pair[2] = {scale};
        LI_TRY(li_graph_own_tensor(r->to, &shape, &kept, err));
        LI_TRY(li_graph_constant(r->to, kept, &pair[1], err));
        LI_TRY(li_emit_one(r, "Reshape", conv->name, pair, 2, NULL, 0, &in[1], err));
    }
    li_vid parts[2] = {li_mapped(r, conv->in[0])};
    LI_TRY(li_emit_one(r, "Mul", conv->name, in, 2, NULL, 0, &parts[1], err));
    return li_emit_one(r, conv->op->name, conv->name, parts, 2, conv->attrs, conv->nattrs, out, err);
}

/* bias * scale + shift, or shift where there is no bias, or bias * scale where there is no shift; LI_NONE: neither. */
static lince_status combined_bias(struct li_rewrite *r, const char *name, li_vid bias, li_vid scale, li_vid shift,
                                  li_vid *out, lince_error *err)
{
    *out = shift;
    if (bias == LI_NONE) {
        return LINCE_OK;
    }
    li_vid in[2] = {li_mapped(r, bias), scale};
    LI_TRY(li_emit_one(r, "Mul", name, in, 2, NULL, 0, out, err));
    if (shift == LI_NONE) {
        return LINCE_OK;
    }
    li_vid sum[2] = {*out, shift};
    return li_emit_one(r, "AddV2", name, sum, 2, NULL, 0, out, err);
}

static lince_status fold(struct li_rewrite *r, const struct li_node *node, const struct source *s, li_vid scale,
                         li_vid shift, lince_error *err)
{
    li_vid biased[2];
    LI_TRY(scaled_conv(r, s->conv, scale, &biased[0], err));
    LI_TRY(combined_bias(r, node->name, s->bias, scale, shift, &biased[1], err));
    if (biased[1] == LI_NONE) {
        r->map[node->out[0]] = biased[0];
        return LINCE_OK;
    }
    return li_emit_one(r, "BiasAdd", node->name, biased, 2, NULL, 0, &r->map[node->out[0]], err);
}

/* ---- Batch norm in inference ---- */

static bool foldable_norm(const struct li_rewrite *r, const struct li_node *node)
{
    if (!li_op_is(node, "FusedBatchNorm") && !li_op_is(node, "FusedBatchNormV2") &&
        !li_op_is(node, "FusedBatchNormV3")) {
        return false;
    }
    if (li_attr_int(node, "is_training") || !li_attr_is(node, "data_format", "NHWC") ||
        r->from->values[node->in[0]].dtype != LINCE_FLOAT32) {
        return false;
    }
    for (int i = 1; i < node->nout; i++) {
        if (r->uses[node->out[i]]) {
            return false;
        }
    }
    return true;
}

static lince_status emit_scale_shift(struct li_rewrite *r, const struct li_node *node, li_vid *scale, li_vid *shift,
                                     lince_error *err)
{
    float epsilon = (float)li_attr_float(node, "epsilon");
    struct li_tensor tensor = {
        .dtype = LINCE_FLOAT32, .shape = {.rank = 0}, .data = &epsilon, .size_bytes = sizeof epsilon};
    const struct li_tensor *kept;
    li_vid in[2] = {li_mapped(r, node->in[4])}, v;
    LI_TRY(li_graph_own_tensor(r->to, &tensor, &kept, err));
    LI_TRY(li_graph_constant(r->to, kept, &in[1], err));
    LI_TRY(li_emit_one(r, "AddV2", node->name, in, 2, NULL, 0, &v, err));
    LI_TRY(li_emit_one(r, "Rsqrt", node->name, &v, 1, NULL, 0, &in[0], err));
    in[1] = li_mapped(r, node->in[1]);
    LI_TRY(li_emit_one(r, "Mul", node->name, in, 2, NULL, 0, scale, err));
    li_vid product[2] = {li_mapped(r, node->in[3]), *scale};
    li_vid difference[2] = {li_mapped(r, node->in[2])};
    LI_TRY(li_emit_one(r, "Mul", node->name, product, 2, NULL, 0, &difference[1], err));
    return li_emit_one(r, "Sub", node->name, difference, 2, NULL, 0, shift, err);
}

static lince_status visit_norm(struct li_rewrite *r, int32_t n, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    struct source s = source_of(r->context, node->in[0], n);
    li_vid scale, shift;
    LI_TRY(emit_scale_shift(r, node, &scale, &shift, err));
    if (s.conv) {
        return fold(r, node, &s, scale, shift, err);
    }
    li_vid in[3] = {li_mapped(r, node->in[0]), scale, shift};
    return li_emit_one(r, "_LiScaleShift", node->name, in, 3, NULL, 0, &r->map[node->out[0]], err);
}

/* ---- Mul by a vector ---- */

static li_vid channel_factor(const struct li_match *m, int32_t n, struct source *s)
{
    const struct li_node *node = &m->g->nodes[n];
    if (!li_op_is(node, "Mul")) {
        return LI_NONE;
    }
    for (int i = 0; i < 2; i++) {
        li_vid factor = node->in[1 - i];
        *s = source_of(m, node->in[i], n);
        if (s->conv && m->invariant[factor]) {
            const struct li_shape *y = &m->g->values[s->conv->out[0]].shape;
            if (li_per_channel(m->g, factor, y->dim[3])) {
                return factor;
            }
        }
    }
    return LI_NONE;
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    struct source s;
    if (foldable_norm(r, node)) {
        *done = true;
        return visit_norm(r, n, err);
    }
    li_vid factor = channel_factor(r->context, n, &s);
    if (factor == LI_NONE) {
        return LINCE_OK;
    }
    li_vid scale;
    *done = true;
    LI_TRY(
        li_emit_vector(r, node->name, li_mapped(r, factor), r->from->values[node->out[0]].shape.dim[3], &scale, err));
    return fold(r, node, &s, scale, LI_NONE, err);
}

lince_status li_pass_affine(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
