/* Files and folders that appear whole or not at all. */
#include "common.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Signals ---- */

/*
 * What a signal that ends the program has to remove. A signal handler has no other way to know; a command writes two
 * files at most at a time.
 */
static char *volatile pending[4];

/* A folder cannot be removed by a handler: the signal waits until it is complete, or removed because of it. */
static volatile sig_atomic_t folder_open, ended_by;

static void end(int number)
{
    if (folder_open) {
        ended_by = number;
        return;
    }
    for (size_t i = 0; i < APP_COUNT(pending); i++) {
        if (pending[i]) {
            unlink(pending[i]);
        }
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* A signal that the caller had us ignore stays ignored. */
static void watch_signals(void)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};
    for (size_t i = 0; i < APP_COUNT(ending); i++) {
        struct sigaction now;
        if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
            now.sa_handler = end;
            now.sa_flags = SA_RESTART;
            sigaction(ending[i], &now, NULL);
        }
    }
}

void app_signals_hold(void)
{
    watch_signals();
    folder_open = 1;
}

void app_signals_release(void)
{
    folder_open = 0;
    if (ended_by) {
        raise(ended_by);
    }
}

static void remember(char *path)
{
    watch_signals();
    for (size_t i = 0; i < APP_COUNT(pending); i++) {
        if (!pending[i]) {
            pending[i] = path;
            return;
        }
    }
}

static void forget(const char *path)
{
    for (size_t i = 0; i < APP_COUNT(pending); i++) {
        if (pending[i] == path) {
            pending[i] = NULL;
        }
    }
}

/* ---- Files ---- */

static mode_t current_umask(void)
{
    mode_t mask = umask(0); /* there is no other way to read it */
    umask(mask);
    return mask;
}

/* "a/b/.c.XXXXXX" for "a/b/c". */
static char *beside(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *made = NULL;
    return asprintf(&made, "%.*s.%s.XXXXXX", (int)(name - path), path, name) < 0 ? NULL : made;
}

static lince_status open_beside(struct app_output *out, lince_error *err)
{
    out->temporary = beside(out->path);
    if (!out->temporary) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    int fd = mkostemp(out->temporary, O_CLOEXEC);
    if (fd < 0) {
        free(out->temporary);
        out->temporary = NULL;
        return app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path, strerror(errno));
    }
    remember(out->temporary);
    fchmod(fd, 0666 & ~current_umask());
    out->file = fdopen(fd, "w+");
    return out->file ? LINCE_OK : app_fail(err, LINCE_ENOMEM, "no memory to write %s", out->path);
}

lince_status app_output_open(struct app_output *out, const char *path, lince_error *err)
{
    struct stat facts;
    *out = (struct app_output){0};
    bool standard = strcmp(path, "-") == 0;
    bool there = !standard && stat(path, &facts) == 0;
    if (there && S_ISDIR(facts.st_mode)) {
        return app_fail(err, LINCE_EINVAL, "%s: is a folder, the name of a file is wanted", path);
    }
    bool regular = there && S_ISREG(facts.st_mode);
    out->path = regular ? realpath(path, NULL) : strdup(path); /* a link stays; what it leads to is replaced */
    if (!out->path) {
        return app_fail(err, LINCE_EIO, "%s: %s", path, strerror(errno));
    }
    lince_status st = LINCE_OK;
    if (!standard && (!there || regular)) {
        st = open_beside(out, err);
    } else if (!(out->file = tmpfile())) {
        st = app_fail(err, LINCE_EIO, "%s: no temporary file: %s", path, strerror(errno));
    }
    if (st) {
        app_output_discard(out);
    }
    return st;
}

/* To a device or pipe, whose name stays. */
static lince_status pour(struct app_output *out, lince_error *err)
{
    char buffer[1 << 14];
    size_t n;
    bool standard = strcmp(out->path, "-") == 0;
    FILE *to = standard ? stdout : fopen(out->path, "w");
    if (!to) {
        return app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path, strerror(errno));
    }
    rewind(out->file);
    while ((n = fread(buffer, 1, sizeof buffer, out->file)) > 0 && fwrite(buffer, 1, n, to) == n) {
    }
    bool bad = ferror(to) || ferror(out->file);
    if ((standard ? fflush(to) : fclose(to)) || bad) {
        return app_fail(err, LINCE_EIO, "%s: cannot be written: %s", standard ? "stdout" : out->path, strerror(errno));
    }
    return LINCE_OK;
}

lince_status app_output_finish(struct app_output *out, lince_error *err)
{
    if (!out->file) {
        return LINCE_OK;
    }
    errno = 0;
    if (fflush(out->file) != 0 || ferror(out->file)) {
        return app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path,
                        errno ? strerror(errno) : "an earlier write failed");
    }
    if (!out->temporary) {
        APP_TRY(pour(out, err));
    }
    int failed = fclose(out->file);
    out->file = NULL;
    return failed ? app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path, strerror(errno)) : LINCE_OK;
}

lince_status app_output_commit(struct app_output *out, lince_error *err)
{
    lince_status st = app_output_finish(out, err);
    if (!st && out->temporary) {
        if (rename(out->temporary, out->path)) {
            st = app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path, strerror(errno));
        } else {
            forget(out->temporary);
            free(out->temporary);
            out->temporary = NULL;
        }
    }
    app_output_discard(out);
    return st;
}

void app_output_discard(struct app_output *out)
{
    if (out->file) {
        fclose(out->file);
    }
    if (out->temporary) {
        unlink(out->temporary);
        forget(out->temporary);
        free(out->temporary);
    }
    free(out->path);
    *out = (struct app_output){0};
}

/* ---- Folders ---- */

/*
 * Visit a folder that should hold nothing but .npy files and such folders; with `removing`, delete these. False:
 * something else.
 */
static bool walk(const char *path, bool removing, int depth)
{
    DIR *folder = depth < 64 ? opendir(path) : NULL;
    bool good = folder != NULL;
    for (struct dirent *e; good && (e = readdir(folder));) {
        struct stat facts;
        char *inside = NULL;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        good = asprintf(&inside, "%s/%s", path, e->d_name) >= 0 && lstat(inside, &facts) == 0;
        if (good && S_ISDIR(facts.st_mode)) {
            good = walk(inside, removing, depth + 1);
        } else if (good) {
            good = S_ISREG(facts.st_mode) && app_ends(e->d_name, ".npy") && (!removing || unlink(inside) == 0);
        }
        free(inside);
    }
    if (folder) {
        closedir(folder);
    }
    return good && (!removing || rmdir(path) == 0);
}

lince_status app_folder_open(struct app_folder *out, const char *path, lince_error *err)
{
    struct stat facts;
    bool there = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    *out = (struct app_folder){.path = there ? realpath(path, NULL) : strdup(path)}; /* as files: a link stays */
    size_t len = out->path ? strlen(out->path) : 0;
    while (len > 1 && out->path[len - 1] == '/') {
        out->path[--len] = '\0';
    }
    if (!out->path || !(out->temporary = beside(out->path))) {
        app_folder_discard(out);
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    lince_status st = LINCE_OK;
    app_signals_hold();
    if (strcmp(path, "-") == 0) {
        st = app_fail(err, LINCE_EINVAL, "stdout takes one array, the name of a folder is wanted");
    } else if (lstat(out->path, &facts) == 0 && !(S_ISDIR(facts.st_mode) && walk(out->path, false, 0))) {
        st = app_fail(err, LINCE_EINVAL, "%s: is there and holds other things than arrays, a new name is wanted", path);
    } else if (!mkdtemp(out->temporary)) {
        st = app_fail(err, LINCE_EIO, "%s: cannot be written: %s", path, strerror(errno));
    }
    if (st) {
        free(out->temporary);
        out->temporary = NULL;
        app_folder_discard(out);
        return st;
    }
    chmod(out->temporary, 0777 & ~current_umask());
    return LINCE_OK;
}

lince_status app_folder_commit(struct app_folder *out, lince_error *err)
{
    lince_status st = LINCE_OK;
    struct stat facts;
    if (lstat(out->path, &facts) == 0) { /* swapped in one step; what was there is then under the temporary name */
        if (renameat2(AT_FDCWD, out->temporary, AT_FDCWD, out->path, RENAME_EXCHANGE)) {
            st = app_fail(err, LINCE_EIO, "%s: cannot be replaced: %s", out->path, strerror(errno));
        }
    } else if (rename(out->temporary, out->path)) {
        st = app_fail(err, LINCE_EIO, "%s: cannot be written: %s", out->path, strerror(errno));
    } else {
        free(out->temporary);
        out->temporary = NULL;
    }
    app_folder_discard(out);
    return st;
}

void app_folder_discard(struct app_folder *out)
{
    if (out->temporary) {
        walk(out->temporary, true, 0);
    }
    free(out->temporary);
    free(out->path);
    *out = (struct app_folder){0};
    app_signals_release();
}

static bool stays_inside(const char *name)
{
    for (const char *part = name;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || len > 200 || strncmp(part, "..", len) == 0) { /* "", "." and ".." */
            return false;
        }
        part += len;
        if (*part == '\0') {
            return true;
        }
    }
}

lince_status app_folder_file(const struct app_folder *out, const char *name, char **path, lince_error *err)
{
    if (ended_by) {
        return app_fail(err, LINCE_EIO, "ended by signal %d", (int)ended_by);
    }
    if (!stays_inside(name)) {
        return app_fail(err, LINCE_EUNSAFE, "result \"%s\": its name is no path inside a folder", name);
    }
    if (asprintf(path, "%s/%s", out->temporary, name) < 0) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    for (char *slash = *path + strlen(out->temporary) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        bool made = mkdir(*path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) {
            lince_status st = app_fail(err, LINCE_EIO, "%s: cannot be made: %s", *path, strerror(errno));
            free(*path);
            return st;
        }
    }
    return LINCE_OK;
}
