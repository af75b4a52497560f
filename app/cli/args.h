/*
 * args: commands, options, and what a command line says. Here and in the headers beside, every function that returns
 * `int` returns an exit status: 0, or what was already said on stderr.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

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
    CMD_EVALUATE = 1 << 8,
    CMD_VARIABLES = 1 << 9,
    CMD_RESAVE = 1 << 10,
    CMD_TRAIN = 1 << 11,
    CMD_RETRAIN = 1 << 12,
    CMD_PHOTOS = CMD_CLASSIFY | CMD_EMBED | CMD_EVALUATE | CMD_RETRAIN,     /* read photos for a model */
    CMD_CALLS = CMD_PHOTOS | CMD_RUN | CMD_BENCH | CMD_EXPLAIN | CMD_TRAIN, /* call a model */
    CMD_MODELS = CMD_CALLS | CMD_INFO | CMD_VARIABLES | CMD_RESAVE,         /* open one */
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

#define CLI_MAX_BATCH 4096

/* Values; *out keeps its value when the option is not given. Wrong ones are wrong usage. */
int cli_integer(const struct cli_args *args, enum cli_option option, int64_t min, int64_t max, int64_t *out);
int cli_number(const struct cli_args *args, enum cli_option option, double min, double max, double *out);
int cli_numbers(const struct cli_args *args, enum cli_option option, size_t count, double *out);    /* "A,B" */
int cli_choice(const struct cli_args *args, enum cli_option option, const char *choices, int *out); /* "a|b|c" */
int cli_bytes(const struct cli_args *args, enum cli_option option, size_t *out);                    /* "512M" */
int cli_threads(const struct cli_args *args, int64_t *threads);
int cli_batch(const struct cli_args *args, int64_t *batch);                 /* --batch-size */
int cli_size(const struct cli_args *args, int64_t *height, int64_t *width); /* --size HxW */

/* ---- The commands ------------------------------------------------------------------------------------------------ */

int cli_classify(const struct cli_args *args);
int cli_embed(const struct cli_args *args);
int cli_evaluate(const struct cli_args *args);
int cli_run(const struct cli_args *args);
int cli_info(const struct cli_args *args);
int cli_decode(const struct cli_args *args);
int cli_bench(const struct cli_args *args);
int cli_explain(const struct cli_args *args);
int cli_ops(const struct cli_args *args);
int cli_train(const struct cli_args *args);
int cli_variables(const struct cli_args *args);
int cli_resave(const struct cli_args *args);
int cli_retrain(const struct cli_args *args);

#endif
