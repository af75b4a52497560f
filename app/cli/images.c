/* How photos become tensors, by the command line and the model. */
#include "photos.h"
#include "say.h"

#include <jansson.h>
#include <string.h>

static const char resizes[] = "stretch|crop|pad";
static const char interpolations[] = "bilinear|nearest|bicubic|area|lanczos3|lanczos5";

/* The numbers a model expects, as mean and deviation of [0, 1] values. */
static int read_range(lince_image_options *o, const struct cli_args *args)
{
    int range = 0;
    double mean[3] = {0, 0, 0}, std[3] = {1, 1, 1};
    CLI_TRY(cli_choice(args, OPT_RANGE, "0,1|-1,1|0,255", &range));
    if (cli_has(args, OPT_RANGE) && (cli_has(args, OPT_MEAN) || cli_has(args, OPT_STD))) {
        return cli_usage(args, "--range and --mean or --std: only one way to scale makes sense");
    }
    CLI_TRY(cli_numbers(args, OPT_MEAN, 3, mean));
    CLI_TRY(cli_numbers(args, OPT_STD, 3, std));
    for (int i = 0; i < 3; i++) {
        if (std[i] == 0) {
            return cli_usage(args, "--std %s: 0 cannot divide", args->value[OPT_STD]);
        }
        o->mean[i] = range == 1 ? 0.5f : (float)mean[i];
        o->std[i] = range == 1 ? 0.5f : range == 2 ? 1.0f / 255 : (float)std[i];
    }
    return CLI_DONE;
}

int cli_image_options(struct cli_image *image, const struct cli_args *args)
{
    lince_image_options *o = &image->options;
    int resize = 0, interpolation = 0, dct = 0;
    double fraction = 1;
    lince_image_options_init(o);
    CLI_TRY(cli_size(args, &image->height, &image->width));
    CLI_TRY(cli_choice(args, OPT_RESIZE, resizes, &resize));
    CLI_TRY(cli_choice(args, OPT_INTERPOLATION, interpolations, &interpolation));
    CLI_TRY(cli_choice(args, OPT_DCT, "fast|accurate", &dct));
    CLI_TRY(cli_number(args, OPT_CROP_PCT, 0.001, 1, &fraction));
    o->resize = (lince_resize)resize;
    o->interpolation = (lince_interpolation)interpolation;
    o->crop_fraction = fraction;
    o->antialias = cli_has(args, OPT_ANTIALIAS);
    o->orient = cli_has(args, OPT_ORIENT);
    o->accurate_dct = dct;
    return read_range(o, args);
}

static int check_kind(const struct cli_model *m, const struct cli_trace *trace)
{
    if (cli_takes_photos(trace)) {
        return CLI_DONE;
    }
    if (!trace->image) {
        app_say("%s: %s does not take a batch of images; use `lince run`", m->path, m->name);
    } else if (trace->channels != 0 && trace->channels != 3) {
        app_say("%s: %s takes images of %d channels, photos have 3; use `lince run`", m->path, m->name,
                (int)trace->channels);
    } else {
        app_say("%s: %s takes images of %s, photos become float32 or uint8; use `lince run`", m->path, m->name,
                trace->dtype);
    }
    return CLI_FAILED;
}

/* Bytes are 0 to 255, whatever is said. */
static int check_range(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                       const struct cli_trace *trace)
{
    const char *range = args->value[OPT_RANGE];
    image->bytes = trace->bytes;
    if (!image->bytes) {
        return CLI_DONE;
    }
    if ((range && strcmp(range, "0,255") != 0) || cli_has(args, OPT_MEAN) || cli_has(args, OPT_STD)) {
        return cli_usage(args, "%s takes uint8 images, of 0 to 255; --range, --mean and --std are for others", m->path);
    }
    for (int i = 0; i < 3; i++) {
        image->options.mean[i] = 0;
        image->options.std[i] = 1;
    }
    return CLI_DONE;
}

static void accepted_sizes(char text[96], const struct cli_args *args, const struct cli_model *m,
                           const struct cli_trace *trace)
{
    int64_t least = trace->height && trace->width ? 0 : cli_smallest_side(m->callable, args, trace);
    if (trace->height && trace->width) {
        snprintf(text, 96, "%dx%d (height x width)", (int)trace->height, (int)trace->width);
    } else if (trace->height || trace->width) {
        snprintf(text, 96, trace->height ? "height %d and any width" : "width %d and any height",
                 (int)(trace->height ? trace->height : trace->width));
    } else {
        snprintf(text, 96, "any height and width");
    }
    if (least > 1) {
        size_t used = strlen(text);
        snprintf(text + used, 96 - used, " from %lld pixels on", (long long)least);
    }
}

/* Where any size goes, what a signature was made for is what the publisher had in mind. */
static void take_signature_size(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                                const struct cli_trace *trace)
{
    for (size_t i = 0; i < lince_model_callable_count(m->model); i++) {
        lince_callable *c = lince_model_callable_at(m->model, i);
        const char *name = lince_callable_name(c);
        int32_t h, w, channels;
        if (strncmp(name, "signatures.", 11) == 0 &&
            lince_callable_image_size(c, &h, &w, &channels, NULL) == LINCE_OK && h && w &&
            (!trace->height || trace->height == h) && (!trace->width || trace->width == w)) {
            image->height = h;
            image->width = w;
            cli_note(args, "%s: takes images of any size; %dx%d is used, as its signature %s has it", m->path, (int)h,
                     (int)w, name + 11);
            return;
        }
    }
}

int cli_image_size(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                   const struct cli_trace *trace)
{
    CLI_TRY(check_kind(m, trace));
    CLI_TRY(check_range(image, args, m, trace));
    image->height = trace->height;
    image->width = trace->width;
    CLI_TRY(cli_size(args, &image->height, &image->width));
    char accepted[96];
    if ((trace->height && image->height != trace->height) || (trace->width && image->width != trace->width)) {
        accepted_sizes(accepted, args, m, trace);
        return cli_usage(args, "--size %s: %s takes images of %s", args->value[OPT_SIZE], m->path, accepted);
    }
    if (image->height == 0 || image->width == 0) {
        take_signature_size(image, args, m, trace);
    }
    if (image->height == 0 || image->width == 0) {
        accepted_sizes(accepted, args, m, trace);
        return cli_usage(args, "%s takes images of %s; --size HxW is wanted, as the model's page says", m->path,
                         accepted);
    }
    return CLI_DONE;
}

/* The shorter of the sides that the trace leaves to --size; none: longer than any. */
static int64_t free_side(const struct cli_image *image, const struct cli_trace *trace)
{
    int64_t height = trace->height ? INT64_MAX : image->height, width = trace->width ? INT64_MAX : image->width;
    return height < width ? height : width;
}

int cli_too_small(const struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                  const struct cli_trace *trace)
{
    char accepted[96];
    int64_t side = free_side(image, trace);
    if (side == INT64_MAX || side >= cli_smallest_side(m->callable, args, trace)) {
        return CLI_DONE;
    }
    accepted_sizes(accepted, args, m, trace);
    return cli_usage(args, "--size %lldx%lld: %s takes images of %s", (long long)image->height, (long long)image->width,
                     m->path, accepted);
}

int cli_batch_fit(int64_t *batch, const struct cli_args *args, const struct cli_model *m, const struct cli_trace *trace)
{
    if (trace->batch > CLI_MAX_BATCH || trace->batch == 0) {
        app_say("%s: %s takes batches of %lld only", m->path, m->name, (long long)trace->batch);
        return CLI_FAILED;
    }
    if (trace->batch > 0 && cli_has(args, OPT_BATCH_SIZE) && *batch != trace->batch) {
        return cli_usage(args, "--batch-size %lld: %s takes batches of %lld", (long long)*batch, m->path,
                         (long long)trace->batch);
    }
    *batch = trace->batch > 0 ? trace->batch : *batch;
    return CLI_DONE;
}

/* The n-th of "a|b|c". */
static json_t *choice_json(const char *choices, int n)
{
    for (; n > 0; n--) {
        choices = strchr(choices, '|') + 1;
    }
    return json_stringn(choices, strcspn(choices, "|"));
}

static json_t *triple(const float *value)
{
    json_t *list = json_array();
    for (int i = 0; i < 3; i++) {
        json_array_append_new(list, app_json_real((double)value[i]));
    }
    return list;
}

struct json_t *cli_image_json(const struct cli_image *image)
{
    const lince_image_options *o = &image->options;
    json_t *object = json_object();
    json_object_set_new(object, "height", json_integer(image->height));
    json_object_set_new(object, "width", json_integer(image->width));
    json_object_set_new(object, "dtype", json_string(image->bytes ? "uint8" : "float32"));
    json_object_set_new(object, "resize", choice_json(resizes, (int)o->resize));
    json_object_set_new(object, "crop_pct", app_json_real(o->crop_fraction));
    json_object_set_new(object, "interpolation", choice_json(interpolations, (int)o->interpolation));
    json_object_set_new(object, "antialias", json_boolean(o->antialias));
    json_object_set_new(object, "orient", json_boolean(o->orient));
    json_object_set_new(object, "dct", json_string(o->accurate_dct ? "accurate" : "fast"));
    json_object_set_new(object, "mean", triple(o->mean));
    json_object_set_new(object, "std", triple(o->std));
    return object;
}
