/* A session with a program of its own. */
#ifndef LI_UNIT_RUNTIME_SESSION_ON_H
#define LI_UNIT_RUNTIME_SESSION_ON_H

#include "runtime/runtime.h"

typedef lince_status stage(struct li_graph **out, const struct li_graph *from, void *context, const struct li_env *env,
                           lince_error *err);

/* graph is taken over, also on failure. make: the only stage; NULL: none. */
static inline lince_status session_on(struct li_session **out, struct li_graph *graph, const struct li_env *env,
                                      struct li_pool *pool, stage *make, lince_error *err)
{
    const struct li_stage stages[] = {{.make = make}};
    const struct li_program_options options = {.env = env, .stages = stages, .stage_count = make != NULL};
    struct li_program *program;
    LI_TRY(li_program_new(&program, graph, &options, err));
    lince_status st = li_session_new(out, program, pool, err);
    li_program_release(program);
    return st;
}

#endif
