/* The equation of an Einsum, read and held against shapes; private to einsum.c and einsum_equation.c. */
#ifndef LI_OPS_EINSUM_H
#define LI_OPS_EINSUM_H

#include "common.h"

enum {
    LETTERS = 52,
    LABELS = LETTERS + LI_MAX_RANK,
    TERM_CHARS = LI_MAX_RANK + 3,
    EQUATION_CHARS = 3 * TERM_CHARS + 4
};

/* The text of one operand or of the result: letters and at most one "...". */
struct li_term {
    char text[TERM_CHARS + 1];
    int length;
};

struct li_equation {
    int inputs;
    struct li_term in[2], out;
};

/* A term for a given rank: one label per dim. */
struct li_labels {
    int rank;
    uint8_t label[LI_MAX_RANK];
};

struct li_einsum {
    int inputs;
    struct li_labels in[2], out;
    int64_t dim[LABELS]; /* -1: not there */
};

/* The label of a letter. */
int li_einsum_letter(char c);
/* False when the text is no equation of one or two operands with a result. */
bool li_einsum_read(const char *text, struct li_equation *equation);
/* Labels and sizes for operands of these shapes; what is wrong, or NULL. */
const char *li_einsum_resolve(const struct li_equation *equation, const struct li_shape *const shapes[2],
                              struct li_einsum *e);

#endif
