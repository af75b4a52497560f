/* Scores and labels: what is made of a model's numbers. */
#include "answers.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

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
static int check_task(const struct cli_pass *pass, const struct cli_answers *c)
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
static int find_labels(const struct cli_pass *pass, struct cli_answers *c, const struct cli_batch *b)
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
static void find_scores(const struct cli_pass *pass, struct cli_answers *c, const struct cli_batch *b)
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
int cli_answers_start(struct cli_answers *c, const struct cli_pass *pass, const struct cli_batch *b)
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

void cli_answers_row(struct cli_answers *c, const struct cli_batch *b, size_t row)
{
    if (c->two) {
        cli_score_two(c->score, b->value[row], c->how);
    } else {
        cli_score(c->score, b->value + row * b->width, b->width, c->how);
    }
    cli_rank(c->order, c->score, c->first, c->classes, c->top);
}

const char *cli_answers_how(const struct cli_answers *c)
{
    static const char *const names[] = {[CLI_SOFTMAX] = "softmax",
                                        [CLI_SIGMOID] = "sigmoid",
                                        [CLI_LOGITS] = "logits",
                                        [CLI_PROBABILITIES] = "probabilities"};
    return names[c->how];
}

void cli_answers_free(struct cli_answers *c)
{
    lince_labels_free(c->labels);
    free(c->score);
    free(c->order);
    *c = (struct cli_answers){0};
}
