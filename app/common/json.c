/* JSON texts from names that may hold any bytes. */
#include "common.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct json_t *app_json_text(const char *text)
{
    json_t *whole = json_string(text);
    char *fixed = whole ? NULL : malloc(strlen(text) * 3 + 1), *to = fixed;
    if (!fixed) {
        return whole;
    }
    while (*text) {
        size_t n = app_character(text);
        memcpy(to, n ? text : "\xEF\xBF\xBD", n ? n : 3);
        to += n ? n : 3;
        text += n ? n : 1;
    }
    *to = '\0';
    whole = json_string(fixed);
    free(fixed);
    return whole;
}

struct json_t *app_json_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

bool app_json_line(FILE *file, struct json_t *object)
{
    /* 9 digits give every float32 back. */
    int failed = !object || json_dumpf(object, file, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return !failed && fputc('\n', file) != EOF;
}
