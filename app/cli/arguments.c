/* What a model is called with: --input, --set, --training. */
#include "model.h"
#include "say.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NESTING_LIMIT 32

static int out_of_memory(void)
{
    app_say("no memory for the arguments of the call");
    return CLI_FAILED;
}

/* A text that lives as long as the arguments. */
static const char *keep(struct cli_arguments *a, const char *text)
{
    return app_list_add(&a->texts, text, NULL) ? NULL : a->texts.text[a->texts.count - 1];
}

static int add(struct cli_arguments *a, const char *path, lince_argument argument)
{
    if (a->count == a->room) {
        size_t room = a->room ? a->room * 2 : 8;
        lince_argument *grown = realloc(a->argument, room * sizeof *grown);
        if (!grown) {
            return out_of_memory();
        }
        a->argument = grown;
        a->room = room;
    }
    argument.path = keep(a, path);
    a->argument[a->count++] = argument;
    return argument.path ? CLI_DONE : out_of_memory();
}

int cli_arguments_input(struct cli_arguments *a, const char *path)
{
    return add(a, path, (lince_argument){.kind = LINCE_ARG_INPUT});
}

/* Tensors are allocated one by one, since arguments point to them. */
static int add_tensor(struct cli_arguments *a, const char *path, const char *file)
{
    lince_error err;
    struct app_array *arrays = realloc(a->array, (a->array_count + 1) * sizeof *arrays);
    a->array = arrays ? arrays : a->array;
    lince_tensor **tensors = arrays ? realloc(a->tensor, (a->array_count + 1) * sizeof *tensors) : NULL;
    a->tensor = tensors ? tensors : a->tensor;
    lince_tensor *tensor = tensors ? malloc(sizeof *tensor) : NULL;
    if (!tensor) {
        return out_of_memory();
    }
    if (app_npy_read(file, &a->array[a->array_count], &err)) {
        free(tensor);
        return cli_failed(file, &err);
    }
    *tensor = a->array[a->array_count].tensor;
    a->tensor[a->array_count++] = tensor;
    return add(a, path, (lince_argument){.kind = LINCE_ARG_TENSOR, .tensor = tensor});
}

static int add_json(struct cli_arguments *a, const char *path, const json_t *value, int depth);

/* "PATH/NAME", the name's own "~" and "/" as paths have them. */
static char *path_inside(const char *path, const char *name)
{
    char *inside = malloc(strlen(path) + 1 + 2 * strlen(name) + 1);
    char *to = inside ? stpcpy(stpcpy(inside, path), "/") : NULL;
    for (; to && *name; name++) {
        if (*name == '/' || *name == '~') {
            to = stpcpy(to, *name == '/' ? "~1" : "~0");
        } else {
            *to++ = *name;
        }
    }
    if (to) {
        *to = '\0';
    }
    return inside;
}

static int add_member(struct cli_arguments *a, const char *path, const char *name, const json_t *value, int depth)
{
    char *inside = path_inside(path, name);
    if (!inside) {
        return out_of_memory();
    }
    int status = add_json(a, inside, value, depth + 1);
    free(inside);
    return status;
}

static int add_container(struct cli_arguments *a, const char *path, const json_t *value, int depth)
{
    if (depth == NESTING_LIMIT) {
        app_say("--set %s: nested deeper than %d", path, NESTING_LIMIT);
        return CLI_USAGE;
    }
    CLI_TRY(add(a, path, (lince_argument){.kind = json_is_array(value) ? LINCE_ARG_LIST : LINCE_ARG_DICT}));
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        CLI_TRY(add_member(a, path, number, json_array_get(value, i), depth));
    }
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        CLI_TRY(add_member(a, path, key, member, depth));
    }
    return CLI_DONE;
}

static int add_json(struct cli_arguments *a, const char *path, const json_t *value, int depth)
{
    switch (json_typeof(value)) {
    case JSON_NULL:
        return add(a, path, (lince_argument){.kind = LINCE_ARG_NONE});
    case JSON_TRUE:
    case JSON_FALSE:
        return add(a, path, (lince_argument){.kind = LINCE_ARG_BOOL, .i = json_is_true(value)});
    case JSON_INTEGER:
        return add(a, path, (lince_argument){.kind = LINCE_ARG_INT, .i = json_integer_value(value)});
    case JSON_REAL:
        return add(a, path, (lince_argument){.kind = LINCE_ARG_FLOAT, .f = json_real_value(value)});
    case JSON_STRING: {
        const char *text = keep(a, json_string_value(value));
        return text ? add(a, path, (lince_argument){.kind = LINCE_ARG_STRING, .s = text}) : out_of_memory();
    }
    default:
        return add_container(a, path, value, depth);
    }
}

static int add_set(struct cli_arguments *a, const struct cli_args *args, const char *text)
{
    json_error_t why;
    const char *equal = strchr(text, '=');
    if (!equal || equal == text) {
        return cli_usage(args, "--set %s: NAME=VALUE is wanted", text);
    }
    char *path = strndup(text, (size_t)(equal - text));
    if (!path) {
        return out_of_memory();
    }
    int status;
    if (equal[1] == '@') {
        status = add_tensor(a, path, equal + 2);
    } else {
        json_t *value = json_loads(equal + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
        status =
            value ? add_json(a, path, value, 0)
                  : cli_usage(args, "--set %s: the value is no JSON (true, 0.9, null, \"text\") and no @X.npy", text);
        json_decref(value);
    }
    free(path);
    return status;
}

int cli_arguments_from(struct cli_arguments *a, const struct cli_args *args)
{
    bool training = cli_has(args, OPT_TRAINING), frozen = cli_has(args, OPT_NO_TRAINING);
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].option == OPT_SET) {
            CLI_TRY(add_set(a, args, args->given[i].value));
        }
    }
    if (training && frozen) {
        return cli_usage(args, "--training and --no-training: only one of them makes sense");
    }
    if (training || frozen) {
        return add(a, "training", (lince_argument){.kind = LINCE_ARG_BOOL, .i = training});
    }
    return CLI_DONE;
}

lince_status cli_session_new(lince_session **session, lince_callable *callable, const struct cli_arguments *a,
                             bool layer, lince_error *err)
{
    static const lince_argument none; /* no argument at all is an empty list, not the default of one image */
    lince_session_options options;
    lince_session_options_init(&options);
    options.layer = layer;
    return lince_session_new(session, callable, a->count ? a->argument : &none, a->count, &options, err);
}

void cli_arguments_free(struct cli_arguments *a)
{
    for (size_t i = 0; i < a->array_count; i++) {
        app_array_free(&a->array[i]);
        free(a->tensor[i]);
    }
    free(a->array);
    free(a->tensor);
    free(a->argument);
    app_list_free(&a->texts);
    *a = (struct cli_arguments){0};
}
