/*
 * Inference: from a bound graph and what is known of its inputs to one in which every value has a dtype and a shape,
 * and what can be known without running is a constant.
 *
 * Nodes are taken in order. One whose rule asks for a content that only running tells is deferred, and with it what
 * depends on it; the deferred nodes become the rest. Where the selector of a branch is known, its body takes the place
 * of the node and inference begins again on that graph: as often as such branches depend on each other.
 */
#include "inference.h"

#include <string.h>

/* ---- One node ---------------------------------------------------------------------------------------------------- */

static lince_status apply_rule(struct li_graph *g, int32_t n, const struct li_known *known, uint64_t *asked,
                               const struct li_env *env, lince_error *err)
{
    struct li_node *node = &g->nodes[n];
    struct li_infer s = {.graph = g, .node = node, .known = known, .asked = asked, .env = env, .err = err};
    LI_TRY(li_graph_touch(g, n, NULL, err));
    if (node->op->shape) {
        LI_TRY(node->op->shape(&s));
    }
    for (int i = 0; i < node->nout; i++) {
        if (g->values[node->out[i]].shape.rank < 0) {
            return li_infer_fail(&s, LINCE_EUNSUPPORTED, "its row says nothing of output %d", i);
        }
    }
    return LINCE_OK;
}

lince_status li_graph_infer_node(struct li_graph *g, int32_t node, const struct li_env *env, lince_error *err)
{
    return apply_rule(g, node, NULL, NULL, env, err);
}

static bool is_settled(const struct li_value *value)
{
    return value->constant || (value->dtype == LINCE_RESOURCE && value->resource >= 0);
}

void li_graph_drop_settled(struct li_graph *g)
{
    const struct li_node *node = &g->nodes[g->node_count - 1];
    if (node->nout == 0 || (node->effects & ~(unsigned)LI_EFFECT_FAIL)) {
        return;
    }
    for (int i = 0; i < node->nout; i++) {
        if (!is_settled(&g->values[node->out[i]])) {
            return;
        }
    }
    for (int i = 0; i < node->nout; i++) {
        g->values[node->out[i]].producer = LI_NONE;
    }
    g->node_count--;
}

/* ---- All nodes --------------------------------------------------------------------------------------------------- */

/* A copy of the node, of whose outputs an earlier inference may have known other shapes. */
static lince_status copy_fresh(struct li_inference *f, const struct li_node *node)
{
    li_vid values = f->to->value_count;
    LI_TRY(li_graph_copy_node(f->to, f->from, node, f->map, f->err));
    for (li_vid v = values; v < f->to->value_count; v++) {
        f->to->values[v].shape.rank = -1;
        f->to->values[v].constant = NULL;
    }
    return LINCE_OK;
}

/* Take the last node back: it waits, or gives way to a branch. */
static lince_status take_back(struct li_inference *f, int32_t n, int32_t values)
{
    const struct li_node *node = &f->from->nodes[n];
    f->to->value_count = values;
    f->to->node_count--;
    for (int i = 0; i < node->nout; i++) {
        f->map[node->out[i]] = LI_NONE;
    }
    return li_infer_defer(f, n);
}

/* The selector of a branch is known, or that a loop is ready to run. */
static lince_status infer_control(struct li_inference *f, int32_t n, int32_t values)
{
    int taken = LI_NONE;
    LI_TRY(li_graph_touch(f->to, f->to->node_count - 1, NULL, f->err));
    lince_status st = li_infer_control(f, &taken);
    if (taken != LI_NONE) {
        f->taken[f->taken_count++] = (struct li_taken){n, taken};
    } else if (st == LI_DEFER && f->loop == LI_NONE && f->from->nodes[n].op->control == LI_CONTROL_LOOP) {
        f->loop = n;
        f->loop_node = f->to->nodes[f->to->node_count - 1];
    }
    return taken != LI_NONE || st == LI_DEFER ? take_back(f, n, values) : st;
}

static lince_status infer_one(struct li_inference *f, int32_t n)
{
    const struct li_node *node = &f->from->nodes[n];
    if (li_infer_must_wait(f, node)) {
        return li_infer_defer(f, n);
    }
    int32_t values = f->to->value_count, nodes = f->to->node_count;
    LI_TRY(copy_fresh(f, node));
    if (node->bodies) {
        return infer_control(f, n, values);
    }
    lince_status st = apply_rule(f->to, nodes, f->known, &f->asked, f->env, f->err);
    if (st == LI_DEFER) {
        return take_back(f, n, values);
    }
    LI_TRY(st);
    LI_TRY(li_infer_fold(f));
    if (f->to->node_count > nodes) {
        li_graph_drop_settled(f->to);
    }
    return LINCE_OK;
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

static lince_status check_content(const struct li_tensor *content, int32_t i, const struct li_value *value,
                                  lince_error *err)
{
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (!content || (content->dtype == value->dtype && li_shape_equal(&content->shape, &value->shape))) {
        return LINCE_OK;
    }
    return li_fail(err, LINCE_EINVAL, "input %d is said to hold %s%s, wanted %s%s", (int)i,
                   li_dtype_name(content->dtype), li_shape_text(&content->shape, found), li_dtype_name(value->dtype),
                   li_shape_text(&value->shape, wanted));
}

/* The roots of contents are inputs; all from the 64th on count as one. */
static uint64_t root(int32_t input)
{
    return (uint64_t)1 << LI_MIN(input, 63);
}

static lince_status take_dtype(struct li_value *value, int32_t i, lince_dtype given, lince_error *err)
{
    if (given != LINCE_DTYPE_NONE && given != value->dtype && value->dtype != LINCE_VARIANT) {
        return li_fail(err, LINCE_EINVAL, "input %d is %s, wanted %s", (int)i, li_dtype_name(given),
                       li_dtype_name(value->dtype));
    }
    if (value->dtype == LINCE_VARIANT && given != LINCE_DTYPE_NONE) {
        value->dtype = given;
    }
    return LINCE_OK;
}

/* An input that knew the elements of its list keeps them. */
static bool fits_list(const struct li_infer_input *given, const struct li_value *value)
{
    return given->unshaped && li_shape_full(&value->shape) && value->shape.rank > 0 &&
           value->shape.dim[0] == given->shape.dim[0];
}

static lince_status take_input(struct li_inference *f, int32_t i, const struct li_infer_input *given)
{
    struct li_value *value = &f->to->values[f->to->inputs[i]];
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    size_t bytes;
    LI_TRY(take_dtype(value, i, given->dtype, f->err));
    if (fits_list(given, value)) {
        return LINCE_OK;
    }
    if (!li_shape_full(&given->shape) || !li_shape_compatible(&given->shape, &value->shape)) {
        return li_fail(f->err, LINCE_EINVAL, "input %d has shape %s, wanted %s", (int)i,
                       li_shape_text(&given->shape, found), li_shape_text(&value->shape, wanted));
    }
    lince_status st = li_shape_bytes(&given->shape, value->dtype, &bytes, f->err);
    if (st) {
        return li_prefix(f->err, st, "input %d", (int)i);
    }
    value->shape = given->shape;
    value->unshaped |= given->unshaped;
    LI_TRY(check_content(given->known, i, value, f->err));
    LI_TRY(check_content(given->constant, i, value, f->err));
    value->constant = given->constant;
    if (given->known) {
        f->known[f->to->inputs[i]] = (struct li_known){given->known, root(i)};
    }
    return LINCE_OK;
}

static bool any_known(const struct li_infer_input *inputs, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (inputs[i].known) {
            return true;
        }
    }
    return false;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static lince_status begin(struct li_inference *f, bool known)
{
    size_t values = (size_t)f->from->value_count + 1, nodes = (size_t)f->from->node_count + 1;
    f->map = li_arena_alloc(&f->arena, values * sizeof *f->map, f->err);
    f->needed = li_arena_calloc(&f->arena, nodes, sizeof *f->needed, f->err);
    f->deferred = li_arena_calloc(&f->arena, nodes, sizeof *f->deferred, f->err);
    f->taken = li_arena_alloc(&f->arena, nodes * sizeof *f->taken, f->err);
    bool *scratch = li_arena_calloc(&f->arena, values, sizeof *scratch, f->err);
    f->known = known ? li_arena_calloc(&f->arena, values, sizeof *f->known, f->err) : NULL;
    if (!f->map || !f->needed || !f->deferred || !f->taken || !scratch || (known && !f->known)) {
        return LINCE_ENOMEM;
    }
    for (size_t v = 0; v < values; v++) {
        f->map[v] = LI_NONE;
    }
    li_graph_needed(f->from, f->needed, scratch);
    LI_TRY(li_graph_new_from(&f->to, f->from, f->err));
    f->to->env = f->env;
    LI_TRY(li_graph_reserve(f->to, f->from->value_count, f->from->node_count, f->err));
    return li_graph_copy_sources(f->to, f->from, f->map, f->err);
}

static lince_status map_outputs(struct li_inference *f)
{
    size_t count = (size_t)f->from->output_count;
    li_vid *out = li_arena_alloc(&f->arena, count * sizeof *out, f->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = f->map[f->from->outputs[i]];
    }
    return li_graph_set_outputs(f->to, out, (int)count, f->err);
}

static lince_status split(struct li_inference *f, struct li_inferred *out)
{
    const struct li_split how = {.from = f->from, .to = f->to, .map = f->map, .later = f->deferred, .loop = f->loop};
    LI_TRY(li_graph_split(&out->rest, &how, f->err));
    if (f->loop != LI_NONE) {
        out->loop = f->loop_node; /* what it points to is kept by the rest */
    }
    return LINCE_OK;
}

/* What was chosen is part of what tells one inferred graph from another. */
static lince_status note_choices(const struct li_inference *f, struct li_inferred *out)
{
    int32_t count = out->choices + f->taken_count;
    if (count > LI_MAX_CHOICES) {
        const struct li_node *node = &f->from->nodes[f->taken[0].node];
        return li_fail(f->err, LINCE_ELIMIT, "node \"%s\" (%s): more than %d branches are taken before anything runs",
                       node->name, node->op->name, LI_MAX_CHOICES);
    }
    int32_t *choice = li_realloc(f->from->arena.mem, out->choice, (size_t)count * sizeof *choice, f->err);
    if (!choice) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < f->taken_count; i++) {
        choice[out->choices + i] = f->taken[i].body;
    }
    out->choice = choice;
    out->choices = count;
    return LINCE_OK;
}

/* One pass over the nodes. *again: branches were taken, and this is the graph to go on with. */
static lince_status pass(struct li_inference *f, const struct li_infer_input *inputs, struct li_inferred *out,
                         struct li_graph **again)
{
    LI_TRY(begin(f, any_known(inputs, f->from->input_count)));
    for (int32_t i = 0; i < f->from->input_count; i++) {
        LI_TRY(take_input(f, i, &inputs[i]));
    }
    for (int32_t n = 0; n < f->from->node_count; n++) {
        if (f->needed[n]) {
            LI_TRY(infer_one(f, n));
        }
    }
    if (f->taken_count) {
        LI_TRY(note_choices(f, out));
        return li_infer_splice(again, f);
    }
    LI_TRY(f->deferred_count ? split(f, out) : map_outputs(f));
    lince_status st = li_graph_compact(f->to, f->err);
    if (st) {
        li_graph_free(out->rest);
        return st;
    }
    out->graph = f->to;
    f->to = NULL;
    return LINCE_OK;
}

static lince_status passes(const struct li_graph *g, const struct li_infer_input *inputs, const struct li_env *env,
                           struct li_nesting at, struct li_inferred *out, lince_error *err)
{
    struct li_graph *spliced = NULL;
    lince_status st = LINCE_OK;
    while (!st && !out->graph) {
        struct li_inference f = {.from = spliced ? spliced : g, .env = env, .err = err, .at = at, .loop = LI_NONE};
        struct li_graph *again = NULL;
        li_arena_init(&f.arena, g->arena.mem, 0);
        st = pass(&f, inputs, out, &again);
        out->asked |= f.asked;
        li_graph_free(f.to);
        li_arena_free(&f.arena);
        li_graph_free(spliced);
        spliced = again;
    }
    li_graph_free(spliced);
    return st;
}

lince_status li_infer_at(struct li_inferred *out, const struct li_graph *g, const struct li_infer_input *inputs,
                         const struct li_env *env, struct li_nesting at, lince_error *err)
{
    *out = (struct li_inferred){.graph = NULL};
    lince_status st = passes(g, inputs, env, at, out, err);
    if (st) {
        li_free(g->arena.mem, out->choice);
        *out = (struct li_inferred){.graph = NULL};
    }
    return st;
}

lince_status li_graph_infer(struct li_inferred *out, const struct li_graph *g, const struct li_infer_input *inputs,
                            const struct li_env *env, lince_error *err)
{
    int64_t looked_at = 0;
    return li_infer_at(out, g, inputs, env, (struct li_nesting){0, &looked_at}, err);
}

void li_inferred_free(struct li_inferred *inferred)
{
    if (inferred->graph) {
        li_free(inferred->graph->arena.mem, inferred->choice);
    }
    li_graph_free(inferred->graph);
    li_graph_free(inferred->rest);
    *inferred = (struct li_inferred){.graph = NULL};
}
