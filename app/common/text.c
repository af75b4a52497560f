/* Texts whose bytes are a stranger's. */
#include "common.h"

#include <string.h>

bool app_ends(const char *text, const char *ending)
{
    size_t length = strlen(text), end = strlen(ending);
    return length > end && strcmp(text + length - end, ending) == 0;
}

size_t app_character(const char *text)
{
    static const struct {
        unsigned char from, to, low, high; /* of the first byte; of the second */
        size_t bytes;
    } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                 {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    const unsigned char *s = (const unsigned char *)text;
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

/* The control characters of ASCII, and those that Unicode has from U+0080 to U+009F, which terminals obey too. */
static bool is_control(const unsigned char *s, size_t bytes)
{
    return (bytes == 1 && (*s < ' ' || *s == 127)) || (bytes == 2 && s[0] == 0xC2 && s[1] < 0xA0);
}

size_t app_visible(const char *text, const char **shown, size_t *shown_bytes)
{
    size_t bytes = app_character(text);
    bool hidden = bytes == 0 || is_control((const unsigned char *)text, bytes);
    *shown = hidden ? "?" : text;
    *shown_bytes = hidden ? 1 : bytes;
    return bytes ? bytes : 1;
}
