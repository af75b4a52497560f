/* The slopes of lgamma. */
#include "common.h"

#include <math.h>

static double tan_pi(double x)
{
    return tan(3.14159265358979323846 * (x - rint(x)));
}

/*
 * The slope of lgamma. Above 10 its asymptotic series, log x - 1/2x - sum of B(2k) / (2k x^2k), leaves less than 1e-16;
 * smaller x get there by psi(x) = psi(x + 1) - 1/x, negative ones first by psi(x) = psi(1 - x) - pi / tan(pi x). NaN at
 * the poles 0, -1, -2 ..., as in TensorFlow.
 */
double li_digamma(double x)
{
    static const double terms[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12};
    double result = 0, series = 0;
    if (x <= 0) {
        result = x == floor(x) ? (double)NAN : -3.14159265358979323846 / tan_pi(x);
        x = 1 - x;
    }
    for (; x < 10; x++) {
        result -= 1 / x;
    }
    for (size_t k = LI_COUNT(terms); k-- > 0;) {
        series = (series + terms[k]) / (x * x);
    }
    return result + log(x) - 0.5 / x - series;
}

/*
 * Hurwitz's zeta, the sum of 1 / (x + k)^s over all k >= 0, for whole s >= 2: terms up to x + k = 10, then Euler and
 * Maclaurin's formula for the rest, whose factors are B(2k) / (2k)!. At a pole even powers are infinite.
 */
static double zeta(double s, double x)
{
    static const double factors[] = {
        1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000, 1.0 / 74724249600};
    double sum = 0;
    if (x <= 0 && x == floor(x)) {
        return fmod(s, 2) == 0 ? (double)INFINITY : (double)NAN;
    }
    if (!(x > -1e6)) { /* what is left of its fraction says nothing, and there is no end to the terms */
        return (double)NAN;
    }
    if (isinf(x)) {
        return 0;
    }
    for (; x < 10; x++) {
        sum += pow(x, -s);
    }
    double power = pow(x, -s), rising = s;
    sum += x * power / (s - 1) + power / 2;
    for (size_t k = 0; k < LI_COUNT(factors); k++) {
        power /= x;
        sum += factors[k] * rising * power;
        rising *= (s + 2 * (double)k + 1) * (s + 2 * (double)k + 2);
        power /= x;
    }
    return sum;
}

double li_polygamma(double n, double x)
{
    if (!(n >= 0) || n != floor(n)) {
        return (double)NAN;
    }
    if (n == 0) {
        return li_digamma(x);
    }
    return (fmod(n, 2) == 0 ? -1 : 1) * exp(lgamma(n + 1)) * zeta(n + 1, x);
}
