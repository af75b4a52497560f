/* lince_task: what the numbers of a result are for, and the names of their classes. Included by lince.h. */
#ifndef LINCE_TASK_H
#define LINCE_TASK_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What a callable is for -------------------------------------------------------------------------------------- */

typedef enum lince_task {
    LINCE_TASK_UNKNOWN = 0,
    LINCE_TASK_CLASSIFICATION = 1,
    LINCE_TASK_FEATURES = 2 /* feature vectors */
} lince_task;

/** What the numbers of a result are, by the op that they come out of. */
typedef enum lince_scores {
    LINCE_SCORES_LOGITS = 0,        /* any numbers: logits, or features */
    LINCE_SCORES_PROBABILITIES = 1, /* each from 0 to 1 by itself: behind a Sigmoid */
    LINCE_SCORES_SHARES = 2         /* from 0 to 1, with the sum 1: behind a Softmax, or the best of such */
} lince_scores;

#define LINCE_REASON_TEXT 256

/** What a callable gives for images. Texts are borrowed until the model is closed. */
typedef struct lince_task_info {
    size_t struct_size; /* sizeof(lince_task_info), set by the caller */
    lince_task task;    /* a guess */
    lince_scores scores;
    int64_t results;    /* numbers for one image; -1: the trace does not say */
    int64_t classes;    /* names that these need: as many, but 2 for a single result, the score of class 1 of 0 and 1 */
    int32_t background; /* the class that is none of the others: 0 of ImageNet's 1001; -1: none is known */
    const char *output; /* path of the part of the result that this is about; NULL: several parts, none stands out */
    const char *texts;  /* path of a part with a text for each number: the model's own labels; NULL: there is none */
    const char *indices; /* path of a part with a class for each number, as top_k gives it; NULL: there is none */
    char reason[LINCE_REASON_TEXT]; /* what the guess goes by, such as `a signature says "logits"` */
} lince_task_info;

/**
 * What a callable is for, by what the model says of itself: its own name if it is a signature, or that of another with
 * the same result; the model's signatures, its folder's name, the ops that its result comes out of, the number of
 * results. Of its traces the first that is not for training is looked at.
 *
 * output  Path of the part of the result that is meant; NULL: the only part, else "default", else the only float
 *         matrix.
 *
 * Fails with LINCE_ENOENT when there is no such part. A trace that this library does not run leaves `scores` as it is
 * without knowledge. Since 0.1.
 */
LINCE_API lince_status lince_callable_task(lince_callable *callable, const char *output, lince_task_info *info,
                                           lince_error *err);

/* ---- Labels ------------------------------------------------------------------------------------------------------ */

/** Names of classes. */
typedef struct lince_labels lince_labels;

/**
 * Read labels, one a line. Lines end with LF or CR LF; blanks at an end of line and empty lines at the end are left
 * out, as is a byte order mark.
 *
 * text     Borrowed during the call.
 * classes  How many there are. Lists with and without a class "background" before those of ImageNet are made to fit.
 *          0: any number.
 *
 * Fails with LINCE_EINVAL when the number is another one, LINCE_EFORMAT when a NUL byte is in it. Free with
 * lince_labels_free(). Since 0.1.
 */
LINCE_API lince_status lince_labels_parse(lince_labels **labels, const void *text, size_t size_bytes, size_t classes,
                                          lince_error *err);
/**
 * The labels that a model has for so many classes, 1 or more: its asset `labels`, else the first of its assets, else
 * labels.txt beside it, that fits. LINCE_ENOENT: there are none, and *labels is NULL. They may outlive the model.
 */
LINCE_API lince_status lince_labels_of_model(lince_labels **labels, lince_model *model, size_t classes,
                                             lince_error *err);
LINCE_API void lince_labels_free(lince_labels *labels);

/**
 * How many there are; one of them, NULL when there are fewer; the file they are from, "" for a text; what was done to
 * make them fit, such as `1000 labels for 1001 classes; class 0 is taken as "background"`, else "". Borrowed until the
 * labels are freed.
 */
LINCE_API size_t lince_labels_count(const lince_labels *labels);
LINCE_API const char *lince_labels_text(const lince_labels *labels, size_t index);
LINCE_API const char *lince_labels_path(const lince_labels *labels);
LINCE_API const char *lince_labels_note(const lince_labels *labels);

#ifdef __cplusplus
}
#endif
#endif
