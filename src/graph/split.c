/*
 * Cutting a graph in two: what comes first, and a graph of the rest whose inputs are values of the first. Segments of a
 * graph whose shapes depend on data, and a forward direction and what comes after it, are both made so.
 */
#include "internal.h"

struct splitting {
    const struct li_split *how;
    struct li_graph *rest;
    struct li_arena arena;
    li_vid *map;    /* from's values to rest's */
    li_vid *passed; /* values of `to` that rest takes, in the order of its inputs */
    int32_t passed_count;
    lince_error *err;
};

/* Known to all: a constant, or a handle. */
static bool is_settled(const struct li_value *value)
{
    return value->constant || (value->dtype == LINCE_RESOURCE && value->resource >= 0);
}

/* Where rest finds a value of `from`: among its own, as a constant, or as an input. */
static lince_status reach(struct splitting *p, li_vid v)
{
    li_vid here = p->how->map[v];
    if (p->map[v] >= 0 || here < 0) {
        return LINCE_OK;
    }
    const struct li_value *value = &p->how->to->values[here];
    if (is_settled(value)) {
        return li_graph_copy_value(p->rest, value, &p->map[v], p->err);
    }
    p->passed[p->passed_count++] = here;
    LI_TRY(li_graph_input(p->rest, value->dtype, &value->shape, &p->map[v], p->err));
    p->rest->values[p->map[v]].unshaped = value->unshaped;
    return LINCE_OK;
}

/* What a loop gives is what it is given in the end: any dtype and shape. */
static lince_status reach_loop(struct splitting *p, const struct li_node *loop)
{
    static const struct li_shape any = {.rank = -1};
    for (int i = 0; i < loop->nin; i++) {
        p->passed[p->passed_count++] = p->how->map[loop->in[i]];
    }
    for (int i = 0; i < loop->nout; i++) {
        LI_TRY(li_graph_input(p->rest, LINCE_VARIANT, &any, &p->map[loop->out[i]], p->err));
    }
    return LINCE_OK;
}

static lince_status copy_later(struct splitting *p, const struct li_node *node)
{
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(reach(p, node->in[i]));
    }
    return li_graph_copy_node(p->rest, p->how->from, node, p->map, p->err);
}

static lince_status set_outputs(struct splitting *p)
{
    const struct li_graph *from = p->how->from;
    li_vid *out = li_arena_alloc(&p->arena, (size_t)from->output_count * sizeof *out, p->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < from->output_count; i++) {
        LI_TRY(reach(p, from->outputs[i]));
        out[i] = p->map[from->outputs[i]];
    }
    LI_TRY(li_graph_set_outputs(p->rest, out, (int)from->output_count, p->err));
    return li_graph_set_outputs(p->how->to, p->passed, p->passed_count, p->err);
}

static lince_status fill(struct splitting *p)
{
    const struct li_split *how = p->how;
    const struct li_node *loop = how->loop == LI_NONE ? NULL : &how->from->nodes[how->loop];
    size_t values = (size_t)how->from->value_count + 1, more = loop ? (size_t)loop->nin : 0;
    p->map = li_arena_alloc(&p->arena, values * sizeof *p->map, p->err);
    p->passed = li_arena_alloc(&p->arena, (values + more) * sizeof *p->passed, p->err);
    if (!p->map || !p->passed) {
        return LINCE_ENOMEM;
    }
    for (size_t v = 0; v < values; v++) {
        p->map[v] = LI_NONE;
    }
    for (int32_t i = 0; i < how->given_count; i++) {
        const struct li_value *value = &how->from->values[how->given[i]];
        LI_TRY(li_graph_input(p->rest, value->dtype, &value->shape, &p->map[how->given[i]], p->err));
    }
    LI_TRY(loop ? reach_loop(p, loop) : LINCE_OK);
    for (int32_t n = 0; n < how->from->node_count; n++) {
        if (how->later[n] && n != how->loop) {
            LI_TRY(copy_later(p, &how->from->nodes[n]));
        }
    }
    return set_outputs(p);
}

lince_status li_graph_split(struct li_graph **rest, const struct li_split *how, lince_error *err)
{
    struct splitting p = {.how = how, .err = err};
    LI_TRY(li_graph_new_from(&p.rest, how->to, err)); /* and so keeps what was folded */
    li_arena_init(&p.arena, how->to->arena.mem, 0);
    lince_status st = fill(&p);
    li_arena_free(&p.arena);
    if (st) {
        li_graph_free(p.rest);
        return st;
    }
    *rest = p.rest;
    return LINCE_OK;
}
