/* lince classify: photos to classes. */
#include "photos.h"
#include "say.h"
#include "scores.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char score_names[] = "softmax|sigmoid|logits"; /* of enum cli_scores */

struct classify {
    lince_labels *labels;
    enum cli_scores how;
    bool started;
    bool two;              /* a single number tells two classes apart */
    bool best;             /* the model says itself which class each number is of */
    size_t first, classes; /* scores are those of first .. classes - 1 */
    size_t top;
    size_t *order; /* best first */
    float *score;  /* of one photo */
    int name_width;
};

/* ---- Names of classes ---- */

/* One of the results of a photo: what is printed of it. */
struct prediction {
    int64_t index;     /* of the class; -1: the model tells its name only */
    const char *label; /* NULL: it has none */
    char *own;         /* to be freed; the label, where the model gives it */
    double score;
};

/* As far as the text can be one of C. */
static char *copy_of(const lince_string *text)
{
    return strndup(text->size ? text->data : "", text->size);
}

static struct prediction prediction_of(const struct classify *c, const struct cli_batch *b, size_t row, size_t i)
{
    size_t at = row * b->width + i;
    struct prediction p = {.index = (int64_t)i, .score = (double)c->score[i]};
    if (c->best) {
        p.index = b->number ? b->number[at] : -1;
    }
    if (b->text) {
        p.label = p.own = copy_of(&b->text[at]);
    } else if (p.index >= 0) {
        p.label = lince_labels_text(c->labels, (size_t)p.index);
    }
    return p;
}

/* ---- Printing ---- */

static const char *how_name(const struct classify *c)
{
    static const char *const names[] = {[CLI_SOFTMAX] = "softmax",
                                        [CLI_SIGMOID] = "sigmoid",
                                        [CLI_LOGITS] = "logits",
                                        [CLI_PROBABILITIES] = "probabilities"};
    return names[c->how];
}

static bool print_json(const struct cli_pass *pass, const struct classify *c, const struct cli_batch *b, size_t row)
{
    json_t *object = json_object(), *predictions = json_array();
    json_object_set_new(object, "image", app_json_text(pass->photos.text[b->index[row]]));
    for (size_t i = 0; i < c->top; i++) {
        struct prediction p = prediction_of(c, b, row, c->order[i]);
        json_t *one = json_object();
        json_object_set_new(one, "index", p.index < 0 ? json_null() : json_integer(p.index));
        json_object_set_new(one, "label", p.label ? app_json_text(p.label) : json_null());
        json_object_set_new(one, "score", app_json_real(p.score));
        json_array_append_new(predictions, one);
        free(p.own);
    }
    json_object_set_new(object, "predictions", predictions);
    json_object_set_new(object, "scores", json_string(how_name(c)));
    json_object_set_new(object, "preprocessing", cli_image_json(&pass->image));
    return app_json_line(stdout, object);
}

static void print_lines(const struct cli_pass *pass, const struct classify *c, const struct cli_batch *b, size_t row)
{
    for (size_t i = 0; i < c->top; i++) {
        struct prediction p = prediction_of(c, b, row, c->order[i]);
        cli_show(pass->photos.text[b->index[row]], c->name_width);
        printf(c->how == CLI_LOGITS ? "  %9.4f  " : "  %.4f  ", p.score);
        if (p.label) {
            cli_show(p.label, 0);
            putchar('\n');
        } else {
            printf("class %lld\n", (long long)p.index);
        }
        free(p.own);
    }
}

/* ---- What the numbers are ---- */

/* A signature that classifies, such as `image_classification` of a Hub module; NULL: there is none. */
static const char *classifying(const struct cli_pass *pass)
{
    static const char prefix[] = "signatures.";
    for (size_t i = 0; i < lince_model_callable_count(pass->model.model); i++) {
        lince_callable *c = lince_model_callable_at(pass->model.model, i);
        lince_task_info task = {.struct_size = sizeof task};
        bool signature = c != pass->model.callable && strncmp(lince_callable_name(c), prefix, sizeof prefix - 1) == 0;
        if (signature && lince_callable_task(c, NULL, &task, NULL) == LINCE_OK &&
            task.task == LINCE_TASK_CLASSIFICATION) {
            return lince_callable_name(c) + sizeof prefix - 1;
        }
    }
    return NULL;
}

static int refuse_features(const struct cli_pass *pass)
{
    const char *signature = classifying(pass);
    app_say("%s: gives a feature vector, it seems (%s), and has no labels; use `lince embed`, or %s%s to classify",
            pass->model.path, pass->task.reason, signature ? "--signature " : "--labels FILE",
            signature ? signature : "");
    return CLI_FAILED;
}

/* A model without labels may be no classifier at all. */
static int check_task(const struct cli_pass *pass, const struct classify *c)
{
    const lince_task_info *task = &pass->task;
    if (task->task == LINCE_TASK_FEATURES && !cli_has(pass->args, OPT_SCORES)) {
        return refuse_features(pass);
    }
    if (c->best) {
        cli_note(pass->args, "%s: has no labels, --labels FILE names its classes", pass->model.path);
        return CLI_DONE;
    }
    cli_note(pass->args, "%s: has no labels, --labels FILE names its %zu classes%s", pass->model.path, c->classes,
             task->task == LINCE_TASK_CLASSIFICATION ? "" : "; if they are features, use `lince embed`");
    return CLI_DONE;
}

/* The model's own texts are its labels; of its own numbers any list may be meant. */
static int find_labels(const struct cli_pass *pass, struct classify *c, const struct cli_batch *b)
{
    if (b->text) {
        return cli_has(pass->args, OPT_LABELS)
                   ? cli_usage(pass->args, "--labels %s: %s gives the names of its classes itself",
                               pass->args->value[OPT_LABELS], pass->model.path)
                   : CLI_DONE;
    }
    CLI_TRY(cli_labels(&c->labels, pass->args, &pass->model, c->best ? 0 : c->classes));
    return c->labels ? CLI_DONE : check_task(pass, c);
}

/*
 * Probabilities are printed as they are, whatever is asked for but logits; a softmax of sigmoids, or of a single
 * number, means nothing, nor does one of the best few.
 */
static void find_scores(const struct cli_pass *pass, struct classify *c, const struct cli_batch *b)
{
    bool asked = cli_has(pass->args, OPT_SCORES);
    bool known = pass->task.scores != LINCE_SCORES_LOGITS ||
                 (c->how == CLI_SOFTMAX && cli_sum_to_one(b->value, b->rows, b->width));
    if (c->how == CLI_LOGITS) {
        return;
    }
    if (known) {
        c->how = CLI_PROBABILITIES;
        cli_note(pass->args, "%s: gives probabilities, which are printed as they are", pass->model.path);
    } else if (c->two) {
        c->how = CLI_SIGMOID;
        cli_note(pass->args, "%s: gives a single number, which is taken for the logit of class 1", pass->model.path);
    } else if (c->best && !asked) {
        c->how = CLI_LOGITS;
        cli_note(pass->args, "%s: gives the best of its classes, whose scores are printed as they are",
                 pass->model.path);
    }
}

/* When the first results are there, what they are is known. */
static int start(struct cli_pass *pass, struct classify *c, const struct cli_batch *b)
{
    c->best = b->text || b->number;
    c->two = b->width == 1 && !c->best;
    c->classes = c->two ? 2 : b->width;
    CLI_TRY(find_labels(pass, c, b));
    find_scores(pass, c, b);
    c->first = c->two && c->how == CLI_LOGITS ? 1 : 0;
    c->top = c->top < c->classes - c->first ? c->top : c->classes - c->first;
    c->score = malloc((c->classes + 1) * sizeof *c->score);
    c->order = malloc((c->classes + 1) * sizeof *c->order);
    if (!c->score || !c->order) {
        app_say("no memory for %zu classes", c->classes);
        return CLI_FAILED;
    }
    c->started = true;
    return CLI_DONE;
}

/* ---- The command ---- */

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct classify *c = pass->context;
    if (!c->started) {
        CLI_TRY(start(pass, c, b));
    }
    for (size_t r = 0; r < b->rows; r++) {
        if (c->two) {
            cli_score_two(c->score, b->value[r], c->how);
        } else {
            cli_score(c->score, b->value + r * b->width, b->width, c->how);
        }
        cli_rank(c->order, c->score, c->first, c->classes, c->top);
        if (!cli_json(pass->args)) {
            print_lines(pass, c, b, r);
        } else if (!print_json(pass, c, b, r)) {
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
    int scores = CLI_SOFTMAX;
    CLI_TRY(cli_integer(args, OPT_TOP, 1, 1000000, &top));
    CLI_TRY(cli_choice(args, OPT_SCORES, score_names, &scores));
    c.top = (size_t)top;
    c.how = (enum cli_scores)scores;
    int status = cli_pass_open(&pass, args);
    if (!status) {
        c.name_width = widest(&pass.photos);
        pass.take = take;
        pass.context = &c;
        pass.lines = true;
        pass.flat = true;
        status = cli_pass_run(&pass);
    }
    cli_pass_close(&pass);
    lince_labels_free(c.labels);
    free(c.score);
    free(c.order);
    return status;
}
