/* Which photos a command works on. */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FOLDER_DEPTH 32

static bool looks_like_photo(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < APP_COUNT(endings); i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static lince_status walk(struct app_list *list, const char *path, int depth, lince_error *err)
{
    DIR *folder = opendir(path);
    if (!folder) {
        return app_fail(err, LINCE_EIO, "%s: cannot be read: %s", path, strerror(errno));
    }
    lince_status st = LINCE_OK;
    for (struct dirent *e; !st && (e = readdir(folder));) {
        struct stat facts;
        char *inside = NULL;
        if (e->d_name[0] == '.') {
            continue;
        }
        size_t len = strlen(path);
        if (asprintf(&inside, "%s%s%s", path, len && path[len - 1] == '/' ? "" : "/", e->d_name) < 0) {
            st = app_fail(err, LINCE_ENOMEM, "no memory for a file name");
            break;
        }
        bool there = stat(inside, &facts) == 0;
        if (there && S_ISDIR(facts.st_mode) && depth < FOLDER_DEPTH) { /* the bound ends links that go in circles */
            st = walk(list, inside, depth + 1, err);
        } else if (looks_like_photo(e->d_name) && !(there && S_ISDIR(facts.st_mode))) {
            st = app_list_add(list, inside, err);
        }
        free(inside);
    }
    closedir(folder);
    return st;
}

static lince_status add(struct app_list *list, const char *name, const struct cli_args *args, lince_error *err)
{
    struct stat facts;
    size_t before = list->count;
    if (strcmp(name, "-") == 0 || stat(name, &facts) || !S_ISDIR(facts.st_mode)) {
        return app_list_add(list, name, err);
    }
    APP_TRY(walk(list, name, 0, err));
    app_list_sort(list, before);
    if (list->count == before) {
        cli_note(args, "%s: no photos in this folder", name);
    }
    return LINCE_OK;
}

static lince_status add_lines(struct app_list *list, const char *path, const struct cli_args *args, lince_error *err)
{
    struct app_list lines = {0};
    lince_status st = app_list_lines(&lines, path, err);
    for (size_t i = 0; !st && i < lines.count; i++) {
        st = *lines.text[i] ? add(list, lines.text[i], args, err) : LINCE_OK;
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
    if (from && add_lines(list, from, args, &err)) {
        return cli_failed(from, &err);
    }
    if (count_of(list, "-") + (from && strcmp(from, "-") == 0) > 1) {
        return cli_usage(args, "stdin (-) can be read once only");
    }
    return CLI_DONE;
}
