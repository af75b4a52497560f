/* Steps of optimizers. A tail is computed as a vector of its own, by the same instructions. */
#include "../optimizer.h"
#include "simd.h"

INLINE vf factor(const struct li_update *u, enum li_factor which)
{
    return v_set(u->factor[which]);
}

INLINE vf from(const struct li_update *u, int slot, int64_t i, int64_t n)
{
    return v_load_n(u->from[slot] + i, n);
}

INLINE void to(const struct li_update *u, int slot, int64_t i, int64_t n, vf v)
{
    v_store_n(u->to[slot] + i, v, n);
}

/* w - w * decay * rate */
INLINE vf decayed(const struct li_update *u, int64_t i, int64_t n)
{
    vf w = from(u, 0, i, n);
    return w - w * factor(u, LI_FACTOR_DECAY) * factor(u, LI_FACTOR_RATE);
}

INLINE void sgd_part(const struct li_update *u, int64_t i, int64_t n)
{
    to(u, 0, i, n, decayed(u, i, n) - factor(u, LI_FACTOR_RATE) * v_load_n(u->gradient + i, n));
}

INLINE void momentum_part(const struct li_update *u, int64_t i, int64_t n, const bool nesterov)
{
    vf momentum = factor(u, LI_FACTOR_MOMENTUM);
    vf step = factor(u, LI_FACTOR_RATE) * v_load_n(u->gradient + i, n);
    vf m = from(u, 1, i, n) * momentum - step;
    vf w = decayed(u, i, n);
    to(u, 1, i, n, m);
    to(u, 0, i, n, w + (nesterov ? m * momentum - step : m));
}

INLINE vf mean_of(const struct li_update *u, int slot, int64_t i, int64_t n, vf value)
{
    vf mean = factor(u, LI_FACTOR_RHO) * from(u, slot, i, n) + factor(u, LI_FACTOR_NEW) * value;
    to(u, slot, i, n, mean);
    return mean;
}

INLINE void rmsprop_part(const struct li_update *u, int64_t i, int64_t n, const struct li_rmsprop how)
{
    vf g = v_load_n(u->gradient + i, n), w = decayed(u, i, n), epsilon = factor(u, LI_FACTOR_EPSILON);
    vf under = mean_of(u, 1, i, n, g * g);
    if (how.centered) {
        vf a = mean_of(u, how.momentum ? 3 : 2, i, n, g);
        under = under - a * a;
    }
    vf step = factor(u, LI_FACTOR_RATE) * g / (how.outside ? v_sqrt(under) + epsilon : v_sqrt(under + epsilon));
    if (how.momentum) {
        step = from(u, 2, i, n) * factor(u, LI_FACTOR_MOMENTUM) + step;
        to(u, 2, i, n, step);
    }
    to(u, 0, i, n, w - step);
}

INLINE void adam_part(const struct li_update *u, int64_t i, int64_t n)
{
    vf g = v_load_n(u->gradient + i, n), w = decayed(u, i, n), m = from(u, 1, i, n), v = from(u, 2, i, n);
    m = m + (g - m) * factor(u, LI_FACTOR_FIRST);
    v = v + (g * g - v) * factor(u, LI_FACTOR_SECOND);
    to(u, 1, i, n, m);
    to(u, 2, i, n, v);
    to(u, 0, i, n, w - m * factor(u, LI_FACTOR_ALPHA) / (v_sqrt(v) + factor(u, LI_FACTOR_EPSILON)));
}

#define LOOP(part, ...)                                                                                                \
    do {                                                                                                               \
        int64_t i = 0;                                                                                                 \
        for (; i + VL <= n; i += VL) {                                                                                 \
            part(u, i, VL, ##__VA_ARGS__);                                                                             \
        }                                                                                                              \
        if (i < n) {                                                                                                   \
            part(u, i, n - i, ##__VA_ARGS__);                                                                          \
        }                                                                                                              \
    } while (0)

static void sgd(const struct li_update *u, int64_t n)
{
    LOOP(sgd_part);
}

static void momentum(const struct li_update *u, int64_t n, bool nesterov)
{
    LOOP(momentum_part, nesterov);
}

static void rmsprop(const struct li_update *u, int64_t n, struct li_rmsprop how)
{
    LOOP(rmsprop_part, how);
}

static void adam(const struct li_update *u, int64_t n)
{
    LOOP(adam_part);
}

const struct li_optimizer_kernels LI_SIMD_NAME(optimizer) = {sgd, momentum, rmsprop, adam};
