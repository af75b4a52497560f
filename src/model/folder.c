/*
 * A SavedModel folder that appears whole or not at all: it is filled beside its final name, ".NAME.RANDOM", and gets
 * the name in one step. What it replaces is removed only then.
 */
#include "model/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 32, TRIES = 16, OPEN_FOLDERS = 16 };

static lince_status fail_errno(const char *path, const char *what, lince_error *err)
{
    int number = errno;
    return li_fail(err, li_errno_status(number), "%s: %s: %s", path, what, strerror(number));
}

/* ---- Names ---- */

/* Whether a path is a folder, or lies in it. */
static bool lies_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == 0 || folder[len - 1] == '/');
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static lince_status copy_parent(struct li_folder *f, const char *path, lince_error *err)
{
    const char *name = base_name(path);
    size_t len = (size_t)(name - path);
    f->parent = len == 0 ? "." : len == 1 ? "/" : li_arena_strndup(&f->arena, path, len - 1, err);
    return f->parent ? LINCE_OK : LINCE_ENOMEM;
}

/* The final name, absolute, when nothing has it yet. */
static lince_status resolve_new(struct li_folder *f, const char *path, lince_error *err)
{
    char real[PATH_MAX];
    const char *name = base_name(path);
    LI_TRY(copy_parent(f, path, err));
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > NAME_MAX - 8) {
        return li_fail(err, LINCE_EINVAL, "%s: \"%.40s\" is no name for a new folder", path, name);
    }
    if (!realpath(f->parent, real)) {
        return fail_errno(f->given, "there is no folder to make it in", err);
    }
    f->parent = li_arena_strdup(&f->arena, real, err);
    f->path = f->parent ? li_arena_printf(&f->arena, err, "%s/%s", real[1] ? real : "", name) : NULL;
    return f->path ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status resolve_there(struct li_folder *f, const char *path, lince_error *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        return fail_errno(path, "cannot be found", err);
    }
    f->path = li_arena_strdup(&f->arena, real, err);
    return f->path ? copy_parent(f, f->path, err) : LINCE_ENOMEM;
}

/* ---- What is there already ---- */

/* What a SavedModel's folder holds at its top. */
static bool is_part(const char *name)
{
    static const char *const parts[] = {"saved_model.pb", "saved_model.pbtxt", "variables",
                                        "assets",         "assets.extra",      "debug",
                                        "fingerprint.pb", "keras_metadata.pb", "tfhub_module.pb"};
    for (size_t i = 0; i < LI_COUNT(parts); i++) {
        if (strcmp(name, parts[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The source's own files are in the copy too, so nothing of it is lost. */
static lince_status look_at(struct li_folder *f, DIR *dir, bool own, bool overwrite, lince_error *err)
{
    bool model = faccessat(dirfd(dir), "saved_model.pb", F_OK, 0) == 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        if (!model || (!own && !is_part(e->d_name))) {
            return li_fail(err, LINCE_EINVAL, "%s: holds \"%.200s\", so it is %s; wanted a new name%s", f->given,
                           e->d_name, model ? "more than a SavedModel" : "no SavedModel",
                           overwrite ? ", or a SavedModel to replace" : "");
        }
        if (!overwrite) {
            return li_fail(err, LINCE_EINVAL, "%s: is a model already, wanted a new name, or overwrite", f->given);
        }
        f->replaces = true;
    }
    return LINCE_OK;
}

static lince_status check_there(struct li_folder *f, const char *source, bool overwrite, lince_error *err)
{
    DIR *dir = opendir(f->path);
    if (!dir) {
        return errno == ENOTDIR ? li_fail(err, LINCE_EINVAL, "%s: is no folder, wanted a name for one", f->given)
                                : fail_errno(f->given, "cannot be read", err);
    }
    lince_status st = look_at(f, dir, source && strcmp(source, f->path) == 0, overwrite, err);
    closedir(dir);
    if (!st &&
        access(f->path, W_OK) != 0) { /* its name could change all the same, but its files could not be removed */
        st = fail_errno(f->given, "cannot be replaced", err);
    }
    return st;
}

static lince_status resolve(struct li_folder *f, const char *given, const char *source, bool overwrite,
                            lince_error *err)
{
    size_t len = strlen(given);
    struct stat facts;
    while (len > 1 && given[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= PATH_MAX) {
        return li_fail(err, LINCE_EINVAL, "a path of %zu bytes to save to, wanted 1 to %d", len, PATH_MAX - 1);
    }
    const char *path = f->given = li_arena_strndup(&f->arena, given, len, err);
    if (!path) {
        return LINCE_ENOMEM;
    }
    bool there = lstat(path, &facts) == 0;
    LI_TRY(there ? resolve_there(f, path, err) : resolve_new(f, path, err));
    if (source && strcmp(source, f->path) != 0 && (lies_in(f->path, source) || lies_in(source, f->path))) {
        return li_fail(err, LINCE_EINVAL, "%s: of this folder and that of the model, %s, one lies in the other",
                       f->given, source);
    }
    return there ? check_there(f, source, overwrite, err) : LINCE_OK;
}

/* ---- Folders ---- */

/* mkdtemp() would not ask the umask. */
static lince_status make_work(struct li_folder *f, lince_error *err)
{
    uint64_t number;
    for (int i = 0; i < TRIES; i++) {
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
            return fail_errno(f->given, "no random name", err);
        }
        const char *work = li_arena_printf(&f->arena, err, "%s/.%.*s.%06" PRIx64, f->parent[1] ? f->parent : "",
                                           NAME_MAX - 8, base_name(f->path), number & 0xffffff);
        if (!work) {
            return LINCE_ENOMEM;
        }
        if (mkdir(work, 0777) == 0) {
            f->work = work;
            return LINCE_OK;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return fail_errno(f->given, "cannot be made", err);
}

lince_status li_folder_open(struct li_folder *f, const char *path, const char *source, bool overwrite,
                            struct li_mem *mem, lince_error *err)
{
    *f = (struct li_folder){.path = NULL};
    li_arena_init(&f->arena, mem, 0);
    lince_status st = resolve(f, path, source, overwrite, err);
    st = st ? st : make_work(f, err);
    if (st) {
        li_folder_discard(f);
    }
    return st;
}

const char *li_folder_path(struct li_folder *f, const char *name, lince_error *err)
{
    return li_arena_printf(&f->arena, err, "%s/%s", f->work, name);
}

lince_status li_folder_make(struct li_folder *f, const char *name, lince_error *err)
{
    const char *path = li_folder_path(f, name, err);
    if (!path) {
        return LINCE_ENOMEM;
    }
    return mkdir(path, 0777) == 0 ? LINCE_OK : fail_errno(path, "cannot be made", err);
}

/* ---- Files ---- */

lince_status li_folder_write(struct li_folder *f, const char *name, struct li_bytes bytes, lince_error *err)
{
    struct li_file_sink sink;
    const char *path = li_folder_path(f, name, err);
    if (!path) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_file_sink_open(&sink, path, f->arena.mem, err));
    lince_status st = sink.sink.write(&sink.sink, bytes.data, bytes.len, err);
    if (st) {
        li_file_sink_abandon(&sink);
        return st;
    }
    return li_file_sink_close(&sink, err);
}

struct copy {
    struct li_folder *folder;
    const char *source;
    lince_error *err;
};

/* Links are followed to files that lie in the model's folder; others would publish what is not the model's. */
static lince_status check_link(const struct copy *c, const char *path)
{
    char real[PATH_MAX];
    struct stat facts;
    if (!realpath(path, real)) {
        return fail_errno(path, "a link that leads nowhere", c->err);
    }
    if (!lies_in(real, c->source)) {
        return li_fail(c->err, LINCE_EUNSAFE, "%s: a link that leads out of the model's folder", path);
    }
    if (stat(real, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return li_fail(c->err, LINCE_EUNSAFE, "%s: a link to something that is no file", path);
    }
    return LINCE_OK;
}

static lince_status copy_file(const struct copy *c, const char *path, const char *name)
{
    struct li_file file;
    LI_TRY(li_file_map(&file, path, c->err)); /* refuses pipes and devices */
    lince_status st = li_folder_write(c->folder, name, file.bytes, c->err);
    li_file_unmap(&file);
    return st;
}

static lince_status copy_folder(const struct copy *c, const char *name, int depth);

static lince_status copy_one(const struct copy *c, const char *name, int depth)
{
    struct stat facts;
    const char *path = li_arena_printf(&c->folder->arena, c->err, "%s/%s", c->source, name);
    if (!path) {
        return LINCE_ENOMEM;
    }
    if (lstat(path, &facts) != 0) {
        return fail_errno(path, "cannot be read", c->err);
    }
    if (S_ISDIR(facts.st_mode)) {
        LI_TRY(li_folder_make(c->folder, name, c->err));
        return copy_folder(c, name, depth + 1);
    }
    if (S_ISLNK(facts.st_mode)) {
        LI_TRY(check_link(c, path));
    }
    return copy_file(c, path, name);
}

/* At the top: what the caller writes, and a fingerprint of what it then would not be. */
static bool is_written(const char *name)
{
    return strcmp(name, "saved_model.pb") == 0 || strcmp(name, "variables") == 0 || strcmp(name, "fingerprint.pb") == 0;
}

static lince_status copy_entries(const struct copy *c, DIR *dir, const char *name, int depth)
{
    for (const struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (depth == 0 && is_written(e->d_name))) {
            continue;
        }
        const char *inside = li_arena_printf(&c->folder->arena, c->err, "%s%s%s", name, depth ? "/" : "", e->d_name);
        if (!inside) {
            return LINCE_ENOMEM;
        }
        LI_TRY(copy_one(c, inside, depth));
    }
    return LINCE_OK;
}

static lince_status copy_folder(const struct copy *c, const char *name, int depth)
{
    const char *path = li_arena_printf(&c->folder->arena, c->err, "%s/%s", c->source, name);
    if (!path) {
        return LINCE_ENOMEM;
    }
    if (depth > MAX_DEPTH) {
        return li_fail(c->err, LINCE_ELIMIT, "%s: more than %d folders inside each other", path, MAX_DEPTH);
    }
    DIR *dir = opendir(path);
    if (!dir) {
        return fail_errno(path, "cannot be read", c->err);
    }
    lince_status st = copy_entries(c, dir, name, depth);
    closedir(dir);
    return st;
}

lince_status li_folder_copy(struct li_folder *f, const char *source, lince_error *err)
{
    const struct copy c = {.folder = f, .source = source, .err = err};
    return copy_folder(&c, "", 0);
}

/* ---- The end ---- */

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    (void)facts;
    (void)type;
    (void)where;
    remove(path); /* what cannot be removed stays, and so do the folders above it */
    return 0;
}

static void remove_folder(const char *path)
{
    nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

/* The names in it are on the disk. */
static lince_status sync_folder(const char *path, lince_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(path, "cannot be opened", err);
    }
    /* Some file systems do not sync folders, and say EINVAL. */
    lince_status st = fsync(fd) != 0 && errno != EINVAL ? fail_errno(path, "cannot be written", err) : LINCE_OK;
    close(fd);
    return st;
}

static int sync_one(const char *path, const struct stat *facts, int type, struct FTW *where)
{
    lince_error err;
    (void)facts;
    (void)where;
    return type == FTW_DP && sync_folder(path, &err) ? -1 : 0;
}

/*
 * The two names change places. Where the file system cannot do that, the old one steps aside first: then there is a
 * moment without a model, in which who is killed leaves it under the other name.
 */
static lince_status exchange(struct li_folder *f, lince_error *err)
{
    if (renameat2(AT_FDCWD, f->work, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0) {
        return LINCE_OK;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return fail_errno(f->given, "cannot be replaced", err);
    }
    const char *aside = li_arena_printf(&f->arena, err, "%s.old", f->work);
    if (!aside) {
        return LINCE_ENOMEM;
    }
    if (rename(f->path, aside) != 0) {
        return fail_errno(f->given, "cannot be replaced", err);
    }
    if (rename(f->work, f->path) != 0) {
        lince_status st = fail_errno(f->given, "cannot be replaced", err);
        rename(aside, f->path);
        return st;
    }
    f->work = aside;
    return LINCE_OK;
}

/* Who may read and write it stays as it was. */
static lince_status copy_mode(const struct li_folder *f, lince_error *err)
{
    struct stat facts;
    if (stat(f->path, &facts) != 0 || chmod(f->work, facts.st_mode & 07777) != 0) {
        return fail_errno(f->given, "cannot be replaced", err);
    }
    return LINCE_OK;
}

/* work is what was replaced then, or nothing. */
static lince_status give_name(struct li_folder *f, lince_error *err)
{
    if (f->replaces) {
        LI_TRY(copy_mode(f, err));
        return exchange(f, err);
    }
    if (rename(f->work, f->path) != 0) {
        bool taken = errno == ENOTEMPTY || errno == EEXIST;
        return fail_errno(f->given, taken ? "was made by somebody else" : "cannot be made", err);
    }
    f->work = NULL;
    return LINCE_OK;
}

lince_status li_folder_commit(struct li_folder *f, lince_error *err)
{
    lince_error ignored;
    if (nftw(f->work, sync_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0) {
        return fail_errno(f->given, "cannot be written", err);
    }
    LI_TRY(give_name(f, err));
    sync_folder(f->parent, &ignored); /* the model is whole under its name, whatever the disk says of the name */
    return LINCE_OK;
}

void li_folder_discard(struct li_folder *f)
{
    if (f->work) {
        remove_folder(f->work);
    }
    li_arena_free(&f->arena);
    *f = (struct li_folder){.path = NULL};
}
