/* One step of an optimizer on some elements of a variable. */
#ifndef LI_KERNELS_OPTIMIZER_H
#define LI_KERNELS_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

/* What a factor is: numbers of this step, computed by the host, so that a schedule changes no plan. */
enum li_factor {
    LI_FACTOR_RATE,  /* the learning rate */
    LI_FACTOR_DECAY, /* weight decay: w -= w * decay * rate comes first; 0: none */
    LI_FACTOR_MOMENTUM,
    LI_FACTOR_RHO, /* RMSprop's share of what was */
    LI_FACTOR_NEW, /* and that of what is new: 1 - rho, rounded once */
    LI_FACTOR_EPSILON,
    LI_FACTOR_ALPHA,  /* Adam's rate of this step: rate * sqrt(1 - beta2^t) / (1 - beta1^t) */
    LI_FACTOR_FIRST,  /* 1 - beta1, rounded once */
    LI_FACTOR_SECOND, /* 1 - beta2 */
    LI_FACTORS
};

enum { LI_UPDATE_SLOTS = 4 };

/* [0] is the variable, its slots follow in the order that a function names. `to` may be `from`. */
struct li_update {
    float *to[LI_UPDATE_SLOTS];
    const float *from[LI_UPDATE_SLOTS];
    const float *gradient;
    const float *factor; /* LI_FACTORS of them */
};

/* Which of RMSprop's slots there are behind the variable and v: momentum, then the mean of the gradient. */
struct li_rmsprop {
    bool momentum, centered;
    bool outside; /* epsilon is added to the root, not under it */
};

/* Formulas and their order are those of Keras 2; w is the variable after decay, g the gradient. */
struct li_optimizer_kernels {
    /* w -= rate g */
    void (*sgd)(const struct li_update *u, int64_t n);
    /* m = momentum m - rate g; w += m, with nesterov w += momentum m - rate g. Slots: m */
    void (*momentum)(const struct li_update *u, int64_t n, bool nesterov);
    /*
     * v = rho v + (1 - rho) g g; centered: a = rho a + (1 - rho) g. d = rate g / sqrt(v - a a + epsilon). Momentum:
     * m = momentum m + d, w -= m; else w -= d. Slots: v, then m and a where there are any.
     */
    void (*rmsprop)(const struct li_update *u, int64_t n, struct li_rmsprop how);
    /* m += (g - m)(1 - beta1); v += (g g - v)(1 - beta2); w -= m alpha / (sqrt(v) + epsilon). Slots: m, v */
    void (*adam)(const struct li_update *u, int64_t n);
};

#endif
