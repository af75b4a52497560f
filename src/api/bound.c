/* A trace in use: the flat graph of a call's arguments, and what runs it. Nothing else here calls the runtime. */
#include "session.h"

#include "passes/passes.h"
#include "runtime/runtime.h"

lince_status li_api_bound_new(struct li_api_bound **out, const struct lince_model *model, struct li_pool *pool,
                              const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err)
{
    static const struct li_stage passes = {li_passes_run, NULL};
    const struct li_program_options options = {&model->env, &passes, 1};
    struct li_program *program = NULL;
    struct li_graph *graph;
    struct li_api_bound *b = li_calloc(model->mem, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_binding_import(&graph, binding, err);
    if (!st) {
        b->fetched = graph->output_count;
        st = li_api_fetch_add(graph, fetch, model->mem, err);
        if (st) {
            li_graph_free(graph);
        }
    }
    st = st ? st : li_program_new(&program, graph, &options, err);
    st = st ? st : li_session_new(&b->run, program, pool, err);
    li_program_release(program);
    if (st) {
        li_free(model->mem, b);
        return st;
    }
    b->trace = binding->trace;
    *out = b;
    return LINCE_OK;
}

void li_api_bound_free(const struct lince_model *model, struct li_api_bound *bound)
{
    if (bound) {
        li_session_free(bound->run);
        li_free(model->mem, bound);
    }
}

lince_status li_api_bound_run(struct li_api_bound *bound, const struct li_tensor *inputs, size_t count,
                              const struct li_tensor **results, lince_error *err)
{
    return li_session_run(bound->run, inputs, (int32_t)count, NULL, results, err);
}

/* ---- Explaining ---- */

struct telling {
    int (*tell)(const lince_step *step, void *context);
    void *context;
};

static int pass_on(const struct li_step_info *info, void *context)
{
    const struct telling *t = context;
    lince_step step = {.struct_size = sizeof step,
                       .name = info->name,
                       .op = info->op,
                       .shapes = info->shapes,
                       .reason = info->reason ? info->reason : "",
                       .prepared = info->prepared,
                       .tasks = info->tasks,
                       .bytes = info->bytes,
                       .flop = info->flop};
    return t->tell(&step, t->context);
}

lince_status li_api_bound_explain(struct li_api_bound *bound, const struct li_shape *shapes, size_t count,
                                  int (*tell)(const lince_step *step, void *context), void *context, lince_error *err)
{
    struct telling t = {tell, context};
    return li_session_explain(bound->run, shapes, (int32_t)count, pass_on, &t, err);
}
