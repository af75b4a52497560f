/* The names of classes. */
#include "photos.h"
#include "say.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LABELS_LIMIT ((off_t)16 << 20)

static void trim(struct app_list *labels)
{
    for (size_t i = 0; i < labels->count; i++) {
        char *text = labels->text[i], *end = text + strlen(text);
        while (end > text && isspace((unsigned char)end[-1])) {
            *--end = '\0';
        }
    }
    while (labels->count > 0 && !*labels->text[labels->count - 1]) {
        free(labels->text[--labels->count]);
    }
}

static void drop_first(struct app_list *labels)
{
    free(labels->text[0]);
    memmove(labels->text, labels->text + 1, --labels->count * sizeof *labels->text);
}

/*
 * Make the labels fit. Networks of one family have a class "background" before the 1,000 of ImageNet, and lists of
 * labels come with and without it. False: they do not fit.
 */
static bool fit(struct app_list *labels, size_t classes, const char *path, const struct cli_args *args)
{
    if (labels->count == classes) {
        return true;
    }
    bool background = labels->count > 0 && strcasecmp(labels->text[0], "background") == 0;
    if (labels->count == classes + 1 && (background || classes == 1000)) {
        cli_note(args, "%s: %zu labels for %zu classes; the first, \"%s\", is left out", path, labels->count, classes,
                 labels->text[0]);
        drop_first(labels);
        return true;
    }
    if (labels->count == 1000 && classes == 1001 && app_list_add(labels, "", NULL) == LINCE_OK) {
        cli_note(args, "%s: 1000 labels for 1001 classes; class 0 is taken as \"background\"", path);
        char *spare = labels->text[1000];
        free(spare);
        memmove(labels->text + 1, labels->text, 1000 * sizeof *labels->text);
        labels->text[0] = strdup("background");
        return labels->text[0] != NULL;
    }
    return false;
}

static int given_labels(struct app_list *labels, const struct cli_args *args, const struct cli_model *m, size_t classes)
{
    const char *path = args->value[OPT_LABELS];
    lince_error err;
    if (app_list_lines(labels, path, &err)) {
        return cli_failed(path, &err);
    }
    trim(labels);
    if (!fit(labels, classes, path, args)) {
        app_say("%s: has %zu labels, %s gives %zu results; if these are features, use `lince embed`", path,
                labels->count, m->path, classes);
        return CLI_FAILED;
    }
    return CLI_DONE;
}

/* Quietly: what does not fit is something else. */
static bool try_file(struct app_list *labels, const struct cli_args *args, const char *path, size_t classes)
{
    struct stat facts;
    if (stat(path, &facts) || !S_ISREG(facts.st_mode) || facts.st_size > LABELS_LIMIT) {
        return false;
    }
    if (app_list_lines(labels, path, NULL) == LINCE_OK) {
        trim(labels);
        if (labels->count > 0 && fit(labels, classes, path, args)) {
            cli_verbose(args, "%s: taken as the labels", path);
            return true;
        }
    }
    app_list_free(labels);
    return false;
}

int cli_labels(struct app_list *labels, const struct cli_args *args, const struct cli_model *m, size_t classes)
{
    *labels = (struct app_list){0};
    if (cli_has(args, OPT_LABELS)) {
        return given_labels(labels, args, m, classes);
    }
    for (size_t i = 0; i < lince_asset_count(m->model); i++) {
        const char *path;
        if (lince_asset_path(m->model, i, &path, NULL) == LINCE_OK && try_file(labels, args, path, classes)) {
            return CLI_DONE;
        }
    }
    char *beside;
    if (asprintf(&beside, "%s/labels.txt", m->path) >= 0) {
        try_file(labels, args, beside, classes);
        free(beside);
    }
    return CLI_DONE;
}
