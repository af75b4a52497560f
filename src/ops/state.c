/*
 * Variables: reads, assignments, and what only orders others. What the effects of a row mean for memory is graph.h's
 * and runtime's; here a write is state[0].in and an input to state[0].out.
 */
#include "common.h"

#include <string.h>

/* The variable that the handle in input 0 names. */
static lince_status variable(const struct li_infer *s, const struct li_resource **out)
{
    *out = li_ops_resource(s);
    if (!*out) {
        return li_infer_fail(s, LINCE_EINVAL, "input 0 is no handle of a variable");
    }
    if ((*out)->kind == LI_TABLE) {
        return li_infer_fail(s, LINCE_EINVAL, "\"%s\" is a table, not a variable", (*out)->name);
    }
    return LINCE_OK;
}

static lince_status read_shape(struct li_infer *s)
{
    const struct li_resource *r;
    LI_TRY(variable(s, &r));
    lince_dtype dtype = (lince_dtype)li_attr_int(s->node, "dtype");
    if (dtype != r->dtype) {
        return li_infer_fail(s, LINCE_EINVAL, "reads %s, variable \"%s\" is %s", li_dtype_name(dtype), r->name,
                             li_dtype_name(r->dtype));
    }
    return li_out_is(s, 0, r->dtype, &r->shape);
}

const struct li_op li_op_read_variable_op = {
    .name = "ReadVariableOp",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("value"),
    .attrs = LI_ATTRS({"dtype", LI_ATTR_TYPE, NULL, NULL}),
    .shape = read_shape,
    .effects = LI_EFFECT_READ,
};

/* A value written has the variable's dtype and shape: ours do not change shape. */
static lince_status assign_shape(struct li_infer *s)
{
    const struct li_resource *r;
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    LI_TRY(variable(s, &r));
    if (li_in_dtype(s, 1) != r->dtype || !li_shape_equal(li_in_shape(s, 1), &r->shape)) {
        return li_infer_fail(s, LINCE_EINVAL, "assigns %s %s to variable \"%s\", which is %s %s",
                             li_dtype_name(li_in_dtype(s, 1)), li_shape_text(li_in_shape(s, 1), found), r->name,
                             li_dtype_name(r->dtype), li_shape_text(&r->shape, wanted));
    }
    return LINCE_OK;
}

static lince_status assign_add_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 1, LI_SET_NUMBER));
    return assign_shape(s);
}

static lince_status assign_prepare(struct li_prepare *p)
{
    p->tasks = li_task_count(li_shape_count(&li_ops_in(p, 1)->shape), LI_GRAIN_CHEAP);
    return LINCE_OK;
}

static lince_status assign_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->in[1]), &begin, &end);
    size_t size = li_dtype_size(c->in[1].dtype);
    if (end > begin) {
        memcpy((char *)c->state[0].out->data + (size_t)begin * size, (const char *)c->in[1].data + (size_t)begin * size,
               (size_t)(end - begin) * size);
    }
    return LINCE_OK;
}

/* One block of state + sign * delta. */
static void add_block(lince_dtype dtype, union li_block *state, const union li_block *delta, int sign, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
            state->f[k] += sign * delta->f[k];
        } else {
            state->u[k] += sign > 0 ? delta->u[k] : 0 - delta->u[k];
        }
    }
}

static lince_status add_to_state(struct li_call *c, int sign)
{
    int64_t begin, end;
    lince_dtype dtype = c->in[1].dtype;
    li_task_range(c, li_count(&c->in[1]), &begin, &end);
    if (dtype == LINCE_FLOAT32) {
        struct li_binary_rows all = {.rows = 1, .cols = end - begin};
        c->kernels->binary->rows(sign > 0 ? LI_BINARY_ADD : LI_BINARY_SUB, &all, (float *)c->state[0].out->data + begin,
                                 li_f32(c->state[0].in) + begin, li_f32(&c->in[1]) + begin);
        return LINCE_OK;
    }
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block state, delta;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&state, dtype, li_at(c->state[0].in->data, dtype, i), 1, n);
        li_block_load(&delta, dtype, li_at(c->in[1].data, dtype, i), 1, n);
        add_block(dtype, &state, &delta, sign, n);
        li_block_store(li_at(c->state[0].out->data, dtype, i), dtype, &state, n);
    }
    return LINCE_OK;
}

static lince_status assign_add_forward(struct li_call *c)
{
    return add_to_state(c, 1);
}

static lince_status assign_sub_forward(struct li_call *c)
{
    return add_to_state(c, -1);
}

#define WRITER(id, op, shape_rule, run)                                                                                \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("dtype"), {"validate_shape", LI_ATTR_BOOL, "false", NULL}),                     \
        .shape = shape_rule,                                                                                           \
        .prepare = assign_prepare,                                                                                     \
        .forward = run,                                                                                                \
        .grad = li_grad_none,                                                                                          \
        .flags = LI_OP_COMMIT,                                                                                         \
        .effects = LI_EFFECT_WRITE,                                                                                    \
    }

WRITER(assign_variable_op, "AssignVariableOp", assign_shape, assign_forward);
WRITER(assign_add_variable_op, "AssignAddVariableOp", assign_add_shape, assign_add_forward);
WRITER(assign_sub_variable_op, "AssignSubVariableOp", assign_add_shape, assign_sub_forward);

/* Every variable of ours has a value. */
static lince_status is_initialized_shape(struct li_infer *s)
{
    const struct li_resource *r;
    LI_TRY(variable(s, &r));
    return li_out_is(s, 0, LINCE_BOOL, &(struct li_shape){.rank = 0});
}

static lince_status is_initialized_forward(struct li_call *c)
{
    *(uint8_t *)c->out[0].data = 1;
    return LINCE_OK;
}

const struct li_op li_op_var_is_initialized_op = {
    .name = "VarIsInitializedOp",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("is_initialized"),
    .shape = is_initialized_shape,
    .forward = is_initialized_forward,
    .grad = li_grad_none,
};

static lince_status nothing_shape(struct li_infer *s)
{
    (void)s;
    return LINCE_OK;
}

static lince_status nothing_forward(struct li_call *c)
{
    (void)c;
    return LINCE_OK;
}

/* Every read of ours is a snapshot already. */
const struct li_op li_op_disable_copy_on_read = {
    .name = "DisableCopyOnRead",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape = nothing_shape,
    .forward = nothing_forward,
    .grad = li_grad_none,
};

const struct li_op li_op_no_op = {
    .name = "NoOp",
    .inputs_min = 0,
    .inputs_max = 0,
    .shape = nothing_shape,
    .forward = nothing_forward,
    .grad = li_grad_none,
};
