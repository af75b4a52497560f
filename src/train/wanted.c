/* What of a graph is computed from targets, through the bodies of its nodes too. */
#include "train/bodies.h"

/* Loops that lie in each other are looked at again and again; a file could make that take for ever. */
enum { MAX_LOOKED_AT = 1 << 24 };

bool li_wants(const struct li_backward_call *call, const struct li_graph *g, const bool *wanted, li_vid v)
{
    const struct li_value *value = &g->values[v];
    if (value->dtype == LINCE_RESOURCE) {
        return value->resource >= 0 && value->resource < call->resources && call->handle[value->resource];
    }
    return wanted[v];
}

/* Itself, or in one of its bodies. */
bool li_reads_target(const struct li_backward_call *call, const struct li_node *node)
{
    for (int i = 0; i < node->touches; i++) {
        const struct li_touch *touch = &node->touch[i];
        if ((touch->how & LI_EFFECT_READ) && touch->resource < call->resources && call->handle[touch->resource]) {
            return true;
        }
    }
    return false;
}

bool li_depends(const struct li_backward_call *call, const struct li_graph *g, const bool *wanted,
                const struct li_node *node)
{
    if (node->op->grad == li_grad_none) {
        return false;
    }
    for (int i = 0; i < node->nin; i++) {
        if (li_wants(call, g, wanted, node->in[i])) {
            return true;
        }
    }
    return li_reads_target(call, node);
}

static lince_status mark_outputs(struct li_backward_call *call, const struct li_graph *g, bool *wanted,
                                 const struct li_node *node)
{
    bool *in = li_arena_alloc(&call->arena, (size_t)(node->nin + node->nout) + 1, call->err), *out = in + node->nin;
    if (!in) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        in[i] = wanted[node->in[i]];
    }
    for (int i = 0; i < node->nout; i++) {
        out[i] = true;
    }
    if (node->op->control) {
        LI_TRY(li_control_wants(call, node, in, out));
    }
    for (int i = 0; i < node->nout; i++) {
        wanted[node->out[i]] |= out[i] && li_dtype_is_float(g->values[node->out[i]].dtype);
    }
    return LINCE_OK;
}

lince_status li_find_wanted(struct li_backward_call *call, const struct li_graph *g, int32_t nodes, bool *wanted)
{
    call->looked_at += nodes;
    for (int32_t n = 0; n < nodes; n++) {
        const struct li_node *node = &g->nodes[n];
        if (li_depends(call, g, wanted, node)) {
            LI_TRY(mark_outputs(call, g, wanted, node));
        }
    }
    return LINCE_OK;
}

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

/* out[i] |= whether output i of the body is wanted, where input i is if in[i] is. */
static lince_status look_into(struct li_backward_call *call, const struct li_node *node, const struct li_graph *body,
                              const bool *in, bool *out)
{
    bool *wanted = li_arena_calloc(&call->arena, (size_t)body->value_count + 1, sizeof *wanted, call->err);
    if (!wanted) {
        return LINCE_ENOMEM;
    }
    if (call->looked_at > MAX_LOOKED_AT) {
        return li_fail(call->err, LINCE_ELIMIT,
                       "node \"%.500s\" (%s): loops in loops, of %d nodes or more, to find "
                       "out what a gradient needs",
                       node->name, node->op->name, MAX_LOOKED_AT);
    }
    for (int32_t i = 0; i < body->input_count; i++) {
        wanted[body->inputs[i]] |= in[i] && li_dtype_is_float(body->values[body->inputs[i]].dtype);
    }
    LI_TRY(li_find_wanted(call, body, body->node_count, wanted));
    for (int32_t i = 0; i < body->output_count; i++) {
        out[i] |= wanted[body->outputs[i]];
    }
    return LINCE_OK;
}

/* A variable that one turn makes wanted is so for the next. */
static lince_status look_into_loop(struct li_backward_call *call, const struct li_node *node, const bool *in, bool *out)
{
    bool more = true;
    for (int i = 0; i < node->nin; i++) {
        out[i] = in[i];
    }
    while (more) {
        bool *next = li_arena_calloc(&call->arena, (size_t)node->nin + 1, sizeof *next, call->err);
        LI_TRY(next ? look_into(call, node, node->body[1], out, next) : LINCE_ENOMEM);
        more = false;
        for (int i = 0; i < node->nin; i++) {
            more |= next[i] && !out[i];
            out[i] |= next[i];
        }
    }
    return LINCE_OK;
}

lince_status li_control_wants(struct li_backward_call *call, const struct li_node *node, const bool *in, bool *out)
{
    for (int i = 0; i < node->nout; i++) {
        out[i] = false;
    }
    if (node->op->control == LI_CONTROL_LOOP) {
        return look_into_loop(call, node, in, out);
    }
    for (int b = 0; b < node->bodies; b++) {
        LI_TRY(look_into(call, node, node->body[b], in + 1, out));
    }
    return LINCE_OK;
}

lince_status li_control_handles(struct li_backward *b, const struct li_node *node, int32_t **out, int *count)
{
    *count = 0;
    *out = li_arena_alloc(&b->call->arena, ((size_t)node->touches + 1) * sizeof **out, b->call->err);
    for (int i = 0; *out && i < node->touches; i++) {
        const struct li_touch *touch = &node->touch[i];
        if ((touch->how & LI_EFFECT_READ) && touch->resource < b->call->resources && b->call->handle[touch->resource]) {
            (*out)[(*count)++] = touch->resource;
        }
    }
    return *out ? LINCE_OK : LINCE_ENOMEM;
}
