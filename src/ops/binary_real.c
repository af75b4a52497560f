/*
 * Functions of two real numbers, with broadcasting: Atan2, and products and quotients in which a zero counts for more
 * than what it meets: DivNoNan, MulNoNan, Xdivy, Xlogy; and Polygamma.
 */
#include "binary.h"

#include <math.h>

enum function { ATAN2, DIV_NO_NAN, MUL_NO_NAN, XDIVY, XLOGY, POLYGAMMA };

static double evaluate(enum function f, double x, double y)
{
    switch (f) {
    case ATAN2:
        return atan2(x, y);
    case DIV_NO_NAN:
        return y == 0 ? 0 : x / y;
    case MUL_NO_NAN:
        return y == 0 ? 0 : x * y;
    case XDIVY:
        return x == 0 ? 0 : x / y;
    case POLYGAMMA:
        return li_polygamma(x, y);
    default: /* XLOGY */
        return x == 0 ? 0 : x * log(y);
    }
}

static bool compute(int f, lince_dtype dtype, union li_block *z, const union li_block *x, const union li_block *y,
                    int64_t n)
{
    (void)dtype;
    for (int64_t k = 0; k < n; k++) {
        z->f[k] = evaluate((enum function)f, x->f[k], y->f[k]);
    }
    return true;
}

static lince_status real_shape(struct li_infer *s)
{
    return li_binary_shape(s, LI_SET_FLOAT, LINCE_DTYPE_NONE);
}

/* ---- Gradients ---- */

/* Input 0 over the sum of squares, times g, goes to input 1 with a minus; input 1 so to input 0. */
static lince_status atan2_grad(struct li_grad *g)
{
    li_vid square[2], sum, share, d[2];
    for (int i = 0; i < 2; i++) {
        LI_TRY(li_grad_one(g, "Square", g->in[i], &square[i]));
    }
    LI_TRY(li_grad_two(g, "AddV2", square[0], square[1], &sum));
    LI_TRY(li_grad_two(g, "RealDiv", g->dy[0], sum, &share));
    for (int i = 0; i < 2; i++) {
        LI_TRY(li_grad_two(g, "Mul", g->in[1 - i], share, &d[i]));
    }
    LI_TRY(li_grad_one(g, "Neg", d[1], &d[1]));
    LI_TRY(li_binary_give(g, 0, d[0]));
    return li_binary_give(g, 1, d[1]);
}

/* g / y and -g * (x / y) / y, all without NaN. */
static lince_status div_no_nan_grad(struct li_grad *g)
{
    li_vid dx, quotient, product, dy;
    LI_TRY(li_grad_two(g, "DivNoNan", g->dy[0], g->in[1], &dx));
    LI_TRY(li_grad_two(g, "DivNoNan", g->out[0], g->in[1], &quotient));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], quotient, &product));
    LI_TRY(li_grad_one(g, "Neg", product, &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* A zero in y silences g; a zero in g silences x. */
static lince_status mul_no_nan_grad(struct li_grad *g)
{
    li_vid dx, dy;
    LI_TRY(li_grad_two(g, "MulNoNan", g->dy[0], g->in[1], &dx));
    LI_TRY(li_grad_two(g, "MulNoNan", g->in[0], g->dy[0], &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* 1 where x is not 0, else 0: what stands for x in its own slope. */
static lince_status not_zero(struct li_grad *g, li_vid *out)
{
    const lince_dtype dtype = g->graph->values[g->in[0]].dtype;
    const struct li_attr to[] = {LI_TYPE("SrcT", LINCE_BOOL), LI_TYPE("DstT", dtype)};
    li_vid zero, mask;
    LI_TRY(li_grad_scalar(g, g->in[0], 0, &zero));
    LI_TRY(li_grad_two(g, "NotEqual", g->in[0], zero, &mask));
    return li_grad_emit(g, "Cast", &mask, 1, to, 2, out);
}

/* g times op(x != 0, y), and g times `slope`. */
static lince_status zero_first(struct li_grad *g, const char *op, li_vid slope)
{
    li_vid one, factor, dx, dy;
    LI_TRY(not_zero(g, &one));
    LI_TRY(li_grad_two(g, op, one, g->in[1], &factor));
    LI_TRY(li_grad_two(g, "Mul", factor, g->dy[0], &dx));
    LI_TRY(li_grad_two(g, "Mul", slope, g->dy[0], &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

static lince_status xdivy_grad(struct li_grad *g)
{
    li_vid minus, square, slope;
    LI_TRY(li_grad_one(g, "Neg", g->in[0], &minus));
    LI_TRY(li_grad_one(g, "Square", g->in[1], &square));
    LI_TRY(li_grad_two(g, "Xdivy", minus, square, &slope));
    return zero_first(g, "Xdivy", slope);
}

static lince_status xlogy_grad(struct li_grad *g)
{
    li_vid slope;
    LI_TRY(li_grad_two(g, "Xdivy", g->in[0], g->in[1], &slope));
    return zero_first(g, "Xlogy", slope);
}

/* Which slope it is has none itself. */
static lince_status polygamma_grad(struct li_grad *g)
{
    li_vid one, next, slope, d;
    LI_TRY(li_grad_scalar(g, g->in[0], 1, &one));
    LI_TRY(li_grad_two(g, "AddV2", g->in[0], one, &next));
    LI_TRY(li_grad_two(g, "Polygamma", next, g->in[1], &slope));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], slope, &d));
    return li_binary_give(g, 1, d);
}

/* ---- Rows ---- */

#define REAL(id, op_name, function, prepare_f)                                                                         \
    static lince_status id##_run(struct li_call *c)                                                                    \
    {                                                                                                                  \
        li_binary_run(c, function, compute);                                                                           \
        return LINCE_OK;                                                                                               \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op_name,                                                                                               \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("z"),                                                                                     \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),                                                                          \
        .shape = real_shape,                                                                                           \
        .layout = li_ops_layout_strided,                                                                               \
        .prepare = prepare_f,                                                                                          \
        .forward = id##_run,                                                                                           \
        .grad = id##_grad,                                                                                             \
        .flags = LI_OP_INPLACE,                                                                                        \
    };

REAL(atan2, "Atan2", ATAN2, li_ops_prepare_costly)
REAL(div_no_nan, "DivNoNan", DIV_NO_NAN, li_ops_prepare_cheap)
REAL(mul_no_nan, "MulNoNan", MUL_NO_NAN, li_ops_prepare_cheap)
REAL(polygamma, "Polygamma", POLYGAMMA, li_ops_prepare_costly)
REAL(xdivy, "Xdivy", XDIVY, li_ops_prepare_costly)
REAL(xlogy, "Xlogy", XLOGY, li_ops_prepare_costly)
