/* A result against what is expected. */
#include "args.h"
#include "arrays.h"

#include <math.h>
#include <string.h>

/* Where two arrays differ, and most. */
struct difference {
    double largest;    /* of |got - want|; infinite where only one is NaN */
    size_t at, beyond; /* where that is; elements outside the tolerance */
};

static bool strings_equal(const lince_string *a, const lince_string *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Integers of 64 bits are not told apart by doubles: the same bytes, or at least 1. */
static double distance(const lince_tensor *got, const lince_tensor *want, size_t i, double *magnitude)
{
    if (got->dtype == LINCE_STRING) {
        return strings_equal((const lince_string *)got->data + i, (const lince_string *)want->data + i)
                   ? 0
                   : (double)INFINITY;
    }
    double worst = 0;
    *magnitude = fabs(cli_element(want, i, false));
    for (int part = 0; part < 1 + (got->dtype == LINCE_COMPLEX64 || got->dtype == LINCE_COMPLEX128); part++) {
        double a = cli_element(got, i, part), b = cli_element(want, i, part);
        double d = (isnan(a) && isnan(b)) || a == b ? 0 : fabs(a - b);
        d = isnan(d) ? (double)INFINITY : d;
        worst = d > worst ? d : worst;
        *magnitude = fmax(*magnitude, fabs(b));
    }
    size_t bytes = lince_dtype_size(got->dtype);
    bool whole = got->dtype == LINCE_INT64 || got->dtype == LINCE_UINT64;
    if (whole && worst == 0 &&
        memcmp((const char *)got->data + i * bytes, (const char *)want->data + i * bytes, bytes) != 0) {
        worst = 1;
    }
    return worst;
}

static void measure(struct difference *d, const lince_tensor *got, const lince_tensor *want, double atol, double rtol)
{
    for (size_t i = 0, n = cli_elements(got); i < n; i++) {
        double magnitude = 0, x = distance(got, want, i, &magnitude);
        double allowed = isfinite(magnitude) ? atol + rtol * magnitude : atol;
        d->beyond += !(x <= allowed);
        if (x > d->largest) {
            d->largest = x;
            d->at = i;
        }
    }
}

/* "[0,17]" of element i. */
static void position(char buffer[192], const lince_tensor *t, size_t i)
{
    lince_tensor index = {.rank = t->rank};
    for (int d = t->rank; d-- > 0;) {
        index.dims[d] = (int64_t)(i % (size_t)t->dims[d]);
        i /= (size_t)t->dims[d];
    }
    cli_shape(buffer, &index);
}

static void value_text(char buffer[64], const lince_tensor *t, size_t i)
{
    if (t->dtype == LINCE_STRING) {
        const lince_string *s = (const lince_string *)t->data + i;
        snprintf(buffer, 64, "\"%.*s\"", (int)(s->size < 48 ? s->size : 48), s->data);
    } else {
        snprintf(buffer, 64, "%.9g", cli_element(t, i, false));
    }
}

/* A file holds bfloat16 and other small types as integers of that size. */
static bool same_type(lince_tensor *want, lince_dtype dtype)
{
    if (want->dtype != dtype && dtype != LINCE_STRING && want->dtype != LINCE_STRING && app_npy_descr(dtype) &&
        strcmp(app_npy_descr(want->dtype), app_npy_descr(dtype)) == 0) {
        want->dtype = dtype;
    }
    return want->dtype == dtype;
}

int cli_compare(const lince_tensor *got, const lince_tensor *expected, const char *name, double atol, double rtol)
{
    lince_tensor want = *expected;
    char a[192], b[192], where[192], x[64], y[64];
    struct difference d = {0};
    if (!same_type(&want, got->dtype) || got->rank != want.rank ||
        memcmp(got->dims, want.dims, (size_t)got->rank * sizeof *got->dims) != 0) {
        app_say("%s: is %s%s, %s%s is expected", name, lince_dtype_name(got->dtype), cli_shape(a, got),
                lince_dtype_name(want.dtype), cli_shape(b, &want));
        return CLI_FAILED;
    }
    measure(&d, got, &want, atol, rtol);
    if (d.largest == 0) {
        printf("%s: equal\n", name);
        return CLI_DONE;
    }
    position(where, got, d.at);
    value_text(x, got, d.at);
    value_text(y, &want, d.at);
    printf("%s: largest difference %.3g at %s: %s, expected %s\n", name, d.largest, where, x, y);
    if (d.beyond == 0) {
        return CLI_DONE;
    }
    app_say("%s: %zu of %zu elements differ by more than %g + %g * |expected|", name, d.beyond, cli_elements(got), atol,
            rtol);
    return CLI_FAILED;
}
