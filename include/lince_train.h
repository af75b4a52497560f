/*
 * lince_train: fine-tuning a model's variables, with or without a dense head of one's own. Included by lince.h.
 *
 *     lince_trainer_options options;
 *     lince_trainer *trainer;
 *     lince_trainer_options_init(&options, LINCE_SGD);
 *     options.momentum = 0.9;
 *     lince_trainer_new(&trainer, lince_model_call(model), NULL, 0, &options, &err);
 *     for (...) {
 *         lince_trainer_step(trainer, &images, 1, &labels, NULL, &result, &err);
 *     }
 *     lince_trainer_free(trainer);
 *
 * A step is forward, backward and update as one run with one commit: it changes the model's variables wholly, or, when
 * it fails, not at all. Sessions of the model see them change from one step to the next.
 */
#ifndef LINCE_TRAIN_H
#define LINCE_TRAIN_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Options ----------------------------------------------------------------------------------------------------- */

/** What is minimised: the mean over the images of a batch, as Keras computes it (sum over batch size). */
typedef enum lince_loss {
    LINCE_LOSS_SOFTMAX = 0, /* cross entropy of softmax(logits); targets are class numbers or shares of classes */
    LINCE_LOSS_SIGMOID = 1, /* binary cross entropy of sigmoid(logits), the mean over an image's numbers */
    LINCE_LOSS_MSE = 2      /* mean squared error, the mean over an image's numbers */
} lince_loss;

typedef enum lince_optimizer {
    LINCE_SGD = 0, /* with momentum, and Nesterov's, where options say so */
    LINCE_RMSPROP = 1,
    LINCE_ADAM = 2,
    LINCE_ADAMW = 3 /* Adam whose weight_decay is 0.004 unless options say otherwise */
} lince_optimizer;

/** What becomes of batch normalisation, and of all else that `training` switches. */
typedef enum lince_batch_norm {
    LINCE_BATCH_NORM_UPDATE = 0,   /* training=True: statistics of the batch, and moving averages are updated */
    LINCE_BATCH_NORM_BATCH = 1,    /* training=True: statistics of the batch, moving averages stay */
    LINCE_BATCH_NORM_FROZEN = 2,   /* training=False: moving averages are used, as hub.KerasLayer does */
    LINCE_BATCH_NORM_AS_TRACED = 3 /* the callable has no argument `training`; only told, never asked for */
} lince_batch_norm;

/** Told of a step between its computation and its commit. */
typedef struct lince_step_info {
    size_t struct_size; /* sizeof(lince_step_info) of the library */
    int64_t step;       /* how many steps were made before it */
    float loss;
} lince_step_info;

/** Options of lince_trainer_new(). Start from lince_trainer_options_init(); the defaults are Keras's. */
typedef struct lince_trainer_options {
    size_t struct_size;
    /* The loss. */
    lince_loss loss;
    double label_smoothing;     /* of softmax and sigmoid: 0 to 1 */
    const float *class_weights; /* softmax: a weight for each class; copied. NULL: all are 1 */
    size_t class_count;         /* that class_weights has */
    int32_t no_regularization;  /* not 0: the model's regularization_losses are left out */
    const char *output; /* path of the part of the result that the loss is of; NULL: the only one, else "default" */
    /* The optimizer. */
    lince_optimizer optimizer;
    double learning_rate;    /* 0.01 of SGD, else 0.001; lince_trainer_set_learning_rate() changes it */
    double momentum;         /* SGD, RMSprop: 0 is without */
    int32_t nesterov;        /* SGD */
    double rho;              /* RMSprop: 0.9 */
    int32_t centered;        /* RMSprop */
    double epsilon;          /* RMSprop, Adam: 1e-7 */
    int32_t epsilon_outside; /* RMSprop without momentum: added to the root, not under it, as legacy Keras does */
    double accumulator;      /* RMSprop: what the mean of squares starts from; 0; tf.compat.v1 has 1 */
    double beta1, beta2;     /* Adam: 0.9, 0.999 */
    double weight_decay;     /* w -= w * weight_decay * learning_rate before the update, of all that is trained; 0 */
    double clip_value;       /* each element of a gradient into [-x, x]; 0: none. At most one of the three */
    double clip_norm;        /* each gradient to a norm of at most this */
    double clip_global_norm; /* all together */
    /* What is trained. */
    lince_batch_norm batch_norm;
    const char *trainable; /* glob that names match, such as "block_1[5-6]*"; NULL: all of trainable_variables */
    /* not 0: also variables whose own flag says trainable, but that the publisher did not list so, if they match */
    int32_t unlisted;
    int32_t frozen_body; /* not 0: none of the model's variables, the head alone */
    /* A dense layer behind the result: logits = features * kernel + bias. */
    int64_t head_classes;    /* 0: no head */
    int64_t head_features;   /* what it is given for an image; 0: as the trace says */
    double head_dropout;     /* share of features that a step leaves out */
    double head_l1, head_l2; /* losses of its kernel: l1 * sum(|k|), l2 * sum(k * k) */
    uint64_t seed;           /* of the head's kernel (Glorot uniform) and dropout */
    /* Else. */
    int32_t strict_gradients; /* not 0: a custom gradient that the model did not save is refused, as TensorFlow does */
    lince_pool *pool;         /* NULL: the model's */
    /*
     * Called in each step after backward, with all gradients of what is trained, clipped, one after the other in the
     * order of lince_trainer_variable(), those without one left out. It may change them: the update uses what it
     * leaves. Not 0: the step ends with LINCE_ECANCELED, and nothing changes. It may read the model, but not write it,
     * step it, or close it. NULL: none.
     */
    int (*on_gradients)(float *gradients, size_t count, void *context);
    /* The same, without the gradients, after on_gradients. */
    int (*on_step)(const lince_step_info *step, void *context);
    void *context; /* given to both */
} lince_trainer_options;

LINCE_API void lince_trainer_options_init(lince_trainer_options *options, lince_optimizer optimizer);

/* ---- Trainers ---------------------------------------------------------------------------------------------------- */

/** A callable with a loss and an optimizer. One call at a time; holds the model. */
typedef struct lince_trainer lince_trainer;

/**
 * Make one. Nothing is run; slots of the optimizer are made beside the model's variables, and belong to the trainer.
 *
 * callable   What is trained. NULL with head_classes and head_features: the head alone, on features that steps are
 *            given as input (computed once by the body); its model is `model`.
 * arguments  As of lince_session_new(). `training` is added where the callable takes it: True, or False of
 *            LINCE_BATCH_NORM_FROZEN.
 *
 * Fails with LINCE_EINVAL: options make no sense, no variable matches; LINCE_EUNSUPPORTED: a variable to train is no
 * float32. Free with lince_trainer_free(). Source: tf_keras.optimizers, hub.KerasLayer. Since 0.1.
 */
LINCE_API lince_status lince_trainer_new(lince_trainer **trainer, lince_model *model, lince_callable *callable,
                                         const lince_argument *arguments, size_t count,
                                         const lince_trainer_options *options, lince_error *err);
/** The variables of the model stay as they were trained; state is gone. */
LINCE_API void lince_trainer_free(lince_trainer *trainer);

/** What a call of a trainer gave. */
typedef struct lince_trainer_result {
    size_t struct_size;  /* sizeof(lince_trainer_result), set by the caller */
    float loss;          /* with regularization */
    lince_tensor logits; /* float32 [batch, classes]; borrowed until the trainer's next call */
    int64_t steps;       /* made so far, with this one */
} lince_trainer_result;

/**
 * One step: loss, gradients, update, one commit.
 *
 * inputs   As of lince_session_run(). Borrowed, as targets and weights, during the call.
 * targets  Softmax: int32 or int64 [batch], class numbers; or float32 [batch, classes]. Others: float32 as the logits.
 * weights  float32 [batch], of each image; NULL: all are 1. The loss is divided by the number of images, not by them.
 * result   NULL: not wanted.
 *
 * Fails as lince_session_run() does; with LINCE_EINVAL for targets that do not fit, LINCE_EDATA for a class number that
 * is none, LINCE_EUNSUPPORTED where a gradient is missing or shapes depend on data (the text has the node's name),
 * LINCE_ECANCELED. A step that fails changes no variable and no state. With shapes seen before it allocates nothing.
 * Numbers are the same bits for any number of threads. Since 0.1.
 */
LINCE_API lince_status lince_trainer_step(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                          const lince_tensor *targets, const lince_tensor *weights,
                                          lince_trainer_result *result, lince_error *err);

/** The loss that the next step would begin with; nothing changes. But for dropout, which is another. */
LINCE_API lince_status lince_trainer_loss(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                          const lince_tensor *targets, const lince_tensor *weights,
                                          lince_trainer_result *result, lince_error *err);

/** The loss and the logits of training=False, without dropout of the head; nothing changes. */
LINCE_API lince_status lince_trainer_evaluate(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                              const lince_tensor *targets, const lince_tensor *weights,
                                              lince_trainer_result *result, lince_error *err);

/** Which gradients are wanted. */
typedef enum lince_gradients_of {
    LINCE_GRADIENTS_OF_VARIABLES = 0,
    LINCE_GRADIENTS_OF_INPUT_TOO = 1, /* the last one is by input 0, the images, if they are float32 */
    LINCE_GRADIENTS_OF_STEP = 2       /* of variables, and the step is made, as by lince_trainer_step() */
} lince_gradients_of;

/**
 * The gradients of the loss that the next step would begin with; but for LINCE_GRADIENTS_OF_STEP nothing changes.
 *
 * gradients   Receives one for each lince_trainer_variable(), in that order, `path` being its name; borrowed until the
 *             trainer's next call. Zeros where the loss does not depend on the variable. Those of a step are clipped if
 *             options say so. NULL on failure.
 * count       Receives their number; 0 on failure.
 */
LINCE_API lince_status lince_trainer_gradients(lince_trainer *trainer, const lince_tensor *inputs, size_t input_count,
                                               const lince_tensor *targets, const lince_tensor *weights,
                                               lince_gradients_of of, const lince_output **gradients, size_t *count,
                                               lince_trainer_result *result, lince_error *err);

/** End the call that is under way, from any thread: LINCE_ECANCELED, and nothing changes. */
LINCE_API void lince_trainer_cancel(lince_trainer *trainer);

/** Between calls: the rate of later steps. LINCE_EINVAL when it is no number of 0 or more. */
LINCE_API lince_status lince_trainer_set_learning_rate(lince_trainer *trainer, double rate, lince_error *err);

/** What was chosen for batch normalisation. */
LINCE_API lince_batch_norm lince_trainer_batch_norm(const lince_trainer *trainer);

/**
 * What the gradients pass over, such as a custom gradient that the model did not save and that counts as identity; ""
 * where nothing is, and before the first step or gradients. Borrowed until the trainer is freed.
 */
LINCE_API const char *lince_trainer_note(const lince_trainer *trainer);

/** A variable that is trained. */
typedef struct lince_trained_info {
    size_t struct_size; /* sizeof(lince_trained_info), set by the caller */
    const char *name;   /* borrowed until the trainer is freed; without ":0" */
    int64_t variable;   /* which lince_variable_info_at() it is; -1: of the head */
    int32_t listed;     /* 0: the publisher did not list it as trainable */
    int32_t rank;
    int64_t dims[LINCE_MAX_RANK];
} lince_trained_info;

/** What is trained: the model's in the order of its list, then the head's kernel and bias. How many; what one is. */
LINCE_API size_t lince_trainer_variable_count(const lince_trainer *trainer);
LINCE_API lince_status lince_trainer_variable(const lince_trainer *trainer, size_t index, lince_trained_info *info,
                                              lince_error *err);

/* ---- State ------------------------------------------------------------------------------------------------------- */

/** One array that belongs to the trainer. */
typedef struct lince_state_info {
    size_t struct_size; /* sizeof(lince_state_info), set by the caller */
    const char *name;   /* borrowed until the trainer is freed */
    lince_dtype dtype;
    int32_t rank;
    int64_t dims[LINCE_MAX_RANK];
    size_t size_bytes;
} lince_state_info;

/**
 * All that steps depend on besides the model's variables: "iterations" (int64), "head/kernel", "head/bias", and the
 * optimizer's slots, such as "conv1/kernel/momentum". What was read from one trainer and is written to another of the
 * same options makes it go on with the same bits (of a model without random ops of its own). How many; what one is, by
 * index, LINCE_EINVAL when there are fewer; reading and writing between calls, size_bytes being the array's.
 */
LINCE_API size_t lince_trainer_state_count(const lince_trainer *trainer);
LINCE_API lince_status lince_trainer_state(const lince_trainer *trainer, size_t index, lince_state_info *info,
                                           lince_error *err);
LINCE_API lince_status lince_trainer_state_read(lince_trainer *trainer, size_t index, void *data, size_t size_bytes,
                                                lince_error *err);
LINCE_API lince_status lince_trainer_state_write(lince_trainer *trainer, size_t index, const void *data,
                                                 size_t size_bytes, lince_error *err);

/* ---- Schedules --------------------------------------------------------------------------------------------------- */

/**
 * Learning rates by step, counted from 0; plain functions, for lince_trainer_set_learning_rate() before each step.
 * steps > 0. Source: keras.optimizers.schedules. Since 0.1.
 *
 * exponential  rate * factor^(step / steps), with staircase by whole periods.
 * cosine       From rate to rate * least along half a cosine over `steps`, then constant.
 * warmup       From 0 to rate in a straight line over `steps`, then constant.
 */
LINCE_API double lince_schedule_exponential(double rate, int64_t step, int64_t steps, double factor, int32_t staircase);
LINCE_API double lince_schedule_cosine(double rate, int64_t step, int64_t steps, double least);
LINCE_API double lince_schedule_warmup(double rate, int64_t step, int64_t steps);

#ifdef __cplusplus
}
#endif
#endif
