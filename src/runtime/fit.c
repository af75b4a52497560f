/* The memory of a run: it grows to what a plan needs, and describes the plan's operands once for all its runs. */
#include "poison.h"
#include "run.h"

#include <string.h>

void li_run_init(struct li_run *run, struct li_mem *mem)
{
    *run = (struct li_run){.mem = mem};
}

static void free_inner(struct li_run *run)
{
    for (int32_t i = 0; i < run->inner_room; i++) {
        if (run->inner[i]) {
            li_run_fini(run->inner[i]);
            li_free(run->mem, run->inner[i]);
        }
    }
    li_free(run->mem, run->inner);
}

void li_run_fini(struct li_run *run)
{
    li_unpoison(run->block, run->block_room);
    free_inner(run);
    void *const blocks[] = {run->block, run->scratch, run->texts, run->operands, run->states, run->outputs,
                            run->seen,  run->kept,    run->given, run->pending,  run->results};
    for (size_t i = 0; i < LI_COUNT(blocks); i++) {
        li_free(run->mem, blocks[i]);
    }
    li_run_init(run, run->mem);
}

void li_run_forget(struct li_run *run)
{
    run->plan = NULL;
    for (int32_t i = 0; i < run->inner_room; i++) {
        if (run->inner[i]) {
            li_run_forget(run->inner[i]);
        }
    }
}

/* Content is not kept. */
static lince_status grow_block(struct li_mem *mem, char **block, size_t *room, size_t bytes, lince_error *err)
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

/* The caller's pointer has a type of its own, so its bytes are copied. */
lince_status li_run_grow(struct li_mem *mem, void *array, int32_t *room, int32_t count, size_t size, lince_error *err)
{
    void *at;
    memcpy(&at, array, sizeof at);
    if (count <= *room && at) {
        return LINCE_OK;
    }
    li_free(mem, at);
    at = li_calloc(mem, (size_t)count + 1, size, err);
    memcpy(array, &at, sizeof at);
    *room = at ? count : 0;
    return at ? LINCE_OK : LINCE_ENOMEM;
}

/* One that is there stays: its block may be large. */
static lince_status grow_inner(struct li_run *run, int32_t count, lince_error *err)
{
    LI_TRY(li_grow(run->mem, &run->inner, &run->inner_room, count, sizeof(struct li_run *), err));
    for (int32_t i = 0; i < count; i++) {
        if (!run->inner[i]) {
            run->inner[i] = li_calloc(run->mem, 1, sizeof **run->inner, err);
            if (!run->inner[i]) {
                return LINCE_ENOMEM;
            }
            li_run_init(run->inner[i], run->mem);
        }
        li_run_forget(run->inner[i]);
    }
    return LINCE_OK;
}

static struct li_operand described(const struct li_value *value)
{
    return (struct li_operand){NULL, value->dtype, &value->shape, value->view.stride, &value->view};
}

static void describe_state(struct li_run *run, const struct li_plan *plan, const struct li_step *step, int i,
                           struct li_operand *at)
{
    const struct li_touch *touch = &plan->graph->nodes[step->node].touch[i];
    const struct li_resource *r = li_store_get(plan->graph->store, touch->resource);
    const struct li_reach *reach = &step->reach[i];
    if (reach->view) {
        at[0] = at[1] = (struct li_operand){NULL, r->dtype, &r->shape, reach->view->stride, reach->view};
    }
    run->states[step->states + i] = (struct li_state){.in = reach->in.place == LI_PLACE_NOWHERE ? NULL : &at[0],
                                                      .out = reach->out.place == LI_PLACE_NOWHERE ? NULL : &at[1],
                                                      .resource = r};
}

static void describe_step(struct li_run *run, const struct li_plan *plan, const struct li_step *step)
{
    const struct li_node *node = &plan->graph->nodes[step->node];
    struct li_operand *at = &run->operands[step->operands];
    for (int i = 0; i < node->nin; i++) {
        *at++ = described(&plan->graph->values[node->in[i]]);
    }
    for (int i = 0; i < node->nout; i++) {
        *at++ = described(&plan->graph->values[node->out[i]]);
    }
    for (int i = 0; i < node->touches; i++, at += 2) {
        describe_state(run, plan, step, i, at);
    }
}

static lince_status grow_all(struct li_run *run, const struct li_plan *plan, int workers, lince_error *err)
{
    struct li_mem *mem = run->mem;
    size_t scratch = plan->scratch_bytes * (size_t)workers; /* at most LI_MAX_TENSOR_BYTES each, LI_MAX_THREADS */
    LI_TRY(grow_block(mem, &run->block, &run->block_room, plan->block_bytes, err));
    LI_TRY(grow_block(mem, &run->scratch, &run->scratch_room, scratch, err));
    LI_TRY(li_run_grow(mem, &run->operands, &run->operand_room, plan->operand_count, sizeof *run->operands, err));
    LI_TRY(li_run_grow(mem, &run->states, &run->state_room, plan->state_count, sizeof *run->states, err));
    LI_TRY(li_run_grow(mem, &run->outputs, &run->output_room, plan->graph->output_count, sizeof *run->outputs, err));
    LI_TRY(li_run_grow(mem, &run->seen, &run->seen_room, plan->read_count, sizeof *run->seen, err));
    LI_TRY(li_run_grow(mem, &run->kept, &run->kept_room, plan->kept_count, sizeof *run->kept, err));
    return grow_inner(run, plan->inner_count, err);
}

lince_status li_run_fit(struct li_run *run, const struct li_plan *plan, int workers, lince_error *err)
{
    if (run->plan == plan && run->workers >= workers) {
        return LINCE_OK;
    }
    run->plan = NULL;
    LI_TRY(grow_all(run, plan, workers, err));
    for (int32_t i = 0; i < plan->kept_count; i++) {
        run->kept[i] = NULL;
    }
    for (int32_t i = 0; i < plan->read_count; i++) {
        run->seen[i] = 0; /* no version is */
    }
    for (int32_t s = 0; s < plan->step_count; s++) {
        describe_step(run, plan, &plan->steps[s]);
    }
    run->plan = plan;
    run->workers = workers;
    return LINCE_OK;
}
