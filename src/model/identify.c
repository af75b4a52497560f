/* What a path holds that is no TensorFlow 2 SavedModel, and what to do about it. */
#include "model/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 512 };

struct head {
    unsigned char data[HEAD_BYTES];
    size_t len;
};

static void read_head(struct head *head, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd < 0 ? -1 : read(fd, head->data, sizeof head->data);

    head->len = got > 0 ? (size_t)got : 0;
    if (fd >= 0) {
        close(fd);
    }
}

static bool starts(const struct head *head, size_t at, const char *magic, size_t len)
{
    return head->len >= at + len && !memcmp(head->data + at, magic, len);
}

/* "<html", "<!doctype" and the like, after blanks, in any case. */
static bool is_html(const struct head *head)
{
    size_t i = 0;

    while (i < head->len && (strchr(" \t\r\n", head->data[i]) && head->data[i])) {
        i++;
    }
    return head->len - i >= 5 && (!strncasecmp((const char *)head->data + i, "<html", 5) ||
                                  !strncasecmp((const char *)head->data + i, "<!doc", 5));
}

static bool ends(const char *path, const char *suffix)
{
    size_t a = strlen(path), b = strlen(suffix);

    return a >= b && !strcasecmp(path + a - b, suffix);
}

/* What the first bytes, or else the name, say; NULL when nothing does. */
static const char *describe_bytes(const struct head *head)
{
    if (starts(head, 0, "\x1f\x8b", 2) ||
        starts(head, 0,
               "\xfd"
               "7zXZ",
               5) ||
        starts(head, 0, "BZh", 3) || starts(head, 257, "ustar", 5)) {
        return "a packed archive; unpack it and open the folder inside";
    }
    if (starts(head, 0, "\x89HDF\r\n\x1a\n", 8)) {
        return "an HDF5 file, as Keras 2 saves with .h5; load it there and write it with model.export() or "
               "tf.saved_model.save()";
    }
    if (starts(head, 4, "TFL3", 4)) {
        return "a TensorFlow Lite model; open the SavedModel it was converted from";
    }
    if (starts(head, 0, "version https://git-lfs", 23)) {
        return "a Git LFS pointer, not the file itself; fetch it with `git lfs pull`";
    }
    return is_html(head) ? "an HTML page, as a failed download leaves it; download the model again" : NULL;
}

static const char *describe_file(const char *path, const struct head *head)
{
    const char *known = describe_bytes(head);

    if (known) {
        return known;
    }
    if (ends(path, ".keras")) {
        return "a Keras 3 archive; load it in Keras and write it with model.export()";
    }
    if (starts(head, 0, "PK\x03\x04", 4)) {
        return "a zip archive; unpack it and open the folder inside";
    }
    if (ends(path, "model.json")) {
        return "a TensorFlow.js model; open the SavedModel it was converted from";
    }
    if (ends(path, "saved_model.pb") || ends(path, "saved_model.pbtxt")) {
        return "one file of a SavedModel; open the folder it is in";
    }
    if (ends(path, ".pb")) {
        return "a frozen graph, which has no variables or callables any more; open the SavedModel it was made from";
    }
    return "a file; a SavedModel is a folder with a saved_model.pb";
}

static bool has(const char *folder, const char *name)
{
    char path[4096];
    struct stat st;

    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && !stat(path, &st);
}

struct listing {
    char first[256]; /* the first folder that holds a SavedModel, else the first frozen graph */
    bool nested, frozen, keras, lite;
    size_t entries;
};

/* Files of a SavedModel other than saved_model.pb. */
static bool stands_beside(const char *name)
{
    return !strcmp(name, "fingerprint.pb") || !strcmp(name, "keras_metadata.pb");
}

static void list(struct listing *out, const char *folder)
{
    DIR *dir = opendir(folder);
    char inner[300];

    memset(out, 0, sizeof *out);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) {
            continue;
        }
        out->entries++;
        snprintf(inner, sizeof inner, "%s/saved_model.pb", e->d_name);
        bool nested = has(folder, inner), lite = ends(e->d_name, ".tflite");
        bool frozen = ends(e->d_name, ".pb") && !stands_beside(e->d_name);
        bool keras = ends(e->d_name, ".keras") || ends(e->d_name, ".h5");
        if (nested > out->nested || (!out->nested && (frozen || keras || lite) && !out->first[0])) {
            snprintf(out->first, sizeof out->first, "%s", e->d_name);
        }
        out->nested |= nested, out->frozen |= frozen, out->keras |= keras, out->lite |= lite;
    }
    if (dir) {
        closedir(dir);
    }
}

static lince_status identify_folder(const char *path, lince_error *err)
{
    struct listing l;

    if (has(path, "saved_model.pbtxt")) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: a SavedModel in text form (saved_model.pbtxt); save it again as binary", path);
    }
    if (has(path, "saved_model.cpb")) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: a SavedModel cut into chunks (saved_model.cpb), made for models above 2 GB", path);
    }
    if (has(path, "tfhub_module.pb")) {
        return li_fail(err, LINCE_EUNSUPPORTED, "%s: a TensorFlow 1 Hub module without its saved_model.pb", path);
    }
    if (has(path, "model.json")) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: a TensorFlow.js model (model.json); open the SavedModel it was converted from", path);
    }
    list(&l, path);
    if (l.nested) {
        return li_fail(err, LINCE_ENOENT, "%s: no saved_model.pb here; there is one in %s/%s", path, path, l.first);
    }
    if (!l.entries) {
        return li_fail(err, LINCE_ENOENT, "%s: an empty folder; wanted one with a saved_model.pb", path);
    }
    if (l.first[0]) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: no saved_model.pb, but %s, which is %s; wanted a TensorFlow 2 SavedModel", path, l.first,
                       l.keras  ? "a Keras file"
                       : l.lite ? "a TensorFlow Lite model"
                                : "a frozen graph");
    }
    return li_fail(err, LINCE_ENOENT, "%s: no saved_model.pb in this folder", path);
}

lince_status li_identify_tf1(const char *path, lince_error *err)
{
    return li_fail(err, LINCE_EUNSUPPORTED,
                   "a %s of TensorFlow 1 (it has no object graph); wanted a SavedModel that TensorFlow 2 saved",
                   has(path, "tfhub_module.pb") ? "Hub module" : "SavedModel");
}

lince_status li_identify_path(const char *path, lince_error *err)
{
    struct stat st;
    struct head head;

    if (stat(path, &st)) {
        bool gone = errno == ENOENT || errno == ENOTDIR;
        return strstr(path, "://")
                   ? li_fail(err, LINCE_EUNSUPPORTED, "%s: a handle; download the model and open its folder", path)
                   : li_fail(err, gone ? LINCE_ENOENT : LINCE_EIO, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return identify_folder(path, err);
    }
    read_head(&head, path);
    return li_fail(err, LINCE_EUNSUPPORTED, "%s: this is %s", path, describe_file(path, &head));
}

lince_status li_identify_bytes(struct li_bytes bytes, const char *where, lince_status st, lince_error *err)
{
    struct head head = {.len = LI_MIN(bytes.len, (size_t)HEAD_BYTES)};

    if (head.len) {
        memcpy(head.data, bytes.data, head.len);
    }
    const char *known = describe_bytes(&head);
    return known ? li_fail(err, st, "%s: this is %s", where, known) : st;
}
