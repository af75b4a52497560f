/* Which files of a folder are photos. */
#include "common.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FOLDER_DEPTH 256 /* each holds a file descriptor */

bool app_is_photo(const char *name)
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
    } else if (app_is_photo(name)) {
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

lince_status app_photos_in(struct app_list *list, const char *folder, lince_error *err)
{
    struct stat facts = {0};
    size_t before = list->count;
    stat(folder, &facts); /* one that is not there cannot be read */
    APP_TRY(walk(list, folder, &(struct within){NULL, facts.st_dev, facts.st_ino, 0}, err));
    app_list_sort(list, before);
    return LINCE_OK;
}
