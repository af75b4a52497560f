/* Plain loops: steps of optimizers, in double. */
#include "kernels.h"
#include "ref.h"

#include <math.h>

static double factor(const struct li_update *u, enum li_factor which)
{
    return (double)u->factor[which];
}

static double decayed(const struct li_update *u, int64_t i)
{
    double w = (double)u->from[0][i];
    return w - w * factor(u, LI_FACTOR_DECAY) * factor(u, LI_FACTOR_RATE);
}

static void sgd(const struct li_update *u, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        u->to[0][i] = (float)(decayed(u, i) - factor(u, LI_FACTOR_RATE) * (double)u->gradient[i]);
    }
}

static void momentum(const struct li_update *u, int64_t n, bool nesterov)
{
    for (int64_t i = 0; i < n; i++) {
        double step = factor(u, LI_FACTOR_RATE) * (double)u->gradient[i];
        double m = (double)u->from[1][i] * factor(u, LI_FACTOR_MOMENTUM) - step;
        u->to[0][i] = (float)(decayed(u, i) + (nesterov ? m * factor(u, LI_FACTOR_MOMENTUM) - step : m));
        u->to[1][i] = (float)m;
    }
}

static double mean_of(const struct li_update *u, int slot, int64_t i, double value)
{
    return factor(u, LI_FACTOR_RHO) * (double)u->from[slot][i] + factor(u, LI_FACTOR_NEW) * value;
}

static void rmsprop(const struct li_update *u, int64_t n, struct li_rmsprop how)
{
    double epsilon = factor(u, LI_FACTOR_EPSILON);
    for (int64_t i = 0; i < n; i++) {
        double g = (double)u->gradient[i], w = decayed(u, i), v = mean_of(u, 1, i, g * g), under = v;
        u->to[1][i] = (float)v;
        if (how.centered) {
            int slot = how.momentum ? 3 : 2;
            double a = mean_of(u, slot, i, g);
            u->to[slot][i] = (float)a;
            under -= a * a;
        }
        double root = how.outside ? sqrt(under) + epsilon : sqrt(under + epsilon);
        double step = factor(u, LI_FACTOR_RATE) * g / root;
        if (how.momentum) {
            step += (double)u->from[2][i] * factor(u, LI_FACTOR_MOMENTUM);
            u->to[2][i] = (float)step;
        }
        u->to[0][i] = (float)(w - step);
    }
}

static void adam(const struct li_update *u, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double g = (double)u->gradient[i], w = decayed(u, i), m = (double)u->from[1][i], v = (double)u->from[2][i];
        m += (g - m) * factor(u, LI_FACTOR_FIRST);
        v += (g * g - v) * factor(u, LI_FACTOR_SECOND);
        u->to[1][i] = (float)m;
        u->to[2][i] = (float)v;
        u->to[0][i] = (float)(w - m * factor(u, LI_FACTOR_ALPHA) / (sqrt(v) + factor(u, LI_FACTOR_EPSILON)));
    }
}

const struct li_optimizer_kernels li_optimizer_ref = {sgd, momentum, rmsprop, adam};
