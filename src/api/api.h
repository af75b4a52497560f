/* What the files of this room share; private to it. */
#ifndef LI_API_H
#define LI_API_H

#include "base/base.h"
#include "graph/graph.h"
#include "image/image.h"
#include "kernels/kernels.h"
#include "model/model.h"

struct li_api_bound;   /* session.h */
struct li_api_program; /* programs.c */

struct lince_callable {
    struct lince_model *owner;
    struct li_callable *callable;
};

/* Counted: sessions hold it beside the user. */
struct lince_model {
    struct li_mem *mem;
    struct li_model *model;
    struct li_pool *pool;
    struct li_env env;
    struct lince_callable *callables;
    size_t callable_count;
    struct li_api_bound *_Atomic *losses; /* loss.c: what runs each; NULL: not made yet, or in use */
    struct li_api_program *programs;      /* programs.c: used last first, by its lock */
    pthread_mutex_t programs_lock;
    struct li_fork_guard programs_guard;
    atomic_int references;
};

struct lince_pool {
    struct li_mem *mem;
    struct li_pool *pool;
};

struct lince_model *li_api_model_retain(struct lince_model *model);
void li_api_model_release(struct lince_model *model);

/* NULL arguments of the caller: "lince_x: NAME is NULL". */
lince_status li_api_null(lince_error *err, const char *function, const char *name);
#define LI_NEED(function, pointer)                                                                                     \
    do {                                                                                                               \
        if (!(pointer)) {                                                                                              \
            return li_api_null(err, function, #pointer);                                                               \
        }                                                                                                              \
    } while (0)

/* A struct of the caller's that begins with its size, filled as far as that goes. */
lince_status li_api_fill(void *to, const void *full, size_t size, const char *type, lince_error *err);
#define LI_FILL(type, to, full, err) li_api_fill(to, (const type *){full}, sizeof(type), #type, err)

/*
 * A tensor of the caller's as ours, checked: dtype, rank and dims only; and size and data too, which are borrowed.
 * `what` names it in errors.
 */
lince_status li_api_tensor_shape(struct li_tensor *out, const lince_tensor *in, const char *what, lince_error *err);
lince_status li_api_tensor(struct li_tensor *out, const lince_tensor *in, const char *what, lince_error *err);
void li_api_tensor_out(lince_tensor *out, const struct li_tensor *in);

/* How photos are loaded (image.c), from the caller's options, which may be NULL, and the size wanted; all checked. */
lince_status li_api_load_options(struct li_load_options *to, const lince_image_options *from, int64_t height,
                                 int64_t width, lince_error *err);

/* ---- Arguments (arguments.c): paths to trees ---- */

struct li_api_arguments {
    struct li_call_args args;
    struct li_arg **inputs; /* the leaves that runs supply, in order; their dtype and shape are filled in by each run */
    size_t input_count;
};
lince_status li_api_arguments(struct li_api_arguments *out, const lince_argument *arguments, size_t count,
                              struct li_arena *arena, lince_error *err);

/* ---- The argument `training` (bind.c) ---- */

enum li_api_training {
    LI_TRAINING_GIVEN, /* what the caller says, or nothing */
    LI_TRAINING_FALSE, /* where the callable takes it and the caller says nothing */
    LI_TRAINING_TRUE,
    LI_TRAINING_NEVER /* False where the callable takes it, whatever the caller says */
};
bool li_api_takes_training(const struct li_callable *callable);
/* arguments NULL: one input, by position. Borrowed, but for their texts and tensors during the call only. */
lince_status li_api_bind(struct li_api_arguments *out, const struct li_callable *callable,
                         const lince_argument *arguments, size_t count, enum li_api_training how,
                         struct li_arena *arena, lince_error *err);

/* ---- Traces (trace.c) ---- */

/* A part of a result, with the shape that is known of it. */
lince_tensor_info li_api_leaf_info(const struct li_result_leaf *leaf, const struct li_shape *shape);

/* ---- Tasks (task.c) ---- */

/* task and reason of an info that is filled but for these. */
void li_api_guess_task(struct lince_callable *callable, lince_task_info *info);

/* ---- Losses (loss.c): parts of opening and of closing a model ---- */

/* The value of a loss, as far as its trace says a float32 scalar, in a bound graph. */
lince_status li_api_loss_append(struct li_graph *g, struct lince_model *model, size_t index, li_vid *out,
                                lince_error *err);
lince_status li_api_losses_open(struct lince_model *model, lince_error *err);
void li_api_losses_close(struct lince_model *model);

#endif
