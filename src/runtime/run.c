#include "poison.h"
#include "run.h"

#include <string.h>

/* ---- Memory ---- */

void li_run_state_init(struct li_run_state *state, struct li_mem *mem)
{
    *state = (struct li_run_state){.mem = mem};
}

void li_run_state_free(struct li_run_state *state)
{
    li_unpoison(state->block, state->block_room);
    li_free(state->mem, state->block);
    li_free(state->mem, state->scratch);
    li_free(state->mem, state->texts);
    li_free(state->mem, state->operands);
    li_free(state->mem, state->states);
    li_free(state->mem, state->outputs);
    li_run_state_init(state, state->mem);
}

/* Content is not kept. */
static lince_status grow(struct li_mem *mem, char **block, size_t *room, size_t bytes, lince_error *err)
{
    if (*block && bytes <= *room) {
        return LINCE_OK;
    }
    li_unpoison(*block, *room);
    li_free(mem, *block);
    *block = li_alloc(mem, bytes, err);
    *room = *block ? bytes : 0;
    return *block ? LINCE_OK : LINCE_ENOMEM;
}

static void describe(struct li_operand *operand, const struct li_value *value)
{
    *operand = (struct li_operand){NULL, value->dtype, &value->shape, value->view.stride, &value->view};
}

/* An array of `count` elements without content that is kept. */
static lince_status grow_array(struct li_mem *mem, void *array, int32_t *room, int32_t count, size_t size,
                               lince_error *err)
{
    void **at = array;
    if (count <= *room && *at) {
        return LINCE_OK;
    }
    li_free(mem, *at);
    *at = li_calloc(mem, (size_t)count + 1, size, err);
    *room = *at ? count : 0;
    return *at ? LINCE_OK : LINCE_ENOMEM;
}

static void describe_step(struct li_run_state *state, const struct li_plan *plan, const struct li_step *step)
{
    const struct li_node *node = &plan->graph->nodes[step->node];
    struct li_operand *at = &state->operands[step->operands];
    for (int i = 0; i < node->nin; i++) {
        describe(at++, &plan->graph->values[node->in[i]]);
    }
    for (int i = 0; i < node->nout; i++) {
        describe(at++, &plan->graph->values[node->out[i]]);
    }
    for (int i = 0; i < node->touches; i++, at += 2) {
        const struct li_resource *r = li_store_get(plan->graph->store, node->touch[i].resource);
        const struct li_reach *reach = &step->reach[i];
        if (reach->view) {
            at[0] = at[1] = (struct li_operand){NULL, r->dtype, &r->shape, reach->view->stride, reach->view};
        }
        state->states[step->states + i] = (struct li_state){.in = reach->in.place == LI_PLACE_NOWHERE ? NULL : &at[0],
                                                            .out = reach->out.place == LI_PLACE_NOWHERE ? NULL : &at[1],
                                                            .resource = r};
    }
}

static lince_status fit(struct li_run_state *state, const struct li_plan *plan, int workers, lince_error *err)
{
    const struct li_graph *g = plan->graph;
    if (state->plan == plan) {
        return LINCE_OK;
    }
    size_t scratch_bytes =
        plan->scratch_bytes * (size_t)workers; /* each at most LI_MAX_TENSOR_BYTES, LI_MAX_THREADS of them */
    state->plan = NULL;
    LI_TRY(grow(state->mem, &state->block, &state->block_room, plan->block_bytes, err));
    LI_TRY(grow(state->mem, &state->scratch, &state->scratch_room, scratch_bytes, err));
    LI_TRY(grow_array(state->mem, &state->operands, &state->operand_room, plan->operand_count, sizeof *state->operands,
                      err));
    LI_TRY(grow_array(state->mem, &state->states, &state->state_room, plan->state_count, sizeof *state->states, err));
    LI_TRY(grow_array(state->mem, &state->outputs, &state->output_room, g->output_count, sizeof *state->outputs, err));
    for (int32_t s = 0; s < plan->step_count; s++) {
        describe_step(state, plan, &plan->steps[s]);
    }
    state->plan = plan;
    return LINCE_OK;
}

/* ---- Where things are in this run ---- */

struct running {
    struct li_plan *plan;
    struct li_run_state *state;
    struct li_pool *pool;
    const struct li_tensor *inputs;
    void **pending;
    lince_error *err;
};

static void *home_data(const struct running *r, struct li_home home)
{
    switch (home.place) {
    case LI_PLACE_INPUT:
        return r->inputs[home.index].data;
    case LI_PLACE_CONSTANT:
        return r->plan->graph->values[home.index].constant->data;
    case LI_PLACE_RESOURCE:
        return r->pending && r->pending[home.index] ? r->pending[home.index]
                                                    : li_store_get(r->plan->graph->store, home.index)->value.data;
    case LI_PLACE_KEPT:
        return (void *)(uintptr_t)r->plan->kept_data[home.index];
    case LI_PLACE_BLOCK:
        return r->state->block + r->plan->tenants[home.index].offset;
    default:
        return NULL;
    }
}

static void *value_data(const struct running *r, li_vid v)
{
    const struct li_value *value = &r->plan->graph->values[v];
    if (value->dtype == LINCE_RESOURCE) {
        return NULL;
    }
    char *base = home_data(r, li_home_of(r->plan, v));
    return base ? base + value->view.offset * (int64_t)li_dtype_size(value->dtype) : NULL;
}

static void locate(struct running *r)
{
    for (int32_t s = 0; s < r->plan->step_count; s++) {
        const struct li_step *step = &r->plan->steps[s];
        const struct li_node *node = &r->plan->graph->nodes[step->node];
        struct li_operand *at = &r->state->operands[step->operands];
        for (int i = 0; i < node->nin; i++) {
            at++->data = value_data(r, node->in[i]);
        }
        for (int i = 0; i < node->nout; i++) {
            at++->data = value_data(r, node->out[i]);
        }
        for (int i = 0; i < node->touches; i++, at += 2) {
            at[0].data = home_data(r, step->reach[i].in);
            at[1].data = home_data(r, step->reach[i].out);
        }
    }
}

/* ---- Halos ---- */

static void zero(float *at, int64_t count)
{
    memset(at, 0, (size_t)LI_MAX(count, 0) * sizeof *at);
}

/* Zeros around each picture of a float32 [n, h, w, c] with its own buffer; pixels lie side by side. */
static void clear_halo(const struct running *r, li_vid v)
{
    const struct li_value *value = &r->plan->graph->values[v];
    const int64_t *dim = value->shape.dim, *stride = value->view.stride;
    const int32_t *halo = value->view.halo;
    float *data = value_data(r, v);
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

static lince_status run_step(const struct running *r, const struct li_step *step)
{
    const struct li_graph *g = r->plan->graph;
    const struct li_node *node = &g->nodes[step->node];
    const struct li_operand *in = &r->state->operands[step->operands];
    struct step_run run = {.scratch = r->state->scratch, .scratch_bytes = r->plan->scratch_bytes, .err = r->err};
    run.call = (struct li_call){.node = node,
                                .in = in,
                                .out = in + node->nin,
                                .state = &r->state->states[step->states],
                                .plan = step->plan,
                                .tasks = step->tasks,
                                .kernels = r->plan->env->kernels};
    atomic_init(&run.failed, false);
    for (int32_t i = 0; i < step->halo_count; i++) {
        clear_halo(r, step->halos[i]);
    }
    if (!node->op->forward) {
        return LINCE_OK;
    }
    if (step->tasks > 1) {
        li_pool_run(r->pool, step->tasks, run_task, &run);
    } else if (step->tasks == 1) {
        run_task(&run, 0, 0);
    }
    return run.status;
}

static lince_status run_steps(const struct running *r)
{
    unsigned mode = li_subnormals_flush();
    lince_status st = LINCE_OK;
    for (int32_t s = 0; s < r->plan->step_count && !st; s++) {
        li_poison_absent(r->plan, r->state->block, r->state->block_room, r->plan->steps[s].time);
        st = run_step(r, &r->plan->steps[s]);
    }
    if (!st) {
        li_poison_absent(r->plan, r->state->block, r->state->block_room, INT32_MAX);
    }
    li_subnormals_restore(mode);
    return st;
}

/* ---- Results ---- */

static void copy_dense(char *to, const char *from, const struct li_value *value, int dim)
{
    size_t size = li_dtype_size(value->dtype);
    if (dim == value->shape.rank) {
        memcpy(to, from, size);
        return;
    }
    int64_t each = 1;
    for (int i = dim + 1; i < value->shape.rank; i++) {
        each *= value->shape.dim[i];
    }
    for (int64_t i = 0; i < value->shape.dim[dim]; i++) {
        copy_dense(to + (size_t)(i * each) * size, from + value->view.stride[dim] * i * (int64_t)size, value, dim + 1);
    }
}

static void collect(const struct running *r)
{
    const struct li_graph *g = r->plan->graph;
    for (int32_t i = 0; i < g->output_count; i++) {
        const struct li_value *value = &g->values[g->outputs[i]];
        struct li_tensor *out = &r->state->outputs[i];
        const void *data = value_data(r, g->outputs[i]);
        *out = (struct li_tensor){.dtype = value->dtype, .shape = value->shape, .data = (void *)(uintptr_t)data};
        out->size_bytes = (size_t)li_shape_count(&value->shape) * li_dtype_size(value->dtype);
        if (r->plan->copies[i].place == LI_PLACE_BLOCK) {
            out->data = home_data(r, r->plan->copies[i]);
            if (out->size_bytes && li_view_dense(value)) {
                memcpy(out->data, data, out->size_bytes);
            } else if (out->size_bytes) {
                copy_dense(out->data, data, value, 0);
            }
        }
    }
}

/* Strings point to where their op found them: into the caller's inputs, or a plan that may be gone by the next call. */
static lince_status own_texts(const struct running *r)
{
    struct li_run_state *state = r->state;
    int32_t count = r->plan->graph->output_count;
    size_t need = 0, at = 0;
    for (int32_t i = 0; i < count; i++) {
        const lince_string *text = state->outputs[i].data;
        size_t strings = state->outputs[i].dtype == LINCE_STRING ? state->outputs[i].size_bytes / sizeof *text : 0;
        for (size_t k = 0; k < strings; k++) {
            if (!li_add_size(need, text[k].size, &need)) {
                return li_fail(r->err, LINCE_ELIMIT, "output %d: its strings do not fit into an address space", (int)i);
            }
        }
    }
    LI_TRY(need ? grow(state->mem, &state->texts, &state->text_room, need, r->err) : LINCE_OK);
    for (int32_t i = 0; i < count; i++) {
        lince_string *text = state->outputs[i].data;
        size_t strings = state->outputs[i].dtype == LINCE_STRING ? state->outputs[i].size_bytes / sizeof *text : 0;
        for (size_t k = 0; k < strings; k++) {
            if (text[k].size) {
                text[k].data = memcpy(state->texts + at, text[k].data, text[k].size);
            }
            at += text[k].size;
        }
    }
    return LINCE_OK;
}

lince_status li_run(struct li_plan *plan, struct li_run_state *state, struct li_pool *pool,
                    const struct li_tensor *inputs, void **pending, lince_error *err)
{
    struct running r = {plan, state, pool, inputs, pending, err};
    LI_TRY(li_plan_refresh(plan, err));
    LI_TRY(fit(state, plan, li_pool_threads(pool), err));
    locate(&r);
    LI_TRY(run_steps(&r));
    collect(&r);
    LI_TRY(own_texts(&r));
    for (int32_t i = 0; i < plan->write_count; i++) {
        pending[plan->writes[i].resource] = state->block + plan->tenants[plan->writes[i].tenant].offset;
    }
    return LINCE_OK;
}
