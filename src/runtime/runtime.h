/*
 * runtime: runs graphs.
 *
 * A program is a graph that was bound to its arguments, with the plans made for it so far; it is shared. A session is
 * the memory of one run at a time of a program. A plan is made once for a graph of known shapes: what is done once and
 * kept (its prepare part), the steps of every run, and where each value lies in one block of memory. No op is known
 * here by name.
 */
#ifndef LI_RUNTIME_H
#define LI_RUNTIME_H

#include "base/base.h"
#include "graph/graph.h"

/* ---- Programs (program.c) ---------------------------------------------------------------------------------------- */

/* What a stage that cuts leaves for later. */
struct li_cut {
    /* Inputs: `given` that li_session_resume() supplies, of full shapes, then the last outputs of the first part. */
    struct li_graph *rest;
    int32_t given;
};

/*
 * One step from an inferred graph, which stays the caller's, to the one that is planned. The last stage, or, without
 * any, the program itself, gives the graph its views. context is the stage's own and outlives the program.
 *
 * A stage with `cut` in the place of `make`, one of a program, gives two graphs, or one and no rest: the stages after
 * it see to both, and a run pauses between them. It takes no graph whose shapes depend on data.
 */
struct li_stage {
    lince_status (*make)(struct li_graph **out, const struct li_graph *from, void *context, const struct li_env *env,
                         lince_error *err);
    void *context;
    lince_status (*cut)(struct li_graph **out, struct li_cut *cut, const struct li_graph *from, void *context,
                        const struct li_env *env, lince_error *err);
};
enum { LI_MAX_STAGES = 4 };

struct li_program_options {
    const struct li_env *env; /* copied; what it points to outlives the program */
    const struct li_stage *stages;
    int stage_count;
    /* Resources that runs write though no node of the bound graph says so: nodes that stages add, or the caller. */
    const int32_t *written;
    int32_t written_count;
    /* Resources that others write between runs so often that nothing made of them is kept. */
    const int32_t *changing;
    int32_t changing_count;
    bool apart; /* what runs write can be had from li_session_written(): none of it is made by the commit alone */
};

struct li_program;

/*
 * graph is taken over, also on failure: bound, not yet inferred. Nothing is planned before it is run. Counted; any
 * thread may use it at any time, and two that want a plan for the same shapes make it once.
 */
lince_status li_program_new(struct li_program **out, struct li_graph *graph, const struct li_program_options *options,
                            lince_error *err);
void li_program_retain(struct li_program *program);
void li_program_release(struct li_program *program); /* NULL is fine */
const struct li_graph *li_program_graph(const struct li_program *program);

/* ---- Sessions (session.c) ---------------------------------------------------------------------------------------- */

struct li_session;

/* Both are counted by the session. */
lince_status li_session_new(struct li_session **out, struct li_program *program, struct li_pool *pool,
                            lince_error *err);
void li_session_free(struct li_session *session);                           /* NULL is fine */
void li_session_set_pool(struct li_session *session, struct li_pool *pool); /* between runs */

/* What may end a run: LINCE_ECANCELED, and nothing is committed. Looked at before each step. */
struct li_stop {
    atomic_bool canceled;
    int64_t deadline_ns; /* of CLOCK_MONOTONIC; 0: none */
};

int64_t li_stop_after(int64_t timeout_ms); /* a deadline; at the end of time where that is too far */

/* How a run is made. All zero: as it is. */
struct li_session_call {
    const struct li_stop *stop;
    /* Looks at the results before anything is committed; what it returns other than LINCE_OK fails the run. */
    lince_status (*accept)(void *context, const struct li_tensor *outputs, lince_error *err);
    void *context;
    bool keep;     /* what it writes to variables is not committed; li_session_written() tells it */
    bool has_seed; /* generators start from `seed` and their keys, in this run alone: those of the store stay */
    uint64_t seed;
};

/*
 * Run it. inputs: dense, one for each input of the graph, with its dtype; borrowed; not what this session gave out
 * before. call may be NULL. *outputs receives one tensor for each output of the graph, borrowed until the session's
 * next call. Shapes seen among the last LI_MAX_PLANS cost no planning and no allocation.
 * A failed run changes no resource. One call at a time for each session, to which the caller sees.
 *
 * Where a stage has cut, this is the first part, with its commit.
 */
lince_status li_session_run(struct li_session *session, const struct li_tensor *inputs, int32_t count,
                            const struct li_session_call *call, const struct li_tensor **outputs, lince_error *err);

/*
 * The part behind the cut, any number of times after a run and before the next; inputs: those that the cut leaves to
 * the caller. Outputs of the run stay. stop may be NULL. LINCE_EINVAL: nothing is left to run, or a variable that this
 * part reads again was written since the run.
 */
lince_status li_session_resume(struct li_session *session, const struct li_tensor *inputs, int32_t count,
                               const struct li_stop *stop, const struct li_tensor **outputs, lince_error *err);

/* What the last run of a program that keeps it apart wrote to a resource, until the next; NULL: it did not. */
const void *li_session_written(const struct li_session *session, int32_t resource);

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

struct li_step_info {
    const char *name, *op, *reason; /* reason may be NULL */
    const char *shapes;             /* "[1,224,224,3], [864] -> [1,112,112,32]" */
    bool prepared;                  /* done once and kept */
    int64_t tasks;
    int64_t bytes; /* of its inputs and outputs */
    int64_t flop;  /* as in li_prepare */
    int depth;     /* in how many bodies it lies */
    bool later;    /* of a segment that is not planned yet: no shapes and no numbers are known */
};

/*
 * Tell of each node of the plan for these shapes (making it if need be) until tell returns non-zero; what a body does
 * follows the node that runs it. Of a graph whose shapes depend on data only the first segment has a plan.
 */
lince_status li_session_explain(struct li_session *session, const struct li_shape *shapes, int32_t count,
                                int (*tell)(const struct li_step_info *step, void *context), void *context,
                                lince_error *err);

#endif
