/* Opening a model, and reading what it says of itself. */
#include "model.h"
#include "say.h"

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

/* A "float32[1,?]" of a trace's text. */
struct leaf {
    const char *at, *end;
    const char *dtype;
    int64_t dims[LINCE_MAX_RANK]; /* -1: unknown */
    int rank;
};

static const char *dtype_before(const char *text, const char *open, const char **word)
{
    for (*word = open; *word > text && strchr("abcdefghijklmnopqrstuvwxyz0123456789_", (*word)[-1]);) {
        (*word)--;
    }
    for (int code = LINCE_FLOAT32; code <= LINCE_UINT4; code++) {
        const char *name = lince_dtype_name((lince_dtype)code);
        if (strlen(name) == (size_t)(open - *word) && memcmp(name, *word, strlen(name)) == 0) {
            return name;
        }
    }
    return NULL;
}

static bool next_leaf(struct leaf *leaf, const char *text)
{
    for (const char *open = strchr(text, '['); open; open = strchr(open + 1, '[')) {
        leaf->dtype = dtype_before(text, open, &leaf->at);
        if (!leaf->dtype) {
            continue;
        }
        const char *at = open + 1;
        for (leaf->rank = 0; *at && *at != ']' && leaf->rank < LINCE_MAX_RANK; at += *at == ',') {
            leaf->dims[leaf->rank++] = *at == '?' ? -1 : strtoll(at, NULL, 10);
            at += strcspn(at, ",]");
        }
        leaf->end = at;
        return true;
    }
    return false;
}

/* Is it the entry "default" of a result that is a dict? */
static bool is_default(const char *result, const struct leaf *leaf)
{
    static const char key[] = "\"default\": ";
    int depth = 0;
    for (const char *c = result; c < leaf->at; c++) {
        depth += (strchr("{[(", *c) != NULL) - (strchr("}])", *c) != NULL);
    }
    return *result == '{' && depth == 1 && leaf->at - result >= (ptrdiff_t)sizeof key &&
           memcmp(leaf->at - (sizeof key - 1), key, sizeof key - 1) == 0;
}

/* Which leaf photos give is decided as in pass.c: the only one, "default", or the only float32 matrix. */
static void read_result(struct cli_trace *trace, const char *text)
{
    const char *result = NULL;
    struct leaf leaf, last = {0};
    int leaves = 0, matrices = 0;
    for (const char *arrow = text; (arrow = strstr(arrow, ") -> ")) != NULL; arrow++) {
        result = arrow + 5; /* the last one */
    }
    for (const char *at = result; at && next_leaf(&leaf, at); at = leaf.end, leaves++) {
        bool matrix = strcmp(leaf.dtype, "float32") == 0 && leaf.rank == 2;
        if (is_default(result, &leaf)) {
            trace->features = leaf.rank >= 2 ? leaf.dims[leaf.rank - 1] : -1;
            return;
        }
        last = leaves == 0 || (matrix && matrices == 0) ? leaf : last;
        matrices += matrix;
    }
    if (last.rank >= 2 && (leaves == 1 || matrices == 1)) {
        trace->features = last.dims[last.rank - 1];
    }
}

void cli_trace_of(struct cli_trace *trace, lince_callable *callable)
{
    struct leaf leaf;
    *trace = (struct cli_trace){.batch = -1, .features = -1};
    trace->image =
        lince_callable_image_size(callable, &trace->height, &trace->width, &trace->channels, NULL) == LINCE_OK;
    if (lince_callable_trace_count(callable) == 0) {
        return;
    }
    if (next_leaf(&leaf, lince_callable_trace(callable, 0))) {
        snprintf(trace->dtype, sizeof trace->dtype, "%s", leaf.dtype);
        trace->batch = leaf.rank > 0 ? leaf.dims[0] : -1;
        trace->bytes = strcmp(leaf.dtype, "uint8") == 0;
    }
    for (size_t i = 1; i < lince_callable_trace_count(callable); i++) {
        if (next_leaf(&leaf, lince_callable_trace(callable, i)) && leaf.rank > 0 && leaf.dims[0] != trace->batch) {
            trace->batch = -1;
        }
    }
    read_result(trace, lince_callable_trace(callable, 0));
}

bool cli_takes_photos(const struct cli_trace *trace)
{
    return trace->image && (trace->channels == 0 || trace->channels == 3) &&
           (!*trace->dtype || trace->bytes || strcmp(trace->dtype, "float32") == 0);
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

/* What publishers write into the names of their models, and so of folders. */
static enum cli_task folder_says(lince_model *model, char reason[256])
{
    static const struct {
        const char *word;
        enum cli_task task;
    } words[] = {{"feature_vector", CLI_FEATURES},
                 {"feature-vector", CLI_FEATURES},
                 {"classification", CLI_CLASSIFICATION},
                 {"classifier", CLI_CLASSIFICATION}};
    lince_model_info info = {.struct_size = sizeof info};
    if (lince_model_get_info(model, &info, NULL)) {
        return CLI_UNKNOWN;
    }
    for (size_t i = 0; i < APP_COUNT(words); i++) {
        const char *slash = strrchr(info.path, '/');
        if (strstr(slash && slash[1] ? slash + 1 : info.path, words[i].word)) {
            snprintf(reason, 256, "its folder's name says \"%s\"", words[i].word);
            return words[i].task;
        }
    }
    return CLI_UNKNOWN;
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
    enum cli_task named = folder_says(model, reason);
    if (named != CLI_UNKNOWN) {
        return named;
    }
    if (among(trace->features, class_counts, APP_COUNT(class_counts))) {
        snprintf(reason, 256, "%lld results, as many as ImageNet has classes", (long long)trace->features);
        return CLI_CLASSIFICATION;
    }
    if (among(trace->features, feature_counts, APP_COUNT(feature_counts))) {
        snprintf(reason, 256, "%lld results, usual for features", (long long)trace->features);
        return CLI_FEATURES;
    }
    snprintf(reason, 256, "neither its signatures, its name nor its results tell");
    return CLI_UNKNOWN;
}
