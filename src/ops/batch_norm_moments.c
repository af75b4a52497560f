/*
 * Batch normalisation in training, of float32 with channels last, in three steps that threads can share, so that
 * pictures larger than any cache are read as they lie in memory:
 *
 *     _LiBatchNormMoments  mean and spread of each channel in each chunk of the pixels;
 *     _LiBatchNormLines    the statistics, the running averages, and each channel's scale and shift;
 *     _LiScaleShift        the normalised picture, with what follows it.
 *
 * The number of chunks depends on the shape and the instruction set alone.
 */
#include "batch_norm.h"

static int64_t channels_of(const struct li_shape *x)
{
    return x->dim[x->rank - 1];
}

/* ---- _LiBatchNormMoments: x -> [chunks, LI_NORM_PARTIAL, channels] ---- */

static lince_status moments_shape(struct li_infer *s)
{
    const struct li_shape *x = li_in_shape(s, 0);
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    if (x->rank < 1) {
        return li_infer_fail(s, LINCE_EINVAL, "its input is a scalar");
    }
    int64_t channels = channels_of(x);
    int64_t chunks = s->env->kernels->norm->moment_chunks(li_ops_product(x, 0, x->rank - 1), channels);
    const struct li_shape parts = {3, {chunks, LI_NORM_PARTIAL, channels}};
    return li_out_is(s, 0, LINCE_FLOAT32, &parts);
}

static lince_status moments_prepare(struct li_prepare *p)
{
    p->tasks = li_ops_out(p, 0)->shape.dim[0];
    return LINCE_OK;
}

static lince_status moments_forward(struct li_call *c)
{
    const struct li_shape *x = c->in[0].shape;
    int64_t channels = channels_of(x);
    if (channels > 0) {
        c->kernels->norm->moments_partial(li_f32(&c->in[0]), li_ops_product(x, 0, x->rank - 1), channels, channels,
                                          c->task, c->out[0].data);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_batch_norm_moments = {
    .name = "_LiBatchNormMoments",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("parts"),
    .shape = moments_shape,
    .prepare = moments_prepare,
    .forward = moments_forward,
    .flags = LI_OP_INTERNAL,
};

/* ---- _LiBatchNormLines: parts, and scale, offset, mean and variance as of FusedBatchNorm ---- */

enum {
    PARTS,
    GAMMA,
    BETA,
    MEAN,
    VARIANCE,
    INPUTS,
    SCALE = 0,
    SHIFT,
    NEW_MEAN,
    NEW_VARIANCE,
    BATCH_MEAN,
    BATCH_VARIANCE
};

static lince_status lines_shape(struct li_infer *s)
{
    static const char *const names[] = {"parts", "scale", "offset", "mean", "variance"};
    const struct li_shape *parts = li_in_shape(s, PARTS);
    LI_TRY(li_ops_need(s, PARTS, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, PARTS, 3));
    if (parts->dim[1] != LI_NORM_PARTIAL || li_attr_int(s->node, "pixels") < 0) {
        return li_infer_fail(s, LINCE_EINVAL, "its parts are no moments");
    }
    const struct li_shape vector = {1, {parts->dim[2]}};
    bool only_batch = li_attr_float(s->node, "exponential_avg_factor") == 1;
    for (int i = GAMMA; i < INPUTS; i++) {
        LI_TRY(li_norm_need_vector(s, i, vector.dim[0], names[i], only_batch && i >= MEAN));
    }
    for (int i = SCALE; i <= BATCH_VARIANCE; i++) {
        LI_TRY(li_out_is(s, i, LINCE_FLOAT32, &vector));
    }
    return LINCE_OK;
}

static lince_status lines_forward(struct li_call *c)
{
    int64_t channels = c->in[PARTS].shape->dim[2], pixels = li_attr_int(c->node, "pixels");
    float epsilon = (float)li_attr_float(c->node, "epsilon"), bessel = li_norm_bessel(pixels);
    float factor = (float)li_attr_float(c->node, "exponential_avg_factor"), *out[BATCH_VARIANCE + 1];
    for (int k = SCALE; k <= BATCH_VARIANCE; k++) {
        out[k] = c->out[k].data;
    }
    c->kernels->norm->moments_combine(li_f32(&c->in[PARTS]), pixels, channels, out[BATCH_MEAN], out[BATCH_VARIANCE]);
    for (int64_t i = 0; i < channels; i++) {
        float mean = out[BATCH_MEAN][i], variance = out[BATCH_VARIANCE][i];
        double scale, shift;
        li_norm_scale_shift(li_f32(&c->in[GAMMA])[i], li_f32(&c->in[BETA])[i], mean, variance, epsilon, &scale, &shift);
        out[SCALE][i] = (float)scale;
        out[SHIFT][i] = (float)shift;
        out[NEW_MEAN][i] = li_norm_average(factor, li_f32(&c->in[MEAN]), i, mean);
        out[NEW_VARIANCE][i] = li_norm_average(factor, li_f32(&c->in[VARIANCE]), i, variance * bessel);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_batch_norm_lines = {
    .name = "_LiBatchNormLines",
    .inputs_min = INPUTS,
    .inputs_max = INPUTS,
    .outputs = LI_OUTPUTS({"scale", NULL}, {"shift", NULL}, {"new_mean", NULL}, {"new_variance", NULL},
                          {"batch_mean", NULL}, {"batch_variance", NULL}),
    .attrs =
        LI_ATTRS({"pixels", LI_ATTR_INT, "0", NULL}, {"epsilon", LI_ATTR_FLOAT, "0.0001", NULL}, LI_NORM_FACTOR_SPEC),
    .shape = lines_shape,
    .forward = lines_forward,
    .flags = LI_OP_INTERNAL,
};
