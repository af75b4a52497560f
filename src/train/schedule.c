/* Learning rates by step, with the formulas of keras.optimizers.schedules. */
#include "train.h"

#include <math.h>

/* rate factor^(step / steps) */
double li_schedule_exponential(double rate, int64_t step, int64_t steps, double factor, bool staircase)
{
    double share = (double)step / (double)steps;
    return rate * pow(factor, staircase ? floor(share) : share);
}

/* From rate down to rate * least along half a cosine; then it stays. */
double li_schedule_cosine(double rate, int64_t step, int64_t steps, double least)
{
    const double pi = 3.14159265358979323846;
    double share = step >= steps ? 1 : (double)step / (double)steps;
    return rate * ((1 - least) * 0.5 * (1 + cos(pi * share)) + least);
}

/* From 0 up to rate in a straight line; then it stays. */
double li_schedule_warmup(double rate, int64_t step, int64_t steps)
{
    return step >= steps ? rate : rate * (double)step / (double)steps;
}
