/*
 * Elementary functions on whole vectors, float32, within 2 units in the last place (expm1, sigmoid 3; log1p, tanh,
 * softplus 4; erfc 5). Each is a reduction of the argument and a polynomial; the coefficients are Chebyshev fits made
 * for these intervals with mpmath's chebyfit at 40 digits, rounded to float. Infinities, NaN, zeros and results below
 * the smallest normal number come out as libm's, but for the sigmoid's tail, which is 0 below exp(-88.4).
 */
#ifndef LI_SIMD_VMATH_H
#define LI_SIMD_VMATH_H

#include "../activation.h"
#include "simd.h"

#define V_INF v_set(INFINITY)

/* coefficients from the highest power down; n is a constant where it is used, so the loop unrolls */
INLINE vf v_poly(vf x, const float *coefficient, int n)
{
    vf p = v_set(coefficient[0]);
    UNROLL(16)
    for (int i = 1; i < n; i++) {
        p = v_fma(p, x, v_set(coefficient[i]));
    }
    return p;
}
#define V_POLY(x, ...) v_poly(x, (const float[]){__VA_ARGS__}, LI_COUNT(((const float[]){__VA_ARGS__})))

/* Adding it rounds a float below 2^22 to an integer, which then stands in the low bits. */
#define ROUNDER 12582912.0f

/* x = n ln 2 + f, |f| <= ln 2 / 2; returns n + ROUNDER. ln 2 in two parts keeps f exact to the last bit. */
INLINE vf v_reduce_ln2(vf x, vf *f)
{
    vf shifted = v_fma(x, v_set(1.44269504088896341f), v_set(ROUNDER)), n = shifted - ROUNDER;
    *f = v_fma(n, v_set(-0.693145751953125f), x);
    *f = v_fma(n, v_set(-1.42860682031e-6f), *f);
    return shifted;
}

/* (exp(f) - 1 - f) / f^2 for |f| <= ln 2 / 2 */
INLINE vf v_exp_tail(vf f)
{
    return V_POLY(f, 0.0013926926767453551f, 0.008363774046301842f, 0.04166654869914055f, 0.16666573286056519f, 0.5f);
}

/* 2^n from n + ROUNDER, n in [-126, 127] */
INLINE vf v_power(vf shifted)
{
    return (vf)(((vu)shifted << 23) + (127u << 23));
}

/* The bounds lie where the result is 0 and infinity, beyond what one factor 2^n can hold. A NaN passes them; whatever
 * integer it becomes, its product is NaN. */
INLINE vf v_exp(vf x)
{
    vf f, shifted = v_reduce_ln2(v_at_most(v_at_least(x, v_set(-104.0f)), v_set(89.0f)), &f);
    vf p = v_fma(v_exp_tail(f), f * f, f) + 1.0f;
    vu n = (vu)shifted - (vu)v_set(ROUNDER), half = (vu)((vi)n >> 1);
    return p * (vf)((half + 127) << 23) * (vf)((n - half + 127) << 23);
}

/* exp from exp(-87), and that below it, to 2^127.5, and infinity above it. */
INLINE vf v_exp_bounded(vf x)
{
    vf f, shifted = v_reduce_ln2(v_at_most(v_at_least(x, v_set(-87.0f)), v_set(89.0f)), &f);
    return (v_fma(v_exp_tail(f), f * f, f) + 1.0f) * v_power(shifted);
}

/* 2^n (exp(f) - 1) + (2^n - 1) */
INLINE vf v_expm1(vf x)
{
    vf f, power = v_power(v_reduce_ln2(v_at_most(v_at_least(x, v_set(-30.0f)), v_set(88.0f)), &f));
    vf q = v_fma(v_exp_tail(f), f * f, f);
    vf result = v_fma(power, q, power - 1.0f);
    result = v_select((vi)(x > 88.0f), v_exp(x), result);
    return v_select((vi)(v_abs(x) < 1e-10f), x, result);
}

/* x = 2^e m, m in [sqrt 1/2, sqrt 2); log x = e ln 2 + log m */
INLINE vf v_log(vf x)
{
    vi tiny = (vi)(x < 1.17549435e-38f);
    vf scaled = v_select(tiny, x * 8388608.0f, x);
    vu bits = (vu)scaled - 0x3f3504f3; /* sqrt 1/2 */
    vi e = (vi)bits >> 23;
    vf r = (vf)((bits & 0x7fffff) + 0x3f3504f3) - 1.0f;
    vf n = __builtin_convertvector(e, vf) - v_select(tiny, v_set(23.0f), v_zero());
    vf p = V_POLY(r, -0.062015000730752945f, 0.1053086444735527f, -0.10646191984415054f, 0.11037783324718475f,
                  -0.12450743466615677f, 0.14286524057388306f, -0.1666800081729889f, 0.2000001072883606f,
                  -0.24999989569187164f, 0.3333333432674408f);
    vf square = r * r;
    vf low = v_fma(p * square, r, n * 1.42860682031e-6f);
    low = v_fma(square, v_set(-0.5f), low);
    vf result = v_fma(n, v_set(0.693145751953125f), r + low);
    result = v_select((vi)(x == 0.0f), -V_INF, result);
    result = v_select((vi)(x < 0.0f), v_set(NAN), result);
    return v_select((vi)(x == V_INF) | v_is_nan(x), x, result);
}

/* log(1 + x) = log(u) x / (u - 1) with u = 1 + x as rounded: the factor makes up for the rounding. */
INLINE vf v_log1p(vf x)
{
    vf u = x + 1.0f, d = u - 1.0f;
    vf result = v_log(u) * (x / d);
    return v_select((vi)(d == 0.0f) | (vi)(x == V_INF), x, result);
}

INLINE vf v_sigmoid(vf x)
{
    return 1.0f / (1.0f + v_exp_bounded(-x));
}

/* log(1 + exp(x)) */
INLINE vf v_softplus(vf x)
{
    return v_at_least(x, v_zero()) + v_log1p(v_exp(-v_abs(x)));
}

/* e / (e + 2) with e = exp(2 |x|) - 1; beyond 10 it rounds to 1. */
INLINE vf v_tanh(vf x)
{
    vf e = v_expm1(2.0f * v_at_most(v_abs(x), v_set(10.0f)));
    return v_copysign(e / (e + 2.0f), x);
}

/* erf(x) for |x| <= 1: x + x Q(x^2) */
INLINE vf v_erf_inner(vf x)
{
    vf t = x * x;
    vf p = V_POLY(t, -9.584755389369093e-06f, 0.0001123889596783556f, -0.0008480602991767228f, 0.005220811814069748f,
                  -0.026865359395742416f, 0.11283781379461288f, -0.37612637877464294f, 0.12837916612625122f);
    return v_fma(p, x, x);
}

/* erfc(x) for x >= 0.48: exp(-x^2) R / (1 + 2x), R a polynomial in (x - 2) / (x + 2). x^2 is kept in two parts, since
 * exp magnifies its error. */
INLINE vf v_erfc_outer(vf x)
{
    x = v_at_most(x, v_set(10.3f));
    vf square = x * x, rest = v_fma(x, x, -square);
    vf t = (x - 2.0f) / (x + 2.0f);
    vf p = V_POLY(t, 0.0002310109557583928f, -0.00031702310661785305f, -0.0014837236376479268f, 0.001220374135300517f,
                  0.0087319016456604f, -0.008025413379073143f, -0.054221246391534805f, 0.16405066847801208f,
                  -0.16603034734725952f, -0.09276381134986877f, 1.2769783735275269f);
    vf e = v_exp(-square);
    return v_fma(-rest, e, e) * (p / v_fma(x, v_set(2.0f), v_set(1.0f)));
}

INLINE vf v_erf(vf x)
{
    vf magnitude = v_abs(x);
    vf outer = v_copysign(1.0f - v_erfc_outer(magnitude), x);
    return v_select((vi)(magnitude > 1.0f), outer, v_erf_inner(x));
}

INLINE vf v_erfc(vf x)
{
    vf magnitude = v_abs(x), outer = v_erfc_outer(magnitude);
    outer = v_select((vi)(x < 0.0f), 2.0f - outer, outer);
    return v_select((vi)(magnitude > 0.5f), outer, 1.0f - v_erf_inner(x));
}

INLINE vf v_activate(enum li_activation activation, vf alpha, vf x)
{
    switch (activation) {
    case LI_ACT_RELU:
        return v_at_least(x, v_zero());
    case LI_ACT_RELU6:
        return v_at_most(v_at_least(x, v_zero()), v_set(6.0f));
    case LI_ACT_LEAKY_RELU:
        return v_select((vi)(x > 0.0f), x, alpha * x);
    case LI_ACT_ELU:
        return v_select((vi)(x > 0.0f), x, alpha * v_expm1(v_at_most(x, v_zero())));
    case LI_ACT_SIGMOID:
        return v_sigmoid(x);
    case LI_ACT_HARD_SIGMOID:
        return v_at_most(v_at_least(x + 3.0f, v_zero()), v_set(6.0f)) * (1.0f / 6.0f);
    case LI_ACT_SWISH:
        return x * v_sigmoid(alpha * x);
    case LI_ACT_HARD_SWISH:
        return x * v_at_most(v_at_least(x + 3.0f, v_zero()), v_set(6.0f)) * (1.0f / 6.0f);
    case LI_ACT_TANH:
        return v_tanh(x);
    case LI_ACT_GELU:
        return 0.5f * x * v_erfc(x * -0.70710678118654752f);
    case LI_ACT_GELU_TANH: /* (1 + tanh u) / 2 = sigmoid(2u) */
        return x * v_sigmoid(1.5957691216057308f * v_fma(0.044715f * x * x, x, x));
    case LI_ACT_NONE:
    case LI_ACT_COUNT:
        break;
    }
    return x;
}

/* The switch stays outside the loop: one loop for each activation. */
static __attribute__((noinline, unused)) void activate_vectors(enum li_activation activation, float alpha, vf *v, int n)
{
    const vf a = v_set(alpha);
#define LI_CASE(kind)                                                                                                  \
    case kind:                                                                                                         \
        for (int i = 0; i < n; i++) {                                                                                  \
            v[i] = v_activate(kind, a, v[i]);                                                                          \
        }                                                                                                              \
        break;
    switch (activation) {
        LI_CASE(LI_ACT_RELU)
        LI_CASE(LI_ACT_RELU6)
        LI_CASE(LI_ACT_LEAKY_RELU)
        LI_CASE(LI_ACT_ELU)
        LI_CASE(LI_ACT_SIGMOID)
        LI_CASE(LI_ACT_HARD_SIGMOID)
        LI_CASE(LI_ACT_SWISH)
        LI_CASE(LI_ACT_HARD_SWISH)
        LI_CASE(LI_ACT_TANH)
        LI_CASE(LI_ACT_GELU)
        LI_CASE(LI_ACT_GELU_TANH)
    case LI_ACT_NONE:
    case LI_ACT_COUNT:
        break;
    }
#undef LI_CASE
}

#endif
