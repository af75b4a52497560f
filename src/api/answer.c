/* lince_callable_task: which part of a result answers for images, what stands beside it, what its numbers are. */
#include "api.h"

#include <string.h>

/* ---- Parts of a result ---- */

static bool is_number(lince_dtype dtype)
{
    return dtype == LINCE_FLOAT32 || dtype == LINCE_FLOAT64 || dtype == LINCE_FLOAT16 || dtype == LINCE_BFLOAT16;
}

/* Of `rank`, as far as the trace says. */
static bool may_have_rank(const struct li_result_leaf *leaf, int rank)
{
    return leaf->output != LI_NONE && (leaf->value->shape.rank < 0 || leaf->value->shape.rank == rank);
}

static const struct li_result_leaf *named(const struct li_trace *t, const char *path)
{
    for (size_t i = 0; i < t->leaf_count; i++) {
        if (strcmp(t->leaf[i].path, path) == 0) {
            return &t->leaf[i];
        }
    }
    return NULL;
}

/* The only float matrix, or NULL. */
static const struct li_result_leaf *only_matrix(const struct li_trace *t)
{
    const struct li_result_leaf *found = NULL;
    for (size_t i = 0; i < t->leaf_count; i++) {
        if (is_number(t->leaf[i].value->dtype) && may_have_rank(&t->leaf[i], 2)) {
            if (found) {
                return NULL;
            }
            found = &t->leaf[i];
        }
    }
    return found;
}

/* The only part; else "default", as the hub's interface has it; else the only part that may be the one. */
static const struct li_result_leaf *answer(const struct li_trace *t)
{
    const struct li_result_leaf *standard = named(t, "default");
    return t->leaf_count == 1 ? &t->leaf[0] : standard ? standard : only_matrix(t);
}

/* Whether a part can have an element for each of the answer's. */
static bool beside(const struct li_result_leaf *leaf, const struct li_result_leaf *to)
{
    return leaf != to && leaf->output != LI_NONE && li_shape_compatible(&leaf->value->shape, &to->value->shape);
}

/* The only part of texts, or of whole numbers, with an element for each of the answer's; NULL: there is none. */
static const char *path_beside(const struct li_trace *t, const struct li_result_leaf *to, bool texts)
{
    const char *found = NULL;
    for (size_t i = 0; i < t->leaf_count; i++) {
        lince_dtype dtype = t->leaf[i].value->dtype;
        bool wanted = texts ? dtype == LINCE_STRING : dtype == LINCE_INT32 || dtype == LINCE_INT64;
        if (wanted && beside(&t->leaf[i], to)) {
            if (found) {
                return NULL;
            }
            found = t->leaf[i].path;
        }
    }
    return found;
}

/* How many numbers of it are one image's; -1: the trace does not say, or it has none. */
static int64_t per_image(const struct li_result_leaf *leaf)
{
    const struct li_shape *shape = &leaf->value->shape;
    int64_t count = 1;
    if (leaf->output == LI_NONE || shape->rank < 1 || !is_number(leaf->value->dtype)) {
        return -1;
    }
    for (int i = 1; i < shape->rank; i++) {
        if (shape->dim[i] < 0 || (shape->dim[i] > 0 && count > INT64_MAX / shape->dim[i])) {
            return -1;
        }
        count *= shape->dim[i];
    }
    return count;
}

/* ---- Traces ---- */

/* The first that is not for training; else the first; NULL: there is none. */
static const struct li_trace *usual_trace(const struct li_callable *c)
{
    for (size_t i = 0; i < c->trace_count; i++) {
        if (!li_trace_is_training(c, &c->trace[i])) {
            return &c->trace[i];
        }
    }
    return c->trace_count ? &c->trace[0] : NULL;
}

static lince_status find_scores(lince_scores *out, struct lince_callable *c, const struct li_trace *t,
                                const struct li_result_leaf *leaf, lince_error *err)
{
    static const lince_scores scores[] = {[LI_SCORES_ANY] = LINCE_SCORES_LOGITS,
                                          [LI_SCORES_EACH] = LINCE_SCORES_PROBABILITIES,
                                          [LI_SCORES_SHARES] = LINCE_SCORES_SHARES};
    enum li_scores known = LI_SCORES_ANY;
    if (leaf->output != LI_NONE && is_number(leaf->value->dtype)) {
        LI_TRY(li_callable_scores(c->callable, t, leaf->output, &known, err));
    }
    *out = scores[known];
    return LINCE_OK;
}

static lince_status describe_answer(lince_task_info *info, struct lince_callable *c, const struct li_trace *t,
                                    const struct li_result_leaf *leaf, lince_error *err)
{
    info->output = leaf->path;
    info->results = per_image(leaf);
    info->classes = info->results == 1 ? 2 : info->results;
    info->background = info->results == 1001 ? 0 : -1;
    info->texts = path_beside(t, leaf, true);
    info->indices = path_beside(t, leaf, false);
    return find_scores(&info->scores, c, t, leaf, err);
}

lince_status lince_callable_task(lince_callable *callable, const char *output, lince_task_info *info, lince_error *err)
{
    LI_NEED("lince_callable_task", callable);
    LI_NEED("lince_callable_task", info);
    lince_task_info full = {.results = -1, .classes = -1, .background = -1};
    const struct li_trace *t = usual_trace(callable->callable);
    const struct li_result_leaf *leaf = !t ? NULL : output ? named(t, output) : answer(t);
    if (output && !leaf) {
        return li_fail(err, LINCE_ENOENT, "%s gives no \"%.200s\": %.1500s", callable->callable->name, output,
                       t ? t->text : "it has no trace");
    }
    if (leaf) {
        LI_TRY(describe_answer(&full, callable, t, leaf, err));
    }
    li_api_guess_task(callable, &full);
    return LI_FILL(lince_task_info, info, &full, err);
}
