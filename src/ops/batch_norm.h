/* What batch normalisation and its gradient share; private to ops/. */
#ifndef LI_OPS_BATCH_NORM_H
#define LI_OPS_BATCH_NORM_H

#include "common.h"

/* The picture as [outer, channels, inner]. */
struct li_norm_extents {
    int64_t outer, channels, inner;
};

int li_norm_axis(const struct li_node *node, int rank); /* of the channels: data_format is an attribute */
struct li_norm_extents li_norm_extents_of(const struct li_node *node, const struct li_shape *x);
/* How many channels one task takes, at least 1. */
int64_t li_norm_block(const struct li_norm_extents *e);

/* Input i is float32[channels], or [0] where that is allowed. */
lince_status li_norm_need_vector(const struct li_infer *s, int i, int64_t channels, const char *what,
                                 bool may_be_empty);

/* The elements of one channel, a block at a time: li_norm_next gives how many, 0 at the end, and where they start. */
struct li_norm_cursor {
    struct li_norm_extents extents;
    int64_t channel, o, i, stride;
};

struct li_norm_cursor li_norm_cursor_at(const struct li_norm_extents *e, int64_t channel);
int64_t li_norm_next(struct li_norm_cursor *k, int64_t *at);

/*
 * A channel of a normalised picture is x * scale + shift; the running average of a statistic, `old` if factor is 0 and
 * the batch's if it is 1, of which `old` may then be absent; what a biased variance is multiplied by to be unbiased.
 */
void li_norm_scale_shift(float gamma, float beta, float mean, float variance, float epsilon, double *scale,
                         double *shift);
float li_norm_average(float factor, const float *old, int64_t i, float batch);
float li_norm_bessel(int64_t count);

/* .grad of the three forward rows (batch_norm_grad.c); for float32 with channels last (batch_norm_parts.c). */
lince_status li_norm_grad(struct li_grad *g);
lince_status li_norm_grad_parts(struct li_grad *g, li_vid mean, li_vid variance);

/* What the gradient of a channel depends on beside its pixels. */
struct li_norm_channel {
    double scale, variance, epsilon, count; /* count: of pixels */
    bool training;                          /* mean and variance are those of the pixels */
};

/* dx = dy * slope - (x - mean) * tilt - shift, of one channel, and what goes to its scale and offset. */
struct li_norm_line {
    double slope, tilt, shift, dscale, doffset;
};

/* sum and product: of dy, and of dy times the distance of x from the mean. */
struct li_norm_line li_norm_line_of(const struct li_norm_channel *channel, double sum, double product);

#define LI_NORM_SPECS(formats)                                                                                         \
    LI_TYPE_SPEC("T"), {"epsilon", LI_ATTR_FLOAT, "0.0001", NULL}, {"data_format", LI_ATTR_STRING, "NHWC", formats},   \
    {                                                                                                                  \
        "is_training", LI_ATTR_BOOL, "true", NULL                                                                      \
    }
#define LI_NORM_FACTOR_SPEC                                                                                            \
    {                                                                                                                  \
        "exponential_avg_factor", LI_ATTR_FLOAT, "1", NULL                                                             \
    }

#endif
