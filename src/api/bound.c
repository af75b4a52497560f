/* A trace in use: the flat graph of a call's arguments, and what runs it. Nothing else here calls the runtime. */
#include "layer.h"

static lince_status start(struct li_api_bound *b, struct lince_model *model, struct li_pool *pool,
                          const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err)
{
    LI_TRY(fetch->mode ? li_api_layer_program(&b->program, &b->fetched, fetch->mode, binding, err)
                       : li_api_program(&b->program, &b->fetched, model, binding, fetch, err));
    return li_session_new(&b->run, b->program, pool, err);
}

lince_status li_api_bound_new(struct li_api_bound **out, struct lince_model *model, struct li_pool *pool,
                              const struct li_binding *binding, const struct li_api_fetch *fetch, lince_error *err)
{
    struct li_api_bound *b = li_calloc(model->mem, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    b->trace = binding->trace;
    lince_status st = start(b, model, pool, binding, fetch, err);
    if (st) {
        li_api_bound_free(model, b);
        return st;
    }
    *out = b;
    return LINCE_OK;
}

void li_api_bound_free(const struct lince_model *model, struct li_api_bound *bound)
{
    if (bound) {
        li_session_free(bound->run);
        li_program_release(bound->program);
        li_free(model->mem, bound);
    }
}

lince_status li_api_bound_run(struct li_api_bound *bound, const struct li_tensor *inputs, size_t count,
                              const struct li_session_call *call, const struct li_tensor **results, lince_error *err)
{
    return li_session_run(bound->run, inputs, (int32_t)count, call, results, err);
}

lince_status li_api_bound_resume(struct li_api_bound *bound, const struct li_tensor *given, int32_t count,
                                 const struct li_stop *stop, const struct li_tensor **gradients, lince_error *err)
{
    return li_session_resume(bound->run, given, count, stop, gradients, err);
}

const void *li_api_bound_written(const struct li_api_bound *bound, int32_t resource)
{
    return li_session_written(bound->run, resource);
}

void li_api_bound_set_pool(struct li_api_bound *bound, struct li_pool *pool)
{
    li_session_set_pool(bound->run, pool);
}

/* ---- Shapes ---- */

/*
 * What an output of the rest, which data keeps from being inferred, is known to be. The rest's inputs are what a loop
 * between the two gives, and then the outputs of what comes before it that the loop does not take.
 */
static struct li_shape shape_in_rest(const struct li_inferred *inferred, li_vid output)
{
    static const struct li_shape unknown = {.rank = -1};
    const struct li_graph *before = inferred->graph;
    const struct li_value *v = &inferred->rest->values[output];
    if (v->constant) {
        return v->constant->shape;
    }
    int32_t from_loop = inferred->loop.op ? inferred->loop.nout : 0, taken = inferred->loop.op ? inferred->loop.nin : 0;
    if (v->producer != LI_NONE || v->resource != LI_NONE || v->output < from_loop) {
        return unknown;
    }
    return before->values[before->outputs[v->output - from_loop + taken]].shape;
}

static lince_status infer(struct li_inferred *out, const struct li_api_bound *bound, const struct lince_model *model,
                          const struct li_shape *shapes, size_t count, lince_error *err)
{
    struct li_infer_input *inputs = li_calloc(model->mem, count + 1, sizeof *inputs, err);
    if (!inputs) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i].shape = shapes[i];
    }
    lince_status st = li_graph_infer(out, li_program_graph(bound->program), inputs, &model->env, err);
    li_free(model->mem, inputs);
    return st;
}

lince_status li_api_bound_infer(struct li_shape *out, const struct li_api_bound *bound, const struct lince_model *model,
                                const struct li_shape *shapes, size_t count, lince_error *err)
{
    struct li_inferred inferred;
    LI_TRY(infer(&inferred, bound, model, shapes, count, err));
    const struct li_graph *whole = inferred.graph, *rest = inferred.rest;
    for (int32_t i = 0; i < bound->fetched; i++) {
        out[i] = rest ? shape_in_rest(&inferred, rest->outputs[i]) : whole->values[whole->outputs[i]].shape;
    }
    li_inferred_free(&inferred);
    return LINCE_OK;
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
                       .flop = info->flop,
                       .depth = info->depth,
                       .later = info->later};
    return t->tell(&step, t->context);
}

lince_status li_api_bound_explain(struct li_api_bound *bound, const struct li_shape *shapes, size_t count,
                                  int (*tell)(const lince_step *step, void *context), void *context, lince_error *err)
{
    struct telling t = {tell, context};
    return li_session_explain(bound->run, shapes, (int32_t)count, pass_on, &t, err);
}
