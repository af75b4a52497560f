/* Messages: one line each. */
#include "common.h"

#include <string.h>

lince_status app_fail(lince_error *err, lince_status code, const char *format, ...)
{
    if (err) {
        va_list list;
        va_start(list, format);
        vsnprintf(err->text, sizeof err->text, format, list);
        va_end(list);
        err->code = code;
    }
    return code;
}

/* A process has one stderr, and that has one last line. */
static bool bar_stands;

void app_bar(const char *text)
{
    if (text || bar_stands) {
        fprintf(stderr, "\r\033[K%s", text ? text : "");
    }
    bar_stands = text != NULL;
}

/* What is shown is never longer than what it stands for. */
static void make_visible(char *line)
{
    char *to = line;
    for (const char *at = line; *at;) {
        const char *shown;
        size_t bytes;
        at += app_visible(at, &shown, &bytes);
        memmove(to, shown, bytes);
        to += bytes;
    }
    *to = '\0';
}

void app_say_list(const char *format, va_list list)
{
    char line[LINCE_ERROR_TEXT + 1024];
    vsnprintf(line, sizeof line, format, list);
    make_visible(line);
    app_bar(NULL);
    fprintf(stderr, "lince: %s\n", line);
}

void app_say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    app_say_list(format, list);
    va_end(list);
}
