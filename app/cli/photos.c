/* Which photos a command works on. */
#include "photos.h"
#include "say.h"

#include <string.h>
#include <sys/stat.h>

static lince_status add(struct app_list *list, const char *name, const struct cli_args *args, lince_error *err)
{
    struct stat facts;
    size_t before = list->count;
    if (strcmp(name, "-") == 0 || stat(name, &facts) || !S_ISDIR(facts.st_mode)) {
        return app_list_add(list, name, err);
    }
    APP_TRY(app_photos_in(list, name, err));
    if (list->count == before) {
        cli_note(args, "%s: no photos in this folder", name);
    }
    return LINCE_OK;
}

static lince_status add_lines(struct app_list *list, const char *path, const struct cli_args *args, lince_error *err)
{
    struct app_list lines = {0};
    size_t before = list->count;
    lince_status st = app_list_lines(&lines, path, err);
    for (size_t i = 0; !st && i < lines.count; i++) {
        st = *lines.text[i] ? add(list, lines.text[i], args, err) : LINCE_OK;
    }
    if (!st && list->count == before) {
        cli_note(args, "%s: names no photos", strcmp(path, "-") == 0 ? "stdin" : path);
    }
    app_list_free(&lines);
    return st;
}

static size_t count_of(const struct app_list *list, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++) {
        n += strcmp(list->text[i], name) == 0;
    }
    return n;
}

int cli_photos(struct app_list *list, const struct cli_args *args, size_t first_operand)
{
    lince_error err;
    const char *from = args->value[OPT_FILES_FROM];
    if (args->operand_count == first_operand && !from) {
        return cli_usage(args, "no photo given, IMAGE... or --files-from is wanted");
    }
    for (size_t i = first_operand; i < args->operand_count; i++) {
        if (add(list, args->operand[i], args, &err)) {
            return cli_failed(args->operand[i], &err);
        }
    }
    size_t reads = from && strcmp(from, "-") == 0;
    bool once = reads + count_of(list, "-") <= 1;
    if (once && from) {
        if (add_lines(list, from, args, &err)) {
            return cli_failed(from, &err);
        }
        once = reads + count_of(list, "-") <= 1;
    }
    return once ? CLI_DONE : cli_usage(args, "stdin (-) can be read once only");
}
