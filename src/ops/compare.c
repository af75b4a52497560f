/* Comparisons and logic of two values, with broadcasting. */
#include "binary.h"

#include <string.h>

enum comparison { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

#define COMPARE(member)                                                                                                \
    for (int64_t k = 0; k < n; k++) {                                                                                  \
        bool less = x->member[k]<y->member[k], greater = x->member[k]> y->member[k];                                   \
        bool equal = x->member[k] == y->member[k];                                                                     \
        z->i[k] = (yes[0] & less) | (yes[1] & equal) | (yes[2] & greater) | (op == NOT_EQUAL && !equal);               \
    }

static bool compute(int op, lince_dtype dtype, union li_block *z, const union li_block *x, const union li_block *y,
                    int64_t n)
{
    /* Whether less, equal and greater are a yes; NaN is none of them, and not equal. */
    static const bool answers[6][3] = {{1, 0, 0}, {1, 1, 0}, {0, 0, 1}, {0, 1, 1}, {0, 1, 0}, {0, 0, 0}};
    const bool *yes = answers[op];
    switch (li_domain_of(dtype)) {
    case LI_DOMAIN_FLOAT:
        COMPARE(f)
        break;
    case LI_DOMAIN_SIGNED:
        COMPARE(i)
        break;
    case LI_DOMAIN_UNSIGNED:
        COMPARE(u)
        break;
    }
    return true;
}

static bool same_string(const lince_string *a, const lince_string *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static void compare_strings(struct li_call *c, bool equal)
{
    struct li_walk walk;
    struct li_span span;
    const lince_string *x = c->in[0].data, *y = c->in[1].data;
    uint8_t *z = c->out[0].data;
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &c->in[1]}, 3);
    while (li_walk_next(&walk, &span)) {
        for (int64_t r = 0; r < span.rows; r++) {
            for (int64_t i = 0; i < span.cols; i++) {
                int64_t at[3];
                for (int k = 0; k < 3; k++) {
                    at[k] = span.offset[k] + r * span.row[k] + (span.scalar[k] ? 0 : i);
                }
                z[at[0]] = same_string(&x[at[1]], &y[at[2]]) == equal;
            }
        }
    }
}

static lince_status compare_run(struct li_call *c, enum comparison op)
{
    if (c->in[0].dtype == LINCE_STRING) {
        compare_strings(c, op == EQUAL);
    } else {
        li_binary_run(c, op, compute);
    }
    return LINCE_OK;
}

static lince_status order_shape(struct li_infer *s)
{
    return li_binary_shape(s, LI_SET_NUMBER, LINCE_BOOL);
}

/* With incompatible_shape_error=false, shapes that do not fit are an answer, not an error: that is not supported. */
static lince_status equal_shape(struct li_infer *s)
{
    return li_binary_shape(s, LI_SET_COMPUTED | LI_SET_STRING, LINCE_BOOL);
}

static lince_status logic_shape(struct li_infer *s)
{
    return li_binary_shape(s, LI_SET_BOOL, LINCE_BOOL);
}

#define COMPARISON(id, op_name, run_f, rule, specs, op_flags)                                                          \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return run_f;                                                                                                  \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op_name,                                                                                               \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("z"),                                                                                     \
        .attrs = specs,                                                                                                \
        .shape = rule,                                                                                                 \
        .layout = li_ops_layout_strided,                                                                               \
        .prepare = li_ops_prepare_costly,                                                                              \
        .forward = id##_forward,                                                                                       \
        .grad = li_grad_none,                                                                                          \
        .flags = op_flags,                                                                                             \
    };

#define TYPE_ONLY LI_ATTRS(LI_TYPE_SPEC("T"))
#define EQUAL_SPECS LI_ATTRS(LI_TYPE_SPEC("T"), {"incompatible_shape_error", LI_ATTR_BOOL, "true", NULL})

COMPARISON(less, "Less", compare_run(c, LESS), order_shape, TYPE_ONLY, 0)
COMPARISON(less_equal, "LessEqual", compare_run(c, LESS_EQUAL), order_shape, TYPE_ONLY, 0)
COMPARISON(greater, "Greater", compare_run(c, GREATER), order_shape, TYPE_ONLY, 0)
COMPARISON(greater_equal, "GreaterEqual", compare_run(c, GREATER_EQUAL), order_shape, TYPE_ONLY, 0)
COMPARISON(equal, "Equal", compare_run(c, EQUAL), equal_shape, EQUAL_SPECS, 0)
COMPARISON(not_equal, "NotEqual", compare_run(c, NOT_EQUAL), equal_shape, EQUAL_SPECS, 0)

/* ---- Logic ---- */

static bool combine(int is_and, lince_dtype dtype, union li_block *z, const union li_block *x, const union li_block *y,
                    int64_t n)
{
    (void)dtype;
    for (int64_t k = 0; k < n; k++) {
        z->i[k] = is_and ? x->i[k] & y->i[k] : x->i[k] | y->i[k];
    }
    return true;
}

static lince_status logic(struct li_call *c, bool is_and)
{
    li_binary_run(c, is_and, combine);
    return LINCE_OK;
}

COMPARISON(logical_and, "LogicalAnd", logic(c, true), logic_shape, NULL, LI_OP_INPLACE)
COMPARISON(logical_or, "LogicalOr", logic(c, false), logic_shape, NULL, LI_OP_INPLACE)
