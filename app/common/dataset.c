/* A folder of class folders, and its division into photos to learn from and photos to validate with. */
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Finding ---- */

static char *inside(const char *folder, const char *name)
{
    size_t len = strlen(folder);
    char *path = NULL;
    return asprintf(&path, "%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", name) < 0 ? NULL : path;
}

static lince_status add_entry(struct app_dataset *set, const char *name, lince_error *err)
{
    struct stat facts;
    char *path = inside(set->folder, name);
    if (!path) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    bool folder = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    free(path);
    set->outside += !folder && app_is_photo(name);
    return folder ? app_list_add(&set->class_name, name, err) : LINCE_OK;
}

static lince_status find_classes(struct app_dataset *set, lince_error *err)
{
    lince_status st = LINCE_OK;
    DIR *folder = opendir(set->folder);
    if (!folder) {
        st = errno == ENOENT ? LINCE_ENOENT : errno == ENOTDIR ? LINCE_EINVAL : LINCE_EIO;
        return app_fail(err, st, "%s: cannot be read: %s; a folder of class folders is wanted", set->folder,
                        strerror(errno));
    }
    for (struct dirent *e; !st && (e = readdir(folder));) {
        st = e->d_name[0] == '.' ? LINCE_OK : add_entry(set, e->d_name, err);
    }
    closedir(folder);
    app_list_sort(&set->class_name, 0);
    return st;
}

static lince_status find_photos(struct app_dataset *set, lince_error *err)
{
    size_t classes = set->class_name.count;
    set->first = calloc(classes + 1, sizeof *set->first);
    lince_status st = set->first ? LINCE_OK : app_fail(err, LINCE_ENOMEM, "no memory for %zu classes", classes);
    for (size_t c = 0; !st && c < classes; c++) {
        char *path = inside(set->folder, set->class_name.text[c]);
        st = path ? app_photos_in(&set->photos, path, err) : app_fail(err, LINCE_ENOMEM, "no memory for a file name");
        set->first[c + 1] = set->photos.count;
        free(path);
    }
    return st;
}

static lince_status find(struct app_dataset *set, lince_error *err)
{
    APP_TRY(find_classes(set, err));
    if (set->class_name.count == 0) {
        return app_fail(err, LINCE_EINVAL, "%s: holds %zu photos and no folders; a folder for each class is wanted",
                        set->folder, set->outside);
    }
    APP_TRY(find_photos(set, err));
    return set->photos.count ? LINCE_OK
                             : app_fail(err, LINCE_EINVAL, "%s: there are no photos in its %zu folders", set->folder,
                                        set->class_name.count);
}

lince_status app_dataset_open(struct app_dataset *set, const char *folder, lince_error *err)
{
    *set = (struct app_dataset){.folder = strdup(folder)};
    lince_status st = set->folder ? find(set, err) : app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    if (st) {
        app_dataset_free(set);
    }
    return st;
}

void app_dataset_free(struct app_dataset *set)
{
    app_list_free(&set->class_name);
    app_list_free(&set->photos);
    free(set->first);
    free(set->folder);
    *set = (struct app_dataset){0};
}

/* first[low] <= photo < first[high] */
size_t app_dataset_class(const struct app_dataset *set, size_t photo)
{
    size_t low = 0, high = set->class_name.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (set->first[middle] <= photo) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- Dividing ---- */

struct draw {
    uint64_t hash;
    size_t photo;
};

/* FNV-1a of the bytes, then the finalizer of MurmurHash3, which lets each bit of them reach each bit of the result. */
static uint64_t hash_of(uint64_t seed, const char *name)
{
    uint64_t h = 14695981039346656037u ^ seed;
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    }
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdu;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53u;
    return h ^ (h >> 33);
}

/* Photos of equal hashes as they are in the list. */
static int by_hash(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    int hash = (x->hash > y->hash) - (x->hash < y->hash);
    return hash ? hash : (x->photo > y->photo) - (x->photo < y->photo);
}

static size_t share_of(size_t photos, double fraction)
{
    size_t share = (size_t)floor((double)photos * fraction + 0.5);
    if (fraction == 0 || photos < 2) {
        return 0;
    }
    return share < 1 ? 1 : share > photos - 1 ? photos - 1 : share;
}

static const char *name_in(const struct app_dataset *set, size_t photo)
{
    const char *name = set->photos.text[photo] + strlen(set->folder);
    return name + (*name == '/');
}

lince_status app_dataset_split(const struct app_dataset *set, double fraction, uint64_t seed, bool *held,
                               lince_error *err)
{
    struct draw *draw = calloc(set->photos.count + 1, sizeof *draw);
    if (!draw) {
        return app_fail(err, LINCE_ENOMEM, "no memory to divide %zu photos", set->photos.count);
    }
    for (size_t i = 0; i < set->photos.count; i++) {
        draw[i] = (struct draw){hash_of(seed, name_in(set, i)), i};
        held[i] = false;
    }
    for (size_t c = 0; c < set->class_name.count; c++) {
        size_t from = set->first[c], count = set->first[c + 1] - from, share = share_of(count, fraction);
        qsort(draw + from, count, sizeof *draw, by_hash);
        for (size_t i = from; i < from + share; i++) {
            held[draw[i].photo] = true;
        }
    }
    free(draw);
    return LINCE_OK;
}
