/* lince decode: a picture as an array. */
#include "photos.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

static int decode(const struct cli_args *args, const char *path, int32_t channels, const lince_image_options *options)
{
    void *data;
    size_t size;
    lince_error err;
    lince_tensor pixels = {0}, floats = {0};
    if (app_read(path, CLI_PHOTO_LIMIT, &data, &size, &err)) {
        return cli_failed(NULL, &err);
    }
    if (!options->orient && lince_image_orientation(data, size) != 1) {
        cli_note(args, "%s: lies on its side or head by its EXIF data, and is decoded as stored; --orient turns it",
                 path);
    }
    lince_status st = lince_image_decode(data, size, channels, options, &pixels, &err);
    bool wide = !st && cli_has(args, OPT_FLOAT);
    st = wide ? lince_image_to_float(&pixels, &floats, &err) : st;
    int status = st ? cli_failed(strcmp(path, "-") == 0 ? "stdin" : path, &err) : CLI_DONE;
    if (!st && app_npy_save(args->value[OPT_OUTPUT], wide ? &floats : &pixels, &err)) {
        status = cli_failed(args->value[OPT_OUTPUT], &err);
    }
    lince_tensor_free(&pixels);
    lince_tensor_free(&floats);
    free(data);
    return status;
}

int cli_decode(const struct cli_args *args)
{
    static const int32_t counts[] = {0, 1, 3, 4};
    struct cli_image image = {0};
    int channels = 2;
    if (!cli_has(args, OPT_OUTPUT)) {
        return cli_usage(args, "no --output X.npy given");
    }
    CLI_TRY(cli_choice(args, OPT_CHANNELS, "0|1|3|4", &channels));
    CLI_TRY(cli_image_options(&image, args));
    return decode(args, args->operand[0], counts[channels], &image.options);
}
