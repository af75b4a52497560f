/* lince_session, as the files about it see it; private to this room. */
#ifndef LI_API_SESSION_H
#define LI_API_SESSION_H

#include "api.h"
#include "runtime/runtime.h"

/* ---- Traces in use (bound.c): the only file of this room that knows how graphs are run ---- */

/* A trace bound to arguments and ready to run. */
struct li_api_bound {
    const struct li_trace *trace;
    struct li_program *program;
    struct li_session *run;
    int32_t fetched; /* the first output that is no part of the result */
    struct li_api_bound *next;
};

struct li_api_mode; /* layer.h */

/* What is wanted besides the result: nodes' values; or what a layer wants. */
struct li_api_fetch {
    const char **node;
    size_t count;
    struct li_api_mode *mode; /* NULL: it is no layer's */
};

/* The binding may go afterwards. It holds no model: whoever frees it does so before the model goes. */
lince_status li_api_bound_new(struct li_api_bound **out, struct lince_model *model, struct li_pool *pool,
                              const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err);
void li_api_bound_free(const struct lince_model *model, struct li_api_bound *bound); /* NULL is fine */
/*
 * *results: the leaves with an output, then what is fetched; borrowed until the next run. call: what may end the run,
 * and who looks at its results; may be NULL.
 */
lince_status li_api_bound_run(struct li_api_bound *bound, const struct li_tensor *inputs, size_t count,
                              const struct li_session_call *call, const struct li_tensor **results, lince_error *err);
/* The part behind a layer's cut: gradients in the order of its wants, borrowed until the next call of either. */
lince_status li_api_bound_resume(struct li_api_bound *bound, const struct li_tensor *given, int32_t count,
                                 const struct li_stop *stop, const struct li_tensor **gradients, lince_error *err);
/* What the last run wrote to a resource; NULL: nothing. */
const void *li_api_bound_written(const struct li_api_bound *bound, int32_t resource);
void li_api_bound_set_pool(struct li_api_bound *bound, struct li_pool *pool);
lince_status li_api_bound_explain(struct li_api_bound *bound, const struct li_shape *shapes, size_t count,
                                  int (*tell)(const lince_step *step, void *context), void *context, lince_error *err);

/* Shapes of the leaves with an output, bound->fetched of them, for inputs of these; rank -1 where data decides. */
lince_status li_api_bound_infer(struct li_shape *out, const struct li_api_bound *bound, const struct lince_model *model,
                                const struct li_shape *shapes, size_t count, lince_error *err);

/* ---- Programs (programs.c) ---- */

/* The program of a binding, made or shared, and how many of its outputs are the result's; one reference more. */
lince_status li_api_program(struct li_program **out, int32_t *results, struct lince_model *model,
                            const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err);
lince_status li_api_programs_open(struct lince_model *model, lince_error *err);
void li_api_programs_close(struct lince_model *model); /* before its li_model */

/* ---- Sessions (session.c) ---- */

/* Which trace inputs of these dtypes and shapes chose. */
struct li_api_choice {
    struct li_shape *shapes;
    lince_dtype *dtypes;
    struct li_api_bound *bound; /* NULL: not used yet */
};

struct lince_session {
    struct lince_model *model;
    struct li_callable *callable;
    struct li_pool *pool;
    struct li_arena arena; /* arguments, and the names of what is fetched */
    struct li_api_arguments arguments;
    struct li_api_fetch fetch;
    struct li_api_bound *bounds;
    struct li_api_choice choices[LI_MAX_PLANS];
    unsigned next_choice;
    struct li_tensor *inputs;
    struct li_shape *input_shapes; /* set by li_api_choose_shapes() */
    struct lince_output *outputs;
    size_t output_room;
    const struct li_shape **shapes; /* of the graph's outputs; behind outputs */
    char *structure;
    size_t structure_room;
    struct li_stop stop;             /* of the run that is under way */
    int64_t timeout_ms;              /* of each run; 0: none */
    struct li_session_call how;      /* of a run: seed, and what is committed */
    const struct li_tensor *results; /* of the last run, as its graph gives them; there when they are looked at */
    atomic_bool busy;
};

struct li_api_session_how {
    struct li_pool *pool;
    enum li_api_training training;
    struct li_api_mode *mode; /* as in li_api_fetch */
};
lince_status li_api_session_new(struct lince_session **out, struct lince_callable *callable,
                                const lince_argument *arguments, size_t count, const struct li_api_session_how *how,
                                lince_error *err);

/* One call at a time: enter, and leave when what the call gave has been copied. */
lince_status li_api_session_enter(struct lince_session *session, lince_error *err);
void li_api_session_leave(struct lince_session *session);

/* ---- Choosing a trace (choose.c), within a call ---- */

/* The trace for these inputs, imported when it is new; session->inputs are these. */
lince_status li_api_choose(struct li_api_bound **out, struct lince_session *session, const lince_tensor *inputs,
                           size_t count, lince_error *err);
/* The same for inputs whose data is not looked at; session->input_shapes are theirs. */
lince_status li_api_choose_shapes(struct li_api_bound **out, struct lince_session *session, const lince_tensor *inputs,
                                  size_t count, lince_error *err);

/* ---- Running (run.c), within a call ---- */

/* Looks at the leaves of a result before anything is committed; what it returns other than LINCE_OK fails the run. */
struct li_api_accept {
    lince_status (*leaves)(void *context, const lince_output *outputs, size_t count, lince_error *err);
    void *context;
};

/* Run the trace that was chosen: its result is in session->outputs. accept may be NULL. */
lince_status li_api_run(struct lince_session *session, struct li_api_bound *bound, const struct li_api_accept *accept,
                        lince_error *err);

/* ---- Fetching (fetch.c) ---- */

/* What is fetched becomes further outputs of the graph. */
lince_status li_api_fetch_add(struct li_graph *graph, const struct li_api_fetch *fetch, struct li_mem *mem,
                              lince_error *err);

#endif
