/* Functions of two float32 over rows. */
#include "../binary.h"
#include "simd.h"

INLINE vf evaluate(const enum li_binary op, vf a, vf b)
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
        return v_max(a, b);
    case LI_BINARY_MIN:
        return v_min(a, b);
    case LI_BINARY_SQUARED_DIFFERENCE:
        return (a - b) * (a - b);
    case LI_BINARY_COUNT:
        break;
    }
    return a;
}

INLINE void row(const enum li_binary op, const bool a_scalar, const bool b_scalar, float *y, const float *a,
                const float *b, int64_t n)
{
    const vf a0 = a_scalar ? v_set(*a) : v_zero(), b0 = b_scalar ? v_set(*b) : v_zero();
    int64_t i = 0;
    for (; i + VL <= n; i += VL) {
        v_store(y + i, evaluate(op, a_scalar ? a0 : v_load(a + i), b_scalar ? b0 : v_load(b + i)));
    }
    if (i < n) {
        vf va = a_scalar ? a0 : v_load_part(a + i, n - i), vb = b_scalar ? b0 : v_load_part(b + i, n - i);
        v_store_part(y + i, evaluate(op, va, vb), n - i);
    }
}

/* Loops are made for each function and each kind of operand. */
INLINE void all_rows(const enum li_binary op, const struct li_binary_rows *s, float *y, const float *a, const float *b)
{
    for (int64_t r = 0; r < s->rows && s->cols > 0; r++, y += s->y_row, a += s->a_row, b += s->b_row) {
        if (s->a_scalar && s->b_scalar) {
            row(op, true, true, y, a, b, s->cols);
        } else if (s->a_scalar) {
            row(op, true, false, y, a, b, s->cols);
        } else if (s->b_scalar) {
            row(op, false, true, y, a, b, s->cols);
        } else {
            row(op, false, false, y, a, b, s->cols);
        }
    }
}

#define CASE(op)                                                                                                       \
    case op:                                                                                                           \
        all_rows(op, s, y, a, b);                                                                                      \
        break;

static void binary_rows(enum li_binary op, const struct li_binary_rows *s, float *y, const float *a, const float *b)
{
    switch (op) {
        CASE(LI_BINARY_ADD)
        CASE(LI_BINARY_SUB)
        CASE(LI_BINARY_MUL)
        CASE(LI_BINARY_DIV)
        CASE(LI_BINARY_MAX)
        CASE(LI_BINARY_MIN)
        CASE(LI_BINARY_SQUARED_DIFFERENCE)
    case LI_BINARY_COUNT:
        break;
    }
}

const struct li_binary_kernels LI_SIMD_NAME(binary) = {binary_rows};
