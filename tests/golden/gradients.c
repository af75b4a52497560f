/* Gradients of a call by a layer: those of variables and of images, from the upstream gradients that are given. */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

struct wanted {
    lince_layer_options options;
    int32_t variables[512];
    lince_gradient gradient[513]; /* of the variables, then of the images */
    size_t count;
};

static void list_variables(struct wanted *w, const json_t *entry)
{
    const json_t *list = json_object_get(entry, "variables");
    lince_layer_options_init(&w->options);
    for (size_t i = 0; i < json_array_size(list) && i < 512; i++) {
        w->variables[i] = (int32_t)json_integer_value(json_array_get(list, i));
    }
    w->options.variables = w->variables;
    w->options.variable_count = json_array_size(list);
    w->options.input_gradients = json_is_object(json_object_get(entry, "image_gradient"));
}

/* Memory that holds a number, so that what adds can be told from what writes. */
static void take_room(struct wanted *w, lince_model *model, const lince_tensor *images, float before)
{
    size_t variables = w->options.variable_count;
    w->count = variables + (w->options.input_gradients != 0);
    for (size_t i = 0; i < w->count; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        lince_gradient *g = &w->gradient[i];
        *g = (lince_gradient){.variable = -1, .size_bytes = images->size_bytes, .add = before != 0};
        if (i < variables && lince_variable_info_at(model, (size_t)w->variables[i], &info, NULL) == LINCE_OK) {
            g->variable = w->variables[i];
            g->size_bytes = info.size_bytes;
        }
        g->data = malloc(g->size_bytes + 1);
        for (size_t k = 0; k < g->size_bytes / sizeof(float); k++) {
            ((float *)g->data)[k] = before;
        }
    }
}

static lince_tensor flat(const lince_gradient *g)
{
    return (lince_tensor){.dtype = LINCE_FLOAT32,
                          .rank = 1,
                          .dims = {(int64_t)(g->size_bytes / sizeof(float))},
                          .data = g->data,
                          .size_bytes = g->size_bytes};
}

/* Empty where no variable has a gradient. */
static lince_tensor read_pack(const struct golden *g, const json_t *pack)
{
    if (!json_is_object(pack)) {
        return (lince_tensor){.data = NULL};
    }
    json_t *file = json_pack("{s:O, s:O*, s:s}", "tensor", json_object_get(pack, "pack"), "offset",
                             json_object_get(pack, "offset"), "dtype", "float32");
    lince_tensor all = npy_read(g, file);
    json_decref(file);
    return all;
}

/* The pack holds one array after another, each with a tolerance of its own. */
static void compare(struct golden *g, const struct wanted *w, const json_t *entry, float before)
{
    const json_t *pack = json_object_get(entry, "pack"), *atol = json_object_get(pack, "atol");
    size_t at = 0, variables = w->options.variable_count;
    lince_tensor all = read_pack(g, pack);
    for (size_t i = 0; i < w->count; i++) {
        lince_tensor got = flat(&w->gradient[i]), want = got;
        for (size_t k = 0; k < got.size_bytes / sizeof(float); k++) {
            ((float *)got.data)[k] -= before;
        }
        if (i == variables) {
            const json_t *image = json_object_get(entry, "image_gradient");
            want = npy_read(g, image);
            floats_match(g, "images", &got, &want,
                         json_number_value(json_object_get(image, "atol")) + 1e-6 * (double)before,
                         json_number_value(json_object_get(image, "rtol")));
            free(want.data);
            continue;
        }
        char name[32];
        snprintf(name, sizeof name, "variable %d", (int)w->variables[i]);
        want.data = (char *)all.data + at;
        at += got.size_bytes;
        if (check(g, at <= all.size_bytes, "%s: the pack has %zu bytes", name, all.size_bytes)) {
            floats_match(g, name, &got, &want, json_number_value(json_array_get(atol, i)) + 1e-6 * (double)before,
                         json_number_value(json_object_get(pack, "rtol")));
        }
    }
    check(g, at == all.size_bytes, "the pack has %zu bytes, its variables %zu", all.size_bytes, at);
    free(all.data);
}

/* Each float leaf of the result has an upstream gradient, in flatten order. */
static size_t read_upstreams(struct golden *g, lince_tensor *upstream, const lince_pass *pass, const json_t *entry)
{
    const lince_output *out;
    size_t count, next = 0;
    const json_t *list = json_object_get(entry, "upstream");
    lince_pass_outputs(pass, &out, &count);
    for (size_t i = 0; i < count && i < 64; i++) {
        upstream[i] = (lince_tensor){.dtype = LINCE_DTYPE_NONE};
        if (out[i].tensor.dtype == LINCE_FLOAT32) {
            upstream[i] = npy_read(g, json_array_get(list, next++));
        }
    }
    check(g, next == json_array_size(list), "%zu upstream gradients, wanted %zu", json_array_size(list), next);
    return count;
}

/* Backward twice: written, then added to what is there. */
static void run_backward(struct golden *g, lince_model *model, lince_pass *pass, struct wanted *w,
                         const lince_tensor *images, const json_t *entry)
{
    lince_tensor upstream[64] = {{.data = NULL}};
    lince_error err = {0};
    size_t count = read_upstreams(g, upstream, pass, entry);
    for (int turn = 0; turn < 2; turn++) {
        float before = turn ? 0.25f : 0;
        take_room(w, model, images, before);
        lince_status st = lince_pass_backward(pass, upstream, count, 0, w->gradient, w->count, &err);
        if (check(g, st == LINCE_OK, "backward: %s", err.text)) {
            compare(g, w, entry, before);
        }
        for (size_t i = 0; i < w->count; i++) {
            free(w->gradient[i].data);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(upstream[i].data);
    }
}

static void check_entry(struct golden *g, lince_model *model, const json_t *entry, bool recompute)
{
    struct wanted w;
    struct arguments a;
    lince_callable *callable;
    lince_layer *layer = NULL;
    lince_pass *pass = NULL;
    lince_error err = {0};
    list_variables(&w, entry);
    w.options.recompute = recompute;
    arguments_read(g, &a, entry, false);
    lince_status st =
        lince_model_callable(model, json_string_value(json_object_get(entry, "callable")), &callable, &err);
    st = st ? st : lince_layer_new(&layer, callable, a.list, a.count, &w.options, &err);
    st = st ? st : lince_layer_forward(layer, a.inputs, a.input_count, NULL, &pass, &err);
    if (check(g, st == LINCE_OK, "forward: %s", err.text)) {
        run_backward(g, model, pass, &w, &a.inputs[0], entry);
    }
    lince_pass_free(pass);
    lince_layer_free(layer);
    arguments_free(&a);
}

void check_gradients(struct golden *g, lince_model *model)
{
    const json_t *list = json_object_get(g->manifest, "gradients");
    for (size_t i = 0; i < 2 * json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i / 2);
        g->call = json_string_value(json_object_get(entry, "id"));
        check_entry(g, model, entry, i % 2);
    }
}
