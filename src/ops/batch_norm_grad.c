/*
 * FusedBatchNormGrad, V2 and V3. With N elements in a channel, u = x - mean and r = 1 / sqrt(variance + epsilon):
 *
 *     doffset = sum of dy,  dscale = r sum of dy u,
 *     dx = scale r (dy - doffset / N - u r dscale / N)    where mean and variance are those of the batch,
 *     dx = scale r dy                                     where they are given.
 *
 * A task takes whole channels, by plain loops. float32 with channels last goes another way (batch_norm_parts.c).
 */
#include "batch_norm.h"

#include <math.h>
#include <string.h>

enum {
    DY,
    X,
    SCALE,
    MEAN,
    VARIANCE,
    GRAD_INPUTS, /* V3 has one more, which is not read */
    DX = 0,
    DSCALE,
    DOFFSET,
    GRAD_OUTPUTS /* and two that are empty */
};

/* ---- Shape ---- */

static lince_status grad_shape(struct li_infer *s)
{
    static const char *const names[] = {"scale", "reserve_space_1", "reserve_space_2"};
    const struct li_shape *x = li_in_shape(s, X), empty = {1, {0}};
    int rank = (int)strlen(li_attr(s->node, "data_format")->s);
    LI_TRY(li_ops_need(s, X, LI_BIT(LINCE_FLOAT32) | LI_BIT(LINCE_FLOAT16) | LI_BIT(LINCE_BFLOAT16)));
    LI_TRY(li_need_same_dtype(s, DY, X));
    LI_TRY(li_need_rank(s, X, rank));
    struct li_shape vector = {1, {x->dim[li_norm_axis(s->node, rank)]}};
    if (!li_shape_equal(li_in_shape(s, DY), x)) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "y_backprop has shape %s, x has %s", li_shape_text(li_in_shape(s, DY), a),
                             li_shape_text(x, b));
    }
    for (int i = SCALE; i <= VARIANCE; i++) {
        LI_TRY(li_norm_need_vector(s, i, vector.dim[0], names[i - SCALE], false));
    }
    LI_TRY(li_out_same(s, DX, X));
    for (int i = DSCALE; i < s->node->nout; i++) {
        LI_TRY(li_out_is(s, i, LINCE_FLOAT32, i < GRAD_OUTPUTS ? &vector : &empty));
    }
    return LINCE_OK;
}

/* ---- Plan ---- */

struct grad_plan {
    struct li_norm_extents extents;
    int64_t block; /* channels of a task */
    bool training;
    double epsilon;
};

static lince_status grad_prepare(struct li_prepare *p)
{
    struct grad_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->extents = li_norm_extents_of(p->node, &li_ops_in(p, X)->shape);
    plan->block = li_norm_block(&plan->extents);
    plan->training = li_attr_int(p->node, "is_training");
    plan->epsilon = li_attr_float(p->node, "epsilon");
    p->tasks = LI_MAX(1, (plan->extents.channels + plan->block - 1) / plan->block);
    p->plan = plan;
    p->reason = plan->training ? "statistics of the batch" : "given statistics";
    return LINCE_OK;
}

/* ---- Forward ---- */

struct li_norm_line li_norm_line_of(const struct li_norm_channel *c, double sum, double product)
{
    double inverse = 1 / sqrt(c->variance + c->epsilon), slope = c->scale * inverse;
    struct li_norm_line line = {.slope = slope, .dscale = product * inverse, .doffset = sum};
    if (c->training && c->count > 0) {
        line.tilt = slope * inverse * inverse * product / c->count;
        line.shift = slope * sum / c->count;
    }
    return line;
}

static void load(const struct li_operand *o, const struct li_norm_cursor *k, int64_t at, int64_t n,
                 union li_block *block)
{
    li_block_load(block, o->dtype, li_at(o->data, o->dtype, at), k->stride, n);
}

static void plain_channel(struct li_call *c, const struct grad_plan *plan, int64_t channel)
{
    const struct li_operand *out = &c->out[DX];
    struct li_norm_cursor k = li_norm_cursor_at(&plan->extents, channel), again = k;
    double mean = (double)li_f32(&c->in[MEAN])[channel], sum = 0, product = 0;
    union li_block dy, x;
    for (int64_t n, at; (n = li_norm_next(&k, &at)) > 0;) {
        load(&c->in[DY], &k, at, n, &dy);
        load(&c->in[X], &k, at, n, &x);
        for (int64_t i = 0; i < n; i++) {
            sum += dy.f[i];
            product += dy.f[i] * (x.f[i] - mean);
        }
    }
    struct li_norm_channel one = {.scale = (double)li_f32(&c->in[SCALE])[channel],
                                  .variance = (double)li_f32(&c->in[VARIANCE])[channel],
                                  .epsilon = plan->epsilon,
                                  .count = (double)(plan->extents.outer * plan->extents.inner),
                                  .training = plan->training};
    struct li_norm_line line = li_norm_line_of(&one, sum, product);
    ((float *)c->out[DSCALE].data)[channel] = (float)line.dscale;
    ((float *)c->out[DOFFSET].data)[channel] = (float)line.doffset;
    for (int64_t n, at; (n = li_norm_next(&again, &at)) > 0;) {
        load(&c->in[DY], &again, at, n, &dy);
        load(&c->in[X], &again, at, n, &x);
        for (int64_t i = 0; i < n; i++) {
            union li_block value = {.f = {dy.f[i] * line.slope - (x.f[i] - mean) * line.tilt - line.shift}};
            li_block_store(li_at(out->data, out->dtype, at + i * again.stride), out->dtype, &value, 1);
        }
    }
}

static lince_status grad_forward(struct li_call *c)
{
    const struct grad_plan *plan = c->plan;
    int64_t first = c->task * plan->block, last = LI_MIN(plan->extents.channels, first + plan->block);
    for (int64_t i = first; i < last; i++) {
        plain_channel(c, plan, i);
    }
    return LINCE_OK;
}

/* ---- Rows ---- */

#define GRAD_OUTPUT_NAMES(a, b)                                                                                        \
    LI_OUTPUTS({"x_backprop", NULL}, {"scale_backprop", NULL}, {"offset_backprop", NULL}, {a, NULL}, {b, NULL})
#define GRAD(id, text, inputs, specs, a, b)                                                                            \
    const struct li_op li_op_##id = {                                                                                  \
        .name = text,                                                                                                  \
        .inputs_min = inputs,                                                                                          \
        .inputs_max = inputs,                                                                                          \
        .outputs = GRAD_OUTPUT_NAMES(a, b),                                                                            \
        .attrs = specs,                                                                                                \
        .shape = grad_shape,                                                                                           \
        .prepare = grad_prepare,                                                                                       \
        .forward = grad_forward,                                                                                       \
    };

GRAD(fused_batch_norm_grad, "FusedBatchNormGrad", GRAD_INPUTS, LI_ATTRS(LI_NORM_SPECS("NHWC NCHW")), "reserve_space_3",
     "reserve_space_4")
GRAD(fused_batch_norm_grad_v2, "FusedBatchNormGradV2", GRAD_INPUTS,
     LI_ATTRS(LI_NORM_SPECS("NHWC NCHW"), LI_TYPE_SPEC("U")), "reserve_space_3", "reserve_space_4")
GRAD(fused_batch_norm_grad_v3, "FusedBatchNormGradV3", GRAD_INPUTS + 1,
     LI_ATTRS(LI_NORM_SPECS("NHWC NCHW NDHWC NCDHW"), LI_TYPE_SPEC("U")), "reserve_space_4", "reserve_space_5")

/* ---- The gradient of the forward rows: of y alone, as in TensorFlow ---- */

static const char *grad_name(const struct li_node *node, bool third)
{
    if (third) {
        return "FusedBatchNormGradV3";
    }
    return strcmp(node->op->name, "FusedBatchNorm") == 0 ? "FusedBatchNormGrad" : "FusedBatchNormGradV2";
}

lince_status li_norm_grad(struct li_grad *g)
{
    enum { FORWARD_MEAN = 3, SAVED_MEAN = 3, SAVED_VARIANCE, RESERVED };
    bool training = li_attr_int(g->node, "is_training"), third = g->node->nout > RESERVED;
    const struct li_value *x = &g->graph->values[g->in[0]];
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    const li_vid *statistics = training ? g->out + SAVED_MEAN : g->in + FORWARD_MEAN;
    if (x->dtype == LINCE_FLOAT32 && li_norm_extents_of(g->node, &x->shape).inner == 1) {
        return li_norm_grad_parts(g, statistics[0], statistics[1]);
    }
    const char *op = grad_name(g->node, third);
    const li_vid in[] = {g->dy[0],      g->in[0],      g->in[1],
                         statistics[0], statistics[1], third ? g->out[RESERVED] : LI_NONE};
    const struct li_attr attrs[] = {*li_attr(g->node, "epsilon"), *li_attr(g->node, "data_format"),
                                    LI_BOOL("is_training", training)};
    const char *name = li_arena_printf(&g->graph->arena, g->err, "gradients/%s/%s", g->node->name, op);
    if (!name) {
        return LINCE_ENOMEM;
    }
    return li_graph_emit(g->graph, op, name, in, GRAD_INPUTS + third, attrs, LI_COUNT(attrs), g->dx, GRAD_OUTPUTS,
                         g->err);
}
