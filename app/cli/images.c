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

/* [batch, 3, height, width], as models from elsewhere have it. */
static bool channels_first(const lince_image_info *takes)
{
    return (takes->height == 1 || takes->height == 3) && takes->channels > 4;
}

/* What takes arrays instead. */
static const char *instead(const struct cli_args *args)
{
    return args->command->id == CMD_EXPLAIN ? "--input X.npy is wanted" : "use `lince run`";
}

int cli_image_kind(const struct cli_args *args, const struct cli_model *m, const lince_image_info *takes)
{
    if (cli_takes_photos(takes)) {
        return CLI_DONE;
    }
    if (takes->dtype == LINCE_DTYPE_NONE) {
        app_say("%s: %s does not take a batch of images; %s", m->path, m->name, instead(args));
    } else if (channels_first(takes)) {
        app_say("%s: %s takes images with their channels first, [batch, %d, %d, %d], photos have them last; %s",
                m->path, m->name, (int)takes->height, (int)takes->width, (int)takes->channels, instead(args));
    } else if (takes->channels != 0 && takes->channels != 3) {
        app_say("%s: %s takes images of %d channel%s, photos have 3; %s", m->path, m->name, (int)takes->channels,
                takes->channels == 1 ? "" : "s", instead(args));
    } else {
        app_say("%s: %s takes images of %s, photos become float32 or uint8; %s", m->path, m->name,
                lince_dtype_name(takes->dtype), instead(args));
    }
    return CLI_FAILED;
}

/* Bytes are 0 to 255, whatever is said. */
static int check_range(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                       const lince_image_info *takes)
{
    const char *range = args->value[OPT_RANGE];
    image->bytes = takes->dtype == LINCE_UINT8;
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
                           const lince_image_info *takes)
{
    int64_t least = takes->height && takes->width ? 0 : cli_smallest_side(m->callable, args);
    if (takes->height && takes->width) {
        snprintf(text, 96, "%dx%d (height x width)", (int)takes->height, (int)takes->width);
    } else if (takes->height || takes->width) {
        snprintf(text, 96, takes->height ? "height %d and any width" : "width %d and any height",
                 (int)(takes->height ? takes->height : takes->width));
    } else {
        snprintf(text, 96, "any height and width");
    }
    if (least > 1) {
        size_t used = strlen(text);
        snprintf(text + used, 96 - used, " from %lld pixels on", (long long)least);
    }
}

int cli_image_size(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                   const lince_image_info *takes)
{
    CLI_TRY(check_range(image, args, m, takes));
    image->height = takes->height;
    image->width = takes->width;
    CLI_TRY(cli_size(args, &image->height, &image->width));
    char accepted[96];
    if ((takes->height && image->height != takes->height) || (takes->width && image->width != takes->width)) {
        accepted_sizes(accepted, args, m, takes);
        return cli_usage(args, "--size %s: %s takes images of %s", args->value[OPT_SIZE], m->path, accepted);
    }
    if ((image->height == 0 || image->width == 0) && takes->default_height && takes->default_width) {
        image->height = takes->default_height;
        image->width = takes->default_width;
        cli_note(args, "%s: takes images of any size; %dx%d is used, as %s%s has it", m->path, (int)image->height,
                 (int)image->width, takes->default_from ? "its signature " : "its image_module_info",
                 takes->default_from ? takes->default_from : "");
    }
    if (image->height == 0 || image->width == 0) {
        accepted_sizes(accepted, args, m, takes);
        return cli_usage(args, "%s takes images of %s; --size HxW is wanted, as the model's page says", m->path,
                         accepted);
    }
    return CLI_DONE;
}

/* The shorter of the sides that the trace leaves to --size; none: longer than any. */
static int64_t free_side(const struct cli_image *image, const lince_image_info *takes)
{
    int64_t height = takes->height ? INT64_MAX : image->height, width = takes->width ? INT64_MAX : image->width;
    return height < width ? height : width;
}

int cli_too_small(const struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                  const lince_image_info *takes)
{
    char accepted[96];
    int64_t side = free_side(image, takes);
    if (side == INT64_MAX || side >= cli_smallest_side(m->callable, args)) {
        return CLI_DONE;
    }
    accepted_sizes(accepted, args, m, takes);
    return cli_usage(args, "--size %lldx%lld: %s takes images of %s", (long long)image->height, (long long)image->width,
                     m->path, accepted);
}

int cli_batch_fit(int64_t *batch, const struct cli_args *args, const struct cli_model *m, const lince_image_info *takes)
{
    if (takes->batch > CLI_MAX_BATCH || takes->batch == 0) {
        app_say("%s: %s takes batches of %lld only", m->path, m->name, (long long)takes->batch);
        return CLI_FAILED;
    }
    if (takes->batch > 0 && cli_has(args, OPT_BATCH_SIZE) && *batch != takes->batch) {
        return cli_usage(args, "--batch-size %lld: %s takes batches of %lld", (long long)*batch, m->path,
                         (long long)takes->batch);
    }
    *batch = takes->batch > 0 ? takes->batch : *batch;
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
