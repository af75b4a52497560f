/* lince classify: photos to classes. */
#include "photos.h"
#include "say.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum scores { SOFTMAX, SIGMOID, LOGITS };
static const char score_names[] = "softmax|sigmoid|logits";

struct classify {
    struct app_list labels;
    enum scores scores;
    bool started, probabilities; /* the model's numbers are shares of 1 already */
    size_t top;
    size_t *order; /* classes, best first */
    float *score;  /* of one photo */
    int name_width;
};

/* ---- Scores ---- */

static bool sum_to_one(const struct cli_batch *b)
{
    for (size_t r = 0; r < b->rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < b->width; i++) {
            double x = (double)b->value[r * b->width + i];
            if (!(x >= 0)) {
                return false;
            }
            sum += x;
        }
        if (fabs(sum - 1) > 1e-3) {
            return false;
        }
    }
    return b->rows > 0 && b->width > 1;
}

static void softmax(float *to, const float *from, size_t n)
{
    float largest = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        largest = from[i] > largest ? from[i] : largest;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = expf(from[i] - largest);
        sum += (double)to[i];
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (float)((double)to[i] / sum);
    }
}

static void scores_of(const struct classify *c, const float *value, size_t n)
{
    if (c->scores == SOFTMAX && !c->probabilities) {
        softmax(c->score, value, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        c->score[i] = c->scores == SIGMOID ? (float)(1 / (1 + exp(-(double)value[i]))) : value[i];
    }
}

/* Better: a larger score, then a smaller index; what is no number comes last. */
static bool better(const float *score, size_t a, size_t b)
{
    if (isnan(score[a]) || isnan(score[b])) {
        return isnan(score[b]) && (!isnan(score[a]) || a < b);
    }
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

/* The best `top` in order[0..top). */
static void rank(const struct classify *c, size_t n, size_t top)
{
    for (size_t i = 0, kept = 0; i < n; i++) {
        size_t at = kept < top ? kept++ : top;
        while (at > 0 && better(c->score, i, c->order[at - 1])) {
            if (at < top) {
                c->order[at] = c->order[at - 1];
            }
            at--;
        }
        if (at < top) {
            c->order[at] = i;
        }
    }
}

/* ---- Printing ---- */

static bool print_json(const struct cli_pass *pass, const struct classify *c, const char *name, size_t top)
{
    json_t *object = json_object(), *predictions = json_array();
    json_object_set_new(object, "image", app_json_text(name));
    for (size_t i = 0; i < top; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "index", json_integer((json_int_t)c->order[i]));
        json_object_set_new(one, "label", c->labels.count ? app_json_text(c->labels.text[c->order[i]]) : json_null());
        json_object_set_new(one, "score", app_json_real((double)c->score[c->order[i]]));
        json_array_append_new(predictions, one);
    }
    json_object_set_new(object, "predictions", predictions);
    json_object_set_new(object, "scores",
                        json_string(c->probabilities       ? "probabilities"
                                    : c->scores == SOFTMAX ? "softmax"
                                    : c->scores == SIGMOID ? "sigmoid"
                                                           : "logits"));
    json_object_set_new(object, "preprocessing", cli_image_json(&pass->image));
    return app_json_line(stdout, object);
}

static void print_lines(const struct classify *c, const char *name, size_t top)
{
    for (size_t i = 0; i < top; i++) {
        size_t k = c->order[i];
        cli_show(name, c->name_width);
        printf(c->scores == LOGITS ? "  %9.4f  " : "  %.4f  ", (double)c->score[k]);
        if (c->labels.count) {
            cli_show(c->labels.text[k], 0);
            putchar('\n');
        } else {
            printf("class %zu\n", k);
        }
    }
}

/* ---- The command ---- */

/* A model without labels may be no classifier at all. */
static int check_task(const struct cli_pass *pass, size_t width)
{
    char reason[256];
    struct cli_trace trace = pass->trace;
    trace.features = (int64_t)width;
    enum cli_task task = cli_task_of(pass->model.model, &trace, reason);
    if (task == CLI_FEATURES && !cli_has(pass->args, OPT_SCORES)) {
        app_say("%s: gives a feature vector, it seems (%s), and has no labels; use `lince embed`, or --labels FILE to "
                "classify",
                pass->model.path, reason);
        return CLI_FAILED;
    }
    cli_note(pass->args, "%s: has no labels, --labels FILE names its %zu classes%s", pass->model.path, width,
             task == CLI_CLASSIFICATION ? "" : "; if they are features, use `lince embed`");
    return CLI_DONE;
}

/* When the first results are there, what they are is known. */
static int start(struct cli_pass *pass, struct classify *c, const struct cli_batch *b)
{
    CLI_TRY(cli_labels(&c->labels, pass->args, &pass->model, b->width));
    if (!c->labels.count) {
        CLI_TRY(check_task(pass, b->width));
    }
    c->score = malloc((b->width + 1) * sizeof *c->score);
    c->order = malloc((b->width + 1) * sizeof *c->order);
    if (!c->score || !c->order) {
        app_say("no memory for %zu classes", b->width);
        return CLI_FAILED;
    }
    c->started = true;
    c->probabilities = c->scores == SOFTMAX && sum_to_one(b);
    if (c->probabilities) {
        cli_note(pass->args, "%s: gives probabilities, which are printed as they are", pass->model.path);
    }
    return CLI_DONE;
}

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct classify *c = pass->context;
    if (!c->started) {
        CLI_TRY(start(pass, c, b));
    }
    size_t top = c->top < b->width ? c->top : b->width;
    for (size_t r = 0; r < b->rows; r++) {
        const char *name = pass->photos.text[b->index[r]];
        scores_of(c, b->value + r * b->width, b->width);
        rank(c, b->width, top);
        if (!cli_json(pass->args)) {
            print_lines(c, name, top);
        } else if (!print_json(pass, c, name, top)) {
            break; /* the stream has failed, or memory is short: cli_flush() and the exit status tell */
        }
    }
    return cli_flush();
}

static int widest(const struct app_list *list)
{
    size_t width = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t columns = 0;
        for (const char *at = list->text[i], *shown; *at; columns++) {
            size_t bytes;
            at += app_visible(at, &shown, &bytes);
        }
        width = columns > width ? columns : width;
    }
    return width < 60 ? (int)width : 60;
}

int cli_classify(const struct cli_args *args)
{
    struct classify c = {0};
    struct cli_pass pass;
    int64_t top = 5;
    int scores = SOFTMAX;
    CLI_TRY(cli_integer(args, OPT_TOP, 1, 1000000, &top));
    CLI_TRY(cli_choice(args, OPT_SCORES, score_names, &scores));
    c.top = (size_t)top;
    c.scores = (enum scores)scores;
    int status = cli_pass_open(&pass, args);
    if (!status) {
        c.name_width = widest(&pass.photos);
        pass.take = take;
        pass.context = &c;
        pass.lines = true;
        status = cli_pass_run(&pass);
    }
    cli_pass_close(&pass);
    app_list_free(&c.labels);
    free(c.score);
    free(c.order);
    return status;
}
