/* lince_metrics: how well a classifier does. Part of <lince.h>, which includes it. */
#ifndef LINCE_METRICS_H
#define LINCE_METRICS_H

#include <lince.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Counts of right and wrong answers, from which all the numbers below are made. It takes memory for each class, and for
 * each pair of a class and another that it was taken for: 10,000 classes are fine. One thread at a time.
 */
typedef struct lince_metrics lince_metrics;

/**
 * Start to count.
 *
 * classes  How many there are, 1 to 16777216.
 *
 * Fails with LINCE_EINVAL, LINCE_ENOMEM; *metrics is NULL then. Free with lince_metrics_free(). Since 0.1.
 */
LINCE_API lince_status lince_metrics_new(lince_metrics **metrics, int64_t classes, lince_error *err);
LINCE_API void lince_metrics_free(lince_metrics *metrics);

/** Forget what was counted, as at the beginning of an epoch. */
LINCE_API void lince_metrics_clear(lince_metrics *metrics);

/**
 * Count a batch.
 *
 * scores  float32 [count, classes]: the larger, the better; logits and probabilities do alike. Borrowed.
 * labels  [count]: the class that each is of, 0 to classes - 1. Borrowed.
 * count   0 is fine.
 *
 * A class is better than another when its score is larger, or the same and its index is smaller; what is no number
 * comes last. So the answer is numpy.argmax(scores), and exactly k classes are among the best k, where TensorFlow's
 * in_top_k lets more in when scores are equal.
 *
 * Fails with LINCE_EINVAL for a label that is no class, LINCE_ENOMEM; then nothing of the batch was counted. Since 0.1.
 */
LINCE_API lince_status lince_metrics_add(lince_metrics *metrics, const float *scores, const int64_t *labels,
                                         size_t count, lince_error *err);

/** How many were counted. */
LINCE_API int64_t lince_metrics_count(const lince_metrics *metrics);

/** Of these the share whose class was the answer; whose class was among the best k. NaN when nothing was counted. */
LINCE_API double lince_metrics_accuracy(const lince_metrics *metrics);
LINCE_API double lince_metrics_top_k(const lince_metrics *metrics, int64_t k);

/** One class. Shares are NaN where they would be of nothing. */
typedef struct lince_class_metrics {
    size_t struct_size; /* sizeof(lince_class_metrics), set by the caller */
    int64_t count;      /* that are of this class */
    int64_t predicted;  /* for which it was the answer */
    int64_t correct;    /* both */
    double precision;   /* correct / predicted */
    double recall;      /* correct / count */
    double f1;          /* 2 * correct / (count + predicted): their harmonic mean */
} lince_class_metrics;

/** LINCE_EINVAL when there are fewer classes. Source: sklearn.metrics.precision_recall_fscore_support. Since 0.1. */
LINCE_API lince_status lince_metrics_class(const lince_metrics *metrics, int64_t index, lince_class_metrics *info,
                                           lince_error *err);

/** A cell of the confusion matrix: so many of class `label` were taken for class `predicted`. */
typedef struct lince_confusion {
    int64_t label, predicted, count;
} lince_confusion;

/** One cell; 0 for classes that there are not. */
LINCE_API int64_t lince_metrics_confusion(const lince_metrics *metrics, int64_t label, int64_t predicted);

/**
 * The cells that are not 0, by label, then by answer: how many; all of them.
 *
 * cells  Receives as many as there are; the caller's memory, left untouched on failure.
 * room   How many it has room for; LINCE_EINVAL when these are too few.
 */
LINCE_API size_t lince_metrics_confusion_count(const lince_metrics *metrics);
LINCE_API lince_status lince_metrics_confusions(const lince_metrics *metrics, lince_confusion *cells, size_t room,
                                                lince_error *err);

#ifdef __cplusplus
}
#endif
#endif
