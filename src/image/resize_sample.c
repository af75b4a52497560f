/*
 * ScaleAndTranslate: a sampling kernel, widened when shrinking with antialias, applied to rows first. The order of
 * float operations is that of scale_and_translate_op.cc and sampling_kernels.h.
 */
#include "resize.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- kernels, of a distance x >= 0 in units of the kernel ---- */

static float radius_of(enum li_resize_method method)
{
    switch (method) {
    case LI_RESIZE_LANCZOS3:
        return 3;
    case LI_RESIZE_LANCZOS5:
        return 5;
    case LI_RESIZE_GAUSSIAN:
        return 1.5f;
    case LI_RESIZE_KEYSCUBIC:
    case LI_RESIZE_MITCHELLCUBIC:
        return 2;
    default:
        return 1; /* lanczos1, box, triangle */
    }
}

/* sinc(x) sinc(x / radius) */
static float lanczos(float x, float radius)
{
    const float pi = 3.14159265359f;

    if (x > radius) {
        return 0;
    }
    if ((double)x <= 1e-3) {
        return 1;
    }
    return radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x);
}

static float gaussian(float x)
{
    const float sigma = 0.5f;

    return x >= 1.5f ? 0 : (float)exp((double)(-x * x) / (2.0 * (double)sigma * (double)sigma));
}

static float box(float x)
{
    return x < 0.5f ? 1 : x == 0.5f ? 0.5f : 0;
}

static float triangle(float x)
{
    return x < 1 ? 1 - x : 0;
}

static float keys_cubic(float x)
{
    if (x >= 2) {
        return 0;
    }
    return x >= 1 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : ((1.5f * x - 2.5f) * x) * x + 1;
}

static float mitchell_cubic(float x)
{
    if (x >= 2) {
        return 0;
    }
    if (x >= 1) {
        return (((-7.0f / 18) * x + 2) * x - 10.0f / 3) * x + 16.0f / 9;
    }
    return (((7.0f / 6) * x - 2) * x) * x + 8.0f / 9;
}

static float kernel(enum li_resize_method method, float x)
{
    switch (method) {
    case LI_RESIZE_GAUSSIAN:
        return gaussian(x);
    case LI_RESIZE_BOX:
        return box(x);
    case LI_RESIZE_TRIANGLE:
        return triangle(x);
    case LI_RESIZE_KEYSCUBIC:
        return keys_cubic(x);
    case LI_RESIZE_MITCHELLCUBIC:
        return mitchell_cubic(x);
    default:
        return lanczos(x, radius_of(method));
    }
}

/* ---- spans: for each output pixel a first input pixel (int32), a number of them (int32), then their weights ---- */

struct axis {
    int64_t in;
    float inverse, shift; /* output to input */
    float widen;          /* of the kernel */
    float reach;          /* its radius, widened */
    int64_t most;         /* weights in a span */
};

static struct axis axis_of(const struct li_resize *r, int axis)
{
    struct axis a = {.in = li_resize_in(r, axis)};

    a.inverse = (float)(1.0 / (double)r->scale[axis]);
    a.shift = -a.inverse * r->translation[axis];
    a.widen = r->antialias && a.inverse > 1 ? a.inverse : 1;
    a.reach = radius_of(r->method) * a.widen;
    float most = 2 * ceilf(a.reach) + 1;
    a.most = most < (float)a.in ? (int64_t)most : a.in;
    return a;
}

static size_t span_bytes(const struct li_resize *r, int axis)
{
    return ((size_t)axis_of(r, axis).most + 2) * 4;
}

struct span {
    int32_t start, count;
    float weight[];
};

/* The nearest pixel there is; the reach of a kernel may pass what an integer holds. */
static int64_t pixel(float at, int64_t size)
{
    return at > 0 ? (at < (float)size ? li_resize_clamp((int64_t)at, size) : size - 1) : 0;
}

/* Leaves the span empty when the output pixel's centre lies outside the picture. */
static void make_span(struct span *s, const struct axis *a, enum li_resize_method method, int64_t i)
{
    float at = ((float)i + 0.5f) * a->inverse + a->shift, sum = 0, narrow = 1.0f / a->widen;

    s->start = s->count = 0;
    if (!(at >= 0 && at <= (float)a->in)) {
        return;
    }
    int64_t start = pixel(ceilf(at - a->reach - 0.5f), a->in);
    int64_t end = pixel(floorf(at + a->reach - 0.5f), a->in) + 1;
    end = LI_MIN(LI_MAX(end, start), start + a->most);
    for (int64_t k = start; k < end; k++) {
        float weight = kernel(method, fabsf(((float)k + 0.5f - at) * narrow));
        s->weight[k - start] = weight;
        sum += weight;
    }
    bool usable = fabsf(sum) >= 1000 * FLT_MIN;
    float factor = usable ? 1.0f / sum : 0;
    for (int64_t k = 0; k < end - start; k++) {
        s->weight[k] = usable ? s->weight[k] * factor : 0;
    }
    s->start = (int32_t)start;
    s->count = (int32_t)(end - start);
}

static void make_spans(const struct li_resize *r, int axis, void *table)
{
    struct axis a = axis_of(r, axis);
    size_t bytes = span_bytes(r, axis);

    for (int64_t i = 0; i < li_resize_out(r, axis); i++) {
        make_span((struct span *)((uint8_t *)table + (size_t)i * bytes), &a, r->method, i);
    }
}

/* ---- rows ---- */

static size_t sample_scratch(const struct li_resize *r)
{
    return 2 * li_resize_round(r->w * r->c);
}

static void add_scaled(float *restrict out, const float *restrict in, float weight, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        out[i] += weight * in[i];
    }
}

static inline void sample_channels(float *restrict out, const float *restrict in, const struct span *s, int64_t c)
{
    for (int64_t i = 0; i < c; i++) {
        float sum = 0;
        for (int32_t k = 0; k < s->count; k++) {
            sum += s->weight[k] * in[k * c + i];
        }
        out[i] = sum;
    }
}

static void sample_across(float *restrict out, const float *restrict in, const uint8_t *xs, size_t entry,
                          const struct li_resize *r)
{
    for (int64_t x = 0; x < r->ow; x++, out += r->c, xs += entry) {
        const struct span *s = (const struct span *)xs;
        if (r->c == 3) {
            sample_channels(out, in + s->start * 3, s, 3);
        } else {
            sample_channels(out, in + s->start * r->c, s, r->c);
        }
    }
}

static void sample_rows(const struct li_resize *r, const void *ytable, const void *xtable, const void *in, void *out,
                        int64_t y0, int64_t y1, float *scratch)
{
    int64_t count = r->w * r->c;
    size_t yentry = span_bytes(r, 0), xentry = span_bytes(r, 1);
    float *raw = scratch + li_resize_round(count);

    for (int64_t y = y0; y < y1; y++) {
        const struct span *s = (const struct span *)((const uint8_t *)ytable + (size_t)(y % r->oh) * yentry);
        memset(scratch, 0, (size_t)count * sizeof(float));
        for (int32_t k = 0; k < s->count; k++) {
            add_scaled(scratch, li_resize_load(r, in, y / r->oh * r->h + s->start + k, raw), s->weight[k], count);
        }
        sample_across((float *)out + y * r->ow * r->c, scratch, xtable, xentry, r);
    }
}

static int64_t sample_tap(const struct li_resize *r, int axis, const void *entry, int64_t k, float *weight)
{
    const struct span *s = entry;
    (void)r, (void)axis;
    if (k >= s->count) {
        return -1;
    }
    *weight = s->weight[k];
    return s->start + k;
}

const struct li_resizer li_resizer_sample = {.entry_bytes = span_bytes,
                                             .axis = make_spans,
                                             .scratch_floats = sample_scratch,
                                             .rows = sample_rows,
                                             .tap = sample_tap};
