/*
 * Sums along an array, in 16 lanes whatever the vector's width, and pairwise over blocks of a fixed length: the same
 * bits for every instruction set, and an error that grows with the logarithm of the length.
 */
#ifndef LI_SIMD_WIDE_H
#define LI_SIMD_WIDE_H

#include "simd.h"

enum { LANES = 16, PARTS = LANES / VL, BLOCK = 512 };

struct wide {
    vf part[PARTS];
};

enum wide_term { TERM_VALUE, TERM_SQUARE, TERM_DEVIATION /* (x - center)^2 */ };

INLINE struct wide wide_block(const float *x, int64_t n, const enum wide_term term, vf center)
{
    struct wide sum = {{{0}}};
    for (int64_t i = 0; i < n; i += LANES) {
        UNROLL(4)
        for (int p = 0; p < PARTS; p++) {
            int64_t left = n - i - p * VL;
            vf v = left >= VL ? v_load(x + i + p * VL) : v_load_upto(x + i + p * VL, left);
            if (term == TERM_DEVIATION) {
                v -= center;
                v = left >= VL ? v : v_first_lanes(left, v, v_zero());
            }
            sum.part[p] = term == TERM_VALUE ? sum.part[p] + v : v_fma(v, v, sum.part[p]);
        }
    }
    return sum;
}

static __attribute__((unused)) struct wide wide_pairwise(const float *x, int64_t n, enum wide_term term, vf center)
{
    if (n > BLOCK) {
        int64_t half = (n / 2 + BLOCK - 1) / BLOCK * BLOCK;
        struct wide a = wide_pairwise(x, half, term, center), b = wide_pairwise(x + half, n - half, term, center);
        for (int p = 0; p < PARTS; p++) {
            a.part[p] += b.part[p];
        }
        return a;
    }
    switch (term) {
    case TERM_SQUARE:
        return wide_block(x, n, TERM_SQUARE, center);
    case TERM_DEVIATION:
        return wide_block(x, n, TERM_DEVIATION, center);
    default:
        return wide_block(x, n, TERM_VALUE, center);
    }
}

static __attribute__((unused)) float wide_sum(const float *x, int64_t n, enum wide_term term, float center)
{
    struct wide sum = wide_pairwise(x, n, term, v_set(center));
    float lane[LANES];
    memcpy(lane, &sum, sizeof(lane));
    for (int count = LANES / 2; count > 0; count /= 2) {
        for (int i = 0; i < count; i++) {
            lane[i] += lane[i + count];
        }
    }
    return lane[0];
}

/* The largest or the smallest; NaN if any is. */
INLINE float wide_extreme(const float *x, int64_t n, const bool largest)
{
    vf all = v_set(largest ? -INFINITY : INFINITY), extreme = all;
    for (int64_t i = 0; i < n; i += VL) {
        int64_t left = n - i;
        vf v = left >= VL ? v_load(x + i) : v_first_lanes(left, v_load_part(x + i, left), all);
        extreme = largest ? v_max(v, extreme) : v_min(v, extreme);
    }
    float lane[VL];
    memcpy(lane, &extreme, sizeof(lane));
    for (int i = 1; i < VL; i++) {
        bool takes = lane[i] != lane[i] || (largest ? lane[i] > lane[0] : lane[i] < lane[0]);
        lane[0] = takes ? lane[i] : lane[0];
    }
    return lane[0];
}

#endif
