/*
 * The gradient of a resize: its transpose. What output pixel (y, x) received from the pixels its taps name, it gives
 * back to them with the same weights; first across, into a row of the input's width, then down.
 */
#include "resize.h"

#include <string.h>

size_t li_resize_back_scratch_bytes(const struct li_resize *r)
{
    return li_resize_round(r->w * r->c) * sizeof(float);
}

static void add_scaled(float *restrict to, const float *restrict from, float weight, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        to[i] += weight * from[i];
    }
}

/* Into what the taps of one entry name, each of `count` floats. */
static void give_back(const struct li_resize *r, int axis, const void *entry, float *to, const float *from,
                      int64_t count)
{
    const struct li_resizer *resizer = li_resizer_of(r->method);
    float weight;
    int64_t index;
    for (int64_t k = 0; (index = resizer->tap(r, axis, entry, k, &weight)) >= 0; k++) {
        add_scaled(to + index * count, from, weight, count);
    }
}

void li_resize_back(const struct li_resize *r, const void *table, const float *dy, float *dx, int64_t n0, int64_t n1,
                    void *scratch)
{
    size_t entry[2] = {li_resizer_of(r->method)->entry_bytes(r, 0), li_resizer_of(r->method)->entry_bytes(r, 1)};
    const uint8_t *ys = table, *xs = ys + li_resize_axis_bytes(r, 0);
    int64_t row = r->w * r->c;
    for (int64_t n = n0; n < n1; n++) {
        float *picture = dx + n * r->h * row;
        memset(picture, 0, (size_t)(r->h * row) * sizeof(float));
        for (int64_t y = 0; y < r->oh; y++) {
            const float *from = dy + (n * r->oh + y) * r->ow * r->c;
            memset(scratch, 0, (size_t)row * sizeof(float));
            for (int64_t x = 0; x < r->ow; x++) {
                give_back(r, 1, xs + (size_t)x * entry[1], scratch, from + x * r->c, r->c);
            }
            give_back(r, 0, ys + (size_t)y * entry[0], picture, scratch, row);
        }
    }
}
