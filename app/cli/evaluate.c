/* lince evaluate: photos in class folders, and what a model takes them for. */
#include "answers.h"
#include "evaluation.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

struct evaluate {
    struct app_dataset set; /* its photos are the pass's */
    struct cli_answers answers;
    struct cli_evaluation evaluation;
    int64_t *class_of; /* of each folder, the model's class */
    int64_t top;
    struct app_output report;
};

/* ---- Folders and labels ---- */

/* "a", "b", "c" and more */
static void quote_some(char *text, size_t size, const struct app_list *list)
{
    size_t used = 0;
    for (size_t i = 0; i < list->count && i < 3 && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s\"%.60s\"", i ? ", " : "", list->text[i]);
    }
    if (list->count > 3 && used < size) {
        snprintf(text + used, size - used, " and more");
    }
}

static int refuse_names(const struct cli_pass *pass, const struct evaluate *e, const struct app_list *labels,
                        const struct app_list *strange)
{
    char folders[256] = "", wanted[256] = "";
    quote_some(folders, sizeof folders, strange);
    quote_some(wanted, sizeof wanted, labels);
    app_say("%s: %zu of its %zu folders %s not the name of a label: %s; %s has %zu labels: %s", e->set.folder,
            strange->count, e->set.class_name.count, strange->count == 1 ? "has" : "have", folders, pass->model.path,
            labels->count, wanted);
    return CLI_FAILED;
}

static int match_sorted(struct evaluate *e, const struct app_name *sorted, size_t count, struct app_list *strange)
{
    lince_error err;
    for (size_t f = 0; f < e->set.class_name.count; f++) {
        const char *name = e->set.class_name.text[f];
        const struct app_name *found = app_names_find(sorted, count, name);
        if (!found && app_list_add(strange, name, &err)) {
            return cli_failed(NULL, &err);
        }
        if (found && found + 1 < sorted + count && strcmp(found[1].text, name) == 0) {
            app_say("%s/%s: classes %lld and %lld both have this label, so it cannot be told which is meant",
                    e->set.folder, name, (long long)found->index, (long long)found[1].index);
            return CLI_FAILED;
        }
        e->class_of[f] = found ? (int64_t)found->index : -1;
    }
    return CLI_DONE;
}

/* Folders have the names of labels. */
static int match(const struct cli_pass *pass, struct evaluate *e, const struct app_list *labels)
{
    struct app_list strange = {0};
    struct app_name *sorted = calloc(labels->count + 1, sizeof *sorted);
    if (!sorted) {
        app_say("no memory for %zu labels", labels->count);
        return CLI_FAILED;
    }
    for (size_t i = 0; i < labels->count; i++) {
        sorted[i] = (struct app_name){labels->text[i], i};
    }
    app_names_sort(sorted, labels->count);
    int status = match_sorted(e, sorted, labels->count, &strange);
    if (!status && strange.count) {
        status = refuse_names(pass, e, labels, &strange);
    } else if (!status && e->set.class_name.count < labels->count) {
        cli_note(pass->args, "%s: has folders for %zu of the %zu classes", e->set.folder, e->set.class_name.count,
                 labels->count);
    }
    app_list_free(&strange);
    free(sorted);
    return status;
}

/* Folders are the classes. */
static int match_order(const struct cli_pass *pass, struct evaluate *e)
{
    size_t folders = e->set.class_name.count, classes = e->answers.classes;
    if (folders != classes) {
        app_say("%s: has %zu folder%s, %s gives scores of %zu classes and has no labels; --labels FILE is wanted",
                e->set.folder, folders, folders == 1 ? "" : "s", pass->model.path, classes);
        return CLI_FAILED;
    }
    cli_note(pass->args, "%s: its %zu folders, sorted by name, are taken for the classes in their order", e->set.folder,
             folders);
    for (size_t f = 0; f < folders; f++) {
        e->class_of[f] = (int64_t)f;
    }
    return CLI_DONE;
}

static int add_name(struct app_list *names, const char *text)
{
    lince_error err;
    return app_list_add(names, text, &err) ? cli_failed(NULL, &err) : CLI_DONE;
}

static bool same_text(const char *name, const lince_string *text)
{
    return strlen(name) == text->size && memcmp(name, text->data ? text->data : "", text->size) == 0;
}

/* The model's own texts, as they stand with the first photo. */
static int own_names(struct app_list *names, const struct cli_batch *b)
{
    for (size_t i = 0; i < b->width; i++) {
        char *text = strndup(b->text[i].size ? b->text[i].data : "", b->text[i].size);
        int status = text ? add_name(names, text) : CLI_FAILED;
        free(text);
        CLI_TRY(status);
    }
    return CLI_DONE;
}

static int names_of(struct app_list *names, const struct evaluate *e, const struct cli_batch *b)
{
    if (b->text) {
        return own_names(names, b);
    }
    for (size_t i = 0; i < e->answers.classes; i++) {
        const char *label = lince_labels_text(e->answers.labels, i);
        CLI_TRY(add_name(names, label ? label : e->set.class_name.text[i]));
    }
    return CLI_DONE;
}

/* ---- Counting ---- */

static int refuse_best(const struct cli_pass *pass)
{
    app_say("%s: %s gives the best of its classes, others for each photo; scores of all of them in one order are "
            "wanted, see --function, --signature, --output-key",
            pass->model.path, pass->model.name);
    return CLI_FAILED;
}

/* Texts that stand beside the scores must be the same for each photo. */
static int check_names(const struct cli_pass *pass, const struct evaluate *e, const struct cli_batch *b, size_t row)
{
    for (size_t i = 0; b->text && i < b->width; i++) {
        if (!same_text(e->evaluation.names.text[i], &b->text[row * b->width + i])) {
            return refuse_best(pass);
        }
    }
    return CLI_DONE;
}

/* When the first results are there, what they are is known; of texts, when there is a photo that they are of. */
static int start(struct cli_pass *pass, struct evaluate *e, const struct cli_batch *b)
{
    struct app_list names = {0};
    CLI_TRY(cli_answers_start(&e->answers, pass, b));
    if (b->number) {
        return refuse_best(pass);
    }
    if (b->text && b->rows == 0) {
        return CLI_DONE;
    }
    bool named = e->answers.labels || b->text;
    int status = named ? CLI_DONE : match_order(pass, e);
    status = status ? status : names_of(&names, e, b);
    status = status || !named ? status : match(pass, e, &names);
    status = status ? status : cli_evaluation_new(&e->evaluation, &names, &pass->photos, e->top);
    app_list_free(&names);
    return status;
}

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct evaluate *e = pass->context;
    if (!e->answers.started) {
        CLI_TRY(start(pass, e, b));
    }
    for (size_t r = 0; r < b->rows; r++) {
        size_t photo = b->index[r];
        CLI_TRY(check_names(pass, e, b, r));
        cli_answers_row(&e->answers, b, r);
        CLI_TRY(cli_evaluation_add(&e->evaluation, e->answers.score, e->class_of[app_dataset_class(&e->set, photo)],
                                   photo));
    }
    return CLI_DONE;
}

/* ---- Results ---- */

static int write_report(struct evaluate *e, const struct cli_pass *pass)
{
    char photos[64], classes[64];
    lince_error err;
    snprintf(photos, sizeof photos, "%lld, %zu could not be read",
             (long long)lince_metrics_count(e->evaluation.metrics), e->evaluation.unreadable);
    snprintf(classes, sizeof classes, "%zu, in %zu folders", e->evaluation.names.count, e->set.class_name.count);
    const struct cli_fact facts[] = {{"Model", pass->model.path},
                                     {"Photos in", e->set.folder},
                                     {"Photos", photos},
                                     {"Classes", classes},
                                     {"Scores", cli_answers_how(&e->answers)}};
    const struct cli_report report = {.title = "How well a model tells photos apart",
                                      .fact = facts,
                                      .fact_count = APP_COUNT(facts),
                                      .evaluation = &e->evaluation,
                                      .image = &pass->image.options};
    CLI_TRY(cli_report_write(&report, e->report.file));
    if (app_output_commit(&e->report, &err)) {
        return cli_failed(NULL, &err);
    }
    cli_note(pass->args, "%s: written", pass->args->value[OPT_REPORT]);
    return CLI_DONE;
}

static int print(struct evaluate *e, const struct cli_pass *pass)
{
    if (!cli_json(pass->args)) {
        CLI_TRY(cli_evaluation_text(&e->evaluation));
        return cli_flush();
    }
    json_t *object = json_object();
    json_object_set_new(object, "model", app_json_text(pass->model.path));
    json_object_set_new(object, "folder", app_json_text(e->set.folder));
    int status = cli_evaluation_json(&e->evaluation, object);
    if (status) {
        json_decref(object);
        return status;
    }
    json_object_set_new(object, "scores", json_string(cli_answers_how(&e->answers)));
    json_object_set_new(object, "preprocessing", cli_image_json(&pass->image));
    app_json_line(stdout, object);
    return cli_flush();
}

static int finish(struct evaluate *e, const struct cli_pass *pass)
{
    int64_t count = lince_metrics_count(e->evaluation.metrics);
    e->evaluation.unreadable = pass->photos.count - (size_t)count;
    if (count == 0) {
        app_say("%s: none of its %zu photos could be read", e->set.folder, pass->photos.count);
        return CLI_FAILED;
    }
    CLI_TRY(e->report.file ? write_report(e, pass) : CLI_DONE);
    return print(e, pass);
}

/* ---- The command ---- */

static void tell_of_folders(const struct evaluate *e, const struct cli_args *args)
{
    size_t empty = 0;
    const char *first = NULL;
    for (size_t c = e->set.class_name.count; c-- > 0;) {
        if (e->set.first[c] == e->set.first[c + 1]) {
            first = e->set.class_name.text[c];
            empty++;
        }
    }
    if (empty) {
        cli_note(args, "%s: no photos in %zu of its folders, \"%s\" for one", e->set.folder, empty, first);
    }
    if (e->set.outside) {
        cli_note(args, "%s: photos beside its folders have no class and are left out: %zu", e->set.folder,
                 e->set.outside);
    }
}

static int open_all(struct evaluate *e, struct cli_pass *pass, const struct cli_args *args)
{
    lince_error err;
    CLI_TRY(cli_integer(args, OPT_TOP, 1, 1000000, &e->top));
    if (cli_has(args, OPT_REPORT) && strcmp(args->value[OPT_REPORT], "-") == 0) {
        return cli_usage(args, "--report -: the numbers go to stdout, the name of a file is wanted");
    }
    CLI_TRY(cli_pass_begin(pass, args));
    if (app_dataset_open(&e->set, args->operand[1], &err)) {
        return cli_failed(args->operand[1], &err);
    }
    tell_of_folders(e, args);
    pass->photos = e->set.photos;
    e->set.photos = (struct app_list){0};
    e->class_of = calloc(e->set.class_name.count, sizeof *e->class_of);
    if (!e->class_of) {
        app_say("no memory for %zu classes", e->set.class_name.count);
        return CLI_FAILED;
    }
    CLI_TRY(cli_pass_open(pass));
    if (cli_has(args, OPT_REPORT) && app_output_open(&e->report, args->value[OPT_REPORT], &err)) {
        return cli_failed(NULL, &err);
    }
    return CLI_DONE;
}

/* Photos that could not be read are not counted; the others are. A pass that ended early has no numbers. */
static int run(struct evaluate *e, struct cli_pass *pass)
{
    pass->take = take;
    pass->context = e;
    pass->flat = true;
    int status = cli_pass_run(pass);
    if (status && !(status == CLI_FAILED && pass->complete)) {
        return status;
    }
    int finished = finish(e, pass);
    return finished ? finished : status;
}

int cli_evaluate(const struct cli_args *args)
{
    struct evaluate e = {.top = 5, .answers = {.how = CLI_SOFTMAX, .top = 1}};
    struct cli_pass pass = {0};
    int status = open_all(&e, &pass, args);
    status = status ? status : run(&e, &pass);
    app_output_discard(&e.report);
    cli_evaluation_free(&e.evaluation);
    cli_answers_free(&e.answers);
    app_dataset_free(&e.set);
    free(e.class_of);
    cli_pass_close(&pass);
    return status;
}
