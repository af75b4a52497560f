/* Softmax, sigmoid, and the best of many. */
#include "scores.h"

#include <math.h>

bool cli_sum_to_one(const float *value, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t i = 0; i < width; i++) {
            double x = (double)value[r * width + i];
            if (!(x >= 0)) {
                return false;
            }
            sum += x;
        }
        if (fabs(sum - 1) > 1e-3) {
            return false;
        }
    }
    return rows > 0 && width > 1;
}

static void softmax(float *to, const float *from, size_t n)
{
    float largest = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        largest = from[i] > largest ? from[i] : largest;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = expf(from[i] - largest);
        sum += (double)to[i];
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = (float)((double)to[i] / sum);
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void cli_score(float *score, const float *value, size_t n, enum cli_scores how)
{
    if (how == CLI_SOFTMAX) {
        softmax(score, value, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        score[i] = how == CLI_SIGMOID ? (float)sigmoid((double)value[i]) : value[i];
    }
}

void cli_score_two(float score[2], float value, enum cli_scores how)
{
    double p = how == CLI_SIGMOID ? sigmoid((double)value) : (double)value;
    score[0] = (float)(1 - p);
    score[1] = (float)p;
}

static bool better(const float *score, size_t a, size_t b)
{
    if (isnan(score[a]) || isnan(score[b])) {
        return isnan(score[b]) && (!isnan(score[a]) || a < b);
    }
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

void cli_rank(size_t *order, const float *score, size_t from, size_t n, size_t top)
{
    for (size_t i = from, kept = 0; i < n; i++) {
        size_t at = kept < top ? kept++ : top;
        while (at > 0 && better(score, i, order[at - 1])) {
            if (at < top) {
                order[at] = order[at - 1];
            }
            at--;
        }
        if (at < top) {
            order[at] = i;
        }
    }
}
