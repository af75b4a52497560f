/* lince classify: photos to classes. */
#include "answers.h"
#include "say.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char score_names[] = "softmax|sigmoid|logits"; /* of enum cli_scores */

struct classify {
    struct cli_answers answers;
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

static struct prediction prediction_of(const struct cli_answers *c, const struct cli_batch *b, size_t row, size_t i)
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

static bool print_json(const struct cli_pass *pass, const struct cli_answers *c, const struct cli_batch *b, size_t row)
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
    json_object_set_new(object, "scores", json_string(cli_answers_how(c)));
    json_object_set_new(object, "preprocessing", cli_image_json(&pass->image));
    return app_json_line(stdout, object);
}

static void print_lines(const struct cli_pass *pass, const struct classify *c, const struct cli_batch *b, size_t row)
{
    const struct cli_answers *a = &c->answers;
    for (size_t i = 0; i < a->top; i++) {
        struct prediction p = prediction_of(a, b, row, a->order[i]);
        cli_show(pass->photos.text[b->index[row]], c->name_width);
        printf(a->how == CLI_LOGITS ? "  %9.4f  " : "  %.4f  ", p.score);
        if (p.label) {
            cli_show(p.label, 0);
            putchar('\n');
        } else {
            printf("class %lld\n", (long long)p.index);
        }
        free(p.own);
    }
}

/* ---- The command ---- */

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct classify *c = pass->context;
    if (!c->answers.started) {
        CLI_TRY(cli_answers_start(&c->answers, pass, b));
    }
    for (size_t r = 0; r < b->rows; r++) {
        cli_answers_row(&c->answers, b, r);
        if (!cli_json(pass->args)) {
            print_lines(pass, c, b, r);
        } else if (!print_json(pass, &c->answers, b, r)) {
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
    c.answers.top = (size_t)top;
    c.answers.how = (enum cli_scores)scores;
    int status = cli_pass_begin(&pass, args);
    status = status ? status : cli_photos(&pass.photos, args, 1);
    status = status ? status : cli_pass_open(&pass);
    if (!status) {
        c.name_width = widest(&pass.photos);
        pass.take = take;
        pass.context = &c;
        pass.lines = true;
        pass.flat = true;
        status = cli_pass_run(&pass);
    }
    cli_pass_close(&pass);
    cli_answers_free(&c.answers);
    return status;
}
