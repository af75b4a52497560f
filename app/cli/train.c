/* lince train: fine-tune a model as it is, on arrays, in order. */
#include "arrays.h"
#include "model.h"
#include "say.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct train {
    const struct cli_args *args;
    struct cli_model model;
    struct cli_arguments arguments;
    struct app_array images, targets;
    lince_tensor labels; /* the targets as a trainer takes them */
    lince_trainer *trainer;
    int64_t batch, steps;
    struct app_output log;
    struct app_folder gradients;
    double first, last; /* losses */
};

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static int read_numbers(const struct cli_args *args, lince_trainer_options *o)
{
    const struct {
        enum cli_option option;
        double most;
        double *to;
    } numbers[] = {
        {OPT_LEARNING_RATE, 1e30, &o->learning_rate},
        {OPT_MOMENTUM, 1e30, &o->momentum},
        {OPT_RHO, 1, &o->rho},
        {OPT_EPSILON, 1e30, &o->epsilon},
        {OPT_BETA1, 1, &o->beta1},
        {OPT_BETA2, 1, &o->beta2},
        {OPT_WEIGHT_DECAY, 1e30, &o->weight_decay},
        {OPT_LABEL_SMOOTHING, 1, &o->label_smoothing},
    };
    for (size_t i = 0; i < APP_COUNT(numbers); i++) {
        CLI_TRY(cli_number(args, numbers[i].option, 0, numbers[i].most, numbers[i].to));
    }
    return CLI_DONE;
}

static int read_options(const struct cli_args *args, const struct cli_model *m, lince_trainer_options *o)
{
    int optimizer = LINCE_SGD, loss = LINCE_LOSS_SOFTMAX, batch_norm = LINCE_BATCH_NORM_UPDATE;
    CLI_TRY(cli_choice(args, OPT_OPTIMIZER, "sgd|rmsprop|adam|adamw", &optimizer));
    CLI_TRY(cli_choice(args, OPT_LOSS, "softmax|sigmoid|mse", &loss));
    CLI_TRY(cli_choice(args, OPT_BATCH_NORM, "update|batch|frozen", &batch_norm));
    lince_trainer_options_init(o, (lince_optimizer)optimizer);
    CLI_TRY(read_numbers(args, o));
    o->loss = (lince_loss)loss;
    o->batch_norm = cli_has(args, OPT_NO_TRAINING) ? LINCE_BATCH_NORM_FROZEN : (lince_batch_norm)batch_norm;
    o->nesterov = cli_has(args, OPT_NESTEROV);
    o->no_regularization = cli_has(args, OPT_NO_REGULARIZATION);
    o->trainable = args->value[OPT_TRAINABLE];
    o->unlisted = cli_has(args, OPT_UNLISTED);
    o->strict_gradients = cli_has(args, OPT_STRICT_GRADIENTS);
    o->output = cli_key_path(m->callable, args->value[OPT_OUTPUT_KEY]);
    return CLI_DONE;
}

/* ---- Arrays ------------------------------------------------------------------------------------------------------ */

static bool is_integer(lince_dtype dtype)
{
    static const lince_dtype integers[] = {LINCE_INT8,  LINCE_INT16,  LINCE_INT32,  LINCE_INT64,
                                           LINCE_UINT8, LINCE_UINT16, LINCE_UINT32, LINCE_UINT64};
    for (size_t i = 0; i < APP_COUNT(integers); i++) {
        if (dtype == integers[i]) {
            return true;
        }
    }
    return false;
}

/* Class numbers as int64, everything else as float32: numpy makes int64, uint8 and float64 where nobody says. */
static int take_targets(struct train *t, lince_loss loss)
{
    const lince_tensor *from = &t->targets.tensor;
    bool numbers = loss == LINCE_LOSS_SOFTMAX && is_integer(from->dtype);
    size_t count = cli_elements(from);
    if (!is_integer(from->dtype) && from->dtype != LINCE_FLOAT32 && from->dtype != LINCE_FLOAT64 &&
        from->dtype != LINCE_FLOAT16 && from->dtype != LINCE_BOOL) {
        return cli_usage(t->args, "--targets: %s; numbers are wanted", lince_dtype_name(from->dtype));
    }
    t->labels = *from;
    t->labels.dtype = numbers ? LINCE_INT64 : LINCE_FLOAT32;
    t->labels.size_bytes = count * lince_dtype_size(t->labels.dtype);
    t->labels.data = malloc(t->labels.size_bytes + 1);
    if (!t->labels.data) {
        app_say("no memory for the targets");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        double x = cli_element(from, i, false);
        if (numbers) {
            ((int64_t *)t->labels.data)[i] = (int64_t)x;
        } else {
            ((float *)t->labels.data)[i] = (float)x;
        }
    }
    return CLI_DONE;
}

static int read_array(const struct cli_args *args, enum cli_option option, struct app_array *array)
{
    const char *path = args->value[option];
    lince_error err;
    return app_npy_read(path, array, &err) ? cli_failed(path, &err) : CLI_DONE;
}

static int read_arrays(struct train *t, lince_loss loss)
{
    CLI_TRY(read_array(t->args, OPT_IMAGES, &t->images));
    CLI_TRY(read_array(t->args, OPT_TARGETS, &t->targets));
    const lince_tensor *images = &t->images.tensor, *targets = &t->targets.tensor;
    if (images->rank < 1 || targets->rank < 1 || images->dims[0] != targets->dims[0] || images->dims[0] < 1) {
        app_say("%s has %lld images, %s %lld targets; as many are wanted, 1 or more", t->args->value[OPT_IMAGES],
                (long long)(images->rank ? images->dims[0] : 0), t->args->value[OPT_TARGETS],
                (long long)(targets->rank ? targets->dims[0] : 0));
        return CLI_FAILED;
    }
    t->batch = images->dims[0];
    CLI_TRY(cli_integer(t->args, OPT_BATCH_SIZE, 1, INT32_MAX, &t->batch));
    return take_targets(t, loss);
}

/* Images or targets of the batch of a step. In order; the last batch has what is left, then it begins anew. */
static lince_tensor batch_of(const struct train *t, const lince_tensor *all, int64_t step)
{
    lince_tensor part = *all;
    int64_t count = all->dims[0], batches = (count + t->batch - 1) / t->batch, begin = step % batches * t->batch;
    size_t row = all->size_bytes / (size_t)count;
    part.dims[0] = count - begin < t->batch ? count - begin : t->batch;
    part.data = (char *)all->data + (size_t)begin * row;
    part.size_bytes = (size_t)part.dims[0] * row;
    return part;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

static lince_status write_gradients(struct train *t, const lince_output *gradients, size_t count, lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char name[32], *path;
        snprintf(name, sizeof name, "%04zu.npy", i);
        APP_TRY(app_folder_file(&t->gradients, name, &path, err));
        lince_status st = app_npy_save(path, &gradients[i].tensor, err);
        free(path);
        APP_TRY(st);
    }
    return LINCE_OK;
}

static lince_status first_step(struct train *t, const lince_tensor *images, const lince_tensor *targets,
                               lince_trainer_result *result, lince_error *err)
{
    const lince_output *gradients;
    size_t count;
    APP_TRY(lince_trainer_gradients(t->trainer, images, 1, targets, NULL,
                                    t->steps ? LINCE_GRADIENTS_OF_STEP : LINCE_GRADIENTS_OF_VARIABLES, &gradients,
                                    &count, result, err));
    return write_gradients(t, gradients, count, err);
}

/* The loss of step `step`, which is made unless it is the one after the last. */
static lince_status one(struct train *t, int64_t step, lince_trainer_result *result, lince_error *err)
{
    lince_tensor images = batch_of(t, &t->images.tensor, step), targets = batch_of(t, &t->labels, step);
    if (step == 0 && cli_has(t->args, OPT_GRADIENTS)) {
        return first_step(t, &images, &targets, result, err);
    }
    return (step < t->steps ? lince_trainer_step : lince_trainer_loss)(t->trainer, &images, 1, &targets, NULL, result,
                                                                       err);
}

static int go(struct train *t)
{
    lince_error err;
    struct cli_progress progress;
    lince_trainer_result result = {.struct_size = sizeof result};
    cli_progress_start(&progress, t->args, (size_t)t->steps, false);
    for (int64_t step = 0; step <= t->steps; step++) {
        lince_status st = one(t, step, &result, &err);
        if (st) {
            app_bar(NULL);
            return cli_failed(t->model.path, &err);
        }
        t->first = step == 0 ? (double)result.loss : t->first;
        t->last = (double)result.loss;
        cli_verbose(t->args, "after %lld steps: loss %.9g", (long long)step, t->last);
        if (t->log.file) {
            fprintf(t->log.file, "%.9g\n", t->last);
        }
        cli_progress_to(&progress, (size_t)(step < t->steps ? step + 1 : step), 0);
    }
    app_bar(NULL);
    return CLI_DONE;
}

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

static const char *batch_norm_text(lince_batch_norm how)
{
    static const char *const texts[] = {"statistics of the batch, moving averages updated",
                                        "statistics of the batch, moving averages not updated",
                                        "frozen (training=False)", "as the model has it: it takes no `training`"};
    return texts[how];
}

/* How many variables are trained, their numbers, and how many the publisher did not list. */
static size_t count_trained(const struct train *t, long long *numbers, size_t *unlisted)
{
    size_t count = lince_trainer_variable_count(t->trainer);
    for (size_t i = 0; i < count; i++) {
        lince_trained_info info = {.struct_size = sizeof info};
        long long size = 1;
        lince_trainer_variable(t->trainer, i, &info, NULL);
        for (int k = 0; k < info.rank; k++) {
            size *= info.dims[k];
        }
        *numbers += size;
        *unlisted += !info.listed;
    }
    return count;
}

static int tell(const struct train *t)
{
    static const char *const ways[] = {"update", "batch", "frozen", "as_traced"};
    long long numbers = 0;
    size_t unlisted = 0, count = count_trained(t, &numbers, &unlisted);
    lince_batch_norm how = lince_trainer_batch_norm(t->trainer);
    if (cli_json(t->args)) {
        json_t *object = json_object();
        json_object_set_new(object, "steps", json_integer(t->steps));
        json_object_set_new(object, "loss_before", app_json_real(t->first));
        json_object_set_new(object, "loss_after", app_json_real(t->last));
        json_object_set_new(object, "variables", json_integer((json_int_t)count));
        json_object_set_new(object, "unlisted", json_integer((json_int_t)unlisted));
        json_object_set_new(object, "numbers", json_integer(numbers));
        json_object_set_new(object, "batch_norm", json_string(ways[how]));
        return app_json_line(stdout, object) ? cli_flush() : CLI_FAILED;
    }
    printf("trained     %zu variables, %lld numbers\n", count, numbers);
    if (unlisted) {
        printf("unlisted    %zu of them are not among the model's trainable variables\n", unlisted);
    }
    printf("batch norm  %s\n", batch_norm_text(how));
    printf("loss        %.6g, after %lld step%s %.6g\n", t->first, (long long)t->steps, t->steps == 1 ? "" : "s",
           t->last);
    return cli_flush();
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

static int check_usage(const struct train *t)
{
    if (!cli_has(t->args, OPT_IMAGES) || !cli_has(t->args, OPT_TARGETS) || !cli_has(t->args, OPT_STEPS)) {
        return cli_usage(t->args, "--images X.npy, --targets Y.npy and --steps N are wanted");
    }
    return cli_has(t->args, OPT_NO_TRAINING) && cli_has(t->args, OPT_BATCH_NORM)
               ? cli_usage(t->args, "--no-training and --batch-norm: only one of them makes sense")
               : CLI_DONE;
}

static int set_up(struct train *t)
{
    lince_trainer_options options;
    lince_error err;
    CLI_TRY(read_options(t->args, &t->model, &options));
    CLI_TRY(read_arrays(t, options.loss));
    CLI_TRY(cli_arguments_input(&t->arguments, "0"));
    CLI_TRY(cli_arguments_from(&t->arguments, t->args));
    return lince_trainer_new(&t->trainer, t->model.model, t->model.callable, t->arguments.argument, t->arguments.count,
                             &options, &err)
               ? cli_failed(t->model.path, &err)
               : CLI_DONE;
}

static int open_outputs(struct train *t)
{
    const char *log = t->args->value[OPT_LOSS_LOG], *gradients = t->args->value[OPT_GRADIENTS];
    lince_error err;
    if (log && app_output_open(&t->log, log, &err)) {
        return cli_failed(log, &err);
    }
    return gradients && app_folder_open(&t->gradients, gradients, &err) ? cli_failed(gradients, &err) : CLI_DONE;
}

static int save_model(const struct train *t, const char *path)
{
    lince_save_options options;
    lince_error err;
    lince_save_options_init(&options);
    options.overwrite = cli_has(t->args, OPT_OVERWRITE);
    app_signals_hold();
    lince_status st = lince_model_save(t->model.model, path, &options, &err);
    app_signals_release();
    return st ? cli_failed(path, &err) : CLI_DONE;
}

/* All are whole before the first gets its name. */
static int keep_outputs(struct train *t)
{
    lince_error err;
    if (t->log.file && app_output_finish(&t->log, &err)) {
        return cli_failed(t->args->value[OPT_LOSS_LOG], &err);
    }
    if (cli_has(t->args, OPT_OUTPUT)) {
        CLI_TRY(save_model(t, t->args->value[OPT_OUTPUT]));
    }
    if (cli_has(t->args, OPT_GRADIENTS) && app_folder_commit(&t->gradients, &err)) {
        return cli_failed(t->args->value[OPT_GRADIENTS], &err);
    }
    return cli_has(t->args, OPT_LOSS_LOG) && app_output_commit(&t->log, &err)
               ? cli_failed(t->args->value[OPT_LOSS_LOG], &err)
               : CLI_DONE;
}

static int train(struct train *t)
{
    CLI_TRY(cli_integer(t->args, OPT_STEPS, 0, INT32_MAX, &t->steps));
    CLI_TRY(cli_model_open(&t->model, t->args));
    CLI_TRY(set_up(t));
    CLI_TRY(open_outputs(t));
    if (!cli_has(t->args, OPT_OUTPUT) && !cli_has(t->args, OPT_GRADIENTS) && !cli_has(t->args, OPT_LOSS_LOG)) {
        cli_note(t->args, "without --output the trained model is not kept");
    }
    CLI_TRY(go(t));
    if (*lince_trainer_note(t->trainer)) {
        cli_note(t->args, "%s", lince_trainer_note(t->trainer));
    }
    CLI_TRY(keep_outputs(t));
    return tell(t);
}

int cli_train(const struct cli_args *args)
{
    struct train t = {.args = args};
    CLI_TRY(check_usage(&t));
    int status = train(&t);
    app_output_discard(&t.log);
    app_folder_discard(&t.gradients);
    lince_trainer_free(t.trainer);
    cli_arguments_free(&t.arguments);
    app_array_free(&t.images);
    app_array_free(&t.targets);
    free(t.labels.data);
    cli_model_close(&t.model);
    return status;
}
