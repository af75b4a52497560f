/*
 * Bodies for the conditions and loops of TensorFlow 1, the innermost first: what one reads from outside is then known
 * when the body around it is made.
 */
#include "model/lower.h"

#include <string.h>

/* ---- Parts ---- */

static lince_status add_input(struct li_lowering *l, int32_t scope, const struct li_source *raw, int32_t type,
                              struct li_part *to)
{
    bool keep = true;
    struct li_source *in = &to->in[to->nin];
    LI_TRY(raw->control ? li_lower_control(l, scope, raw, to->name, in, &keep)
                        : li_lower_source(l, scope, raw, type, to->name, in));
    to->nin += keep;
    return LINCE_OK;
}

static lince_status make_part(struct li_lowering *l, int32_t scope, int32_t p)
{
    const struct li_part *from = &l->raw->part[p];
    struct li_part *to = &l->body[scope].part[l->place[p]];
    *to = *from;
    to->nin = 0;
    to->in = li_arena_alloc(l->arena, (size_t)from->nin * sizeof *to->in, l->err);
    if (!to->in) {
        return LINCE_ENOMEM;
    }
    for (int32_t k = 0; k < from->nin; k++) {
        LI_TRY(add_input(l, scope, &from->in[k], 0, to));
    }
    return LINCE_OK;
}

/* The Enter, or the NextIteration, of a loop's variable. */
static const struct li_part *maker_of(const struct li_lowering *l, int32_t variable, bool next)
{
    const struct li_source *in = l->raw->part[variable].in;
    return &l->raw->part[in[in[0].back == next ? 0 : 1].node];
}

/* What must be done before a part that routes is waited for by the whole. */
static lince_status add_controls(struct li_lowering *l, int32_t scope, const struct li_part *from, struct li_part *to)
{
    for (int32_t k = 0; k < from->nin; k++) {
        if (from->in[k].control) {
            LI_TRY(add_input(l, scope, &from->in[k], 0, to));
        }
    }
    return LINCE_OK;
}

static int32_t count_inputs(const struct li_lowering *l, const struct li_construct *c)
{
    int32_t n = 1 + c->members;
    for (int32_t i = 0; i < c->members; i++) {
        n += c->loop ? maker_of(l, c->member[i], false)->nin : l->raw->part[c->member[i]].nin;
    }
    for (int32_t i = c->first; i != LI_NONE; i = l->capture[i].next) {
        n++;
    }
    return n + (c->waits == LI_NONE ? 0 : l->raw->part[c->waits].nin);
}

/* Its inputs: the predicate or the first values of the variables, then what its bodies read from outside. */
static lince_status fill_inputs(struct li_lowering *l, const struct li_construct *c, struct li_part *to)
{
    if (!c->loop) {
        LI_TRY(add_input(l, c->outer, &c->test, 0, to));
    }
    for (int32_t i = 0; c->loop && i < c->members; i++) {
        LI_TRY(add_input(l, c->outer, &maker_of(l, c->member[i], false)->in[0], 0, to));
    }
    for (int32_t i = c->first; i != LI_NONE; i = l->capture[i].next) {
        LI_TRY(add_input(l, c->outer, &l->capture[i].source, l->capture[i].type, to));
    }
    for (int32_t i = 0; i < c->members; i++) {
        LI_TRY(add_controls(l, c->outer, c->loop ? maker_of(l, c->member[i], false) : &l->raw->part[c->member[i]], to));
    }
    return c->waits == LI_NONE ? LINCE_OK : add_controls(l, c->outer, &l->raw->part[c->waits], to);
}

static lince_status make_construct_part(struct li_lowering *l, struct li_construct *c)
{
    const struct li_op *op = li_ops_role(c->loop ? LI_OPS_WHILE : LI_OPS_IF);
    struct li_part *to = &l->body[c->outer].part[c->place];
    *to = (struct li_part){.name = c->loop ? c->frame : l->raw->part[c->member[0]].name,
                           .op_name = op->name,
                           .op = op,
                           .effect = c->effect,
                           .body = li_arena_alloc(l->arena, 2 * sizeof *to->body, l->err),
                           .bodies = 2};
    to->in = li_arena_alloc(l->arena, (size_t)count_inputs(l, c) * sizeof *to->in, l->err);
    if (!to->body || !to->in) {
        return LINCE_ENOMEM;
    }
    memcpy(to->body, c->body, sizeof c->body);
    return fill_inputs(l, c, to);
}

static bool is_alive(const struct li_construct *c)
{
    return c->members > 0;
}

static lince_status make_parts(struct li_lowering *l, int32_t scope)
{
    for (int32_t k = 0; k < l->body[scope].raw_parts; k++) {
        LI_TRY(make_part(l, scope, l->body[scope].raw[k]));
    }
    for (int32_t i = 0; i < l->constructs; i++) {
        if (l->construct[i].outer == scope && is_alive(&l->construct[i])) {
            LI_TRY(make_construct_part(l, &l->construct[i]));
        }
    }
    return LINCE_OK;
}

/* ---- Bodies ---- */

static const char *name_of(const struct li_lowering *l, const struct li_source *raw)
{
    return raw->node == LI_NONE ? l->raw->arg[raw->index].name : l->raw->part[raw->node].name;
}

/* A loop's test is its condition's one result; a variable's, what the next turn gets of it. */
static const struct li_source *result_of(const struct li_lowering *l, const struct li_construct *c, int32_t scope,
                                         int32_t i)
{
    const struct li_source *in = l->raw->part[c->member[i]].in;
    if (c->loop) {
        return &maker_of(l, c->member[i], true)->in[0];
    }
    return &in[li_scope_of(l, &in[0]) == scope ? 0 : 1];
}

static lince_status translate_results(struct li_lowering *l, struct li_construct *c, int32_t scope,
                                      struct li_source *ret)
{
    bool condition = li_scope_is_condition(l, scope);
    for (int32_t i = 0; i < (condition ? 1 : c->members); i++) {
        const struct li_source *raw = condition ? &c->test : result_of(l, c, scope, i);
        LI_TRY(li_lower_source(l, scope, raw, 0, l->raw->part[c->member[i]].name, &ret[i]));
    }
    return LINCE_OK;
}

static void fill_arguments(const struct li_lowering *l, const struct li_construct *c, struct li_body *b)
{
    int32_t n = 0;
    for (int32_t i = 0; c->loop && i < c->members; i++) {
        b->arg[n++] = (struct li_port){.name = l->raw->part[c->member[i]].name, .type = l->type[c->member[i]]};
    }
    for (int32_t i = c->first; i != LI_NONE; i = l->capture[i].next) {
        if (!l->capture[i].source.control) {
            b->arg[n++] = (struct li_port){.name = name_of(l, &l->capture[i].source), .type = l->capture[i].type};
        }
    }
}

/* A turn hands on to the next what the loop reads from outside. */
static void fill_results(const struct li_lowering *l, const struct li_construct *c, const struct li_source *ret,
                         struct li_body *b)
{
    int32_t own = LI_MIN(b->results, c->members);
    for (int32_t i = 0; i < own; i++) {
        b->result[i] = (struct li_port){.name = l->raw->part[c->member[i]].name, .type = l->type[c->member[i]]};
        b->ret[i] = ret[i];
    }
    for (int32_t i = own; i < b->results; i++) {
        b->result[i] = b->arg[i];
        b->ret[i] = (struct li_source){.node = LI_NONE, .index = i};
    }
}

static lince_status make_body(struct li_lowering *l, struct li_construct *c, int32_t scope, const struct li_source *ret)
{
    struct li_body **b = &c->body[li_scope_body(scope)];
    bool condition = li_scope_is_condition(l, scope);
    int32_t args = c->captures + (c->loop ? c->members : 0), results = condition ? 1 : c->loop ? args : c->members;
    LI_TRY(li_body_new(b, (size_t)l->body[scope].parts, (size_t)args, (size_t)results, l->arena, l->err));
    (*b)->name = c->loop ? c->frame : l->raw->part[c->member[0]].name;
    (*b)->part = l->body[scope].part;
    fill_arguments(l, c, *b);
    fill_results(l, c, ret, *b);
    return li_body_finish(*b, l->mem, l->err);
}

/* What NextIteration waits for is done in a turn, whether or not something reads it. */
static void mark_turn(struct li_lowering *l, const struct li_construct *c, int32_t turn)
{
    for (int32_t i = 0; i < c->members; i++) {
        const struct li_part *next = maker_of(l, c->member[i], true);
        for (int32_t k = 0; k < next->nin; k++) {
            int32_t p = next->in[k].control ? next->in[k].node : LI_NONE;
            if (p != LI_NONE && l->scope[p] == turn && l->flow[p] == LI_FLOW_NONE) {
                l->body[turn].part[l->place[p]].effect = true;
            }
        }
    }
}

static lince_status make_construct(struct li_lowering *l, int32_t construct)
{
    struct li_construct *c = &l->construct[construct];
    const int32_t scope[2] = {li_scope_first(construct), li_scope_second(construct)};
    struct li_source *ret[2];
    for (int i = 0; i < 2; i++) {
        ret[i] = li_arena_calloc(&l->scratch, (size_t)c->members, sizeof *ret[i], l->err);
        if (!ret[i]) {
            return LINCE_ENOMEM;
        }
        LI_TRY(make_parts(l, scope[i]));
        LI_TRY(translate_results(l, c, scope[i], ret[i]));
    }
    if (c->loop) {
        mark_turn(l, c, scope[1]);
    }
    LI_TRY(make_body(l, c, scope[0], ret[0]));
    return make_body(l, c, scope[1], ret[1]);
}

/* A scope around another was found before it. */
static lince_status make_constructs(struct li_lowering *l)
{
    for (int32_t i = l->constructs; i-- > 0;) {
        const struct li_construct *c = &l->construct[i];
        if (is_alive(c) && !c->has_test) {
            return li_flow_fail(l, c->member[0], "its loop has no condition");
        }
        LI_TRY(is_alive(c) ? make_construct(l, i) : LINCE_OK);
    }
    return LINCE_OK;
}

/* ---- The whole ---- */

/* An effect inside is one of all that is around it. */
static void mark_effects(struct li_lowering *l)
{
    for (int32_t k = 0; k < l->raw->order_count; k++) {
        int32_t p = l->raw->order[k], scope = l->scope[p];
        if (!l->raw->part[p].effect) {
            continue;
        }
        if (l->flow[p] == LI_FLOW_MERGE || l->flow[p] == LI_FLOW_EXIT) {
            l->construct[l->owner[p]].effect = true;
        }
        for (; scope; scope = l->construct[li_scope_construct(scope)].outer) {
            l->construct[li_scope_construct(scope)].effect = true;
        }
    }
}

/* Count the parts of each scope, and number them. */
static void number_parts(struct li_lowering *l)
{
    for (int32_t k = 0; k < l->raw->order_count; k++) {
        int32_t p = l->raw->order[k];
        li_lower_through(l, p);
        if (l->flow[p] == LI_FLOW_NONE) {
            l->place[p] = l->body[l->scope[p]].raw_parts++;
        }
    }
    for (int32_t i = 0; i < li_scope_count(l); i++) {
        l->body[i].parts = l->body[i].raw_parts;
    }
    for (int32_t i = 0; i < l->constructs; i++) {
        if (is_alive(&l->construct[i])) {
            l->construct[i].place = l->body[l->construct[i].outer].parts++;
        }
    }
}

/* Room for the parts of each scope, and the list of those that it has of the flat body. */
static lince_status list_parts(struct li_lowering *l)
{
    int32_t *sorted = li_arena_alloc(&l->scratch, (size_t)l->raw->parts * sizeof *sorted, l->err), n = 0;
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < li_scope_count(l); i++) {
        struct li_scope *s = &l->body[i];
        s->raw = sorted + n;
        n += s->raw_parts;
        s->part = li_arena_calloc(l->arena, (size_t)s->parts, sizeof *s->part, l->err);
        if (!s->part) {
            return LINCE_ENOMEM;
        }
    }
    for (int32_t k = 0; k < l->raw->order_count; k++) {
        int32_t p = l->raw->order[k];
        if (l->flow[p] == LI_FLOW_NONE) {
            sorted[l->body[l->scope[p]].raw - sorted + l->place[p]] = p;
        }
    }
    return LINCE_OK;
}

static lince_status make_scopes(struct li_lowering *l)
{
    l->body = li_arena_calloc(&l->scratch, (size_t)li_scope_count(l), sizeof *l->body, l->err);
    if (!l->body) {
        return LINCE_ENOMEM;
    }
    number_parts(l);
    return list_parts(l);
}

static lince_status make_whole(struct li_lowering *l, struct li_body **out)
{
    const struct li_body *raw = l->raw;
    struct li_body *b;
    LI_TRY(make_parts(l, 0));
    LI_TRY(li_body_new(&b, (size_t)l->body[0].parts, (size_t)raw->args, (size_t)raw->results, l->arena, l->err));
    b->name = raw->name;
    b->arg = raw->arg;
    b->result = raw->result;
    b->part = l->body[0].part;
    for (int32_t i = 0; i < raw->results; i++) {
        LI_TRY(li_flow_check(l, &raw->ret[i], LI_FLOW_NONE));
        LI_TRY(li_lower_source(l, 0, &raw->ret[i], 0, raw->result[i].name, &b->ret[i]));
    }
    LI_TRY(li_body_finish(b, l->mem, l->err));
    b->size = raw->size;
    *out = b;
    return LINCE_OK;
}

static lince_status make_room(struct li_lowering *l)
{
    size_t n = (size_t)l->raw->parts, all = n + (size_t)l->raw->args;
    l->scope = li_arena_calloc(&l->scratch, n, sizeof *l->scope, l->err);
    l->owner = li_arena_calloc(&l->scratch, n, sizeof *l->owner, l->err);
    l->place = li_arena_calloc(&l->scratch, n, sizeof *l->place, l->err);
    l->type = li_arena_calloc(&l->scratch, n, sizeof *l->type, l->err);
    l->through = li_arena_calloc(&l->scratch, n, sizeof *l->through, l->err);
    l->same = li_arena_calloc(&l->scratch, n, sizeof *l->same, l->err);
    l->captured = li_arena_alloc(&l->scratch, all * sizeof *l->captured, l->err);
    for (size_t i = 0; l->captured && i < all; i++) {
        l->captured[i] = LI_NONE;
    }
    return l->scope && l->owner && l->place && l->type && l->through && l->same && l->captured ? LINCE_OK
                                                                                               : LINCE_ENOMEM;
}

static lince_status lower(struct li_lowering *l, struct li_body **body)
{
    LI_TRY(li_arrays_resolve(l->raw, l->arena, l->err));
    l->flow = li_arena_calloc(&l->scratch, (size_t)l->raw->parts, 1, l->err);
    if (!l->flow) {
        return LINCE_ENOMEM;
    }
    if (!li_flow_find(l)) {
        return li_body_finish(l->raw, l->mem, l->err);
    }
    LI_TRY(make_room(l));
    LI_TRY(li_scopes_find(l));
    mark_effects(l);
    LI_TRY(make_scopes(l));
    LI_TRY(make_constructs(l));
    return make_whole(l, body);
}

lince_status li_lower(struct li_body **body, struct li_model *model, lince_error *err)
{
    struct li_lowering l = {.raw = *body, .arena = &model->arena, .mem = model->mem, .err = err};
    li_arena_init(&l.scratch, model->mem, 0);
    lince_status st = lower(&l, body);
    li_arena_free(&l.scratch);
    return st;
}
