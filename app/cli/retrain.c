/* lince retrain: photos in class folders to a new classifier. */
#include "retrain.h"
#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- The body ---------------------------------------------------------------------------------------------------- */

/* A classifier without its last dense layer, as a model of its own in the checkpoint's folder. */
static int cut_body(struct retrain *r)
{
    struct stat facts;
    lince_publish_options o;
    lince_error err;
    if (!(r->body = retrain_checkpoint_path(r, "body"))) {
        return CLI_FAILED;
    }
    cli_note(&r->args, "%s: its last dense layer is replaced", r->args.operand[0]);
    lince_publish_options_init(&o);
    o.body = r->pass.model.callable;
    o.output = r->pass.key;
    o.cut = 1;
    if (stat(r->body, &facts) && lince_publish(r->pass.model.model, r->body, &o, &err)) {
        return cli_failed(r->args.operand[0], &err);
    }
    return CLI_DONE;
}

/* Opens the cut model in the body's place; what says of which part of it is meant is done with. */
static int open_cut(struct retrain *r)
{
    struct cli_pass whole = r->pass;
    r->body_args = r->args;
    r->body_args.operand = &r->body;
    r->body_args.value[OPT_FUNCTION] = r->body_args.value[OPT_OUTPUT_KEY] = r->body_args.value[OPT_TAGS] = NULL;
    int status = cli_pass_begin(&r->pass, &r->body_args);
    status = status ? status : cli_pass_open(&r->pass);
    cli_pass_close(&whole);
    return status;
}

/* Of one image a trace for one image has the batch; larger ones could not be filled at an epoch's end. */
static int check_body(struct retrain *r)
{
    const struct cli_pass *pass = &r->pass;
    if (pass->image.bytes) {
        app_say("%s: takes images of uint8, and training needs float32", r->args.operand[0]);
        return CLI_FAILED;
    }
    if (pass->takes.batch > 1 && (r->options.tunes || r->options.augmented)) {
        app_say("%s: takes batches of %lld images only; it can be the body of a training without augmentation or "
                "fine-tuning",
                r->args.operand[0], (long long)pass->takes.batch);
        return CLI_FAILED;
    }
    r->options.batch = pass->takes.batch == 1 && (r->options.tunes || r->options.augmented) ? 1 : r->options.batch;
    return CLI_DONE;
}

static int open_body(struct retrain *r)
{
    CLI_TRY(cli_pass_begin(&r->pass, &r->args));
    CLI_TRY(cli_pass_open(&r->pass));
    if (r->pass.task.task == LINCE_TASK_CLASSIFICATION || cli_has(&r->args, OPT_FEATURE_VECTOR)) {
        CLI_TRY(cut_body(r));
        CLI_TRY(open_cut(r));
    }
    return check_body(r);
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

static bool is_empty(const char *path)
{
    size_t entries = 0;
    DIR *folder = opendir(path);
    while (folder && readdir(folder)) {
        entries++;
    }
    if (folder) {
        closedir(folder);
    }
    return folder && entries <= 2;
}

/* Before the work. A training whose checkpoint says it is complete may have been killed after it wrote the output. */
static int check_output(struct retrain *r)
{
    struct stat facts;
    if (stat(r->options.output, &facts) || is_empty(r->options.output)) {
        return CLI_DONE;
    }
    r->options.overwrite = r->options.overwrite || r->place.complete;
    if (!r->options.overwrite) {
        app_say("%s: is there already; another name is wanted, or --overwrite", r->options.output);
        return CLI_FAILED;
    }
    if (!retrain_is_model(r->options.output)) {
        app_say("%s: is no SavedModel, and only such are replaced", r->options.output);
        return CLI_FAILED;
    }
    return CLI_DONE;
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) {
        return CLI_DONE;
    }
    app_say("%s: cannot be made: %s", path, strerror(errno));
    return CLI_FAILED;
}

/* train/ and validation/, as Keras has them. */
static int open_events(struct retrain *r)
{
    static const char *const parts[] = {"train", "validation"};
    const char *folder = r->args.value[OPT_SUMMARIES_DIR];
    lince_error err;
    CLI_TRY(make_folder(folder));
    for (size_t i = 0; i < APP_COUNT(parts) && (i == 0 || r->validation_count); i++) {
        char *path = NULL, *file = NULL;
        bool named = asprintf(&path, "%s/%s", folder, parts[i]) >= 0 &&
                     asprintf(&file, "%s/events.out.tfevents.lince", path) >= 0;
        int status = named ? make_folder(path) : CLI_FAILED;
        if (!status && lince_events_open(&r->events[i], file, r->place.epochs, &err)) {
            status = cli_failed(file, &err);
        }
        free(path);
        free(file);
        CLI_TRY(status);
    }
    return CLI_DONE;
}

static int open_output(struct retrain *r, enum cli_option option, struct app_output *out)
{
    const char *path = r->args.value[option];
    lince_error err;
    return path && app_output_open(out, path, &err) ? cli_failed(path, &err) : CLI_DONE;
}

static int open_outputs(struct retrain *r)
{
    CLI_TRY(open_output(r, OPT_LABELS_OUTPUT_FILE, &r->labels));
    CLI_TRY(open_output(r, OPT_VALIDATION_LIST, &r->list));
    CLI_TRY(r->validation_count ? open_output(r, OPT_REPORT, &r->report) : CLI_DONE);
    return cli_has(&r->args, OPT_SUMMARIES_DIR) ? open_events(r) : CLI_DONE;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

/* Everything up to the first step, so that a mistake is told before the work. */
static int prepare(struct retrain *r)
{
    int64_t threads;
    lince_error err;
    CLI_TRY(retrain_find_photos(r));
    CLI_TRY(cli_decoders(&r->args, &threads));
    if (lince_pool_new(&r->pool, (int32_t)threads, &err)) {
        return cli_failed(NULL, &err);
    }
    r->history = calloc(retrain_epochs(r) + 1, sizeof *r->history);
    if (!r->history) {
        app_say("no memory for %zu epochs", retrain_epochs(r));
        return CLI_FAILED;
    }
    CLI_TRY(retrain_checkpoint_open(r));
    CLI_TRY(retrain_checkpoint_settings(r));
    CLI_TRY(retrain_checkpoint_read(r));
    CLI_TRY(check_output(r));
    CLI_TRY(open_body(r));
    CLI_TRY(retrain_look(r));
    CLI_TRY(retrain_divide(r));
    return open_outputs(r);
}

static int retrain(struct retrain *r)
{
    CLI_TRY(prepare(r));
    CLI_TRY(retrain_train(r));
    CLI_TRY(retrain_publish(r));
    return retrain_tell(r);
}

static void close_all(struct retrain *r)
{
    for (size_t i = 0; i < APP_COUNT(r->events); i++) {
        lince_events_close(r->events[i]);
    }
    app_output_discard(&r->labels);
    app_output_discard(&r->list);
    app_output_discard(&r->report);
    lince_trainer_free(r->trainer);
    cli_pass_close(&r->pass);
    lince_pool_free(r->pool);
    retrain_values_free(&r->best);
    retrain_values_free(&r->now);
    app_dataset_free(&r->set);
    free(r->good);
    free(r->held);
    free(r->train);
    free(r->validation);
    free(r->order);
    free(r->features);
    free(r->history);
    free(r->settings);
    free(r->folder);
    free(r->body);
}

int cli_retrain(const struct cli_args *args)
{
    struct retrain r = {.lock = -1, .place = {.best = -1}};
    CLI_TRY(retrain_read_options(&r, args));
    int status = retrain(&r);
    retrain_checkpoint_close(&r);
    close_all(&r);
    return status;
}
