/* What came out against what TensorFlow gave. */
#include "golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double element(const lince_tensor *t, size_t i)
{
    union {
        uint32_t u;
        float f;
    } wide;
    switch (t->dtype) {
    case LINCE_FLOAT32:
        return (double)((const float *)t->data)[i];
    case LINCE_FLOAT64:
        return ((const double *)t->data)[i];
    case LINCE_BFLOAT16:
        wide.u = (uint32_t)((const uint16_t *)t->data)[i] << 16;
        return (double)wide.f;
    case LINCE_FLOAT16: {
        uint16_t h = ((const uint16_t *)t->data)[i];
        int e = h >> 10 & 31, m = h & 1023;
        double v = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
        return h & 0x8000 ? -v : v;
    }
    default:
        return NAN;
    }
}

bool floats_match(struct golden *g, const char *what, const lince_tensor *got, const lince_tensor *want, double atol,
                  double rtol)
{
    size_t n = want->size_bytes / lince_dtype_size(want->dtype), worst = 0;
    double excess = 0;
    for (size_t i = 0; i < n; i++) {
        double a = element(got, i), b = element(want, i);
        if ((isnan(a) && isnan(b)) || a == b) {
            continue;
        }
        double over = fabs(a - b) - (atol + rtol * fabs(b));
        if (!(over <= 0) && !(over <= excess)) {
            excess = over;
            worst = i;
        }
    }
    return check(g, excess == 0, "%s: element %zu is %.9g, TensorFlow gives %.9g (atol %g, rtol %g)", what, worst,
                 n ? element(got, worst) : 0, n ? element(want, worst) : 0, atol, rtol);
}

static bool same_shape(struct golden *g, const char *what, const lince_tensor *got, const lince_tensor *want)
{
    bool same = got->dtype == want->dtype && got->rank == want->rank && got->size_bytes == want->size_bytes;
    for (int i = 0; same && i < want->rank; i++) {
        same = got->dims[i] == want->dims[i];
    }
    return check(g, same, "%s: %s of rank %d and %zu bytes, wanted %s of rank %d and %zu bytes, or other dims", what,
                 lince_dtype_name(got->dtype), (int)got->rank, got->size_bytes, lince_dtype_name(want->dtype),
                 (int)want->rank, want->size_bytes);
}

static bool strings_match(struct golden *g, const char *what, const lince_tensor *got, const json_t *want)
{
    const lince_string *s = got->data;
    size_t n = json_array_size(want);
    if (!check(g, got->dtype == LINCE_STRING && got->size_bytes == n * sizeof *s, "%s: no array of %zu strings", what,
               n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const char *w = json_string_value(json_array_get(want, i));
        if (!check(g, s[i].size == strlen(w) && memcmp(s[i].data, w, s[i].size) == 0,
                   "%s: string %zu is \"%.*s\", wanted \"%s\"", what, i, (int)s[i].size, s[i].data, w)) {
            return false;
        }
    }
    return true;
}

/* Elements of a plain dtype are their bytes; strings lie elsewhere. */
static bool same_elements(const lince_tensor *got, const lince_tensor *want)
{
    const lince_string *a = got->data, *b = want->data;
    if (want->dtype != LINCE_STRING) {
        return memcmp(got->data, want->data, want->size_bytes) == 0;
    }
    for (size_t i = 0; i < want->size_bytes / sizeof *b; i++) {
        if (a[i].size != b[i].size || memcmp(a[i].data, b[i].data, b[i].size) != 0) {
            return false;
        }
    }
    return true;
}

bool tensor_matches(struct golden *g, const char *what, const lince_tensor *got, const json_t *want)
{
    const json_t *strings = json_object_get(want, "strings");
    if (strings) {
        return strings_match(g, what, got, strings);
    }
    lince_tensor w = npy_read(g, want);
    double atol = json_number_value(json_object_get(want, "atol")),
           rtol = json_number_value(json_object_get(want, "rtol"));
    bool ok = same_shape(g, what, got, &w);
    if (ok && json_object_get(want, "atol")) {
        ok = floats_match(g, what, got, &w, atol, rtol);
    } else if (ok) {
        ok = check(g, same_elements(got, &w), "%s: not exactly TensorFlow's", what);
    }
    free(w.data);
    return ok;
}

/* ---- Structures ---- */

struct walk {
    struct golden *g;
    const lince_output *got;
    size_t count, next;
};

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void walk(struct walk *w, const char *path, const json_t *want);

/* In a path a name's own ~ and / are ~0 and ~1. */
static void child(struct walk *w, const char *path, const char *name, const json_t *want)
{
    char deeper[512];
    size_t at = (size_t)snprintf(deeper, sizeof deeper, "%s%s", path, *path ? "/" : "");
    for (; *name && at + 3 < sizeof deeper; name++) {
        if (*name == '~' || *name == '/') {
            deeper[at++] = '~';
        }
        deeper[at++] = *name == '~' ? '0' : *name;
        deeper[at - 1] = *name == '/' ? '1' : deeper[at - 1];
    }
    deeper[at] = '\0';
    walk(w, deeper, want);
}

static void walk_dict(struct walk *w, const char *path, const json_t *dict)
{
    const char *keys[64];
    size_t n = 0;
    for (void *it = json_object_iter((json_t *)dict); it && n < 64; it = json_object_iter_next((json_t *)dict, it)) {
        keys[n++] = json_object_iter_key(it);
    }
    qsort(keys, n, sizeof *keys, by_key);
    for (size_t i = 0; i < n; i++) {
        child(w, path, keys[i], json_object_get(dict, keys[i]));
    }
}

static void walk_leaf(struct walk *w, const char *path, const json_t *want)
{
    char what[600];
    snprintf(what, sizeof what, "result \"%s\"", path);
    if (!check(w->g, w->next < w->count, "%s: is missing", what)) {
        return;
    }
    const lince_output *got = &w->got[w->next++];
    check(w->g, strcmp(got->path, path) == 0, "%s: the leaf here is \"%s\"", what, got->path);
    const json_t *constant = json_object_get(want, "const");
    if (!constant) {
        tensor_matches(w->g, what, &got->tensor, want);
    } else if (json_is_null(constant)) {
        check(w->g, got->tensor.dtype == LINCE_DTYPE_NONE, "%s: is %s, wanted None", what,
              lince_dtype_name(got->tensor.dtype));
    } else {
        check(w->g, false, "%s: a constant other than None in a golden", what);
    }
}

static void walk(struct walk *w, const char *path, const json_t *want)
{
    const json_t *dict = json_object_get(want, "dict"), *list = json_object_get(want, "list");
    list = list ? list : json_object_get(want, "tuple");
    if (dict) {
        walk_dict(w, path, dict);
    } else if (list) {
        for (size_t i = 0; i < json_array_size(list); i++) {
            char name[24];
            snprintf(name, sizeof name, "%zu", i);
            child(w, path, name, json_array_get(list, i));
        }
    } else {
        walk_leaf(w, path, want);
    }
}

void result_matches(struct golden *g, const lince_output *got, size_t count, const json_t *want)
{
    struct walk w = {g, got, count, 0};
    walk(&w, "", want);
    check(g, w.next == count, "the result has %zu leaves, wanted %zu", count, w.next);
}
