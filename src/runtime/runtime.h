/*
 * runtime: runs graphs. A plan is made once for a graph of known shapes: what is done once and kept (its prepare part),
 * the steps of every run, and where each value lies in one block of memory. A session is a graph that was bound to its
 * arguments, with the plans made for it so far and the memory of its runs. No op is known here by name.
 */
#ifndef LI_RUNTIME_H
#define LI_RUNTIME_H

#include "base/base.h"
#include "graph/graph.h"

/* ---- Sessions (session.c) ---------------------------------------------------------------------------------------- */

struct li_session_options {
    const struct li_env *env; /* outlives the session */
    struct li_pool *pool;     /* counted by the session */
    /*
     * From an inferred graph, which stays the caller's, to one that is quick to run and has views. NULL: dense views
     * only.
     */
    lince_status (*optimize)(struct li_graph **out, const struct li_graph *inferred, const struct li_env *env,
                             lince_error *err);
};

struct li_session;

/* graph is taken over, also on failure: bound, not yet inferred. Nothing is planned before the first run. */
lince_status li_session_new(struct li_session **out, struct li_graph *graph, const struct li_session_options *options,
                            lince_error *err);
void li_session_free(struct li_session *session); /* NULL is fine */

/*
 * Run it. inputs: dense, one for each input of the graph, with its dtype; borrowed; not what this session gave out
 * before. *outputs receives one tensor for each output of the graph, borrowed until the session's next call. Shapes
 * seen among the last LI_MAX_PLANS cost no planning and no allocation.
 * A failed run changes no resource. One run at a time: LINCE_EINVAL otherwise.
 */
lince_status li_session_run(struct li_session *session, const struct li_tensor *inputs, int32_t count,
                            const struct li_tensor **outputs, lince_error *err);

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

struct li_step_info {
    const char *name, *op, *reason; /* reason may be NULL */
    const char *shapes;             /* "[1,224,224,3], [864] -> [1,112,112,32]" */
    bool prepared;                  /* done once and kept */
    int64_t tasks;
    int64_t bytes; /* of its inputs and outputs */
    int64_t flop;  /* as in li_prepare */
};

/*
 * Tell of each node of the plan for these shapes (making it if need be) until tell returns non-zero. Only the first
 * segment of a graph whose shapes depend on data.
 */
lince_status li_session_explain(struct li_session *session, const struct li_shape *shapes, int32_t count,
                                int (*tell)(const struct li_step_info *step, void *context), void *context,
                                lince_error *err);

#endif
