/* lince info for people. */
#include "info.h"
#include "say.h"

#include <string.h>

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* Texts of the model, in a line between texts of ours. */
static void show(const char *before, const char *name, const char *after)
{
    fputs(before, stdout);
    cli_show(name, 0);
    fputs(after, stdout);
}

/* The object itself goes without saying. */
static void print_default(const json_t *info)
{
    const char *name = text(info, "default");
    if (!*name) {
        printf("default:     none; --function or --signature says what is called\n");
    } else if (strcmp(name, "__call__") != 0) {
        show("default:     ", name, ", as the model itself cannot be called\n");
    }
}

static long long number(const json_t *object, const char *key)
{
    return (long long)json_integer_value(json_object_get(object, key));
}

static void print_image(const json_t *image)
{
    if (!json_is_object(image)) {
        printf("images:      no; what it takes stands below\n");
        return;
    }
    const char *const keys[] = {"height", "width", "channels"};
    printf("images:      %s [batch", text(image, "dtype"));
    for (size_t i = 0; i < APP_COUNT(keys); i++) {
        const json_t *side = json_object_get(image, keys[i]);
        if (json_is_integer(side)) {
            printf(", %lld", (long long)json_integer_value(side));
        } else {
            printf(", any");
        }
    }
    printf("]");
    if (number(image, "smallest") > 1) {
        printf(", from %lld pixels on", number(image, "smallest"));
    }
    bool fixed = number(image, "height") && number(image, "width");
    if (!fixed && number(image, "default_height") && number(image, "default_width")) {
        printf(", usually %lldx%lld", number(image, "default_height"), number(image, "default_width"));
    }
    printf("\n");
}

/* "x, flag=True"; "*" stands before the first that must be named. */
static void print_arguments(const json_t *list)
{
    size_t i;
    json_t *argument;
    bool named = false;
    json_array_foreach(list, i, argument)
    {
        bool keyword = json_is_true(json_object_get(argument, "keyword_only"));
        printf("%s%s", i ? ", " : "", keyword && !named ? "*, " : "");
        named |= keyword;
        show("", text(argument, "name"), "");
        if (!json_is_true(json_object_get(argument, "required"))) {
            show("=", text(argument, "default"), "");
        }
    }
}

static void print_callables(const json_t *list)
{
    size_t i, k;
    json_t *c, *one;
    printf("\ncallables:\n");
    json_array_foreach(list, i, c)
    {
        show("  ", text(c, "name"), "(");
        print_arguments(json_object_get(c, "arguments"));
        printf(")\n");
        json_array_foreach(json_object_get(c, "traces"), k, one)
        {
            show("      ", json_string_value(one), "\n");
        }
    }
}

static void print_ops(const json_t *info)
{
    const json_t *unsupported = json_object_get(info, "unsupported"), *ops = json_object_get(info, "ops");
    const char *key;
    json_t *value, *name;
    size_t at = 2, i;
    printf("\nops (%zu):\n ", json_array_size(ops));
    json_array_foreach(ops, i, name)
    {
        const char *op = json_string_value(name);
        at += strlen(op) + 1;
        if (at > 100) {
            printf("\n ");
            at = strlen(op) + 3;
        }
        show(" ", op, "");
    }
    printf("\n\nunsupported: %s\n", json_object_size(unsupported) ? "" : "nothing");
    json_object_foreach((json_t *)unsupported, key, value)
    {
        show("  ", key, ", needed by");
        json_array_foreach(value, i, name)
        {
            show(i ? ", " : " ", json_string_value(name), "");
        }
        printf("\n");
    }
}

/* The model's own list comes first; what else can be reached follows. */
static void print_variable_count(const json_t *list)
{
    size_t i, listed = 0;
    json_t *v;
    json_array_foreach(list, i, v)
    {
        listed += json_is_true(json_object_get(v, "listed"));
    }
    if (listed < json_array_size(list)) {
        printf("\nvariables (%zu, then %zu that the model does not list; * trainable):\n", listed,
               json_array_size(list) - listed);
    } else {
        printf("\nvariables (%zu; * trainable):\n", json_array_size(list));
    }
}

static void print_variables(const json_t *info)
{
    const json_t *list = json_object_get(info, "variables");
    size_t i;
    json_t *v;
    print_variable_count(list);
    json_array_foreach(list, i, v)
    {
        show(json_is_true(json_object_get(v, "trainable")) ? "  * " : "    ", text(v, "name"), "  ");
        cli_variable_print(v);
        printf("\n");
    }
}

static void print_losses(const json_t *info)
{
    const json_t *count = json_object_get(info, "losses");
    size_t i;
    json_t *value;
    if (!json_is_integer(count)) {
        printf("losses:      none stated\n");
        return;
    }
    printf("losses:      %lld\n", (long long)json_integer_value(count));
    json_array_foreach(json_object_get(info, "loss_values"), i, value)
    {
        printf("             %.9g\n", json_number_value(value));
    }
}

/* Logits and features look the same: nothing is said of them. */
static void print_outputs(const json_t *info)
{
    const json_t *outputs = json_object_get(info, "outputs");
    const char *scores = text(info, "scores"), *output = text(info, "output");
    if (!json_is_integer(outputs)) {
        printf("outputs:     see below\n");
        return;
    }
    printf("outputs:     %lld", (long long)json_integer_value(outputs));
    if (strcmp(scores, "logits") != 0) {
        printf(" %s", scores);
    }
    show(*output ? " (" : "", output, *output ? ")\n" : "\n");
}

static void print_head(const json_t *info)
{
    show("model:       ", text(info, "model"), "\n");
    print_default(info);
    printf("task:        %s (%s)\n", text(info, "task"), text(info, "task_reason"));
    print_image(json_object_get(info, "image"));
    print_outputs(info);
}

void cli_info_print(const json_t *info)
{
    char graph[32], variables[32];
    size_t i;
    json_t *one;
    print_head(info);
    print_losses(info);
    printf("size:        variables %s, graph %s\n",
           cli_size_text(variables, json_integer_value(json_object_get(info, "variable_bytes"))),
           cli_size_text(graph, json_integer_value(json_object_get(info, "graph_bytes"))));
    show("written by:  TensorFlow ",
         *text(info, "tensorflow_version") ? text(info, "tensorflow_version") : "(not said)", ", tags \"");
    show("", text(info, "tags"), "\"\n");
    json_array_foreach(json_object_get(info, "assets"), i, one)
    {
        show("asset:       ", json_string_value(one), "\n");
    }
    print_callables(json_object_get(info, "callables"));
    print_ops(info);
    print_variables(info);
}
