/*
 * What a trainer runs: the graph of a call with its loss, for one trace and one use. Inputs are those of the call, then
 * the targets, the weights if there are any, a step's factors, and the seed of the head's dropout.
 */
#include "trainer.h"

#include "passes/passes.h"

#include <string.h>

struct making {
    struct lince_trainer *t;
    struct li_trainer_program *p;
    struct li_graph *graph;
    li_vid logits, targets, weights, seed;
    li_vid *losses;
    int count;
    lince_error *err;
};

bool li_trainer_drops(const struct lince_trainer *t, enum li_trainer_use use)
{
    return t->options.head_classes && t->head.dropout > 0 && use != LI_USE_EVALUATE;
}

/* ---- The call ---- */

static lince_status find_logits(struct making *m)
{
    const struct li_trace *trace = m->p->trace;
    const char *path = m->t->options.output ? m->t->options.output : trace->leaf_count == 1 ? "" : "default";
    for (size_t i = 0; i < trace->leaf_count; i++) {
        const struct li_result_leaf *leaf = &trace->leaf[i];
        bool only = trace->leaf_count == 1 && !m->t->options.output;
        if ((only || strcmp(leaf->path, path) == 0) && leaf->output != LI_NONE) {
            m->logits = m->graph->outputs[leaf->output];
            return leaf->value->dtype == LINCE_FLOAT32
                       ? LINCE_OK
                       : li_fail(m->err, LINCE_EUNSUPPORTED, "the result \"%s\" is %s; the loss is of float32", path,
                                 li_dtype_name(leaf->value->dtype));
        }
    }
    return li_fail(m->err, LINCE_EINVAL, "the result has no part \"%s\" to take the loss of: %.500s", path,
                   trace->text);
}

static lince_status import_call(struct making *m, const struct li_binding *binding)
{
    struct lince_model *model = m->t->model;
    if (binding) {
        LI_TRY(li_binding_import(&m->graph, binding, m->err));
        return find_logits(m);
    }
    const struct li_shape features = {2, {-1, li_store_get(m->t->state.store, m->t->head.kernel)->shape.dim[0]}};
    LI_TRY(li_graph_new(&m->graph, li_model_store(model->model), li_ops(), model->mem, m->err));
    return li_graph_input(m->graph, LINCE_FLOAT32, &features, &m->logits, m->err);
}

/* ---- Losses ---- */

static lince_status add_losses(struct making *m, li_vid *loss)
{
    struct lince_trainer *t = m->t;
    int64_t regularization = t->options.no_regularization || !t->callable ? 0 : li_model_loss_count(t->model->model);
    struct li_loss how = t->loss;
    li_vid head_loss = LI_NONE;
    how.sparse = m->p->targets != LINCE_FLOAT32;
    m->losses = li_arena_calloc(&m->graph->arena, (size_t)LI_MAX(regularization, 0) + 2, sizeof *m->losses, m->err);
    LI_TRY(m->losses ? LINCE_OK : LINCE_ENOMEM);
    if (t->options.head_classes) {
        LI_TRY(li_ops_head(m->graph, &t->head, m->logits, m->seed, &m->logits, &head_loss, m->err));
    }
    LI_TRY(li_ops_loss(m->graph, &how, m->logits, m->targets, m->weights, &m->losses[m->count++], m->err));
    for (int64_t i = 0; i < regularization; i++) {
        LI_TRY(li_api_loss_append(m->graph, t->model, (size_t)i, &m->losses[m->count++], m->err));
    }
    if (head_loss >= 0) {
        m->losses[m->count++] = head_loss;
    }
    return li_ops_sum(m->graph, m->losses, m->count, loss, m->err);
}

/* ---- The graph ---- */

/* One more input; *number receives which. */
static lince_status add_input(struct making *m, lince_dtype dtype, const struct li_shape *shape, int32_t *number,
                              li_vid *out)
{
    *number = m->graph->input_count;
    return li_graph_input(m->graph, dtype, shape, out, m->err);
}

static lince_status add_inputs(struct making *m)
{
    const struct li_shape any = {.rank = -1}, factors = {1, {LI_FACTORS}}, seed = {1, {2}};
    struct li_training *training = &m->p->training;
    li_vid ignored;
    int32_t number;
    LI_TRY(add_input(m, m->p->targets, &any, &training->targets, &m->targets));
    if (m->p->weights) {
        LI_TRY(add_input(m, LINCE_FLOAT32, &any, &training->weights, &m->weights));
    }
    if (li_use_steps(m->p->use)) {
        LI_TRY(add_input(m, LINCE_FLOAT32, &factors, &training->factors, &ignored));
    }
    return li_trainer_drops(m->t, m->p->use) ? add_input(m, LINCE_INT32, &seed, &number, &m->seed) : LINCE_OK;
}

static lince_status make_graph(struct making *m, const struct li_binding *binding)
{
    li_vid outputs[2];
    LI_TRY(import_call(m, binding));
    LI_TRY(add_inputs(m));
    LI_TRY(add_losses(m, &outputs[0]));
    outputs[1] = m->logits;
    return li_graph_set_outputs(m->graph, outputs, 2, m->err);
}

/* ---- The program ---- */

/* What differentiation passes over, told once; kept for who asks. */
static void note(void *context, const char *text)
{
    struct lince_trainer *t = context;
    if (!t->note) {
        t->note = li_arena_strdup(&t->arena, text, NULL);
    }
}

static void describe(struct li_trainer_program *p, struct lince_trainer *t)
{
    const lince_trainer_options *o = &t->options;
    struct li_slot slots[LI_STEP_SLOTS];
    enum li_trainer_use use = p->use;
    bool step = li_use_steps(use), by = use == LI_USE_GRADIENTS_BY;
    bool gives = by || use == LI_USE_GRADIENTS || use == LI_USE_STEP_GIVING;
    p->training = (struct li_training){
        .variables = t->variables,
        .count = step || gives ? t->count : 0,
        .clip = {.value = o->clip_value, .norm = o->clip_norm, .global_norm = o->clip_global_norm},
        .step = li_optimizer_step(&t->optimizer),
        .slots = li_optimizer_slots(&t->optimizer, slots),
        .iterations = t->iterations,
        .update = step,
        .give = gives,
        .flat = step && o->on_gradients,
        .keep_statistics = !step || t->batch_norm == LINCE_BATCH_NORM_BATCH,
        .sparse = p->targets != LINCE_FLOAT32,
        .weights = LI_NONE,
        .factors = LI_NONE,
        .by = by ? 0 : LI_NONE,
        .how = {.model = t->model->model, .strict = o->strict_gradients != 0, .warn = note, .warn_context = t},
    };
}

static lince_status start(struct making *m)
{
    struct lince_trainer *t = m->t;
    struct li_trainer_program *p = m->p;
    bool step = li_use_steps(p->use);
    const struct li_stage stages[] = {{.make = li_training_stage, .context = &p->training}, {.make = li_passes_run}};
    const struct li_program_options options = {.env = &t->model->env,
                                               .stages = stages,
                                               .stage_count = 2,
                                               .written = t->written,
                                               .written_count = step ? t->written_count : 0};
    struct li_graph *graph = m->graph;
    m->graph = NULL; /* taken over, also on failure */
    LI_TRY(li_program_new(&p->program, graph, &options, m->err));
    p->bound = li_program_graph(p->program);
    return li_session_new(&p->run, p->program, t->pool, m->err);
}

static void free_one(struct lince_trainer *t, struct li_trainer_program *p)
{
    if (p) {
        li_session_free(p->run);
        li_program_release(p->program);
        li_free(t->model->mem, p->last);
        li_free(t->model->mem, p);
    }
}

static lince_status make(struct lince_trainer *t, const struct li_trainer_program *like,
                         const struct li_binding *binding, lince_error *err)
{
    struct li_trainer_program *p = li_calloc(t->model->mem, 1, sizeof *p, err);
    struct making m = {.t = t, .p = p, .seed = LI_NONE, .weights = LI_NONE, .err = err};
    if (!p) {
        return LINCE_ENOMEM;
    }
    *p = *like;
    describe(p, t);
    p->last = li_calloc(t->model->mem, li_trainer_inputs(t) + 4, sizeof *p->last, err);
    lince_status st = p->last ? make_graph(&m, binding) : LINCE_ENOMEM;
    st = st ? st : start(&m);
    if (st) {
        li_graph_free(m.graph);
        free_one(t, p);
        return st;
    }
    p->next = t->programs;
    t->programs = p;
    return LINCE_OK;
}

void li_trainer_programs_free(struct lince_trainer *t)
{
    while (t->programs) {
        struct li_trainer_program *p = t->programs;
        t->programs = p->next;
        free_one(t, p);
    }
}

/* ---- Choosing ---- */

static bool is_like(const struct li_trainer_program *p, const struct li_trainer_program *like)
{
    return p->use == like->use && p->targets == like->targets && p->weights == like->weights;
}

static struct li_trainer_program *chosen_before(const struct lince_trainer *t, const struct li_trainer_program *like,
                                                size_t count)
{
    for (struct li_trainer_program *p = t->programs; p; p = p->next) {
        bool same = is_like(p, like);
        for (size_t i = 0; same && i < count; i++) {
            same = p->last[i].dtype == t->inputs[i].dtype && li_shape_equal(&p->last[i].shape, &t->inputs[i].shape);
        }
        if (same) {
            return p;
        }
    }
    return NULL;
}

static lince_status find_or_make(struct li_trainer_program **out, struct lince_trainer *t,
                                 const struct li_trainer_program *like, const struct li_binding *binding,
                                 lince_error *err)
{
    struct li_trainer_program *p = t->programs;
    const struct li_trace *trace = binding ? binding->trace : NULL;
    while (p && !(is_like(p, like) && p->trace == trace)) {
        p = p->next;
    }
    if (!p) {
        struct li_trainer_program new = *like;
        new.trace = trace;
        LI_TRY(make(t, &new, binding, err));
        p = t->programs;
    }
    *out = p;
    return LINCE_OK;
}

static lince_status choose(struct li_trainer_program **out, struct lince_trainer *t,
                           const struct li_trainer_program *like, size_t count, lince_error *err)
{
    struct li_api_arguments *arguments = &t->arguments[like->use == LI_USE_EVALUATE];
    struct li_binding *binding;
    if (!t->callable) {
        return find_or_make(out, t, like, NULL, err);
    }
    for (size_t i = 0; i < count; i++) {
        arguments->inputs[i]->dtype = t->inputs[i].dtype;
        arguments->inputs[i]->shape = t->inputs[i].shape;
    }
    LI_TRY(li_callable_match(&binding, t->callable, &arguments->args, err));
    binding->updates = li_use_steps(like->use) && t->batch_norm == LINCE_BATCH_NORM_UPDATE;
    binding->gradients = like->use != LI_USE_EVALUATE && like->use != LI_USE_LOSS;
    lince_status st = find_or_make(out, t, like, binding, err);
    li_binding_free(binding);
    return st;
}

lince_status li_trainer_program(struct li_trainer_program **out, struct lince_trainer *t, enum li_trainer_use use,
                                size_t count, bool weights, lince_error *err)
{
    const struct li_trainer_program like = {.use = use, .targets = t->inputs[count].dtype, .weights = weights};
    *out = chosen_before(t, &like, count);
    if (*out) {
        return LINCE_OK;
    }
    LI_TRY(choose(out, t, &like, count, err));
    memcpy((*out)->last, t->inputs, count * sizeof *t->inputs);
    return LINCE_OK;
}
