/*
 * pad: a Pad of height and width with zeros, read by nothing but a VALID convolution, becomes that convolution's own
 * padding.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

/* The four paddings of [n, h, w, c], if v is such a Pad. */
static bool spatial_pad(const struct li_graph *g, const struct li_node *pad, int64_t out[4])
{
    const struct li_tensor *amounts = pad ? g->values[pad->in[1]].constant : NULL;
    if (!amounts || li_shape_count(&amounts->shape) != 8) {
        return false;
    }
    for (int i = 0; i < 8; i++) {
        int64_t amount = li_tensor_int(amounts, i);
        bool outer = i < 2 || i > 5;
        if (amount < 0 || (outer && amount != 0)) {
            return false;
        }
        if (!outer) {
            out[i - 2] = amount;
        }
    }
    return true;
}

static bool takes_padding(const struct li_node *node)
{
    return (li_op_is(node, "Conv2D") || li_op_is(node, "DepthwiseConv2dNative")) &&
           !li_attr_is(node, "padding", "SAME");
}

/* The Pad in front of a node, if it can be merged. */
static const struct li_node *mergeable(const struct li_match *m, int32_t n, int64_t pads[4])
{
    const struct li_node *node = &m->g->nodes[n];
    if (!takes_padding(node) || m->consumer[node->in[0]] != n) {
        return NULL;
    }
    const struct li_node *pad = li_made_by(m->g, node->in[0], "Pad");
    return spatial_pad(m->g, pad, pads) ? pad : NULL;
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_match *m = r->context;
    const struct li_node *node = &r->from->nodes[n];
    int64_t pads[4];
    const struct li_node *pad = mergeable(m, n, pads);
    if (!pad) {
        return LINCE_OK;
    }
    const struct li_attr *own = li_attr(node, "explicit_paddings");
    int64_t sum[8] = {0};
    for (int i = 0; i < 4; i++) {
        sum[i + 2] = pads[i] + (own->count == 8 ? own->ints[i + 2] : 0);
    }
    struct li_attr attrs[16];
    if (node->nattrs > (int)LI_COUNT(attrs)) {
        return LINCE_OK;
    }
    for (int i = 0; i < node->nattrs; i++) {
        attrs[i] = node->attrs[i];
        if (strcmp(attrs[i].name, "padding") == 0) {
            attrs[i] = (struct li_attr)LI_STR("padding", "EXPLICIT");
        } else if (strcmp(attrs[i].name, "explicit_paddings") == 0) {
            attrs[i] = (struct li_attr)LI_INTS("explicit_paddings", sum, 8);
        }
    }
    li_vid in[2] = {li_mapped(r, pad->in[0]), li_mapped(r, node->in[1])};
    *done = true;
    return li_emit_one(r, node->op->name, node->name, in, 2, attrs, node->nattrs, &r->map[node->out[0]], err);
}

lince_status li_pass_pad(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
