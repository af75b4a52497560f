/*
 * fuse: a convolution, depthwise convolution or matrix product of float32, and the bias, residual and activation that
 * follow it, become one node on packed weights:
 *
 *     _LiActivate(AddV2(BiasAdd(Conv2D(x, f), b), r))  ->  _LiConv2D(x, _LiConvPack(f), b, r)
 *
 * Only results that nothing else reads are merged.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

/* What a product becomes. Values are those of `from`. */
struct chain {
    int32_t head, tail;    /* nodes: the product, and the last one merged */
    li_vid bias, residual; /* LI_NONE: none */
    const struct li_node *activate;
};

struct fusing {
    struct li_match m;
    struct chain *chains;   /* by head */
    int32_t *chain_of_tail; /* by node: head of the chain that ends here; LI_NONE */
    bool *merged;           /* by node: part of a chain that ends later */
    bool *taken;            /* by node: part of a chain */
};

enum product { NONE, CONV, DEPTHWISE, MATMUL };

static enum product product_of(const struct li_graph *g, const struct li_node *node)
{
    if (node->nout < 1 || g->values[node->out[0]].dtype != LINCE_FLOAT32) {
        return NONE;
    }
    return li_op_is(node, "Conv2D")                  ? CONV
           : li_op_is(node, "DepthwiseConv2dNative") ? DEPTHWISE
           : li_op_is(node, "MatMul")                ? MATMUL
                                                     : NONE;
}

/*
 * ---- Finding chains ----
 *
 * A chain is written where its last node stands, so all it reads is there by then. Products are looked at from the last
 * to the first: of two that are added the later one takes the addition, and the other's result is there when it runs.
 */

static bool is_add(const struct li_node *node)
{
    return li_op_is(node, "AddV2") || li_op_is(node, "Add") || li_op_is(node, "BiasAdd") ||
           (li_op_is(node, "AddN") && node->nin == 2);
}

static bool take_add(const struct li_match *m, struct chain *c, const struct li_node *add, li_vid v)
{
    const struct li_graph *g = m->g;
    const struct li_shape *y = &g->values[v].shape;
    li_vid other = li_other(add, v);
    if (other == v || (li_op_is(add, "BiasAdd") && (add->in[0] != v || !li_attr_is(add, "data_format", "NHWC")))) {
        return false;
    }
    if (c->bias == LI_NONE && c->residual == LI_NONE && li_per_channel(g, other, y->dim[y->rank - 1]) &&
        g->values[other].shape.rank <= y->rank) {
        c->bias = other;
        return true;
    }
    bool same = li_shape_equal(&g->values[other].shape, y);
    if (c->residual == LI_NONE && same && product_of(g, &g->nodes[c->head]) != DEPTHWISE) {
        c->residual = other;
        return true;
    }
    return false;
}

static void follow(const struct fusing *f, struct chain *c)
{
    const struct li_match *m = &f->m;
    for (;;) {
        li_vid v = m->g->nodes[c->tail].out[0];
        int32_t next = m->consumer[v];
        const struct li_node *node = next < 0 ? NULL : &m->g->nodes[next];
        if (li_op_is(node, "_LiActivate")) {
            c->activate = node;
            c->tail = next;
            return;
        }
        if (!node || f->taken[next] || !is_add(node) || !take_add(m, c, node, v)) {
            return;
        }
        c->tail = next;
    }
}

static lince_status find_chains(struct fusing *f, lince_error *err)
{
    const struct li_graph *g = f->m.g;
    size_t n = (size_t)g->node_count + 1;
    f->chains = li_arena_calloc(&f->m.arena, n, sizeof *f->chains, err);
    f->chain_of_tail = li_arena_calloc(&f->m.arena, n, sizeof *f->chain_of_tail, err);
    f->merged = li_arena_calloc(&f->m.arena, n, sizeof *f->merged, err);
    f->taken = li_arena_calloc(&f->m.arena, n, sizeof *f->taken, err);
    if (!f->chains || !f->chain_of_tail || !f->merged || !f->taken) {
        return LINCE_ENOMEM;
    }
    memset(f->chain_of_tail, 0xff, n * sizeof *f->chain_of_tail);
    for (int32_t i = g->node_count; i-- > 0;) {
        if (product_of(g, &g->nodes[i]) == NONE) {
            continue;
        }
        struct chain *c = &f->chains[i];
        *c = (struct chain){.head = i, .tail = i, .bias = LI_NONE, .residual = LI_NONE};
        follow(f, c);
        f->chain_of_tail[c->tail] = i;
        f->taken[c->tail] = true;
        for (int32_t v = i; v != c->tail; v = f->m.consumer[g->nodes[v].out[0]]) {
            f->merged[v] = f->taken[v] = true;
        }
    }
    return LINCE_OK;
}

/* ---- Writing them ---- */

static lince_status pack(struct li_rewrite *r, const struct li_node *node, enum product product, li_vid *packed,
                         lince_error *err)
{
    li_vid weights = li_mapped(r, node->in[1]);
    if (product == DEPTHWISE) {
        *packed = weights;
        return LINCE_OK;
    }
    if (product == MATMUL) {
        struct li_attr transpose = LI_BOOL("transpose", li_attr_int(node, "transpose_b"));
        return li_emit_one(r, "_LiMatMulPack", node->name, &weights, 1, &transpose, 1, packed, err);
    }
    const struct li_shape *x = &r->from->values[node->in[0]].shape;
    struct li_attr groups = LI_INT("groups", x->dim[3] / r->from->values[node->in[1]].shape.dim[2]);
    return li_emit_one(r, "_LiConvPack", node->name, &weights, 1, &groups, 1, packed, err);
}

/* Attributes of the product itself; returns how many. */
static int product_attrs(const struct li_rewrite *r, const struct li_node *node, enum product product,
                         struct li_attr *attrs)
{
    static const char *const window[] = {"strides", "padding", "explicit_paddings", "dilations"};
    const struct li_shape *weights = &r->from->values[node->in[1]].shape;
    int n = 0;
    if (product == MATMUL) {
        bool transposed = li_attr_int(node, "transpose_b");
        attrs[n++] = (struct li_attr)LI_INT("k", weights->dim[transposed]);
        attrs[n++] = (struct li_attr)LI_INT("n", weights->dim[!transposed]);
        attrs[n++] = (struct li_attr)LI_BOOL("transpose_a", li_attr_int(node, "transpose_a"));
        return n;
    }
    for (size_t i = 0; i < LI_COUNT(window); i++) {
        attrs[n++] = *li_attr(node, window[i]);
    }
    if (product == CONV) {
        attrs[n++] = (struct li_attr)LI_INTS("filter", weights->dim, 4);
    }
    return n;
}

static lince_status write_chain(struct li_rewrite *r, const struct chain *c, lince_error *err)
{
    static const char *const fused[] = {
        [CONV] = "_LiConv2D", [DEPTHWISE] = "_LiDepthwiseConv2D", [MATMUL] = "_LiMatMul"};
    const struct li_node *node = &r->from->nodes[c->head];
    const struct li_shape *y = &r->from->values[node->out[0]].shape;
    enum product product = product_of(r->from, node);
    struct li_attr attrs[16];
    li_vid in[4] = {li_mapped(r, node->in[0])};
    int nin = 2, n = product_attrs(r, node, product, attrs);
    LI_TRY(pack(r, node, product, &in[1], err));
    if (c->bias != LI_NONE) {
        LI_TRY(li_emit_vector(r, node->name, li_mapped(r, c->bias), y->dim[y->rank - 1], &in[nin++], err));
        attrs[n++] = (struct li_attr)LI_BOOL("bias", true);
    }
    if (c->residual != LI_NONE) {
        in[nin++] = li_mapped(r, c->residual);
        attrs[n++] = (struct li_attr)LI_BOOL("residual", true);
    }
    if (c->activate) {
        attrs[n++] = *li_attr(c->activate, "activation");
        attrs[n++] = *li_attr(c->activate, "alpha");
    }
    return li_emit_one(r, fused[product], node->name, in, nin, attrs, n, &r->map[r->from->nodes[c->tail].out[0]], err);
}

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct fusing *f = r->context;
    *done = f->merged[n] || f->chain_of_tail[n] != LI_NONE;
    return f->chain_of_tail[n] == LI_NONE ? LINCE_OK : write_chain(r, &f->chains[f->chain_of_tail[n]], err);
}

lince_status li_pass_fuse(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    struct fusing f;
    LI_TRY(li_match_init(&f.m, g, err));
    lince_status st = find_chains(&f, err);
    if (!st) {
        st = li_graph_rewrite(out, g, env, &f, visit, err);
    }
    li_match_free(&f.m);
    return st;
}
