/*
 * Where the values lie: for each base value a home, and for each home in the block the steps between which it is
 * needed.
 *
 * A tenant lives from the step that first writes its buffer to the last that reads it, by whatever view. An output may
 * lie where its node's first input lay if that is read for the last time there and nothing else lies in the same
 * buffer. Pending values of resources and results live to the end. A step of the commit (order.c) comes after all
 * others, so what it reads lives as long as results do.
 */
#include "plan.h"

#include <string.h>

struct placing {
    struct li_plan *plan;
    const struct li_graph *g;
    struct li_arena arena;   /* gone when placing is done */
    struct li_home *current; /* by resource: where its value is at this point of the order */
    int32_t *last;           /* by base value: the last step that reads it */
    int32_t *result;         /* by value: the output that it is and that is given memory; else LI_NONE */
    int32_t steps;           /* so far */
    int32_t tenant_room;
    lince_error *err;
};

static li_vid base_of(const struct placing *p, li_vid v)
{
    return p->g->values[v].view.base;
}

/* ---- Homes ---- */

static lince_status add_tenant(struct placing *p, size_t bytes, int32_t *out)
{
    struct li_plan *plan = p->plan;
    if (plan->tenant_count == p->tenant_room) {
        return li_fail(p->err, LINCE_ELIMIT, "the plan has more than %d values", p->tenant_room);
    }
    plan->tenants[plan->tenant_count] = (struct li_tenant){.bytes = bytes, .first = p->steps, .last = p->steps};
    *out = plan->tenant_count++;
    return LINCE_OK;
}

static void sources(struct placing *p)
{
    for (int32_t v = 0; v < p->g->value_count; v++) {
        if (p->g->values[v].constant) {
            p->plan->home[v] = (struct li_home){LI_PLACE_CONSTANT, v};
        }
    }
    for (int32_t i = 0; i < p->g->input_count; i++) {
        p->plan->home[p->g->inputs[i]] = (struct li_home){LI_PLACE_INPUT, i};
    }
}

/* Prepare results that a step or the caller reads. */
static void keep(struct placing *p, li_vid v)
{
    li_vid base = base_of(p, v);
    const struct li_value *value = &p->g->values[base];
    struct li_home *home = &p->plan->home[base];
    if (home->place != LI_PLACE_NOWHERE || value->producer == LI_NONE || !p->plan->prepared[value->producer]) {
        return;
    }
    if (li_plain_read(&p->g->nodes[value->producer])) {
        *home = (struct li_home){LI_PLACE_RESOURCE, p->g->nodes[value->producer].touch[0].resource};
        return;
    }
    *home = (struct li_home){LI_PLACE_KEPT, p->plan->kept_count};
    p->plan->kept[p->plan->kept_count++].value = base;
}

/* The commit comes after results were copied. */
static void read_value(struct placing *p, li_vid v)
{
    int32_t time = p->steps < p->plan->commit ? p->steps : INT32_MAX;
    keep(p, v);
    struct li_home home = p->plan->home[base_of(p, v)];
    if (home.place == LI_PLACE_BLOCK) {
        p->plan->tenants[home.index].last = LI_MAX(p->plan->tenants[home.index].last, time);
    }
}

/* The last step that reads each base, before anything is merged. */
static void find_last(struct placing *p)
{
    for (int32_t s = 0; s < p->plan->order_count; s++) {
        const struct li_node *node = &p->g->nodes[p->plan->order[s]];
        for (int i = 0; i < node->nin; i++) {
            p->last[base_of(p, node->in[i])] = s < p->plan->commit ? s : INT32_MAX;
        }
    }
    for (int32_t i = 0; i < p->g->output_count; i++) {
        p->last[base_of(p, p->g->outputs[i])] = INT32_MAX;
    }
}

/* Whether each element of b takes the room of the same element of a, which is all that a's buffer holds. */
static bool same_room(const struct placing *p, const struct li_value *a, const struct li_value *b)
{
    return li_view_dense(a) && li_view_dense(b) && li_dtype_size(a->dtype) == li_dtype_size(b->dtype) &&
           li_shape_count(&a->shape) == li_shape_count(&b->shape) &&
           li_value_bytes(&p->g->values[a->view.base]) == li_value_bytes(b);
}

/* Memory of this run that a step may write to once its value is not read again. */
static bool is_reusable(const struct placing *p, struct li_home home)
{
    if (home.place == LI_PLACE_INPUT) {
        return p->plan->options.results == LI_RESULTS_TURN;
    }
    return home.place == LI_PLACE_BLOCK && p->plan->tenants[home.index].last != INT32_MAX; /* the latter: pending */
}

/* A result that is made where the caller wants it, whole and dense, is better than one made in place and copied. */
static bool is_given(const struct placing *p, li_vid v)
{
    return p->result[v] != LI_NONE && base_of(p, v) == v && li_view_dense(&p->g->values[v]);
}

/* Whether output 0 of a node may lie where its input 0 lies. */
static bool in_place(const struct placing *p, const struct li_node *node)
{
    if (!(node->op->flags & LI_OP_INPLACE) || node->nin < 1 || node->nout != 1 || node->in[0] == LI_NONE) {
        return false;
    }
    li_vid in = base_of(p, node->in[0]), out = node->out[0];
    const struct li_value *a = &p->g->values[node->in[0]], *b = &p->g->values[out];
    if (!is_reusable(p, p->plan->home[in]) || is_given(p, out)) {
        return false;
    }
    if (p->last[in] != p->steps || b->view.base != out || !same_room(p, a, b)) {
        return false;
    }
    for (int i = 1; i < node->nin; i++) {
        if (base_of(p, node->in[i]) == in && node->in[i] != node->in[0]) {
            return false;
        }
    }
    return true;
}

static lince_status place_outputs(struct placing *p, const struct li_node *node)
{
    if (in_place(p, node)) {
        p->plan->home[node->out[0]] = p->plan->home[base_of(p, node->in[0])];
        return LINCE_OK;
    }
    for (int i = 0; i < node->nout; i++) {
        li_vid base = base_of(p, node->out[i]);
        struct li_home *home = &p->plan->home[base];
        if (home->place == LI_PLACE_NOWHERE && is_given(p, node->out[i])) {
            *home = (struct li_home){LI_PLACE_RESULT, p->result[node->out[i]]};
        } else if (home->place == LI_PLACE_NOWHERE) {
            home->place = LI_PLACE_BLOCK;
            LI_TRY(add_tenant(p, li_value_bytes(&p->g->values[base]), &home->index));
        } else if (home->place == LI_PLACE_BLOCK) { /* a part of something another node began, or goes on with */
            p->plan->tenants[home->index].last = LI_MAX(p->plan->tenants[home->index].last, p->steps);
        }
    }
    return LINCE_OK;
}

/* ---- State ---- */

static lince_status describe_state(struct placing *p, const struct li_resource *r, const struct li_view **out)
{
    struct li_view *view = li_arena_calloc(&p->plan->arena, 1, sizeof *view, p->err);
    if (!view) {
        return LINCE_ENOMEM;
    }
    int64_t stride = 1;
    for (int d = r->shape.rank - 1; d >= 0; d--) {
        view->stride[d] = stride;
        stride *= r->shape.dim[d];
    }
    view->base = LI_NONE;
    view->buffer_count = stride;
    *out = view;
    return LINCE_OK;
}

/* Pending values live to the end: the last is committed, and earlier ones may be read by anything in between. */
static lince_status place_touch(struct placing *p, const struct li_touch *touch, struct li_reach *reach)
{
    const struct li_resource *r = li_store_get(p->g->store, touch->resource);
    if (!li_touch_writes(touch) && !(touch->how & LI_EFFECT_READ)) {
        return LINCE_OK;
    }
    reach->in = p->current[touch->resource];
    LI_TRY(describe_state(p, r, &reach->view));
    if (li_touch_writes(touch) && p->steps >= p->plan->commit) {
        reach->out = (struct li_home){LI_PLACE_RESOURCE, touch->resource};
    } else if (li_touch_writes(touch)) {
        reach->out.place = LI_PLACE_BLOCK;
        LI_TRY(add_tenant(p, r->value.size_bytes, &reach->out.index));
        p->plan->tenants[reach->out.index].last = INT32_MAX;
    }
    return LINCE_OK;
}

/* All that a step reads is what was there before it. */
static lince_status place_state(struct placing *p, const struct li_node *node, struct li_step *step)
{
    struct li_reach *reach = li_arena_calloc(&p->plan->arena, (size_t)node->touches, sizeof *reach, p->err);
    if (!reach) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->touches; i++) {
        LI_TRY(place_touch(p, &node->touch[i], &reach[i]));
    }
    for (int i = 0; i < node->touches; i++) {
        if (reach[i].out.place != LI_PLACE_NOWHERE) {
            p->current[node->touch[i].resource] = reach[i].out;
        }
    }
    step->reach = reach;
    return LINCE_OK;
}

/* ---- Walking ---- */

static lince_status place_node(struct placing *p, int32_t n)
{
    const struct li_node *node = &p->g->nodes[n];
    struct li_step *step = &p->plan->steps[p->steps];
    step->node = LI_NONE;
    for (int i = 0; i < node->nin; i++) {
        if (p->g->values[node->in[i]].dtype != LINCE_RESOURCE) {
            read_value(p, node->in[i]);
        }
    }
    if (li_plain_read(node)) {
        p->plan->home[node->out[0]] = p->current[node->touch[0].resource];
        return LINCE_OK;
    }
    if (node->op->flags & LI_OP_ALIAS) {
        return LINCE_OK;
    }
    *step = (struct li_step){.node = n,
                             .time = p->steps,
                             .operands = p->plan->operand_count,
                             .states = p->plan->state_count,
                             .inner = p->plan->inner_count};
    LI_TRY(place_state(p, node, step));
    LI_TRY(place_outputs(p, node));
    p->plan->operand_count += node->nin + node->nout + 2 * node->touches;
    p->plan->state_count += node->touches;
    p->plan->inner_count += node->bodies;
    return LINCE_OK;
}

/* Every node of the order counts as a step of its own time; those without work are dropped. */
static lince_status place_nodes(struct placing *p)
{
    struct li_plan *plan = p->plan;
    int32_t kept = 0, commit = LI_NONE;
    for (; p->steps < plan->order_count; p->steps++) {
        LI_TRY(place_node(p, plan->order[p->steps]));
    }
    for (int32_t s = 0; s < p->steps; s++) {
        commit = s == plan->commit ? kept : commit;
        if (plan->steps[s].node != LI_NONE) {
            plan->steps[kept++] = plan->steps[s];
        }
    }
    plan->step_count = kept;
    plan->commit = commit == LI_NONE ? kept : commit;
    return LINCE_OK;
}

/* Whether a result may stay where it is. */
static bool stays(const struct placing *p, int32_t i)
{
    li_vid v = p->g->outputs[i];
    const struct li_value *value = &p->g->values[v];
    struct li_home home = p->plan->home[base_of(p, v)];
    bool turn = p->plan->options.results == LI_RESULTS_TURN;
    if (!li_view_dense(value)) {
        return false;
    }
    switch (home.place) {
    case LI_PLACE_BLOCK:
        return p->plan->options.results != LI_RESULTS_GIVEN;
    case LI_PLACE_RESULT:
        return home.index == i && base_of(p, v) == v;
    case LI_PLACE_INPUT:
        return turn && home.index == i && same_room(p, &p->g->values[p->g->inputs[i]], value);
    case LI_PLACE_CONSTANT:
    case LI_PLACE_KEPT:
        return turn;
    default:
        return false;
    }
}

/* What does not lie where results should be is copied at the end. */
static lince_status place_results(struct placing *p)
{
    struct li_plan *plan = p->plan;
    for (int32_t i = 0; i < p->g->output_count; i++) {
        li_vid v = p->g->outputs[i];
        const struct li_value *value = &p->g->values[v];
        size_t bytes;
        read_value(p, v);
        struct li_home home = plan->home[base_of(p, v)];
        if (home.place == LI_PLACE_BLOCK) {
            plan->tenants[home.index].last = INT32_MAX;
        }
        if (stays(p, i)) {
            continue;
        }
        plan->copies[i] = (struct li_home){LI_PLACE_RESULT, i};
        if (plan->options.results == LI_RESULTS_GIVEN) {
            continue;
        }
        LI_TRY(li_shape_bytes(&value->shape, value->dtype, &bytes, p->err));
        plan->copies[i].place = LI_PLACE_BLOCK;
        LI_TRY(add_tenant(p, bytes, &plan->copies[i].index));
        plan->tenants[plan->copies[i].index].last = INT32_MAX;
    }
    for (int32_t r = 0; r < p->plan->resource_count; r++) {
        if (p->current[r].place == LI_PLACE_BLOCK) {
            plan->writes[plan->write_count++] = (struct li_write){r, p->current[r].index};
        }
    }
    return LINCE_OK;
}

/* The first output that a value is, where results are made in the caller's memory. */
static void find_results(struct placing *p)
{
    for (li_vid v = 0; v < p->g->value_count; v++) {
        p->result[v] = LI_NONE;
    }
    for (int32_t i = p->g->output_count; p->plan->options.results == LI_RESULTS_GIVEN && i-- > 0;) {
        p->result[p->g->outputs[i]] = i;
    }
}

static lince_status make_room(struct placing *p, int32_t **order)
{
    struct li_plan *plan = p->plan;
    size_t values = (size_t)p->g->value_count + 1, nodes = (size_t)p->g->node_count + 1;
    size_t resources = (size_t)plan->resource_count + 1, outputs = (size_t)p->g->output_count + 1, touches = 0;
    for (int32_t n = 0; n < p->g->node_count; n++) {
        touches += (size_t)p->g->nodes[n].touches;
    }
    p->tenant_room = p->g->value_count + (int32_t)touches + p->g->output_count + 1;
    p->current = li_arena_calloc(&p->arena, resources, sizeof *p->current, p->err);
    p->last = li_arena_calloc(&p->arena, values, sizeof *p->last, p->err);
    p->result = li_arena_alloc(&p->arena, values * sizeof *p->result, p->err);
    *order = li_arena_calloc(&p->arena, (size_t)p->tenant_room, sizeof **order, p->err);
    plan->home = li_arena_calloc(&plan->arena, values, sizeof *plan->home, p->err);
    plan->tenants = li_arena_calloc(&plan->arena, (size_t)p->tenant_room, sizeof *plan->tenants, p->err);
    plan->steps = li_arena_calloc(&plan->arena, nodes, sizeof *plan->steps, p->err);
    plan->kept = li_arena_calloc(&plan->arena, values, sizeof *plan->kept, p->err);
    plan->writes = li_arena_calloc(&plan->arena, resources, sizeof *plan->writes, p->err);
    plan->copies = li_arena_calloc(&plan->arena, outputs, sizeof *plan->copies, p->err);
    return p->current && p->last && p->result && *order && plan->home && plan->tenants && plan->steps && plan->kept &&
                   plan->writes && plan->copies
               ? LINCE_OK
               : LINCE_ENOMEM;
}

static lince_status run_placing(struct placing *p)
{
    struct li_plan *plan = p->plan;
    int32_t *order;
    LI_TRY(make_room(p, &order));
    for (int32_t r = 0; r < plan->resource_count; r++) {
        p->current[r] = (struct li_home){LI_PLACE_RESOURCE, r};
    }
    sources(p);
    find_last(p);
    find_results(p);
    LI_TRY(place_nodes(p));
    LI_TRY(place_results(p));
    return li_memory_place(plan->tenants, plan->tenant_count, order, &plan->block_bytes, p->err);
}

lince_status li_plan_place(struct li_plan *plan, lince_error *err)
{
    struct placing p = {.plan = plan, .g = plan->graph, .err = err};
    li_arena_init(&p.arena, plan->arena.mem, 0);
    lince_status st = run_placing(&p);
    li_arena_free(&p.arena);
    return st;
}
