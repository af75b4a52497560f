/* Which photos a command works on. */
#include "photos.h"
#include "say.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FOLDER_DEPTH 256 /* each holds a file descriptor */

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

/* A folder that is being walked through, and those around it. */
struct within {
    const struct within *around;
    dev_t device;
    ino_t number;
    int depth;
};

static bool goes_in_circles(const struct within *place)
{
    for (const struct within *w = place->around; w; w = w->around) {
        if (w->device == place->device && w->number == place->number) {
            return true;
        }
    }
    return false;
}

static lince_status walk(struct app_list *list, const char *path, const struct within *place, lince_error *err);

static lince_status visit(struct app_list *list, const char *path, const char *name, const struct within *around,
                          lince_error *err)
{
    struct stat facts;
    char *inside = NULL;
    size_t len = strlen(path);
    if (asprintf(&inside, "%s%s%s", path, len && path[len - 1] == '/' ? "" : "/", name) < 0) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    lince_status st = LINCE_OK;
    if (stat(inside, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        struct within place = {around, facts.st_dev, facts.st_ino, around->depth + 1};
        st = goes_in_circles(&place) ? LINCE_OK : walk(list, inside, &place, err);
    } else if (looks_like_photo(name)) {
        st = app_list_add(list, inside, err);
    }
    free(inside);
    return st;
}

/* A folder that cannot be read goes into the list itself: it is reported when its turn comes, and the others go on. */
static lince_status walk(struct app_list *list, const char *path, const struct within *place, lince_error *err)
{
    DIR *folder = place->depth < FOLDER_DEPTH ? opendir(path) : NULL;
    if (!folder) {
        return app_list_add(list, path, err);
    }
    lince_status st = LINCE_OK;
    for (struct dirent *e; !st && (e = readdir(folder));) {
        st = e->d_name[0] == '.' ? LINCE_OK : visit(list, path, e->d_name, place, err);
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
    APP_TRY(walk(list, name, &(struct within){NULL, facts.st_dev, facts.st_ino, 0}, err));
    app_list_sort(list, before);
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
