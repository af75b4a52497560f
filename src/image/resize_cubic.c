/*
 * ResizeBicubic: four taps each way, rows first. Weights come from a table of 1024 steps, as in TensorFlow, whose
 * rounding shows in the results. With half-pixel centres a = -0.5 and taps outside the picture drop out; else a =
 * -0.75 and they repeat the edge.
 */
#include "resize.h"

#include <float.h>
#include <math.h>

enum { TAPS = 4, STEPS = 1024 };

struct cubic {
    int32_t index[TAPS]; /* of columns: elements, times c */
    float weight[TAPS];
};

/* The cubic convolution kernel at distance i / STEPS from a centre, and one further. */
static float near_weight(int i, double a)
{
    float x = (float)(i * 1.0 / STEPS);

    return (float)(((a + 2) * x - (a + 3)) * x * x + 1);
}

static float far_weight(int i, double a)
{
    float x = (float)((float)(i * 1.0 / STEPS) + 1.0);

    return (float)(((a * x - 5 * a) * x + 8 * a) * x - 4 * a);
}

static void drop_outside(struct cubic *e, int64_t first)
{
    for (int i = 0; i < TAPS; i++) {
        if (e->index[i] != first + i) {
            e->weight[i] = 0;
        }
    }
    float sum = e->weight[0] + e->weight[1] + e->weight[2] + e->weight[3];
    if (fabsf(sum) >= 1000 * FLT_MIN) {
        float factor = 1.0f / sum;
        for (int i = 0; i < TAPS; i++) {
            e->weight[i] *= factor;
        }
    }
}

static size_t cubic_bytes(const struct li_resize *r, int axis)
{
    (void)r;
    (void)axis;
    return sizeof(struct cubic);
}

static void make_cubics(const struct li_resize *r, int axis, void *table)
{
    int64_t in = li_resize_in(r, axis), out = li_resize_out(r, axis), unit = axis ? r->c : 1;
    float step = li_resize_step(r, axis);
    double a = r->half_pixel ? -0.5 : -0.75;
    struct cubic *entries = table;

    for (int64_t i = 0; i < out; i++) {
        struct cubic *e = entries + i;
        float at = li_resize_source(r, i, step);
        int64_t first = (int64_t)floorf(at);
        int offset = (int)lrintf((at - (float)first) * STEPS);
        first--;
        *e = (struct cubic){.weight = {far_weight(offset, a), near_weight(offset, a), near_weight(STEPS - offset, a),
                                       far_weight(STEPS - offset, a)}};
        for (int k = 0; k < TAPS; k++) {
            e->index[k] = (int32_t)li_resize_clamp(first + k, in);
        }
        if (r->half_pixel) {
            drop_outside(e, first);
        }
        for (int k = 0; k < TAPS; k++) {
            e->index[k] *= (int32_t)unit;
        }
    }
}

/* Four input rows, one row between. */
static size_t cubic_scratch(const struct li_resize *r)
{
    return (TAPS + 1) * li_resize_round(r->w * r->c);
}

static void cubic_down(float *restrict out, const float *const row[TAPS], const float w[TAPS], int64_t count)
{
    const float *restrict a = row[0], *restrict b = row[1], *restrict c = row[2], *restrict d = row[3];

    for (int64_t i = 0; i < count; i++) {
        out[i] = a[i] * w[0] + b[i] * w[1] + c[i] * w[2] + d[i] * w[3];
    }
}

static void cubic_across(float *restrict out, const float *restrict in, const struct cubic *xs, int64_t ow, int64_t c)
{
    for (int64_t x = 0; x < ow; x++, out += c) {
        const struct cubic *e = xs + x;
        for (int64_t i = 0; i < c; i++) {
            out[i] = in[e->index[0] + i] * e->weight[0] + in[e->index[1] + i] * e->weight[1] +
                     in[e->index[2] + i] * e->weight[2] + in[e->index[3] + i] * e->weight[3];
        }
    }
}

static void cubic_rows(const struct li_resize *r, const void *ytable, const void *xtable, const void *in, void *out,
                       int64_t y0, int64_t y1, float *scratch)
{
    const struct cubic *ys = ytable;
    size_t part = li_resize_round(r->w * r->c);

    for (int64_t y = y0; y < y1; y++) {
        const struct cubic *e = ys + y % r->oh;
        const float *row[TAPS];
        for (int k = 0; k < TAPS; k++) {
            row[k] = li_resize_load(r, in, y / r->oh * r->h + e->index[k], scratch + (size_t)(k + 1) * part);
        }
        cubic_down(scratch, row, e->weight, r->w * r->c);
        cubic_across((float *)out + y * r->ow * r->c, scratch, xtable, r->ow, r->c);
    }
}

static int64_t cubic_tap(const struct li_resize *r, int axis, const void *entry, int64_t k, float *weight)
{
    const struct cubic *e = entry;
    if (k >= TAPS) {
        return -1;
    }
    *weight = e->weight[k];
    return e->index[k] / (axis ? r->c : 1);
}

const struct li_resizer li_resizer_bicubic = {.entry_bytes = cubic_bytes,
                                              .axis = make_cubics,
                                              .scratch_floats = cubic_scratch,
                                              .rows = cubic_rows,
                                              .tap = cubic_tap};
