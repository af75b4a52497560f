/*
 * A vector of floats, for each instruction set the same names. The build defines LI_SIMD as avx512, avx2 or neon.
 *
 * Arithmetic is the compiler's vector extension (+ - * / and comparisons on whole vectors); fused multiply-adds are
 * asked for by name (v_fma), never left to the compiler, so that vectors of every width round alike: the same sums in
 * the same order give the same bits.
 */
#ifndef LI_SIMD_H
#define LI_SIMD_H

#include "base/base.h"

#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VL 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define VL 8
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#define VL 4
#else
#error "no vectors for this instruction set"
#endif

#define LI_JOIN2(a, b) a##b
#define LI_JOIN(a, b) LI_JOIN2(a, b)
/* The one exported name of a group in this instruction set: li_conv_avx2. */
#define LI_SIMD_NAME(group) LI_JOIN(li_##group##_, LI_SIMD)

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL(n) _Pragma("clang loop unroll(full)")
#else
#define LI_PRAGMA(x) _Pragma(#x)
#define UNROLL(n) LI_PRAGMA(GCC unroll n)
#endif

typedef float vf __attribute__((vector_size(VL * 4)));
typedef float vf_unaligned __attribute__((vector_size(VL * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4))); /* for sums and shifts of bit patterns */

INLINE vf v_load(const float *p)
{
    return *(const vf_unaligned *)p;
}
INLINE void v_store(float *p, vf v)
{
    *(vf_unaligned *)p = v;
}
INLINE vf v_zero(void)
{
    return (vf){0};
}

/* mask lanes (all bits set or none) choose a, others b. */
INLINE vf v_select(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

#if VL == 16
INLINE vf v_set(float x)
{
    return (vf)_mm512_set1_ps(x);
}
INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
INLINE vf v_sqrt(vf a)
{
    return (vf)_mm512_sqrt_ps((__m512)a);
}
INLINE vf v_floor(vf a)
{
    return (vf)_mm512_roundscale_ps((__m512)a, 1);
}
INLINE vf v_ceil(vf a)
{
    return (vf)_mm512_roundscale_ps((__m512)a, 2);
}
INLINE vf v_round(vf a)
{
    return (vf)_mm512_roundscale_ps((__m512)a, 0);
}
/* The bound where a is beyond it; a itself, NaN included, elsewhere. */
INLINE vf v_at_least(vf a, vf bound)
{
    return (vf)_mm512_max_ps((__m512)bound, (__m512)a);
}
INLINE vf v_at_most(vf a, vf bound)
{
    return (vf)_mm512_min_ps((__m512)bound, (__m512)a);
}
/* The first n lanes, 0 < n < VL; nothing behind them is touched. Loading gives 0 in the others. */
INLINE __mmask16 v_lanes(int64_t n)
{
    return (__mmask16)((1u << n) - 1);
}
INLINE vf v_load_part(const float *p, int64_t n)
{
    return (vf)_mm512_maskz_loadu_ps(v_lanes(n), p);
}
INLINE void v_store_part(float *p, vf v, int64_t n)
{
    _mm512_mask_storeu_ps(p, v_lanes(n), (__m512)v);
}
#elif VL == 8
INLINE vf v_set(float x)
{
    return (vf)_mm256_set1_ps(x);
}
INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
INLINE vf v_sqrt(vf a)
{
    return (vf)_mm256_sqrt_ps((__m256)a);
}
INLINE vf v_floor(vf a)
{
    return (vf)_mm256_floor_ps((__m256)a);
}
INLINE vf v_ceil(vf a)
{
    return (vf)_mm256_ceil_ps((__m256)a);
}
INLINE vf v_round(vf a)
{
    return (vf)_mm256_round_ps((__m256)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
INLINE vf v_at_least(vf a, vf bound)
{
    return (vf)_mm256_max_ps((__m256)bound, (__m256)a);
}
INLINE vf v_at_most(vf a, vf bound)
{
    return (vf)_mm256_min_ps((__m256)bound, (__m256)a);
}
INLINE __m256i v_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf v_load_part(const float *p, int64_t n)
{
    return (vf)_mm256_maskload_ps(p, v_lanes(n));
}
INLINE void v_store_part(float *p, vf v, int64_t n)
{
    _mm256_maskstore_ps(p, v_lanes(n), (__m256)v);
}
#else
INLINE vf v_set(float x)
{
    return (vf)vdupq_n_f32(x);
}
INLINE vf v_fma(vf a, vf b, vf c)
{
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
INLINE vf v_sqrt(vf a)
{
    return (vf)vsqrtq_f32((float32x4_t)a);
}
INLINE vf v_floor(vf a)
{
    return (vf)vrndmq_f32((float32x4_t)a);
}
INLINE vf v_ceil(vf a)
{
    return (vf)vrndpq_f32((float32x4_t)a);
}
INLINE vf v_round(vf a)
{
    return (vf)vrndnq_f32((float32x4_t)a);
}
INLINE vf v_at_least(vf a, vf bound)
{
    return v_select((vi)(a < bound), bound, a);
}
INLINE vf v_at_most(vf a, vf bound)
{
    return v_select((vi)(a > bound), bound, a);
}
INLINE vf v_load_part(const float *p, int64_t n)
{
    vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}
INLINE void v_store_part(float *p, vf v, int64_t n)
{
    memcpy(p, &v, (size_t)n * sizeof(float));
}
#endif

/* n floats, n <= VL: whole or part. */
INLINE vf v_load_n(const float *p, int64_t n)
{
    return n == VL ? v_load(p) : v_load_part(p, n);
}
INLINE void v_store_n(float *p, vf v, int64_t n)
{
    if (n == VL) {
        v_store(p, v);
    } else {
        v_store_part(p, v, n);
    }
}

/* As many as there are of n floats, n of any size; 0 in the other lanes. */
INLINE vf v_load_upto(const float *p, int64_t n)
{
    return n <= 0 ? v_zero() : v_load_n(p, LI_MIN(n, VL));
}

/* a in the first n lanes, b in the others. */
INLINE vf v_first_lanes(int64_t n, vf a, vf b)
{
    static const int32_t index[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    vi lane;
    memcpy(&lane, index, sizeof(lane));
    return v_select((vi)(lane < (int32_t)LI_MAX(0, LI_MIN(n, VL))), a, b);
}

INLINE vf v_abs(vf a)
{
    return (vf)((vi)a & 0x7fffffff);
}
/* The magnitude of a with the sign of b. */
INLINE vf v_copysign(vf a, vf b)
{
    return (vf)(((vi)a & 0x7fffffff) | ((vi)b & (vi)v_set(-0.0f)));
}
INLINE vi v_is_nan(vf a)
{
    return (vi)(a != a);
}
/* The larger and the smaller; NaN if either is. */
INLINE vf v_max(vf a, vf b)
{
    return v_select((vi)(a > b) | v_is_nan(a), a, b);
}
INLINE vf v_min(vf a, vf b)
{
    return v_select((vi)(a < b) | v_is_nan(a), a, b);
}

#endif
