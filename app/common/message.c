/* Messages: one line each. */
#include "common.h"

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

void app_say_list(const char *format, va_list list)
{
    char line[LINCE_ERROR_TEXT + 1024];
    vsnprintf(line, sizeof line, format, list);
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = *c == '\n' ? ' ' : '?';
        }
    }
    fprintf(stderr, "lince: %s\n", line);
}

void app_say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    app_say_list(format, list);
    va_end(list);
}
