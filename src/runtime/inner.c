/*
 * Steps that run bodies.
 *
 * Bodies have plans of their own, made with the plan of the step, and each step has runs for them in its run's `inner`.
 * To a body a resource is what it was before the step; what it writes is copied to where the step's write goes. A step
 * starts by copying there what was before, so that a body that writes nothing, or a loop without a turn, is no special
 * case, and a loop's turn finds there what the turn before it wrote.
 *
 * A loop's variables live in the step's outputs. The turn takes them as inputs that it may overwrite; what it did not
 * make in place is copied to its variable when the turn is over.
 */
#include "run.h"
#include "stop.h"

#include <string.h>

struct inner {
    const struct li_running *r;
    const struct li_step *step;
    const struct li_node *node;
    const struct li_operand *in, *out;
    const struct li_state *state;
};

/* ---- A body ---- */

static struct li_tensor tensor_of(const struct li_operand *o)
{
    return (struct li_tensor){.dtype = o->dtype,
                              .shape = *o->shape,
                              .data = o->data,
                              .size_bytes = (size_t)li_count(o) * li_dtype_size(o->dtype)};
}

/* Once a step: what all runs of one of its bodies are given. */
static lince_status give(const struct inner *c, int body, const struct li_operand *inputs)
{
    const struct li_plan *plan = c->step->body[body];
    struct li_run *run = c->r->run->inner[c->step->inner + body];
    int32_t count = plan->graph->input_count, outputs = plan->graph->output_count;
    LI_TRY(li_run_grow(run->mem, &run->given, &run->given_room, count, sizeof *run->given, c->r->err));
    LI_TRY(li_run_grow(run->mem, &run->results, &run->result_room, outputs, sizeof *run->results, c->r->err));
    LI_TRY(li_run_grow(run->mem, &run->pending, &run->pending_room, plan->resource_count, sizeof *run->pending,
                       c->r->err));
    for (int32_t i = 0; i < count; i++) {
        run->given[i] = tensor_of(&inputs[i]);
    }
    for (int32_t i = 0; i < plan->resource_count; i++) {
        run->pending[i] = NULL;
    }
    return LINCE_OK;
}

/* The value that a touch has now: what was written, or is read. */
static void *state_data(const struct li_state *state)
{
    return state->out ? state->out->data : state->in ? state->in->data : NULL;
}

static lince_status run_body(const struct inner *c, int body)
{
    const struct li_plan *plan = c->step->body[body];
    struct li_run *run = c->r->run->inner[c->step->inner + body];
    const struct li_run_call call = {.pool = c->r->call->pool,
                                     .inputs = run->given,
                                     .pending = run->pending,
                                     .results = run->results,
                                     .stop = c->r->call->stop,
                                     .turns = c->r->call->turns};
    for (int i = 0; i < c->node->touches; i++) {
        if (c->node->touch[i].resource < plan->resource_count) {
            run->pending[c->node->touch[i].resource] = state_data(&c->state[i]);
        }
    }
    LI_TRY(li_run_plan(plan, run, &call, c->r->err));
    for (int i = 0; i < c->node->touches; i++) {
        const struct li_state *state = &c->state[i];
        int32_t resource = c->node->touch[i].resource;
        if (state->out && resource < plan->resource_count && run->pending[resource] != state->out->data) {
            memcpy(state->out->data, run->pending[resource], state->resource->value.size_bytes);
        }
    }
    return LINCE_OK;
}

static void begin_states(const struct inner *c)
{
    for (int i = 0; i < c->node->touches; i++) {
        const struct li_state *state = &c->state[i];
        if (state->out && state->resource->value.size_bytes) {
            memcpy(state->out->data, state->in->data, state->resource->value.size_bytes);
        }
    }
}

/* ---- Branches ---- */

static lince_status run_branch(const struct inner *c)
{
    struct li_tensor selector = tensor_of(&c->in[0]);
    int body = c->node->op->choose(&selector, c->node->bodies);
    struct li_run *run = c->r->run->inner[c->step->inner + body];
    begin_states(c);
    LI_TRY(give(c, body, c->in + 1));
    for (int i = 0; i < c->node->nout; i++) {
        run->results[i] = c->out[i].data;
    }
    return run_body(c, body);
}

/* ---- Loops ---- */

/* Zeros, or texts without a byte. */
static void blank(const struct li_tensor *t)
{
    if (t->dtype != LINCE_STRING) {
        memset(t->data, 0, t->size_bytes);
        return;
    }
    for (size_t i = 0; i < t->size_bytes / sizeof(lince_string); i++) {
        ((lince_string *)t->data)[i] = (lince_string){"", 0};
    }
}

/*
 * A variable that begins with another shape is a TensorList whose elements have none yet: zeros of that which it gets.
 */
static void begin_variables(const struct inner *c)
{
    for (int i = 0; i < c->node->nin; i++) {
        struct li_tensor in = tensor_of(&c->in[i]), out = tensor_of(&c->out[i]);
        if (out.size_bytes == 0) {
            continue;
        }
        if (li_shape_equal(&in.shape, &out.shape)) {
            memcpy(out.data, in.data, out.size_bytes);
        } else {
            blank(&out);
        }
    }
}

static void end_turn(const struct inner *c)
{
    const struct li_run *run = c->r->run->inner[c->step->inner + 1];
    for (int i = 0; i < c->node->nout; i++) {
        const struct li_tensor *result = &run->outputs[i];
        if (result->data != c->out[i].data && result->size_bytes) {
            memcpy(c->out[i].data, result->data, result->size_bytes);
        }
    }
}

static lince_status run_loop(const struct inner *c)
{
    const struct li_run *condition = c->r->run->inner[c->step->inner];
    begin_states(c);
    begin_variables(c);
    LI_TRY(give(c, 0, c->out));
    LI_TRY(give(c, 1, c->out));
    for (;;) {
        LI_TRY(run_body(c, 0));
        if (c->node->op->choose(&condition->outputs[0], 2) != 0) {
            return LINCE_OK;
        }
        LI_TRY(li_stop_turns(c->r->call->turns, c->node, c->r->err));
        LI_TRY(run_body(c, 1));
        end_turn(c);
    }
}

lince_status li_run_inner(const struct li_running *r, const struct li_step *step)
{
    const struct li_node *node = &r->plan->graph->nodes[step->node];
    const struct li_operand *in = &r->run->operands[step->operands];
    const struct inner c = {r, step, node, in, in + node->nin, &r->run->states[step->states]};
    return node->op->control == LI_CONTROL_LOOP ? run_loop(&c) : run_branch(&c);
}
