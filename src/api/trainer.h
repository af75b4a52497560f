/* lince_trainer, as the files about it see it; private to this room. */
#ifndef LI_API_TRAINER_H
#define LI_API_TRAINER_H

#include "session.h"
#include "train/train.h"

/* What a call of a trainer is for. */
enum li_trainer_use {
    LI_USE_STEP,
    LI_USE_STEP_GIVING,
    LI_USE_LOSS,
    LI_USE_GRADIENTS,
    LI_USE_GRADIENTS_BY,
    LI_USE_EVALUATE
};

static inline bool li_use_steps(enum li_trainer_use use)
{
    return use == LI_USE_STEP || use == LI_USE_STEP_GIVING;
}

/* How a trace is run for one use, with targets of one dtype. */
struct li_trainer_program {
    struct li_trainer_program *next;
    const struct li_trace *trace; /* NULL: the head alone */
    enum li_trainer_use use;
    lince_dtype targets;
    bool weights;
    struct li_training training;
    struct li_session *run;
    const struct li_graph *bound; /* its program's */
    struct li_program *program;
    struct li_tensor *last; /* dtypes and shapes of the inputs it was chosen for last */
};

struct li_trainer_variable {
    int64_t index; /* of the model's; -1: the head's */
    bool listed;
};

struct lince_trainer {
    struct lince_model *model;
    struct li_callable *callable; /* NULL: the head alone */
    struct li_pool *pool;
    struct li_arena arena;
    lince_trainer_options options;
    struct li_optimizer optimizer;
    struct li_loss loss;
    struct li_dense_head head;
    lince_batch_norm batch_norm;
    const char *note; /* what differentiation passed over; NULL: nothing */
    double rate;
    struct li_api_arguments arguments[2]; /* of training, and of evaluation */
    struct li_training_state state;
    int32_t iterations;
    struct li_trained *variables;
    struct li_trainer_variable *origin; /* of each */
    int32_t count;
    int32_t *written; /* resources that steps write */
    int32_t written_count;
    struct li_trainer_program *programs;
    struct li_tensor *inputs; /* of the run: the caller's, targets, weights, factors, seed */
    struct lince_output *outputs;
    float factors[LI_FACTORS];
    int32_t seed[2];
    struct li_stop stop;
    atomic_bool busy;
};

static inline size_t li_trainer_inputs(const struct lince_trainer *t)
{
    return t->callable ? t->arguments[0].input_count : 1;
}

/* ---- What is trained, and its state (trainer_variables.c) ---- */

lince_status li_trainer_choose(struct lince_trainer *t, lince_error *err);

/* ---- Programs (trainer_program.c) ---- */

/*
 * The program for t->inputs, of which `count` are the callable's; targets and weights follow. Made when it is new. How
 * many more inputs it takes is for the caller to know: factors of a step, and a seed where the head drops.
 */
lince_status li_trainer_program(struct li_trainer_program **out, struct lince_trainer *t, enum li_trainer_use use,
                                size_t count, bool weights, lince_error *err);
void li_trainer_programs_free(struct lince_trainer *t);
bool li_trainer_drops(const struct lince_trainer *t, enum li_trainer_use use); /* it takes a seed */

/* ---- Options (trainer.c) ---- */

lince_status li_trainer_enter(struct lince_trainer *t, lince_error *err);
void li_trainer_leave(struct lince_trainer *t);

#endif
