/*
 * How many turns a loop makes, before it runs. Most loops count: their condition compares numbers that begin as
 * constants and that each turn makes from themselves. These are followed turn by turn, on small tensors, until the
 * condition no longer holds. Of a condition of which only a part is known, the number at which that part fails is a
 * bound.
 */
#include "train/bodies.h"

#include <string.h>

enum { MAX_BYTES = 512 }; /* of a value that is followed */

/* A body and what is known of its values in this turn. */
struct sheet {
    const struct li_graph *g;
    bool *needed;            /* by node */
    struct li_tensor *value; /* data NULL: not known */
    bool *own;               /* by value: its data is to be freed */
};

struct counting {
    struct li_backward *b;
    struct sheet test, turn;
    bool *followed; /* by variable */
    struct li_tensor *state;
    uint8_t (*bytes)[MAX_BYTES];
    int variables;
};

static void clear(struct counting *c, struct sheet *s)
{
    for (li_vid v = 0; v < s->g->value_count; v++) {
        if (s->own[v]) {
            li_free(c->b->g->env->mem, s->value[v].data);
        }
        const struct li_tensor *constant = s->g->values[v].constant;
        s->own[v] = false;
        s->value[v] = constant ? *constant : (struct li_tensor){.data = NULL};
    }
}

/* ---- What is needed ---------------------------------------------------------------------------------------------- */

/* The nodes that outputs need, and by input whether it is read; outputs NULL: all. */
static lince_status need(struct counting *c, struct sheet *s, const bool *outputs, bool *inputs)
{
    bool *value = li_arena_calloc(&c->b->call->arena, (size_t)s->g->value_count + 1, sizeof *value, c->b->call->err);
    if (!value) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < s->g->output_count; i++) {
        value[s->g->outputs[i]] |= !outputs || outputs[i];
    }
    for (int32_t n = s->g->node_count - 1; n >= 0; n--) {
        const struct li_node *node = &s->g->nodes[n];
        s->needed[n] = false;
        for (int i = 0; i < node->nout; i++) {
            s->needed[n] |= value[node->out[i]];
        }
        for (int i = 0; i < node->nin && s->needed[n]; i++) {
            value[node->in[i]] = true;
        }
    }
    for (int32_t i = 0; i < s->g->input_count; i++) {
        inputs[i] |= value[s->g->inputs[i]];
    }
    return LINCE_OK;
}

static lince_status find_followed(struct counting *c)
{
    LI_TRY(need(c, &c->test, NULL, c->followed));
    for (int before = -1, now = 0; now != before;) {
        before = now;
        now = 0;
        LI_TRY(need(c, &c->turn, c->followed, c->followed));
        for (int i = 0; i < c->variables; i++) {
            now += c->followed[i];
        }
    }
    return LINCE_OK;
}

/* ---- One turn ---------------------------------------------------------------------------------------------------- */

static bool is_small(const struct li_graph *g, const struct li_node *node)
{
    for (int i = 0; i < node->nout; i++) {
        const struct li_value *value = &g->values[node->out[i]];
        size_t bytes;
        if (value->dtype == LINCE_STRING || li_dtype_size(value->dtype) == 0 ||
            li_shape_bytes(&value->shape, value->dtype, &bytes, NULL) || bytes > MAX_BYTES) {
            return false;
        }
    }
    return node->nout > 0 && !node->effects && !node->bodies && (node->op->forward || node->op->flags & LI_OP_ALIAS);
}

/* One side of an And that is false tells it all. */
static void decide(struct sheet *s, const struct li_node *node)
{
    static const uint8_t no;
    for (int i = 0; i < node->nin && node->op == li_ops_role(LI_OPS_AND); i++) {
        const struct li_tensor *in = &s->value[node->in[i]];
        if (in->data && in->size_bytes == 1 && !*(const uint8_t *)in->data && in->shape.rank == 0) {
            s->value[node->out[0]] = *in;
            s->value[node->out[0]].data = (void *)(uintptr_t)&no;
        }
    }
}

static lince_status work_out(struct counting *c, struct sheet *s, const struct li_node *node)
{
    struct li_tensor in[8], out[8];
    bool known = is_small(s->g, node) && node->nin <= (int)LI_COUNT(in) && node->nout <= (int)LI_COUNT(out);
    for (int i = 0; i < node->nin && known; i++) {
        in[i] = s->value[node->in[i]];
        known = in[i].data != NULL;
    }
    if (!known) {
        decide(s, node);
        return LINCE_OK;
    }
    lince_status st = li_node_eval(s->g, node, in, out, c->b->g->env, c->b->call->err);
    if (st == LINCE_EDATA) {
        return LINCE_OK; /* fails when it runs, if it does */
    }
    for (int i = 0; i < node->nout && !st; i++) {
        s->value[node->out[i]] = out[i];
        s->own[node->out[i]] = true;
    }
    return st;
}

static lince_status fill(struct counting *c, struct sheet *s)
{
    clear(c, s);
    for (int i = 0; i < c->variables; i++) {
        if (c->state[i].data) {
            s->value[s->g->inputs[i]] = c->state[i];
        }
    }
    for (int32_t n = 0; n < s->g->node_count; n++) {
        if (s->needed[n]) {
            LI_TRY(work_out(c, s, &s->g->nodes[n]));
        }
    }
    return LINCE_OK;
}

static void keep(struct counting *c, int i, const struct li_tensor *t)
{
    c->state[i] = (struct li_tensor){.data = NULL};
    if (t && t->data && t->size_bytes <= MAX_BYTES && t->dtype != LINCE_STRING) {
        c->state[i] = *t;
        c->state[i].data = memcpy(c->bytes[i], t->data, t->size_bytes);
    }
}

/* *any: there is something to go on with. */
static lince_status make_turn(struct counting *c, bool *any)
{
    *any = false;
    LI_TRY(fill(c, &c->turn));
    for (int i = 0; i < c->variables; i++) {
        if (c->followed[i]) {
            keep(c, i, &c->turn.value[c->turn.g->outputs[i]]);
            *any |= c->state[i].data != NULL;
        }
    }
    return LINCE_OK;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

static lince_status count(struct counting *c, const struct li_node *node, int32_t *most, bool *exact)
{
    bool any = true;
    *exact = true;
    for (*most = 0; *most <= LI_MAX_RECORDED_TURNS && any; ++*most) {
        LI_TRY(fill(c, &c->test));
        const struct li_tensor *holds = &c->test.value[c->test.g->outputs[0]];
        if (holds->data && node->op->choose(holds, 2) != 0) {
            return LINCE_OK;
        }
        *exact &= holds->data != NULL;
        LI_TRY(make_turn(c, &any));
    }
    if (*exact && any) {
        return li_fail(c->b->call->err, LINCE_ELIMIT,
                       "node \"%.500s\" (%s): makes more than %d turns, and its gradient records no more", node->name,
                       node->op->name, LI_MAX_RECORDED_TURNS);
    }
    *exact = false;
    *most = LI_RECORDED_TURNS;
    return LINCE_OK;
}

static lince_status open_sheet(struct counting *c, struct sheet *s, const struct li_graph *g)
{
    struct li_arena *arena = &c->b->call->arena;
    *s = (struct sheet){.g = g};
    s->needed = li_arena_calloc(arena, (size_t)g->node_count + 1, sizeof *s->needed, c->b->call->err);
    s->value = li_arena_calloc(arena, (size_t)g->value_count + 1, sizeof *s->value, c->b->call->err);
    s->own = li_arena_calloc(arena, (size_t)g->value_count + 1, sizeof *s->own, c->b->call->err);
    return s->needed && s->value && s->own ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status open_state(struct counting *c, const struct li_node *node)
{
    struct li_arena *arena = &c->b->call->arena;
    size_t n = (size_t)node->nin + 1;
    c->followed = li_arena_calloc(arena, n, sizeof *c->followed, c->b->call->err);
    c->state = li_arena_calloc(arena, n, sizeof *c->state, c->b->call->err);
    c->bytes = li_arena_alloc(arena, n * sizeof *c->bytes, c->b->call->err);
    if (!c->followed || !c->state || !c->bytes) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        keep(c, i, c->b->g->values[node->in[i]].constant);
    }
    return LINCE_OK;
}

lince_status li_loop_turns(struct li_backward *b, const struct li_node *node, int32_t *most, bool *exact)
{
    struct counting c = {.b = b, .variables = node->nin};
    LI_TRY(open_sheet(&c, &c.test, node->body[0]));
    LI_TRY(open_sheet(&c, &c.turn, node->body[1]));
    LI_TRY(open_state(&c, node));
    LI_TRY(find_followed(&c));
    lince_status st = count(&c, node, most, exact);
    clear(&c, &c.test);
    clear(&c, &c.turn);
    return st;
}
