/* answers: the scores of a photo's classes, and the labels of these. */
#ifndef CLI_ANSWERS_H
#define CLI_ANSWERS_H

#include "photos.h"
#include "scores.h"

/* Set `how`, what is made of logits, and `top` before it starts. */
struct cli_answers {
    lince_labels *labels; /* NULL: none are known, or the model gives them with each photo */
    enum cli_scores how;
    bool started;
    bool two;              /* a single number tells two classes apart */
    bool best;             /* the model says itself which class each number is of */
    size_t first, classes; /* scores are those of first .. classes - 1 */
    size_t top;
    size_t *order; /* best first */
    float *score;  /* of one photo */
};

/* With the first results: what they are, which labels go with them, and what has to be said of that. */
int cli_answers_start(struct cli_answers *answers, const struct cli_pass *pass, const struct cli_batch *batch);
void cli_answers_row(struct cli_answers *answers, const struct cli_batch *batch, size_t row); /* fills score, order */
const char *cli_answers_how(const struct cli_answers *answers);                               /* "softmax" */
void cli_answers_free(struct cli_answers *answers);

#endif
