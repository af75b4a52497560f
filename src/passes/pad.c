/*
 * pad: a Pad of height and width with zeros becomes the own padding of convolutions that read it, and of their
 * gradients:
 *
 *     Conv2D(Pad(x), f) VALID                        ->  Conv2D(x, f) EXPLICIT
 *     Conv2DBackpropFilter(Pad(x), sizes, dy) VALID  ->  Conv2DBackpropFilter(x, sizes, dy) EXPLICIT
 *     Slice(Conv2DBackpropInput(sizes, f, dy) VALID) ->  Conv2DBackpropInput(sizes of the part, f, dy) EXPLICIT
 *
 * Depthwise ones too.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

enum { MOST_ATTRS = 16 };

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

static bool is_any(const struct li_node *node, const char *first, const char *second)
{
    return li_op_is(node, first) || li_op_is(node, second);
}

/* With no padding of its own beside what is explicit, and none that depends on the size. */
static bool takes_padding(const struct li_node *node)
{
    return (is_any(node, "Conv2D", "DepthwiseConv2dNative") ||
            is_any(node, "Conv2DBackpropFilter", "DepthwiseConv2dNativeBackpropFilter") ||
            is_any(node, "Conv2DBackpropInput", "DepthwiseConv2dNativeBackpropInput")) &&
           !li_attr_is(node, "padding", "SAME");
}

/* The node again, with so much more padding. */
static lince_status emit_padded(struct li_rewrite *r, const struct li_node *node, const li_vid *in,
                                const int64_t pads[4], li_vid *out, lince_error *err)
{
    const struct li_attr *own = li_attr(node, "explicit_paddings");
    int64_t sum[8] = {0};
    struct li_attr attrs[MOST_ATTRS];
    for (int i = 0; i < 4; i++) {
        sum[i + 2] = pads[i] + (own->count == 8 ? own->ints[i + 2] : 0);
    }
    for (int i = 0; i < node->nattrs; i++) {
        attrs[i] = node->attrs[i];
        if (strcmp(attrs[i].name, "padding") == 0) {
            attrs[i] = (struct li_attr)LI_STR("padding", "EXPLICIT");
        } else if (strcmp(attrs[i].name, "explicit_paddings") == 0) {
            attrs[i] = (struct li_attr)LI_INTS("explicit_paddings", sum, 8);
        }
    }
    return li_emit_one(r, node->op->name, node->name, in, node->nin, attrs, node->nattrs, out, err);
}

/* ---- A reader of a Pad ---- */

static lince_status visit_reader(struct li_rewrite *r, const struct li_node *node, bool *done, lince_error *err)
{
    int64_t pads[4];
    const struct li_node *pad = li_made_by(r->from, node->in[0], "Pad");
    if (!spatial_pad(r->from, pad, pads)) {
        return LINCE_OK;
    }
    li_vid in[3] = {li_mapped(r, pad->in[0])};
    for (int i = 1; i < node->nin; i++) {
        in[i] = li_mapped(r, node->in[i]);
    }
    *done = true;
    return emit_padded(r, node, in, pads, &r->map[node->out[0]], err);
}

/* ---- A part of a padded picture's gradient ---- */

/* How much a Slice leaves away around [n, h, w, c]; false: something of n or c. */
static bool spatial_slice(const struct li_graph *g, const struct li_node *slice, int64_t pads[4])
{
    const struct li_tensor *begin = g->values[slice->in[1]].constant;
    const struct li_shape *whole = &g->values[slice->in[0]].shape, *part = &g->values[slice->out[0]].shape;
    if (!begin || whole->rank != 4 || part->dim[0] != whole->dim[0] || part->dim[3] != whole->dim[3]) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        pads[2 * i] = li_tensor_int(begin, 1 + i);
        pads[2 * i + 1] = whole->dim[1 + i] - part->dim[1 + i] - pads[2 * i];
    }
    return true;
}

static lince_status emit_sizes(struct li_rewrite *r, const struct li_shape *shape, li_vid *out, lince_error *err)
{
    int32_t dims[4];
    const struct li_tensor sizes = {LINCE_INT32, {1, {4}}, dims, sizeof dims}, *own;
    for (int i = 0; i < 4; i++) {
        if (shape->dim[i] > INT32_MAX) {
            return li_fail(err, LINCE_ELIMIT, "a picture has a side of %lld", (long long)shape->dim[i]);
        }
        dims[i] = (int32_t)shape->dim[i];
    }
    LI_TRY(li_graph_own_tensor(r->to, &sizes, &own, err));
    return li_graph_constant(r->to, own, out, err);
}

static lince_status visit_slice(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_match *m = r->context;
    const struct li_node *slice = &r->from->nodes[n], *node = li_producer(r->from, slice->in[0]);
    int64_t pads[4];
    if (m->consumer[slice->in[0]] != n || !node ||
        !is_any(node, "Conv2DBackpropInput", "DepthwiseConv2dNativeBackpropInput") || !takes_padding(node) ||
        node->nattrs > MOST_ATTRS || !spatial_slice(r->from, slice, pads)) {
        return LINCE_OK;
    }
    li_vid in[3] = {LI_NONE, li_mapped(r, node->in[1]), li_mapped(r, node->in[2])};
    *done = true;
    LI_TRY(emit_sizes(r, &r->from->values[slice->out[0]].shape, &in[0], err));
    return emit_padded(r, node, in, pads, &r->map[slice->out[0]], err);
}

/* ---- All ---- */

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    if (li_op_is(node, "Slice")) {
        return visit_slice(r, n, done, err);
    }
    bool reads = takes_padding(node) && node->nattrs <= MOST_ATTRS &&
                 !is_any(node, "Conv2DBackpropInput", "DepthwiseConv2dNativeBackpropInput");
    return reads ? visit_reader(r, node, done, err) : LINCE_OK;
}

lince_status li_pass_pad(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    return li_match_rewrite(out, g, env, visit, err);
}
