/* What a command line of lince retrain says, in this program's words and in those of make_image_classifier. */
#include "retrain.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

/* Options that are another one by a second name. */
static const struct {
    enum cli_option second, first;
} names[] = {
    {OPT_IMAGE_DIR, OPT_IMAGES},    {OPT_SAVED_MODEL_DIR, OPT_OUTPUT},   {OPT_IMAGE_SIZE, OPT_SIZE},
    {OPT_EPOCHS, OPT_TRAIN_EPOCHS}, {OPT_FINE_TUNE, OPT_DO_FINE_TUNING},
};

static const struct {
    enum cli_option option;
    const char *reason;
} refused[] = {
    {OPT_TFHUB_MODULE, "the model stands in the command line without an option: lince retrain MODEL"},
    {OPT_TFLITE_OUTPUT_FILE, "a SavedModel is written, of which TensorFlow's converter makes TFLite"},
    {OPT_DISTRIBUTION_STRATEGY, "it runs on the processors of one machine; --threads says how many"},
    {OPT_SET_MEMORY_GROWTH, "no GPU is used, whose memory could grow"},
    {OPT_USE_TF_DATA_INPUT, "there is one way that photos are read, which decodes ahead"},
};

static int take_names(struct cli_args *args)
{
    for (size_t i = 0; i < APP_COUNT(refused); i++) {
        if (cli_has(args, refused[i].option)) {
            return cli_usage(args, "--%s: %s", cli_options[refused[i].option].name, refused[i].reason);
        }
    }
    for (size_t i = 0; i < APP_COUNT(names); i++) {
        const char *first = args->value[names[i].first], *second = args->value[names[i].second];
        if (first && second && strcmp(first, second) != 0) {
            return cli_usage(args, "--%s and --%s are one option, and say two things", cli_options[names[i].first].name,
                             cli_options[names[i].second].name);
        }
        args->value[names[i].first] = first ? first : second;
    }
    return CLI_DONE;
}

static int read_augmentation(struct retrain_options *o, const struct cli_args *args)
{
    lince_augment_options *a = &o->augment;
    const struct {
        enum cli_option option;
        double usual, least, most;
        double *to;
    } ranges[] = {
        {OPT_ROTATION_RANGE, 40, 0, 180, &a->rotation},
        {OPT_WIDTH_SHIFT_RANGE, 0.2, 0, 1, &a->width_shift},
        {OPT_HEIGHT_SHIFT_RANGE, 0.2, 0, 1, &a->height_shift},
        {OPT_SHEAR_RANGE, 0.2, 0, 80, &a->shear},
        {OPT_ZOOM_RANGE, 0.2, 0, 0.9, &a->zoom},
        {OPT_BRIGHTNESS_RANGE, 0, 0, 1, &a->brightness},
        {OPT_CONTRAST_RANGE, 0, 0, 1, &a->contrast},
        {OPT_CROP_AREA, 1, 0.01, 1, &a->crop_area},
    };
    lince_augment_options_init(a);
    o->augmented = cli_has(args, OPT_DO_DATA_AUGMENTATION);
    for (size_t i = 0; i < APP_COUNT(ranges); i++) {
        if (cli_has(args, ranges[i].option) && !o->augmented) {
            return cli_usage(args, "--%s has a meaning with --do-data-augmentation only",
                             cli_options[ranges[i].option].name);
        }
        *ranges[i].to = ranges[i].usual;
        CLI_TRY(cli_number(args, ranges[i].option, ranges[i].least, ranges[i].most, ranges[i].to));
    }
    a->horizontal_flip = !cli_has(args, OPT_NO_HORIZONTAL_FLIP);
    return CLI_DONE;
}

static int read_phases(struct retrain_options *o, const struct cli_args *args)
{
    struct retrain_phase *first = &o->phase[0], *second = &o->phase[1];
    *first = (struct retrain_phase){.tune = cli_has(args, OPT_DO_FINE_TUNING), .epochs = 5, .rate = 0.005};
    CLI_TRY(cli_integer(args, OPT_TRAIN_EPOCHS, 0, 100000, &first->epochs));
    CLI_TRY(cli_number(args, OPT_LEARNING_RATE, 0, 1e30, &first->rate));
    *second = (struct retrain_phase){.tune = true, .rate = first->rate / 10};
    CLI_TRY(cli_integer(args, OPT_FINE_TUNE_EPOCHS, 0, 100000, &second->epochs));
    CLI_TRY(cli_number(args, OPT_FINE_TUNE_LEARNING_RATE, 0, 1e30, &second->rate));
    if (cli_has(args, OPT_FINE_TUNE_LEARNING_RATE) && second->epochs == 0) {
        return cli_usage(args, "--fine-tune-learning-rate has a meaning with --fine-tune-epochs only");
    }
    if (first->tune && second->epochs) {
        return cli_usage(args, "--do-fine-tuning trains all from the beginning on; --fine-tune-epochs, after the new "
                               "layer alone: only one of them makes sense");
    }
    o->phases = second->epochs ? 2 : 1;
    o->tunes = first->tune || o->phases == 2;
    return CLI_DONE;
}

static int read_numbers(struct retrain_options *o, const struct cli_args *args)
{
    const struct {
        enum cli_option option;
        double usual, most;
        double *to;
    } numbers[] = {
        {OPT_MOMENTUM, 0.9, 1e30, &o->momentum},
        {OPT_DROPOUT_RATE, 0.2, 0.99, &o->dropout},
        {OPT_L1_REGULARIZER, 0, 1e30, &o->l1},
        {OPT_L2_REGULARIZER, 0.0001, 1e30, &o->l2},
        {OPT_LABEL_SMOOTHING, 0.1, 1, &o->label_smoothing},
        {OPT_VALIDATION_SPLIT, 0.2, 0.99, &o->split},
        {OPT_CHECKPOINT_SECONDS, 60, 1e9, &o->checkpoint_seconds},
    };
    for (size_t i = 0; i < APP_COUNT(numbers); i++) {
        *numbers[i].to = numbers[i].usual;
        CLI_TRY(cli_number(args, numbers[i].option, 0, numbers[i].most, numbers[i].to));
    }
    o->batch = 32;
    o->top = 5;
    CLI_TRY(cli_batch(args, &o->batch));
    CLI_TRY(cli_integer(args, OPT_TOP, 1, 1000000, &o->top));
    CLI_TRY(cli_integer(args, OPT_SEED, 0, INT64_MAX, &o->seed));
    CLI_TRY(cli_integer(args, OPT_EARLY_STOPPING, 1, 100000, &o->patience));
    return cli_choice(args, OPT_BATCH_NORM, "update|batch|frozen", &o->batch_norm);
}

/* Options that say how the body is trained, where it is not. */
static int check_tuning(const struct retrain_options *o, const struct cli_args *args)
{
    static const enum cli_option tuning[] = {OPT_TRAINABLE, OPT_UNLISTED, OPT_BATCH_NORM, OPT_STRICT_GRADIENTS};
    for (size_t i = 0; i < APP_COUNT(tuning) && !o->tunes; i++) {
        if (cli_has(args, tuning[i])) {
            return cli_usage(args,
                             "--%s: only the new layer is trained; --do-fine-tuning or --fine-tune-epochs is wanted",
                             cli_options[tuning[i]].name);
        }
    }
    if ((o->patience || o->keep_best) && o->split == 0) {
        return cli_usage(args, "--%s needs photos for validation, and --validation-split is 0",
                         o->patience ? "early-stopping" : "keep-best");
    }
    if (cli_has(args, OPT_REPORT) && (o->split == 0 || strcmp(args->value[OPT_REPORT], "-") == 0)) {
        return cli_usage(args, o->split == 0 ? "--report needs photos for validation, and --validation-split is 0"
                                             : "--report -: the numbers go to stdout, the name of a file is wanted");
    }
    return CLI_DONE;
}

int retrain_read_options(struct retrain *r, const struct cli_args *args)
{
    struct retrain_options *o = &r->options;
    r->args = *args;
    CLI_TRY(take_names(&r->args));
    o->images = r->args.value[OPT_IMAGES];
    o->output = r->args.value[OPT_OUTPUT];
    if (!o->images || !o->output) {
        return cli_usage(args, "--images DIR and --output DIR are wanted");
    }
    o->keep_best = cli_has(args, OPT_KEEP_BEST);
    o->overwrite = cli_has(args, OPT_OVERWRITE);
    CLI_TRY(read_phases(o, &r->args));
    CLI_TRY(read_numbers(o, &r->args));
    CLI_TRY(read_augmentation(o, &r->args));
    return check_tuning(o, &r->args);
}
