/* JSON texts from names that may hold any bytes. */
#include "common.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the well-formed UTF-8 character at s, or 0. */
static size_t character(const unsigned char *s)
{
    static const struct {
        unsigned char from, to, low, high; /* of the first byte; of the second */
        size_t bytes;
    } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                 {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    if (*s < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < APP_COUNT(forms); i++) {
        if (*s >= forms[i].from && *s <= forms[i].to && s[1] >= forms[i].low && s[1] <= forms[i].high) {
            size_t n = 2;
            while (n < forms[i].bytes && (s[n] & 0xC0) == 0x80) {
                n++;
            }
            return n == forms[i].bytes ? n : 0;
        }
    }
    return 0;
}

struct json_t *app_json_text(const char *text)
{
    json_t *whole = json_string(text);
    char *fixed = whole ? NULL : malloc(strlen(text) * 3 + 1), *to = fixed;
    if (!fixed) {
        return whole;
    }
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = character(s);
        memcpy(to, n ? (const void *)s : "\xEF\xBF\xBD", n ? n : 3);
        to += n ? n : 3;
        s += n ? n : 1;
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
