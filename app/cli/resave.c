/* lince resave: a model with signatures for serving, with a result from further inside, or for images in [0, 1]. */
#include "photos.h"
#include "say.h"

static const enum cli_option changes[] = {OPT_ADD_SIGNATURE, OPT_FEATURE_VECTOR, OPT_RANGE, OPT_MEAN, OPT_STD};

static int read_options(lince_publish_options *to, const struct cli_args *args, struct cli_image *image)
{
    bool any = false;
    for (size_t i = 0; i < APP_COUNT(changes); i++) {
        any = any || cli_has(args, changes[i]);
    }
    if (!cli_has(args, OPT_OUTPUT)) {
        return cli_usage(args, "no --output DIR given");
    }
    if (!any) {
        return cli_usage(args, "nothing to change; --signature, --feature-vector or --range is wanted");
    }
    CLI_TRY(cli_image_options(image, args));
    lince_publish_options_init(to);
    to->cut = cli_has(args, OPT_FEATURE_VECTOR);
    to->overwrite = cli_has(args, OPT_OVERWRITE);
    to->height = (int32_t)image->height;
    to->width = (int32_t)image->width;
    for (int i = 0; i < 3; i++) {
        to->mean[i] = image->options.mean[i];
        to->std[i] = image->options.std[i];
    }
    return CLI_DONE;
}

/* What the new model can do, by its own words. */
static int tell(const struct cli_args *args)
{
    const char *path = args->value[OPT_OUTPUT];
    lince_model *model;
    lince_error err;
    if (lince_model_open(&model, path, NULL, &err)) {
        return cli_failed(path, &err);
    }
    for (size_t i = 0; i < lince_model_callable_count(model); i++) {
        const lince_callable *c = lince_model_callable_at(model, i);
        const char *name = lince_callable_name(c);
        cli_note(args, "%s: %s%s", path, name, lince_callable_trace(c, 0));
    }
    lince_model_close(model);
    return CLI_DONE;
}

int cli_resave(const struct cli_args *args)
{
    lince_publish_options options;
    struct cli_image image = {0};
    struct cli_model m = {0};
    lince_error err;
    CLI_TRY(read_options(&options, args, &image));
    int status = cli_model_open(&m, args);
    if (!status) {
        options.body = m.callable;
        status =
            lince_publish(m.model, args->value[OPT_OUTPUT], &options, &err) ? cli_failed(m.path, &err) : tell(args);
    }
    cli_model_close(&m);
    return status;
}
