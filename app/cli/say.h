/* say: what goes to the terminal. */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include "args.h"

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

/* "40 s", "12 min", "3.5 h". Returns the buffer. */
const char *cli_duration_text(char buffer[32], double seconds);

/* app_bar() of as much as a line of the terminal holds; the rest is cut off. */
void cli_bar(char *line);

/* A bar on stderr while something long is under way; draws only where somebody sees it. app_bar(NULL) erases it. */
struct cli_progress {
    size_t total, done, failed;
    double started, drawn;
    bool shown;
};
void cli_progress_start(struct cli_progress *p, const struct cli_args *args, size_t total, bool beside_stdout);
void cli_progress_to(struct cli_progress *p, size_t done, size_t failed);

#endif
