/*
 * What a backward makes again instead of finding it saved.
 *
 * Always: a read of a variable that the forward does not write, which costs nothing, and the same bytes under another
 * shape. With recomputation also what takes little time for the bytes it saves: all that is no sum of products, or few
 * multiplications for each element (the expansion of a bottleneck, a depthwise convolution). What is made again is made
 * right before it is read, so it must not take long chains: those begin again at a value that is saved. What is
 * compared there (with its own maximum, as the gradient of Max does) is saved too: passes may fuse the twin in another
 * way than the node, and then bits need not agree.
 */
#include "train/train.h"

/* Multiplications and additions that are spent to save an element. */
enum { FLOP_PER_ELEMENT = 600 };

struct again {
    struct li_graph *g;
    const struct li_env *env;
    struct li_arena *arena;
    const uint8_t *later;
    const bool *written;
    bool *again;     /* by value */
    bool *given_out; /* by value: an output of the forward */
    uint8_t *level;  /* by value: nodes since what is saved */
    bool recompute;
    lince_error *err;
};

static lince_status flop_of(const struct again *a, const struct li_node *node, int64_t *flop)
{
    struct li_prepare p = {.graph = a->g, .node = node, .env = a->env, .arena = a->arena, .err = a->err, .tasks = 1};
    LI_TRY(node->op->prepare ? node->op->prepare(&p) : LINCE_OK);
    *flop = p.flop;
    return LINCE_OK;
}

static lince_status is_cheap(const struct again *a, const struct li_node *node, bool *out)
{
    int64_t elements = 0, flop;
    *out = false;
    if (node->effects || node->bodies) {
        return LINCE_OK;
    }
    for (int i = 0; i < node->nout; i++) {
        const struct li_value *value = &a->g->values[node->out[i]];
        elements += li_shape_count(&value->shape);
        if (!li_dtype_size(value->dtype)) {
            return LINCE_OK; /* a handle, or something made at run time: not for later */
        }
    }
    LI_TRY(flop_of(a, node, &flop));
    *out = flop / FLOP_PER_ELEMENT <= elements;
    return LINCE_OK;
}

static bool is_plain_read(const struct again *a, const struct li_node *node)
{
    return (node->op->effects & LI_EFFECT_READ) && !node->op->forward && !node->bodies &&
           li_node_is_fixed(node, a->written);
}

/* 0: it is saved. */
static int level_of(const struct again *a, const struct li_node *node)
{
    int level = 0;
    bool needed = false;
    for (int i = 0; i < node->nin; i++) {
        level = LI_MAX(level, a->level[node->in[i]]);
    }
    for (int i = 0; i < node->nout; i++) {
        needed |= a->later[node->out[i]] != LI_LAYER_UNREAD;
        if (a->given_out[node->out[i]] || a->later[node->out[i]] == LI_LAYER_COMPARED) {
            return 0;
        }
    }
    level++;
    return level >= LI_LAYER_DEPTH || (needed && level >= LI_LAYER_DEPTH - 1) ? 0 : level;
}

static lince_status visit(const struct again *a, const struct li_node *node)
{
    bool repeat = is_plain_read(a, node) || ((node->op->flags & LI_OP_ALIAS) && a->again[node->in[0]]);
    if (!repeat && a->recompute) {
        LI_TRY(is_cheap(a, node, &repeat));
    }
    int level = repeat ? level_of(a, node) : 0;
    for (int i = 0; i < node->nout; i++) {
        a->again[node->out[i]] = level > 0;
        a->level[node->out[i]] = (uint8_t)level;
    }
    return LINCE_OK;
}

lince_status li_layer_again(const bool **again, struct li_graph *g, int32_t forward, const uint8_t *later,
                            bool recompute, const struct li_env *env, struct li_arena *arena, lince_error *err)
{
    struct again a = {.g = g, .env = env, .arena = arena, .later = later, .recompute = recompute, .err = err};
    size_t values = (size_t)g->value_count + 1;
    a.written = li_graph_written(g, arena, err);
    a.again = li_arena_calloc(arena, values, sizeof *a.again, err);
    a.given_out = li_arena_calloc(arena, values, sizeof *a.given_out, err);
    a.level = li_arena_calloc(arena, values, sizeof *a.level, err);
    if (!a.written || !a.again || !a.given_out || !a.level) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        a.given_out[g->outputs[i]] = true;
    }
    li_graph_default_views(g); /* rows are asked what a node costs */
    for (int32_t n = 0; n < forward; n++) {
        LI_TRY(visit(&a, &g->nodes[n]));
    }
    *again = a.again;
    return LINCE_OK;
}
