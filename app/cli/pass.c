/* Photos through a model, batch by batch, while the next ones are decoded. */
#include "arrays.h"
#include "photos.h"
#include "say.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BATCH 8

/* A part that the trace does not name is looked for in the result. */
static int find_task(struct cli_pass *pass)
{
    lince_error err;
    pass->task = (lince_task_info){.struct_size = sizeof pass->task, .results = -1, .classes = -1, .background = -1};
    pass->key = cli_key_path(pass->model.callable, pass->args->value[OPT_OUTPUT_KEY]);
    lince_status st = lince_callable_task(pass->model.callable, pass->key, &pass->task, &err);
    return st && st != LINCE_ENOENT ? cli_failed(pass->model.path, &err) : CLI_DONE;
}

int cli_pass_begin(struct cli_pass *pass, const struct cli_args *args)
{
    *pass = (struct cli_pass){.args = args, .batch = DEFAULT_BATCH};
    CLI_TRY(cli_batch(args, &pass->batch));
    return cli_image_options(&pass->image, args);
}

int cli_pass_open(struct cli_pass *pass)
{
    const struct cli_args *args = pass->args;
    CLI_TRY(cli_model_open(&pass->model, args));
    cli_images_of(&pass->takes, pass->model.callable);
    CLI_TRY(cli_image_kind(args, &pass->model, &pass->takes));
    CLI_TRY(cli_image_size(&pass->image, args, &pass->model, &pass->takes));
    CLI_TRY(cli_batch_fit(&pass->batch, args, &pass->model, &pass->takes));
    return find_task(pass);
}

void cli_pass_close(struct cli_pass *pass)
{
    cli_model_close(&pass->model);
    app_list_free(&pass->photos);
}

/* The work of a pass, beside what the command sees of it. */
struct work {
    struct cli_pass *pass;
    lince_session *session;
    struct cli_loader *loader;
    size_t batch, width, *index;
    float *images, *values;
    int64_t *numbers;
    uint8_t *bytes;
    struct cli_progress progress;
    bool taken;
};

/* A chosen result as rows of floats. */
static int rows_of(struct work *w, const lince_output *o, size_t fed, size_t rows)
{
    const lince_tensor *t = &o->tensor;
    char shape[192];
    size_t count = cli_elements(t), width = fed ? count / fed : 0;
    bool number = t->dtype == LINCE_FLOAT32 || t->dtype == LINCE_FLOAT64 || t->dtype == LINCE_FLOAT16 ||
                  t->dtype == LINCE_BFLOAT16;
    if (fed == 0 && t->rank > 0) {
        width = 1;
        for (int i = 1; i < t->rank; i++) {
            width *= (size_t)t->dims[i];
        }
    }
    if (!number || t->rank < (w->pass->flat ? 1 : 2) || t->dims[0] != (int64_t)fed || (w->taken && width != w->width)) {
        app_say("%s: %s gives %s%s for %zu images, floats [%zu, n] are wanted", w->pass->model.path,
                w->pass->model.name, lince_dtype_name(t->dtype), cli_shape(shape, t), fed, fed);
        return CLI_FAILED;
    }
    float *values = realloc(w->values, (rows * width + 1) * sizeof *values);
    if (!values) {
        app_say("no memory for %zu results", rows * width);
        return CLI_FAILED;
    }
    w->values = values;
    w->width = width;
    for (size_t i = 0; i < rows * width; i++) {
        values[i] = t->dtype == LINCE_FLOAT32 ? ((const float *)t->data)[i] : (float)cli_element(t, i, false);
    }
    return CLI_DONE;
}

/* A class for each value; *out stays NULL when the model gives none. */
static int numbers_of(const int64_t **out, struct work *w, const lince_output *o)
{
    size_t n = o ? cli_elements(&o->tensor) : 0;
    if (!o) {
        return CLI_DONE;
    }
    int64_t *numbers = realloc(w->numbers, (n + 1) * sizeof *numbers);
    if (!numbers) {
        app_say("no memory for %zu results", n);
        return CLI_FAILED;
    }
    for (size_t i = 0; i < n; i++) {
        numbers[i] = o->tensor.dtype == LINCE_INT32 ? ((const int32_t *)o->tensor.data)[i]
                                                    : ((const int64_t *)o->tensor.data)[i];
    }
    *out = w->numbers = numbers;
    return CLI_DONE;
}

static int pass_on(struct work *w, size_t fed, size_t rows, const lince_output *outputs, size_t count)
{
    struct cli_result result;
    CLI_TRY(cli_result_of(&result, w->pass, outputs, count));
    CLI_TRY(rows_of(w, result.values, fed, rows));
    struct cli_batch batch = {.value = w->values, .rows = rows, .width = w->width, .index = w->index};
    batch.text = result.texts ? result.texts->tensor.data : NULL;
    CLI_TRY(numbers_of(&batch.number, w, result.indices));
    w->taken = true;
    return w->pass->take(w->pass, &batch);
}

/* [0, 1] to 0..255, to the nearest. */
static void to_bytes(uint8_t *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float x = from[i] * 255 + 0.5f;
        to[i] = (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
    }
}

/* Call the model with `rows` pictures; a trace with a fixed batch gets black ones besides. */
static int call(struct work *w, size_t rows)
{
    struct cli_pass *pass = w->pass;
    const struct cli_image *image = &pass->image;
    size_t fed = pass->takes.batch > 0 ? (size_t)pass->takes.batch : rows;
    size_t pixels = (size_t)image->height * (size_t)image->width * 3;
    lince_tensor in = cli_images(image->bytes, (int64_t)fed, image->height, image->width);
    const lince_output *outputs;
    size_t count;
    lince_error err;
    memset(w->images + rows * pixels, 0, (fed - rows) * pixels * sizeof(float));
    if (image->bytes) {
        to_bytes(w->bytes, w->images, fed * pixels);
    }
    in.data = image->bytes ? (void *)w->bytes : w->images;
    if (lince_session_run(w->session, &in, 1, &outputs, &count, &err)) {
        CLI_TRY(w->taken ? CLI_DONE : cli_too_small(image, pass->args, &pass->model, &pass->takes));
        return cli_failed(pass->model.path, &err);
    }
    return pass_on(w, fed, rows, outputs, count);
}

static int work_through(struct work *w)
{
    size_t got;
    cli_progress_start(&w->progress, w->pass->args, w->pass->photos.count, w->pass->lines);
    do {
        cli_loader_next(w->loader, w->batch, w->images, w->index, &got);
        if (got > 0 || !w->taken) { /* with no photo at all, an empty batch tells what the model gives */
            CLI_TRY(call(w, got));
        }
        cli_progress_to(&w->progress, cli_loader_taken(w->loader), cli_loader_failed(w->loader));
    } while (got > 0);
    w->pass->complete = true;
    return cli_loader_failed(w->loader) ? CLI_FAILED : CLI_DONE;
}

int cli_decoders(const struct cli_args *args, int64_t *threads)
{
    cpu_set_t set;
    *threads = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return cli_threads(args, threads);
}

static int open_session(struct work *w)
{
    struct cli_arguments arguments = {0};
    lince_error err;
    int status = cli_arguments_input(&arguments, "0");
    status = status ? status : cli_arguments_from(&arguments, w->pass->args);
    if (!status && cli_session_new(&w->session, w->pass->model.callable, &arguments, true, &err)) {
        status = cli_failed(w->pass->model.path, &err);
    }
    cli_arguments_free(&arguments);
    return status;
}

static int prepare(struct work *w)
{
    struct cli_pass *pass = w->pass;
    int64_t threads;
    CLI_TRY(cli_decoders(pass->args, &threads));
    w->batch = (size_t)pass->batch;
    if (pass->takes.batch < 0 && pass->photos.count < w->batch) {
        w->batch = pass->photos.count ? pass->photos.count : 1;
    }
    size_t floats = w->batch * (size_t)pass->image.height * (size_t)pass->image.width * 3;
    w->images = calloc(floats, sizeof(float));
    w->bytes = pass->image.bytes ? malloc(floats) : NULL;
    w->index = calloc(w->batch, sizeof *w->index);
    if (!w->images || !w->index || (pass->image.bytes && !w->bytes)) {
        app_say("no memory for %zu images of %lldx%lld", w->batch, (long long)pass->image.height,
                (long long)pass->image.width);
        return CLI_FAILED;
    }
    CLI_TRY(open_session(w));
    return cli_loader_new(&w->loader, &pass->photos, &pass->image, (size_t)threads, w->batch, pass->args);
}

int cli_pass_run(struct cli_pass *pass)
{
    struct work w = {.pass = pass};
    int status = prepare(&w);
    status = status ? status : work_through(&w);
    app_bar(NULL);
    cli_loader_free(w.loader);
    lince_session_free(w.session);
    free(w.images);
    free(w.bytes);
    free(w.index);
    free(w.values);
    free(w.numbers);
    return status;
}
