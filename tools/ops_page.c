/*
 * Prints docs/ops.md, or writes it where the argument says: what the rows of src/ops say of themselves. The target
 * docs_ops writes it, the test ops_page compares.
 */
#include "ops/ops.h"

#include <stdio.h>
#include <string.h>

static const char head[] =
    "# Supported ops\n"
    "\n"
    "Made from the rows in `src/ops` by `cmake --build build/release --target docs_ops`; a test says when it is out of "
    "date.\n"
    "\n"
    "**Attributes**: `name`: the values that are supported, the default among them in bold; `name` = the default, "
    "where any\n"
    "value may be tried; `name` alone: there is no default. Types that follow from an input, and the number of inputs, "
    "are\n"
    "left out. Which types an input may have is checked with the shapes: an error names the node and the type.\n"
    "**Gradient**: *gradient*: training goes through the op; *not differentiable*: nothing flows through it, as in "
    "TensorFlow,\n"
    "and what is before it is not trained by what is after; *none in TensorFlow*: TensorFlow refuses to train through "
    "it, and\n"
    "so does lince, by the node's name; *no gradient yet*: so does lince alone. **State**: what the op does beside "
    "computing.\n"
    "\n"
    "| op | attributes | gradient | state |\n"
    "|---|---|---|---|\n";

/* One value of a list of values parted by blanks. */
static void print_values(const struct li_attr_spec *spec)
{
    const char *at = spec->allowed;
    while (*at) {
        size_t n = strcspn(at, " ");
        bool is_default = spec->fallback && strlen(spec->fallback) == n && memcmp(at, spec->fallback, n) == 0;
        const char *value = n ? at : "\"\"";
        printf(is_default ? " **%.*s**" : " %.*s", n ? (int)n : 2, value);
        at += n + strspn(at + n, " ");
    }
}

/* A type that an input shows, or how many inputs there are. */
static bool follows(const struct li_attr_spec *spec)
{
    bool type = spec->kind == LI_ATTR_TYPE && spec->fallback && strcmp(spec->fallback, "float32") == 0;
    return !spec->allowed && (type || spec->kind == LI_ATTR_TYPES || strcmp(spec->name, "N") == 0);
}

static void print_attributes(const struct li_op *op)
{
    const char *between = "";
    for (const struct li_attr_spec *spec = op->attrs; spec && spec->name; spec++) {
        if (follows(spec)) {
            continue;
        }
        printf("%s`%s`", between, spec->name);
        if (spec->allowed) {
            printf(":");
            print_values(spec);
        } else if (spec->fallback) {
            printf(" = %s", *spec->fallback ? spec->fallback : "\"\"");
        }
        between = "; ";
    }
}

static void print_state(const struct li_op *op)
{
    static const struct {
        unsigned effect;
        const char *text;
    } rows[] = {{LI_EFFECT_READ, "reads a variable"},
                {LI_EFFECT_WRITE, "writes a variable"},
                {LI_EFFECT_RANDOM, "draws from its generator"},
                {LI_EFFECT_LOOKUP, "looks up in a table"},
                {LI_EFFECT_FAIL, "may fail on data"}};
    const char *between = "";
    for (size_t i = 0; i < LI_COUNT(rows); i++) {
        if (op->effects & rows[i].effect) {
            printf("%s%s", between, rows[i].text);
            between = ", ";
        }
    }
}

/* A plain read hands a gradient on to its variable without a rule. */
static bool flows(const struct li_op *op)
{
    bool plain_read = (op->effects & LI_EFFECT_READ) && !op->forward;
    return plain_read || (op->grad && op->grad != li_grad_none && op->grad != li_grad_absent);
}

static const char *gradient(const struct li_op *op)
{
    return flows(op)                    ? "gradient"
           : op->grad == li_grad_absent ? "none in TensorFlow"
           : op->grad                   ? "not differentiable"
                                        : "no gradient yet";
}

int main(int argc, char **argv)
{
    if (argc > 1 && !freopen(argv[1], "w", stdout)) {
        perror(argv[1]);
        return 1;
    }
    const struct li_ops *ops = li_ops();
    int count = 0, gradients = 0, missing = 0, absent = 0;
    fputs(head, stdout);
    for (int i = 0; i < ops->count; i++) {
        const struct li_op *op = ops->rows[i];
        if (op->flags & LI_OP_INTERNAL) {
            continue;
        }
        printf("| %s | ", op->name);
        print_attributes(op);
        printf(" | %s | ", gradient(op));
        print_state(op);
        printf(" |\n");
        count++;
        gradients += flows(op);
        missing += !flows(op) && !op->grad;
        absent += op->grad == li_grad_absent;
    }
    printf("\n%d ops: %d with a gradient, %d not differentiable, %d without one in TensorFlow, %d without a gradient "
           "yet.\n",
           count, gradients, count - gradients - missing - absent, absent, missing);
    return fclose(stdout) != 0;
}
