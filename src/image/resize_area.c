/*
 * ResizeArea: every output pixel is the mean of the part of the picture it covers, edges counted by how much of them
 * it covers.
 */
#include "resize.h"

#include <math.h>

struct span {
    int32_t start, end; /* input pixels [start, end); may leave the picture, whose edge then repeats */
    float at, at_end;   /* the same, exactly */
};

static size_t span_bytes(const struct li_resize *r, int axis)
{
    (void)r;
    (void)axis;
    return sizeof(struct span);
}

static void make_spans(const struct li_resize *r, int axis, void *table)
{
    int64_t out = li_resize_out(r, axis);
    float step = li_resize_step(r, axis);
    struct span *spans = table;

    for (int64_t i = 0; i < out; i++) {
        float at = (float)i * step, at_end = (float)(i + 1) * step;
        spans[i] = (struct span){(int32_t)floorf(at), (int32_t)ceilf(at_end), at, at_end};
    }
}

/* How much of input pixel i the span covers. */
static float covered(const struct span *s, int64_t i, float step)
{
    if ((float)i < s->at) {
        return (float)(i + 1) > s->at_end ? step : (float)(i + 1) - s->at;
    }
    return (float)(i + 1) > s->at_end ? s->at_end - (float)i : 1.0f;
}

static size_t area_scratch(const struct li_resize *r)
{
    return li_resize_round(r->w * r->c);
}

/* out[x] += factor * (sum of what column x covers of the row) */
static void add_row(float *restrict out, const float *restrict row, const struct li_resize *r, const struct span *xs,
                    float factor)
{
    float step = li_resize_step(r, 1);

    for (int64_t x = 0; x < r->ow; x++, out += r->c) {
        const struct span *s = xs + x;
        int64_t last = s->end - 1;
        float first_part = covered(s, s->start, step), last_part = covered(s, last, step);
        const float *first_pixel = row + li_resize_clamp(s->start, r->w) * r->c,
                    *last_pixel = row + li_resize_clamp(last, r->w) * r->c;
        for (int64_t c = 0; c < r->c; c++) {
            float sum = first_pixel[c] * first_part;
            for (int64_t i = s->start + 1; i < last; i++) {
                sum += row[li_resize_clamp(i, r->w) * r->c + c];
            }
            if (s->start != last) {
                sum += last_pixel[c] * last_part;
            }
            out[c] += sum * factor;
        }
    }
}

static void area_rows(const struct li_resize *r, const void *ytable, const void *xtable, const void *in, void *out,
                      int64_t y0, int64_t y1, float *scratch)
{
    const struct span *ys = ytable;
    int64_t count = r->ow * r->c;
    float ystep = li_resize_step(r, 0), factor = (float)(1.0 / (double)(ystep * li_resize_step(r, 1)));

    for (int64_t y = y0; y < y1; y++) {
        const struct span *s = ys + y % r->oh;
        float *row = (float *)out + y * count;
        for (int64_t i = 0; i < count; i++) {
            row[i] = 0;
        }
        for (int64_t i = s->start; i < s->end; i++) {
            int64_t source = y / r->oh * r->h + li_resize_clamp(i, r->h);
            add_row(row, li_resize_load(r, in, source, scratch), r, xtable, covered(s, i, ystep));
        }
        for (int64_t i = 0; i < count; i++) {
            row[i] *= factor;
        }
    }
}

const struct li_resizer li_resizer_area = {
    .entry_bytes = span_bytes, .axis = make_spans, .scratch_floats = area_scratch, .rows = area_rows};
