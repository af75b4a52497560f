/* Lists of texts. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#define LIST_LIMIT ((size_t)1 << 30) /* bytes: ten million names and more */

lince_status app_list_add(struct app_list *list, const char *text, lince_error *err)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 16;
        char **grown = realloc(list->text, room * sizeof *grown);
        if (!grown) {
            return app_fail(err, LINCE_ENOMEM, "no memory for a list of %zu texts", room);
        }
        list->text = grown;
        list->room = room;
    }
    char *copy = strdup(text);
    if (!copy) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a text of %zu bytes", strlen(text));
    }
    list->text[list->count++] = copy;
    return LINCE_OK;
}

static int bytewise(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void app_list_sort(struct app_list *list, size_t from)
{
    if (list->count > from) {
        qsort(list->text + from, list->count - from, sizeof *list->text, bytewise);
    }
}

void app_list_free(struct app_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->text[i]);
    }
    free(list->text);
    *list = (struct app_list){0};
}

lince_status app_list_lines(struct app_list *list, const char *path, lince_error *err)
{
    void *data;
    size_t size;
    APP_TRY(app_read(path, LIST_LIMIT, &data, &size, err));
    lince_status st = LINCE_OK;
    char *at = data, *end = at + size;
    at += size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark, as Windows writes */
    if (memchr(data, '\0', size)) {
        st = app_fail(err, LINCE_EFORMAT, "%s: holds a NUL byte; lines of text are wanted", path);
    }
    while (!st && at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        char *next = stop + 1;
        while (stop > at && stop[-1] == '\r') {
            stop--;
        }
        *stop = '\0'; /* app_read() leaves room for one byte more */
        st = app_list_add(list, at, err);
        at = next;
    }
    free(data);
    return st;
}
