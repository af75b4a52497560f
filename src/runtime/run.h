/* One run of a plan. Private to runtime/. */
#ifndef LI_RUNTIME_RUN_H
#define LI_RUNTIME_RUN_H

#include "plan.h"

/* Memory that runs need, for one plan at a time; it only grows. */
struct li_run_state {
    struct li_mem *mem;
    char *block, *scratch;
    size_t block_room, scratch_room;
    struct li_operand *operands;
    struct li_state *states;
    int32_t operand_room, state_room;
    const struct li_plan *plan; /* that operands describe */
    struct li_tensor *outputs;
    int32_t output_room;
    char *texts; /* of outputs that are strings */
    size_t text_room;
};

void li_run_state_init(struct li_run_state *state, struct li_mem *mem);
void li_run_state_free(struct li_run_state *state);

/*
 * Execute all steps. inputs: dense, as the graph's. pending: by resource, what earlier parts of this run wrote and did
 * not yet commit, or NULL; what this plan writes is put there. Outputs are in state->outputs. The caller holds the
 * store's read lock.
 */
lince_status li_run(struct li_plan *plan, struct li_run_state *state, struct li_pool *pool,
                    const struct li_tensor *inputs, void **pending, lince_error *err);

#endif
