/* What somebody meant who mistyped a word. */
#include "args.h"

#include <string.h>

#define LONGEST 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters are wrong, missing, too many, or changed places with their neighbour. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST + 1];
    for (size_t k = 0; k <= m; k++) {
        row[0][k] = k;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t k = 1; k <= m; k++) {
            now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
                now[k] = least(now[k], before[k - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}

/* The nearest name so far; a third of the letters may be wrong. */
struct nearest {
    const char *word;
    size_t length, distance;
    const char *name;
};

static struct nearest search(const char *word)
{
    size_t length = strcspn(word, "=");
    return (struct nearest){word, length, length / 3 + 1, NULL};
}

static void try(struct nearest *n, const char *name)
{
    size_t length = strlen(name);
    if (n->length <= LONGEST && length <= LONGEST) {
        size_t d = distance(n->word, n->length, name, length);
        if (d < n->distance) {
            n->distance = d;
            n->name = name;
        }
    }
}

const char *cli_hint_command(const char *word)
{
    struct nearest n = search(word);
    for (size_t i = 0; i < cli_command_count; i++) {
        try(&n, cli_commands[i].name);
    }
    return n.name;
}

const char *cli_hint_option(const char *word, enum cli_command_id command)
{
    struct nearest n = search(word + strspn(word, "-"));
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_options[i].commands & (unsigned)command) {
            try(&n, cli_options[i].name);
        }
    }
    return n.name;
}
