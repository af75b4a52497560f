/*
 * FusedBatchNorm, V2 and V3, and _LiScaleShift, which is what they become where nothing is to be folded into a
 * convolution. In training float32 with channels last goes another way (batch_norm_moments.c).
 *
 * A task takes whole channels: statistics, the running average and the normalised values of a channel are made in one
 * go, and no sum is divided. reserve_space_1 and _2 are what TensorFlow's CPU kernel puts there: mean and biased
 * variance.
 */
#include "batch_norm.h"

#include <math.h>
#include <string.h>

enum {
    X,
    SCALE,
    OFFSET,
    MEAN,
    VARIANCE, /* inputs */
    Y = 0,
    NEW_MEAN,
    NEW_VARIANCE,
    SAVED_MEAN,
    SAVED_VARIANCE,
    UNUSED /* outputs */
};

/* ---- Shape ---- */

static lince_status norm_shape(struct li_infer *s)
{
    const struct li_shape *x = li_in_shape(s, X);
    LI_TRY(li_ops_need(s, X, LI_BIT(LINCE_FLOAT32) | LI_BIT(LINCE_FLOAT16) | LI_BIT(LINCE_BFLOAT16)));
    int rank = (int)strlen(li_attr(s->node, "data_format")->s);
    LI_TRY(li_need_rank(s, X, rank));
    struct li_shape vector = {1, {x->dim[li_norm_axis(s->node, rank)]}}, scalar = {0};
    bool empty = li_attr_int(s->node, "is_training") && li_attr_float(s->node, "exponential_avg_factor") == 1;
    static const char *const names[] = {"x", "scale", "offset", "mean", "variance"};
    for (int i = SCALE; i <= VARIANCE; i++) {
        LI_TRY(li_norm_need_vector(s, i, vector.dim[0], names[i], empty && i >= MEAN));
    }
    LI_TRY(li_out_same(s, Y, X));
    for (int i = NEW_MEAN; i <= SAVED_VARIANCE; i++) {
        LI_TRY(li_out_is(s, i, LINCE_FLOAT32, &vector));
    }
    return s->node->nout > UNUSED ? li_out_is(s, UNUSED, LINCE_FLOAT32, &scalar) : LINCE_OK;
}

/* ---- Plan ---- */

struct norm_plan {
    struct li_norm_extents extents;
    int64_t block;       /* channels of a task */
    bool training, fast; /* fast: statistics are given; float32, channels last */
    float epsilon, factor;
};

static lince_status norm_prepare(struct li_prepare *p)
{
    struct norm_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    const struct li_value *x = li_ops_in(p, X);
    struct li_norm_extents e = plan->extents = li_norm_extents_of(p->node, &x->shape);
    plan->training = li_attr_int(p->node, "is_training");
    plan->epsilon = (float)li_attr_float(p->node, "epsilon");
    plan->factor = (float)li_attr_float(p->node, "exponential_avg_factor");
    plan->fast = !plan->training && x->dtype == LINCE_FLOAT32 && e.inner == 1;
    plan->block = li_norm_block(&e);
    p->tasks = LI_MAX(1, (e.channels + plan->block - 1) / plan->block);
    p->scratch_bytes = plan->fast ? (size_t)(2 * plan->block) * sizeof(float) : 0; /* scale and shift */
    p->plan = plan;
    p->reason = plan->training ? "plain loops: statistics of the batch"
                : plan->fast   ? "given statistics"
                               : "plain loops: not float32 with channels last";
    return LINCE_OK;
}

/* ---- What is done for channels [first, last) ---- */

/* The outputs that are vectors. mean and variance are those of the batch, variance biased; in inference, those given.
 */
static void store_statistics(struct li_call *c, const struct norm_plan *plan, int64_t i, float mean, float variance)
{
    float *out[SAVED_VARIANCE + 1];
    for (int k = NEW_MEAN; k <= SAVED_VARIANCE; k++) {
        out[k] = c->out[k].data;
    }
    int64_t count = plan->extents.outer * plan->extents.inner;
    out[SAVED_MEAN][i] = mean;
    out[SAVED_VARIANCE][i] = variance;
    if (!plan->training) {
        out[NEW_MEAN][i] = count == 0 ? NAN : mean;
        out[NEW_VARIANCE][i] = count == 0 ? NAN : variance;
        return;
    }
    out[NEW_MEAN][i] = li_norm_average(plan->factor, li_f32(&c->in[MEAN]), i, mean);
    out[NEW_VARIANCE][i] = li_norm_average(plan->factor, li_f32(&c->in[VARIANCE]), i, variance * li_norm_bessel(count));
}

static void scale_shift_of(const struct li_call *c, const struct norm_plan *plan, int64_t i, float mean, float variance,
                           double *scale, double *shift)
{
    li_norm_scale_shift(li_f32(&c->in[SCALE])[i], li_f32(&c->in[OFFSET])[i], mean, variance, plan->epsilon, scale,
                        shift);
}

static void fast_channels(struct li_call *c, const struct norm_plan *plan, int64_t first, int64_t last)
{
    const struct li_norm_kernels *k = c->kernels->norm;
    int64_t rows = plan->extents.outer, channels = plan->extents.channels, width = last - first;
    const float *x = li_f32(&c->in[X]) + first;
    const float *mean = li_f32(&c->in[MEAN]) + first, *variance = li_f32(&c->in[VARIANCE]) + first;
    float *scale = c->scratch, *shift = scale + width;
    for (int64_t i = 0; i < width; i++) {
        double s, t;
        scale_shift_of(c, plan, first + i, mean[i], variance[i], &s, &t);
        scale[i] = (float)s;
        shift[i] = (float)t;
        store_statistics(c, plan, first + i, mean[i], variance[i]);
    }
    k->scale_shift((float *)c->out[Y].data + first, channels, x, channels, rows, width, scale, shift, LI_ACT_NONE, 0);
}

static double mean_of(const struct li_operand *x, const struct li_norm_extents *e, int64_t channel, double centre,
                      int power)
{
    struct li_norm_cursor k = li_norm_cursor_at(e, channel);
    union li_block b;
    double sum = 0;
    for (int64_t n, at; (n = li_norm_next(&k, &at)) > 0;) {
        li_block_load(&b, x->dtype, li_at(x->data, x->dtype, at), k.stride, n);
        for (int64_t i = 0; i < n; i++) {
            double d = b.f[i] - centre;
            sum += power == 2 ? d * d : d;
        }
    }
    return sum / (double)(e->outer * e->inner);
}

static void plain_channel(struct li_call *c, const struct norm_plan *plan, int64_t channel)
{
    const struct li_operand *x = &c->in[X], *y = &c->out[Y];
    double mean, variance, scale, shift;
    if (plan->training) {
        mean = mean_of(x, &plan->extents, channel, 0, 1);
        variance = mean_of(x, &plan->extents, channel, mean, 2);
    } else {
        mean = (double)li_f32(&c->in[MEAN])[channel];
        variance = (double)li_f32(&c->in[VARIANCE])[channel];
    }
    scale_shift_of(c, plan, channel, (float)mean, (float)variance, &scale, &shift);
    store_statistics(c, plan, channel, (float)mean, (float)variance);
    struct li_norm_cursor k = li_norm_cursor_at(&plan->extents, channel);
    union li_block b, one;
    for (int64_t n, at; (n = li_norm_next(&k, &at)) > 0;) {
        li_block_load(&b, x->dtype, li_at(x->data, x->dtype, at), k.stride, n);
        for (int64_t i = 0; i < n; i++) {
            one.f[0] = b.f[i] * scale + shift;
            li_block_store(li_at(y->data, y->dtype, at + i * k.stride), y->dtype, &one, 1);
        }
    }
}

static lince_status norm_forward(struct li_call *c)
{
    const struct norm_plan *plan = c->plan;
    int64_t first = c->task * plan->block, last = LI_MIN(plan->extents.channels, first + plan->block);
    if (c->task == 0 && c->node->nout > UNUSED) {
        *(float *)c->out[UNUSED].data = 0;
    }
    if (plan->fast && first < last) {
        fast_channels(c, plan, first, last);
        return LINCE_OK;
    }
    for (int64_t i = first; i < last; i++) {
        plain_channel(c, plan, i);
    }
    return LINCE_OK;
}

#define NORM_OUTPUTS                                                                                                   \
    {"y", NULL}, {"batch_mean", NULL}, {"batch_variance", NULL}, {"reserve_space_1", NULL},                            \
    {                                                                                                                  \
        "reserve_space_2", NULL                                                                                        \
    }

const struct li_op li_op_fused_batch_norm = {
    .name = "FusedBatchNorm",
    .inputs_min = 5,
    .inputs_max = 5,
    .outputs = LI_OUTPUTS(NORM_OUTPUTS),
    .attrs = LI_ATTRS(LI_NORM_SPECS("NHWC NCHW"), LI_NORM_FACTOR_SPEC),
    .shape = norm_shape,
    .prepare = norm_prepare,
    .forward = norm_forward,
    .grad = li_norm_grad,
};

const struct li_op li_op_fused_batch_norm_v2 = {
    .name = "FusedBatchNormV2",
    .inputs_min = 5,
    .inputs_max = 5,
    .outputs = LI_OUTPUTS(NORM_OUTPUTS),
    .attrs = LI_ATTRS(LI_NORM_SPECS("NHWC NCHW"), LI_NORM_FACTOR_SPEC, LI_TYPE_SPEC("U")),
    .shape = norm_shape,
    .prepare = norm_prepare,
    .forward = norm_forward,
    .grad = li_norm_grad,
};

const struct li_op li_op_fused_batch_norm_v3 = {
    .name = "FusedBatchNormV3",
    .inputs_min = 5,
    .inputs_max = 5,
    .outputs = LI_OUTPUTS(NORM_OUTPUTS, {"reserve_space_3", NULL}),
    .attrs = LI_ATTRS(LI_NORM_SPECS("NHWC NCHW NDHWC NCDHW"), LI_NORM_FACTOR_SPEC, LI_TYPE_SPEC("U")),
    .shape = norm_shape,
    .prepare = norm_prepare,
    .forward = norm_forward,
    .grad = li_norm_grad,
};

/* ---- _LiScaleShift: activation(x * scale + shift), per channel, which is the last dim ---- */

static lince_status scale_shape(struct li_infer *s)
{
    const struct li_shape *x = li_in_shape(s, 0);
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    int64_t activation = li_attr_int(s->node, "activation");
    if (x->rank < 1 || activation < 0 || activation >= LI_ACT_COUNT) {
        return li_infer_fail(s, LINCE_EINVAL, "its input or activation is none");
    }
    LI_TRY(li_norm_need_vector(s, 1, x->dim[x->rank - 1], "scale", false));
    LI_TRY(li_norm_need_vector(s, 2, x->dim[x->rank - 1], "shift", false));
    return li_out_same(s, 0, 0);
}

static void scale_layout(struct li_layout *l)
{
    bool picture = l->graph->values[l->node->in[0]].shape.rank == 4;
    l->in_accepts[0] = l->out_accepts[0] = LI_LAYOUT_STRIDED | (picture ? LI_LAYOUT_HALO : 0);
}

static lince_status scale_forward(struct li_call *c)
{
    enum li_activation activation = (enum li_activation)li_attr_int(c->node, "activation");
    float alpha = (float)li_attr_float(c->node, "alpha");
    struct li_walk walk;
    struct li_span span;
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &c->in[1], &c->in[2]}, 4);
    while (li_walk_next(&walk, &span)) {
        float *y = (float *)c->out[0].data + span.offset[0];
        const float *x = li_f32(&c->in[0]) + span.offset[1], *scale = li_f32(&c->in[1]) + span.offset[2];
        const float *shift = li_f32(&c->in[2]) + span.offset[3];
        if (!span.scalar[2]) {
            c->kernels->norm->scale_shift(y, span.row[0], x, span.row[1], span.rows, span.cols, scale, shift,
                                          activation, alpha);
            continue;
        }
        /* One channel: the pixels lie side by side. */
        for (int64_t r = 0; r < span.rows; r++) {
            c->kernels->norm->scale_shift(y + r * span.row[0], 1, x + r * span.row[1], 1, span.cols, 1, scale, shift,
                                          activation, alpha);
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_li_scale_shift = {
    .name = "_LiScaleShift",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"activation", LI_ATTR_INT, "0", NULL}, {"alpha", LI_ATTR_FLOAT, "0", NULL}),
    .shape = scale_shape,
    .layout = scale_layout,
    .prepare = li_ops_prepare_cheap,
    .forward = scale_forward,
    .flags = LI_OP_INTERNAL | LI_OP_INPLACE,
};
