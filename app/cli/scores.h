/* scores: what classify prints, made of the numbers a model gives. */
#ifndef CLI_SCORES_H
#define CLI_SCORES_H

#include <stdbool.h>
#include <stddef.h>

enum cli_scores {
    CLI_SOFTMAX,
    CLI_SIGMOID,
    CLI_LOGITS,        /* the numbers themselves */
    CLI_PROBABILITIES, /* the same, where they are known to be some */
};

/* Rows of `width` numbers, each from 0 to 1 with the sum 1: nobody else gives such. */
bool cli_sum_to_one(const float *value, size_t rows, size_t width);

/* score[i] of value[i]. */
void cli_score(float *score, const float *value, size_t n, enum cli_scores how);

/*
 * Of a single number, the score of class 1 of two: score[0] and score[1]. As CLI_LOGITS it is left alone, and score[0]
 * is nothing.
 */
void cli_score_two(float score[2], float value, enum cli_scores how);

/* The best `top` of score[from..n), best first: larger, then smaller index; what is no number comes last. */
void cli_rank(size_t *order, const float *score, size_t from, size_t n, size_t top);

#endif
