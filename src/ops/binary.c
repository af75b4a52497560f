/* Arithmetic of two numbers, with broadcasting. */
#include "binary.h"

#include <math.h>

enum operation {
    ADD,
    SUB,
    MUL,
    DIV,
    MAXIMUM,
    MINIMUM,
    SQUARED_DIFFERENCE, /* as in enum li_binary */
    FLOOR_DIV,
    FLOOR_MOD,
    MOD,
    POW,
    AND,
    OR,
    XOR
};

_Static_assert((int)ADD == LI_BINARY_ADD && (int)SQUARED_DIFFERENCE == LI_BINARY_SQUARED_DIFFERENCE,
               "kernels first, in their order");

/* ---- One number ---- */

static double floor_mod(double x, double y)
{
    double m = fmod(x, y);
    return m != 0 && (y < 0) != (m < 0) ? m + y : m;
}

static double real(enum operation op, lince_dtype dtype, double x, double y)
{
    switch (op) {
    case ADD:
        return x + y;
    case SUB:
        return x - y;
    case MUL:
        return x * y;
    case DIV:
        return x / y;
    case MAXIMUM:
        return isnan(x) || isnan(y) ? NAN : x > y ? x : y;
    case MINIMUM:
        return isnan(x) || isnan(y) ? NAN : x < y ? x : y;
    case SQUARED_DIFFERENCE:
        return li_round_to(dtype, x - y) * li_round_to(dtype, x - y);
    case FLOOR_DIV:
        return floor(li_round_to(dtype, x / y)); /* the quotient is rounded first, as in TensorFlow */
    case FLOOR_MOD:
        return floor_mod(x, y);
    case MOD:
        return fmod(x, y);
    case POW:
        return pow(x, y);
    default:
        return 0;
    }
}

static uint64_t power(uint64_t x, uint64_t y)
{
    uint64_t result = 1;
    for (; y; y >>= 1, x *= x) {
        result *= y & 1 ? x : 1;
    }
    return result;
}

static uint64_t unsigned_integer(enum operation op, uint64_t x, uint64_t y)
{
    switch (op) {
    case DIV:
    case FLOOR_DIV:
        return x / y;
    case MOD:
    case FLOOR_MOD:
        return x % y;
    case MAXIMUM:
        return x > y ? x : y;
    case MINIMUM:
        return x < y ? x : y;
    /* The rest is the same for signed numbers, which wrap. */
    case ADD:
        return x + y;
    case SUB:
        return x - y;
    case MUL:
        return x * y;
    case SQUARED_DIFFERENCE:
        return (x - y) * (x - y);
    case POW:
        return power(x, y);
    case AND:
        return x & y;
    case OR:
        return x | y;
    case XOR:
        return x ^ y;
    default:
        return 0;
    }
}

static int64_t signed_integer(enum operation op, int64_t x, int64_t y)
{
    switch (op) {
    case DIV:
        return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y;
    case FLOOR_DIV:
        return y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y - (x % y != 0 && (x < 0) != (y < 0));
    case MOD:
        return y == -1 ? 0 : x % y;
    case FLOOR_MOD:
        return y == -1 ? 0 : x % y + (x % y != 0 && (x < 0) != (y < 0) ? y : 0);
    case MAXIMUM:
        return x > y ? x : y;
    case MINIMUM:
        return x < y ? x : y;
    default:
        return (int64_t)unsigned_integer(op, (uint64_t)x, (uint64_t)y);
    }
}

/* Integers divided by zero, or raised to a negative power. */
static bool forbidden(enum operation op, enum li_domain domain, int64_t y)
{
    if (op == POW) {
        return domain == LI_DOMAIN_SIGNED && y < 0;
    }
    return (op == DIV || op == FLOOR_DIV || op == MOD || op == FLOOR_MOD) && y == 0;
}

static bool compute(int op, lince_dtype dtype, union li_block *z, const union li_block *x, const union li_block *y,
                    int64_t n)
{
    enum li_domain domain = li_domain_of(dtype);
    for (int64_t k = 0; k < n; k++) {
        if (domain == LI_DOMAIN_FLOAT) {
            z->f[k] = real((enum operation)op, dtype, x->f[k], y->f[k]);
        } else if (forbidden((enum operation)op, domain, y->i[k])) {
            return false;
        } else if (domain == LI_DOMAIN_SIGNED) {
            z->i[k] = signed_integer((enum operation)op, x->i[k], y->i[k]);
        } else {
            z->u[k] = unsigned_integer((enum operation)op, x->u[k], y->u[k]);
        }
    }
    return true;
}

/* ---- All of them ---- */

static void run_fast(struct li_call *c, enum li_binary op)
{
    struct li_walk walk;
    struct li_span span;
    float *z = c->out[0].data;
    const float *x = li_f32(&c->in[0]), *y = li_f32(&c->in[1]);
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &c->in[1]}, 3);
    while (li_walk_next(&walk, &span)) {
        const struct li_binary_rows rows = {
            .rows = span.rows,
            .cols = span.cols,
            .y_row = span.row[0],
            .a_row = span.row[1],
            .b_row = span.row[2],
            .a_scalar = span.scalar[1],
            .b_scalar = span.scalar[2],
        };
        c->kernels->binary->rows(op, &rows, z + span.offset[0], x + span.offset[1], y + span.offset[2]);
    }
}

static lince_status binary_run(struct li_call *c, enum operation op)
{
    if (c->in[0].dtype == LINCE_FLOAT32 && op <= SQUARED_DIFFERENCE) {
        run_fast(c, (enum li_binary)op);
        return LINCE_OK;
    }
    if (!li_binary_run(c, op, compute)) {
        return li_call_fail(c, LINCE_EDATA,
                            op == POW ? "an integer is raised to a negative power" : "an integer is divided by zero");
    }
    return LINCE_OK;
}

/* ---- Pow by a small constant: what GELU and squares are written with ---- */

static lince_status pow_forward(struct li_call *c)
{
    const float *y = li_f32(&c->in[1]);
    bool cube = c->in[0].dtype == LINCE_FLOAT32 && li_count(&c->in[1]) == 1 && (*y == 2 || *y == 3);
    if (!cube || c->in[0].shape->rank < c->in[1].shape->rank) {
        return binary_run(c, POW);
    }
    int64_t begin, end;
    const float *x = li_f32(&c->in[0]);
    float *z = c->out[0].data;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        z[i] = *y == 3 ? x[i] * x[i] * x[i] : x[i] * x[i];
    }
    return LINCE_OK;
}

/* ---- Gradients ---- */

static lince_status add_grad(struct li_grad *g)
{
    LI_TRY(li_binary_give(g, 0, g->dy[0]));
    return li_binary_give(g, 1, g->dy[0]);
}

static lince_status sub_grad(struct li_grad *g)
{
    li_vid minus;
    LI_TRY(li_binary_give(g, 0, g->dy[0]));
    LI_TRY(li_grad_one(g, "Neg", g->dy[0], &minus));
    return li_binary_give(g, 1, minus);
}

static lince_status mul_grad(struct li_grad *g)
{
    li_vid dx, dy;
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], g->in[1], &dx));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], g->in[0], &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* g / y, and -g * (x / y) / y. */
static lince_status div_grad(struct li_grad *g)
{
    li_vid dx, quotient, product, dy;
    LI_TRY(li_grad_two(g, "RealDiv", g->dy[0], g->in[1], &dx));
    LI_TRY(li_grad_two(g, "RealDiv", g->out[0], g->in[1], &quotient));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], quotient, &product));
    LI_TRY(li_grad_one(g, "Neg", product, &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* The whole gradient goes to x where `wins`(x, y), elsewhere to y. */
static lince_status extreme_grad(struct li_grad *g, const char *wins)
{
    li_vid mask, zeros, dx, dy;
    LI_TRY(li_grad_two(g, wins, g->in[0], g->in[1], &mask));
    LI_TRY(li_grad_one(g, "ZerosLike", g->dy[0], &zeros));
    LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){mask, g->dy[0], zeros}, 3, NULL, 0, &dx));
    LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){mask, zeros, g->dy[0]}, 3, NULL, 0, &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

static lince_status maximum_grad(struct li_grad *g)
{
    return extreme_grad(g, "GreaterEqual");
}

static lince_status minimum_grad(struct li_grad *g)
{
    return extreme_grad(g, "LessEqual");
}

static lince_status squared_difference_grad(struct li_grad *g)
{
    li_vid difference, twice, dx, dy;
    LI_TRY(li_grad_two(g, "Sub", g->in[0], g->in[1], &difference));
    LI_TRY(li_grad_two(g, "AddV2", difference, difference, &twice));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], twice, &dx));
    LI_TRY(li_grad_one(g, "Neg", dx, &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* g, and -g times the whole number of times that y goes into x, which `quotient` is. */
static lince_status rest_grad(struct li_grad *g, li_vid quotient)
{
    li_vid product, dy;
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], quotient, &product));
    LI_TRY(li_grad_one(g, "Neg", product, &dy));
    LI_TRY(li_binary_give(g, 0, g->dy[0]));
    return li_binary_give(g, 1, dy);
}

static lince_status floor_mod_grad(struct li_grad *g)
{
    li_vid quotient;
    LI_TRY(li_grad_two(g, "FloorDiv", g->in[0], g->in[1], &quotient));
    return rest_grad(g, quotient);
}

/* What is left of x - z divides evenly but for rounding. TensorFlow has no gradient here; this is the derivative. */
static lince_status mod_grad(struct li_grad *g)
{
    li_vid whole, quotient;
    LI_TRY(li_grad_two(g, "Sub", g->in[0], g->out[0], &whole));
    LI_TRY(li_grad_two(g, "Div", whole, g->in[1], &quotient));
    LI_TRY(li_grad_one(g, "Round", quotient, &quotient));
    return rest_grad(g, quotient);
}

/* g * y * x^(y-1), and g * z * log(x) where x > 0. */
static lince_status pow_grad(struct li_grad *g)
{
    li_vid ones, less, power_less, slope, dx, zeros, mask, safe, log_x, product, dy, like;
    LI_TRY(li_grad_one(g, "OnesLike", g->in[1], &ones));
    LI_TRY(li_grad_two(g, "Sub", g->in[1], ones, &less));
    LI_TRY(li_grad_two(g, "Pow", g->in[0], less, &power_less));
    LI_TRY(li_grad_two(g, "Mul", g->in[1], power_less, &slope));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], slope, &dx));
    LI_TRY(li_grad_one(g, "ZerosLike", g->in[0], &zeros));
    LI_TRY(li_grad_one(g, "OnesLike", g->in[0], &like));
    LI_TRY(li_grad_two(g, "Greater", g->in[0], zeros, &mask));
    LI_TRY(li_grad_emit(g, "SelectV2", (li_vid[]){mask, g->in[0], like}, 3, NULL, 0, &safe));
    LI_TRY(li_grad_one(g, "Log", safe, &log_x));
    LI_TRY(li_grad_two(g, "Mul", g->out[0], log_x, &product));
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], product, &dy));
    LI_TRY(li_binary_give(g, 0, dx));
    return li_binary_give(g, 1, dy);
}

/* ---- Rows ---- */

#define BINARY(id, op_name, operation, set, prepare_f, gradient)                                                       \
    static lince_status id##_shape(struct li_infer *s)                                                                 \
    {                                                                                                                  \
        return li_binary_shape(s, set, LINCE_DTYPE_NONE);                                                              \
    }                                                                                                                  \
    static lince_status id##_run(struct li_call *c)                                                                    \
    {                                                                                                                  \
        return binary_run(c, operation);                                                                               \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op_name,                                                                                               \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("z"),                                                                                     \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),                                                                          \
        .shape = id##_shape,                                                                                           \
        .layout = li_ops_layout_strided,                                                                               \
        .prepare = prepare_f,                                                                                          \
        .forward = id##_run,                                                                                           \
        .grad = gradient,                                                                                              \
        .flags = LI_OP_INPLACE,                                                                                        \
    };
#define CHEAP(id, op_name, operation, set, gradient) BINARY(id, op_name, operation, set, li_ops_prepare_cheap, gradient)
#define COSTLY(id, op_name, operation, set, gradient)                                                                  \
    BINARY(id, op_name, operation, set, li_ops_prepare_costly, gradient)

CHEAP(add, "Add", ADD, LI_SET_NUMBER, add_grad)
CHEAP(add_v2, "AddV2", ADD, LI_SET_NUMBER, add_grad)
CHEAP(sub, "Sub", SUB, LI_SET_NUMBER, sub_grad)
CHEAP(mul, "Mul", MUL, LI_SET_NUMBER, mul_grad)
CHEAP(div, "Div", DIV, LI_SET_NUMBER, div_grad)
CHEAP(real_div, "RealDiv", DIV, LI_SET_FLOAT, div_grad)
CHEAP(truncate_div, "TruncateDiv", DIV, LI_SET_INT, li_grad_none)
CHEAP(maximum, "Maximum", MAXIMUM, LI_SET_NUMBER, maximum_grad)
CHEAP(minimum, "Minimum", MINIMUM, LI_SET_NUMBER, minimum_grad)
CHEAP(squared_difference, "SquaredDifference", SQUARED_DIFFERENCE, LI_SET_NUMBER, squared_difference_grad)
COSTLY(floor_div, "FloorDiv", FLOOR_DIV, LI_SET_NUMBER, li_grad_none)
COSTLY(floor_mod, "FloorMod", FLOOR_MOD, LI_SET_NUMBER, floor_mod_grad)
COSTLY(mod, "Mod", MOD, LI_SET_NUMBER, mod_grad)
COSTLY(truncate_mod, "TruncateMod", MOD, LI_SET_NUMBER, mod_grad)
CHEAP(bitwise_and, "BitwiseAnd", AND, LI_SET_INT, li_grad_none)
CHEAP(bitwise_or, "BitwiseOr", OR, LI_SET_INT, li_grad_none)
CHEAP(bitwise_xor, "BitwiseXor", XOR, LI_SET_INT, li_grad_none)

static lince_status pow_shape(struct li_infer *s)
{
    return li_binary_shape(s, LI_SET_NUMBER, LINCE_DTYPE_NONE);
}

const struct li_op li_op_pow = {
    .name = "Pow",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("z"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = pow_shape,
    .prepare = li_ops_prepare_costly,
    .forward = pow_forward,
    .grad = pow_grad,
    .flags = LI_OP_INPLACE,
};
