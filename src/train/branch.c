/*
 * The gradient of a branch is a branch: the same selector chooses among the back halves of its bodies. All bodies of a
 * node give results of the same dtypes and shapes, so what they save lies in slots that they share where these agree; a
 * body fills the others with zeros.
 */
#include "train/bodies.h"

struct branch {
    struct li_backward *b;
    int32_t n;
    struct li_node node;
    const li_vid *dy;
    struct li_turned *turned; /* by body */
    int32_t *handle;
    int handles;
    struct li_value *slot; /* of what is saved: dtype and shape */
    li_vid *slot_at;       /* the output of the node that it is */
    int slots, slot_room;
    li_vid *held;        /* by body and slot: the value saved there, or LI_NONE */
    const char *name;    /* of what is appended */
    struct li_value *of; /* results of the branch that runs back: dtype and shape */
    int *result;         /* each an input of the bodies; behind them, handles */
    int results;
};

static lince_status turn_all(struct branch *br)
{
    struct li_arena *arena = &br->b->call->arena;
    bool *arrives = li_arena_calloc(arena, (size_t)br->node.nout + 1, sizeof *arrives, br->b->call->err);
    bool *wants = li_arena_calloc(arena, (size_t)br->node.nin + 1, sizeof *wants, br->b->call->err);
    if (!arrives || !wants) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < br->node.nout; i++) {
        arrives[i] = br->dy[i] >= 0;
    }
    for (int i = 1; i < br->node.nin; i++) {
        wants[i - 1] = br->b->wanted[br->node.in[i]];
    }
    for (int k = 0; k < br->node.bodies; k++) {
        const struct li_turning how = {br->node.body[k], arrives, wants, br->handle, br->handles};
        LI_TRY(li_turn_body(&br->turned[k], br->b, &how));
    }
    return LINCE_OK;
}

/* ---- Slots ------------------------------------------------------------------------------------------------------- */

/* The first that fits and that this body has not filled. */
static int find_slot(const struct branch *br, int body, const struct li_value *value)
{
    int s = 0;
    while (s < br->slots && (br->held[body * br->slot_room + s] >= 0 || br->slot[s].dtype != value->dtype ||
                             !li_shape_equal(&br->slot[s].shape, &value->shape))) {
        s++;
    }
    return s;
}

static lince_status assign_slots(struct branch *br)
{
    struct li_arena *arena = &br->b->call->arena;
    for (int k = 0; k < br->node.bodies; k++) {
        br->slot_room += br->turned[k].saved_count;
    }
    size_t room = (size_t)br->slot_room + 1, held = room * (size_t)br->node.bodies;
    br->slot = li_arena_alloc(arena, room * sizeof *br->slot, br->b->call->err);
    br->slot_at = li_arena_alloc(arena, room * sizeof *br->slot_at, br->b->call->err);
    br->held = li_arena_alloc(arena, held * sizeof *br->held, br->b->call->err);
    if (!br->slot || !br->slot_at || !br->held) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < held; i++) {
        br->held[i] = LI_NONE;
    }
    for (int k = 0; k < br->node.bodies; k++) {
        const struct li_turned *t = &br->turned[k];
        for (int i = 0; i < t->saved_count; i++) {
            const struct li_value *value = &t->both->values[t->saved[i]];
            int s = find_slot(br, k, value);
            br->slot[s] = *value;
            br->slots = LI_MAX(br->slots, s + 1);
            br->held[k * br->slot_room + s] = t->saved[i];
        }
    }
    return LINCE_OK;
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

static lince_status value_or_blank(struct branch *br, struct li_half *h, li_vid v, const struct li_value *like,
                                   li_vid *out)
{
    return v >= 0 ? li_half_value(h, v, out)
                  : li_ops_blank(h->to, br->name, like->dtype, &like->shape, out, br->b->call->err);
}

static lince_status fill_forward(struct branch *br, int k, struct li_half *h)
{
    const struct li_graph *body = br->node.body[k];
    li_vid *out =
        li_arena_alloc(&br->b->call->arena, (size_t)(br->node.nout + br->slots + 1) * sizeof *out, br->b->call->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < body->input_count; i++) {
        LI_TRY(li_half_input(h, body, body->inputs[i], body->inputs[i], &out[0]));
    }
    LI_TRY(li_half_forward(h));
    for (int i = 0; i < br->node.nout; i++) {
        LI_TRY(li_half_value(h, body->outputs[i], &out[i]));
    }
    for (int s = 0; s < br->slots; s++) {
        LI_TRY(value_or_blank(br, h, br->held[k * br->slot_room + s], &br->slot[s], &out[br->node.nout + s]));
    }
    return li_graph_set_outputs(h->to, out, br->node.nout + br->slots, br->b->call->err);
}

/* The graphs of one half of each body, which the graph at hand then owns. */
static lince_status make_bodies(struct branch *br, lince_status (*fill)(struct branch *br, int k, struct li_half *h),
                                struct li_graph ***out)
{
    struct li_backward_call *call = br->b->call;
    struct li_graph **bodies = li_arena_alloc(&call->arena, (size_t)br->node.bodies * sizeof *bodies, call->err);
    if (!bodies) {
        return LINCE_ENOMEM;
    }
    for (int k = 0; k < br->node.bodies; k++) {
        struct li_half h;
        LI_TRY(li_half_begin(&h, call, &br->turned[k]));
        bodies[k] = h.to;
        LI_TRY(li_graph_own_body(br->b->g, h.to, call->err));
        LI_TRY(fill(br, k, &h));
    }
    *out = bodies;
    return LINCE_OK;
}

static lince_status save(struct branch *br)
{
    struct li_graph **bodies;
    if (br->slots == 0) {
        return LINCE_OK;
    }
    LI_TRY(make_bodies(br, fill_forward, &bodies));
    LI_TRY(li_graph_widen(br->b->g, br->n, NULL, 0, br->slot, br->slots, bodies, br->b->call->err));
    for (int s = 0; s < br->slots; s++) {
        br->slot_at[s] = br->b->g->nodes[br->n].out[br->node.nout + s];
    }
    return LINCE_OK;
}

/* ---- Back -------------------------------------------------------------------------------------------------------- */

static bool is_read(const struct branch *br, int i)
{
    bool read = false;
    for (int k = 0; k < br->node.bodies; k++) {
        read |= br->turned[k].read[i];
    }
    return read;
}

/* Result i of what a body's back half may give: for an input, or for a handle. */
static li_vid gradient_of(const struct branch *br, int k, int i)
{
    const struct li_turned *t = &br->turned[k];
    return i < br->node.nin - 1 ? t->dx[i] : t->dv[i - (br->node.nin - 1)];
}

static lince_status list_results(struct branch *br)
{
    int most = br->node.nin - 1 + br->handles;
    br->of = li_arena_alloc(&br->b->call->arena, ((size_t)most + 1) * sizeof *br->of, br->b->call->err);
    br->result = li_arena_alloc(&br->b->call->arena, ((size_t)most + 1) * sizeof *br->result, br->b->call->err);
    if (!br->of || !br->result) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < most; i++) {
        for (int k = 0; k < br->node.bodies; k++) {
            li_vid v = gradient_of(br, k, i);
            if (v >= 0) {
                br->of[br->results] = br->turned[k].both->values[v];
                br->result[br->results++] = i;
                break;
            }
        }
    }
    return LINCE_OK;
}

/* In the order of the node's inputs: what arrives, arguments, slots. */
static lince_status fill_back(struct branch *br, int k, struct li_half *h)
{
    const struct li_turned *t = &br->turned[k];
    const struct li_graph *body = br->node.body[k];
    li_vid *out = li_arena_alloc(&br->b->call->arena, ((size_t)br->results + 1) * sizeof *out, br->b->call->err), v;
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < br->node.nout; i++) {
        LI_TRY(br->dy[i] >= 0 ? li_half_input(h, t->both, t->dy[i], t->dy[i], &v) : LINCE_OK);
    }
    for (int i = 0; i < br->node.nin - 1; i++) {
        LI_TRY(is_read(br, i) ? li_half_input(h, body, body->inputs[i], body->inputs[i], &v) : LINCE_OK);
    }
    for (int s = 0; s < br->slots; s++) {
        LI_TRY(li_half_input(h, br->b->g, br->slot_at[s], br->held[k * br->slot_room + s], &v));
    }
    LI_TRY(li_half_back(h));
    for (int r = 0; r < br->results; r++) {
        LI_TRY(value_or_blank(br, h, gradient_of(br, k, br->result[r]), &br->of[r], &out[r]));
    }
    return li_graph_set_outputs(h->to, out, br->results, br->b->call->err);
}

static lince_status append(struct branch *br, li_vid *out)
{
    struct li_backward_call *call = br->b->call;
    struct li_graph **bodies;
    li_vid *in =
        li_arena_alloc(&call->arena, (size_t)(br->node.nin + br->node.nout + br->slots) * sizeof *in, call->err);
    int n = 0;
    if (!in) {
        return LINCE_ENOMEM;
    }
    in[n++] = br->node.in[0];
    for (int i = 0; i < br->node.nout; i++) {
        in[n] = br->dy[i];
        n += br->dy[i] >= 0;
    }
    for (int i = 0; i < br->node.nin - 1; i++) {
        in[n] = br->node.in[i + 1];
        n += is_read(br, i);
    }
    for (int s = 0; s < br->slots; s++) {
        in[n++] = br->slot_at[s];
    }
    LI_TRY(make_bodies(br, fill_back, &bodies));
    return li_graph_append_like(br->b->g, &br->node, br->name, in, n, br->of, br->results, bodies, out, call->err);
}

static lince_status hand_out(struct branch *br, const li_vid *out, li_vid *dx)
{
    for (int r = 0; r < br->results; r++) {
        int handle = br->result[r] - (br->node.nin - 1);
        if (handle < 0) {
            dx[br->result[r] + 1] = out[r];
        } else {
            LI_TRY(li_backward_add(br->b, &br->b->by_handle[br->handle[handle]], out[r]));
        }
    }
    return LINCE_OK;
}

static lince_status run(struct branch *br, li_vid *dx)
{
    struct li_backward_call *call = br->b->call;
    LI_TRY(turn_all(br));
    LI_TRY(list_results(br));
    if (br->results == 0) {
        return LINCE_OK;
    }
    li_vid *out = li_arena_alloc(&call->arena, (size_t)br->results * sizeof *out, call->err);
    LI_TRY(out ? assign_slots(br) : LINCE_ENOMEM);
    LI_TRY(save(br));
    LI_TRY(append(br, out));
    return hand_out(br, out, dx);
}

lince_status li_branch_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx)
{
    struct branch br = {.b = b, .n = n, .node = b->g->nodes[n], .dy = dy};
    struct li_arena *arena = &b->call->arena;
    br.turned = li_arena_calloc(arena, (size_t)br.node.bodies, sizeof *br.turned, b->call->err);
    br.name = li_arena_printf(arena, b->call->err, "gradients/%s", br.node.name);
    if (!br.turned || !br.name) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_control_handles(b, &br.node, &br.handle, &br.handles));
    lince_status st = run(&br, dx);
    for (int k = 0; k < br.node.bodies; k++) {
        li_turned_free(&br.turned[k]);
    }
    return st;
}
