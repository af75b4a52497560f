/* What the program says on stderr, and the progress bar. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cli_usage(const struct cli_args *args, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    app_say("%s: %s; see `lince %s --help`", args->command->name, text, args->command->name);
    return CLI_USAGE;
}

int cli_failed(const char *where, const lince_error *err)
{
    size_t len = where ? strlen(where) : 0;
    if (len && strncmp(err->text, where, len) != 0) {
        app_say("%s: %s", where, err->text);
    } else {
        app_say("%s", err->text);
    }
    return CLI_FAILED;
}

void cli_note(const struct cli_args *args, const char *format, ...)
{
    va_list list;
    if (!cli_quiet(args)) {
        va_start(list, format);
        app_say_list(format, list);
        va_end(list);
    }
}

void cli_verbose(const struct cli_args *args, const char *format, ...)
{
    va_list list;
    if (cli_has(args, OPT_VERBOSE)) {
        va_start(list, format);
        app_say_list(format, list);
        va_end(list);
    }
}

int cli_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return CLI_DONE;
    }
    if (errno != EPIPE) {
        app_say("stdout: cannot be written: %s", errno ? strerror(errno) : "an earlier write failed");
    }
    return CLI_FAILED;
}

char *cli_shown(char buffer[256], const char *name)
{
    snprintf(buffer, 256, "%s", name);
    for (char *c = buffer; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    return buffer;
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- The bar ---- */

void cli_progress_start(struct cli_progress *p, const struct cli_args *args, size_t total, bool beside_stdout)
{
    *p = (struct cli_progress){.total = total, .started = cli_seconds()};
    p->shown = total > 1 && !cli_quiet(args) && isatty(STDERR_FILENO) && !(beside_stdout && isatty(STDOUT_FILENO));
}

void cli_progress_clear(struct cli_progress *p)
{
    if (p->drawn > 0) {
        fputs("\r\033[K", stderr);
        p->drawn = 0;
    }
}

void cli_progress_to(struct cli_progress *p, size_t done, size_t failed)
{
    double now = cli_seconds();
    p->done = done;
    p->failed = failed;
    if (!p->shown || now - p->started < 0.5 || (p->drawn > 0 && now - p->drawn < 0.1)) {
        return;
    }
    char bar[31] = "..............................";
    double share = p->total ? (double)done / (double)p->total : 1;
    memset(bar, '#', (size_t)(share * 30));
    double left = share > 0 ? (now - p->started) * (1 - share) / share : 0;
    fprintf(stderr, "\r\033[K[%s] %zu/%zu %.0f/s, %.0f s left", bar, done, p->total, (double)done / (now - p->started),
            left);
    p->drawn = now;
}
