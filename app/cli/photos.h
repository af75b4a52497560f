/* photos: files to pictures, pictures through a model, the names of what comes out. */
#ifndef CLI_PHOTOS_H
#define CLI_PHOTOS_H

#include "model.h"

/* ---- Photos (photos.c, images.c, loader.c) ----------------------------------------------------------------------- */

#define CLI_PHOTO_LIMIT ((size_t)1 << 30) /* bytes of a file; more is no photo */

/* Operands, folders and --files-from as a list of files; nothing to do is wrong usage. */
int cli_photos(struct app_list *list, const struct cli_args *args, size_t first_operand);

/* How photos become tensors. */
struct cli_image {
    lince_image_options options;
    int64_t height, width;
    bool bytes; /* the model takes uint8 */
};
int cli_image_options(struct cli_image *image, const struct cli_args *args);
/* Can photos be what it takes? */
int cli_image_kind(const struct cli_args *args, const struct cli_model *m, const lince_image_info *takes);
int cli_image_size(struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                   const lince_image_info *takes);
/* After a call that failed: wrong usage if --size asked for less than the model's smallest. */
int cli_too_small(const struct cli_image *image, const struct cli_args *args, const struct cli_model *m,
                  const lince_image_info *takes);
/* The number of images that the trace is for, where it is for one only. */
int cli_batch_fit(int64_t *batch, const struct cli_args *args, const struct cli_model *m,
                  const lince_image_info *takes);
struct json_t *cli_image_json(const struct cli_image *image);

/*
 * Threads that decode photos ahead of the computing. Pictures come out in the order of the list; one that cannot be
 * read is reported, counted and skipped.
 */
struct cli_loader;
int cli_loader_new(struct cli_loader **loader, const struct app_list *list, const struct cli_image *image,
                   size_t threads, size_t ahead, const struct cli_args *args);
void cli_loader_free(struct cli_loader *loader);
/* Up to `want` pictures to `to`, one after another, and which of the list they are. *got 0: there are no more. */
void cli_loader_next(struct cli_loader *loader, size_t want, float *to, size_t *index, size_t *got);
/* Threads that decode: --threads, else as many as there are processors. */
int cli_decoders(const struct cli_args *args, int64_t *threads);
size_t cli_loader_failed(const struct cli_loader *loader);
size_t cli_loader_taken(const struct cli_loader *loader); /* pictures passed on or failed */

/*
 * Photos through a model: what classify, embed and evaluate share. `take` receives the rows of a batch: rows * width
 * floats, and which photos of the list they are; what it returns other than 0 ends the work.
 */
struct cli_batch {
    const float *value;
    size_t rows, width;
    const size_t *index;
    const lince_string *text; /* rows * width, where the model gives a text for each value; else NULL */
    const int64_t *number;    /* the same for a number of a class */
};
struct cli_pass {
    const struct cli_args *args;
    struct cli_model model;
    lince_image_info takes;
    const char *key; /* path of the part of the result that is wanted; NULL: not said */
    lince_task_info task;
    struct cli_image image;
    struct app_list photos;
    int64_t batch;
    int (*take)(struct cli_pass *pass, const struct cli_batch *batch);
    void *context;
    bool flat;     /* a result [n] will do, one number a photo */
    bool lines;    /* results go to stdout while the work goes on */
    bool complete; /* set when every photo was used or reported */
};
/* The parts of a result: --output-key, else the one that the library takes for the answer; and those beside it. */
struct cli_result {
    const lince_output *values;
    const lince_output *texts, *indices; /* of the same shape; NULL: there are none */
};
int cli_result_of(struct cli_result *result, const struct cli_pass *pass, const lince_output *outputs, size_t count);

/* Read the options; the photos are the caller's to add; then open the model. */
int cli_pass_begin(struct cli_pass *pass, const struct cli_args *args);
int cli_pass_open(struct cli_pass *pass);
int cli_pass_run(struct cli_pass *pass);
void cli_pass_close(struct cli_pass *pass);

/* ---- Labels (labels.c) ------------------------------------------------------------------------------------------- */

/* The labels for so many classes: --labels, or what the model has. *labels is NULL when there are none. */
int cli_labels(lince_labels **labels, const struct cli_args *args, const struct cli_model *m, size_t classes);

#endif
