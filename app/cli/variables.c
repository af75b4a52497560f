/* lince variables: list a model's variables, take their values out, put values in. */
#include "archive.h"
#include "info.h"
#include "model.h"
#include "say.h"

#include <string.h>

/* ---- Listing ---- */

static void in_list(const lince_model *model, lince_variable_list which, json_t *variables, const char *key)
{
    const int32_t *indices;
    size_t count;
    lince_model_variables(model, which, &indices, &count);
    for (size_t i = 0; indices && i < count; i++) {
        json_t *one = json_array_get(variables, (size_t)indices[i]);
        json_object_set_new(one, key, json_true());
    }
}

int cli_variables_json(json_t *into, const lince_model *model, const char *path)
{
    json_t *list = json_array();
    lince_error err;
    const int32_t *indices;
    size_t count;
    lince_model_variables(model, LINCE_TRAINABLE_VARIABLES, &indices, &count);
    json_object_set_new(into, "variables", list);
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info v = {.struct_size = sizeof v};
        if (lince_variable_info_at(model, i, &v, &err)) {
            return cli_failed(path, &err);
        }
        json_t *one = json_object(), *shape = json_array();
        for (int d = 0; d < v.rank; d++) {
            json_array_append_new(shape, json_integer(v.dims[d]));
        }
        json_object_set_new(one, "index", json_integer((json_int_t)i));
        json_object_set_new(one, "name", app_json_text(v.name));
        json_object_set_new(one, "dtype", json_string(lince_dtype_name(v.dtype)));
        json_object_set_new(one, "shape", shape);
        json_object_set_new(one, "trainable", json_boolean(!indices && v.trainable));
        json_object_set_new(one, "listed", json_false());
        json_array_append_new(list, one);
    }
    in_list(model, LINCE_TRAINABLE_VARIABLES, list, "trainable");
    in_list(model, LINCE_VARIABLES, list, "listed");
    return CLI_DONE;
}

void cli_variable_print(const json_t *variable)
{
    size_t i;
    json_t *dim;
    printf("%s[", json_string_value(json_object_get(variable, "dtype")));
    json_array_foreach(json_object_get(variable, "shape"), i, dim)
    {
        printf("%s%lld", i ? "," : "", (long long)json_integer_value(dim));
    }
    printf("]");
}

static void print_list(const json_t *list)
{
    size_t i;
    json_t *v;
    int width = snprintf(NULL, 0, "%zu", json_array_size(list) ? json_array_size(list) - 1 : 0);
    json_array_foreach(list, i, v)
    {
        printf("%*zu  ", width, i);
        cli_show(json_string_value(json_object_get(v, "name")), 0);
        printf("  ");
        cli_variable_print(v);
        printf("%s\n", json_is_true(json_object_get(v, "trainable")) ? "  trainable" : "");
    }
}

static int list(const lince_model *model, const struct cli_args *args)
{
    json_t *object = json_object();
    json_object_set_new(object, "model", app_json_text(args->operand[0]));
    int status = cli_variables_json(object, model, args->operand[0]);
    if (!status && cli_json(args)) {
        app_json_line(stdout, json_incref(object));
    } else if (!status) {
        print_list(json_object_get(object, "variables"));
    }
    json_decref(object);
    return status ? status : cli_flush();
}

/* ---- The command ---- */

static int save(lince_model *model, const struct cli_args *args)
{
    const char *path = args->value[OPT_OUTPUT];
    lince_save_options options;
    lince_error err;
    lince_save_options_init(&options);
    options.overwrite = cli_has(args, OPT_OVERWRITE);
    app_signals_hold();
    lince_status st = lince_model_save(model, path, &options, &err);
    app_signals_release();
    return st ? cli_failed(path, &err) : CLI_DONE;
}

static int check_usage(const struct cli_args *args)
{
    bool in = cli_has(args, OPT_IMPORT), out = cli_has(args, OPT_EXPORT);
    if (in && out) {
        return cli_usage(args, "--export and --import: one at a time");
    }
    if (in != cli_has(args, OPT_OUTPUT)) {
        return cli_usage(args, in ? "--import needs --output DIR, where the new model goes"
                                  : "--output is where the model with the values of --import goes");
    }
    if ((in || out) && cli_json(args)) {
        return cli_usage(args, "--json is for the list of variables");
    }
    return CLI_DONE;
}

int cli_variables(const struct cli_args *args)
{
    lince_model_options options;
    lince_model *model;
    lince_error err;
    int status;
    CLI_TRY(check_usage(args));
    CLI_TRY(cli_model_options(&options, args));
    if (lince_model_open(&model, args->operand[0], &options, &err)) {
        return cli_failed(args->operand[0], &err);
    }
    if (cli_has(args, OPT_EXPORT)) {
        status = cli_archive_export(model, args, args->value[OPT_EXPORT]);
    } else if (cli_has(args, OPT_IMPORT)) {
        status = cli_archive_import(model, args->value[OPT_IMPORT]);
        status = status ? status : save(model, args);
    } else {
        status = list(model, args);
    }
    lince_model_close(model);
    return status;
}
