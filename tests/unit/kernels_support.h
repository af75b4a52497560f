/* What the tests of kernels share: the instruction sets of this machine, seeded numbers, memory with forbidden pages at
 * both ends. */
#ifndef KERNELS_SUPPORT_H
#define KERNELS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/kernels.h"

#define SUPPORT static inline __attribute__((unused))

/* Tables other than ref that were built and that this processor can run; returns how many. */
SUPPORT int fast_kernels(const struct li_kernels *tables[3])
{
    static const enum li_isa sets[] = {LI_ISA_AVX2, LI_ISA_AVX512, LI_ISA_NEON};
    int n = 0;
    for (size_t i = 0; i < LI_COUNT(sets); i++) {
        bool runs = sets[i] == LI_ISA_NEON;
#if defined(__x86_64__)
        runs = sets[i] == LI_ISA_AVX2 ? __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                                      : sets[i] == LI_ISA_AVX512 && __builtin_cpu_supports("avx512f") &&
                                            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                                            __builtin_cpu_supports("avx512vl");
#endif
        if (runs && li_kernels_get(sets[i])->isa == sets[i]) {
            tables[n++] = li_kernels_get(sets[i]);
        }
    }
    return n;
}

/* xorshift64*, Marsaglia and Vigna */
struct random {
    uint64_t state;
};

SUPPORT uint64_t random_bits(struct random *r)
{
    r->state ^= r->state >> 12;
    r->state ^= r->state << 25;
    r->state ^= r->state >> 27;
    return r->state * 0x2545f4914f6cdd1dull;
}

SUPPORT int64_t random_int(struct random *r, int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits(r) % (uint64_t)(high - low + 1));
}

SUPPORT bool random_chance(struct random *r, int one_in)
{
    return random_int(r, 1, one_in) == 1;
}

/* In [-1, 1), 24 bits. */
SUPPORT float random_float(struct random *r)
{
    return (float)((double)(random_bits(r) >> 40) / (double)(1 << 23) - 1);
}

/* Floats between two pages that may not be touched, against the one or the other. */
struct guarded {
    float *data;
    size_t count;
    char *map;
    size_t map_bytes;
};

SUPPORT struct guarded guarded_new(size_t count, bool at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = count * sizeof(float),
           inner = (bytes + page - 1) / page * page;
    struct guarded g = {.count = count, .map_bytes = inner + 2 * page};
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(g.map, MAP_FAILED);
    assert_int_equal(mprotect(g.map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(g.map + page + inner, page, PROT_NONE), 0);
    g.data = (float *)(void *)(at_end ? g.map + page + inner - bytes : g.map + page);
    return g;
}

SUPPORT void guarded_free(struct guarded *g)
{
    munmap(g->map, g->map_bytes);
}

/* A value no kernel under test produces: what it must overwrite, or leave alone. */
#define UNTOUCHED -12345.678f

SUPPORT void guarded_fill(struct guarded *g, float value)
{
    for (size_t i = 0; i < g->count; i++) {
        g->data[i] = value;
    }
}

SUPPORT void guarded_random(struct guarded *g, struct random *r)
{
    for (size_t i = 0; i < g->count; i++) {
        g->data[i] = random_float(r);
    }
}

SUPPORT bool same_bits(const float *a, const float *b, size_t count)
{
    return count == 0 || memcmp(a, b, count * sizeof(float)) == 0;
}

/* Largest |a - b|; infinity where only one is NaN. */
SUPPORT double largest_difference(const float *a, const float *b, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        double d = isnan(a[i]) && isnan(b[i]) ? 0 : a[i] == b[i] ? 0 : fabs((double)a[i] - (double)b[i]);
        largest = isnan(d) ? INFINITY : d > largest ? d : largest;
    }
    return largest;
}

/* ---- Pictures with a border of whole pixels around each, which belongs to the buffer: a halo ---- */

struct border {
    int64_t top, left, bottom, right;
};

/* As wide as the window's taps reach. */
SUPPORT struct border border_of(const struct li_window *w)
{
    int64_t down = (w->out_h - 1) * w->stride_h + (w->kernel_h - 1) * w->dilation_h - w->pad_top;
    int64_t right = (w->out_w - 1) * w->stride_w + (w->kernel_w - 1) * w->dilation_w - w->pad_left;
    return (struct border){w->pad_top, w->pad_left, LI_MAX(0, down + 1 - w->in_h), LI_MAX(0, right + 1 - w->in_w)};
}

/* Strides of a buffer whose pictures have such a border, floats it takes, and where pixel (0, 0) lies in it. */
SUPPORT struct li_map map_bordered(int64_t h, int64_t w, int64_t channels, const struct border *border)
{
    return li_map_dense(border->top + h + border->bottom, border->left + w + border->right, channels);
}

SUPPORT size_t map_bordered_floats(int64_t batch, int64_t h, int64_t w, int64_t channels, const struct border *border)
{
    return (size_t)(batch * map_bordered(h, w, channels, border).image);
}

SUPPORT size_t map_bordered_origin(int64_t w, int64_t channels, const struct border *border)
{
    return (size_t)((border->top * (border->left + w + border->right) + border->left) * channels);
}

SUPPORT void fill_pixels(float *y, int64_t count, ptrdiff_t stride, int64_t channels, float value)
{
    for (int64_t i = 0; i < count; i++) {
        for (int64_t c = 0; c < channels; c++) {
            y[i * stride + c] = value;
        }
    }
}

/* Set the border of images [first, last) to value; y is pixel (0, 0) of image 0. */
SUPPORT void map_fill_border(float *y, const struct li_map *map, int64_t first, int64_t last, int64_t h, int64_t w,
                             int64_t channels, const struct border *border, float value)
{
    int64_t width = border->left + w + border->right;
    for (int64_t n = first; n < last; n++) {
        float *image = y + n * map->image;
        for (int64_t row = -border->top; row < h + border->bottom; row++) {
            float *pixels = image + row * map->row;
            if (row < 0 || row >= h) {
                fill_pixels(pixels - border->left * map->pixel, width, map->pixel, channels, value);
                continue;
            }
            fill_pixels(pixels - border->left * map->pixel, border->left, map->pixel, channels, value);
            fill_pixels(pixels + w * map->pixel, border->right, map->pixel, channels, value);
        }
    }
}

/* Copy rows [first, last) of all rows [batch * h] from one layout to another. */
SUPPORT void map_copy(float *y, const struct li_map *to, const float *x, const struct li_map *from, int64_t first,
                      int64_t last, int64_t h, int64_t w, int64_t channels)
{
    bool whole_rows = to->pixel == channels && from->pixel == channels;
    size_t run = (size_t)(whole_rows ? w * channels : channels) * sizeof(float);
    if (run == 0) {
        return;
    }
    for (int64_t row = first; row < last; row++) {
        const float *source = x + row / h * from->image + row % h * from->row;
        float *target = y + row / h * to->image + row % h * to->row;
        for (int64_t i = 0; i < (whole_rows ? 1 : w); i++) {
            memcpy(target + i * to->pixel, source + i * from->pixel, run);
        }
    }
}

#endif
