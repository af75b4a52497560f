/*
 * Inference: from a bound graph and input shapes to one in which every value has a dtype and a shape, and what can be
 * known without running is a constant.
 *
 * Nodes are taken in order. One whose rule asks for a content that only running tells is deferred, and with it what
 * depends on it: through values, or through a resource that one of the two writes. The deferred nodes become the rest.
 */
#include "internal.h"

#include <string.h>

/*
 * Contents that are known for one run only are followed through nodes up to this size: shapes and what they are made
 * of.
 */
enum { MAX_KNOWN_ELEMENTS = 64 };

enum { TOUCH_READ = 1, TOUCH_WRITE = 2 };

struct inference {
    const struct li_graph *from;
    struct li_graph *to;
    const struct li_env *env;
    lince_error *err;
    struct li_arena arena;          /* until the end of this call */
    li_vid *map;                    /* from's values to to's; LI_NONE: deferred, or not yet there */
    const struct li_tensor **known; /* by value of `to`; NULL: nothing is known for this run */
    bool *needed, *deferred;        /* by node of `from` */
    int32_t deferred_count;
    unsigned char *touched; /* by resource: what deferred nodes do to it */
    int32_t touched_room;
};

/* ---- One node ---------------------------------------------------------------------------------------------------- */

lince_status li_graph_infer_node(struct li_graph *g, int32_t n, const struct li_tensor *const *known,
                                 const struct li_env *env, lince_error *err)
{
    struct li_node *node = &g->nodes[n];
    struct li_infer s = {.graph = g, .node = node, .known = known, .env = env, .err = err};
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

/* ---- Folding ----------------------------------------------------------------------------------------------------- */

/* What a value holds, where known; *only_now when for this run only. */
static const struct li_tensor *content(const struct inference *f, li_vid v, bool *only_now)
{
    const struct li_tensor *constant = f->to->values[v].constant;
    if (constant || !f->known) {
        return constant;
    }
    *only_now |= f->known[v] != NULL;
    return f->known[v];
}

static bool outputs_fit(const struct inference *f, const struct li_node *node, bool only_now)
{
    for (int i = 0; i < node->nout; i++) {
        const struct li_value *value = &f->to->values[node->out[i]];
        size_t bytes, size = li_dtype_size(value->dtype);
        if (size == 0 || li_shape_bytes(&value->shape, value->dtype, &bytes, NULL) || bytes > LI_MAX_FOLD_BYTES) {
            return false;
        }
        if (only_now && bytes / size > MAX_KNOWN_ELEMENTS) {
            return false;
        }
    }
    return true;
}

/* The inputs' contents; false where one is unknown, or too large to be followed for one run. */
static bool inputs_known(const struct inference *f, const struct li_node *node, struct li_tensor *in, bool *only_now)
{
    for (int i = 0; i < node->nin; i++) {
        bool now = false;
        const struct li_tensor *tensor = content(f, node->in[i], &now);
        if (!tensor || (now && li_shape_count(&tensor->shape) > MAX_KNOWN_ELEMENTS)) {
            return false;
        }
        in[i] = *tensor;
        *only_now |= now;
    }
    return true;
}

static lince_status remember(struct inference *f, li_vid v, const struct li_tensor *tensor, bool only_now)
{
    const struct li_tensor *own;
    LI_TRY(li_graph_own_tensor(f->to, tensor, &own, f->err));
    if (only_now) {
        f->known[v] = own;
    } else {
        f->to->values[v].constant = own;
    }
    return LINCE_OK;
}

/* The same bytes under the output's shape. */
static lince_status fold_alias(struct inference *f, const struct li_node *node, const struct li_tensor *in,
                               bool only_now)
{
    struct li_value *value = &f->to->values[node->out[0]];
    struct li_arena *kept = li_graph_kept(f->to, f->err);
    struct li_tensor *tensor = kept ? li_arena_alloc(kept, sizeof *tensor, f->err) : NULL;
    if (!tensor) {
        return LINCE_ENOMEM;
    }
    *tensor = *in;
    tensor->dtype = value->dtype;
    tensor->shape = value->shape;
    if (only_now) {
        f->known[node->out[0]] = tensor;
    } else {
        value->constant = tensor;
    }
    return LINCE_OK;
}

/* What fails on data here fails when it runs: the node is left alone, and may then be in nobody's way. */
static lince_status fold_forward(struct inference *f, const struct li_node *node, const struct li_tensor *in,
                                 bool only_now, bool *done)
{
    struct li_tensor *out = li_arena_calloc(&f->arena, (size_t)node->nout, sizeof *out, f->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_node_eval(f->to, node, in, out, f->env, f->err);
    if (st == LINCE_EDATA) {
        return LINCE_OK;
    }
    for (int i = 0; !st && i < node->nout; i++) {
        st = remember(f, node->out[i], &out[i], only_now);
    }
    for (int i = 0; i < node->nout; i++) {
        li_free(f->env->mem, out[i].data);
    }
    *done = !st;
    return st;
}

/* Evaluate the last node if its inputs are known and its outputs small. A check that holds for constants is dropped. */
static lince_status fold(struct inference *f)
{
    const struct li_node *node = &f->to->nodes[f->to->node_count - 1];
    bool alias = (node->op->flags & LI_OP_ALIAS) && node->nin > 0 && node->nout == 1, only_now = false, done = false;
    if ((node->op->flags & LI_OP_NO_FOLD) || (node->effects & ~(unsigned)LI_EFFECT_FAIL) || !f->env ||
        (!alias && !node->op->forward) || (node->nout == 0 && !node->effects)) {
        return LINCE_OK;
    }
    struct li_tensor few[8], *in = few;
    if (node->nin > (int)LI_COUNT(few)) {
        bool ignored = false; /* look before taking memory: seldom is it all known */
        for (int i = 0; i < node->nin; i++) {
            if (!content(f, node->in[i], &ignored)) {
                return LINCE_OK;
            }
        }
        in = li_arena_alloc(&f->arena, (size_t)node->nin * sizeof *in, f->err);
        if (!in) {
            return LINCE_ENOMEM;
        }
    }
    if (!inputs_known(f, node, in, &only_now)) {
        return LINCE_OK;
    }
    if (alias) {
        return fold_alias(f, node, in, only_now);
    }
    if (!outputs_fit(f, node, only_now)) {
        return LINCE_OK;
    }
    LI_TRY(fold_forward(f, node, in, only_now, &done));
    if (done && !only_now && node->nout == 0) {
        f->to->node_count--;
    }
    return LINCE_OK;
}

/* ---- Deferring --------------------------------------------------------------------------------------------------- */

static unsigned touch_kind(unsigned how)
{
    return how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM) ? TOUCH_WRITE : TOUCH_READ;
}

/* Touch i of a node of `from`, also where inference found only now what a handle stands for; false: there are fewer. */
static bool touch_at(const struct inference *f, const struct li_node *node, int i, struct li_touch *out)
{
    struct li_handle handle;
    if (node->touches) {
        *out = i < node->touches ? node->touch[i] : (struct li_touch){LI_NONE, 0};
        return i < node->touches;
    }
    if (!li_op_handle(node->op, i, &handle) || handle.input >= node->nin) {
        return false;
    }
    li_vid in = node->in[handle.input], v = f->map[in];
    *out = (struct li_touch){v >= 0 ? f->to->values[v].resource : f->from->values[in].resource, handle.how};
    return true;
}

/* Two reads may change places; nothing else on one resource may. */
static bool must_wait(const struct inference *f, const struct li_node *node)
{
    struct li_touch touch;
    for (int i = 0; i < node->nin; i++) {
        if (f->map[node->in[i]] < 0) {
            return true;
        }
    }
    for (int i = 0; touch_at(f, node, i, &touch); i++) {
        unsigned before = touch.resource < 0 || touch.resource >= f->touched_room ? 0 : f->touched[touch.resource];
        if (touch_kind(touch.how) == TOUCH_WRITE ? before != 0 : before & TOUCH_WRITE) {
            return true;
        }
    }
    return false;
}

static lince_status touch(struct inference *f, int32_t resource, unsigned how)
{
    if (resource >= f->touched_room) {
        int32_t room = LI_MAX(resource + 1, f->touched_room * 2);
        unsigned char *larger = li_arena_calloc(&f->arena, (size_t)room, 1, f->err);
        if (!larger) {
            return LINCE_ENOMEM;
        }
        if (f->touched_room) {
            memcpy(larger, f->touched, (size_t)f->touched_room);
        }
        f->touched = larger;
        f->touched_room = room;
    }
    f->touched[resource] |= (unsigned char)how;
    return LINCE_OK;
}

static lince_status defer(struct inference *f, int32_t n)
{
    struct li_touch found;
    f->deferred[n] = true;
    f->deferred_count++;
    for (int i = 0; touch_at(f, &f->from->nodes[n], i, &found); i++) {
        LI_TRY(found.resource >= 0 ? touch(f, found.resource, touch_kind(found.how)) : LINCE_OK);
    }
    return LINCE_OK;
}

/* ---- All nodes --------------------------------------------------------------------------------------------------- */

static lince_status infer_one(struct inference *f, int32_t n)
{
    const struct li_node *node = &f->from->nodes[n];
    if (must_wait(f, node)) {
        return defer(f, n);
    }
    int32_t values = f->to->value_count, nodes = f->to->node_count;
    LI_TRY(li_graph_copy_node(f->to, f->from, node, f->map, f->err));
    for (li_vid v = values; v < f->to->value_count; v++) { /* an earlier inference knew other shapes */
        f->to->values[v].shape.rank = -1;
        f->to->values[v].constant = NULL;
    }
    lince_status st = li_graph_infer_node(f->to, nodes, f->known, f->env, f->err);
    if (st == LI_DEFER) {
        f->to->value_count = values;
        f->to->node_count = nodes;
        for (int i = 0; i < node->nout; i++) {
            f->map[node->out[i]] = LI_NONE;
        }
        return defer(f, n);
    }
    LI_TRY(st);
    LI_TRY(fold(f));
    if (f->to->node_count > nodes) {
        li_graph_drop_settled(f->to);
    }
    return LINCE_OK;
}

static lince_status take_input(struct inference *f, int32_t i, const struct li_shape *shape,
                               const struct li_tensor *known)
{
    struct li_value *value = &f->to->values[f->to->inputs[i]];
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    size_t bytes;
    if (!li_shape_full(shape) || !li_shape_compatible(shape, &value->shape)) {
        return li_fail(f->err, LINCE_EINVAL, "input %d has shape %s, wanted %s", (int)i, li_shape_text(shape, found),
                       li_shape_text(&value->shape, wanted));
    }
    lince_status st = li_shape_bytes(shape, value->dtype, &bytes, f->err);
    if (st) {
        return li_prefix(f->err, st, "input %d", (int)i);
    }
    if (known && (known->dtype != value->dtype || !li_shape_equal(&known->shape, shape))) {
        return li_fail(f->err, LINCE_EINVAL, "input %d is said to hold %s%s, wanted %s%s", (int)i,
                       li_dtype_name(known->dtype), li_shape_text(&known->shape, found), li_dtype_name(value->dtype),
                       li_shape_text(shape, wanted));
    }
    value->shape = *shape;
    if (known) {
        f->known[f->to->inputs[i]] = known;
    }
    return LINCE_OK;
}

static lince_status begin(struct inference *f, bool any_known)
{
    size_t values = (size_t)f->from->value_count + 1, nodes = (size_t)f->from->node_count + 1;
    f->map = li_arena_alloc(&f->arena, values * sizeof *f->map, f->err);
    f->needed = li_arena_calloc(&f->arena, nodes, sizeof *f->needed, f->err);
    f->deferred = li_arena_calloc(&f->arena, nodes, sizeof *f->deferred, f->err);
    bool *scratch = li_arena_calloc(&f->arena, values, sizeof *scratch, f->err);
    f->known = any_known ? li_arena_calloc(&f->arena, values, sizeof *f->known, f->err) : NULL;
    if (!f->map || !f->needed || !f->deferred || !scratch || (any_known && !f->known)) {
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

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

struct splitting {
    struct inference *f;
    struct li_graph *rest;
    li_vid *map;    /* from's values to rest's */
    li_vid *passed; /* values of `to` that rest takes, in order */
    int32_t passed_count;
};

/* Where rest finds a value of `from`: among its own, as a constant, or as an input. */
static lince_status reach(struct splitting *p, li_vid v)
{
    li_vid here = p->f->map[v];
    if (p->map[v] >= 0 || here < 0) {
        return LINCE_OK;
    }
    const struct li_value *value = &p->f->to->values[here];
    if (is_settled(value)) {
        return li_graph_copy_value(p->rest, value, &p->map[v], p->f->err);
    }
    p->passed[p->passed_count++] = here;
    return li_graph_input(p->rest, value->dtype, &value->shape, &p->map[v], p->f->err);
}

static lince_status copy_deferred(struct splitting *p, const struct li_node *node)
{
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(reach(p, node->in[i]));
    }
    return li_graph_copy_node(p->rest, p->f->from, node, p->map, p->f->err);
}

static lince_status fill_rest(struct splitting *p)
{
    struct inference *f = p->f;
    size_t outputs = (size_t)f->from->output_count;
    p->map = li_arena_alloc(&f->arena, ((size_t)f->from->value_count + 1) * sizeof *p->map, f->err);
    p->passed = li_arena_alloc(&f->arena, ((size_t)f->from->value_count + 1) * sizeof *p->passed, f->err);
    li_vid *out = li_arena_alloc(&f->arena, outputs * sizeof *out, f->err);
    if (!p->map || !p->passed || !out) {
        return LINCE_ENOMEM;
    }
    for (li_vid v = 0; v < f->from->value_count; v++) {
        p->map[v] = LI_NONE;
    }
    for (int32_t n = 0; n < f->from->node_count; n++) {
        if (f->deferred[n]) {
            LI_TRY(copy_deferred(p, &f->from->nodes[n]));
        }
    }
    for (size_t i = 0; i < outputs; i++) {
        LI_TRY(reach(p, f->from->outputs[i]));
        out[i] = p->map[f->from->outputs[i]];
    }
    LI_TRY(li_graph_set_outputs(p->rest, out, (int)outputs, f->err));
    return li_graph_set_outputs(f->to, p->passed, p->passed_count, f->err);
}

static lince_status split(struct inference *f, struct li_graph **rest)
{
    struct splitting p = {.f = f};
    LI_TRY(li_graph_new_from(&p.rest, f->to, f->err)); /* and so keeps what was folded */
    lince_status st = fill_rest(&p);
    if (st) {
        li_graph_free(p.rest);
        return st;
    }
    *rest = p.rest;
    return LINCE_OK;
}

static lince_status map_outputs(struct inference *f)
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

static lince_status run(struct inference *f, struct li_graph **rest, const struct li_shape *shapes,
                        const struct li_tensor *const *known)
{
    LI_TRY(begin(f, known != NULL));
    for (int32_t i = 0; i < f->from->input_count; i++) {
        LI_TRY(take_input(f, i, &shapes[i], known ? known[i] : NULL));
    }
    for (int32_t n = 0; n < f->from->node_count; n++) {
        if (f->needed[n]) {
            LI_TRY(infer_one(f, n));
        }
    }
    if (f->deferred_count) {
        LI_TRY(split(f, rest));
    } else {
        LI_TRY(map_outputs(f));
    }
    return li_graph_compact(f->to, f->err);
}

lince_status li_graph_infer(struct li_graph **out, struct li_graph **rest, const struct li_graph *g,
                            const struct li_shape *shapes, const struct li_tensor *const *known,
                            const struct li_env *env, lince_error *err)
{
    struct inference f = {.from = g, .env = env, .err = err};
    struct li_graph *remaining = NULL;
    li_arena_init(&f.arena, g->arena.mem, 0);
    lince_status st = run(&f, &remaining, shapes, known);
    li_arena_free(&f.arena);
    if (st) {
        li_graph_free(f.to);
        li_graph_free(remaining);
        return st;
    }
    *out = f.to;
    *rest = remaining;
    return LINCE_OK;
}
