/* Select and SelectV2: elements of one value or another. */
#include "common.h"

#define PICK(type)                                                                                                     \
    do {                                                                                                               \
        type *z = to;                                                                                                  \
        const type *a = yes, *b = no;                                                                                  \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            z[i] = condition[i * condition_step] ? a[i * yes_step] : b[i * no_step];                                   \
        }                                                                                                              \
    } while (0)

struct wide {
    uint64_t part[2];
};

static void pick(void *to, const uint8_t *condition, bool condition_step, const void *yes, bool yes_step,
                 const void *no, bool no_step, int64_t n, size_t size)
{
    switch (size) {
    case 1:
        PICK(uint8_t);
        break;
    case 2:
        PICK(uint16_t);
        break;
    case 4:
        PICK(uint32_t);
        break;
    case 8:
        PICK(uint64_t);
        break;
    default:
        PICK(struct wide);
        break;
    }
}

static void choose(struct li_call *c, const struct li_operand *condition)
{
    struct li_walk walk;
    struct li_span span;
    size_t size = li_dtype_size(c->out[0].dtype);
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], condition, &c->in[1], &c->in[2]}, 4);
    while (li_walk_next(&walk, &span)) {
        for (int64_t r = 0; r < span.rows; r++) {
            const char *at[LI_WALK_OPERANDS];
            for (int k = 0; k < 4; k++) {
                const struct li_operand *o = k == 0 ? &c->out[0] : k == 1 ? condition : &c->in[k - 1];
                at[k] = (const char *)o->data + (span.offset[k] + r * span.row[k]) * (int64_t)(k == 1 ? 1 : size);
            }
            pick((void *)(uintptr_t)at[0], (const uint8_t *)at[1], !span.scalar[1], at[2], !span.scalar[2], at[3],
                 !span.scalar[3], span.cols, size);
        }
    }
}

static lince_status v2_shape(struct li_infer *s)
{
    struct li_shape both, all;
    LI_TRY(li_ops_need(s, 0, LI_SET_BOOL));
    LI_TRY(li_ops_need(s, 1, LI_SET_MOVABLE));
    LI_TRY(li_need_same_dtype(s, 1, 2));
    LI_TRY(li_broadcast(s, li_in_shape(s, 1), li_in_shape(s, 2), &both));
    LI_TRY(li_broadcast(s, li_in_shape(s, 0), &both, &all));
    return li_out_is(s, 0, li_in_dtype(s, 1), &all);
}

static lince_status v2_forward(struct li_call *c)
{
    choose(c, &c->in[0]);
    return LINCE_OK;
}

/* To each side where it was chosen, zero elsewhere. */
static lince_status v2_grad(struct li_grad *g)
{
    li_vid zeros, side;
    LI_TRY(li_grad_emit(g, "ZerosLike", g->dy, 1, NULL, 0, &zeros));
    for (int i = 1; i <= 2; i++) {
        const li_vid in[3] = {g->in[0], i == 1 ? g->dy[0] : zeros, i == 1 ? zeros : g->dy[0]};
        LI_TRY(li_grad_emit(g, g->node->op->name, in, 3, NULL, 0, &side));
        LI_TRY(li_grad_unbroadcast(g, side, g->in[i], &g->dx[i]));
    }
    return LINCE_OK;
}

const struct li_op li_op_select_v2 = {
    .name = "SelectV2",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = v2_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = v2_forward,
    .grad = v2_grad,
};

/* The condition is a scalar, has the shape of the others, or is a vector that chooses whole rows. */
static lince_status v1_shape(struct li_infer *s)
{
    const struct li_shape *condition = li_in_shape(s, 0), *yes = li_in_shape(s, 1);
    char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
    LI_TRY(li_ops_need(s, 0, LI_SET_BOOL));
    LI_TRY(li_ops_need(s, 1, LI_SET_MOVABLE));
    LI_TRY(li_need_same_dtype(s, 1, 2));
    if (!li_shape_equal(yes, li_in_shape(s, 2))) {
        return li_infer_fail(s, LINCE_EINVAL, "chooses between shapes %s and %s; they must be equal",
                             li_shape_text(yes, a), li_shape_text(li_in_shape(s, 2), b));
    }
    bool rows = condition->rank == 1 && yes->rank >= 1 && condition->dim[0] == yes->dim[0];
    if (condition->rank != 0 && !rows && !li_shape_equal(condition, yes)) {
        return li_infer_fail(s, LINCE_EINVAL, "condition has shape %s, which fits no %s", li_shape_text(condition, a),
                             li_shape_text(yes, b));
    }
    return li_out_same(s, 0, 1);
}

static lince_status v1_forward(struct li_call *c)
{
    struct li_operand condition = c->in[0];
    struct li_shape shape = *c->in[1].shape;
    int64_t stride[LI_MAX_RANK] = {0};
    if (c->in[0].shape->rank == 1 && shape.rank > 1) {
        for (int i = 1; i < shape.rank; i++) {
            shape.dim[i] = 1;
        }
        stride[0] = c->in[0].stride[0];
        condition.shape = &shape;
        condition.stride = stride;
    }
    choose(c, &condition);
    return LINCE_OK;
}

const struct li_op li_op_select = {
    .name = "Select",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = v1_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = v1_forward,
    .grad = v2_grad,
};
