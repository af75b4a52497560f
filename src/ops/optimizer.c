/*
 * Optimizers: one row updates one variable and its slots in place, when the run commits. Inputs are the handles, first
 * the variable's, then the gradient, then float32[LI_FACTORS], the factors of this step. The gradient has the
 * variable's shape; or, with offset >= 0, lies from there on in a vector that holds those of several variables.
 */
#include "common.h"

/* ---- What all have in common ---- */

static lince_status check_handle(const struct li_infer *s, int i, const struct li_shape *shape)
{
    const struct li_value *handle = &s->graph->values[s->node->in[i]];
    if (handle->dtype != LINCE_RESOURCE || handle->resource < 0) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d is no handle of a variable", i);
    }
    const struct li_resource *r = li_store_get(s->graph->store, handle->resource);
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (r->kind != LI_VARIABLE || r->dtype != LINCE_FLOAT32) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "trains \"%s\", which is %s; a float32 variable is wanted", r->name,
                             li_dtype_name(r->dtype));
    }
    return li_shape_equal(&r->shape, shape)
               ? LINCE_OK
               : li_infer_fail(s, LINCE_EINVAL, "slot \"%s\" is %s, the variable %s", r->name,
                               li_shape_text(&r->shape, found), li_shape_text(shape, wanted));
}

static lince_status check_gradient(const struct li_infer *s, int i, const struct li_shape *shape)
{
    const struct li_shape *given = li_in_shape(s, i);
    int64_t offset = li_attr_int(s->node, "offset");
    bool fits =
        offset < 0 ? li_shape_equal(given, shape) : given->rank == 1 && offset <= given->dim[0] - li_shape_count(shape);
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    return li_in_dtype(s, i) == LINCE_FLOAT32 && fits
               ? LINCE_OK
               : li_infer_fail(s, LINCE_EINVAL, "the gradient is %s %s from %lld on, the variable float32 %s",
                               li_dtype_name(li_in_dtype(s, i)), li_shape_text(given, found), (long long)offset,
                               li_shape_text(shape, wanted));
}

static lince_status step_shape(struct li_infer *s)
{
    int handles = s->node->nin - 2;
    const struct li_resource *variable = li_ops_resource(s);
    if (!variable) {
        return li_infer_fail(s, LINCE_EINVAL, "input 0 is no handle of a variable");
    }
    for (int i = 0; i < handles; i++) {
        LI_TRY(check_handle(s, i, &variable->shape));
    }
    LI_TRY(check_gradient(s, handles, &variable->shape));
    if (li_in_dtype(s, handles + 1) != LINCE_FLOAT32 || li_shape_count(li_in_shape(s, handles + 1)) != LI_FACTORS) {
        return li_infer_fail(s, LINCE_EINVAL, "float32[%d] of factors is wanted", LI_FACTORS);
    }
    return LINCE_OK;
}

static lince_status step_prepare(struct li_prepare *p)
{
    const struct li_value *handle = li_ops_in(p, 0);
    p->tasks = li_task_count(li_shape_count(&li_store_get(p->graph->store, handle->resource)->shape), LI_GRAIN_CHEAP);
    return LINCE_OK;
}

/* The elements of this task; returns how many. */
static int64_t part_of(struct li_update *u, const struct li_call *c)
{
    int handles = c->node->nin - 2;
    int64_t begin, end, offset = LI_MAX(li_attr_int(c->node, "offset"), 0);
    li_task_range(c, li_count(c->state[0].in), &begin, &end);
    for (int i = 0; i < handles; i++) {
        u->from[i] = li_f32(c->state[i].in) + begin;
        u->to[i] = (float *)c->state[i].out->data + begin;
    }
    u->gradient = li_f32(&c->in[handles]) + offset + begin;
    u->factor = li_f32(&c->in[handles + 1]);
    return end - begin;
}

/* ---- The rows ---- */

static lince_status sgd_forward(struct li_call *c)
{
    struct li_update u;
    int64_t n = part_of(&u, c);
    c->kernels->optimizer->sgd(&u, n);
    return LINCE_OK;
}

static lince_status momentum_forward(struct li_call *c)
{
    struct li_update u;
    int64_t n = part_of(&u, c);
    c->kernels->optimizer->momentum(&u, n, li_attr_int(c->node, "nesterov") != 0);
    return LINCE_OK;
}

static lince_status adam_forward(struct li_call *c)
{
    struct li_update u;
    int64_t n = part_of(&u, c);
    c->kernels->optimizer->adam(&u, n);
    return LINCE_OK;
}

static lince_status rmsprop(struct li_call *c, bool momentum, bool centered)
{
    struct li_update u;
    int64_t n = part_of(&u, c);
    const struct li_rmsprop how = {momentum, centered, li_attr_int(c->node, "epsilon_outside") != 0};
    c->kernels->optimizer->rmsprop(&u, n, how);
    return LINCE_OK;
}

static lince_status rmsprop_forward(struct li_call *c)
{
    return rmsprop(c, false, false);
}

static lince_status rmsprop_momentum_forward(struct li_call *c)
{
    return rmsprop(c, true, false);
}

static lince_status rmsprop_centered_forward(struct li_call *c)
{
    return rmsprop(c, false, true);
}

static lince_status rmsprop_centered_momentum_forward(struct li_call *c)
{
    return rmsprop(c, true, true);
}

#define BOTH (LI_EFFECT_READ | LI_EFFECT_WRITE)
static const struct li_handle handles1[] = {{0, BOTH}, {0, 0}};
static const struct li_handle handles2[] = {{0, BOTH}, {1, BOTH}, {0, 0}};
static const struct li_handle handles3[] = {{0, BOTH}, {1, BOTH}, {2, BOTH}, {0, 0}};
static const struct li_handle handles4[] = {{0, BOTH}, {1, BOTH}, {2, BOTH}, {3, BOTH}, {0, 0}};

#define OFFSET                                                                                                         \
    {                                                                                                                  \
        "offset", LI_ATTR_INT, "-1", NULL                                                                              \
    }

#define OPTIMIZER(id, op, handle_list, count, run, ...)                                                                \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = (count) + 2,                                                                                     \
        .inputs_max = (count) + 2,                                                                                     \
        .attrs = LI_ATTRS(__VA_ARGS__),                                                                                \
        .shape = step_shape,                                                                                           \
        .prepare = step_prepare,                                                                                       \
        .forward = run,                                                                                                \
        .grad = li_grad_none,                                                                                          \
        .flags = LI_OP_INTERNAL | LI_OP_COMMIT,                                                                        \
        .effects = BOTH,                                                                                               \
        .handles = handle_list,                                                                                        \
    }

#define OUTSIDE                                                                                                        \
    {                                                                                                                  \
        "epsilon_outside", LI_ATTR_BOOL, "false", NULL                                                                 \
    }

OPTIMIZER(li_sgd, "_LiSgd", handles1, 1, sgd_forward, OFFSET);
OPTIMIZER(li_momentum, "_LiMomentum", handles2, 2, momentum_forward, OFFSET, {"nesterov", LI_ATTR_BOOL, "false", NULL});
OPTIMIZER(li_adam, "_LiAdam", handles3, 3, adam_forward, OFFSET);
OPTIMIZER(li_rmsprop, "_LiRmsprop", handles2, 2, rmsprop_forward, OFFSET, OUTSIDE);
OPTIMIZER(li_rmsprop_momentum, "_LiRmspropMomentum", handles3, 3, rmsprop_momentum_forward, OFFSET, OUTSIDE);
OPTIMIZER(li_rmsprop_centered, "_LiRmspropCentered", handles3, 3, rmsprop_centered_forward, OFFSET, OUTSIDE);
OPTIMIZER(li_rmsprop_centered_momentum, "_LiRmspropCenteredMomentum", handles4, 4, rmsprop_centered_momentum_forward,
          OFFSET, OUTSIDE);
