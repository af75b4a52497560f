/*
 * New graphs from old: what is needed, without the rest; nodes replaced by others; nodes added for gradients and
 * passes.
 */
#include "internal.h"

#include <assert.h>
#include <string.h>

/* ---- What is needed ---------------------------------------------------------------------------------------------- */

/* Backwards: in execution order everything that reads a value comes after the node that makes it. */
void li_graph_needed(const struct li_graph *g, bool *needed, bool *value)
{
    for (int32_t i = 0; i < g->output_count; i++) {
        value[g->outputs[i]] = true;
    }
    for (int32_t n = g->node_count - 1; n >= 0; n--) {
        const struct li_node *node = &g->nodes[n];
        needed[n] = node->required;
        for (int i = 0; i < node->nout; i++) {
            needed[n] |= value[node->out[i]];
        }
        for (int i = 0; needed[n] && i < node->nin; i++) {
            value[node->in[i]] = true;
        }
    }
}

/* Values that stay: those read, all outputs of needed nodes, inputs, and the buffers that others lie in. */
static void mark_values(const struct li_graph *g, const bool *needed, bool *value)
{
    for (int32_t i = 0; i < g->input_count; i++) {
        value[g->inputs[i]] = true;
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; needed[n] && i < g->nodes[n].nout; i++) {
            value[g->nodes[n].out[i]] = true;
        }
    }
    for (li_vid v = 0; v < g->value_count; v++) {
        if (value[v]) {
            value[g->values[v].view.base] = true;
        }
    }
}

static void renumber_nodes(struct li_graph *g, const bool *needed, const li_vid *moved)
{
    int32_t count = 0;
    for (int32_t n = 0; n < g->node_count; n++) {
        if (!needed[n]) {
            continue;
        }
        struct li_node *node = &g->nodes[count];
        *node = g->nodes[n];
        for (int i = 0; i < node->nin; i++) {
            node->in[i] = moved[node->in[i]];
        }
        for (int i = 0; i < node->nout; i++) {
            node->out[i] = moved[node->out[i]];
            g->values[node->out[i]].producer = count;
        }
        count++;
    }
    g->node_count = count;
}

static void renumber_values(struct li_graph *g, const bool *value, li_vid *moved)
{
    int32_t count = 0;
    for (li_vid v = 0; v < g->value_count; v++) {
        moved[v] = value[v] ? count++ : LI_NONE;
    }
    for (li_vid v = 0; v < g->value_count; v++) {
        if (value[v]) {
            struct li_value *to = &g->values[moved[v]];
            *to = g->values[v];
            to->view.base = moved[to->view.base];
            to->producer = LI_NONE; /* set again by the node */
        }
    }
    g->value_count = count;
    for (int32_t i = 0; i < g->input_count; i++) {
        g->inputs[i] = moved[g->inputs[i]];
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        g->outputs[i] = moved[g->outputs[i]];
    }
}

lince_status li_graph_compact(struct li_graph *g, lince_error *err)
{
    struct li_arena arena;
    li_arena_init(&arena, g->arena.mem, 0);
    bool *needed = li_arena_calloc(&arena, (size_t)g->node_count + 1, sizeof *needed, err);
    bool *value = li_arena_calloc(&arena, (size_t)g->value_count + 1, sizeof *value, err);
    li_vid *moved = li_arena_alloc(&arena, ((size_t)g->value_count + 1) * sizeof *moved, err);
    bool done = needed && value && moved;
    if (done) {
        li_graph_needed(g, needed, value);
        mark_values(g, needed, value);
        renumber_values(g, value, moved);
        renumber_nodes(g, needed, moved);
    }
    li_arena_free(&arena);
    return done ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- Rewriting --------------------------------------------------------------------------------------------------- */

static void count_uses(const struct li_graph *g, int32_t *uses)
{
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].nin; i++) {
            uses[g->nodes[n].in[i]]++;
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        uses[g->outputs[i]]++;
    }
}

static lince_status begin(struct li_rewrite *r, struct li_arena *arena, lince_error *err)
{
    size_t values = (size_t)r->from->value_count + 1;
    int32_t *uses = li_arena_calloc(arena, values, sizeof *uses, err);
    r->map = li_arena_alloc(arena, values * sizeof *r->map, err);
    if (!uses || !r->map) {
        return LINCE_ENOMEM;
    }
    for (size_t v = 0; v < values; v++) {
        r->map[v] = LI_NONE;
    }
    count_uses(r->from, uses);
    r->uses = uses;
    LI_TRY(li_graph_new_from(&r->to, r->from, err));
    if (r->env) {
        r->to->env = r->env;
    }
    LI_TRY(li_graph_reserve(r->to, r->from->value_count, r->from->node_count, err));
    return li_graph_copy_sources(r->to, r->from, r->map, err);
}

static lince_status copy_nodes(struct li_rewrite *r,
                               lince_status (*visit)(struct li_rewrite *, int32_t, bool *, lince_error *),
                               lince_error *err)
{
    for (int32_t n = 0; n < r->from->node_count; n++) {
        bool done = false;
        if (visit) {
            LI_TRY(visit(r, n, &done, err));
        }
        if (!done) {
            LI_TRY(li_graph_copy_node(r->to, r->from, &r->from->nodes[n], r->map, err));
        }
    }
    return LINCE_OK;
}

static lince_status map_outputs(struct li_rewrite *r, struct li_arena *arena, lince_error *err)
{
    size_t count = (size_t)r->from->output_count;
    li_vid *out = li_arena_alloc(arena, count * sizeof *out, err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = r->map[r->from->outputs[i]];
    }
    return li_graph_set_outputs(r->to, out, (int)count, err);
}

/* Nothing was replaced, so each value has its copy. */
static void copy_views(struct li_rewrite *r)
{
    for (li_vid v = 0; v < r->from->value_count; v++) {
        struct li_value *to = &r->to->values[r->map[v]];
        to->view = r->from->values[v].view;
        to->view.base = r->map[to->view.base];
    }
}

static lince_status rewrite(struct li_rewrite *r, struct li_arena *arena,
                            lince_status (*visit)(struct li_rewrite *, int32_t, bool *, lince_error *),
                            lince_error *err)
{
    LI_TRY(begin(r, arena, err));
    LI_TRY(copy_nodes(r, visit, err));
    LI_TRY(map_outputs(r, arena, err));
    if (!visit) {
        copy_views(r);
    }
    return li_graph_compact(r->to, err);
}

lince_status li_graph_rewrite(struct li_graph **out, const struct li_graph *g, const struct li_env *env, void *context,
                              lince_status (*visit)(struct li_rewrite *r, int32_t node, bool *done, lince_error *err),
                              lince_error *err)
{
    struct li_rewrite r = {.from = g, .context = context, .env = env};
    struct li_arena arena;
    li_arena_init(&arena, g->arena.mem, 0);
    lince_status st = rewrite(&r, &arena, visit, err);
    li_arena_free(&arena);
    if (st) {
        li_graph_free(r.to);
        return st;
    }
    *out = r.to;
    return LINCE_OK;
}

lince_status li_graph_prune(struct li_graph **out, const struct li_graph *g, lince_error *err)
{
    return li_graph_rewrite(out, g, NULL, NULL, NULL, err);
}

/* ---- Copying ----------------------------------------------------------------------------------------------------- */

static lince_status copy_ids(struct li_graph *g, li_vid **ids, int count, lince_error *err)
{
    li_vid *copy = li_arena_alloc(&g->arena, (size_t)count * sizeof *copy, err);
    if (!copy) {
        return LINCE_ENOMEM;
    }
    if (count) {
        memcpy(copy, *ids, (size_t)count * sizeof *copy);
    }
    *ids = copy;
    return LINCE_OK;
}

static lince_status copy_all(struct li_graph *to, const struct li_graph *from, lince_error *err)
{
    LI_TRY(li_graph_reserve(to, from->value_count, from->node_count, err));
    for (int32_t i = 0; i < from->input_count; i++) { /* for the room that inputs have; overwritten below */
        li_vid v;
        const struct li_value *value = &from->values[from->inputs[i]];
        LI_TRY(li_graph_input(to, value->dtype, &value->shape, &v, err));
        to->inputs[i] = from->inputs[i];
    }
    if (from->value_count) {
        memcpy(to->values, from->values, (size_t)from->value_count * sizeof *to->values);
    }
    to->value_count = from->value_count;
    for (int32_t n = 0; n < from->node_count; n++) {
        struct li_node *node = &to->nodes[n];
        *node = from->nodes[n];
        LI_TRY(copy_ids(to, &node->in, node->nin, err));
        LI_TRY(copy_ids(to, &node->out, node->nout, err));
    }
    to->node_count = from->node_count;
    return li_graph_set_outputs(to, from->outputs, from->output_count, err);
}

lince_status li_graph_copy(struct li_graph **out, const struct li_graph *g, lince_error *err)
{
    struct li_graph *copy;
    LI_TRY(li_graph_new_from(&copy, g, err));
    lince_status st = copy_all(copy, g, err);
    if (st) {
        li_graph_free(copy);
        return st;
    }
    *out = copy;
    return LINCE_OK;
}

/* ---- Emitting ---------------------------------------------------------------------------------------------------- */

lince_status li_graph_emit(struct li_graph *g, const char *op, const char *name, const li_vid *in, int nin,
                           const struct li_attr *attrs, int nattrs, li_vid *out, int nout, lince_error *err)
{
    const struct li_op *row = li_ops_find(g->ops, op);
    struct li_node *node;
    if (!row) {
        return li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): there is no such op", name, op);
    }
    LI_TRY(li_graph_append(g, row, name, in, nin, attrs, nattrs, &node, err));
    assert(nout <= node->nout);
    if (nout) {
        memcpy(out, node->out, (size_t)nout * sizeof *out);
    }
    lince_status st = li_graph_infer_node(g, g->node_count - 1, g->env, err);
    if (st == LI_DEFER) {
        return li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): its shape depends on data", name, op);
    }
    LI_TRY(st);
    li_graph_drop_settled(g);
    return LINCE_OK;
}

lince_status li_grad_emit(struct li_grad *g, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                          int nattrs, li_vid *out)
{
    const char *name = li_arena_printf(&g->graph->arena, g->err, "gradients/%s/%s", g->node->name, op);
    if (!name) {
        return LINCE_ENOMEM;
    }
    return li_graph_emit(g->graph, op, name, in, nin, attrs, nattrs, out, 1, g->err);
}

lince_status li_grad_absent(struct li_grad *g)
{
    return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): has no gradient, in TensorFlow neither",
                   g->node->name, g->node->op->name);
}

lince_status li_grad_bodies(struct li_grad *g)
{
    return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): has no gradient without its bodies", g->node->name,
                   g->node->op->name);
}

lince_status li_grad_none(struct li_grad *g)
{
    (void)g;
    return LINCE_OK;
}
