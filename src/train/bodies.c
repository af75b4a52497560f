/*
 * A body differentiated, and cut in two.
 *
 * The half that runs forward gives, besides its results, what the half that runs back reads of it. Reads of variables
 * that nothing writes, and other names of what is read anyway, are done once more instead: a copy of a weight for each
 * turn of a loop would be most of what is kept.
 */
#include "train/bodies.h"

/* ---- Both directions --------------------------------------------------------------------------------------------- */

static lince_status take_room(struct li_turned *t, struct li_backward_call *call, const struct li_turning *how)
{
    struct li_arena *arena = &call->arena;
    size_t inputs = (size_t)how->body->input_count + 1, outputs = (size_t)how->body->output_count + 1;
    t->dy = li_arena_alloc(arena, outputs * sizeof *t->dy, call->err);
    t->dx = li_arena_alloc(arena, inputs * sizeof *t->dx, call->err);
    t->dv = li_arena_alloc(arena, ((size_t)how->handles + 1) * sizeof *t->dv, call->err);
    t->read = li_arena_calloc(arena, inputs, sizeof *t->read, call->err);
    return t->dy && t->dx && t->dv && t->read ? LINCE_OK : LINCE_ENOMEM;
}

/* What arrives is a further input. */
static lince_status give(struct li_turned *t, struct li_backward *b, const struct li_turning *how)
{
    for (int32_t i = 0; i < how->body->output_count; i++) {
        li_vid output = how->body->outputs[i];
        const struct li_value value = t->both->values[output];
        t->dy[i] = LI_NONE;
        if (how->arrives[i]) {
            LI_TRY(li_graph_input(t->both, value.dtype, &value.shape, &t->dy[i], b->call->err));
            LI_TRY(li_backward_add(b, &b->terms[output], t->dy[i]));
        }
    }
    return LINCE_OK;
}

static lince_status differentiate(struct li_turned *t, struct li_backward_call *call, const struct li_turning *how)
{
    struct li_backward b;
    LI_TRY(li_backward_begin(&b, call, t->both));
    for (int32_t i = 0; i < t->inputs; i++) {
        b.wanted[t->both->inputs[i]] |= how->wants[i];
    }
    LI_TRY(li_backward_find_wanted(&b));
    LI_TRY(give(t, &b, how));
    LI_TRY(li_backward_run(&b));
    for (int32_t i = 0; i < t->inputs; i++) {
        t->dx[i] = LI_NONE;
        if (how->wants[i]) {
            LI_TRY(li_backward_sum(&b, &b.terms[t->both->inputs[i]], "input", &t->dx[i]));
        }
    }
    for (int i = 0; i < how->handles; i++) {
        LI_TRY(li_backward_sum(&b, &b.by_handle[how->handle[i]], "variable", &t->dv[i]));
    }
    return LINCE_OK;
}

/* ---- What the back half reads ------------------------------------------------------------------------------------ */

static bool is_settled(const struct li_value *value)
{
    return value->constant || value->dtype == LINCE_RESOURCE;
}

static bool is_cheap(const struct li_backward_call *call, const struct li_graph *g, const struct li_node *node)
{
    if (!node->op->forward && !node->op->control && node->effects == LI_EFFECT_READ && node->touches == 1) {
        return !call->written[node->touch[0].resource];
    }
    for (int i = 1; i < node->nin; i++) {
        if (!is_settled(&g->values[node->in[i]])) {
            return false;
        }
    }
    return (node->op->flags & LI_OP_ALIAS) && node->nin > 0 && node->nout == 1 && !node->effects;
}

/* From the last node to the first: who reads what a node gives has been looked at. */
static void follow(struct li_turned *t, const struct li_backward_call *call, bool *needed)
{
    for (int32_t n = t->both->node_count - 1; n >= 0; n--) {
        const struct li_node *node = &t->both->nodes[n];
        bool any = false;
        for (int i = 0; i < node->nout; i++) {
            any |= needed[node->out[i]];
        }
        t->alive[n] = any && n >= t->nodes;
        t->again[n] = any && n < t->nodes && is_cheap(call, t->both, node);
        for (int i = 0; i < node->nin && (t->alive[n] || t->again[n]); i++) {
            needed[node->in[i]] = true;
        }
        for (int i = 0; i < node->nout && any && n < t->nodes && !t->again[n]; i++) {
            if (needed[node->out[i]]) {
                t->saved[t->saved_count++] = node->out[i];
            }
        }
    }
}

static lince_status find_saved(struct li_turned *t, struct li_backward_call *call, int handles)
{
    size_t values = (size_t)t->both->value_count + 1, nodes = (size_t)t->both->node_count + 1;
    bool *needed = li_arena_calloc(&call->arena, values, sizeof *needed, call->err);
    t->saved = li_arena_alloc(&call->arena, values * sizeof *t->saved, call->err);
    t->again = li_arena_calloc(&call->arena, nodes, sizeof *t->again, call->err);
    t->alive = li_arena_calloc(&call->arena, nodes, sizeof *t->alive, call->err);
    if (!needed || !t->saved || !t->again || !t->alive) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < t->inputs + handles; i++) {
        li_vid grad = i < t->inputs ? t->dx[i] : t->dv[i - t->inputs];
        if (grad >= 0) {
            needed[grad] = true;
        }
    }
    follow(t, call, needed);
    for (int32_t i = 0; i < t->inputs; i++) {
        const struct li_value *value = &t->both->values[t->both->inputs[i]];
        t->read[i] = needed[t->both->inputs[i]] && !is_settled(value);
    }
    return LINCE_OK;
}

lince_status li_turn_body(struct li_turned *t, struct li_backward *b, const struct li_turning *how)
{
    struct li_backward_call *call = b->call;
    *t = (struct li_turned){.nodes = how->body->node_count, .inputs = how->body->input_count};
    LI_TRY(take_room(t, call, how));
    LI_TRY(li_graph_copy(&t->both, how->body, call->err));
    t->both->env = b->g->env;
    lince_status st = differentiate(t, call, how);
    st = st ? st : find_saved(t, call, how->handles);
    if (st) {
        li_turned_free(t);
    }
    return st;
}

void li_turned_free(struct li_turned *t)
{
    li_graph_free(t->both);
    t->both = NULL;
}

/* ---- Halves ------------------------------------------------------------------------------------------------------ */

lince_status li_half_begin(struct li_half *h, struct li_backward_call *call, const struct li_turned *from)
{
    size_t values = (size_t)from->both->value_count;
    *h = (struct li_half){.call = call, .from = from};
    h->map = li_arena_alloc(&call->arena, (values + 1) * sizeof *h->map, call->err);
    for (size_t v = 0; h->map && v < values; v++) {
        h->map[v] = LI_NONE;
    }
    return h->map ? li_graph_new_from(&h->to, from->both, call->err) : LINCE_ENOMEM;
}

lince_status li_half_input(struct li_half *h, const struct li_graph *g, li_vid like, li_vid stands, li_vid *out)
{
    const struct li_value value = g->values[like];
    LI_TRY(li_graph_input(h->to, value.dtype, &value.shape, out, h->call->err));
    if (stands >= 0) {
        const struct li_value *from = &h->from->both->values[stands];
        struct li_value *to = &h->to->values[*out];
        to->constant = from->constant;
        to->resource = from->resource;
        to->unshaped = from->unshaped;
        h->map[stands] = *out;
    }
    return LINCE_OK;
}

lince_status li_half_value(struct li_half *h, li_vid v, li_vid *out)
{
    if (h->map[v] < 0) {
        LI_TRY(li_graph_copy_value(h->to, &h->from->both->values[v], &h->map[v], h->call->err));
    }
    *out = h->map[v];
    return LINCE_OK;
}

static lince_status copy_node(struct li_half *h, int32_t n)
{
    const struct li_node *node = &h->from->both->nodes[n];
    li_vid ignored;
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(li_half_value(h, node->in[i], &ignored));
    }
    return li_graph_copy_node(h->to, h->from->both, node, h->map, h->call->err);
}

lince_status li_half_forward(struct li_half *h)
{
    for (int32_t n = 0; n < h->from->nodes; n++) {
        LI_TRY(copy_node(h, n));
    }
    return LINCE_OK;
}

lince_status li_half_back(struct li_half *h)
{
    for (int32_t n = 0; n < h->from->both->node_count; n++) {
        if (h->from->again[n] || h->from->alive[n]) {
            LI_TRY(copy_node(h, n));
        }
    }
    return LINCE_OK;
}
