/* Opening a model, and reading what it says of itself. */
#include "model.h"
#include "say.h"

int cli_model_options(lince_model_options *options, const struct cli_args *args)
{
    int64_t threads = 0, seed = 0;
    lince_model_options_init(options);
    CLI_TRY(cli_threads(args, &threads));
    CLI_TRY(cli_integer(args, OPT_SEED, 0, INT64_MAX, &seed));
    CLI_TRY(cli_bytes(args, OPT_MEMORY_LIMIT, &options->memory_limit_bytes));
    options->threads = (int32_t)threads;
    options->tags = args->value[OPT_TAGS];
    options->has_seed = cli_has(args, OPT_SEED);
    options->seed = (uint64_t)seed;
    return CLI_DONE;
}

/* What is called when nobody says, which is said where it is not the object itself. */
static lince_callable *usual(const struct cli_model *m, const struct cli_args *args)
{
    lince_callable *callable = lince_model_default(m->model);
    if (callable && callable != lince_model_call(m->model)) {
        cli_note(args, "%s: the model itself cannot be called; its %s is", m->path, lince_callable_name(callable));
    }
    return callable;
}

/* Nothing stands out. A model without any callable is the library's to name. */
static int no_default(const struct cli_model *m, const struct cli_args *args)
{
    char names[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < lince_model_callable_count(m->model) && used + 1 < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                 lince_callable_name(lince_model_callable_at(m->model, i)));
    }
    return cli_usage(args, "%s: the model itself cannot be called; --function NAME is wanted, of %s", m->path, names);
}

static int choose(struct cli_model *m, const struct cli_args *args)
{
    const char *function = args->value[OPT_FUNCTION], *signature = args->value[OPT_SIGNATURE];
    char name[512];
    lince_error err;
    if (function && signature) {
        return cli_usage(args, "--function %s and --signature %s: only one can be called", function, signature);
    }
    if (signature) {
        snprintf(name, sizeof name, "signatures.%s", signature);
        function = name;
    }
    m->callable = function ? NULL : usual(m, args);
    if (!m->callable && !function && lince_model_callable_count(m->model)) {
        return no_default(m, args);
    }
    if (!m->callable && lince_model_callable(m->model, function, &m->callable, &err)) {
        return cli_failed(m->path, &err);
    }
    m->name = lince_callable_name(m->callable);
    return CLI_DONE;
}

int cli_model_open(struct cli_model *m, const struct cli_args *args)
{
    lince_model_options options;
    lince_error err;
    *m = (struct cli_model){.path = args->operand[0]};
    CLI_TRY(cli_model_options(&options, args));
    double start = cli_seconds();
    if (lince_model_open(&m->model, m->path, &options, &err)) {
        return cli_failed(m->path, &err);
    }
    m->load_ms = (cli_seconds() - start) * 1e3;
    cli_verbose(args, "%s: opened in %.1f ms", m->path, m->load_ms);
    return choose(m, args);
}

void cli_model_close(struct cli_model *m)
{
    lince_model_close(m->model);
    m->model = NULL;
}

/* ---- What it says of itself ---- */

void cli_images_of(lince_image_info *takes, lince_callable *callable)
{
    *takes = (lince_image_info){.struct_size = sizeof *takes, .batch = -1};
    lince_callable_image(callable, takes, NULL);
}

bool cli_takes_photos(const lince_image_info *takes)
{
    return (takes->channels == 0 || takes->channels == 3) &&
           (takes->dtype == LINCE_FLOAT32 || takes->dtype == LINCE_UINT8);
}

int64_t cli_smallest_side(lince_callable *callable, const struct cli_args *args)
{
    struct cli_arguments a = {0};
    lince_session *session = NULL;
    int32_t side = 0;
    if (cli_arguments_input(&a, "0") == CLI_DONE && cli_arguments_from(&a, args) == CLI_DONE &&
        cli_session_new(&session, callable, &a, true, NULL) == LINCE_OK) {
        lince_session_smallest_image(session, &side, NULL);
    }
    lince_session_free(session);
    cli_arguments_free(&a);
    return side;
}

const char *cli_task_name(lince_task task)
{
    static const char *const names[] = {[LINCE_TASK_UNKNOWN] = "unknown",
                                        [LINCE_TASK_CLASSIFICATION] = "classification",
                                        [LINCE_TASK_FEATURES] = "feature_vector"};
    return names[task];
}
