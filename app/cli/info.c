/* lince info: what a model says of itself, gathered as JSON and printed as such or for people (info_text.c). */
#include "info.h"
#include "model.h"
#include "say.h"

#include <string.h>

static json_t *texts(const char *const *text, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, app_json_text(text[i]));
    }
    return list;
}

static json_t *arguments_json(const lince_callable *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < lince_callable_argument_count(c); i++) {
        lince_argument_info info = {.struct_size = sizeof info};
        if (lince_callable_argument(c, i, &info, NULL) == LINCE_OK) {
            json_t *one = json_object();
            json_object_set_new(one, "name", app_json_text(info.name));
            json_object_set_new(one, "default", info.default_value ? app_json_text(info.default_value) : json_null());
            json_object_set_new(one, "required", json_boolean(!info.default_value));
            json_object_set_new(one, "keyword_only", json_boolean(info.keyword_only));
            json_array_append_new(list, one);
        }
    }
    return list;
}

/* Ops and what is unsupported go into the callable, and into those of all the model's. */
static int scan(json_t *into, struct app_list *all_ops, json_t *all_unsupported, lince_callable *c, const char *path)
{
    const char *const *text;
    size_t count;
    lince_error err;
    if (lince_callable_ops(c, &text, &count, &err)) {
        return cli_failed(path, &err);
    }
    for (size_t i = 0; i < count; i++) {
        if (app_list_add(all_ops, text[i], &err)) {
            return cli_failed(path, &err);
        }
    }
    if (lince_callable_unsupported(c, &text, &count, &err)) {
        return cli_failed(path, &err);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *known = json_object_get(all_unsupported, text[i]);
        known = known ? json_incref(known) : json_array();
        json_array_append_new(known, app_json_text(lince_callable_name(c)));
        json_object_set_new(all_unsupported, text[i], known);
    }
    json_object_set_new(into, "unsupported", texts(text, count));
    return CLI_DONE;
}

/* Each once, sorted. */
static json_t *ops_json(struct app_list *ops)
{
    json_t *list = json_array();
    app_list_sort(ops, 0);
    for (size_t i = 0; i < ops->count; i++) {
        if (i == 0 || strcmp(ops->text[i - 1], ops->text[i]) != 0) {
            json_array_append_new(list, app_json_text(ops->text[i]));
        }
    }
    return list;
}

static int callables_json(json_t *info, lince_model *model, const char *path)
{
    struct app_list ops = {0};
    json_t *list = json_array(), *signatures = json_array(), *unsupported = json_object();
    int status = CLI_DONE;
    for (size_t i = 0; i < lince_model_callable_count(model); i++) {
        lince_callable *c = lince_model_callable_at(model, i);
        const char *name = lince_callable_name(c);
        json_t *one = json_object(), *traces = json_array();
        for (size_t k = 0; k < lince_callable_trace_count(c); k++) {
            json_array_append_new(traces, app_json_text(lince_callable_trace(c, k)));
        }
        json_object_set_new(one, "name", app_json_text(name));
        json_object_set_new(one, "arguments", arguments_json(c));
        json_object_set_new(one, "traces", traces);
        int scanned = scan(one, &ops, unsupported, c, path);
        status = status ? status : scanned;
        json_array_append_new(list, one);
        if (strncmp(name, "signatures.", 11) == 0) {
            json_array_append_new(signatures, app_json_text(name + 11));
        }
    }
    json_object_set_new(info, "callables", list);
    json_object_set_new(info, "signatures", signatures);
    json_object_set_new(info, "ops", ops_json(&ops));
    app_list_free(&ops);
    json_object_set_new(info, "unsupported", unsupported);
    return status;
}

static int losses_json(json_t *info, lince_model *model, const struct cli_args *args)
{
    int64_t count = lince_loss_count(model);
    json_object_set_new(info, "losses", count < 0 ? json_null() : json_integer(count));
    if (!cli_has(args, OPT_LOSSES) || count < 0) {
        return CLI_DONE;
    }
    json_t *values = json_array();
    json_object_set_new(info, "loss_values", values);
    for (int64_t i = 0; i < count; i++) {
        float value;
        lince_error err;
        if (lince_loss_value(model, (size_t)i, &value, &err)) {
            return cli_failed(args->operand[0], &err);
        }
        json_array_append_new(values, app_json_real((double)value));
    }
    return CLI_DONE;
}

static json_t *side(int32_t pixels)
{
    return pixels > 0 ? json_integer(pixels) : json_null();
}

static json_t *image_json(lince_callable *c, const struct cli_args *args)
{
    lince_image_info takes;
    cli_images_of(&takes, c);
    if (takes.dtype == LINCE_DTYPE_NONE) {
        return json_null();
    }
    json_t *image = json_object();
    bool free = !takes.height || !takes.width;
    json_object_set_new(image, "height", side(takes.height));
    json_object_set_new(image, "width", side(takes.width));
    json_object_set_new(image, "channels", side(takes.channels));
    json_object_set_new(image, "default_height", side(takes.default_height));
    json_object_set_new(image, "default_width", side(takes.default_width));
    json_object_set_new(image, "dtype", json_string(lince_dtype_name(takes.dtype)));
    json_object_set_new(image, "smallest",
                        side(free && cli_takes_photos(&takes) ? (int32_t)cli_smallest_side(c, args) : 0));
    return image;
}

static const char *scores_name(lince_scores scores)
{
    static const char *const names[] = {[LINCE_SCORES_LOGITS] = "logits",
                                        [LINCE_SCORES_PROBABILITIES] = "probabilities",
                                        [LINCE_SCORES_SHARES] = "shares"};
    return names[scores];
}

/* Of what is called when nobody says, or of whatever can be called first. */
static int task_json(json_t *info, lince_model *model, const struct cli_args *args)
{
    lince_task_info task = {.struct_size = sizeof task, .results = -1, .reason = "nothing of it can be called"};
    lince_callable *c = lince_model_default(model);
    lince_callable *first = c ? c : lince_model_callable_at(model, 0);
    lince_error err;
    if (first && lince_callable_task(first, NULL, &task, &err)) {
        return cli_failed(args->operand[0], &err);
    }
    bool known = c && task.results >= 0;
    json_object_set_new(info, "default", c ? app_json_text(lince_callable_name(c)) : json_null());
    json_object_set_new(info, "task", json_string(cli_task_name(task.task)));
    json_object_set_new(info, "task_reason", json_string(task.reason));
    json_object_set_new(info, "image", c ? image_json(c, args) : json_null());
    json_object_set_new(info, "outputs", known ? json_integer(task.results) : json_null());
    json_object_set_new(info, "output", known ? app_json_text(task.output) : json_null());
    json_object_set_new(info, "scores", known ? json_string(scores_name(task.scores)) : json_null());
    return CLI_DONE;
}

/* Of the collection and of the object graph: a file may stand in both. */
static bool holds(const json_t *list, const char *path)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (strcmp(json_string_value(one), path) == 0) {
            return true;
        }
    }
    return false;
}

static void assets_json(json_t *info, lince_model *model)
{
    json_t *list = json_array();
    for (size_t i = 0; i < lince_asset_count(model); i++) {
        const char *path;
        lince_error err;
        if (lince_asset_path(model, i, &path, &err)) {
            app_say("%s", err.text);
        } else if (!holds(list, path)) {
            json_array_append_new(list, app_json_text(path));
        }
    }
    json_object_set_new(info, "assets", list);
}

static int gather(json_t *info, lince_model *model, const struct cli_args *args)
{
    lince_model_info facts = {.struct_size = sizeof facts};
    lince_error err;
    if (lince_model_get_info(model, &facts, &err)) {
        return cli_failed(args->operand[0], &err);
    }
    json_object_set_new(info, "model", app_json_text(args->operand[0]));
    json_object_set_new(info, "tags", app_json_text(facts.tags));
    json_object_set_new(info, "tensorflow_version", app_json_text(facts.tensorflow_version));
    CLI_TRY(task_json(info, model, args));
    CLI_TRY(callables_json(info, model, args->operand[0]));
    CLI_TRY(losses_json(info, model, args));
    assets_json(info, model);
    json_object_set_new(info, "objects", json_integer(facts.objects));
    json_object_set_new(info, "functions", json_integer(facts.functions));
    json_object_set_new(info, "graph_bytes", json_integer((json_int_t)facts.pb_bytes));
    json_object_set_new(info, "variable_bytes", json_integer((json_int_t)facts.variable_bytes));
    return cli_variables_json(info, model, args->operand[0]);
}

int cli_info(const struct cli_args *args)
{
    lince_model_options options;
    lince_model *model;
    lince_error err;
    CLI_TRY(cli_model_options(&options, args));
    if (lince_model_open(&model, args->operand[0], &options, &err)) {
        return cli_failed(args->operand[0], &err);
    }
    json_t *info = json_object();
    int status = gather(info, model, args);
    if (!status && cli_json(args)) {
        app_json_line(stdout, json_incref(info));
    } else if (!status) {
        cli_info_print(info);
    }
    json_decref(info);
    lince_model_close(model);
    return status ? status : cli_flush();
}
