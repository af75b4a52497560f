/* Calls of a trainer: steps, losses, gradients. */
#include "trainer.h"

#include <string.h>

/* What the caller gives to each. */
struct given {
    const lince_tensor *inputs, *targets, *weights;
    size_t count;
};

struct running {
    struct lince_trainer *t;
    const struct li_trainer_program *p;
    int64_t steps; /* before it */
    size_t count;  /* of the call's inputs */
};

/* ---- Inputs ---- */

static lince_status check_targets_dtype(const struct lince_trainer *t, const struct li_tensor *targets,
                                        lince_error *err)
{
    bool numbers = targets->dtype == LINCE_INT32 || targets->dtype == LINCE_INT64;
    bool sparse = numbers && t->options.loss == LINCE_LOSS_SOFTMAX;
    return sparse || targets->dtype == LINCE_FLOAT32
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL, "targets are %s; float32 is wanted%s", li_dtype_name(targets->dtype),
                         t->options.loss == LINCE_LOSS_SOFTMAX ? ", or class numbers, int32 or int64" : "");
}

static lince_status take_inputs(struct lince_trainer *t, const struct given *given, lince_error *err)
{
    struct li_tensor *to = t->inputs;
    if (given->count != li_trainer_inputs(t)) {
        return li_fail(err, LINCE_EINVAL, "%zu inputs are given, the trainer's arguments name %zu", given->count,
                       li_trainer_inputs(t));
    }
    for (size_t i = 0; i < given->count; i++) {
        LI_TRY(li_api_tensor(to++, &given->inputs[i], "an input", err));
    }
    LI_TRY(li_api_tensor(to, given->targets, "targets", err));
    LI_TRY(check_targets_dtype(t, to++, err));
    if (given->weights) {
        LI_TRY(li_api_tensor(to, given->weights, "weights", err));
        if (to->dtype != LINCE_FLOAT32) {
            return li_fail(err, LINCE_EINVAL, "weights are %s; float32 is wanted", li_dtype_name(to->dtype));
        }
    }
    return LINCE_OK;
}

/* Factors and seed follow from the number of steps made. Returns how many inputs the run has. */
static size_t add_own_inputs(const struct running *r, size_t count)
{
    struct lince_trainer *t = r->t;
    if (li_use_steps(r->p->use)) {
        li_optimizer_factors(&t->optimizer, t->rate, r->steps, t->factors);
        t->inputs[count++] = (struct li_tensor){LINCE_FLOAT32, {1, {LI_FACTORS}}, t->factors, sizeof t->factors};
    }
    if (li_trainer_drops(t, r->p->use)) {
        t->seed[0] = (int32_t)(t->options.seed & INT32_MAX);
        t->seed[1] = (int32_t)(r->steps & INT32_MAX);
        t->inputs[count++] = (struct li_tensor){LINCE_INT32, {1, {2}}, t->seed, sizeof t->seed};
    }
    return count;
}

/* ---- Between the run and its commit ---- */

static lince_status check_classes(const struct running *r, const struct li_tensor *logits, lince_error *err)
{
    const struct li_tensor *targets = &r->t->inputs[r->count];
    int64_t classes = logits->shape.dim[1];
    for (int64_t i = 0; i < targets->shape.dim[0]; i++) {
        int64_t number =
            targets->dtype == LINCE_INT32 ? ((const int32_t *)targets->data)[i] : ((const int64_t *)targets->data)[i];
        if (number < 0 || number >= classes) {
            return li_fail(err, LINCE_EDATA, "target %lld is class %lld; the result has %lld classes", (long long)i,
                           (long long)number, (long long)classes);
        }
    }
    return LINCE_OK;
}

static lince_status ask(const struct running *r, const struct li_tensor *outputs, lince_error *err)
{
    const lince_trainer_options *o = &r->t->options;
    const lince_step_info info = {
        .struct_size = sizeof info, .step = r->steps, .loss = *(const float *)outputs[0].data};
    if (o->on_gradients && o->on_gradients(outputs[2].data, outputs[2].size_bytes / sizeof(float), o->context)) {
        return li_fail(err, LINCE_ECANCELED, "on_gradients ended step %lld", (long long)r->steps);
    }
    if (o->on_step && o->on_step(&info, o->context)) {
        return li_fail(err, LINCE_ECANCELED, "on_step ended step %lld", (long long)r->steps);
    }
    return LINCE_OK;
}

static lince_status accept(void *context, const struct li_tensor *outputs, lince_error *err)
{
    const struct running *r = context;
    LI_TRY(r->p->training.sparse ? check_classes(r, &outputs[1], err) : LINCE_OK);
    return li_use_steps(r->p->use) ? ask(r, outputs, err) : LINCE_OK;
}

/* ---- The run ---- */

/*
 * A trace whose shapes depend on data is refused with the name of the node where that begins; targets that cannot meet
 * the result are told, since the node that found out is not the model's.
 */
static lince_status say_why(const struct running *r, lince_status st, lince_error *err)
{
    lince_error why;
    if (st == LINCE_EINVAL && err && strstr(err->text, "\"training/loss")) {
        const struct li_tensor *targets = &r->t->inputs[r->count];
        char shape[LI_SHAPE_TEXT];
        why = *err;
        return li_fail(err, st, "targets %s%s do not fit the result: %.1500s", li_dtype_name(targets->dtype),
                       li_shape_text(&targets->shape, shape), why.text);
    }
    if (st == LINCE_EUNSUPPORTED &&
        li_training_check(r->p->bound, r->t->inputs, &r->t->model->env, &why) == LINCE_EUNSUPPORTED) {
        return li_fail(err, st, "%s", why.text);
    }
    return st;
}

static lince_status run(struct lince_trainer *t, enum li_trainer_use use, const struct given *given,
                        const struct li_tensor **outputs, int64_t *steps, lince_error *err)
{
    struct li_trainer_program *p;
    struct running r = {.t = t, .count = given->count};
    LI_TRY(take_inputs(t, given, err));
    LI_TRY(li_trainer_program(&p, t, use, given->count, given->weights != NULL, err));
    LI_TRY(li_store_read(t->state.store, t->iterations, &r.steps, sizeof r.steps, err));
    r.p = p;
    const struct li_session_call call = {.stop = &t->stop, .accept = accept, .context = &r};
    size_t count = add_own_inputs(&r, given->count + (given->weights ? 2 : 1));
    lince_status st = li_session_run(p->run, t->inputs, (int32_t)count, &call, outputs, err);
    *steps = r.steps + li_use_steps(use);
    return st ? say_why(&r, st, err) : LINCE_OK;
}

static lince_status give(lince_trainer_result *result, const struct li_tensor *outputs, int64_t steps, lince_error *err)
{
    lince_trainer_result full = {.steps = steps};
    memcpy(&full.loss, outputs[0].data, sizeof full.loss);
    li_api_tensor_out(&full.logits, &outputs[1]);
    return result ? LI_FILL(lince_trainer_result, result, &full, err) : LINCE_OK;
}

/* The result is checked before anything runs. */
static lince_status call(struct lince_trainer *t, enum li_trainer_use use, const struct given *given,
                         const struct li_tensor **outputs, lince_trainer_result *result, lince_error *err)
{
    int64_t steps = 0;
    const lince_trainer_result nothing = {0};
    lince_trainer_result trial;
    if (result) {
        trial.struct_size = result->struct_size;
        LI_TRY(LI_FILL(lince_trainer_result, &trial, &nothing, err));
    }
    LI_TRY(li_trainer_enter(t, err));
    lince_status st = run(t, use, given, outputs, &steps, err);
    st = st ? st : give(result, *outputs, steps, err);
    li_trainer_leave(t);
    return st;
}

/* ---- Public ---- */

#define GIVEN(function)                                                                                                \
    const struct given given = {inputs, targets, weights, input_count};                                                \
    LI_NEED(function, trainer);                                                                                        \
    LI_NEED(function, targets);                                                                                        \
    if (input_count) {                                                                                                 \
        LI_NEED(function, inputs);                                                                                     \
    }

lince_status lince_trainer_step(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                const lince_tensor *targets, const lince_tensor *weights, lince_trainer_result *result,
                                lince_error *err)
{
    const struct li_tensor *outputs;
    GIVEN("lince_trainer_step")
    return call(trainer, LI_USE_STEP, &given, &outputs, result, err);
}

lince_status lince_trainer_loss(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                const lince_tensor *targets, const lince_tensor *weights, lince_trainer_result *result,
                                lince_error *err)
{
    const struct li_tensor *outputs;
    GIVEN("lince_trainer_loss")
    return call(trainer, LI_USE_LOSS, &given, &outputs, result, err);
}

lince_status lince_trainer_evaluate(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                    const lince_tensor *targets, const lince_tensor *weights,
                                    lince_trainer_result *result, lince_error *err)
{
    const struct li_tensor *outputs;
    GIVEN("lince_trainer_evaluate")
    return call(trainer, LI_USE_EVALUATE, &given, &outputs, result, err);
}

/* Gradients behind the loss, the logits, and in a step with a hook the vector of them all. */
static size_t list_gradients(struct lince_trainer *t, enum li_trainer_use use, const struct li_tensor *outputs)
{
    const struct li_tensor *first = outputs + 2 + (use == LI_USE_STEP_GIVING && t->options.on_gradients);
    size_t own = (size_t)t->count, count = own + (use == LI_USE_GRADIENTS_BY && t->inputs[0].dtype == LINCE_FLOAT32);
    for (size_t i = 0; i < count; i++) {
        t->outputs[i].path = i < own ? t->variables[i].name : "";
        li_api_tensor_out(&t->outputs[i].tensor, &first[i]);
    }
    return count;
}

lince_status lince_trainer_gradients(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                     const lince_tensor *targets, const lince_tensor *weights, lince_gradients_of of,
                                     const lince_output **gradients, size_t *count, lince_trainer_result *result,
                                     lince_error *err)
{
    static const enum li_trainer_use uses[] = {LI_USE_GRADIENTS, LI_USE_GRADIENTS_BY, LI_USE_STEP_GIVING};
    const struct li_tensor *outputs;
    GIVEN("lince_trainer_gradients")
    LI_NEED("lince_trainer_gradients", gradients);
    LI_NEED("lince_trainer_gradients", count);
    *gradients = NULL;
    *count = 0;
    if ((unsigned)of > LINCE_GRADIENTS_OF_STEP) {
        return li_fail(err, LINCE_EINVAL, "lince_trainer_gradients: %d is no lince_gradients_of", (int)of);
    }
    LI_TRY(call(trainer, uses[of], &given, &outputs, result, err));
    *count = list_gradients(trainer, uses[of], outputs);
    *gradients = trainer->outputs;
    return LINCE_OK;
}
