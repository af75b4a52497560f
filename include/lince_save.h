/*
 * lince_save: new SavedModels, made of an opened one: a classifier of a body and a head, a feature vector of a
 * classifier, a model with signatures. Included by lince.h.
 */
#ifndef LINCE_SAVE_H
#define LINCE_SAVE_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Dropout and a dense layer, behind features. Start from lince_head_init(). What it points to is borrowed. */
typedef struct lince_head {
    size_t struct_size; /* sizeof(lince_head) */
    int64_t features, classes;
    const float *kernel; /* [features, classes] */
    const float *bias;   /* [classes] */
    double dropout;      /* share of the features that training drops, 0 or more and less than 1 */
    double l1, l2;       /* the kernel's loss: l1 * sum(|w|) + l2 * sum(w * w), without a half, as Keras has it */
} lince_head;

LINCE_API void lince_head_init(lince_head *head);

/** What lince_publish() makes. Start from lince_publish_options_init(). What it points to is borrowed. */
typedef struct lince_publish_options {
    size_t struct_size;     /* sizeof(lince_publish_options) */
    lince_callable *body;   /* NULL: lince_model_default() */
    const char *output;     /* path of the part of its result that is meant; NULL: as lince_callable_task() has it */
    int32_t cut;            /* not 0: take what the last dense layer before that result reads, instead of it */
    const lince_head *head; /* NULL: none */
    /* how images in [0, 1] become what the body takes, (x - mean) / std, for each of R, G, B; 0 and 1 */
    float mean[3], std[3];
    const char *const *labels; /* names of the head's classes; NULL: it gets none */
    size_t label_count;
    int32_t height, width; /* of the images that signatures take, in pixels; 0: as the body's trace has it */
    int32_t overwrite;     /* not 0: the path may be a SavedModel already */
} lince_publish_options;

LINCE_API void lince_publish_options_init(lince_publish_options *options);

/**
 * Write a new SavedModel, which TensorFlow and lince_model_open() load, call, fine-tune and save again.
 *
 * model    Its variables are written with their present values, those of one moment; so what was fine-tuned goes in.
 * path     The folder that it becomes; a new name, or an empty folder.
 * options  NULL for the defaults.
 *
 * With a head, a cut, or images that are mapped, the root object is a new one: `__call__` takes [0, 1] and gives logits
 * (without a head: features) for each trace of the body, so with its arguments, such as batch_norm_momentum; a body
 * that has no `training` gets it. Dropout is active where training=True. `variables`, `trainable_variables` and
 * `regularization_losses` are the body's, of which what was cut off is gone, and the head's, `head/kernel` and
 * `head/bias`. `body` is the object that the model was, unless it was cut. `labels` is an asset, which
 * lince_labels_of_model() finds. Of traces that give several tensors the new one gives the meant one alone; they are
 * left out where others give one tensor.
 * Else the model stays what it is and gets what it lacks of two signatures, as a new model does: `serving_default`,
 * which takes float images, and `serving_bytes`, which takes the bytes of JPEG or PNG files as `image_bytes` [n],
 * decoded, scaled and resized as TensorFlow does. The second is left out where the size of the images is not known.
 * Other arguments have their defaults there.
 *
 * Functions that are not changed keep their bytes, and so do objects that are used; what nothing leads to any more, and
 * the state of optimizers, is left out. The graph for TensorFlow Serving is made anew.
 *
 * The model is written beside `path`, opened once, and then gets its name in one step: a failure or a kill leaves what
 * was there. Fails with LINCE_EUNSUPPORTED when TensorFlow 1 saved the model, when the body takes no float32 images
 * [n, height, width, 3] or gives no float32 matrix, when its result comes out of no dense layer (cut), when a table
 * keeps its content in the checkpoint; LINCE_EINVAL when head, labels, size or `body` do not fit, or the model has both
 * signatures; and as lince_model_open() and writing fail. Any thread; runs go on, commits wait while values are
 * written.
 * Source: the Reusable SavedModel interface, Common SavedModel APIs for images, tf.saved_model.save. Since 0.1.
 */
LINCE_API lince_status lince_publish(lince_model *model, const char *path, const lince_publish_options *options,
                                     lince_error *err);

#ifdef __cplusplus
}
#endif
#endif
