/* model: opening a model, what it says of itself, and what it is called with. */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include "args.h"

/* ---- Opening (model.c) ------------------------------------------------------------------------------------------- */

/* A model's callable with what the command line says of it. */
struct cli_model {
    const char *path;
    lince_model *model;
    lince_callable *callable;
    const char *name; /* of the callable */
    double load_ms;
};

/* --function or --signature, else what lince_model_default() has. */
int cli_model_open(struct cli_model *m, const struct cli_args *args);
void cli_model_close(struct cli_model *m);

/* Options of lince_model_open() from a command line. */
int cli_model_options(lince_model_options *options, const struct cli_args *args);

/* ---- What it is called with (arguments.c, inputs.c) -------------------------------------------------------------- */

/* The arguments of a call, with the memory they need. */
struct cli_arguments {
    lince_argument *argument;
    size_t count, room;
    struct app_list texts;   /* paths and strings */
    struct app_array *array; /* tensors of --set NAME=@X.npy; argument.tensor points to these */
    lince_tensor **tensor;
    size_t array_count;
};

int cli_arguments_input(struct cli_arguments *a, const char *path);
int cli_arguments_from(struct cli_arguments *a, const struct cli_args *args); /* --set, --training, --no-training */
void cli_arguments_free(struct cli_arguments *a);

/* A session for these arguments, which are all that is said, or with what a layer says besides. */
lince_status cli_session_new(lince_session **session, lince_callable *callable, const struct cli_arguments *a,
                             bool layer, lince_error *err);

/* Arrays that a model is called with, and the arguments. */
struct cli_inputs {
    struct cli_arguments arguments;
    struct app_array *array;
    lince_tensor *tensor;
    size_t count;
};

/* --input and what cli_arguments_from() reads. */
int cli_inputs_from(struct cli_inputs *in, const struct cli_args *args, const lince_callable *callable);
/* A batch of noise, of the size and number that the command line and the model say. */
int cli_inputs_image(struct cli_inputs *in, const struct cli_args *args, const struct cli_model *m, int64_t batch);
void cli_inputs_free(struct cli_inputs *in);

/* ---- What it says of itself (model.c, result.c) ------------------------------------------------------------------ */

/* The path of the part of a result that --output-key means: a path, or a name with a slash as the model has it. */
const char *cli_key_path(const lince_callable *callable, const char *key);

/* The images that a callable takes; dtype is LINCE_DTYPE_NONE when it takes something else. */
void cli_images_of(lince_image_info *takes, lince_callable *callable);
bool cli_takes_photos(const lince_image_info *takes); /* of 3 channels, float32 or uint8 */

/* The side that it leaves free, or both: how many pixels it must have. 0: not known. */
int64_t cli_smallest_side(lince_callable *callable, const struct cli_args *args);

const char *cli_task_name(lince_task task);

#endif
