/*
 * Folding: what a node gives when all that it reads is known while shapes are inferred. A result that holds in every
 * run is a constant from then on; one made of contents that the caller has for this run decides shapes, and no more.
 */
#include "inference.h"

/*
 * Contents that are known for one run only are followed through nodes up to this size: shapes and what they are made
 * of.
 */
enum { MAX_KNOWN_ELEMENTS = 64 };

/* What a value holds, where known; *roots receives what inputs it was made from, when it holds for this run only. */
static const struct li_tensor *content(const struct li_inference *f, li_vid v, uint64_t *roots)
{
    const struct li_tensor *constant = f->to->values[v].constant;
    if (constant || !f->known) {
        return constant;
    }
    *roots |= f->known[v].roots;
    return f->known[v].tensor;
}

static bool outputs_fit(const struct li_inference *f, const struct li_node *node, uint64_t roots)
{
    for (int i = 0; i < node->nout; i++) {
        const struct li_value *value = &f->to->values[node->out[i]];
        size_t bytes, size = li_dtype_size(value->dtype);
        if (size == 0 || li_shape_bytes(&value->shape, value->dtype, &bytes, NULL) || bytes > LI_MAX_FOLD_BYTES) {
            return false;
        }
        if (roots && bytes / size > MAX_KNOWN_ELEMENTS) {
            return false;
        }
    }
    return true;
}

/* The inputs' contents; false where one is unknown, or too large to be followed for one run. */
static bool inputs_known(const struct li_inference *f, const struct li_node *node, struct li_tensor *in,
                         uint64_t *roots)
{
    for (int i = 0; i < node->nin; i++) {
        uint64_t now = 0;
        const struct li_tensor *tensor = content(f, node->in[i], &now);
        if (!tensor || (now && li_shape_count(&tensor->shape) > MAX_KNOWN_ELEMENTS)) {
            return false;
        }
        in[i] = *tensor;
        *roots |= now;
    }
    return true;
}

static lince_status remember(struct li_inference *f, li_vid v, const struct li_tensor *tensor, uint64_t roots)
{
    const struct li_tensor *own;
    LI_TRY(li_graph_own_tensor(f->to, tensor, &own, f->err));
    if (roots) {
        f->known[v] = (struct li_known){own, roots};
    } else {
        f->to->values[v].constant = own;
    }
    return LINCE_OK;
}

/* The same bytes under the output's shape. */
static lince_status fold_alias(struct li_inference *f, const struct li_node *node, const struct li_tensor *in,
                               uint64_t roots)
{
    struct li_value *value = &f->to->values[node->out[0]];
    struct li_arena *kept = li_graph_kept(f->to, f->err);
    struct li_tensor *tensor = kept ? li_arena_alloc(kept, sizeof *tensor, f->err) : NULL;
    if (!tensor) {
        return LINCE_ENOMEM;
    }
    *tensor = *in;
    tensor->dtype = value->dtype;
    tensor->shape = value->shape;
    if (roots) {
        f->known[node->out[0]] = (struct li_known){tensor, roots};
    } else {
        value->constant = tensor;
    }
    return LINCE_OK;
}

/* What fails on data here fails when it runs: the node is left alone, and may then be in nobody's way. */
static lince_status fold_forward(struct li_inference *f, const struct li_node *node, const struct li_tensor *in,
                                 uint64_t roots, bool *done)
{
    struct li_tensor *out = li_arena_calloc(&f->arena, (size_t)node->nout, sizeof *out, f->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_node_eval(f->to, node, in, out, f->env, f->err);
    if (st == LINCE_EDATA) {
        return LINCE_OK;
    }
    for (int i = 0; !st && i < node->nout; i++) {
        st = remember(f, node->out[i], &out[i], roots);
    }
    for (int i = 0; i < node->nout; i++) {
        li_free(f->env->mem, out[i].data);
    }
    *done = !st;
    return st;
}

/* Evaluate the last node if its inputs are known and its outputs small. A check that holds for constants is dropped. */
lince_status li_infer_fold(struct li_inference *f)
{
    const struct li_node *node = &f->to->nodes[f->to->node_count - 1];
    bool alias = (node->op->flags & LI_OP_ALIAS) && node->nin > 0 && node->nout == 1, done = false;
    uint64_t roots = 0;
    if ((node->op->flags & LI_OP_NO_FOLD) || (node->effects & ~(unsigned)LI_EFFECT_FAIL) || !f->env ||
        (!alias && !node->op->forward) || (node->nout == 0 && !node->effects)) {
        return LINCE_OK;
    }
    struct li_tensor few[8], *in = few;
    if (node->nin > (int)LI_COUNT(few)) {
        uint64_t ignored = 0; /* look before taking memory: seldom is it all known */
        for (int i = 0; i < node->nin; i++) {
            if (!content(f, node->in[i], &ignored)) {
                return LINCE_OK;
            }
        }
        in = li_arena_alloc(&f->arena, (size_t)node->nin * sizeof *in, f->err);
        if (!in) {
            return LINCE_ENOMEM;
        }
    }
    if (!inputs_known(f, node, in, &roots)) {
        return LINCE_OK;
    }
    if (alias) {
        return fold_alias(f, node, in, roots);
    }
    if (!outputs_fit(f, node, roots)) {
        return LINCE_OK;
    }
    LI_TRY(fold_forward(f, node, in, roots, &done));
    if (done && !roots && node->nout == 0) {
        f->to->node_count--;
    }
    return LINCE_OK;
}
