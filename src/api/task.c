/* What a model is for, guessed by what it says of itself. The first that tells decides. */
#include "api.h"

#include <stdio.h>
#include <string.h>

/* Whether a part of a path is this word. */
static bool path_says(const char *path, const char *word)
{
    size_t length = strlen(word);
    for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        if (strncmp(part, word, length) == 0 && (part[length] == '\0' || part[length] == '/')) {
            return true;
        }
    }
    return false;
}

/* ---- Signatures ---- */

static bool is_signature(const struct li_callable *c)
{
    return strncmp(c->name, "signatures.", strlen("signatures.")) == 0;
}

/* Whether a signature has this name, or a part of its result has. */
static bool signature_says(const struct li_callable *c, const char *word)
{
    bool says = strcmp(c->name + strlen("signatures."), word) == 0;
    for (size_t i = 0; !says && c->trace_count && i < c->trace[0].leaf_count; i++) {
        says = path_says(c->trace[0].leaf[i].path, word);
    }
    return says;
}

static const char *first_word(const struct li_callable *c, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (signature_says(c, words[i])) {
            return words[i];
        }
    }
    return NULL;
}

/* The first words of each kind that were found; NULL: none. */
struct words {
    const char *classes, *features;
};

static void listen(struct words *found, const struct li_callable *signature)
{
    static const char *const classes[] = {"logits",  "probabilities", "predictions",
                                          "classes", "scores",        "image_classification"};
    static const char *const features[] = {"feature_vector", "features", "embedding", "embeddings",
                                           "image_feature_vector"};
    found->classes = found->classes ? found->classes : first_word(signature, classes, LI_COUNT(classes));
    found->features = found->features ? found->features : first_word(signature, features, LI_COUNT(features));
}

/* Both kinds say as much as none. */
static bool decide(lince_task_info *info, const struct words *found, const char *format)
{
    if (!found->classes == !found->features) {
        return false;
    }
    info->task = found->classes ? LINCE_TASK_CLASSIFICATION : LINCE_TASK_FEATURES;
    snprintf(info->reason, sizeof info->reason, format, found->classes ? found->classes : found->features);
    return true;
}

/* The tensor that a part of its result is, where signatures are pieces of one graph; else NULL. */
static const char *tensor_at(const struct li_callable *c, const char *path)
{
    for (size_t i = 0; path && c->trace_count && i < c->trace[0].leaf_count; i++) {
        if (strcmp(c->trace[0].leaf[i].path, path) == 0) {
            return li_trace_tensor(&c->trace[0], i);
        }
    }
    return NULL;
}

static bool same_result(const struct li_callable *a, const struct li_callable *b, const char *path)
{
    const char *one = tensor_at(a, path), *other = tensor_at(b, path);
    return one && other && strcmp(one, other) == 0;
}

/* A signature tells of itself; so do those that give the same tensor, as `default` of a Hub module does. */
static bool by_own_signature(const struct lince_callable *c, lince_task_info *info)
{
    struct words own = {0}, shared = {0};
    if (!is_signature(c->callable)) {
        return false;
    }
    listen(&own, c->callable);
    for (size_t i = 0; i < c->owner->callable_count; i++) {
        const struct li_callable *other = c->owner->callables[i].callable;
        if (is_signature(other) && same_result(c->callable, other, info->output)) {
            listen(&shared, other);
        }
    }
    return decide(info, &own, "the signature says \"%s\"") ||
           decide(info, &shared, "a signature with the same result says \"%s\"");
}

static bool by_signatures(const struct lince_model *m, lince_task_info *info)
{
    struct words found = {0};
    for (size_t i = 0; i < m->callable_count; i++) {
        if (is_signature(m->callables[i].callable)) {
            listen(&found, m->callables[i].callable);
        }
    }
    return decide(info, &found, "a signature says \"%s\"");
}

/* ---- The model ---- */

/* What publishers write into the names of their models, and so of folders. */
static bool by_folder(const struct lince_model *m, lince_task_info *info)
{
    static const struct {
        const char *word;
        lince_task task;
    } words[] = {{"feature_vector", LINCE_TASK_FEATURES},
                 {"feature-vector", LINCE_TASK_FEATURES},
                 {"classification", LINCE_TASK_CLASSIFICATION},
                 {"classifier", LINCE_TASK_CLASSIFICATION}};
    struct li_model_facts facts;
    li_model_facts(m->model, &facts);
    const char *slash = strrchr(facts.path, '/'), *name = slash && slash[1] ? slash + 1 : facts.path;
    for (size_t i = 0; i < LI_COUNT(words); i++) {
        if (strstr(name, words[i].word)) {
            info->task = words[i].task;
            snprintf(info->reason, sizeof info->reason, "its folder's name says \"%s\"", words[i].word);
            return true;
        }
    }
    return false;
}

/* A single number of something else than an image may be anything. */
static bool by_result(struct lince_callable *c, lince_task_info *info)
{
    bool images = lince_callable_image_size(c, NULL, NULL, NULL, NULL) == LINCE_OK;
    const char *why = info->scores == LINCE_SCORES_SHARES          ? "its result comes out of a Softmax"
                      : info->scores == LINCE_SCORES_PROBABILITIES ? "its result comes out of a Sigmoid"
                      : info->texts                                ? "it gives texts beside its numbers"
                      : info->results == 1 && images               ? "a single result, for one of two classes"
                                                                   : NULL;
    if (why) {
        info->task = LINCE_TASK_CLASSIFICATION;
        snprintf(info->reason, sizeof info->reason, "%s", why);
    }
    return why != NULL;
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

static bool by_count(lince_task_info *info)
{
    /* ImageNet with and without a background class, ImageNet-21k in its forms. */
    static const int64_t class_counts[] = {1000, 1001, 21841, 21843};
    static const int64_t feature_counts[] = {192,  320,  384,  512,  576,  640,  768,  960,  1024, 1280, 1408,
                                             1536, 1664, 1792, 1920, 2048, 2208, 2304, 2560, 4032, 4096};
    if (among(info->results, class_counts, LI_COUNT(class_counts))) {
        info->task = LINCE_TASK_CLASSIFICATION;
        snprintf(info->reason, sizeof info->reason, "%lld results, as many as ImageNet has classes",
                 (long long)info->results);
        return true;
    }
    if (among(info->results, feature_counts, LI_COUNT(feature_counts))) {
        info->task = LINCE_TASK_FEATURES;
        snprintf(info->reason, sizeof info->reason, "%lld results, usual for features", (long long)info->results);
        return true;
    }
    return false;
}

void li_api_guess_task(struct lince_callable *c, lince_task_info *info)
{
    const struct lince_model *m = c->owner;
    if (!by_own_signature(c, info) && !by_signatures(m, info) && !by_folder(m, info) && !by_result(c, info) &&
        !by_count(info)) {
        snprintf(info->reason, sizeof info->reason, "neither its signatures, its name nor its results tell");
    }
}
