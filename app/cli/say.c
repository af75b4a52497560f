/* What the program says on stderr, and the progress bar. */
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
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

/* A write that failed earlier has left no errno; the descriptor still knows that nobody reads. */
static bool reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

int cli_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return CLI_DONE;
    }
    if (errno != EPIPE && !reader_is_gone()) {
        app_say("stdout: cannot be written: %s", errno ? strerror(errno) : "an earlier write failed");
    }
    return CLI_FAILED;
}

void cli_show(const char *name, int width)
{
    const char *shown;
    size_t bytes;
    for (; *name; width--) {
        name += app_visible(name, &shown, &bytes);
        fwrite(shown, 1, bytes, stdout);
    }
    printf("%*s", width > 0 ? width : 0, "");
}

const char *cli_size_text(char buffer[32], long long bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < APP_COUNT(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
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

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void cli_bar(char *line)
{
    size_t columns = terminal_columns();
    if (strlen(line) >= columns) {
        line[columns - 1] = '\0';
    }
    app_bar(line);
}

const char *cli_duration_text(char buffer[32], double seconds)
{
    if (seconds < 100) {
        snprintf(buffer, 32, "%.0f s", seconds);
    } else if (seconds < 6000) {
        snprintf(buffer, 32, "%.0f min", seconds / 60);
    } else {
        snprintf(buffer, 32, "%.1f h", seconds / 3600);
    }
    return buffer;
}

/* "[######........] 12/30 4/s, 5 s left, 1 failed", as much of it as a line holds. */
static void draw(const struct cli_progress *p, double passed)
{
    static const char full[] = "##############################", empty[] = "..............................";
    char facts[160], failed[40] = "", left[32], line[256];
    size_t columns = terminal_columns(), cells = sizeof full - 1;
    double share = (double)p->done / (double)p->total;
    cli_duration_text(left, share > 0 ? passed * (1 - share) / share : 0);
    if (p->failed) {
        snprintf(failed, sizeof failed, ", %zu failed", p->failed);
    }
    size_t used = 3 + (size_t)snprintf(facts, sizeof facts, "%zu/%zu %.0f/s, %s left%s", p->done, p->total,
                                       (double)p->done / passed, left, failed);
    cells = columns > used + cells ? cells : columns > used ? columns - used - 1 : 0;
    int filled = (int)(share * (double)cells);
    snprintf(line, sizeof line, "[%.*s%.*s] %s", filled, full, (int)cells - filled, empty, facts);
    cli_bar(line);
}

void cli_progress_to(struct cli_progress *p, size_t done, size_t failed)
{
    double now = cli_seconds();
    p->done = done;
    p->failed = failed;
    if (p->shown && now - p->started >= 0.5 && now - p->drawn >= 0.1) {
        draw(p, now - p->started);
        p->drawn = now;
    }
}
