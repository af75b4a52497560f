/* lince: the program. */
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/*
 * A standard stream that the caller closed must not become the next file that is opened: stand-ins take the numbers.
 * That of stdout cannot be written to, so results that go nowhere are still an error.
 */
static void guard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR) != fd) {
            _exit(CLI_FAILED);
        }
    }
}

static int nothing_to_do(const char *word)
{
    if (!word) {
        cli_help_all(stderr);
    } else {
        const char *near = *word == '-' ? NULL : cli_hint_command(word);
        app_say("%s: no such %s,%s%s%s `lince --help` lists them", word, *word == '-' ? "option" : "command",
                near ? " perhaps " : "", near ? near : "", near ? " is meant;" : "");
    }
    return CLI_USAGE;
}

static int general(const char *word, const char *topic)
{
    if (strcmp(word, "--version") == 0) {
        printf("lince %s\n", lince_version());
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (strcmp(word, "help") == 0 && !topic)) {
        cli_help_all(stdout);
    } else if (strcmp(word, "help") == 0 && cli_command_find(topic)) {
        cli_help_command(stdout, cli_command_find(topic));
    } else {
        return nothing_to_do(strcmp(word, "help") == 0 ? topic : word);
    }
    return cli_flush();
}

int main(int argc, char **argv)
{
    struct cli_args args;
    bool answered;
    guard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error of write() */
    if (argc < 2) {
        return nothing_to_do(NULL);
    }
    const struct cli_command *command = cli_command_find(argv[1]);
    if (!command) {
        return general(argv[1], argc > 2 ? argv[2] : NULL);
    }
    int status = cli_args_parse(&args, command, argc - 1, argv + 1, &answered);
    if (!status && !answered) {
        status = command->run(&args);
        int flushed = status ? CLI_DONE : cli_flush();
        status = status ? status : flushed;
    }
    cli_args_free(&args);
    return status;
}
