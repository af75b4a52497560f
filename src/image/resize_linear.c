/* Bilinear and nearest resizing, as ResizeBilinear and ResizeNearestNeighbor. */
#include "resize.h"

#include <math.h>
#include <string.h>

/* ---- bilinear: out = top + (bottom - top) * y, top = left + (right - left) * x ---- */

struct tap {
    int32_t low, high; /* of columns: elements, times c */
    float lerp;
};

static size_t tap_bytes(const struct li_resize *r, int axis)
{
    (void)r;
    (void)axis;
    return sizeof(struct tap);
}

/* Left of the first centre both taps are pixel 0, so the weight does not matter there; likewise at the end. */
static void make_taps(const struct li_resize *r, int axis, void *table)
{
    int64_t in = li_resize_in(r, axis), out = li_resize_out(r, axis), unit = axis ? r->c : 1;
    float step = li_resize_step(r, axis);
    struct tap *taps = table;

    for (int64_t i = 0; i < out; i++) {
        float at = li_resize_source(r, i, step), floor_at = floorf(at);
        taps[i].low = (int32_t)(li_resize_clamp((int64_t)floor_at, in) * unit);
        taps[i].high = (int32_t)(li_resize_clamp((int64_t)ceilf(at), in) * unit);
        taps[i].lerp = at - floor_at;
    }
}

static size_t bilinear_scratch(const struct li_resize *r)
{
    return li_resize_round(r->w * r->c) + 2 * li_resize_round(r->ow * r->c);
}

static inline void across_channels(float *restrict out, const float *restrict in, const struct tap *restrict taps,
                                   int64_t ow, int64_t c)
{
    for (int64_t x = 0; x < ow; x++, out += c) {
        const float *left = in + taps[x].low, *right = in + taps[x].high;
        float t = taps[x].lerp;
        for (int64_t i = 0; i < c; i++) {
            out[i] = left[i] + (right[i] - left[i]) * t;
        }
    }
}

static void across(float *restrict out, const float *restrict in, const struct tap *restrict taps, int64_t ow,
                   int64_t c)
{
    switch (c) {
    case 1:
        across_channels(out, in, taps, ow, 1);
        break;
    case 3:
        across_channels(out, in, taps, ow, 3);
        break;
    default:
        across_channels(out, in, taps, ow, c);
        break;
    }
}

static void down(float *restrict out, const float *restrict top, const float *restrict bottom, float t, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        out[i] = top[i] + (bottom[i] - top[i]) * t;
    }
}

/* The last two input rows, resized across: neighbouring output rows often share them. */
struct lines {
    const struct li_resize *r;
    const struct tap *xs;
    const void *in;
    float *raw, *line[2];
    int64_t row[2];
};

/* The line of an input row; may overwrite any but that of row `keep`. */
static const float *line_of(struct lines *l, int64_t row, int64_t keep)
{
    for (int i = 0; i < 2; i++) {
        if (l->row[i] == row) {
            return l->line[i];
        }
    }
    int slot = l->row[0] == keep ? 1 : 0;
    across(l->line[slot], li_resize_load(l->r, l->in, row, l->raw), l->xs, l->r->ow, l->r->c);
    l->row[slot] = row;
    return l->line[slot];
}

static void bilinear_rows(const struct li_resize *r, const void *ytable, const void *xtable, const void *in, void *out,
                          int64_t y0, int64_t y1, float *scratch)
{
    const struct tap *ys = ytable;
    int64_t count = r->ow * r->c;
    struct lines lines = {.r = r, .xs = xtable, .in = in, .raw = scratch, .row = {-1, -1}};

    lines.line[0] = scratch + li_resize_round(r->w * r->c);
    lines.line[1] = lines.line[0] + li_resize_round(count);
    for (int64_t y = y0; y < y1; y++) {
        const struct tap *tap = ys + y % r->oh;
        int64_t base = y / r->oh * r->h, low = base + tap->low, high = base + tap->high;
        float *row = (float *)out + y * count;
        if (r->h == r->oh && r->w == r->ow) {
            memcpy(row, li_resize_load(r, in, y, scratch),
                   (size_t)count * sizeof(float)); /* weights of 0 would spread infinities */
            continue;
        }
        const float *top = line_of(&lines, low, high), *bottom = line_of(&lines, high, low);
        down(row, top, bottom, tap->lerp, count);
    }
}

static int64_t bilinear_tap(const struct li_resize *r, int axis, const void *entry, int64_t k, float *weight)
{
    const struct tap *tap = entry;
    *weight = k == 0 ? 1 - tap->lerp : tap->lerp;
    return k > 1 ? -1 : (k == 0 ? tap->low : tap->high) / (axis ? r->c : 1);
}

const struct li_resizer li_resizer_bilinear = {.entry_bytes = tap_bytes,
                                               .axis = make_taps,
                                               .scratch_floats = bilinear_scratch,
                                               .rows = bilinear_rows,
                                               .tap = bilinear_tap};

/* ---- nearest: elements of any size are copied ---- */

static size_t index_bytes(const struct li_resize *r, int axis)
{
    (void)r;
    (void)axis;
    return sizeof(int32_t);
}

static void make_indices(const struct li_resize *r, int axis, void *table)
{
    int64_t in = li_resize_in(r, axis), out = li_resize_out(r, axis);
    float step = li_resize_step(r, axis);
    int32_t *indices = table;

    for (int64_t i = 0; i < out; i++) {
        /* The half that centres would subtract is what rounding would add. */
        float at = r->half_pixel ? ((float)i + 0.5f) * step : (float)i * step;
        indices[i] = (int32_t)li_resize_clamp((int64_t)(r->align_corners ? roundf(at) : floorf(at)), in);
    }
}

static size_t no_scratch(const struct li_resize *r)
{
    (void)r;
    return 0;
}

static void nearest_rows(const struct li_resize *r, const void *ytable, const void *xtable, const void *in, void *out,
                         int64_t y0, int64_t y1, float *scratch)
{
    const int32_t *ys = ytable, *xs = xtable;
    size_t element = li_dtype_size(r->dtype), pixel = (size_t)r->c * element;
    uint8_t *to = (uint8_t *)out + (size_t)(y0 * r->ow) * pixel;

    (void)scratch;
    for (int64_t y = y0; y < y1; y++) {
        const uint8_t *row =
            (const uint8_t *)in + (size_t)((y / r->oh * r->h + ys[y % r->oh]) * li_resize_stride(r)) * element;
        for (int64_t x = 0; x < r->ow; x++, to += pixel) {
            memcpy(to, row + (size_t)xs[x] * pixel, pixel);
        }
    }
}

static int64_t nearest_tap(const struct li_resize *r, int axis, const void *entry, int64_t k, float *weight)
{
    (void)r, (void)axis;
    *weight = 1;
    return k > 0 ? -1 : *(const int32_t *)entry;
}

const struct li_resizer li_resizer_nearest = {.entry_bytes = index_bytes,
                                              .axis = make_indices,
                                              .scratch_floats = no_scratch,
                                              .rows = nearest_rows,
                                              .tap = nearest_tap};
