/*
 * A layer: the gradients of a graph's outputs as one graph with it, cut between the two directions.
 *
 * Backward nodes lie behind all forward nodes, in execution order. When they are copied, a value of the forward that is
 * to be made again (again.c) gets a twin of the node that makes it, right before the first backward node that reads it;
 * readers after that read the twin. So a twin's value lives no longer than it is needed.
 */
#include "train/train.h"

#include <string.h>

struct cutting {
    const struct li_layer_wants *wants;
    const struct li_graph *from;
    const struct li_env *env;
    struct li_arena arena;
    struct li_graph *joint; /* forward and backward */
    int32_t forward;        /* nodes of joint that are forward */
    li_vid *upstream;       /* by output of the forward; LI_NONE: none arrives there */
    li_vid *given;          /* those there are */
    int32_t given_count;
    li_vid *target, *grad; /* of what is wanted and may have a gradient */
    int *want;             /* which */
    int target_count;
    const bool *again;      /* by value of joint */
    struct li_graph *whole; /* joint with twins */
    int32_t first_twin;     /* of whole's nodes */
    li_vid *map, *late;     /* joint's values in whole: for the forward; for what comes later */
    lince_error *err;
};

/* ---- The gradients ----------------------------------------------------------------------------------------------- */

static lince_status add_upstreams(struct cutting *c, struct li_graph *g)
{
    for (int32_t i = 0; i < g->output_count; i++) {
        const struct li_value value = g->values[g->outputs[i]];
        c->upstream[i] = LI_NONE;
        if (li_dtype_is_float(value.dtype) && (!c->wants->arrives || c->wants->arrives[i])) {
            LI_TRY(li_graph_input(g, value.dtype, &value.shape, &c->upstream[i], c->err));
            c->given[c->given_count++] = c->upstream[i];
        }
    }
    return LINCE_OK;
}

static void add_target(struct cutting *c, li_vid v, int want)
{
    c->target[c->target_count] = v;
    c->want[c->target_count++] = want;
}

/* Variables, by a handle of their own, since some are known in bodies alone; and inputs. */
static lince_status add_targets(struct cutting *c, struct li_graph *g)
{
    const struct li_layer_wants *w = c->wants;
    li_vid v;
    for (int i = 0; i < w->variable_count; i++) {
        LI_TRY(li_graph_resource(g, w->variables[i], &v, c->err));
        add_target(c, v, i);
    }
    for (int i = 0; i < w->input_count; i++) {
        v = w->inputs[i] < c->from->input_count ? g->inputs[w->inputs[i]] : LI_NONE;
        if (v != LI_NONE && li_dtype_is_float(g->values[v].dtype)) {
            add_target(c, v, w->variable_count + i);
        }
    }
    return LINCE_OK;
}

static lince_status differentiate(struct cutting *c)
{
    struct li_graph *g;
    struct li_gradient_options o = c->wants->differentiate;
    LI_TRY(li_graph_copy(&g, c->from, c->err));
    g->env = c->env;
    lince_status st = add_upstreams(c, g);
    st = st ? st : add_targets(c, g);
    if (!st) {
        li_vid *outputs = c->given + c->given_count, *arriving = outputs + c->given_count; /* see take_room() */
        o.output_count = 0;
        for (int32_t i = 0; i < g->output_count; i++) {
            if (c->upstream[i] != LI_NONE) {
                outputs[o.output_count] = g->outputs[i];
                arriving[o.output_count++] = c->upstream[i];
            }
        }
        o.outputs = outputs;
        o.upstream = arriving;
        o.targets = c->target;
        o.target_count = c->target_count;
        o.none = true;
        st = li_gradient(&c->joint, g, &o, c->grad, c->err);
    }
    li_graph_free(g);
    return st;
}

/* ---- Twins ------------------------------------------------------------------------------------------------------- */

static lince_status twin(struct cutting *c, li_vid v)
{
    int32_t producer = c->joint->values[v].producer;
    if (!c->again[v] || c->late[v] != c->map[v]) {
        return LINCE_OK;
    }
    const struct li_node *node = &c->joint->nodes[producer];
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(twin(c, node->in[i]));
    }
    return li_graph_copy_node(c->whole, c->joint, node, c->late, c->err);
}

static lince_status copy_backward(struct cutting *c)
{
    for (int32_t n = c->forward; n < c->joint->node_count; n++) {
        const struct li_node *node = &c->joint->nodes[n];
        for (int i = 0; i < node->nin; i++) {
            LI_TRY(twin(c, node->in[i]));
        }
        LI_TRY(li_graph_copy_node(c->whole, c->joint, node, c->late, c->err));
    }
    for (int i = 0; i < c->target_count; i++) {
        LI_TRY(c->grad[i] == LI_NONE ? LINCE_OK : twin(c, c->grad[i]));
    }
    return LINCE_OK;
}

static lince_status copy_with_twins(struct cutting *c)
{
    size_t values = (size_t)c->joint->value_count + 1;
    LI_TRY(li_graph_new_from(&c->whole, c->joint, c->err));
    c->whole->env = c->env;
    LI_TRY(li_graph_copy_sources(c->whole, c->joint, c->map, c->err));
    for (int32_t n = 0; n < c->forward; n++) {
        LI_TRY(li_graph_copy_node(c->whole, c->joint, &c->joint->nodes[n], c->map, c->err));
    }
    c->first_twin = c->whole->node_count;
    memcpy(c->late, c->map, values * sizeof *c->late);
    return copy_backward(c);
}

/* Of floats it makes something else: which of them are equal, or larger. */
static bool compares(const struct li_graph *g, const struct li_node *node)
{
    for (int i = 0; i < node->nout; i++) {
        if (!li_dtype_is_float(g->values[node->out[i]].dtype)) {
            return true;
        }
    }
    return false;
}

static lince_status find_again(struct cutting *c)
{
    const struct li_graph *g = c->joint;
    uint8_t *later = li_arena_calloc(&c->arena, (size_t)g->value_count + 1, sizeof *later, c->err);
    size_t values = (size_t)g->value_count + 1;
    c->map = li_arena_alloc(&c->arena, values * sizeof *c->map, c->err);
    c->late = li_arena_alloc(&c->arena, values * sizeof *c->late, c->err);
    if (!later || !c->map || !c->late) {
        return LINCE_ENOMEM;
    }
    for (size_t v = 0; v < values; v++) {
        c->map[v] = LI_NONE;
    }
    for (int32_t n = c->forward; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].nin; i++) {
            uint8_t *how = &later[g->nodes[n].in[i]];
            *how = LI_MAX(*how, compares(g, &g->nodes[n]) ? LI_LAYER_COMPARED : LI_LAYER_READ);
        }
    }
    return li_layer_again(&c->again, c->joint, c->forward, later, c->wants->recompute, c->env, &c->arena, c->err);
}

/* ---- The cut ----------------------------------------------------------------------------------------------------- */

/* The gradients wanted, or that there is none. */
static lince_status set_gradients(struct cutting *c)
{
    static const struct li_tensor none = {.dtype = LINCE_FLOAT32, .shape = {1, {0}}};
    int count = c->wants->variable_count + c->wants->input_count;
    li_vid nothing, *out = li_arena_alloc(&c->arena, ((size_t)count + 1) * sizeof *out, c->err);
    LI_TRY(out ? li_graph_constant(c->whole, &none, &nothing, c->err) : LINCE_ENOMEM);
    for (int i = 0; i < count; i++) {
        out[i] = nothing;
    }
    for (int i = 0; i < c->target_count; i++) {
        out[c->want[i]] = c->grad[i] == LI_NONE ? nothing : c->late[c->grad[i]];
    }
    return li_graph_set_outputs(c->whole, out, count, c->err);
}

static lince_status split(struct cutting *c, struct li_cut *cut)
{
    struct li_graph *w = c->whole;
    size_t nodes = (size_t)w->node_count + 1, values = (size_t)w->value_count + 1;
    bool *later = li_arena_calloc(&c->arena, nodes, sizeof *later, c->err);
    li_vid *itself = li_arena_alloc(&c->arena, values * sizeof *itself, c->err);
    if (!later || !itself) {
        return LINCE_ENOMEM;
    }
    for (li_vid v = 0; v < w->value_count; v++) {
        itself[v] = v;
    }
    for (int32_t n = c->first_twin; n < w->node_count; n++) {
        later[n] = true;
    }
    for (int32_t i = 0; i < c->given_count; i++) {
        c->given[i] = c->map[c->given[i]];
    }
    const struct li_split how = {.from = w,
                                 .to = w,
                                 .map = itself,
                                 .later = later,
                                 .loop = LI_NONE,
                                 .given = c->given,
                                 .given_count = c->given_count};
    cut->given = c->given_count;
    return li_graph_split(&cut->rest, &how, c->err);
}

/* The forward: its own results, then what is saved; upstream gradients are the last inputs there are, and not its. */
static lince_status finish_forward(struct cutting *c, struct li_graph **out)
{
    struct li_graph *w = c->whole;
    int32_t results = c->from->output_count, saved = w->output_count;
    li_vid *all = li_arena_alloc(&c->arena, (size_t)(results + saved + 1) * sizeof *all, c->err);
    if (!all) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < results; i++) {
        all[i] = c->map[c->joint->outputs[i]];
    }
    if (saved) {
        memcpy(all + results, w->outputs, (size_t)saved * sizeof *all);
    }
    LI_TRY(li_graph_set_outputs(w, all, results + saved, c->err));
    w->input_count -= c->given_count;
    return li_graph_prune(out, w, c->err);
}

static lince_status take_room(struct cutting *c)
{
    size_t outputs = (size_t)c->from->output_count + 1;
    size_t wants = (size_t)c->wants->variable_count + (size_t)c->wants->input_count + 1;
    c->upstream = li_arena_alloc(&c->arena, outputs * sizeof *c->upstream, c->err);
    c->given = li_arena_alloc(&c->arena, 3 * outputs * sizeof *c->given, c->err); /* and what differentiate() lists */
    c->target = li_arena_alloc(&c->arena, wants * sizeof *c->target, c->err);
    c->grad = li_arena_alloc(&c->arena, wants * sizeof *c->grad, c->err);
    c->want = li_arena_alloc(&c->arena, wants * sizeof *c->want, c->err);
    return c->upstream && c->given && c->target && c->grad && c->want ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status run(struct cutting *c, struct li_graph **out, struct li_cut *cut)
{
    LI_TRY(take_room(c));
    LI_TRY(differentiate(c));
    c->forward = c->from->node_count;
    LI_TRY(find_again(c));
    LI_TRY(copy_with_twins(c));
    LI_TRY(set_gradients(c));
    LI_TRY(split(c, cut));
    return finish_forward(c, out);
}

lince_status li_layer_cut(struct li_graph **out, struct li_cut *cut, const struct li_graph *from, void *context,
                          const struct li_env *env, lince_error *err)
{
    struct cutting c = {.wants = context, .from = from, .env = env, .err = err};
    li_arena_init(&c.arena, env->mem, 0);
    lince_status st = run(&c, out, cut);
    li_graph_free(c.joint);
    li_graph_free(c.whole);
    li_arena_free(&c.arena);
    return st;
}
