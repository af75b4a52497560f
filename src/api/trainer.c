/* lince_trainer: options, new, free, and one call at a time. */
#include "trainer.h"

#include <math.h>
#include <string.h>

/* ---- Options ----------------------------------------------------------------------------------------------------- */

void lince_trainer_options_init(lince_trainer_options *options, lince_optimizer optimizer)
{
    if (options) {
        *options = (lince_trainer_options){.struct_size = sizeof *options,
                                           .optimizer = optimizer,
                                           .learning_rate = optimizer == LINCE_SGD ? 0.01 : 0.001,
                                           .rho = 0.9,
                                           .epsilon = 1e-7,
                                           .beta1 = 0.9,
                                           .beta2 = 0.999,
                                           .weight_decay = optimizer == LINCE_ADAMW ? 0.004 : 0};
    }
}

static lince_status read_options(lince_trainer_options *to, const lince_trainer_options *from, lince_error *err)
{
    lince_trainer_options_init(to, LINCE_SGD);
    if (!from) {
        return LINCE_OK;
    }
    if (from->struct_size == 0 || from->struct_size > sizeof *to) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_trainer_options.struct_size is %zu; lince_trainer_options_init() sets it",
                       from->struct_size);
    }
    memcpy(to, from, from->struct_size);
    return LINCE_OK;
}

/* In [least, most), or [least, infinity) where most is infinite. */
static lince_status check_number(double x, double least, double most, const char *name, lince_error *err)
{
    return x >= least && x < most
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL, "lince_trainer_options.%s is %g; %g to %g is wanted", name, x, least, most);
}

static lince_status check_numbers(const lince_trainer_options *o, lince_error *err)
{
    const double any = (double)INFINITY;
    const struct {
        double x, most;
        const char *name;
    } numbers[] = {
        {o->label_smoothing, 1, "label_smoothing"},
        {o->learning_rate, any, "learning_rate"},
        {o->momentum, any, "momentum"},
        {o->rho, any, "rho"},
        {o->epsilon, any, "epsilon"},
        {o->accumulator, any, "accumulator"},
        {o->beta1, 1, "beta1"},
        {o->beta2, 1, "beta2"},
        {o->weight_decay, any, "weight_decay"},
        {o->clip_value, any, "clip_value"},
        {o->clip_norm, any, "clip_norm"},
        {o->clip_global_norm, any, "clip_global_norm"},
        {o->head_dropout, 1, "head_dropout"},
        {o->head_l1, any, "head_l1"},
        {o->head_l2, any, "head_l2"},
    };
    for (size_t i = 0; i < LI_COUNT(numbers); i++) {
        LI_TRY(check_number(numbers[i].x, 0, numbers[i].most, numbers[i].name, err));
    }
    return LINCE_OK;
}

static lince_status check_choices(const lince_trainer_options *o, lince_error *err)
{
    if ((unsigned)o->loss > LINCE_LOSS_MSE || (unsigned)o->optimizer > LINCE_ADAMW ||
        (unsigned)o->batch_norm > LINCE_BATCH_NORM_FROZEN) {
        return li_fail(err, LINCE_EINVAL, "lince_trainer_options: loss %d, optimizer %d, batch_norm %d: one is none",
                       (int)o->loss, (int)o->optimizer, (int)o->batch_norm);
    }
    if ((o->clip_value > 0) + (o->clip_norm > 0) + (o->clip_global_norm > 0) > 1) {
        return li_fail(err, LINCE_EINVAL, "clip_value, clip_norm and clip_global_norm: only one of them makes sense");
    }
    if (o->class_weights && (o->loss != LINCE_LOSS_SOFTMAX || o->class_count < 1 || o->class_count > INT32_MAX)) {
        return li_fail(err, LINCE_EINVAL, "class_weights are for the softmax loss, one for each class");
    }
    if (o->head_classes < 0 || o->head_features < 0) {
        return li_fail(err, LINCE_EINVAL, "head_classes is %lld, head_features %lld; 0 or more is wanted",
                       (long long)o->head_classes, (long long)o->head_features);
    }
    return o->frozen_body && !o->head_classes
               ? li_fail(err, LINCE_EINVAL, "frozen_body without head_classes leaves nothing to train")
               : LINCE_OK;
}

static lince_status own_options(struct lince_trainer *t, lince_error *err)
{
    lince_trainer_options *o = &t->options;
    float *weights = NULL;
    const char **texts[] = {&o->output, &o->trainable};
    for (size_t i = 0; i < LI_COUNT(texts); i++) {
        if (*texts[i]) {
            *texts[i] = li_arena_strdup(&t->arena, *texts[i], err);
            LI_TRY(*texts[i] ? LINCE_OK : LINCE_ENOMEM);
        }
    }
    if (o->class_weights) {
        weights = li_arena_calloc(&t->arena, o->class_count, sizeof *weights, err);
        LI_TRY(weights ? LINCE_OK : LINCE_ENOMEM);
        memcpy(weights, o->class_weights, o->class_count * sizeof *weights);
    }
    o->class_weights = weights;
    return LINCE_OK;
}

static void derive(struct lince_trainer *t)
{
    const lince_trainer_options *o = &t->options;
    t->rate = o->learning_rate;
    t->optimizer = (struct li_optimizer){.kind = o->optimizer == LINCE_SGD       ? LI_SGD
                                                 : o->optimizer == LINCE_RMSPROP ? LI_RMSPROP
                                                                                 : LI_ADAM,
                                         .momentum = o->momentum,
                                         .rho = o->rho,
                                         .epsilon = o->epsilon,
                                         .beta1 = o->beta1,
                                         .beta2 = o->beta2,
                                         .weight_decay = o->weight_decay,
                                         .accumulator = o->accumulator,
                                         .nesterov = o->nesterov != 0,
                                         .centered = o->centered != 0,
                                         .epsilon_outside = o->epsilon_outside != 0};
    t->loss = (struct li_loss){.kind = o->loss == LINCE_LOSS_SOFTMAX   ? LI_LOSS_SOFTMAX
                                       : o->loss == LINCE_LOSS_SIGMOID ? LI_LOSS_SIGMOID
                                                                       : LI_LOSS_MSE,
                               .label_smoothing = o->label_smoothing,
                               .class_weights = o->class_weights,
                               .classes = (int32_t)o->class_count};
    t->head = (struct li_dense_head){
        .kernel = LI_NONE, .bias = LI_NONE, .dropout = o->head_dropout, .l1 = o->head_l1, .l2 = o->head_l2};
    bool chosen = t->callable && (li_api_takes_training(t->callable) || li_callable_updates(t->callable));
    t->batch_norm = chosen ? o->batch_norm : LINCE_BATCH_NORM_AS_TRACED;
}

/* ---- New and free ------------------------------------------------------------------------------------------------ */

static lince_status bind(struct lince_trainer *t, const lince_argument *arguments, size_t count, lince_error *err)
{
    bool frozen = t->options.batch_norm == LINCE_BATCH_NORM_FROZEN;
    if (!t->callable) {
        return t->options.head_classes && t->options.head_features
                   ? LINCE_OK
                   : li_fail(
                         err, LINCE_EINVAL,
                         "without a callable the head is trained alone, and head_classes and head_features are wanted");
    }
    if (frozen && li_callable_updates(t->callable)) {
        return li_fail(err, LINCE_EINVAL,
                       "the meta graph with tags \"train\" has statistics of the batch; open the model without tags to "
                       "train with frozen ones");
    }
    LI_TRY(li_api_bind(&t->arguments[0], t->callable, arguments, count, frozen ? LI_TRAINING_FALSE : LI_TRAINING_TRUE,
                       &t->arena, err));
    return li_api_bind(&t->arguments[1], t->callable, arguments, count, LI_TRAINING_NEVER, &t->arena, err);
}

static lince_status set_up(struct lince_trainer *t, const lince_argument *arguments, size_t count, lince_error *err)
{
    LI_TRY(own_options(t, err));
    derive(t);
    LI_TRY(bind(t, arguments, count, err));
    LI_TRY(li_trainer_choose(t, err));
    t->inputs = li_arena_calloc(&t->arena, li_trainer_inputs(t) + 4, sizeof *t->inputs, err);
    t->outputs = li_arena_calloc(&t->arena, (size_t)t->count + 1, sizeof *t->outputs, err);
    return t->inputs && t->outputs ? LINCE_OK : LINCE_ENOMEM;
}

lince_status lince_trainer_new(lince_trainer **trainer, lince_model *model, lince_callable *callable,
                               const lince_argument *arguments, size_t count, const lince_trainer_options *options,
                               lince_error *err)
{
    lince_trainer_options o;
    LI_NEED("lince_trainer_new", trainer);
    *trainer = NULL;
    LI_NEED("lince_trainer_new", model);
    if (callable && callable->owner != model) {
        return li_fail(err, LINCE_EINVAL, "lince_trainer_new: the callable is another model's");
    }
    LI_TRY(read_options(&o, options, err));
    LI_TRY(check_numbers(&o, err));
    LI_TRY(check_choices(&o, err));
    struct lince_trainer *t = li_calloc(model->mem, 1, sizeof *t, err);
    if (!t) {
        return LINCE_ENOMEM;
    }
    t->model = li_api_model_retain(model);
    t->callable = callable ? callable->callable : NULL;
    t->pool = o.pool ? o.pool->pool : model->pool;
    li_pool_retain(t->pool);
    t->options = o;
    li_arena_init(&t->arena, model->mem, 0);
    li_state_init(&t->state, li_model_store(model->model), model->mem);
    lince_status st = set_up(t, arguments, count, err);
    if (st) {
        lince_trainer_free(t);
        return st;
    }
    *trainer = t;
    return LINCE_OK;
}

void lince_trainer_free(lince_trainer *t)
{
    if (!t) {
        return;
    }
    struct lince_model *model = t->model;
    li_trainer_programs_free(t);
    li_state_free(&t->state);
    li_pool_release(t->pool);
    li_arena_free(&t->arena);
    li_free(model->mem, t);
    li_api_model_release(model);
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

lince_status li_trainer_enter(struct lince_trainer *t, lince_error *err)
{
    if (atomic_exchange(&t->busy, true)) {
        return li_fail(err, LINCE_EINVAL, "the trainer is running in another thread; it takes one call at a time");
    }
    atomic_store(&t->stop.canceled, false);
    return LINCE_OK;
}

void li_trainer_leave(struct lince_trainer *t)
{
    atomic_store(&t->busy, false);
}

void lince_trainer_cancel(lince_trainer *trainer)
{
    if (trainer) {
        atomic_store(&trainer->stop.canceled, true);
    }
}

lince_status lince_trainer_set_learning_rate(lince_trainer *trainer, double rate, lince_error *err)
{
    LI_NEED("lince_trainer_set_learning_rate", trainer);
    LI_TRY(check_number(rate, 0, (double)INFINITY, "learning_rate", err));
    LI_TRY(li_trainer_enter(trainer, err));
    trainer->rate = rate;
    li_trainer_leave(trainer);
    return LINCE_OK;
}

lince_batch_norm lince_trainer_batch_norm(const lince_trainer *trainer)
{
    return trainer ? trainer->batch_norm : LINCE_BATCH_NORM_AS_TRACED;
}

const char *lince_trainer_note(const lince_trainer *trainer)
{
    return trainer && trainer->note ? trainer->note : "";
}

double lince_schedule_exponential(double rate, int64_t step, int64_t steps, double factor, int32_t staircase)
{
    return li_schedule_exponential(rate, step, steps, factor, staircase != 0);
}

double lince_schedule_cosine(double rate, int64_t step, int64_t steps, double least)
{
    return li_schedule_cosine(rate, step, steps, least);
}

double lince_schedule_warmup(double rate, int64_t step, int64_t steps)
{
    return li_schedule_warmup(rate, step, steps);
}
