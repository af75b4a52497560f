/* Which taps of a window lie inside the picture. */
#ifndef LI_SIMD_CLIP_H
#define LI_SIMD_CLIP_H

#include "kernels/window.h"

/* One axis of a sliding window: tap k of output o reads input o * stride + k * dilation - pad, if that is in [0,
 * extent). */
struct axis {
    int64_t extent, outputs, taps, stride, dilation, pad;
};

static inline struct axis rows_of(const struct li_window *w)
{
    return (struct axis){w->in_h, w->out_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top};
}

static inline struct axis columns_of(const struct li_window *w)
{
    return (struct axis){w->in_w, w->out_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left};
}

struct range {
    int64_t first, last; /* [first, last) */
};

static inline int64_t divide_up(int64_t a, int64_t b)
{
    return a <= 0 ? 0 : (a + b - 1) / b;
}

/* The taps of output o that lie inside; none: an empty range. */
static inline struct range inside_taps(const struct axis *axis, int64_t o)
{
    int64_t start = o * axis->stride - axis->pad;
    int64_t first = LI_MIN(axis->taps, divide_up(-start, axis->dilation));
    int64_t last = LI_MIN(axis->taps, divide_up(axis->extent - start, axis->dilation));
    return (struct range){first, LI_MAX(first, last)};
}

static inline bool same_taps(const struct axis *axis, int64_t a, int64_t b)
{
    struct range ra = inside_taps(axis, a), rb = inside_taps(axis, b);
    return ra.first == rb.first && ra.last == rb.last;
}

/* The outputs all of whose taps lie inside. */
static inline struct range inside_outputs(const struct axis *axis)
{
    int64_t span = (axis->taps - 1) * axis->dilation;
    int64_t first = LI_MIN(axis->outputs, divide_up(axis->pad, axis->stride));
    int64_t last = LI_MIN(axis->outputs, divide_up(axis->extent - span + axis->pad, axis->stride));
    return (struct range){first, LI_MAX(first, last)};
}

/* The outputs whose tap k lies inside. */
static inline struct range outputs_of_tap(const struct axis *a, int64_t k)
{
    int64_t start = k * a->dilation - a->pad;
    int64_t first = LI_MIN(a->outputs, divide_up(-start, a->stride));
    int64_t last = LI_MIN(a->outputs, divide_up(a->extent - start, a->stride));
    return (struct range){first, LI_MAX(first, last)};
}

/* The part'th of parts even pieces of [0, n). */
static inline struct range piece(int64_t n, int64_t part, int64_t parts)
{
    return (struct range){n * part / parts, n * (part + 1) / parts};
}

#endif
