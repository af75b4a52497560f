/*
 * cli: the command line. Every function that returns `int` returns an exit status: 0, or what was already said on
 * stderr.
 */
#ifndef CLI_H
#define CLI_H

#include "common/common.h"

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Return early with an exit status that is not 0. */
#define CLI_TRY(call)                                                                                                  \
    do {                                                                                                               \
        int cli_exit_ = (call);                                                                                        \
        if (cli_exit_) {                                                                                               \
            return cli_exit_;                                                                                          \
        }                                                                                                              \
    } while (0)

/* ---- Commands and options (commands.c, options.def) -------------------------------------------------------------- */

enum cli_option {
#define OPTION(id, ...) OPT_##id,
#include "options.def"
#undef OPTION
    OPT_COUNT
};

enum cli_command_id {
    CMD_CLASSIFY = 1 << 0,
    CMD_EMBED = 1 << 1,
    CMD_RUN = 1 << 2,
    CMD_INFO = 1 << 3,
    CMD_DECODE = 1 << 4,
    CMD_BENCH = 1 << 5,
    CMD_EXPLAIN = 1 << 6,
    CMD_OPS = 1 << 7,
    CMD_PHOTOS = CMD_CLASSIFY | CMD_EMBED,                      /* read photos for a model */
    CMD_CALLS = CMD_PHOTOS | CMD_RUN | CMD_BENCH | CMD_EXPLAIN, /* call a model */
    CMD_MODELS = CMD_CALLS | CMD_INFO,                          /* open one */
    CMD_ALL = CMD_MODELS | CMD_DECODE | CMD_OPS
};

/* One row of options.def. */
struct cli_option_row {
    enum cli_option id;
    char letter; /* 0: none */
    const char *name;
    const char *value; /* what stands for its value in the help; NULL: it has none */
    unsigned commands; /* that have it */
    const char *help;
};

/* What a command line says. Texts belong to argv. */
struct cli_args {
    const struct cli_command *command;
    const char *value[OPT_COUNT]; /* the last one given, "" for options without a value; NULL: not given */
    struct {
        enum cli_option option;
        const char *value;
    } * given; /* all, in order */
    size_t given_count;
    char **operand;
    size_t operand_count;
};

struct cli_command {
    enum cli_command_id id;
    const char *name, *operands, *summary;
    const char *text;     /* what else there is to know, in lines of at most 76 characters */
    const char *examples; /* lines */
    size_t min_operands, max_operands;
    int (*run)(const struct cli_args *args); /* NULL in the program that writes the pages */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;
extern const struct cli_option_row cli_options[];
extern const size_t cli_option_count;

const struct cli_command *cli_command_find(const char *name); /* NULL: there is none */

/* What a mistyped word may have meant, or NULL (hint.c). */
const char *cli_hint_command(const char *word);
const char *cli_hint_option(const char *word, enum cli_command_id command);

void cli_help_all(FILE *to);
void cli_help_command(FILE *to, const struct cli_command *command);

/* ---- Reading a command line (args.c) ----------------------------------------------------------------------------- */

/* argv[0] is the command's name. *answered: --help or --version did all there is. Free with cli_args_free(). */
int cli_args_parse(struct cli_args *args, const struct cli_command *command, int argc, char **argv, bool *answered);
void cli_args_free(struct cli_args *args);

bool cli_has(const struct cli_args *args, enum cli_option option);
bool cli_quiet(const struct cli_args *args);
bool cli_json(const struct cli_args *args);

/* Values; *out keeps its value when the option is not given. Wrong ones are wrong usage. */
int cli_integer(const struct cli_args *args, enum cli_option option, int64_t min, int64_t max, int64_t *out);
int cli_number(const struct cli_args *args, enum cli_option option, double min, double max, double *out);
int cli_numbers(const struct cli_args *args, enum cli_option option, size_t count, double *out);    /* "A,B" */
int cli_choice(const struct cli_args *args, enum cli_option option, const char *choices, int *out); /* "a|b|c" */
int cli_bytes(const struct cli_args *args, enum cli_option option, size_t *out);                    /* "512M" */
int cli_threads(const struct cli_args *args, int64_t *threads);
int cli_batch(const struct cli_args *args, int64_t *batch);                 /* --batch-size */
int cli_size(const struct cli_args *args, int64_t *height, int64_t *width); /* --size HxW */

/* ---- Saying (say.c) ---------------------------------------------------------------------------------------------- */

int cli_usage(const struct cli_args *args, const char *format, ...) APP_PRINTF(2, 3);
int cli_failed(const char *where,
               const lince_error *err); /* `where` is put before a text that does not begin with it */
void cli_note(const struct cli_args *args, const char *format, ...) APP_PRINTF(2, 3);    /* unless --quiet */
void cli_verbose(const struct cli_args *args, const char *format, ...) APP_PRINTF(2, 3); /* with --verbose */

/* Flush stdout. A reader that went away ends the command without a word. */
int cli_flush(void);

/* Print a name as app_visible() shows it, filled up to `width` columns. */
void cli_show(const char *name, int width);

/* "9.6 MB"; decimal units, as disks and networks have them. Returns the buffer. */
const char *cli_size_text(char buffer[32], long long bytes);

double cli_seconds(void); /* of a clock that only goes forward */

/* A bar on stderr while something long is under way; draws only where somebody sees it. app_bar(NULL) erases it. */
struct cli_progress {
    size_t total, done, failed;
    double started, drawn;
    bool shown;
};
void cli_progress_start(struct cli_progress *p, const struct cli_args *args, size_t total, bool beside_stdout);
void cli_progress_to(struct cli_progress *p, size_t done, size_t failed);

/* ---- Models and what they are called with (model.c, arguments.c) ------------------------------------------------- */

/* A model's callable with what the command line says of it. */
struct cli_model {
    const char *path;
    lince_model *model;
    lince_callable *callable;
    const char *name; /* of the callable */
    double load_ms;
};

/*
 * `fallback`: without --function or --signature and without `__call__`, take the only or the default signature, and say
 * so.
 */
int cli_model_open(struct cli_model *m, const struct cli_args *args, bool fallback);
void cli_model_close(struct cli_model *m);

/* Options of lince_model_open() from a command line. */
int cli_model_options(lince_model_options *options, const struct cli_args *args);

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
/*
 * --set, --training and --no-training. `keras`: training=False where the callable has that argument and nothing else is
 * said.
 */
int cli_arguments_from(struct cli_arguments *a, const struct cli_args *args, const lince_callable *callable,
                       bool keras);
void cli_arguments_free(struct cli_arguments *a);

/* Arrays that a model is called with, and the arguments (inputs.c). */
struct cli_inputs {
    struct cli_arguments arguments;
    struct app_array *array;
    lince_tensor *tensor;
    size_t count;
};

/* --input and what cli_arguments_from() reads. */
int cli_inputs_from(struct cli_inputs *in, const struct cli_args *args, const lince_callable *callable, bool keras);
/* A batch of noise, of the size and number that the command line and the model say. */
int cli_inputs_image(struct cli_inputs *in, const struct cli_args *args, const struct cli_model *m, int64_t batch);
void cli_inputs_free(struct cli_inputs *in);

/* What the first tensor of a callable is traced for, and what stands about its result. */
struct cli_trace {
    char dtype[24];                  /* "" when nothing is known */
    int64_t batch;                   /* -1: any */
    int32_t height, width, channels; /* 0: any, or unknown */
    bool image;                      /* it is [batch, height, width, channels] */
    bool bytes;                      /* of uint8 */
    int64_t features; /* the last dimension of the result that photos give; -1: unknown, or no such result */
};
void cli_trace_of(struct cli_trace *trace, lince_callable *callable);
bool cli_takes_photos(const struct cli_trace *trace); /* images of 3 channels, of float32 or uint8 */

/* The side that a trace leaves free, or both: how many pixels it must have. 0: not known. (smallest.c) */
int64_t cli_smallest_side(lince_callable *callable, const struct cli_args *args, const struct cli_trace *trace);

/* What the model is for, by what it says of itself. */
enum cli_task { CLI_UNKNOWN, CLI_CLASSIFICATION, CLI_FEATURES };
enum cli_task cli_task_of(lince_model *model, const struct cli_trace *trace, char reason[256]);
const char *cli_task_name(enum cli_task task);

/* ---- Photos (photos.c, images.c, loader.c) ----------------------------------------------------------------------- */

#define CLI_MAX_BATCH 4096
#define CLI_PHOTO_LIMIT ((size_t)1 << 30) /* bytes of a file; more is no photo */

/* Operands, folders and --files-from as a list of files; nothing to do is wrong usage. */
int cli_photos(struct app_list *list, const struct cli_args *args, size_t first_operand);

/* How photos become tensors. */
struct cli_image {
    lince_image_options options;
    int64_t height, width;
    bool bytes; /* the model takes uint8 */
};
int cli_image_options(struct cli_image *image, const struct cli_args *args);
int cli_image_size(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                   const struct cli_trace *trace);
/* After a call that failed: wrong usage if --size asked for less than the model's smallest. */
int cli_too_small(const struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                  const struct cli_trace *trace);
/* The number of images that the trace is for, where it is for one only. */
int cli_batch_fit(int64_t *batch, const struct cli_args *args, const struct cli_model *m,
                  const struct cli_trace *trace);
struct json_t *cli_image_json(const struct cli_image *image);

/*
 * Threads that decode photos ahead of the computing. Pictures come out in the order of the list; one that cannot be
 * read is reported, counted and skipped.
 */
struct cli_loader;
int cli_loader_new(struct cli_loader **loader, const struct app_list *list, const struct cli_image *image,
                   size_t threads, size_t ahead, const struct cli_args *args);
void cli_loader_free(struct cli_loader *loader);
/* Up to `want` pictures to `to`, one after another, and which of the list they are. *got 0: there are no more. */
void cli_loader_next(struct cli_loader *loader, size_t want, float *to, size_t *index, size_t *got);
size_t cli_loader_failed(const struct cli_loader *loader);
size_t cli_loader_taken(const struct cli_loader *loader); /* pictures passed on or failed */

/*
 * Photos through a model: what classify and embed share. `take` receives the rows of a batch: rows * width floats, and
 * which photos of the list they are; what it returns other than 0 ends the work.
 */
struct cli_batch {
    const float *value;
    size_t rows, width;
    const size_t *index;
};
struct cli_pass {
    const struct cli_args *args;
    struct cli_model model;
    struct cli_trace trace;
    struct cli_image image;
    struct app_list photos;
    int64_t batch;
    int (*take)(struct cli_pass *pass, const struct cli_batch *batch);
    void *context;
    bool lines;    /* results go to stdout while the work goes on */
    bool complete; /* set when every photo was used or reported */
};
/* Open the model and find the photos; 0 or what was said. */
int cli_pass_open(struct cli_pass *pass, const struct cli_args *args);
int cli_pass_run(struct cli_pass *pass);
void cli_pass_close(struct cli_pass *pass);

/* ---- Labels (labels.c) ------------------------------------------------------------------------------------------- */

/* Find the labels for `classes` results: --labels, or what the model has. labels->count is 0 when there are none. */
int cli_labels(struct app_list *labels, const struct cli_args *args, const struct cli_model *m, size_t classes);

/* ---- Comparing (expect.c, compare.c) ----------------------------------------------------------------------------- */

/* What a result should be: a file, or a folder of PATH.npy, to atol + rtol * |expected|. */
struct cli_expected {
    const char *path;
    const char *structure; /* of the result, in words */
    double atol, rtol;
};
int cli_expect(const struct cli_expected *want, const lince_output *outputs, size_t count);

/* Compare one array and say where it differs most. */
int cli_compare(const lince_tensor *got, const lince_tensor *want, const char *name, double atol, double rtol);
double cli_element(const lince_tensor *t, size_t i, bool imaginary); /* as a double; not for strings */
size_t cli_elements(const lince_tensor *t);
lince_tensor cli_images(bool bytes, int64_t count, int64_t height, int64_t width); /* RGB; without data */
/* "[2,3]" */
char *cli_shape(char buffer[192], const lince_tensor *t);

/* ---- The commands ------------------------------------------------------------------------------------------------ */

int cli_classify(const struct cli_args *args);
int cli_embed(const struct cli_args *args);
int cli_run(const struct cli_args *args);
int cli_info(const struct cli_args *args);
int cli_decode(const struct cli_args *args);
int cli_bench(const struct cli_args *args);
int cli_explain(const struct cli_args *args);
int cli_ops(const struct cli_args *args);

#endif
