/* What lince retrain leaves: the new model, and how well it does. */
#include "answers.h"
#include "retrain.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Publishing -------------------------------------------------------------------------------------------------- */

static int publish_head(const struct retrain *r, const char *path, const lince_tensor *kernel, const lince_tensor *bias)
{
    lince_publish_options o;
    lince_head head;
    lince_error err;
    lince_publish_options_init(&o);
    lince_head_init(&head);
    head.features = kernel->dims[0];
    head.classes = kernel->dims[1];
    head.kernel = kernel->data;
    head.bias = bias->data;
    head.dropout = r->options.dropout;
    head.l1 = r->options.l1;
    head.l2 = r->options.l2;
    o.head = &head;
    o.body = r->pass.model.callable;
    o.output = r->pass.key;
    o.labels = (const char *const *)r->set.class_name.text;
    o.label_count = r->set.class_name.count;
    o.height = (int32_t)r->pass.image.height;
    o.width = (int32_t)r->pass.image.width;
    o.overwrite = 1; /* what a kill left */
    memcpy(o.mean, r->pass.image.options.mean, sizeof o.mean);
    memcpy(o.std, r->pass.image.options.std, sizeof o.std);
    lince_status st = lince_publish(r->pass.model.model, path, &o, &err);
    return st ? cli_failed(path, &err) : CLI_DONE;
}

int retrain_publish(struct retrain *r)
{
    struct retrain_values now = {0};
    int status = retrain_values_take(&now, r);
    const lince_tensor *kernel = retrain_values_find(&now, "state/head/kernel");
    const lince_tensor *bias = retrain_values_find(&now, "state/head/bias");
    char *path = status ? NULL : retrain_checkpoint_path(r, "model");
    status = path ? publish_head(r, path, kernel, bias) : CLI_FAILED;
    retrain_values_free(&now);
    free(path);
    return status;
}

bool retrain_is_model(const char *path)
{
    struct stat facts;
    char *graph = NULL;
    bool is = asprintf(&graph, "%s/saved_model.pb", path) >= 0 && stat(graph, &facts) == 0;
    free(graph);
    return is;
}

/* In the place of another model; where a file system cannot exchange two names, there is a moment without either. */
static bool take_place(const struct retrain *r, const char *path)
{
    const char *to = r->options.output;
    if (rename(path, to) == 0) {
        return true;
    }
    if (!r->options.overwrite || !retrain_is_model(to)) {
        return false;
    }
    if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
        return true;
    }
    char *old = retrain_checkpoint_path(r, "old");
    bool done = old && rename(to, old) == 0 && rename(path, to) == 0;
    free(old);
    return done;
}

static int name_model(const struct retrain *r)
{
    char *path = retrain_checkpoint_path(r, "model");
    app_signals_hold();
    bool done = path && take_place(r, path);
    app_signals_release();
    free(path);
    if (!done) {
        app_say("%s: cannot take the new model: %s", r->options.output, strerror(errno));
    }
    return done ? CLI_DONE : CLI_FAILED;
}

/* ---- Evaluating -------------------------------------------------------------------------------------------------- */

struct evaluating {
    struct retrain *r;
    struct cli_answers answers;
    struct cli_evaluation evaluation;
};

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct evaluating *e = pass->context;
    if (!e->answers.started) {
        CLI_TRY(cli_answers_start(&e->answers, pass, b));
    }
    for (size_t i = 0; i < b->rows; i++) {
        size_t photo = e->r->validation[b->index[i]];
        cli_answers_row(&e->answers, b, i);
        CLI_TRY(cli_evaluation_add(&e->evaluation, e->answers.score, (int64_t)app_dataset_class(&e->r->set, photo),
                                   b->index[i]));
    }
    return CLI_DONE;
}

/* The new model as `lince evaluate` opens it: it says itself what its images are, and which classes there are. */
static int open_result(struct evaluating *e, struct cli_pass *pass, struct cli_args *args, char size[32])
{
    static const enum cli_option of_body[] = {OPT_FUNCTION, OPT_OUTPUT_KEY, OPT_TAGS,       OPT_RANGE,
                                              OPT_MEAN,     OPT_STD,        OPT_BATCH_SIZE, OPT_SEED};
    struct retrain *r = e->r;
    struct app_list names = {0};
    lince_error err;
    for (size_t i = 0; i < APP_COUNT(of_body); i++) {
        args->value[of_body[i]] = NULL;
    }
    snprintf(size, 32, "%lldx%lld", (long long)r->pass.image.height, (long long)r->pass.image.width);
    args->value[OPT_SIZE] = size;
    CLI_TRY(cli_pass_begin(pass, args));
    for (size_t i = 0; i < r->validation_count; i++) {
        if (app_list_add(&pass->photos, r->set.photos.text[r->validation[i]], &err)) {
            return cli_failed(NULL, &err);
        }
    }
    for (size_t c = 0; c < r->set.class_name.count; c++) {
        if (app_list_add(&names, r->set.class_name.text[c], &err)) {
            app_list_free(&names);
            return cli_failed(NULL, &err);
        }
    }
    pass->take = take;
    pass->context = e;
    CLI_TRY(cli_evaluation_new(&e->evaluation, &names, &pass->photos, r->options.top));
    return cli_pass_open(pass);
}

/* ---- Showing ----------------------------------------------------------------------------------------------------- */

static double accuracy_of(const struct retrain_epoch *e)
{
    return e->accuracy;
}
static double validation_accuracy_of(const struct retrain_epoch *e)
{
    return e->validation_accuracy;
}
static double loss_of(const struct retrain_epoch *e)
{
    return e->loss;
}
static double validation_loss_of(const struct retrain_epoch *e)
{
    return e->validation_loss;
}

/* Two charts of two curves each. */
static int write_page(const struct retrain *r, const struct cli_report *plain, FILE *to)
{
    static double (*const columns[4])(const struct retrain_epoch *) = {accuracy_of, validation_accuracy_of, loss_of,
                                                                       validation_loss_of};
    size_t epochs = (size_t)r->place.epochs;
    double *numbers = malloc((4 * epochs + 1) * sizeof *numbers);
    if (!numbers) {
        app_say("no memory for a report");
        return CLI_FAILED;
    }
    for (size_t c = 0; c < 4; c++) {
        for (size_t i = 0; i < epochs; i++) {
            numbers[c * epochs + i] = columns[c](&r->history[i]);
        }
    }
    const struct cli_curve curves[4] = {{"training", numbers, epochs},
                                        {"validation", numbers + epochs, epochs},
                                        {"training", numbers + 2 * epochs, epochs},
                                        {"validation", numbers + 3 * epochs, epochs}};
    const struct cli_chart charts[2] = {{"Accuracy", curves, 2}, {"Loss", curves + 2, 2}};
    struct cli_report report = *plain;
    report.chart = charts;
    report.chart_count = epochs ? 2 : 0;
    int status = cli_report_write(&report, to);
    free(numbers);
    return status;
}

static int write_report(struct retrain *r, const struct evaluating *e, const struct cli_pass *pass)
{
    char photos[96], how[160];
    snprintf(photos, sizeof photos, "%zu to learn from, %zu for validation, %zu could not be read", r->train_count,
             r->validation_count, r->unreadable);
    snprintf(how, sizeof how, "%lld epochs of batches of %lld, %s, seed %lld", (long long)r->place.epochs,
             (long long)r->options.batch,
             r->options.phases == 2     ? "the new layer, then all"
             : r->options.phase[0].tune ? "all of the model"
                                        : "the new layer alone",
             (long long)r->options.seed);
    const struct cli_fact facts[] = {{"Model", r->options.output},
                                     {"Made of", r->args.operand[0]},
                                     {"Photos in", r->set.folder},
                                     {"Photos", photos},
                                     {"Trained", how},
                                     {"Scores", cli_answers_how(&e->answers)}};
    const struct cli_report report = {.title = "A new classifier, and its validation photos",
                                      .fact = facts,
                                      .fact_count = APP_COUNT(facts),
                                      .evaluation = &e->evaluation,
                                      .image = &pass->image.options};
    return write_page(r, &report, r->report.file);
}

static void write_names(struct retrain *r)
{
    for (size_t c = 0; r->labels.file && c < r->set.class_name.count; c++) {
        fprintf(r->labels.file, "%s\n", r->set.class_name.text[c]);
    }
    for (size_t i = 0; r->list.file && i < r->validation_count; i++) {
        fprintf(r->list.file, "%s\n", r->set.photos.text[r->validation[i]]);
    }
}

/* All are whole before the first gets its name. */
static int keep_outputs(struct retrain *r)
{
    struct app_output *const outputs[] = {&r->labels, &r->list, &r->report};
    lince_error err;
    write_names(r);
    for (size_t i = 0; i < APP_COUNT(outputs); i++) {
        if (outputs[i]->path && app_output_finish(outputs[i], &err)) {
            return cli_failed(outputs[i]->path, &err);
        }
    }
    CLI_TRY(name_model(r));
    for (size_t i = 0; i < APP_COUNT(outputs); i++) {
        if (outputs[i]->path && app_output_commit(outputs[i], &err)) {
            return cli_failed(outputs[i]->path, &err);
        }
    }
    return CLI_DONE;
}

static json_t *history_json(const struct retrain *r)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < r->place.epochs; i++) {
        const struct retrain_epoch *e = &r->history[i];
        json_t *one = json_object();
        json_object_set_new(one, "epoch", json_integer(i + 1));
        json_object_set_new(one, "loss", app_json_real(e->loss));
        json_object_set_new(one, "accuracy", app_json_real(e->accuracy));
        json_object_set_new(one, "validation_loss", app_json_real(e->validation_loss));
        json_object_set_new(one, "validation_accuracy", app_json_real(e->validation_accuracy));
        json_array_append_new(list, one);
    }
    return list;
}

/* evaluation NULL: there are no photos for it. */
static int print(const struct retrain *r, const struct cli_evaluation *evaluation)
{
    if (!cli_json(&r->args)) {
        return evaluation ? cli_evaluation_text(evaluation) : CLI_DONE;
    }
    json_t *object = json_object();
    int64_t kept = r->options.keep_best && r->place.best >= 0 ? r->place.best + 1 : r->place.epochs;
    json_object_set_new(object, "model", app_json_text(r->options.output));
    json_object_set_new(object, "body", app_json_text(r->args.operand[0]));
    json_object_set_new(object, "folder", app_json_text(r->set.folder));
    json_object_set_new(object, "training_photos", json_integer((json_int_t)r->train_count));
    json_object_set_new(object, "validation_photos", json_integer((json_int_t)r->validation_count));
    json_object_set_new(object, "unreadable_photos", json_integer((json_int_t)r->unreadable));
    json_object_set_new(object, "epochs", history_json(r));
    json_object_set_new(object, "kept_epoch", json_integer(kept));
    int status = evaluation ? cli_evaluation_json(evaluation, object) : CLI_DONE;
    json_object_set_new(object, "preprocessing", cli_image_json(&r->pass.image));
    if (status) {
        json_decref(object);
        return status;
    }
    return app_json_line(stdout, object) ? CLI_DONE : CLI_FAILED;
}

static int evaluate(struct evaluating *e, struct cli_pass *pass)
{
    struct retrain *r = e->r;
    char size[32], *model = retrain_checkpoint_path(r, "model");
    struct cli_args args = r->args;
    args.operand = &model;
    args.given_count = 0;
    int status = model ? open_result(e, pass, &args, size) : CLI_FAILED;
    status = status ? status : cli_pass_run(pass);
    status = status || !r->report.file ? status : write_report(r, e, pass);
    free(model);
    return status;
}

int retrain_tell(struct retrain *r)
{
    struct evaluating e = {.r = r, .answers = {.how = CLI_SOFTMAX, .top = 1}};
    struct cli_pass pass = {0};
    int status = r->validation_count ? evaluate(&e, &pass) : CLI_DONE;
    status = status ? status : keep_outputs(r);
    r->over = status == CLI_DONE;
    status = status ? status : print(r, r->validation_count ? &e.evaluation : NULL);
    cli_evaluation_free(&e.evaluation);
    cli_answers_free(&e.answers);
    cli_pass_close(&pass);
    return status ? status : cli_flush();
}
