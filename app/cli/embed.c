/* lince embed: photos to feature vectors. */
#include "photos.h"
#include "say.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct embed {
    struct app_output rows, names;
    const char *output;
    char *names_path;
    int64_t count, width;
};

static int write_failed(const struct embed *e)
{
    app_say("%s: cannot be written: %s", e->output, errno ? strerror(errno) : "the disk refuses");
    return CLI_FAILED;
}

/* Scores of classes serve as features, but are seldom meant. Who chose a part of the model knows what it is. */
static void tell_of_classes(const struct cli_pass *pass)
{
    static const enum cli_option chosen[] = {OPT_FUNCTION, OPT_SIGNATURE, OPT_OUTPUT_KEY};
    for (size_t i = 0; i < APP_COUNT(chosen); i++) {
        if (cli_has(pass->args, chosen[i])) {
            return;
        }
    }
    if (pass->task.task == LINCE_TASK_CLASSIFICATION) {
        cli_note(pass->args,
                 "%s: gives scores of classes, it seems (%s), which are written; `lince classify` names them",
                 pass->model.path, pass->task.reason);
    }
}

/* When the first results are there, what they are is known. */
static int start(struct cli_pass *pass, struct embed *e, size_t width)
{
    lince_error err;
    e->width = (int64_t)width;
    tell_of_classes(pass);
    return app_npy_rows_header(e->rows.file, 0, e->width, &err) ? cli_failed(e->output, &err) : CLI_DONE;
}

static int take(struct cli_pass *pass, const struct cli_batch *b)
{
    struct embed *e = pass->context;
    if (e->width < 0) {
        CLI_TRY(start(pass, e, b->width));
    }
    errno = 0;
    if (b->rows && fwrite(b->value, sizeof(float) * b->width, b->rows, e->rows.file) != b->rows && b->width) {
        return write_failed(e);
    }
    for (size_t r = 0; r < b->rows; r++) {
        if (fprintf(e->names.file, "%s\n", pass->photos.text[b->index[r]]) < 0) {
            return write_failed(e);
        }
    }
    e->count += (int64_t)b->rows;
    return CLI_DONE;
}

/* F.txt for F.npy. */
static char *names_beside(const char *output)
{
    size_t len = strlen(output);
    char *name = NULL;
    return asprintf(&name, "%.*s.txt", (int)(app_ends(output, ".npy") ? len - 4 : len), output) < 0 ? NULL : name;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* --output and --names; stdout and devices have no place beside them. */
static int name_outputs(struct embed *e, const struct cli_args *args)
{
    struct stat facts;
    const char *names = args->value[OPT_NAMES];
    e->output = args->value[OPT_OUTPUT];
    bool standard = strcmp(e->output, "-") == 0;
    if (!names && (standard || (stat(e->output, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)))) {
        return cli_usage(args, "--output %s: no file can lie beside it, --names FILE is wanted", e->output);
    }
    if (standard && cli_json(args)) {
        return cli_usage(args, "--output - and --json: stdout takes one of them");
    }
    if (names && strcmp(names, e->output) == 0) {
        return cli_usage(args, "--output and --names are both %s", names);
    }
    e->names_path = names ? strdup(names) : names_beside(e->output);
    if (!e->names_path) {
        app_say("no memory for a file name");
        return CLI_FAILED;
    }
    const char *list = args->value[OPT_FILES_FROM];
    if (!names && list && same_file(list, e->names_path)) {
        return cli_usage(args, "the names of the rows would replace --files-from %s, --names FILE is wanted", list);
    }
    return CLI_DONE;
}

/* A name of several lines would be several rows in the list of names. */
static size_t drop_unnameable(struct app_list *photos)
{
    size_t kept = 0, count = photos->count;
    for (size_t i = 0; i < count; i++) {
        if (strchr(photos->text[i], '\n')) {
            app_say("%s: its name has a line break, the list of names takes one line a photo", photos->text[i]);
            free(photos->text[i]);
        } else {
            photos->text[kept++] = photos->text[i];
        }
    }
    photos->count = kept;
    return count - kept;
}

static int finish(struct embed *e, const struct cli_pass *pass)
{
    lince_error err;
    rewind(e->rows.file);
    if (app_npy_rows_header(e->rows.file, e->count, e->width, &err) || app_output_finish(&e->rows, &err) ||
        app_output_finish(&e->names, &err) || app_output_commit(&e->names, &err) || app_output_commit(&e->rows, &err)) {
        return cli_failed(NULL, &err);
    }
    if (cli_json(pass->args)) {
        json_t *object = json_object();
        json_object_set_new(object, "output", app_json_text(e->output));
        json_object_set_new(object, "names", app_json_text(e->names_path));
        json_object_set_new(object, "rows", json_integer(e->count));
        json_object_set_new(object, "features", json_integer(e->width));
        json_object_set_new(object, "preprocessing", cli_image_json(&pass->image));
        app_json_line(stdout, object);
        return cli_flush();
    }
    cli_note(pass->args, "%s: %lld row%s of %lld features, named in %s", e->output, (long long)e->count,
             e->count == 1 ? "" : "s", (long long)e->width, e->names_path);
    return CLI_DONE;
}

static int run(struct cli_pass *pass, struct embed *e)
{
    lince_error err;
    if (app_output_open(&e->rows, e->output, &err) || app_output_open(&e->names, e->names_path, &err)) {
        return cli_failed(NULL, &err);
    }
    pass->take = take;
    pass->context = e;
    size_t dropped = drop_unnameable(&pass->photos);
    int status = cli_pass_run(pass);
    /*
     * Photos that could not be read have no row; the others have theirs. A pass that ended early has no width or left
     * no result.
     */
    if (status && !(status == CLI_FAILED && pass->complete)) {
        return status;
    }
    int finished = finish(e, pass);
    return finished ? finished : dropped ? CLI_FAILED : status;
}

int cli_embed(const struct cli_args *args)
{
    struct embed e = {.width = -1};
    struct cli_pass pass = {0};
    if (!cli_has(args, OPT_OUTPUT)) {
        return cli_usage(args, "no --output F.npy given");
    }
    int status = name_outputs(&e, args);
    status = status ? status : cli_pass_begin(&pass, args);
    status = status ? status : cli_photos(&pass.photos, args, 1);
    status = status ? status : cli_pass_open(&pass);
    status = status ? status : run(&pass, &e);
    app_output_discard(&e.rows);
    app_output_discard(&e.names);
    free(e.names_path);
    cli_pass_close(&pass);
    return status;
}
