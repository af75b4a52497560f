/* What a layer runs: the call, the losses of the model beside it, and, where a backward may come, the cut. */
#include "layer.h"

#include "passes/passes.h"

/* ---- The losses' sum --------------------------------------------------------------------------------------------- */

static lince_status append_losses(struct li_graph *g, struct lince_model *model, lince_error *err)
{
    int64_t count = li_model_loss_count(model->model);
    li_vid *values = li_arena_alloc(&g->arena, ((size_t)LI_MAX(count, 0) + 1) * sizeof *values, err);
    li_vid *outputs = li_arena_alloc(&g->arena, ((size_t)g->output_count + 1) * sizeof *outputs, err);
    if (!values || !outputs) {
        return LINCE_ENOMEM;
    }
    for (int64_t i = 0; i < count; i++) {
        LI_TRY(li_api_loss_append(g, model, (size_t)i, &values[i], err));
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        outputs[i] = g->outputs[i];
    }
    LI_TRY(li_ops_sum(g, values, (int)count, &outputs[g->output_count], err));
    return li_graph_set_outputs(g, outputs, (int)g->output_count + 1, err);
}

/* ---- Making one -------------------------------------------------------------------------------------------------- */

/* Taken over by the program's stage; the losses' sum is the output behind the result's. */
static lince_status find_arriving(struct li_api_layer_program *p, const struct lince_layer *l, lince_error *err)
{
    p->wants = l->wants;
    p->arrives = li_calloc(l->model->mem, (size_t)p->results + 1, sizeof *p->arrives, err);
    if (!p->arrives) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < p->trace->leaf_count; i++) {
        const struct li_result_leaf *leaf = &p->trace->leaf[i];
        if (leaf->output != LI_NONE) {
            p->arrives[leaf->output] = li_api_arrives(l, leaf->path);
        }
    }
    p->arrives[p->results] = true;
    p->wants.arrives = p->arrives;
    return LINCE_OK;
}

static lince_status new_program(struct li_api_layer_program *p, struct li_graph *graph, struct li_api_mode *mode,
                                lince_error *err)
{
    struct lince_layer *layer = mode->layer;
    const struct li_stage stages[] = {{.cut = li_layer_cut, .context = &p->wants}, {.make = li_passes_run}};
    struct li_program_options options = {.env = &layer->model->env, .stages = stages, .stage_count = 2, .apart = true};
    if (mode->backward) {
        options.changing = layer->wants.variables;
        options.changing_count = layer->wants.variable_count;
    } else {
        options.stages++;
        options.stage_count--;
    }
    return li_program_new(&p->program, graph, &options, err);
}

static lince_status make(struct li_api_layer_program *p, struct li_api_mode *mode, const struct li_binding *binding,
                         lince_error *err)
{
    struct li_graph *graph;
    struct li_binding call = *binding;
    call.gradients = mode->backward;
    LI_TRY(li_binding_import(&graph, &call, err));
    p->trace = binding->trace;
    p->results = graph->output_count;
    lince_status st = mode->layer->losses ? append_losses(graph, mode->layer->model, err) : LINCE_OK;
    st = st ? st : find_arriving(p, mode->layer, err);
    if (st) {
        li_graph_free(graph);
        return st;
    }
    return new_program(p, graph, mode, err);
}

static lince_status make_one(struct li_api_layer_program **out, struct li_api_mode *mode,
                             const struct li_binding *binding, lince_error *err)
{
    struct li_mem *mem = mode->layer->model->mem;
    struct li_api_layer_program *p = li_calloc(mem, 1, sizeof *p, err);
    if (!p) {
        return LINCE_ENOMEM;
    }
    lince_status st = make(p, mode, binding, err);
    if (st) {
        li_free(mem, p->arrives);
        li_free(mem, p);
        return st;
    }
    *out = p;
    return LINCE_OK;
}

/* ---- Sharing ----------------------------------------------------------------------------------------------------- */

/* A layer's arguments never change, so the trace tells. The lock is held. */
static const struct li_api_layer_program *find(const struct li_api_mode *mode, const struct li_trace *trace)
{
    const struct li_api_layer_program *p = mode->programs;
    while (p && p->trace != trace) {
        p = p->next;
    }
    return p;
}

static bool share(struct li_program **out, int32_t *results, struct li_api_mode *mode, const struct li_trace *trace)
{
    pthread_mutex_lock(&mode->layer->lock);
    const struct li_api_layer_program *p = find(mode, trace);
    if (p) {
        li_program_retain(p->program);
        *out = p->program;
        *results = p->results;
    }
    pthread_mutex_unlock(&mode->layer->lock);
    return p != NULL;
}

static void free_one(const struct li_api_mode *mode, struct li_api_layer_program *p)
{
    if (p) {
        li_program_release(p->program);
        li_free(mode->layer->model->mem, p->arrives);
        li_free(mode->layer->model->mem, p);
    }
}

/* Of two threads that made the same program at one time the second drops its own. */
static void put_in(struct li_api_mode *mode, struct li_api_layer_program *made)
{
    pthread_mutex_lock(&mode->layer->lock);
    struct li_api_layer_program *gone = find(mode, made->trace) ? made : NULL;
    if (!gone) {
        made->next = mode->programs;
        mode->programs = made;
    }
    pthread_mutex_unlock(&mode->layer->lock);
    free_one(mode, gone);
}

lince_status li_api_layer_program(struct li_program **out, int32_t *results, struct li_api_mode *mode,
                                  const struct li_binding *binding, lince_error *err)
{
    struct li_api_layer_program *made;
    if (!share(out, results, mode, binding->trace)) {
        LI_TRY(make_one(&made, mode, binding, err));
        put_in(mode, made);
        share(out, results, mode, binding->trace);
    }
    return LINCE_OK;
}

void li_api_layer_programs_free(struct li_api_mode *mode)
{
    while (mode->programs) {
        struct li_api_layer_program *p = mode->programs;
        mode->programs = p->next;
        free_one(mode, p);
    }
}
