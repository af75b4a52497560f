/* What an optimizer's row needs: slots, and the factors of each step, in the float32 that Keras computes them in. */
#include "train.h"

#include <math.h>
#include <string.h>

static bool has_momentum(const struct li_optimizer *o)
{
    return o->momentum > 0;
}

enum li_step_kind li_optimizer_step(const struct li_optimizer *o)
{
    if (o->kind == LI_SGD) {
        return !has_momentum(o) ? LI_STEP_SGD : o->nesterov ? LI_STEP_NESTEROV : LI_STEP_MOMENTUM;
    }
    if (o->kind == LI_ADAM) {
        return LI_STEP_ADAM;
    }
    if (o->centered) {
        return has_momentum(o) ? LI_STEP_RMSPROP_CENTERED_MOMENTUM : LI_STEP_RMSPROP_CENTERED;
    }
    return has_momentum(o) ? LI_STEP_RMSPROP_MOMENTUM : o->epsilon_outside ? LI_STEP_RMSPROP_OUTSIDE : LI_STEP_RMSPROP;
}

int li_optimizer_slots(const struct li_optimizer *o, struct li_slot slots[LI_STEP_SLOTS])
{
    int count = 0;
    if (o->kind == LI_ADAM) {
        slots[count++] = (struct li_slot){"m", 0};
        slots[count++] = (struct li_slot){"v", 0};
        return count;
    }
    if (o->kind == LI_RMSPROP) {
        slots[count++] = (struct li_slot){"velocity", (float)o->accumulator};
    }
    if (has_momentum(o)) {
        slots[count++] = (struct li_slot){"momentum", 0};
    }
    if (o->kind == LI_RMSPROP && o->centered) {
        slots[count++] = (struct li_slot){"average", 0};
    }
    return count;
}

void li_optimizer_factors(const struct li_optimizer *o, double rate, int64_t steps, float factors[LI_FACTORS])
{
    float t = (float)(steps + 1), first = powf((float)o->beta1, t), second = powf((float)o->beta2, t);
    memset(factors, 0, LI_FACTORS * sizeof *factors);
    factors[LI_FACTOR_RATE] = (float)rate;
    factors[LI_FACTOR_DECAY] = (float)o->weight_decay;
    factors[LI_FACTOR_MOMENTUM] = (float)o->momentum;
    factors[LI_FACTOR_RHO] = (float)o->rho;
    factors[LI_FACTOR_NEW] = (float)(1 - o->rho);
    factors[LI_FACTOR_EPSILON] = (float)o->epsilon;
    factors[LI_FACTOR_ALPHA] = (float)rate * sqrtf(1 - second) / (1 - first);
    factors[LI_FACTOR_FIRST] = (float)(1 - o->beta1);
    factors[LI_FACTOR_SECOND] = (float)(1 - o->beta2);
}
