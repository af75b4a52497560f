/* Where the channels of a normalised picture lie, how they are shared among tasks, and what is done to each. */
#include "batch_norm.h"

#include <math.h>

enum {
    FEW_CHANNELS = 256,
    NARROW_BLOCK = 32,
    WIDE_BLOCK = 64, /* channels of one task */
    SMALL = 1 << 14  /* elements that one task does */
};

int li_norm_axis(const struct li_node *node, int rank)
{
    return li_attr(node, "data_format")->s[1] == 'C' ? 1 : rank - 1; /* NCHW, NCDHW; NHWC, NDHWC */
}

struct li_norm_extents li_norm_extents_of(const struct li_node *node, const struct li_shape *x)
{
    int axis = li_norm_axis(node, x->rank);
    struct li_norm_extents e = {1, x->dim[axis], 1};
    for (int i = 0; i < x->rank; i++) {
        *(i < axis ? &e.outer : &e.inner) *= i == axis ? 1 : x->dim[i];
    }
    return e;
}

int64_t li_norm_block(const struct li_norm_extents *e)
{
    if (e->outer * e->channels * e->inner <= SMALL) {
        return LI_MAX(e->channels, 1);
    }
    return e->channels <= FEW_CHANNELS ? NARROW_BLOCK : WIDE_BLOCK;
}

lince_status li_norm_need_vector(const struct li_infer *s, int i, int64_t channels, const char *what, bool may_be_empty)
{
    const struct li_shape *v = li_in_shape(s, i);
    LI_TRY(li_ops_need(s, i, LI_BIT(LINCE_FLOAT32)));
    if (v->rank == 1 && (v->dim[0] == channels || (may_be_empty && v->dim[0] == 0))) {
        return LINCE_OK;
    }
    char text[LI_SHAPE_TEXT];
    return li_infer_fail(s, LINCE_EINVAL, "%s has shape %s, the input has %lld channels", what, li_shape_text(v, text),
                         (long long)channels);
}

struct li_norm_cursor li_norm_cursor_at(const struct li_norm_extents *e, int64_t channel)
{
    return (struct li_norm_cursor){*e, channel, 0, 0, e->inner == 1 ? e->channels : 1};
}

int64_t li_norm_next(struct li_norm_cursor *k, int64_t *at)
{
    const struct li_norm_extents *e = &k->extents;
    /* With channels last, all of them are one run of a larger stride. */
    int64_t runs = e->inner == 1 ? 1 : e->outer, length = e->inner == 1 ? e->outer : e->inner;
    if (k->i >= length) {
        k->i = 0;
        k->o++;
    }
    if (k->o >= runs || length == 0) {
        return 0;
    }
    int64_t n = LI_MIN(LI_BLOCK, length - k->i);
    *at = e->inner == 1 ? k->i * e->channels + k->channel : (k->o * e->channels + k->channel) * e->inner + k->i;
    k->i += n;
    return n;
}

void li_norm_scale_shift(float gamma, float beta, float mean, float variance, float epsilon, double *scale,
                         double *shift)
{
    *scale = (double)gamma / sqrt((double)variance + (double)epsilon);
    *shift = (double)beta - (double)mean * *scale;
}

float li_norm_average(float factor, const float *old, int64_t i, float batch)
{
    return factor == 1 ? batch : (1 - factor) * old[i] + factor * batch;
}

float li_norm_bessel(int64_t count)
{
    return (float)((double)count / (double)LI_MAX(count - 1, 1));
}
