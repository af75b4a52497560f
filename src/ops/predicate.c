/* Questions about one number, answered with a bool; LogicalNot. */
#include "common.h"

#include <math.h>

static lince_status bool_like_float(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    return li_out_is(s, 0, LINCE_BOOL, li_in_shape(s, 0));
}

static lince_status answer(struct li_call *c, bool (*question)(double x))
{
    int64_t begin, end;
    lince_dtype dtype = c->in[0].dtype;
    uint8_t *to = c->out[0].data;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block block;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&block, dtype, li_at(c->in[0].data, dtype, i), 1, n);
        for (int64_t k = 0; k < n; k++) {
            to[i + k] = question(block.f[k]);
        }
    }
    return LINCE_OK;
}

static bool is_nan(double x)
{
    return isnan(x);
}

static bool is_inf(double x)
{
    return isinf(x);
}

static bool is_finite(double x)
{
    return isfinite(x);
}

#define PREDICATE(id, op)                                                                                              \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return answer(c, id);                                                                                          \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .outputs = LI_OUTPUT("y"),                                                                                     \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),                                                                          \
        .shape = bool_like_float,                                                                                      \
        .prepare = li_ops_prepare_cheap,                                                                               \
        .forward = id##_forward,                                                                                       \
        .grad = li_grad_none,                                                                                          \
    };

PREDICATE(is_nan, "IsNan")
PREDICATE(is_inf, "IsInf")
PREDICATE(is_finite, "IsFinite")

static lince_status not_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_BOOL));
    return li_out_same(s, 0, 0);
}

static lince_status not_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        ((uint8_t *)c->out[0].data)[i] = !((const uint8_t *)c->in[0].data)[i];
    }
    return LINCE_OK;
}

const struct li_op li_op_logical_not = {
    .name = "LogicalNot",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("y"),
    .shape = not_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = not_forward,
    .grad = li_grad_none,
    .flags = LI_OP_INPLACE,
};
