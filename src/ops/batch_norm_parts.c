/*
 * The gradient of batch normalisation of float32 with channels last, in two steps whose tasks are ranges of rows, so
 * that pictures larger than any cache are read as they lie in memory:
 *
 *     _LiBatchNormGradParts  sums of dy and of dy (x - mean) for each piece of the rows;
 *     _LiBatchNormGrad       adds the pieces up in order and makes dx of them, and what goes to scale and offset.
 *
 * Both may go through the gradient of the Relu, Relu6 or swish behind the norm first: then two more inputs are the
 * norm's scale and shift, of which they make what that was given.
 */
#include "batch_norm.h"

#include <string.h>

enum {
    TASK_FLOATS = 1 << 16, /* elements of x that one task does */
    MOST_PIECES = 64
};

/* How many pieces the rows are cut into: from the shape alone. */
static int64_t pieces_of(const struct li_shape *x)
{
    int64_t rows = li_ops_product(x, 0, x->rank - 1);
    return LI_MAX(1, LI_MIN(LI_MIN(MOST_PIECES, rows), li_task_count(li_shape_count(x), TASK_FLOATS)));
}

/* Inputs 0 and 1 are dy and x, of one shape. */
static lince_status pair_shape(const struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    if (li_in_shape(s, 0)->rank < 1 || !li_shape_equal(li_in_shape(s, 0), li_in_shape(s, 1))) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "the gradient has shape %s, the input has %s",
                             li_shape_text(li_in_shape(s, 0), a), li_shape_text(li_in_shape(s, 1), b));
    }
    return LINCE_OK;
}

static int64_t channels_of(const struct li_shape *x)
{
    return x->dim[x->rank - 1];
}

/* The plan is the number of pieces, which is that of tasks. */
static lince_status pieces_prepare(struct li_prepare *p)
{
    int64_t *pieces = li_arena_calloc(p->arena, 1, sizeof *pieces, p->err);
    if (!pieces) {
        return LINCE_ENOMEM;
    }
    *pieces = p->tasks = pieces_of(&li_ops_in(p, 1)->shape);
    p->plan = pieces;
    return LINCE_OK;
}

static enum li_slope slope_of(const struct li_node *node)
{
    switch (li_attr_int(node, "activation")) {
    case LI_ACT_RELU:
        return LI_SLOPE_RELU;
    case LI_ACT_RELU6:
        return LI_SLOPE_RELU6;
    case LI_ACT_SWISH:
        return LI_SLOPE_SWISH;
    default:
        return LI_SLOPE_NONE;
    }
}

/* What follows the norm: with an activation there are two more inputs from `first` on, its scale and shift. */
static lince_status need_activation(const struct li_infer *s, int first)
{
    int64_t activation = li_attr_int(s->node, "activation"), channels = channels_of(li_in_shape(s, 1));
    bool any = slope_of(s->node) != LI_SLOPE_NONE;
    if ((activation != LI_ACT_NONE && !any) || s->node->nin != first + (any ? 2 : 0)) {
        return li_infer_fail(s, LINCE_EINVAL, "its activation is %lld, with %d inputs", (long long)activation,
                             s->node->nin);
    }
    LI_TRY(any ? li_norm_need_vector(s, first, channels, "scale", false) : LINCE_OK);
    return any ? li_norm_need_vector(s, first + 1, channels, "shift", false) : LINCE_OK;
}

/* The rows of this task; false when there are none. follows: where the inputs of what follows the norm begin. */
static bool rows_of(const struct li_call *c, const struct li_operand *mean, int follows, struct li_backward_norm *norm)
{
    bool any = c->node->nin > follows;
    const struct li_shape *x = c->in[1].shape;
    int64_t begin, end, channels = channels_of(x);
    li_task_range(c, li_ops_product(x, 0, x->rank - 1), &begin, &end);
    *norm = (struct li_backward_norm){.dy = li_f32(&c->in[0]) + begin * channels,
                                      .x = li_f32(&c->in[1]) + begin * channels,
                                      .rows = end - begin,
                                      .cols = channels,
                                      .row = channels,
                                      .mean = li_f32(mean),
                                      .slope = slope_of(c->node),
                                      .alpha = (float)li_attr_float(c->node, "alpha"),
                                      .scale = any ? li_f32(&c->in[follows]) : NULL,
                                      .shift = any ? li_f32(&c->in[follows + 1]) : NULL};
    return end > begin && channels > 0;
}

/* ---- _LiBatchNormGradParts: dy, x, mean -> [pieces, 2, channels] ---- */

static lince_status parts_shape(struct li_infer *s)
{
    LI_TRY(pair_shape(s));
    const struct li_shape *x = li_in_shape(s, 1);
    LI_TRY(li_norm_need_vector(s, 2, channels_of(x), "mean", false));
    LI_TRY(need_activation(s, 3));
    const struct li_shape parts = {3, {pieces_of(x), 2, channels_of(x)}};
    return li_out_is(s, 0, LINCE_FLOAT32, &parts);
}

static lince_status parts_forward(struct li_call *c)
{
    struct li_backward_norm norm;
    float *sum = (float *)c->out[0].data + c->task * 2 * channels_of(c->in[1].shape);
    if (rows_of(c, &c->in[2], 3, &norm)) {
        c->kernels->backward->norm_sums(&norm, sum, sum + norm.cols);
    } else {
        memset(sum, 0, 2 * (size_t)norm.cols * sizeof(float));
    }
    return LINCE_OK;
}

const struct li_op li_op_li_batch_norm_grad_parts = {
    .name = "_LiBatchNormGradParts",
    .inputs_min = 3,
    .inputs_max = 5,
    .outputs = LI_OUTPUT("parts"),
    .attrs = LI_ATTRS({"activation", LI_ATTR_INT, "0", NULL}, {"alpha", LI_ATTR_FLOAT, "0", NULL}),
    .shape = parts_shape,
    .prepare = pieces_prepare,
    .forward = parts_forward,
    .flags = LI_OP_INTERNAL,
};

/* ---- _LiBatchNormGrad: dy, x, scale, mean, variance, parts ---- */

enum { DY, X, SCALE, MEAN, VARIANCE, PARTS, DX = 0, DSCALE, DOFFSET };

static lince_status grad_shape(struct li_infer *s)
{
    static const char *const names[] = {"scale", "mean", "variance"};
    LI_TRY(pair_shape(s));
    const struct li_shape *x = li_in_shape(s, X);
    const struct li_shape vector = {1, {channels_of(x)}}, parts = {3, {pieces_of(x), 2, channels_of(x)}};
    for (int i = SCALE; i <= VARIANCE; i++) {
        LI_TRY(li_norm_need_vector(s, i, vector.dim[0], names[i - SCALE], false));
    }
    LI_TRY(need_activation(s, PARTS + 1));
    LI_TRY(li_ops_need(s, PARTS, LI_BIT(LINCE_FLOAT32)));
    if (!li_shape_equal(li_in_shape(s, PARTS), &parts)) {
        return li_infer_fail(s, LINCE_EINVAL, "its parts do not fit its input");
    }
    LI_TRY(li_out_same(s, DX, X));
    LI_TRY(li_out_is(s, DSCALE, LINCE_FLOAT32, &vector));
    return li_out_is(s, DOFFSET, LINCE_FLOAT32, &vector);
}

static lince_status grad_prepare(struct li_prepare *p)
{
    LI_TRY(pieces_prepare(p));
    /* Two sums, and slope, tilt and shift, for each channel. */
    p->scratch_bytes = (size_t)channels_of(&li_ops_in(p, X)->shape) * (2 * sizeof(double) + 3 * sizeof(float));
    p->reason = li_attr_int(p->node, "is_training") ? "statistics of the batch" : "given statistics";
    return LINCE_OK;
}

/* sums: [2, channels]. */
static void add_parts(const struct li_operand *parts, double *sums)
{
    int64_t width = 2 * parts->shape->dim[2];
    for (int64_t i = 0; i < width; i++) {
        sums[i] = 0;
    }
    for (int64_t p = 0; p < parts->shape->dim[0]; p++) {
        for (int64_t i = 0; i < width; i++) {
            sums[i] += (double)li_f32(parts)[p * width + i];
        }
    }
}

/* lines: slope, tilt and shift, each [channels]. The first task writes what goes to scale and offset. */
static void make_lines(const struct li_call *c, const double *sums, float *lines)
{
    int64_t n = channels_of(c->in[X].shape);
    struct li_norm_channel channel = {.epsilon = li_attr_float(c->node, "epsilon"),
                                      .count = (double)li_ops_product(c->in[X].shape, 0, c->in[X].shape->rank - 1),
                                      .training = li_attr_int(c->node, "is_training")};
    for (int64_t i = 0; i < n; i++) {
        channel.scale = (double)li_f32(&c->in[SCALE])[i];
        channel.variance = (double)li_f32(&c->in[VARIANCE])[i];
        struct li_norm_line line = li_norm_line_of(&channel, sums[i], sums[n + i]);
        lines[i] = (float)line.slope;
        lines[n + i] = (float)line.tilt;
        lines[2 * n + i] = (float)line.shift;
        if (c->task == 0) {
            ((float *)c->out[DSCALE].data)[i] = (float)line.dscale;
            ((float *)c->out[DOFFSET].data)[i] = (float)line.doffset;
        }
    }
}

static lince_status grad_forward(struct li_call *c)
{
    struct li_backward_norm norm;
    int64_t channels = channels_of(c->in[X].shape);
    double *sums = c->scratch;
    float *lines = (float *)(void *)(sums + 2 * channels);
    bool rows = rows_of(c, &c->in[MEAN], PARTS + 1, &norm);
    float *dx = (float *)c->out[DX].data + (norm.x - li_f32(&c->in[X]));
    add_parts(&c->in[PARTS], sums);
    make_lines(c, sums, lines);
    if (rows && li_attr_int(c->node, "is_training")) {
        c->kernels->backward->norm_apply(&norm, dx, lines, lines + channels, lines + 2 * channels);
    } else if (rows) {
        c->kernels->norm->scale_shift(dx, norm.row, norm.dy, norm.row, norm.rows, norm.cols, lines, NULL, LI_ACT_NONE,
                                      0);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_batch_norm_grad = {
    .name = "_LiBatchNormGrad",
    .inputs_min = PARTS + 1,
    .inputs_max = PARTS + 3,
    .outputs = LI_OUTPUTS({"x_backprop", NULL}, {"scale_backprop", NULL}, {"offset_backprop", NULL}),
    .attrs = LI_ATTRS({"epsilon", LI_ATTR_FLOAT, "0.0001", NULL}, {"is_training", LI_ATTR_BOOL, "true", NULL},
                      {"activation", LI_ATTR_INT, "0", NULL}, {"alpha", LI_ATTR_FLOAT, "0", NULL}),
    .shape = grad_shape,
    .prepare = grad_prepare,
    .forward = grad_forward,
    .flags = LI_OP_INTERNAL | LI_OP_INPLACE,
};

lince_status li_norm_grad_parts(struct li_grad *g, li_vid mean, li_vid variance)
{
    li_vid parts;
    LI_TRY(li_grad_emit(g, "_LiBatchNormGradParts", (li_vid[]){g->dy[0], g->in[0], mean}, 3, NULL, 0, &parts));
    const li_vid in[] = {g->dy[0], g->in[0], g->in[1], mean, variance, parts};
    const struct li_attr attrs[] = {*li_attr(g->node, "epsilon"), *li_attr(g->node, "is_training")};
    const char *name = li_arena_printf(&g->graph->arena, g->err, "gradients/%s/_LiBatchNormGrad", g->node->name);
    if (!name) {
        return LINCE_ENOMEM;
    }
    return li_graph_emit(g->graph, "_LiBatchNormGrad", name, in, PARTS + 1, attrs, LI_COUNT(attrs), g->dx, 3, g->err);
}
