/* The training of lince retrain: phases, epochs, steps. */
#include "retrain.h"
#include "say.h"
#include "scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t retrain_epochs(const struct retrain *r)
{
    return (size_t)(r->options.phase[0].epochs + r->options.phase[1].epochs);
}

/* ---- Trainers ---------------------------------------------------------------------------------------------------- */

static void trainer_options(lince_trainer_options *to, const struct retrain *r, const struct retrain_phase *phase)
{
    const struct retrain_options *o = &r->options;
    lince_trainer_options_init(to, LINCE_SGD);
    to->learning_rate = phase->rate;
    to->momentum = o->momentum;
    to->label_smoothing = o->label_smoothing;
    to->head_classes = (int64_t)r->set.class_name.count;
    to->head_features = r->on_features ? (int64_t)r->width : 0;
    to->head_dropout = o->dropout;
    to->head_l1 = o->l1;
    to->head_l2 = o->l2;
    to->seed = (uint64_t)o->seed;
    to->output = r->on_features ? NULL : r->pass.key;
    to->frozen_body = !phase->tune;
    to->no_regularization = !phase->tune; /* as hub.KerasLayer, which has no losses while it is not trained */
    to->batch_norm = phase->tune ? (lince_batch_norm)o->batch_norm : LINCE_BATCH_NORM_FROZEN;
    if (phase->tune) {
        to->trainable = r->args.value[OPT_TRAINABLE];
        to->unlisted = cli_has(&r->args, OPT_UNLISTED);
        to->strict_gradients = cli_has(&r->args, OPT_STRICT_GRADIENTS);
    }
}

static int new_trainer(struct retrain *r)
{
    const struct retrain_phase *phase = &r->options.phase[r->place.phase];
    lince_argument images = {.path = "0", .kind = LINCE_ARG_INPUT};
    lince_trainer_options options;
    lince_error err;
    r->on_features = r->features && !phase->tune;
    trainer_options(&options, r, phase);
    return lince_trainer_new(&r->trainer, r->pass.model.model, r->on_features ? NULL : r->pass.model.callable, &images,
                             r->on_features ? 0 : 1, &options, &err)
               ? cli_failed(r->pass.model.path, &err)
               : CLI_DONE;
}

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

struct bar {
    double started, drawn;
    int64_t from;
    bool shown;
};

/* "epoch 2/5, 320/1000: loss 0.61, accuracy 0.87, 143 photos/s, 42 s left" */
static void draw(struct bar *bar, const struct retrain *r)
{
    const struct retrain_place *p = &r->place;
    double now = cli_seconds(), rate = (double)(p->taken - bar->from) / (now - bar->started + 1e-9);
    double epochs = (double)retrain_epochs(r) - (double)p->epochs;
    char line[200], left[32];
    if (!bar->shown || now - bar->drawn < 0.1) {
        return;
    }
    cli_duration_text(left, (epochs * (double)r->train_count - (double)p->taken) / rate);
    snprintf(line, sizeof line, "epoch %lld/%zu, %lld/%zu: loss %.4f, accuracy %.4f, %.0f photos/s, %s left",
             (long long)p->epochs + 1, retrain_epochs(r), (long long)p->taken, r->train_count,
             p->loss / (double)p->taken, (double)p->correct / (double)p->taken, rate, left);
    cli_bar(line);
    bar->drawn = now;
}

static void tell_epoch(const struct retrain *r)
{
    const struct retrain_epoch *e = &r->history[r->place.epochs - 1];
    if (r->validation_count) {
        cli_note(&r->args, "epoch %lld/%zu: loss %.4f, accuracy %.4f; validation loss %.4f, accuracy %.4f",
                 (long long)r->place.epochs, retrain_epochs(r), e->loss, e->accuracy, e->validation_loss,
                 e->validation_accuracy);
    } else {
        cli_note(&r->args, "epoch %lld/%zu: loss %.4f, accuracy %.4f", (long long)r->place.epochs, retrain_epochs(r),
                 e->loss, e->accuracy);
    }
}

/* For TensorBoard, under the names that Keras gives. */
static int write_events(const struct retrain *r)
{
    const struct retrain_epoch *e = &r->history[r->place.epochs - 1];
    const double value[2][2] = {{e->loss, e->accuracy}, {e->validation_loss, e->validation_accuracy}};
    lince_error err;
    for (int i = 0; i < 2; i++) {
        if (r->events[i] &&
            (lince_events_scalar(r->events[i], "epoch_loss", r->place.epochs - 1, (float)value[i][0], 0, &err) ||
             lince_events_scalar(r->events[i], "epoch_accuracy", r->place.epochs - 1, (float)value[i][1], 0, &err))) {
            return cli_failed(r->args.value[OPT_SUMMARIES_DIR], &err);
        }
    }
    return CLI_DONE;
}

/* ---- An epoch ---------------------------------------------------------------------------------------------------- */

/* How many of a batch the logits are right about, as classify would say. */
static int64_t count_right(const lince_trainer_result *result, const lince_tensor *labels)
{
    size_t classes = (size_t)result->logits.dims[1], best;
    int64_t right = 0;
    for (int64_t i = 0; i < labels->dims[0]; i++) {
        cli_rank(&best, (const float *)result->logits.data + (size_t)i * classes, 0, classes, 1);
        right += (int64_t)best == ((const int64_t *)labels->data)[i];
    }
    return right;
}

static int step(struct retrain *r, const lince_tensor *input, const lince_tensor *labels)
{
    lince_trainer_result result = {.struct_size = sizeof result};
    lince_error err;
    if (lince_trainer_step(r->trainer, input, 1, labels, NULL, &result, &err)) {
        return cli_failed(r->pass.model.path, &err);
    }
    if (!isfinite(result.loss)) {
        r->over = true;
        app_say("%s: the loss is no number after %lld steps of epoch %lld; a smaller --learning-rate is wanted",
                r->pass.model.path, (long long)result.steps, (long long)r->place.epochs + 1);
        return CLI_FAILED;
    }
    r->place.taken += labels->dims[0];
    r->place.loss += (double)result.loss * (double)labels->dims[0];
    r->place.correct += count_right(&result, labels);
    return cli_seconds() - r->saved >= r->options.checkpoint_seconds ? retrain_checkpoint_write(r) : CLI_DONE;
}

static int steps(struct retrain *r, struct retrain_stream *s)
{
    struct bar bar = {.started = cli_seconds(), .from = r->place.taken};
    lince_tensor input, labels;
    bar.shown = !cli_quiet(&r->args) && isatty(STDERR_FILENO);
    do {
        CLI_TRY(retrain_stream_next(s, &input, &labels));
        CLI_TRY(labels.dims[0] ? step(r, &input, &labels) : CLI_DONE);
        draw(&bar, r);
    } while (labels.dims[0]);
    return CLI_DONE;
}

static int learn(struct retrain *r)
{
    struct retrain_stream s;
    size_t taken = (size_t)r->place.taken;
    retrain_shuffle(r, r->place.epochs);
    int status = retrain_stream_open(&s, r, r->order + taken, r->train_count - taken,
                                     r->options.augmented ? r->place.epochs : -1);
    status = status ? status : steps(r, &s);
    app_bar(NULL);
    retrain_stream_close(&s);
    return status;
}

static int validate_all(struct retrain *r, struct retrain_stream *s, struct retrain_epoch *e)
{
    lince_trainer_result result = {.struct_size = sizeof result};
    lince_tensor input, labels;
    lince_error err;
    int64_t right = 0;
    double loss = 0;
    for (;;) {
        CLI_TRY(retrain_stream_next(s, &input, &labels));
        if (labels.dims[0] == 0) {
            break;
        }
        if (lince_trainer_evaluate(r->trainer, &input, 1, &labels, NULL, &result, &err)) {
            return cli_failed(r->pass.model.path, &err);
        }
        loss += (double)result.loss * (double)labels.dims[0];
        right += count_right(&result, &labels);
    }
    e->validation_loss = loss / (double)r->validation_count;
    e->validation_accuracy = (double)right / (double)r->validation_count;
    return CLI_DONE;
}

static int validate(struct retrain *r, struct retrain_epoch *e)
{
    struct retrain_stream s;
    e->validation_loss = e->validation_accuracy = NAN;
    if (r->validation_count == 0) {
        return CLI_DONE;
    }
    int status = retrain_stream_open(&s, r, r->validation, r->validation_count, -1);
    status = status ? status : validate_all(r, &s, e);
    retrain_stream_close(&s);
    return status;
}

/* Right more often, or as often with a smaller loss. */
static bool better(const struct retrain_epoch *a, const struct retrain_epoch *b)
{
    return a->validation_accuracy != b->validation_accuracy ? a->validation_accuracy > b->validation_accuracy
                                                            : a->validation_loss < b->validation_loss;
}

static int end_epoch(struct retrain *r)
{
    struct retrain_place *p = &r->place;
    struct retrain_epoch *e = &r->history[p->epochs];
    e->loss = p->loss / (double)r->train_count;
    e->accuracy = (double)p->correct / (double)r->train_count;
    CLI_TRY(validate(r, e));
    p->stale++;
    if (r->validation_count && (p->best < 0 || better(e, &r->history[p->best]))) {
        p->best = p->epochs;
        p->stale = 0;
        CLI_TRY(r->options.keep_best ? retrain_values_take(&r->best, r) : CLI_DONE);
    }
    p->epochs++;
    p->epoch++;
    p->taken = p->correct = 0;
    p->loss = 0;
    tell_epoch(r);
    CLI_TRY(write_events(r));
    return retrain_checkpoint_write(r);
}

/* ---- Phases ------------------------------------------------------------------------------------------------------ */

static bool stops(const struct retrain *r)
{
    return r->options.patience && r->place.stale >= r->options.patience;
}

static int phase(struct retrain *r)
{
    struct retrain_place *p = &r->place;
    while (p->epoch < r->options.phase[p->phase].epochs && !stops(r)) {
        CLI_TRY(learn(r));
        CLI_TRY(end_epoch(r));
    }
    if (p->epoch < r->options.phase[p->phase].epochs) {
        cli_note(&r->args, "validation got no better for %lld epochs", (long long)p->stale);
    }
    if (*lince_trainer_note(r->trainer)) {
        cli_note(&r->args, "%s", lince_trainer_note(r->trainer));
    }
    return CLI_DONE;
}

/* The head as it is goes into the next phase's trainer, the slots of the optimizer do not. */
static int next_phase(struct retrain *r)
{
    struct retrain_values now = {0};
    int status = retrain_values_take(&now, r);
    lince_trainer_free(r->trainer);
    r->trainer = NULL;
    r->place.phase++;
    r->place.epoch = r->place.stale = 0;
    status = status ? status : new_trainer(r);
    status = status ? status : retrain_values_put_head(&now, r);
    retrain_values_free(&now);
    return status;
}

int retrain_train(struct retrain *r)
{
    CLI_TRY(new_trainer(r));
    CLI_TRY(retrain_values_put(&r->now, r));
    retrain_values_free(&r->now);
    r->saved = cli_seconds();
    while (!r->place.complete) {
        CLI_TRY(phase(r));
        if (r->place.phase + 1 < (int64_t)r->options.phases) {
            CLI_TRY(next_phase(r));
        } else {
            r->place.complete = 1;
            CLI_TRY(retrain_checkpoint_write(r));
        }
    }
    if (r->options.keep_best && r->best.count) {
        CLI_TRY(retrain_values_put(&r->best, r));
    }
    return CLI_DONE;
}
