/* --input: arrays from files. */
#include "arrays.h"
#include "photos.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "PATH=X.npy" or "X.npy". A file that is there under the whole name is meant itself. */
static const char *file_of(const char *text, size_t *path_length)
{
    const char *equal = strchr(text, '=');
    if (!equal || access(text, F_OK) == 0) {
        *path_length = 0;
        return text;
    }
    *path_length = (size_t)(equal - text);
    return equal + 1;
}

/* Whether a path of an argument leads to this place in a trace, which names arguments that may be given by position. */
static bool leads_to(const lince_callable *callable, const char *path, const char *place)
{
    lince_argument_info argument = {.struct_size = sizeof argument};
    size_t digits = strspn(path, "0123456789");
    if (digits == 0 || (path[digits] != '\0' && path[digits] != '/') ||
        lince_callable_argument(callable, strtoul(path, NULL, 10), &argument, NULL)) {
        return strcmp(path, place) == 0;
    }
    size_t length = strlen(argument.name);
    return strncmp(place, argument.name, length) == 0 && strcmp(place + length, path + digits) == 0;
}

static bool wants(const lince_callable *callable, const char *path, lince_dtype dtype)
{
    lince_tensor_info info = {.struct_size = sizeof info};
    for (size_t t = 0; t < lince_callable_trace_count(callable); t++) {
        for (size_t i = 0; lince_callable_input(callable, t, i, &info, NULL) == LINCE_OK; i++) {
            if (info.dtype == dtype && leads_to(callable, path, info.path)) {
                return true;
            }
        }
    }
    return false;
}

static int add_input(struct cli_inputs *in, const struct cli_args *args, const lince_callable *callable,
                     const char *text, size_t *position)
{
    size_t length;
    lince_error err;
    const char *file = file_of(text, &length);
    char path[1024];
    if (file != text && (length == 0 || length >= sizeof path)) {
        return cli_usage(args, "--input %s: [PATH=]X.npy is wanted", text);
    }
    if (length) {
        snprintf(path, sizeof path, "%.*s", (int)length, text);
    } else {
        snprintf(path, sizeof path, "%zu", (*position)++);
    }
    if (app_npy_read(file, &in->array[in->count], &err)) {
        return cli_failed(file, &err);
    }
    lince_tensor *t = &in->tensor[in->count];
    *t = in->array[in->count].tensor;
    if (t->dtype == LINCE_UINT16 && !wants(callable, path, LINCE_UINT16) && wants(callable, path, LINCE_BFLOAT16)) {
        t->dtype = LINCE_BFLOAT16; /* numpy has none: its bits are stored */
    }
    in->count++;
    return cli_arguments_input(&in->arguments, path);
}

int cli_inputs_from(struct cli_inputs *in, const struct cli_args *args, const lince_callable *callable)
{
    size_t position = 0;
    in->array = calloc(args->given_count + 1, sizeof *in->array);
    in->tensor = calloc(args->given_count + 1, sizeof *in->tensor);
    if (!in->array || !in->tensor) {
        app_say("no memory for the inputs");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].option == OPT_INPUT) {
            CLI_TRY(add_input(in, args, callable, args->given[i].value, &position));
        }
    }
    return cli_arguments_from(&in->arguments, args);
}

/* Any number of channels, as nobody needs to see them. */
static int check_noise(const struct cli_args *args, const struct cli_model *m, const lince_image_info *takes)
{
    return takes->dtype == LINCE_FLOAT32 || takes->dtype == LINCE_UINT8 ? CLI_DONE : cli_image_kind(args, m, takes);
}

/* The same noise every time. */
static void fill(const lince_tensor *t)
{
    uint32_t noise = 1;
    for (size_t i = 0, n = cli_elements(t); i < n; i++) {
        noise = noise * 1664525u + 1013904223u;
        if (t->dtype == LINCE_UINT8) {
            ((uint8_t *)t->data)[i] = (uint8_t)(noise >> 24);
        } else {
            ((float *)t->data)[i] = (float)(noise >> 8) / (float)(1 << 24);
        }
    }
}

int cli_inputs_image(struct cli_inputs *in, const struct cli_args *args, const struct cli_model *m, int64_t batch)
{
    lince_image_info takes;
    struct cli_image image = {0};
    cli_images_of(&takes, m->callable);
    CLI_TRY(check_noise(args, m, &takes));
    CLI_TRY(cli_image_size(&image, args, m, &takes));
    CLI_TRY(cli_batch_fit(&batch, args, m, &takes));
    lince_tensor t = cli_images(image.bytes, batch, image.height, image.width);
    t.dims[3] = takes.channels ? takes.channels : 3;
    t.size_bytes = cli_elements(&t) * lince_dtype_size(t.dtype);
    in->array = calloc(1, sizeof *in->array);
    in->tensor = calloc(1, sizeof *in->tensor);
    if (!in->array || !in->tensor || posix_memalign(&in->array->memory, 64, t.size_bytes + 1)) {
        app_say("no memory for %lld images of %lldx%lld", (long long)t.dims[0], (long long)image.height,
                (long long)image.width);
        return CLI_FAILED;
    }
    t.data = in->array->memory;
    fill(&t);
    in->tensor[0] = t;
    in->count = 1;
    CLI_TRY(cli_arguments_input(&in->arguments, "0"));
    return cli_arguments_from(&in->arguments, args);
}

void cli_inputs_free(struct cli_inputs *in)
{
    for (size_t i = 0; i < in->count; i++) {
        app_array_free(&in->array[i]);
    }
    free(in->array);
    free(in->tensor);
    cli_arguments_free(&in->arguments);
    *in = (struct cli_inputs){0};
}
