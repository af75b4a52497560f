/* Arguments that stay: a layer makes sessions when it needs them. */
#include "layer.h"

#include <string.h>

static lince_status copy_strings(lince_string *text, size_t count, struct li_arena *arena, lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        text[i].data = li_arena_strndup(arena, text[i].data, text[i].size, err);
        if (!text[i].data) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

static lince_status copy_tensor(const lince_tensor **out, const lince_tensor *from, const char *path,
                                struct li_arena *arena, lince_error *err)
{
    struct li_tensor checked;
    LI_TRY(li_api_tensor(&checked, from, path, err));
    lince_tensor *to = li_arena_alloc(arena, sizeof *to, err);
    void *data = li_arena_alloc(arena, from->size_bytes + 1, err);
    if (!to || !data) {
        return LINCE_ENOMEM;
    }
    *to = *from;
    to->data = data;
    if (from->size_bytes) {
        memcpy(data, from->data, from->size_bytes);
    }
    *out = to;
    return from->dtype == LINCE_STRING ? copy_strings(data, from->size_bytes / sizeof(lince_string), arena, err)
                                       : LINCE_OK;
}

static lince_status copy_one(lince_argument *to, size_t i, struct li_arena *arena, lince_error *err)
{
    if (!to->path) {
        return li_fail(err, LINCE_EINVAL, "argument %zu has no path", i);
    }
    to->path = li_arena_strdup(arena, to->path, err);
    to->s = li_arena_strdup(arena, to->s ? to->s : "", err);
    if (!to->path || !to->s) {
        return LINCE_ENOMEM;
    }
    return to->kind == LINCE_ARG_TENSOR && to->tensor ? copy_tensor(&to->tensor, to->tensor, to->path, arena, err)
                                                      : LINCE_OK;
}

lince_status li_api_copy_arguments(lince_argument **out, const lince_argument *arguments, size_t count,
                                   struct li_arena *arena, lince_error *err)
{
    *out = NULL;
    if (!arguments) {
        return LINCE_OK;
    }
    lince_argument *all = li_arena_alloc(arena, (count + 1) * sizeof *all, err);
    if (!all) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        all[i] = arguments[i];
        LI_TRY(copy_one(&all[i], i, arena, err));
    }
    *out = all;
    return LINCE_OK;
}
