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

static bool has_callable(lince_model *model, const char *name)
{
    lince_callable *found;
    return lince_model_callable(model, name, &found, NULL) == LINCE_OK;
}

/* The name of what is to be called, in `buffer` where it must be put together. */
static int choose(const char **name, char buffer[512], struct cli_model *m, const struct cli_args *args, bool fallback)
{
    *name = args->value[OPT_FUNCTION];
    if (*name && cli_has(args, OPT_SIGNATURE)) {
        return cli_usage(args, "--function %s and --signature %s: only one can be called", *name,
                         args->value[OPT_SIGNATURE]);
    }
    if (cli_has(args, OPT_SIGNATURE)) {
        snprintf(buffer, 512, "signatures.%s", args->value[OPT_SIGNATURE]);
        *name = buffer;
    } else if (!*name && fallback && !has_callable(m->model, "__call__") &&
               has_callable(m->model, "signatures.serving_default")) {
        *name = "signatures.serving_default";
        cli_note(args, "%s: the model itself cannot be called; its signature serving_default is", m->path);
    } else if (!*name) {
        *name = "__call__";
    }
    return CLI_DONE;
}

int cli_model_open(struct cli_model *m, const struct cli_args *args, bool fallback)
{
    lince_model_options options;
    lince_error err;
    char buffer[512];
    const char *name;
    *m = (struct cli_model){.path = args->operand[0]};
    CLI_TRY(cli_model_options(&options, args));
    double start = cli_seconds();
    if (lince_model_open(&m->model, m->path, &options, &err)) {
        return cli_failed(m->path, &err);
    }
    m->load_ms = (cli_seconds() - start) * 1e3;
    cli_verbose(args, "%s: opened in %.1f ms", m->path, m->load_ms);
    CLI_TRY(choose(&name, buffer, m, args, fallback));
    if (lince_model_callable(m->model, name, &m->callable, &err)) {
        return cli_failed(m->path, &err);
    }
    m->name = lince_callable_name(m->callable);
    return CLI_DONE;
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
