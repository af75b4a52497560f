/* Doing a run: where everything is this time, then step after step. */
#include "run.h"

#include "poison.h"
#include "stop.h"

#include <string.h>

/* ---- Where things are in this run ---- */

void *li_home_data(const struct li_running *r, struct li_home home)
{
    switch (home.place) {
    case LI_PLACE_INPUT:
        return r->call->inputs[home.index].data;
    case LI_PLACE_CONSTANT:
        return r->plan->graph->values[home.index].constant->data;
    case LI_PLACE_RESOURCE:
        return r->call->pending && r->call->pending[home.index]
                   ? r->call->pending[home.index]
                   : li_store_get(r->plan->graph->store, home.index)->value.data;
    case LI_PLACE_KEPT:
        return (void *)(uintptr_t)r->run->kept[home.index];
    case LI_PLACE_BLOCK:
        return r->run->block + r->plan->tenants[home.index].offset;
    case LI_PLACE_RESULT:
        return r->call->results[home.index];
    default:
        return NULL;
    }
}

void *li_value_data(const struct li_running *r, li_vid v)
{
    const struct li_value *value = &r->plan->graph->values[v];
    if (value->dtype == LINCE_RESOURCE) {
        return NULL;
    }
    char *base = li_home_data(r, li_home_of(r->plan, v));
    return base ? base + value->view.offset * (int64_t)li_dtype_size(value->dtype) : NULL;
}

static void locate(const struct li_running *r, const struct li_step *step)
{
    const struct li_node *node = &r->plan->graph->nodes[step->node];
    struct li_operand *at = &r->run->operands[step->operands];
    for (int i = 0; i < node->nin; i++) {
        at++->data = li_value_data(r, node->in[i]);
    }
    for (int i = 0; i < node->nout; i++) {
        at++->data = li_value_data(r, node->out[i]);
    }
    for (int i = 0; i < node->touches; i++, at += 2) {
        at[0].data = li_home_data(r, step->reach[i].in);
        at[1].data = li_home_data(r, step->reach[i].out);
    }
}

/* ---- Halos ---- */

static void zero(float *at, int64_t count)
{
    memset(at, 0, (size_t)LI_MAX(count, 0) * sizeof *at);
}

/* Zeros around each picture of a float32 [n, h, w, c] with its own buffer; pixels lie side by side. */
static void clear_halo(const struct li_running *r, li_vid v)
{
    const struct li_value *value = &r->plan->graph->values[v];
    const int64_t *dim = value->shape.dim, *stride = value->view.stride;
    const int32_t *halo = value->view.halo;
    float *data = li_value_data(r, v);
    int64_t pixel = stride[2], row = stride[1], width = halo[2] + dim[2] + halo[3];
    for (int64_t n = 0; n < dim[0]; n++) {
        float *first = data + n * stride[0] - halo[2] * pixel;
        for (int64_t y = -halo[0]; y < dim[1] + halo[1]; y++) {
            bool inside = y >= 0 && y < dim[1];
            zero(first + y * row, (inside ? halo[2] : width) * pixel);
            zero(first + y * row + (halo[2] + dim[2]) * pixel, inside ? halo[3] * pixel : 0);
        }
    }
}

/* ---- Steps ---- */

struct step_run {
    struct li_call call;
    char *scratch;
    size_t scratch_bytes;
    atomic_bool failed;
    lince_status status;
    lince_error *err; /* of the run; the first failing task fills it */
};

static void run_task(void *context, int64_t task, int worker)
{
    struct step_run *run = context;
    struct li_call call = run->call;
    lince_error err;
    err.code = LINCE_OK; /* the text is long, and seldom used */
    err.text[0] = '\0';
    if (atomic_load_explicit(&run->failed, memory_order_relaxed)) {
        return;
    }
    call.task = task;
    call.scratch = run->scratch + (size_t)worker * run->scratch_bytes;
    call.err = &err;
    lince_status st = call.node->op->forward(&call);
    if (st && !atomic_exchange(&run->failed, true)) {
        run->status = st;
        if (run->err) {
            *run->err = err;
        }
    }
}

static lince_status run_step(const struct li_running *r, const struct li_step *step)
{
    const struct li_node *node = &r->plan->graph->nodes[step->node];
    const struct li_operand *in = &r->run->operands[step->operands];
    struct step_run run = {.scratch = r->run->scratch, .scratch_bytes = r->plan->scratch_bytes, .err = r->err};
    run.call = (struct li_call){.node = node,
                                .in = in,
                                .out = in + node->nin,
                                .state = &r->run->states[step->states],
                                .plan = step->plan,
                                .tasks = step->tasks,
                                .kernels = r->plan->env->kernels};
    atomic_init(&run.failed, false);
    for (int32_t i = 0; i < step->halo_count; i++) {
        clear_halo(r, step->halos[i]);
    }
    if (step->body) {
        return li_run_inner(r, step);
    }
    if (!node->op->forward) {
        return LINCE_OK;
    }
    if (step->tasks > 1) {
        li_pool_run(r->call->pool, step->tasks, run_task, &run);
    } else if (step->tasks == 1) {
        run_task(&run, 0, 0);
    }
    return run.status;
}

/* Whether to stop is asked before each step, and where there is none: a loop may have turns that compute nothing. */
static lince_status run_steps(const struct li_running *r)
{
    unsigned mode = li_subnormals_flush();
    lince_status st = r->plan->commit ? LINCE_OK : li_stop_asked(r->call->stop, r->err);
    for (int32_t s = 0; s < r->plan->commit && !st; s++) {
        li_poison_absent(r->plan, r->run->block, r->run->block_room, r->plan->steps[s].time);
        st = li_stop_asked(r->call->stop, r->err);
        st = st ? st : run_step(r, &r->plan->steps[s]);
    }
    if (!st) {
        li_poison_absent(r->plan, r->run->block, r->run->block_room, INT32_MAX);
    }
    li_subnormals_restore(mode);
    return st;
}

lince_status li_run_plan(const struct li_plan *plan, struct li_run *run, const struct li_run_call *call,
                         lince_error *err)
{
    const struct li_running r = {plan, run, call, err};
    LI_TRY(li_run_fit(run, plan, li_pool_threads(call->pool), err));
    LI_TRY(li_run_refresh(plan, run, call->pool, err));
    for (int32_t s = 0; s < plan->commit; s++) {
        locate(&r, &plan->steps[s]);
    }
    LI_TRY(run_steps(&r));
    LI_TRY(li_run_collect(&r));
    for (int32_t i = 0; i < plan->write_count; i++) {
        call->pending[plan->writes[i].resource] = run->block + plan->tenants[plan->writes[i].tenant].offset;
    }
    return LINCE_OK;
}

/* ---- The commit ---- */

/* From here on the resource's own memory is where its value is, for the steps that follow too. */
static void publish(const struct li_running *r, const struct li_touch *touch)
{
    struct li_resource *resource = li_store_get(r->plan->graph->store, touch->resource);
    r->call->pending[touch->resource] = NULL;
    resource->value.data = resource->owned;
    atomic_fetch_add(&resource->version, 1);
}

/* Every written resource has memory of its own (plan.c), and what the step reads is where the run left it. */
void li_run_commit(const struct li_plan *plan, struct li_run *run, const struct li_run_call *call)
{
    const struct li_running r = {plan, run, call, NULL};
    unsigned mode = li_subnormals_flush();
    for (int32_t s = plan->commit; s < plan->step_count; s++) {
        const struct li_step *step = &plan->steps[s];
        const struct li_node *node = &plan->graph->nodes[step->node];
        struct li_operand *state = &run->operands[step->operands + node->nin + node->nout];
        locate(&r, step);
        for (int i = 0; i < node->touches; i++) {
            if (li_touch_writes(&node->touch[i])) {
                state[2 * i + 1].data = li_store_get(plan->graph->store, node->touch[i].resource)->owned;
            }
        }
        (void)run_step(&r, step); /* the row says that it cannot fail */
        for (int i = 0; i < node->touches; i++) {
            if (li_touch_writes(&node->touch[i])) {
                publish(&r, &node->touch[i]);
            }
        }
    }
    li_subnormals_restore(mode);
}
