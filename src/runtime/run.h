/* One run of a plan: all that it writes, and doing it. Private to runtime/. */
#ifndef LI_RUNTIME_RUN_H
#define LI_RUNTIME_RUN_H

#include "plan.h"

/*
 * The memory of runs, for one at a time; it only grows. It may go from plan to plan; what describes a plan is made anew
 * then, without an allocation if there is room. A plan outlives the runs that describe it, or li_run_forget() is
 * called.
 */
struct li_run {
    struct li_mem *mem;
    char *block, *scratch;
    size_t block_room, scratch_room;
    struct li_operand *operands;
    struct li_state *states;
    struct li_tensor *outputs;
    uint64_t *seen;        /* by plan->read: versions when `kept` was looked up */
    const void **kept;     /* by plan->kept: its data */
    struct li_run **inner; /* of bodies; each step has its own */
    int32_t operand_room, state_room, output_room, seen_room, kept_room, inner_room;
    const struct li_plan *plan; /* that all this describes */
    int workers;                /* that scratch is for */
    char *texts;                /* of outputs that are strings */
    size_t text_room;
    /* Of an inner run: what its step gives it. */
    struct li_tensor *given;
    void **pending, **results;
    int32_t given_room, pending_room, result_room;
};

void li_run_init(struct li_run *run, struct li_mem *mem);
void li_run_fini(struct li_run *run);
void li_run_forget(struct li_run *run); /* its plan goes */

/* What a run is given; borrowed while it lasts. */
struct li_run_call {
    struct li_pool *pool;
    const struct li_tensor *inputs; /* dense, one for each of the graph's */
    /*
     * By resource: the value that earlier parts of this call wrote, or NULL; what this plan writes and does not leave
     * to the commit is put there. NULL: nothing is written.
     */
    void **pending;
    void *const *results;       /* LI_RESULTS_GIVEN: where each output goes */
    const struct li_stop *stop; /* asked before each step; may be NULL */
    int64_t *turns;             /* of loops, in this call so far; NULL where there is none: in what is prepared */
};

/*
 * Execute all steps but those of the commit. Outputs are in run->outputs. The caller holds the store's read lock.
 * A plan with such steps was built for this call alone: li_run_commit() follows, or what it would have written is lost.
 */
lince_status li_run_plan(const struct li_plan *plan, struct li_run *run, const struct li_run_call *call,
                         lince_error *err);

/*
 * The steps of the commit, with the store's write lock held, after every other write of the call was published; raises
 * the versions of what they write. Cannot fail.
 */
void li_run_commit(const struct li_plan *plan, struct li_run *run, const struct li_run_call *call);

/* fit.c: room in a run for a plan, which it then describes. */
lince_status li_run_fit(struct li_run *run, const struct li_plan *plan, int workers, lince_error *err);
/* refresh.c: run->kept for the variables' present versions; makes what is stale. With the store's read lock held. */
lince_status li_run_refresh(const struct li_plan *plan, struct li_run *run, struct li_pool *pool, lince_error *err);

/* What the files that do a run share. */
struct li_running {
    const struct li_plan *plan;
    struct li_run *run;
    const struct li_run_call *call;
    lince_error *err;
};

void *li_home_data(const struct li_running *r, struct li_home home);
void *li_value_data(const struct li_running *r, li_vid v);
/* results.c: from where values lie to where results go. */
lince_status li_run_collect(const struct li_running *r);
/* inner.c: a step that runs bodies. */
lince_status li_run_inner(const struct li_running *r, const struct li_step *step);

/* Room for `count` elements, cleared; what was there is not kept. array: the address of a pointer. */
lince_status li_run_grow(struct li_mem *mem, void *array, int32_t *room, int32_t count, size_t size, lince_error *err);

#endif
