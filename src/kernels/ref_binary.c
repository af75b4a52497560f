/* Functions of two floats by plain loops. */
#include "binary.h"

static float evaluate(enum li_binary op, float a, float b)
{
    switch (op) {
    case LI_BINARY_ADD:
        return a + b;
    case LI_BINARY_SUB:
        return a - b;
    case LI_BINARY_MUL:
        return a * b;
    case LI_BINARY_DIV:
        return a / b;
    case LI_BINARY_MAX:
        return a != a || a > b ? a : b;
    case LI_BINARY_MIN:
        return a != a || a < b ? a : b;
    case LI_BINARY_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case LI_BINARY_COUNT:
        break;
    }
    return a;
}

static void ref_binary_rows(enum li_binary op, const struct li_binary_rows *s, float *y, const float *a, const float *b)
{
    for (int64_t r = 0; r < s->rows; r++) {
        for (int64_t c = 0; c < s->cols; c++) {
            y[r * s->y_row + c] =
                evaluate(op, a[r * s->a_row + (s->a_scalar ? 0 : c)], b[r * s->b_row + (s->b_scalar ? 0 : c)]);
        }
    }
}

const struct li_binary_kernels li_binary_ref = {ref_binary_rows};
