/* Opening a model, and reading what it says of itself. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- What a trace says ---- */

/* The next "float32[1,?]" in the text: where it ends, or NULL. Its dims: -1 is unknown. */
static const char *next_tensor(const char *text, const char **dtype, int64_t dims[LINCE_MAX_RANK], int *rank)
{
    for (const char *open = strchr(text, '['); open; open = strchr(open + 1, '[')) {
        const char *word = open;
        while (word > text && strchr("abcdefghijklmnopqrstuvwxyz0123456789_", word[-1])) {
            word--;
        }
        *dtype = NULL;
        for (int code = LINCE_FLOAT32; code <= LINCE_UINT4 && !*dtype; code++) {
            const char *name = lince_dtype_name((lince_dtype)code);
            *dtype = strlen(name) == (size_t)(open - word) && memcmp(name, word, strlen(name)) == 0 ? name : NULL;
        }
        if (!*dtype) {
            continue;
        }
        const char *at = open + 1;
        for (*rank = 0; *at && *at != ']' && *rank < LINCE_MAX_RANK; at += *at == ',') {
            char *stop;
            dims[(*rank)++] = *at == '?' ? -1 : strtoll(at, &stop, 10);
            at += strcspn(at, ",]");
        }
        return at;
    }
    return NULL;
}

static void read_result(struct cli_trace *trace, const char *text)
{
    const char *dtype, *result = NULL;
    int64_t dims[LINCE_MAX_RANK];
    int rank, leaves = 0;
    for (const char *arrow = text; (arrow = strstr(arrow, ") -> ")) != NULL; arrow++) {
        result = arrow; /* the last one */
    }
    for (const char *at = result; at && (at = next_tensor(at, &dtype, dims, &rank)) != NULL; leaves++) {
        trace->features = leaves == 0 && rank >= 2 ? dims[rank - 1] : -1;
    }
}

void cli_trace_of(struct cli_trace *trace, lince_callable *callable)
{
    const char *dtype, *text = lince_callable_trace(callable, 0);
    int64_t dims[LINCE_MAX_RANK];
    int rank;
    *trace = (struct cli_trace){.batch = -1, .features = -1};
    trace->image =
        lince_callable_image_size(callable, &trace->height, &trace->width, &trace->channels, NULL) == LINCE_OK;
    if (lince_callable_trace_count(callable) == 0) {
        return;
    }
    if (next_tensor(text, &dtype, dims, &rank)) {
        snprintf(trace->dtype, sizeof trace->dtype, "%s", dtype);
        trace->batch = rank > 0 ? dims[0] : -1;
    }
    for (size_t i = 1; i < lince_callable_trace_count(callable); i++) {
        if (next_tensor(lince_callable_trace(callable, i), &dtype, dims, &rank) && rank > 0 &&
            dims[0] != trace->batch) {
            trace->batch = -1;
        }
    }
    read_result(trace, text);
}

/* ---- What a model is for ---- */

const char *cli_task_name(enum cli_task task)
{
    static const char *const names[] = {"unknown", "classification", "feature_vector"};
    return names[task];
}

static bool among(int64_t n, const int64_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == n) {
            return true;
        }
    }
    return false;
}

/* The first of the words that stands in a signature, as its name or as the key of a result. */
static const char *signature_says(lince_model *model, const char *const *words, size_t count)
{
    for (size_t i = 0; i < lince_model_callable_count(model); i++) {
        lince_callable *c = lince_model_callable_at(model, i);
        const char *name = lince_callable_name(c), *result = strstr(lince_callable_trace(c, 0), ") -> ");
        if (strncmp(name, "signatures.", 11) != 0) {
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            char quoted[64];
            snprintf(quoted, sizeof quoted, "\"%s\"", words[k]);
            if (strcmp(name + 11, words[k]) == 0 || (result && strstr(result, quoted))) {
                return words[k];
            }
        }
    }
    return NULL;
}

enum cli_task cli_task_of(lince_model *model, const struct cli_trace *trace, char reason[256])
{
    static const char *const class_words[] = {"logits",  "probabilities", "predictions",
                                              "classes", "scores",        "image_classification"};
    static const char *const feature_words[] = {"feature_vector", "features", "embedding", "embeddings",
                                                "image_feature_vector"};
    /* ImageNet with and without a background class, ImageNet-21k in its forms. */
    static const int64_t class_counts[] = {1000, 1001, 21841, 21843};
    static const int64_t feature_counts[] = {192,  320,  384,  512,  576,  640,  768,  960,  1024, 1280, 1408,
                                             1536, 1664, 1792, 1920, 2048, 2208, 2304, 2560, 4032, 4096};
    const char *c = signature_says(model, class_words, APP_COUNT(class_words));
    const char *f = signature_says(model, feature_words, APP_COUNT(feature_words));
    if (!c != !f) {
        snprintf(reason, 256, "a signature says \"%s\"", c ? c : f);
        return c ? CLI_CLASSIFICATION : CLI_FEATURES;
    }
    if (among(trace->features, class_counts, APP_COUNT(class_counts))) {
        snprintf(reason, 256, "%lld results, as many as ImageNet has classes", (long long)trace->features);
        return CLI_CLASSIFICATION;
    }
    if (among(trace->features, feature_counts, APP_COUNT(feature_counts))) {
        snprintf(reason, 256, "%lld results, usual for features", (long long)trace->features);
        return CLI_FEATURES;
    }
    snprintf(reason, 256, "neither its signatures nor its results tell");
    return CLI_UNKNOWN;
}
