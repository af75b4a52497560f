/* The names of classes. */
#include "photos.h"
#include "say.h"

#include <stdlib.h>

#define LABELS_LIMIT ((size_t)16 << 20) /* bytes */

static int given_labels(lince_labels **labels, const struct cli_args *args, size_t classes)
{
    const char *path = args->value[OPT_LABELS];
    void *text;
    size_t size;
    lince_error err;
    if (app_read(path, LABELS_LIMIT, &text, &size, &err)) {
        return cli_failed(path, &err);
    }
    lince_status st = lince_labels_parse(labels, text, size, classes, &err);
    free(text);
    if (st == LINCE_EINVAL) {
        app_say("%s: %s; if these are features, use `lince embed`", path, err.text);
        return CLI_FAILED;
    }
    return st ? cli_failed(path, &err) : CLI_DONE;
}

int cli_labels(lince_labels **labels, const struct cli_args *args, const struct cli_model *m, size_t classes)
{
    const char *from = args->value[OPT_LABELS];
    lince_error err;
    *labels = NULL;
    if (from) {
        CLI_TRY(given_labels(labels, args, classes));
    } else if (classes > 0) {
        lince_status st = lince_labels_of_model(labels, m->model, classes, &err);
        if (st && st != LINCE_ENOENT) {
            return cli_failed(m->path, &err);
        }
        from = lince_labels_path(*labels);
        if (*labels) {
            cli_verbose(args, "%s: taken as the labels", from);
        }
    }
    if (*lince_labels_note(*labels) != '\0') {
        cli_note(args, "%s: %s", from, lince_labels_note(*labels));
    }
    return CLI_DONE;
}
