/* lince_labels: names of classes, from a text, or from a file that the model has. */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* A list of names is smaller; a file beyond this is something else. */
#define LABELS_LIMIT ((off_t)16 << 20)

struct lince_labels {
    struct li_mem *mem;
    char *text; /* all of the file, each line ended by NUL */
    const char **label;
    size_t count;
    char *path, *note;
};

void lince_labels_free(lince_labels *labels)
{
    if (labels) {
        struct li_mem *mem = labels->mem;
        li_free(mem, labels->text);
        li_free(mem, labels->label);
        li_free(mem, labels->path);
        li_free(mem, labels->note);
        li_free(mem, labels);
        li_mem_release(mem);
    }
}

static lince_status new_labels(struct lince_labels **out, lince_error *err)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct lince_labels *l = mem ? li_calloc(mem, 1, sizeof *l, err) : NULL;
    *out = NULL;
    if (!l) {
        li_mem_release(mem);
        return mem ? LINCE_ENOMEM : li_fail(err, LINCE_ENOMEM, "no memory for labels");
    }
    l->mem = mem;
    *out = l;
    return LINCE_OK;
}

/* ---- Lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Blanks at the end of a line are no part of it. Room for one more in front: see make_fit(). */
static lince_status split(struct lince_labels *l, size_t size, lince_error *err)
{
    char *at = l->text, *end = at + size;
    size_t lines = 1;
    for (const char *c = at; c < end; c++) {
        lines += *c == '\n';
    }
    l->label = li_calloc(l->mem, lines + 1, sizeof *l->label, err);
    if (!l->label) {
        return LINCE_ENOMEM;
    }
    at += size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark, as Windows writes */
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at)), *next;
        stop = stop ? stop : end;
        for (next = stop + 1; stop > at && is_blank(stop[-1]);) {
            stop--;
        }
        *stop = '\0';
        l->label[l->count++] = at;
        at = next;
    }
    while (l->count > 0 && *l->label[l->count - 1] == '\0') {
        l->count--;
    }
    return LINCE_OK;
}

static lince_status note(struct lince_labels *l, const char *text, lince_error *err)
{
    l->note = li_alloc(l->mem, strlen(text) + 1, err);
    if (!l->note) {
        return LINCE_ENOMEM;
    }
    strcpy(l->note, text);
    return LINCE_OK;
}

/*
 * Networks of one family have a class "background" before the 1,000 of ImageNet, and lists of labels come with and
 * without it.
 */
static lince_status make_fit(struct lince_labels *l, size_t classes, lince_error *err)
{
    char text[1024];
    bool background = l->count > 0 && strcasecmp(l->label[0], "background") == 0;
    if (classes == 0 || l->count == classes) {
        return LINCE_OK;
    }
    if (l->count == classes + 1 && (background || classes == 1000)) {
        snprintf(text, sizeof text, "%zu labels for %zu classes; the first, \"%.900s\", is left out", l->count, classes,
                 l->label[0]);
        memmove(l->label, l->label + 1, --l->count * sizeof *l->label);
        return note(l, text, err);
    }
    if (l->count == 1000 && classes == 1001) {
        memmove(l->label + 1, l->label, l->count++ * sizeof *l->label);
        l->label[0] = "background";
        return note(l, "1000 labels for 1001 classes; class 0 is taken as \"background\"", err);
    }
    return li_fail(err, LINCE_EINVAL, "%zu labels, there are %zu classes", l->count, classes);
}

static lince_status parse(struct lince_labels *l, const void *text, size_t size, size_t classes, lince_error *err)
{
    l->text = li_alloc(l->mem, size + 1, err);
    if (!l->text) {
        return LINCE_ENOMEM;
    }
    if (size) {
        memcpy(l->text, text, size);
    }
    l->text[size] = '\0';
    if (memchr(l->text, '\0', size)) {
        return li_fail(err, LINCE_EFORMAT, "a NUL byte is in the labels; lines of text are wanted");
    }
    LI_TRY(split(l, size, err));
    return make_fit(l, classes, err);
}

lince_status lince_labels_parse(lince_labels **labels, const void *text, size_t size_bytes, size_t classes,
                                lince_error *err)
{
    struct lince_labels *l;
    LI_NEED("lince_labels_parse", labels);
    *labels = NULL;
    if (size_bytes) {
        LI_NEED("lince_labels_parse", text);
    }
    LI_TRY(new_labels(&l, err));
    lince_status st = parse(l, text, size_bytes, classes, err);
    if (st) {
        lince_labels_free(l);
        return st;
    }
    *labels = l;
    return LINCE_OK;
}

/* ---- A model's own ---- */

/* *size is -1 when the file is none that could be a list of labels. */
static lince_status read_file(char **data, off_t *size, const char *path, struct li_mem *mem, lince_error *err)
{
    struct stat facts;
    *size = -1;
    *data = NULL;
    if (stat(path, &facts) || !S_ISREG(facts.st_mode) || facts.st_size > LABELS_LIMIT) {
        return LINCE_OK;
    }
    FILE *file = fopen(path, "rb");
    *data = file ? li_alloc(mem, (size_t)facts.st_size + 1, err) : NULL;
    if (*data) {
        *size = (off_t)fread(*data, 1, (size_t)facts.st_size, file);
    }
    lince_status st = file && !*data ? LINCE_ENOMEM : LINCE_OK;
    if (file) {
        fclose(file);
    }
    return st;
}

/* What does not fit is something else; only memory fails. */
static lince_status try_file(struct lince_labels **out, const char *path, size_t classes, struct li_mem *mem,
                             lince_error *err)
{
    char *data;
    off_t size;
    LI_TRY(read_file(&data, &size, path, mem, err));
    lince_status st = size < 0 ? LINCE_EINVAL : lince_labels_parse(out, data, (size_t)size, classes, err);
    li_free(mem, data);
    if (st) {
        return st == LINCE_ENOMEM ? st : LINCE_OK;
    }
    (*out)->path = li_alloc((*out)->mem, strlen(path) + 1, err);
    if (!(*out)->path) {
        lince_labels_free(*out);
        *out = NULL;
        return LINCE_ENOMEM;
    }
    strcpy((*out)->path, path);
    return LINCE_OK;
}

static lince_status try_asset(struct lince_labels **out, lince_model *model, size_t i, size_t classes, lince_error *err)
{
    const char *path;
    return li_model_asset_path(model->model, i, &path, NULL) == LINCE_OK ? try_file(out, path, classes, model->mem, err)
                                                                         : LINCE_OK;
}

/* labels.txt beside saved_model.pb. */
static lince_status try_beside(struct lince_labels **out, lince_model *model, size_t classes, lince_error *err)
{
    struct li_model_facts facts;
    struct li_arena arena;
    li_model_facts(model->model, &facts);
    li_arena_init(&arena, model->mem, 0);
    const char *path = li_arena_printf(&arena, err, "%s/labels.txt", facts.path);
    lince_status st = path ? try_file(out, path, classes, model->mem, err) : LINCE_ENOMEM;
    li_arena_free(&arena);
    return st;
}

lince_status lince_labels_of_model(lince_labels **labels, lince_model *model, size_t classes, lince_error *err)
{
    LI_NEED("lince_labels_of_model", labels);
    *labels = NULL;
    LI_NEED("lince_labels_of_model", model);
    if (classes == 0) {
        return li_fail(err, LINCE_EINVAL, "lince_labels_of_model: labels for 0 classes; 1 or more are wanted");
    }
    size_t own;
    if (li_model_asset_of(model->model, "labels", &own)) {
        LI_TRY(try_asset(labels, model, own, classes, err));
    }
    for (size_t i = 0; !*labels && i < li_model_asset_count(model->model); i++) {
        LI_TRY(try_asset(labels, model, i, classes, err));
    }
    if (!*labels) {
        LI_TRY(try_beside(labels, model, classes, err));
    }
    return *labels ? LINCE_OK
                   : li_fail(err, LINCE_ENOENT, "neither the model's assets nor labels.txt beside it name %zu classes",
                             classes);
}

/* ---- What they are ---- */

size_t lince_labels_count(const lince_labels *labels)
{
    return labels ? labels->count : 0;
}

const char *lince_labels_text(const lince_labels *labels, size_t index)
{
    return labels && index < labels->count ? labels->label[index] : NULL;
}

const char *lince_labels_path(const lince_labels *labels)
{
    return labels && labels->path ? labels->path : "";
}

const char *lince_labels_note(const lince_labels *labels)
{
    return labels && labels->note ? labels->note : "";
}
