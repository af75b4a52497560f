/* lince_layer: new and free, and what it is. */
#include "layer.h"

#include <string.h>

enum { MAX_LIVE = 64 };

void lince_layer_options_init(lince_layer_options *options)
{
    if (options) {
        *options = (lince_layer_options){.struct_size = sizeof *options};
    }
}

/* The caller's options in the size the caller knows; members it does not know are 0. */
static lince_status read_options(lince_layer_options *to, const lince_layer_options *from, lince_error *err)
{
    lince_layer_options_init(to);
    if (!from) {
        return LINCE_OK;
    }
    if (from->struct_size == 0 || from->struct_size > sizeof *to) {
        return li_fail(err, LINCE_EINVAL, "lince_layer_options.struct_size is %zu; lince_layer_options_init() sets it",
                       from->struct_size);
    }
    memcpy(to, from, from->struct_size);
    if (to->max_live < 0) {
        return li_fail(err, LINCE_EINVAL, "lince_layer_options.max_live is %d; 0 or more is wanted", (int)to->max_live);
    }
    if (to->variable_count && !to->variables) {
        return li_api_null(err, "lince_layer_new", "variables");
    }
    return LINCE_OK;
}

/* ---- What it gives gradients of ---------------------------------------------------------------------------------- */

static lince_status add_variable(struct lince_layer *l, int32_t index, int32_t *resources, lince_error *err)
{
    size_t count = li_model_variable_count(l->model->model);
    if (index < 0 || (size_t)index >= count) {
        return li_fail(err, LINCE_EINVAL, "a layer with variable %d of %zu", (int)index, count);
    }
    const struct li_variable *v = li_model_variable(l->model->model, (size_t)index);
    const struct li_resource *r = li_store_get(li_model_store(l->model->model), v->resource);
    if (!li_dtype_is_float(r->dtype)) {
        return li_fail(err, LINCE_EINVAL, "variable \"%s\" is %s: only floats have gradients", v->name,
                       li_dtype_name(r->dtype));
    }
    if (l->place[index] != LI_NONE) {
        return li_fail(err, LINCE_EINVAL, "variable %d (\"%s\") is named twice", (int)index, v->name);
    }
    int at = l->wants.variable_count++;
    l->place[index] = at;
    l->variables[at] = index;
    resources[at] = v->resource;
    return LINCE_OK;
}

static bool is_float(const struct lince_layer *l, int32_t index)
{
    int32_t resource = li_model_variable(l->model->model, (size_t)index)->resource;
    return li_dtype_is_float(li_store_get(li_model_store(l->model->model), resource)->dtype);
}

/* Of the model's own list what has no gradient is passed over. */
static lince_status choose_variables(struct lince_layer *l, const lince_layer_options *o, lince_error *err)
{
    size_t all = li_model_variable_count(l->model->model);
    const struct li_list listed = li_model_list(l->model->model, LI_LIST_TRAINABLE);
    const int32_t *from = o->variables ? o->variables : listed.indices;
    size_t count = o->variables ? o->variable_count : listed.count;
    int32_t *resources = li_arena_alloc(&l->arena, (count + 1) * sizeof *resources, err);
    l->variables = li_arena_alloc(&l->arena, (count + 1) * sizeof *l->variables, err);
    l->place = li_arena_alloc(&l->arena, (all + 1) * sizeof *l->place, err);
    if (!resources || !l->variables || !l->place) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < all; i++) {
        l->place[i] = LI_NONE;
    }
    l->wants.variables = resources;
    for (size_t i = 0; !o->frozen && i < count; i++) {
        if (o->variables || (is_float(l, from[i]) && l->place[from[i]] == LI_NONE)) {
            LI_TRY(add_variable(l, from[i], resources, err));
        }
    }
    return LINCE_OK;
}

static lince_status choose_inputs(struct lince_layer *l, const lince_layer_options *o, lince_error *err)
{
    size_t count = l->arguments ? 0 : 1;
    for (size_t i = 0; l->arguments && i < l->argument_count; i++) {
        count += l->arguments[i].kind == LINCE_ARG_INPUT;
    }
    int32_t *inputs = li_arena_alloc(&l->arena, (count + 1) * sizeof *inputs, err);
    if (!inputs) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        inputs[i] = (int32_t)i;
    }
    l->wants.inputs = inputs;
    l->wants.input_count = o->input_gradients ? (int)count : 0;
    return LINCE_OK;
}

static lince_status choose_outputs(struct lince_layer *l, const lince_layer_options *o, lince_error *err)
{
    if (!o->outputs) {
        return LINCE_OK;
    }
    l->outputs = li_arena_calloc(&l->arena, o->output_count + 1, sizeof *l->outputs, err);
    for (size_t i = 0; l->outputs && i < o->output_count; i++) {
        l->outputs[i] = li_arena_strdup(&l->arena, o->outputs[i], err);
        if (!l->outputs[i]) {
            return LINCE_ENOMEM;
        }
    }
    l->output_count = o->output_count;
    return l->outputs ? LINCE_OK : LINCE_ENOMEM;
}

bool li_api_arrives(const struct lince_layer *l, const char *path)
{
    for (size_t i = 0; i < l->output_count; i++) {
        if (strcmp(l->outputs[i], path) == 0) {
            return true;
        }
    }
    return !l->outputs;
}

/* ---- New and free ------------------------------------------------------------------------------------------------ */

/* A session is made at once, so that arguments that make no sense are found here. */
static lince_status fill(struct lince_layer *l, const lince_argument *arguments, size_t count,
                         const lince_layer_options *o, lince_error *err)
{
    struct lince_pass *first;
    l->frozen = o->frozen != 0;
    l->losses = !o->frozen && !o->no_losses && li_model_loss_count(l->model->model) > 0;
    l->give_updates = o->give_updates != 0;
    l->max_live = o->max_live ? o->max_live : MAX_LIVE;
    l->wants.recompute = o->recompute != 0;
    l->wants.differentiate = (struct li_gradient_options){
        .model = l->model->model, .strict = o->strict_gradients != 0, .warn = o->warn, .warn_context = o->warn_context};
    l->argument_count = count;
    for (int i = 0; i < LI_API_MODES; i++) {
        l->mode[i] = (struct li_api_mode){.layer = l, .training = i & 1, .backward = i & 2};
    }
    LI_TRY(li_api_copy_arguments(&l->arguments, arguments, count, &l->arena, err));
    LI_TRY(choose_variables(l, o, err));
    LI_TRY(choose_inputs(l, o, err));
    LI_TRY(choose_outputs(l, o, err));
    LI_TRY(li_fork_guard_mutex(&l->guard, LI_FORK_MODEL, &l->lock, err));
    LI_TRY(li_api_pass_take(&first, &l->mode[l->frozen ? 2 : 3], false, err));
    li_api_pass_give_back(first, false);
    return LINCE_OK;
}

lince_status lince_layer_new(lince_layer **layer, lince_callable *callable, const lince_argument *arguments,
                             size_t count, const lince_layer_options *options, lince_error *err)
{
    lince_layer_options o;
    LI_NEED("lince_layer_new", layer);
    *layer = NULL;
    LI_NEED("lince_layer_new", callable);
    LI_TRY(read_options(&o, options, err));
    struct lince_model *model = callable->owner;
    struct lince_layer *l = li_calloc(model->mem, 1, sizeof *l, err);
    if (!l) {
        return LINCE_ENOMEM;
    }
    l->model = li_api_model_retain(model);
    l->callable = callable;
    l->pool = o.pool ? o.pool->pool : model->pool;
    li_pool_retain(l->pool);
    li_arena_init(&l->arena, model->mem, 0);
    pthread_mutex_init(&l->lock, NULL); /* cannot fail without attributes */
    atomic_init(&l->references, 1);
    lince_status st = fill(l, arguments, count, &o, err);
    if (st) {
        li_api_layer_release(l);
        return st;
    }
    *layer = l;
    return LINCE_OK;
}

void li_api_layer_release(struct lince_layer *l)
{
    if (!l || atomic_fetch_sub(&l->references, 1) != 1) {
        return;
    }
    struct lince_model *model = l->model;
    for (int i = 0; i < LI_API_MODES; i++) {
        while (l->mode[i].idle) {
            struct lince_pass *pass = l->mode[i].idle;
            l->mode[i].idle = pass->next;
            li_api_pass_destroy(pass);
        }
        li_api_layer_programs_free(&l->mode[i]);
    }
    li_fork_guard_remove(&l->guard);
    pthread_mutex_destroy(&l->lock);
    li_pool_release(l->pool);
    li_arena_free(&l->arena);
    li_free(model->mem, l);
    li_api_model_release(model);
}

void lince_layer_free(lince_layer *layer)
{
    li_api_layer_release(layer);
}

/* ---- What it is -------------------------------------------------------------------------------------------------- */

void lince_layer_variables(const lince_layer *layer, const int32_t **variables, size_t *count)
{
    if (variables) {
        *variables = layer ? layer->variables : NULL;
    }
    if (count) {
        *count = layer ? (size_t)layer->wants.variable_count : 0;
    }
}

int32_t lince_layer_live(const lince_layer *layer)
{
    if (!layer) {
        return 0;
    }
    struct lince_layer *l = (struct lince_layer *)(uintptr_t)layer;
    pthread_mutex_lock(&l->lock);
    int32_t live = l->live;
    pthread_mutex_unlock(&l->lock);
    return live;
}
