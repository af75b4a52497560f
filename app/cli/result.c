/* Which part of a result is meant, and what stands beside it. */
#include "photos.h"
#include "say.h"

#include <string.h>

/* Whether a path is one name, whose own "~" and "/" paths write "~0" and "~1". */
static bool is_name(const char *path, const char *name)
{
    for (; *path && *path != '/' && *name; path++, name++) {
        bool escaped = *path == '~' && path[1];
        char letter = !escaped ? *path : path[1] == '1' ? '/' : '~';
        path += escaped;
        if (letter != *name) {
            return false;
        }
    }
    return *path == '\0' && *name == '\0';
}

const char *cli_key_path(const lince_callable *callable, const char *key)
{
    const char *found = key;
    lince_tensor_info info = {.struct_size = sizeof info};
    for (size_t t = 0; key && t < lince_callable_trace_count(callable); t++) {
        for (size_t i = 0; lince_callable_output(callable, t, i, &info, NULL) == LINCE_OK; i++) {
            if (strcmp(info.path, key) == 0) {
                return key;
            }
            found = is_name(info.path, key) ? info.path : found;
        }
    }
    return found;
}

static int no_choice(const struct cli_pass *pass, const lince_output *outputs, size_t count)
{
    char keys[512] = "";
    for (size_t i = 0, used = 0; i < count && used + 1 < sizeof keys; i++) {
        used += (size_t)snprintf(keys + used, sizeof keys - used, "%s%s", i ? ", " : "",
                                 *outputs[i].path ? outputs[i].path : "(unnamed)");
    }
    const char *key = pass->args->value[OPT_OUTPUT_KEY];
    if (key) {
        return cli_usage(pass->args, "--output-key %s: the result has %s", key, keys);
    }
    return cli_usage(pass->args, "the result of %s has several parts, --output-key K with one of these is wanted: %s",
                     pass->model.name, keys);
}

/* NULL where there is none, or no path. */
static const lince_output *part(const char *path, const lince_output *outputs, size_t count)
{
    for (size_t i = 0; path && i < count; i++) {
        if (strcmp(outputs[i].path, path) == 0) {
            return &outputs[i];
        }
    }
    return NULL;
}

static bool same_shape(const lince_tensor *a, const lince_tensor *b)
{
    bool same = a->rank == b->rank;
    for (int i = 0; same && i < a->rank; i++) {
        same = a->dims[i] == b->dims[i];
    }
    return same;
}

/* A part of one of these dtypes with an element for each value, or NULL. */
static const lince_output *beside(const lince_output *o, const lince_output *values, lince_dtype one, lince_dtype other)
{
    bool fits = o && (o->tensor.dtype == one || o->tensor.dtype == other) && same_shape(&o->tensor, &values->tensor);
    return fits ? o : NULL;
}

int cli_result_of(struct cli_result *result, const struct cli_pass *pass, const lince_output *outputs, size_t count)
{
    const lince_output *values = part(pass->key ? pass->key : pass->task.output, outputs, count);
    if (!values) {
        return no_choice(pass, outputs, count);
    }
    const lince_output *texts = part(pass->task.texts, outputs, count),
                       *indices = part(pass->task.indices, outputs, count);
    *result = (struct cli_result){.values = values,
                                  .texts = beside(texts, values, LINCE_STRING, LINCE_STRING),
                                  .indices = beside(indices, values, LINCE_INT32, LINCE_INT64)};
    return CLI_DONE;
}
