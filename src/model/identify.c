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

static bool ends(const char *path, const char *suffix)
{
    size_t a = strlen(path), b = strlen(suffix);
    return a >= b && strcasecmp(path + a - b, suffix) == 0;
}

static struct li_bytes bytes_of(const struct head *head)
{
    return (struct li_bytes){head->data, head->len};
}

static const char *const frozen_graph =
    "a frozen graph, which has no variables or callables any more; open the SavedModel it was made from";

/* What its first bytes, or else its name, say. */
static const char *describe_file(const char *path, const struct head *head)
{
    const char *known = li_bytes_foreign(bytes_of(head));
    if (known) {
        return known;
    }
    if (ends(path, ".keras")) {
        return "a Keras 3 archive; load it in Keras and write it with model.export()";
    }
    if (head->len >= 4 && memcmp(head->data, "PK\x03\x04", 4) == 0) {
        return "a zip archive; unpack it and open the folder inside";
    }
    if (ends(path, "model.json")) {
        return "a TensorFlow.js model; open the SavedModel it was converted from";
    }
    if (ends(path, "saved_model.pb") || ends(path, "saved_model.pbtxt")) {
        return "one file of a SavedModel; open the folder it is in";
    }
    if (ends(path, ".pb")) {
        return frozen_graph;
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
    char first[256];  /* the first folder that holds a SavedModel, else the first file of a known kind */
    const char *kind; /* of that file; NULL: it is a folder, or there is none */
    char part[256];   /* of a SavedModel that is missing its saved_model.pb */
    size_t entries;
};

static const char *kind_of(const char *name)
{
    return ends(name, ".keras") || ends(name, ".h5") ? "a Keras file"
           : ends(name, ".tflite")                   ? "a TensorFlow Lite model"
           : ends(name, ".pb")                       ? "a frozen graph"
                                                     : NULL;
}

/* What lies beside a saved_model.pb; that itself when it is a link to nowhere. */
static bool is_part(const char *name)
{
    static const char *const parts[] = {"saved_model.pb", "variables", "fingerprint.pb", "keras_metadata.pb"};
    for (size_t i = 0; i < LI_COUNT(parts); i++) {
        if (strcmp(name, parts[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void look_at(struct listing *l, const char *folder, const char *name)
{
    char inner[300];
    snprintf(inner, sizeof inner, "%s/saved_model.pb", name);
    if (is_part(name)) {
        snprintf(l->part, sizeof l->part, "%s", name);
    } else if (has(folder, inner) && (l->kind || !l->first[0])) {
        snprintf(l->first, sizeof l->first, "%s", name);
        l->kind = NULL;
    } else if (!l->first[0] && (l->kind = kind_of(name))) {
        snprintf(l->first, sizeof l->first, "%s", name);
    }
}

static lince_status list(struct listing *out, const char *folder, lince_error *err)
{
    DIR *dir = opendir(folder);
    memset(out, 0, sizeof *out);
    if (!dir) {
        return li_fail(err, LINCE_EIO, "%s: cannot list this folder: %s", folder, strerror(errno));
    }
    for (struct dirent *e; (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            out->entries++;
            look_at(out, folder, e->d_name);
        }
    }
    closedir(dir);
    return LINCE_OK;
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
    LI_TRY(list(&l, path, err));
    if (l.part[0]) {
        return li_fail(err, LINCE_ENOENT, "%s: a SavedModel without its saved_model.pb%s%s; copy or download it again",
                       path, strcmp(l.part, "saved_model.pb") ? ": there is only " : ", which is a link to nowhere",
                       strcmp(l.part, "saved_model.pb") ? l.part : "");
    }
    if (l.kind) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "%s: no saved_model.pb, but %s, which is %s; wanted a TensorFlow 2 SavedModel", path, l.first,
                       l.kind);
    }
    if (l.first[0]) {
        return li_fail(err, LINCE_ENOENT, "%s: no saved_model.pb here; there is one in %s/%s", path, path, l.first);
    }
    if (!l.entries) {
        return li_fail(err, LINCE_ENOENT, "%s: an empty folder; wanted one with a saved_model.pb", path);
    }
    return li_fail(err, LINCE_ENOENT, "%s: no saved_model.pb in this folder", path);
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
    if (!S_ISREG(st.st_mode)) {
        return li_fail(err, LINCE_EUNSUPPORTED, "%s: a pipe or a device; a SavedModel is a folder", path);
    }
    read_head(&head, path);
    return li_fail(err, LINCE_EUNSUPPORTED, "%s: this is %s", path, describe_file(path, &head));
}

/* A GraphDef begins with its first node, where a SavedModel has a number or a long message. */
static bool is_graph(struct li_bytes bytes)
{
    return bytes.len && bytes.data[0] == 0x0a && !li_proto_guard(bytes, &tf__graph_def__descriptor, "", NULL);
}

lince_status li_identify_bytes(struct li_bytes bytes, const char *where, lince_status st, lince_error *err)
{
    const char *known = li_bytes_foreign(bytes);
    if (!known && is_graph(bytes)) {
        known = frozen_graph;
    }
    return known ? li_fail(err, st, "%s: this is %s", where, known) : st;
}

lince_status li_identify_old(const char *path, lince_error *err)
{
    return li_fail(err, LINCE_EUNSUPPORTED, "%s has neither objects nor signatures, so there is nothing to call",
                   has(path, "tfhub_module.pb") ? "a TensorFlow 1 Hub module that" : "a SavedModel that");
}
