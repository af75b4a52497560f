/* retrain: photos in class folders to a new classifier. Shared by the files of that command. */
#ifndef CLI_RETRAIN_H
#define CLI_RETRAIN_H

#include "evaluation.h"

/* ---- What is asked for (retrain_options.c) ----------------------------------------------------------------------- */

/* A part of the training with one choice of what is trained. */
struct retrain_phase {
    bool tune; /* the body too, not the head alone */
    int64_t epochs;
    double rate;
};

struct retrain_options {
    const char *images, *output;
    struct retrain_phase phase[2];
    size_t phases;
    bool tunes, augmented, keep_best, overwrite;
    lince_augment_options augment;
    double momentum, dropout, l1, l2, label_smoothing, split, checkpoint_seconds;
    int64_t batch, seed, patience, top; /* patience 0: never stopped early */
    int batch_norm;
};

/* What one epoch gave; NaN: there is no photo for it. */
struct retrain_epoch {
    double loss, accuracy, validation_loss, validation_accuracy;
};

/* Arrays under names: all that a training is, at one moment. */
struct retrain_value {
    char *name; /* "state/..." of the trainer, "variable/N" of the model */
    lince_tensor tensor;
};
struct retrain_values {
    struct retrain_value *value;
    size_t count, room;
};

/* Where a training is. All of it is kept in checkpoints. */
struct retrain_place {
    int64_t phase, epoch; /* of that phase */
    int64_t taken;        /* photos of that epoch that were used */
    int64_t correct;      /* of these, by the logits of their step */
    int64_t best;         /* of all epochs; -1: none yet */
    int64_t stale;        /* epochs of this phase since the best one */
    int64_t complete;     /* 1: only the result has to be written */
    int64_t epochs;       /* that are over: rows of the history */
    double loss;          /* sum over the photos taken */
};

struct retrain {
    struct cli_args args; /* every option under its first name */
    struct retrain_options options;
    struct app_dataset set;
    struct cli_pass pass; /* the body */
    bool *good;           /* photos that can be read */
    bool *held;           /* photos for validation */
    size_t *train, *validation, *order;
    size_t train_count, validation_count, unreadable;
    float *features; /* [photos, width]; NULL: not computed */
    size_t width;
    bool on_features; /* what the present phase is trained on; else images */
    lince_trainer *trainer;
    lince_pool *pool;
    struct retrain_place place;
    struct retrain_epoch *history;
    struct retrain_values best, now; /* now: what a checkpoint had, until the trainer has it */
    char *folder, *settings;         /* of the checkpoint */
    int lock;
    bool fresh;   /* the folder was made by this process */
    bool kept;    /* it has a checkpoint of this process */
    bool over;    /* there is nothing to go on with: all is done, or nothing can come of it */
    double saved; /* when the last checkpoint was */
    char *body;   /* where the cut model lies; NULL: the body is MODEL itself */
    struct cli_args body_args;
    lince_events *events[2]; /* training, validation */
    struct app_output labels, list, report;
};

/* Read options into r->args and r->options. */
int retrain_read_options(struct retrain *r, const struct cli_args *args);

/* ---- Photos (retrain_photos.c) ----------------------------------------------------------------------------------- */

int retrain_find_photos(struct retrain *r); /* the folders */
/* Which of them can be read, and where the body is not trained and they are not changed, their features. */
int retrain_look(struct retrain *r);
int retrain_divide(struct retrain *r);
void retrain_shuffle(const struct retrain *r, int64_t epoch); /* r->order, by seed and epoch alone */

/* Photos as batches that a trainer takes, while the next ones are decoded. */
struct retrain_stream {
    struct retrain *r;
    const size_t *photo;
    size_t count, at, room;
    int64_t epoch; /* -1: photos are not changed */
    struct app_list names;
    struct cli_image plain;
    struct cli_loader *loader;
    float *raw, *input; /* as decoded; what the body takes, or features */
    int64_t *label, *number;
    size_t *index;
};
int retrain_stream_open(struct retrain_stream *s, struct retrain *r, const size_t *photo, size_t count, int64_t epoch);
/* The next batch; labels->dims[0] is 0 behind the last. Borrowed until the next call. */
int retrain_stream_next(struct retrain_stream *s, lince_tensor *input, lince_tensor *labels);
void retrain_stream_close(struct retrain_stream *s);

/* ---- Training (retrain_steps.c) ---------------------------------------------------------------------------------- */

int retrain_train(struct retrain *r);
size_t retrain_epochs(const struct retrain *r); /* of all phases */

/* ---- What can be taken up again (retrain_values.c, retrain_folder.c, retrain_checkpoint.c) ----------------------- */

int retrain_values_take(struct retrain_values *to, const struct retrain *r);
int retrain_values_put_head(const struct retrain_values *from, struct retrain *r); /* kernel and bias, if it has them */
int retrain_values_put(const struct retrain_values *from, struct retrain *r);
/* Copies the tensor, under PREFIX and the name. */
int retrain_values_add(struct retrain_values *to, const char *name, const lince_tensor *tensor);
const lince_tensor *retrain_values_find(const struct retrain_values *from, const char *name);
void retrain_values_free(struct retrain_values *values);

int retrain_checkpoint_open(struct retrain *r); /* the folder, which only one process may use */
char *retrain_checkpoint_path(const struct retrain *r, const char *name);
int retrain_checkpoint_settings(struct retrain *r); /* what the training is of, once the photos are known */
/* Go on from a checkpoint if there is one: place, history, best, now. */
int retrain_checkpoint_read(struct retrain *r);
int retrain_checkpoint_write(struct retrain *r);
/* good, features and their width. */
int retrain_features_read(struct retrain *r, bool *found);
int retrain_features_write(const struct retrain *r);
/* Removes it when there is nothing to go on with, and when it failed before there was. */
void retrain_checkpoint_close(struct retrain *r);

/* ---- The result (retrain_result.c) ------------------------------------------------------------------------------- */

int retrain_publish(struct retrain *r); /* to the checkpoint's folder */
int retrain_tell(struct retrain *r);    /* evaluate the new model, give outputs their names, print */
bool retrain_is_model(const char *path);

#endif
