/*
 * Writes what is made of the tables of commands.c: the man page and the completions. Run by the build: lince-pages
 * man|bash|zsh.
 */
#include "args.h"

#include <string.h>

/* ---- man ---- */

/* roff takes "\", and "." or "'" at the beginning of a line, as its own; "-" is printed as a hyphen unless escaped. */
static void roff(const char *text)
{
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\'')) {
            fputs("\\&", stdout);
        }
        begins = *text == '\n';
        if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (*text == '-') {
            fputs("\\-", stdout);
        } else {
            putchar(*text);
        }
    }
}

static void man_option(const struct cli_option_row *o)
{
    printf(".TP\n");
    if (o->letter) {
        printf("\\fB\\-%c\\fR, ", o->letter);
    }
    printf("\\fB\\-\\-");
    roff(o->name);
    printf("\\fR");
    if (o->value) {
        printf(" \\fI");
        roff(o->value);
        printf("\\fR");
    }
    putchar('\n');
    roff(o->help);
    putchar('\n');
}

static void man_command(const struct cli_command *c)
{
    printf(".SS lince %s ", c->name);
    roff(c->operands);
    putchar('\n');
    roff(c->summary);
    printf(".\n");
    if (*c->text) {
        printf(".PP\n");
        roff(c->text);
    }
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_options[i].commands & (unsigned)c->id && cli_options[i].commands != (unsigned)CMD_ALL) {
            man_option(&cli_options[i]);
        }
    }
    if (*c->examples) {
        printf(".PP\n.nf\n");
        roff(c->examples);
        printf(".fi\n");
    }
}

static void man(void)
{
    printf(".TH LINCE 1 \"\" \"lince %s\" \"User Commands\"\n", LINCE_VERSION);
    printf(".SH NAME\nlince \\- run TensorFlow 2 SavedModels for images, without TensorFlow\n");
    printf(".SH SYNOPSIS\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf(".B lince %s\n", cli_commands[i].name);
        roff(cli_commands[i].operands);
        printf("%s[OPTION]...\n.br\n", *cli_commands[i].operands ? " " : "");
    }
    printf(".SH DESCRIPTION\nMODEL is a folder with a saved_model.pb. Results go to stdout; messages, and a progress "
           "bar on a terminal, to "
           "stderr. Files are written beside their final name and renamed when complete.\n");
    printf(".SH COMMANDS\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        man_command(&cli_commands[i]);
    }
    printf(".SH OPTIONS OF ALL COMMANDS\n");
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_options[i].commands == (unsigned)CMD_ALL) {
            man_option(&cli_options[i]);
        }
    }
    printf(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nit failed, or a photo could not be read; stderr says which and "
           "why\n.TP\n2\nwrong usage\n");
    printf(".SH ENVIRONMENT\n.TP\n.B LINCE_ISA\nthe instruction set to use, where the processor has it: avx512, avx2, "
           "neon; ref computes with "
           "the plain loops that define the right answer\n");
}

/* ---- Completion ---- */

/* "a|b|c" as words; a value of another form has none. */
static bool is_choice(const char *value)
{
    return value && strchr(value, '|') && strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789,-|") == strlen(value);
}

static void words(const char *choice)
{
    for (; *choice; choice++) {
        putchar(*choice == '|' ? ' ' : *choice);
    }
}

static void option_names(const struct cli_command *c)
{
    for (size_t i = 0; i < cli_option_count; i++) {
        if (cli_options[i].commands & (unsigned)c->id) {
            printf(" --%s", cli_options[i].name);
        }
    }
}

static void bash(void)
{
    printf("# bash completion for lince\n_lince()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} "
           "before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    [[ $word == = ]] && word=\n"
           "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]} # --scores=soft is three words\n"
           "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n        mapfile -t COMPREPLY < <(compgen -W \"");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf("%s ", cli_commands[i].name);
    }
    printf("--help --version\" -- \"$word\")\n        return\n    fi\n    case $before in\n");
    for (size_t i = 0; i < cli_option_count; i++) {
        if (is_choice(cli_options[i].value)) {
            printf("    --%s)\n        mapfile -t COMPREPLY < <(compgen -W \"", cli_options[i].name);
            words(cli_options[i].value);
            printf("\" -- \"$word\")\n        return\n        ;;\n");
        }
    }
    printf("    esac\n    if [[ $word == -* ]]; then\n        local options\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf("        %s) options=\"", cli_commands[i].name);
        option_names(&cli_commands[i]);
        printf("\" ;;\n");
    }
    printf("        esac\n        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n    fi\n}\n"
           "complete -o default -F _lince lince\n");
}

/* An option for _arguments; its characters are those of the table, which has no quotes. */
static void zsh_option(const struct cli_option_row *o)
{
    printf("            '%s--%s[", o->id == OPT_SET || o->id == OPT_INPUT || o->id == OPT_FETCH ? "*" : "", o->name);
    for (const char *c = o->help; *c; c++) {
        if (strchr("[]:'\\", *c)) {
            fputs(*c == '\'' ? "'\\'" : "\\", stdout);
        }
        putchar(*c);
    }
    putchar(']');
    if (is_choice(o->value)) {
        printf(":value:(");
        words(o->value);
        putchar(')');
    } else if (o->value) {
        printf(":value:_files");
    }
    printf("' \\\n");
}

static void zsh(void)
{
    printf("#compdef lince\n_lince()\n{\n    if ((CURRENT == 2)); then\n        compadd --");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf(" %s", cli_commands[i].name);
    }
    printf("\n        return\n    fi\n    local command=$words[2]\n    shift words\n    ((CURRENT--))\n    case "
           "$command in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        printf("    %s)\n        _arguments \\\n", cli_commands[i].name);
        for (size_t k = 0; k < cli_option_count; k++) {
            if (cli_options[k].commands & (unsigned)cli_commands[i].id) {
                zsh_option(&cli_options[k]);
            }
        }
        printf("            '*:file:_files'\n        ;;\n");
    }
    printf("    esac\n}\n_lince \"$@\"\n");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(void);
    } pages[] = {{"man", man}, {"bash", bash}, {"zsh", zsh}};
    for (size_t i = 0; argc == 2 && i < APP_COUNT(pages); i++) {
        if (strcmp(argv[1], pages[i].name) == 0) {
            pages[i].write();
            return fflush(stdout) ? CLI_FAILED : CLI_DONE;
        }
    }
    fprintf(stderr, "lince-pages: man, bash or zsh is wanted\n");
    return CLI_USAGE;
}
