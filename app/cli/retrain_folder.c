/*
 * What lets lince retrain go on after it was killed: the folder .NAME.checkpoint beside the output's NAME, which one
 * process at a time may use.
 *
 *     state.npz     settings  what the training is of, as text
 *                   place     int64[8], loss float64[1], history float64[epochs, 4]
 *                   now/...   the trainer's state, and the model's variables where they are trained
 *                   best/...  the same of the best epoch, where it is wanted
 *     features.npz  settings, good bool[photos], features float32[photos, width] where they are used
 *     body          a classifier without its last dense layer
 *     model         the result, before it gets its name
 *
 * Each appears under its name when it is whole, so a kill at any moment leaves the one before.
 */
#include "retrain.h"
#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const parts[] = {"state.npz", "features.npz", "body", "model"};

/* ".NAME.checkpoint" beside NAME. */
static char *folder_of(const char *output)
{
    size_t length = strlen(output);
    while (length > 1 && output[length - 1] == '/') {
        length--;
    }
    size_t name = length;
    while (name > 0 && output[name - 1] != '/') {
        name--;
    }
    char *path = NULL;
    return asprintf(&path, "%.*s.%.*s.checkpoint", (int)name, output, (int)(length - name), output + name) < 0 ? NULL
                                                                                                               : path;
}

char *retrain_checkpoint_path(const struct retrain *r, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", r->folder, name) < 0) {
        app_say("no memory for a file name");
        return NULL;
    }
    return path;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
    (void)facts, (void)kind, (void)where;
    return remove(path);
}

static void remove_all(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Removes all but some names: what a kill left half written, or what is no longer needed. */
static void sweep(const struct retrain *r, const char *const *names, size_t count)
{
    DIR *folder = opendir(r->folder);
    for (struct dirent *e; folder && (e = readdir(folder));) {
        bool known = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
        for (size_t i = 0; i < count; i++) {
            known = known || strcmp(e->d_name, names[i]) == 0;
        }
        char *path = known ? NULL : retrain_checkpoint_path(r, e->d_name);
        if (path) {
            remove_all(path);
        }
        free(path);
    }
    if (folder) {
        closedir(folder);
    }
}

/* A process that is killed has its locks until the system is done with it, which may be a moment later. */
static bool lock(int folder)
{
    const struct timespec moment = {.tv_nsec = 50000000};
    for (int i = 0; i < 60; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK) {
            return false;
        }
        nanosleep(&moment, NULL);
    }
    errno = EWOULDBLOCK;
    return false;
}

int retrain_checkpoint_open(struct retrain *r)
{
    r->folder = folder_of(r->options.output);
    if (!r->folder) {
        app_say("no memory for a file name");
        return CLI_FAILED;
    }
    r->fresh = mkdir(r->folder, 0777) == 0;
    if (!r->fresh && errno != EEXIST) {
        app_say("%s: cannot be made: %s", r->folder, strerror(errno));
        return CLI_FAILED;
    }
    r->lock = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0 || !lock(r->lock)) {
        app_say("%s: %s", r->folder,
                r->lock >= 0 && errno == EWOULDBLOCK ? "another process trains with it now" : strerror(errno));
        return CLI_FAILED;
    }
    sweep(r, parts, APP_COUNT(parts));
    return CLI_DONE;
}

void retrain_checkpoint_close(struct retrain *r)
{
    if (r->lock >= 0 && (r->over || (r->fresh && !r->kept))) {
        sweep(r, parts, 1); /* what tells that the training is complete goes last */
        sweep(r, parts, 0);
        rmdir(r->folder);
    }
    if (r->lock >= 0) {
        close(r->lock);
    }
    r->lock = -1;
}
