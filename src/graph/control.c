/*
 * Inference of nodes that run bodies.
 *
 * A branch whose selector is known is replaced by its body. One whose selector only running tells has outputs if all
 * its bodies give the same shapes; else it waits for the selector. So does one with a body that is in error, which
 * matters only if that is taken.
 *
 * A loop has outputs if its turn gives every variable the shape that it takes. What goes through all turns unchanged
 * and is constant is constant in the bodies too. A TensorList whose elements have no shape yet takes that which the
 * turn gives it: it begins as zeros. A loop whose shapes change otherwise, or depend on data, runs turn by turn.
 */
#include "inference.h"

#include <string.h>

/* Static inference looks into bodies so deep, and at so many of their nodes; what is beyond is left to running. */
enum { MAX_STATIC_DEPTH = 8, MAX_STATIC_NODES = 1 << 20 };

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

static struct li_node *last_node(const struct li_inference *f)
{
    return &f->to->nodes[f->to->node_count - 1];
}

/* What a body is told of an argument. */
static struct li_infer_input given_of(const struct li_inference *f, li_vid v)
{
    const struct li_value *value = &f->to->values[v];
    return (struct li_infer_input){
        .dtype = value->dtype, .shape = value->shape, .constant = value->constant, .unshaped = value->unshaped};
}

static lince_status check_count(const struct li_inference *f, const struct li_graph *body, int count, int results)
{
    const struct li_node *node = last_node(f);
    if (body->input_count != count || body->output_count != results) {
        return li_fail(f->err, LINCE_EINVAL, "node \"%s\" (%s): a body takes %d tensors and gives %d, wanted %d and %d",
                       node->name, node->op->name, (int)body->input_count, (int)body->output_count, count, results);
    }
    return LINCE_OK;
}

/* Arguments are the node's inputs from `first` on. A body leaves the dtype of a list open. */
static lince_status check_arguments(const struct li_inference *f, const struct li_graph *body, int first, int results)
{
    const struct li_node *node = last_node(f);
    LI_TRY(check_count(f, body, node->nin - first, results));
    for (int i = first; i < node->nin; i++) {
        lince_dtype found = f->to->values[node->in[i]].dtype, wanted = body->values[body->inputs[i - first]].dtype;
        if (found != wanted && wanted != LINCE_VARIANT) {
            return li_fail(f->err, LINCE_EINVAL, "node \"%s\" (%s): input %d is %s, its body takes %s", node->name,
                           node->op->name, i, li_dtype_name(found), li_dtype_name(wanted));
        }
    }
    return LINCE_OK;
}

/*
 * LI_DEFER when not all of the body can be inferred before it runs. Nor is what is wrong with a body wrong with the
 * graph: it may never run. Then running tells, when it comes to it.
 */
static lince_status infer_body(struct li_inference *f, const struct li_graph *body, const struct li_infer_input *inputs,
                               struct li_graph **out)
{
    struct li_inferred inferred;
    lince_error err = {.code = LINCE_OK};
    *f->at.looked_at += body->node_count + 1;
    if (f->at.depth >= MAX_STATIC_DEPTH || *f->at.looked_at > MAX_STATIC_NODES) {
        return LI_DEFER;
    }
    const struct li_nesting inner = {f->at.depth + 1, f->at.looked_at};
    lince_status st = li_infer_at(&inferred, body, inputs, f->env, inner, &err);
    if (st == LINCE_ENOMEM || st == LINCE_ELIMIT) {
        return li_fail(f->err, st, "%s", err.text);
    }
    if (st || inferred.rest) {
        li_inferred_free(&inferred);
        return LI_DEFER;
    }
    *out = inferred.graph;
    inferred.graph = NULL;
    li_free((*out)->arena.mem, inferred.choice);
    return LINCE_OK;
}

/* The node's bodies from now on; taken over. */
static lince_status set_bodies(struct li_inference *f, struct li_graph **bodies, int count)
{
    lince_status st = LINCE_OK;
    for (int i = 0; i < count; i++) {
        if (st) {
            li_graph_free(bodies[i]);
        } else {
            st = li_graph_own_body(f->to, bodies[i], f->err);
        }
    }
    return st ? st : li_graph_set_bodies(f->to, f->to->node_count - 1, bodies, count, f->err);
}

static void free_bodies(struct li_graph **bodies, int count)
{
    for (int i = 0; i < count; i++) {
        li_graph_free(bodies[i]);
    }
}

static void set_output(struct li_inference *f, int i, lince_dtype dtype, const struct li_shape *shape, bool unshaped)
{
    struct li_value *value = &f->to->values[last_node(f)->out[i]];
    value->dtype = dtype;
    value->shape = *shape;
    value->constant = NULL;
    value->unshaped = unshaped;
}

/* ---- Branches ---------------------------------------------------------------------------------------------------- */

static bool same_results(const struct li_graph *a, const struct li_graph *b)
{
    for (int32_t i = 0; i < a->output_count; i++) {
        const struct li_value *x = &a->values[a->outputs[i]], *y = &b->values[b->outputs[i]];
        if (x->dtype != y->dtype || !li_shape_equal(&x->shape, &y->shape)) {
            return false;
        }
    }
    return true;
}

static lince_status infer_all(struct li_inference *f, struct li_graph **bodies, int count)
{
    const struct li_node *node = last_node(f);
    struct li_infer_input *inputs = li_arena_calloc(&f->arena, (size_t)node->nin, sizeof *inputs, f->err);
    if (!inputs) {
        return LINCE_ENOMEM;
    }
    for (int i = 1; i < node->nin; i++) {
        inputs[i - 1] = given_of(f, node->in[i]);
    }
    for (int b = 0; b < count; b++) {
        LI_TRY(infer_body(f, node->body[b], inputs, &bodies[b]));
        if (b > 0 && !same_results(bodies[0], bodies[b])) {
            return LI_DEFER;
        }
    }
    return LINCE_OK;
}

static lince_status infer_branch(struct li_inference *f, int *taken)
{
    const struct li_node *node = last_node(f);
    const struct li_value *selector = &f->to->values[node->in[0]];
    const struct li_known *known = f->known ? &f->known[node->in[0]] : NULL;
    for (int b = 0; b < node->bodies; b++) {
        LI_TRY(check_arguments(f, node->body[b], 1, node->nout));
    }
    if (selector->constant || (known && known->tensor)) {
        *taken = node->op->choose(selector->constant ? selector->constant : known->tensor, node->bodies);
        f->asked |= selector->constant ? 0 : known->roots;
        return LINCE_OK;
    }
    int count = node->bodies;
    struct li_graph **bodies = li_arena_calloc(&f->arena, (size_t)count, sizeof *bodies, f->err);
    if (!bodies) {
        return LINCE_ENOMEM;
    }
    lince_status st = infer_all(f, bodies, count);
    if (st) {
        free_bodies(bodies, count);
        return st;
    }
    for (int32_t i = 0; i < bodies[0]->output_count; i++) {
        const struct li_value *value = &bodies[0]->values[bodies[0]->outputs[i]];
        set_output(f, i, value->dtype, &value->shape, value->unshaped);
    }
    return set_bodies(f, bodies, count);
}

/* ---- Loops ------------------------------------------------------------------------------------------------------- */

struct loop {
    struct li_infer_input *variable;
    bool *invariant; /* by variable: each turn hands on what it was given */
    struct li_graph *bodies[2];
    int count;
};

/* What a value is behind nodes that hand it on under another name. */
static li_vid behind_aliases(const struct li_graph *g, li_vid v)
{
    const struct li_node *node = li_producer(g, v);
    while (node && (node->op->flags & LI_OP_ALIAS) && node->nin == 1 && node->nout == 1) {
        v = node->in[0];
        node = li_producer(g, v);
    }
    return v;
}

static lince_status begin_loop(struct li_inference *f, struct loop *l)
{
    const struct li_node *node = last_node(f);
    const struct li_graph *turn = node->body[1];
    LI_TRY(check_arguments(f, node->body[0], 0, 1));
    LI_TRY(check_arguments(f, turn, 0, node->nin));
    if (node->nout != node->nin) {
        return li_fail(f->err, LINCE_EINVAL, "node \"%s\" (%s): takes %d variables and gives %d", node->name,
                       node->op->name, node->nin, node->nout);
    }
    l->count = node->nin;
    l->variable = li_arena_calloc(&f->arena, (size_t)l->count, sizeof *l->variable, f->err);
    l->invariant = li_arena_calloc(&f->arena, (size_t)l->count, sizeof *l->invariant, f->err);
    if (!l->variable || !l->invariant) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < l->count; i++) {
        l->variable[i] = given_of(f, node->in[i]);
        l->invariant[i] = behind_aliases(turn, turn->outputs[i]) == turn->inputs[i];
        if (!l->invariant[i]) {
            l->variable[i].constant = NULL;
        }
    }
    return LINCE_OK;
}

/* *stable: the turn gives what it takes; if not, variables that may have taken what it gives. LI_DEFER: one may not. */
static lince_status compare_turn(struct loop *l, bool *stable)
{
    const struct li_graph *turn = l->bodies[1];
    *stable = true;
    for (int i = 0; i < l->count; i++) {
        const struct li_value *given = &turn->values[turn->outputs[i]];
        struct li_infer_input *taken = &l->variable[i];
        if (given->dtype == taken->dtype && li_shape_equal(&given->shape, &taken->shape)) {
            continue;
        }
        if (!taken->unshaped || taken->shape.dim[0] == 0) { /* an empty list gets no element, and so no shape */
            return LI_DEFER;
        }
        *stable = false;
        taken->dtype = given->dtype;
        taken->shape = given->shape;
        taken->unshaped = given->unshaped;
    }
    return LINCE_OK;
}

static lince_status infer_turn(struct li_inference *f, struct loop *l)
{
    bool stable = false;
    for (int i = 0; !stable && i <= l->count; i++) { /* each round gives a list its shape */
        li_graph_free(l->bodies[1]);
        l->bodies[1] = NULL;
        LI_TRY(infer_body(f, last_node(f)->body[1], l->variable, &l->bodies[1]));
        LI_TRY(compare_turn(l, &stable));
    }
    return stable ? LINCE_OK : LI_DEFER;
}

/* What is handed on unchanged is the input itself, so that nothing is copied from turn to turn. */
static void hand_on(struct loop *l)
{
    struct li_graph *turn = l->bodies[1];
    for (int i = 0; i < l->count; i++) {
        if (l->invariant[i]) {
            turn->outputs[i] = turn->inputs[i];
        }
    }
}

static lince_status check_condition(const struct li_inference *f, const struct li_graph *condition)
{
    const struct li_node *node = last_node(f);
    const struct li_value *value = &condition->values[condition->outputs[0]];
    char text[LI_SHAPE_TEXT];
    if (value->dtype == LINCE_BOOL && value->shape.rank == 0) {
        return LINCE_OK;
    }
    return li_fail(f->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): its condition is %s%s, wanted a bool", node->name,
                   node->op->name, li_dtype_name(value->dtype), li_shape_text(&value->shape, text));
}

static lince_status infer_loop_bodies(struct li_inference *f, struct loop *l)
{
    LI_TRY(infer_turn(f, l));
    LI_TRY(infer_body(f, last_node(f)->body[0], l->variable, &l->bodies[0]));
    return check_condition(f, l->bodies[0]);
}

static lince_status infer_loop(struct li_inference *f)
{
    struct loop l = {.variable = NULL};
    LI_TRY(begin_loop(f, &l));
    lince_status st = infer_loop_bodies(f, &l);
    if (st) {
        free_bodies(l.bodies, 2);
        return st;
    }
    for (int i = 0; i < l.count; i++) {
        set_output(f, i, l.variable[i].dtype, &l.variable[i].shape, l.variable[i].unshaped);
    }
    hand_on(&l);
    return set_bodies(f, l.bodies, 2);
}

/* A row's rule looks at what selects, and leaves the outputs to the bodies. */
static lince_status check_inputs(const struct li_inference *f)
{
    const struct li_node *node = last_node(f);
    struct li_infer s = {.graph = f->to, .node = node, .env = f->env, .err = f->err};
    return node->op->shape ? node->op->shape(&s) : LINCE_OK;
}

lince_status li_infer_control(struct li_inference *f, int *taken)
{
    LI_TRY(check_inputs(f));
    return last_node(f)->op->control == LI_CONTROL_LOOP ? infer_loop(f) : infer_branch(f, taken);
}

/* ---- Splicing ---------------------------------------------------------------------------------------------------- */

struct splicing {
    struct li_graph *to;
    const struct li_graph *from;
    li_vid *map; /* from's values to to's */
    struct li_arena arena;
    lince_error *err;
};

/* The body's nodes for the node's: arguments are what the node reads, results what others read of it. */
static lince_status put_body(struct splicing *s, const struct li_node *node, const struct li_graph *body)
{
    li_vid *in = li_arena_alloc(&s->arena, (size_t)node->nin * sizeof *in, s->err);
    li_vid *out = li_arena_alloc(&s->arena, (size_t)node->nout * sizeof *out, s->err);
    if (!in || !out) {
        return LINCE_ENOMEM;
    }
    for (int i = 1; i < node->nin; i++) {
        in[i - 1] = s->map[node->in[i]];
    }
    LI_TRY(li_graph_put(s->to, body, in, out, s->err));
    for (int i = 0; i < node->nout; i++) {
        s->map[node->out[i]] = out[i];
    }
    return LINCE_OK;
}

static lince_status splice(struct splicing *s, const struct li_inference *f)
{
    int32_t at = 0;
    s->map = li_arena_alloc(&s->arena, ((size_t)s->from->value_count + 1) * sizeof *s->map, s->err);
    li_vid *out = li_arena_alloc(&s->arena, (size_t)s->from->output_count * sizeof *out, s->err);
    if (!s->map || !out) {
        return LINCE_ENOMEM;
    }
    for (li_vid v = 0; v < s->from->value_count; v++) {
        s->map[v] = LI_NONE;
    }
    LI_TRY(li_graph_copy_sources(s->to, s->from, s->map, s->err));
    for (int32_t n = 0; n < s->from->node_count; n++) {
        const struct li_node *node = &s->from->nodes[n];
        if (at < f->taken_count && f->taken[at].node == n) {
            LI_TRY(put_body(s, node, node->body[f->taken[at++].body]));
        } else {
            LI_TRY(li_graph_copy_node(s->to, s->from, node, s->map, s->err));
        }
    }
    for (int32_t i = 0; i < s->from->output_count; i++) {
        out[i] = s->map[s->from->outputs[i]];
    }
    return li_graph_set_outputs(s->to, out, (int)s->from->output_count, s->err);
}

lince_status li_infer_splice(struct li_graph **out, const struct li_inference *f)
{
    struct splicing s = {.from = f->from, .err = f->err};
    LI_TRY(li_graph_new_from(&s.to, f->from, f->err));
    li_arena_init(&s.arena, f->from->arena.mem, 0);
    lince_status st = splice(&s, f);
    li_arena_free(&s.arena);
    if (st) {
        li_graph_free(s.to);
        return st;
    }
    *out = s.to;
    return LINCE_OK;
}
