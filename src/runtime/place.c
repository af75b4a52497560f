/* What is done once, what in every run, and where the values lie. */
#include "plan.h"

#include <string.h>

enum { WRITES = LI_EFFECT_WRITE | LI_EFFECT_RANDOM };

struct placing {
    struct li_plan *plan;
    const struct li_graph *g;
    struct li_arena arena;   /* gone when placing is done */
    bool *written;           /* by resource: this run writes it, or did before */
    struct li_home *current; /* by resource: where its value is at this point of the order */
    int32_t *last;           /* by base value: the last step that reads it */
    int32_t steps;           /* so far */
    int32_t tenant_room;
    lince_error *err;
};

/* A read whose result is the resource's own memory. */
static bool plain_read(const struct li_node *node)
{
    return (node->op->effects & LI_EFFECT_READ) && !node->op->forward;
}

static li_vid base_of(const struct placing *p, li_vid v)
{
    return p->g->values[v].view.base;
}

/* ---- Prepare or step ---- */

static bool ready_input(const struct placing *p, li_vid v)
{
    const struct li_value *value = &p->g->values[v];
    if (value->constant || value->dtype == LINCE_RESOURCE) {
        return true;
    }
    return value->producer != LI_NONE && p->plan->prepared[value->producer];
}

static bool prepares(const struct placing *p, const struct li_node *node)
{
    if (node->effects && !(plain_read(node) && li_node_is_fixed(node, p->written))) {
        return false;
    }
    for (int i = 0; i < node->nin; i++) {
        if (!ready_input(p, node->in[i])) {
            return false;
        }
    }
    return true;
}

static void divide(struct placing *p, const bool *dirty)
{
    for (int32_t r = 0; r < p->plan->resource_count; r++) {
        p->written[r] = dirty && dirty[r];
        p->current[r] = (struct li_home){LI_PLACE_RESOURCE, r};
    }
    for (int32_t n = 0; n < p->g->node_count; n++) {
        for (int i = 0; i < p->g->nodes[n].touches; i++) {
            p->written[p->g->nodes[n].touch[i].resource] |= (p->g->nodes[n].touch[i].how & WRITES) != 0;
        }
    }
    for (int32_t n = 0; n < p->g->node_count; n++) {
        p->plan->prepared[n] = prepares(p, &p->g->nodes[n]);
    }
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
    if (plain_read(&p->g->nodes[value->producer])) {
        *home = (struct li_home){LI_PLACE_RESOURCE, p->g->nodes[value->producer].touch[0].resource};
        return;
    }
    *home = (struct li_home){LI_PLACE_KEPT, p->plan->kept_count};
    p->plan->kept[p->plan->kept_count++].value = base;
}

static void read_value(struct placing *p, li_vid v)
{
    keep(p, v);
    struct li_home home = p->plan->home[base_of(p, v)];
    if (home.place == LI_PLACE_BLOCK) {
        p->plan->tenants[home.index].last = LI_MAX(p->plan->tenants[home.index].last, p->steps);
    }
}

/* The last step that reads each base, before anything is merged. */
static void find_last(struct placing *p)
{
    int32_t step = 0;
    for (int32_t n = 0; n < p->g->node_count; n++) {
        const struct li_node *node = &p->g->nodes[n];
        if (p->plan->prepared[n]) {
            continue;
        }
        for (int i = 0; i < node->nin; i++) {
            p->last[base_of(p, node->in[i])] = step;
        }
        step++;
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

/* Whether output 0 of a node may lie where its input 0 lies. */
static bool in_place(const struct placing *p, const struct li_node *node)
{
    if (!(node->op->flags & LI_OP_INPLACE) || node->nin < 1 || node->nout != 1 || node->in[0] == LI_NONE) {
        return false;
    }
    li_vid in = base_of(p, node->in[0]), out = node->out[0];
    const struct li_value *a = &p->g->values[node->in[0]], *b = &p->g->values[out];
    struct li_home home = p->plan->home[in];
    if (home.place != LI_PLACE_BLOCK || p->plan->tenants[home.index].last == INT32_MAX) {
        return false; /* the latter: pending state */
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
        if (home->place == LI_PLACE_NOWHERE) {
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
    if (!(touch->how & (WRITES | LI_EFFECT_READ))) {
        return LINCE_OK;
    }
    reach->in = p->current[touch->resource];
    LI_TRY(describe_state(p, r, &reach->view));
    if (touch->how & WRITES) {
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
    for (int i = 0; i < node->nin; i++) {
        if (p->g->values[node->in[i]].dtype != LINCE_RESOURCE) {
            read_value(p, node->in[i]);
        }
    }
    if (plain_read(node)) {
        p->plan->home[node->out[0]] = p->current[node->touch[0].resource];
        return LINCE_OK;
    }
    if (node->op->flags & LI_OP_ALIAS) {
        return LINCE_OK;
    }
    *step = (struct li_step){
        .node = n, .time = p->steps, .operands = p->plan->operand_count, .states = p->plan->state_count};
    LI_TRY(place_state(p, node, step));
    LI_TRY(place_outputs(p, node));
    p->plan->operand_count += node->nin + node->nout + 2 * node->touches;
    p->plan->state_count += node->touches;
    return LINCE_OK;
}

/*
 * Steps are counted for every node that is not prepared, so that lifetimes and find_last() agree; those without work
 * are dropped.
 */
static lince_status place_nodes(struct placing *p)
{
    struct li_plan *plan = p->plan;
    int32_t kept = 0;
    for (int32_t n = 0; n < p->g->node_count; n++) {
        if (!plan->prepared[n]) {
            plan->steps[p->steps].node = LI_NONE;
            LI_TRY(place_node(p, n));
            p->steps++;
        }
    }
    for (int32_t s = 0; s < p->steps; s++) {
        if (plan->steps[s].node != LI_NONE) {
            plan->steps[kept++] = plan->steps[s];
        }
    }
    plan->step_count = kept;
    return LINCE_OK;
}

/* Results belong to the session: what lies elsewhere, or not densely, is copied at the end. */
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
        if (home.place == LI_PLACE_BLOCK && li_view_dense(value)) {
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

static lince_status run_placing(struct placing *p, const bool *dirty)
{
    struct li_plan *plan = p->plan;
    size_t values = (size_t)p->g->value_count + 1, nodes = (size_t)p->g->node_count + 1;
    size_t resources = (size_t)plan->resource_count + 1, outputs = (size_t)p->g->output_count + 1;
    p->tenant_room = p->g->value_count + p->g->node_count + p->g->output_count + 1;
    p->written = li_arena_calloc(&p->arena, resources, 1, p->err);
    p->current = li_arena_calloc(&p->arena, resources, sizeof *p->current, p->err);
    p->last = li_arena_calloc(&p->arena, values, sizeof *p->last, p->err);
    int32_t *order = li_arena_calloc(&p->arena, (size_t)p->tenant_room, sizeof *order, p->err);
    plan->home = li_arena_calloc(&plan->arena, values, sizeof *plan->home, p->err);
    plan->prepared = li_arena_calloc(&plan->arena, nodes, 1, p->err);
    plan->tenants = li_arena_calloc(&plan->arena, (size_t)p->tenant_room, sizeof *plan->tenants, p->err);
    plan->steps = li_arena_calloc(&plan->arena, nodes, sizeof *plan->steps, p->err);
    plan->kept = li_arena_calloc(&plan->arena, values, sizeof *plan->kept, p->err);
    plan->writes = li_arena_calloc(&plan->arena, resources, sizeof *plan->writes, p->err);
    plan->copies = li_arena_calloc(&plan->arena, outputs, sizeof *plan->copies, p->err);
    if (!p->written || !p->current || !p->last || !order || !plan->home || !plan->prepared || !plan->tenants ||
        !plan->steps || !plan->kept || !plan->writes || !plan->copies) {
        return LINCE_ENOMEM;
    }
    divide(p, dirty);
    sources(p);
    find_last(p);
    LI_TRY(place_nodes(p));
    LI_TRY(place_results(p));
    return li_memory_place(plan->tenants, plan->tenant_count, order, &plan->block_bytes, p->err);
}

lince_status li_plan_place(struct li_plan *plan, const bool *dirty, lince_error *err)
{
    struct placing p = {.plan = plan, .g = plan->graph, .err = err};
    li_arena_init(&p.arena, plan->arena.mem, 0);
    lince_status st = run_placing(&p, dirty);
    li_arena_free(&p.arena);
    return st;
}
