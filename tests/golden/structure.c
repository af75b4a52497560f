/* Structures as text, from a manifest: what a result, and the arguments of a trace, must be said to be. */
#include "golden.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char data[4096];
    size_t len;
};

static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->data + t->len, sizeof t->data - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof t->data - t->len) {
        fprintf(stderr, "a structure is longer than the test has room for\n");
        exit(2);
    }
    t->len += (size_t)n;
}

static void put_spec(struct text *t, const json_t *spec)
{
    const json_t *shape = json_object_get(spec, "shape");
    put(t, "%s[%s", json_string_value(json_object_get(spec, "dtype")), json_is_array(shape) ? "" : "...");
    for (size_t i = 0; i < json_array_size(shape); i++) {
        long long dim = json_integer_value(json_array_get(shape, i));
        put(t, dim < 0 ? "%s?" : "%s%lld", i ? "," : "", dim);
    }
    put(t, "]");
}

static void put_const(struct text *t, const json_t *value)
{
    char *number = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (json_is_null(value)) {
        put(t, "None");
    } else if (json_is_boolean(value)) {
        put(t, json_is_true(value) ? "True" : "False");
    } else {
        put(t, "%s", number);
    }
    free(number);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_value(struct text *t, const json_t *value);

static void put_list(struct text *t, const json_t *list, const char *open, const char *end)
{
    put(t, "%s", open);
    for (size_t i = 0; i < json_array_size(list); i++) {
        put(t, "%s", i ? ", " : "");
        put_value(t, json_array_get(list, i));
    }
    put(t, "%s", end);
}

/* TensorFlow flattens dicts by sorted key. */
static size_t sorted_keys(const json_t *dict, const char **keys, size_t room)
{
    size_t n = 0;
    for (void *it = json_object_iter((json_t *)dict); it && n < room; it = json_object_iter_next((json_t *)dict, it)) {
        keys[n++] = json_object_iter_key(it);
    }
    qsort(keys, n, sizeof *keys, by_key);
    return n;
}

static void put_dict(struct text *t, const json_t *dict)
{
    const char *keys[64];
    size_t n = sorted_keys(dict, keys, 64);
    put(t, "{");
    for (size_t i = 0; i < n; i++) {
        put(t, "%s\"%s\": ", i ? ", " : "", keys[i]);
        put_value(t, json_object_get(dict, keys[i]));
    }
    put(t, "}");
}

static void put_value(struct text *t, const json_t *value)
{
    const json_t *list = json_object_get(value, "list"), *tuple = json_object_get(value, "tuple"),
                 *dict = json_object_get(value, "dict"), *constant = json_object_get(value, "const"),
                 *spec = json_object_get(value, "spec");
    if (list) {
        put_list(t, list, "[", "]");
    } else if (tuple) {
        put_list(t, tuple, "(", json_array_size(tuple) == 1 ? ",)" : ")");
    } else if (dict) {
        put_dict(t, dict);
    } else if (constant) {
        put_const(t, constant);
    } else {
        put_spec(t, spec ? spec : value); /* a tensor says dtype and shape itself */
    }
}

void structure_matches(struct golden *g, const char *got, const json_t *want)
{
    struct text t = {.len = 0};
    put_value(&t, want);
    check(g, strcmp(got, t.data) == 0, "the result is %s, wanted %s", got, t.data);
}

static void put_argument(struct text *t, const char *name, const json_t *value)
{
    put(t, "%s%s%s", t->len > 1 ? ", " : "", name, json_object_get(value, "spec") ? ": " : "=");
    put_value(t, value);
}

/* What stands before " -> ": positional arguments by the callable's names for them, then keywords, sorted. */
void trace_matches(struct golden *g, lince_callable *callable, size_t trace, const json_t *want)
{
    const json_t *args = json_object_get(json_object_get(want, "args"), "tuple"),
                 *kwargs = json_object_get(json_object_get(want, "kwargs"), "dict");
    const char *keys[64], *got = lince_callable_trace(callable, trace);
    size_t n = sorted_keys(kwargs, keys, 64);
    struct text t = {.len = 0};
    put(&t, "(");
    for (size_t i = 0; i < json_array_size(args); i++) {
        lince_argument_info info = {.struct_size = sizeof info, .name = "?"};
        lince_callable_argument(callable, i, &info, NULL);
        put_argument(&t, info.name, json_array_get(args, i));
    }
    for (size_t i = 0; i < n; i++) {
        put_argument(&t, keys[i], json_object_get(kwargs, keys[i]));
    }
    put(&t, ") -> ");
    check(g, strncmp(got, t.data, t.len) == 0, "trace %zu of %s is %s, wanted %s...", trace,
          lince_callable_name(callable), got, t.data);
}

void signature_matches(struct golden *g, lince_callable *callable, const json_t *want)
{
    const json_t *inputs = json_object_get(want, "inputs");
    const char *keys[64], *got = lince_callable_trace(callable, 0);
    size_t n = sorted_keys(inputs, keys, 64);
    struct text t = {.len = 0};
    put(&t, "(");
    for (size_t i = 0; i < n; i++) {
        put(&t, "%s%s: ", i ? ", " : "", keys[i]);
        put_spec(&t, json_object_get(inputs, keys[i]));
    }
    put(&t, ") -> ");
    put_value(&t, json_object_get(want, "outputs"));
    check(g, strcmp(got, t.data) == 0, "%s is %s, wanted %s", lince_callable_name(callable), got, t.data);
}
