/* Errors: a code and a text in the caller's own struct, so that failing needs no memory, no global and no lock. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

/* When a text had to be cut, do not leave half a UTF-8 character at its end: it may become JSON. */
static void drop_half_character(char *text, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (wanted > 1 && len - start + 1 < wanted) {
        text[start - 1] = '\0';
    }
}

/* Names come from strangers' files: none may break the line, or move the terminal that shows it. */
static void keep_one_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            *text = '?';
        }
    }
}

/* The text may be made from err's own, so it is put together beside it. */
static void set_text(lince_error *err, const char *format, va_list args)
{
    char text[LINCE_ERROR_TEXT];
    int len = vsnprintf(text, sizeof text, format, args);

    if (len < 0) {
        text[0] = '\0';
    } else if ((size_t)len >= sizeof text) {
        drop_half_character(text, sizeof text - 1);
    }
    keep_one_line(text);
    memcpy(err->text, text, strlen(text) + 1);
}

lince_status li_vfail(lince_error *err, lince_status code, const char *format, va_list args)
{
    if (err) {
        set_text(err, format, args);
        err->code = code;
    }
    return code;
}

lince_status li_fail(lince_error *err, lince_status code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    li_vfail(err, code, format, args);
    va_end(args);
    return code;
}

lince_status li_prefix(lince_error *err, lince_status code, const char *format, ...)
{
    lince_error where;
    va_list args;

    if (!err) {
        return code;
    }
    va_start(args, format);
    set_text(&where, format, args);
    va_end(args);
    return li_fail(err, code, "%s: %s", where.text, err->text);
}

const char *li_status_name(lince_status status)
{
    switch (status) {
    case LINCE_OK:
        return "ok";
    case LINCE_EINVAL:
        return "invalid";
    case LINCE_ENOMEM:
        return "memory";
    case LINCE_EIO:
        return "io";
    case LINCE_ENOENT:
        return "missing";
    case LINCE_EFORMAT:
        return "format";
    case LINCE_ECORRUPT:
        return "corrupt";
    case LINCE_ELIMIT:
        return "limit";
    case LINCE_EUNSUPPORTED:
        return "unsupported";
    case LINCE_EUNSAFE:
        return "unsafe";
    case LINCE_EDATA:
        return "data";
    case LINCE_ECANCELED:
        return "canceled";
    }
    return "unknown";
}
