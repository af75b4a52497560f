/* Reading a command line by the tables of commands.c. */
#include "say.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What getopt_long() returns for option i. Beyond any letter. */
#define LONG_BASE 256

static void make_getopt(unsigned command, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option_row *o = &cli_options[i];
        if (!(o->commands & command)) {
            continue;
        }
        *longs++ = (struct option){o->name, o->value ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
        if (o->letter) {
            *shorts++ = o->letter;
            if (o->value) {
                *shorts++ = ':';
            }
        }
    }
    *longs = (struct option){0};
    *shorts = '\0';
}

static const struct cli_option_row *row_of(int c)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (c == LONG_BASE + (int)i || (cli_options[i].letter && c == cli_options[i].letter)) {
            return &cli_options[i];
        }
    }
    return NULL;
}

/*
 * "--ou" where there are --output and --output-key; "--losses" where only another command has it; or a word that nobody
 * knows.
 */
static int refuse_long(const struct cli_args *args, const char *word)
{
    size_t length = strcspn(word, "=");
    char names[256] = "";
    for (size_t i = 0, used = 0; i < cli_option_count && used < sizeof names; i++) {
        const struct cli_option_row *o = &cli_options[i];
        bool begins = length > 2 && strncmp(word + 2, o->name, length - 2) == 0;
        if (begins && strlen(o->name) == length - 2) {
            return cli_usage(args, "--%s is no option of this command", o->name);
        }
        if (begins && o->commands & (unsigned)args->command->id) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s--%s", used ? ", " : "", o->name);
        }
    }
    if (*names) {
        return cli_usage(args, "%.*s: may be %s", (int)length, word, names);
    }
    const char *near = cli_hint_option(word, args->command->id);
    return near ? cli_usage(args, "%.*s: no such option, perhaps --%s is meant", (int)length, word, near)
                : cli_usage(args, "%.*s: no such option", (int)length, word);
}

/*
 * What getopt_long() stopped at, in words. It leaves the letter or number of what it knows in optopt, and 0 for a long
 * name it does not.
 */
static int refuse(const struct cli_args *args, int c, char **argv)
{
    const struct cli_option_row *o = row_of(optopt);
    if (optopt == 0) {
        return refuse_long(args, argv[optind - 1]);
    }
    if (!o || (c != ':' && optopt < LONG_BASE)) {
        return cli_usage(args, "-%c: no such option", optopt);
    }
    return c == ':' ? cli_usage(args, "--%s: no value given, %s is wanted", o->name, o->value)
                    : cli_usage(args, "--%s takes no value", o->name);
}

static int check_operands(const struct cli_args *args)
{
    const struct cli_command *c = args->command;
    if (args->operand_count < c->min_operands) {
        return cli_usage(args, "nothing given to work on, %s is wanted", c->operands);
    }
    if (args->operand_count > c->max_operands) {
        return cli_usage(args, "\"%s\" is one too many, %s is wanted", args->operand[c->max_operands],
                         *c->operands ? c->operands : "no name");
    }
    return CLI_DONE;
}

/* The option that a long name is of, for a command; NULL: none. */
static const struct cli_option_row *long_option(const char *name, size_t length, unsigned command)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        const struct cli_option_row *o = &cli_options[i];
        if (o->commands & command && strlen(o->name) == length && memcmp(o->name, name, length) == 0) {
            return o;
        }
    }
    return NULL;
}

/* --batch_size is --batch-size, since programs of TensorFlow write it so. */
static void take_underscores(unsigned command, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char name[64];
        size_t length = strncmp(argv[i], "--", 2) == 0 ? strcspn(argv[i] + 2, "=") : 0;
        if (length == 0 || length >= sizeof name) {
            continue;
        }
        for (size_t k = 0; k < length; k++) {
            name[k] = argv[i][2 + k] == '_' ? '-' : argv[i][2 + k];
        }
        if (long_option(name, length, command)) {
            memcpy(argv[i] + 2, name, length);
        }
    }
}

int cli_args_parse(struct cli_args *args, const struct cli_command *command, int argc, char **argv, bool *answered)
{
    struct option longs[OPT_COUNT + 1];
    char shorts[3 * OPT_COUNT + 2];
    int c;
    *args = (struct cli_args){.command = command, .given = calloc((size_t)argc + 1, sizeof *args->given)};
    *answered = false;
    if (!args->given) {
        app_say("no memory for the command line");
        return CLI_FAILED;
    }
    take_underscores(command->id, argc, argv);
    make_getopt(command->id, longs, shorts);
    opterr = 0;
    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct cli_option_row *o = row_of(c);
        if (c == '?' || c == ':' || !o) {
            return refuse(args, c, argv);
        }
        args->value[o->id] = o->value ? optarg : "";
        args->given[args->given_count].option = o->id;
        args->given[args->given_count++].value = args->value[o->id];
        if (o->id == OPT_HELP) {
            cli_help_command(stdout, command);
        } else if (o->id == OPT_VERSION) {
            printf("lince %s\n", lince_version());
        }
        if (o->id == OPT_HELP || o->id == OPT_VERSION) {
            *answered = true;
            return cli_flush();
        }
    }
    args->operand = argv + optind;
    args->operand_count = (size_t)(argc - optind);
    return check_operands(args);
}

void cli_args_free(struct cli_args *args)
{
    free(args->given);
    args->given = NULL;
}

bool cli_has(const struct cli_args *args, enum cli_option option)
{
    return args->value[option] != NULL;
}

bool cli_quiet(const struct cli_args *args)
{
    return cli_has(args, OPT_QUIET);
}

bool cli_json(const struct cli_args *args)
{
    return cli_has(args, OPT_JSON);
}

/* ---- Values ---- */

static const char *name_of(enum cli_option option)
{
    return cli_options[option].name;
}

int cli_integer(const struct cli_args *args, enum cli_option option, int64_t min, int64_t max, int64_t *out)
{
    const char *text = args->value[option];
    char *stop;
    if (!text) {
        return CLI_DONE;
    }
    errno = 0;
    int64_t value = strtoll(text, &stop, 10);
    if (stop == text || *stop || errno || value < min || value > max) {
        return cli_usage(args, "--%s %s: a number from %" PRId64 " to %" PRId64 " is wanted", name_of(option), text,
                         min, max);
    }
    *out = value;
    return CLI_DONE;
}

int cli_number(const struct cli_args *args, enum cli_option option, double min, double max, double *out)
{
    const char *text = args->value[option];
    char *stop;
    if (!text) {
        return CLI_DONE;
    }
    double value = strtod(text, &stop);
    if (stop == text || *stop || !(value >= min && value <= max)) {
        return cli_usage(args, "--%s %s: a number from %g to %g is wanted", name_of(option), text, min, max);
    }
    *out = value;
    return CLI_DONE;
}

int cli_numbers(const struct cli_args *args, enum cli_option option, size_t count, double *out)
{
    const char *text = args->value[option], *at = text;
    if (!text) {
        return CLI_DONE;
    }
    for (size_t i = 0; i < count; i++) {
        char *stop;
        double value = strtod(at, &stop);
        if (stop == at || !isfinite(value) || *stop != (i + 1 < count ? ',' : '\0')) {
            return cli_usage(args, "--%s %s: %zu numbers with commas between are wanted", name_of(option), text, count);
        }
        out[i] = value;
        at = stop + 1;
    }
    return CLI_DONE;
}

int cli_choice(const struct cli_args *args, enum cli_option option, const char *choices, int *out)
{
    const char *text = args->value[option];
    if (!text) {
        return CLI_DONE;
    }
    const char *at = choices;
    for (int i = 0; *at; i++) {
        size_t len = strcspn(at, "|");
        if (strlen(text) == len && memcmp(text, at, len) == 0) {
            *out = i;
            return CLI_DONE;
        }
        at += len + (at[len] == '|');
    }
    return cli_usage(args, "--%s %s: %s is wanted", name_of(option), text, choices);
}

int cli_bytes(const struct cli_args *args, enum cli_option option, size_t *out)
{
    static const char units[] = "KMGT";
    const char *text = args->value[option];
    if (!text) {
        return CLI_DONE;
    }
    const char *rest = text + strspn(text, "0123456789.");
    char *stop;
    double value = strtod(text, &stop);
    bool good = rest != text && stop == rest;
    const char *unit = *rest ? strchr(units, *rest & ~32) : NULL;
    for (const char *u = units; unit && u <= unit; u++) {
        value *= 1024;
    }
    rest += unit != NULL;
    good = good && (!*rest || strcasecmp(rest, "B") == 0 || (unit && strcasecmp(rest, "iB") == 0));
    if (!good || !(value >= 1 && value < 1e18)) {
        return cli_usage(args, "--%s %s: a size such as 512M or 2G is wanted", name_of(option), text);
    }
    *out = (size_t)value;
    return CLI_DONE;
}

int cli_threads(const struct cli_args *args, int64_t *threads)
{
    return cli_integer(args, OPT_THREADS, 1, 256, threads);
}

int cli_batch(const struct cli_args *args, int64_t *batch)
{
    return cli_integer(args, OPT_BATCH_SIZE, 1, CLI_MAX_BATCH, batch);
}

int cli_size(const struct cli_args *args, int64_t *height, int64_t *width)
{
    const char *text = args->value[OPT_SIZE];
    char *stop;
    if (!text) {
        return CLI_DONE;
    }
    long h = strtol(text, &stop, 10), w = h;
    bool good = stop != text;
    if (good && (*stop == 'x' || *stop == 'X')) {
        const char *second = stop + 1;
        w = strtol(second, &stop, 10);
        good = stop != second;
    }
    if (!good || *stop || h < 1 || w < 1 || h > 65535 || w > 65535) {
        return cli_usage(args, "--size %s: height and width such as 224x224 are wanted", text);
    }
    *height = h;
    *width = w;
    return CLI_DONE;
}
