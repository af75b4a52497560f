/* From a manifest's args and kwargs to a list of paths. */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

static void add(struct golden *g, struct arguments *a, const char *path, const json_t *value, bool fixed);

static lince_argument *entry(struct arguments *a, const char *path, lince_argument_kind kind)
{
    if (a->count == sizeof a->list / sizeof a->list[0]) {
        fprintf(stderr, "more arguments than the test has room for\n");
        exit(2);
    }
    lince_argument *e = &a->list[a->count++];
    *e = (lince_argument){.path = strdup(path), .kind = kind};
    return e;
}

static void add_const(struct arguments *a, const char *path, const json_t *v)
{
    if (json_is_null(v)) {
        entry(a, path, LINCE_ARG_NONE);
    } else if (json_is_boolean(v)) {
        entry(a, path, LINCE_ARG_BOOL)->i = json_is_true(v);
    } else if (json_is_integer(v)) {
        entry(a, path, LINCE_ARG_INT)->i = json_integer_value(v);
    } else if (json_is_real(v)) {
        entry(a, path, LINCE_ARG_FLOAT)->f = json_real_value(v);
    } else {
        entry(a, path, LINCE_ARG_STRING)->s = json_string_value(v);
    }
}

static void add_children(struct golden *g, struct arguments *a, const char *path, const json_t *children, bool fixed)
{
    char child[512];
    if (json_is_array(children)) {
        for (size_t i = 0; i < json_array_size(children); i++) {
            snprintf(child, sizeof child, "%s/%zu", path, i);
            add(g, a, child, json_array_get(children, i), fixed);
        }
        return;
    }
    for (void *it = json_object_iter((json_t *)children); it; it = json_object_iter_next((json_t *)children, it)) {
        snprintf(child, sizeof child, "%s/%s", path, json_object_iter_key(it));
        add(g, a, child, json_object_iter_value(it), fixed);
    }
}

static void add_tensor(struct golden *g, struct arguments *a, const char *path, const json_t *value, bool fixed)
{
    lince_tensor t = npy_read(g, value);
    if (fixed) {
        a->fixed[a->fixed_count] = t;
        entry(a, path, LINCE_ARG_TENSOR)->tensor = &a->fixed[a->fixed_count++];
    } else {
        a->inputs[a->input_count++] = t;
        entry(a, path, LINCE_ARG_INPUT);
    }
}

static void add(struct golden *g, struct arguments *a, const char *path, const json_t *value, bool fixed)
{
    static const struct {
        const char *key;
        lince_argument_kind kind;
    } containers[] = {{"list", LINCE_ARG_LIST}, {"tuple", LINCE_ARG_TUPLE}, {"dict", LINCE_ARG_DICT}};
    for (size_t i = 0; i < 3; i++) {
        const json_t *children = json_object_get(value, containers[i].key);
        if (children) {
            entry(a, path, containers[i].kind);
            add_children(g, a, path, children, fixed);
            return;
        }
    }
    if (json_object_get(value, "tensor")) {
        add_tensor(g, a, path, value, fixed);
    } else {
        add_const(a, path, json_object_get(value, "const"));
    }
}

void arguments_read(struct golden *g, struct arguments *a, const json_t *call, bool fixed)
{
    char path[32];
    memset(a, 0, sizeof *a);
    const json_t *args = json_object_get(call, "args"), *kwargs = json_object_get(call, "kwargs");
    for (size_t i = 0; i < json_array_size(args); i++) {
        snprintf(path, sizeof path, "%zu", i);
        add(g, a, path, json_array_get(args, i), fixed);
    }
    for (void *it = json_object_iter((json_t *)kwargs); it; it = json_object_iter_next((json_t *)kwargs, it)) {
        add(g, a, json_object_iter_key(it), json_object_iter_value(it), fixed);
    }
}

void arguments_free(struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free((char *)a->list[i].path);
    }
    for (size_t i = 0; i < a->input_count; i++) {
        free(a->inputs[i].data);
    }
    for (size_t i = 0; i < a->fixed_count; i++) {
        free(a->fixed[i].data);
    }
}
