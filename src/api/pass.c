/* lince_pass: a forward, and what it gave. Freed ones stay with their layer, with the memory of their runs. */
#include "layer.h"

#include <string.h>

void lince_forward_options_init(lince_forward_options *options)
{
    if (options) {
        *options = (lince_forward_options){.struct_size = sizeof *options};
    }
}

static lince_status read_options(lince_forward_options *to, const lince_forward_options *from, lince_error *err)
{
    lince_forward_options_init(to);
    if (from && (from->struct_size == 0 || from->struct_size > sizeof *to)) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_forward_options.struct_size is %zu; lince_forward_options_init() sets it",
                       from->struct_size);
    }
    if (from) {
        memcpy(to, from, from->struct_size);
    }
    return LINCE_OK;
}

/* ---- Taking and giving back -------------------------------------------------------------------------------------- */

struct li_api_mode *li_api_mode_of(struct lince_layer *layer, const lince_forward_options *o)
{
    return &layer->mode[(o->training && !layer->frozen ? 1 : 0) | (o->no_backward ? 0 : 2)];
}

static lince_status new_pass(struct lince_pass **out, struct li_api_mode *mode, lince_error *err)
{
    struct lince_layer *l = mode->layer;
    struct lince_pass *pass = li_calloc(l->model->mem, 1, sizeof *pass, err);
    if (!pass) {
        return LINCE_ENOMEM;
    }
    pass->mode = mode;
    const struct li_api_session_how how = {.pool = l->pool,
                                           .training = l->frozen        ? LI_TRAINING_NEVER
                                                       : mode->training ? LI_TRAINING_TRUE
                                                                        : LI_TRAINING_FALSE,
                                           .mode = mode};
    lince_status st = li_api_session_new(&pass->session, l->callable, l->arguments, l->argument_count, &how, err);
    if (st) {
        li_api_pass_destroy(pass);
        return st;
    }
    *out = pass;
    return LINCE_OK;
}

void li_api_pass_destroy(struct lince_pass *pass)
{
    struct li_mem *mem = pass->mode->layer->model->mem;
    lince_session_free(pass->session);
    li_free(mem, pass->updates);
    li_free(mem, pass->given);
    li_free(mem, pass->zeros);
    li_free(mem, pass);
}

/* A live pass holds the layer. */
static lince_status take_idle(struct lince_pass **out, struct li_api_mode *mode, bool live, lince_error *err)
{
    struct lince_layer *l = mode->layer;
    pthread_mutex_lock(&l->lock);
    bool full = live && l->live >= l->max_live;
    *out = full ? NULL : mode->idle;
    mode->idle = *out ? (*out)->next : mode->idle;
    l->live += live && !full;
    pthread_mutex_unlock(&l->lock);
    return full ? li_fail(
                      err, LINCE_ELIMIT,
                      "%d passes of the layer live, as many as lince_layer_options.max_live allows; free those whose "
                      "backward is done or never comes",
                      (int)l->max_live)
                : LINCE_OK;
}

lince_status li_api_pass_take(struct lince_pass **out, struct li_api_mode *mode, bool live, lince_error *err)
{
    LI_TRY(take_idle(out, mode, live, err));
    lince_status st = *out ? LINCE_OK : new_pass(out, mode, err);
    if (st) {
        pthread_mutex_lock(&mode->layer->lock);
        mode->layer->live -= live;
        pthread_mutex_unlock(&mode->layer->lock);
    }
    return st;
}

void li_api_pass_give_back(struct lince_pass *pass, bool live)
{
    struct lince_layer *l = pass->mode->layer;
    pthread_mutex_lock(&l->lock);
    pass->next = pass->mode->idle;
    pass->mode->idle = pass;
    l->live -= live;
    pthread_mutex_unlock(&l->lock);
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

static lince_status grow(struct li_mem *mem, void *array, int32_t *room, size_t count, size_t size, lince_error *err)
{
    return li_grow(mem, array, room, (int64_t)count, size, err);
}

static void note_updates(struct lince_pass *pass)
{
    const struct lince_layer *l = pass->mode->layer;
    const struct li_store *store = li_model_store(l->model->model);
    pass->update_count = 0;
    for (size_t i = 0; i < li_model_variable_count(l->model->model); i++) {
        int32_t resource = li_model_variable(l->model->model, i)->resource;
        const void *data = li_api_bound_written(pass->bound, resource);
        if (data) {
            const struct li_resource *r = li_store_get(store, resource);
            struct li_tensor value = {.dtype = r->dtype,
                                      .shape = r->shape,
                                      .data = (void *)(uintptr_t)data,
                                      .size_bytes = r->value.size_bytes};
            lince_update *update = &pass->updates[pass->update_count++];
            update->variable = (int32_t)i;
            li_api_tensor_out(&update->value, &value);
        }
    }
}

/* The trace of a loss may leave its rank open; nothing is committed yet. */
static lince_status take_loss(void *context, const lince_output *outputs, size_t count, lince_error *err)
{
    struct lince_pass *pass = context;
    const struct li_tensor *sum = &pass->session->results[pass->bound->fetched];
    char found[LI_SHAPE_TEXT];
    (void)outputs, (void)count;
    pass->loss = 0;
    if (!pass->mode->layer->losses) {
        return LINCE_OK;
    }
    if (sum->shape.rank != 0) {
        return li_fail(err, LINCE_EINVAL, "the sum of the regularization losses is float32%s, a scalar is wanted",
                       li_shape_text(&sum->shape, found));
    }
    memcpy(&pass->loss, sum->data, sizeof pass->loss);
    return LINCE_OK;
}

static lince_status run(struct lince_pass *pass, const lince_tensor *inputs, size_t count,
                        const lince_forward_options *o, lince_error *err)
{
    const struct lince_layer *l = pass->mode->layer;
    struct lince_session *s = pass->session;
    s->how = (struct li_session_call){.keep = l->give_updates, .has_seed = o->has_seed != 0, .seed = o->seed};
    LI_TRY(li_api_choose(&pass->bound, s, inputs, count, err));
    size_t variables = li_model_variable_count(l->model->model);
    LI_TRY(grow(l->model->mem, &pass->updates, &pass->update_room, variables, sizeof *pass->updates, err));
    const struct li_api_accept accept = {.leaves = take_loss, .context = pass};
    LI_TRY(li_api_run(s, pass->bound, &accept, err));
    pass->output_count = pass->bound->trace->leaf_count;
    note_updates(pass);
    return LINCE_OK;
}

lince_status lince_layer_forward(lince_layer *layer, const lince_tensor *inputs, size_t input_count,
                                 const lince_forward_options *options, lince_pass **pass, lince_error *err)
{
    lince_forward_options o;
    struct lince_pass *taken;
    LI_NEED("lince_layer_forward", pass);
    *pass = NULL;
    LI_NEED("lince_layer_forward", layer);
    if (input_count) {
        LI_NEED("lince_layer_forward", inputs);
    }
    LI_TRY(read_options(&o, options, err));
    LI_TRY(li_api_pass_take(&taken, li_api_mode_of(layer, &o), true, err));
    lince_status st = run(taken, inputs, input_count, &o, err);
    if (st) {
        li_api_pass_give_back(taken, true);
        return st;
    }
    atomic_fetch_add(&layer->references, 1);
    *pass = taken;
    return LINCE_OK;
}

lince_status lince_layer_infer(lince_layer *layer, const lince_tensor *inputs, size_t input_count,
                               const lince_forward_options *options,
                               int (*tell)(const lince_tensor_info *output, void *context), void *context,
                               lince_error *err)
{
    lince_forward_options o;
    struct lince_pass *taken;
    LI_NEED("lince_layer_infer", layer);
    LI_TRY(read_options(&o, options, err));
    LI_TRY(li_api_pass_take(&taken, li_api_mode_of(layer, &o), false, err));
    lince_status st = lince_session_infer(taken->session, inputs, input_count, tell, context, err);
    li_api_pass_give_back(taken, false);
    return st;
}

/* ---- What it gave ------------------------------------------------------------------------------------------------ */

void lince_pass_outputs(const lince_pass *pass, const lince_output **outputs, size_t *count)
{
    if (outputs) {
        *outputs = pass ? pass->session->outputs : NULL;
    }
    if (count) {
        *count = pass ? pass->output_count : 0;
    }
}

float lince_pass_loss(const lince_pass *pass)
{
    return pass ? pass->loss : 0;
}

void lince_pass_updates(const lince_pass *pass, const lince_update **updates, size_t *count)
{
    if (updates) {
        *updates = pass ? pass->updates : NULL;
    }
    if (count) {
        *count = pass ? (size_t)pass->update_count : 0;
    }
}

void lince_pass_free(lince_pass *pass)
{
    if (pass) {
        struct lince_layer *layer = pass->mode->layer;
        li_api_pass_give_back(pass, true);
        li_api_layer_release(layer);
    }
}
