/*
 * train: gradients and what is done with them.
 */
#ifndef LI_TRAIN_H
#define LI_TRAIN_H

#include "model/model.h"
#include "ops/ops.h"
#include "events.h"
#include "metrics.h"

/* ---- Gradients (gradient.c) -------------------------------------------------------------------------------------- */

/* What li_gradient() is asked. What is zero or NULL is not asked. */
struct li_gradient_options {
    const li_vid *outputs; /* what is differentiated: floats, where a gradient arrives */
    /*
     * The gradient that arrives at each output: a value of the graph of its dtype and shape; LI_NONE: none does. NULL:
     * ones, so that outputs are losses, and one of many elements counts as their sum.
     */
    const li_vid *upstream;
    int output_count;
    /* By what: a value (an input, an activation), or the handle of a variable, which stands for all that read it. */
    const li_vid *targets;
    int target_count;
    bool none; /* where no gradient arrives grads[i] is LI_NONE, not zeros */
    /*
     * A node may name its gradient (tf.custom_gradient). Where this model saved it, it is used; the graph was imported
     * from it with li_binding.gradients. Else the node counts as the identity that it is, which is told once by warn;
     * strict refuses it, as TensorFlow does. NULL: no model has saved any.
     */
    struct li_model *model;
    bool strict;
    void (*warn)(void *context, const char *text); /* of what is passed over, once a call; NULL: nobody listens */
    void *warn_context;
};

/*
 * Reverse differentiation. *out is a copy of g, an inferred graph before any pass, with the same numbers for its values
 * and nodes and the same outputs, and with nodes appended that compute grads[i], the gradient of all outputs with
 * respect to targets[i]. Values are followed as TensorFlow does: through floats only, and not through ops whose row has
 * li_grad_none (StopGradient). A row without .grad is no such end: where an output depends on a target through it,
 * there is no answer.
 *
 * Through a branch goes the gradient of the body taken, through a loop that of its turns, which are recorded: where
 * they cannot be counted beforehand there is room for LI_RECORDED_TURNS, and a run that makes more fails with
 * LINCE_EDATA. The nodes that run these bodies get other bodies, and further inputs and outputs, in *out.
 *
 * The caller sets the outputs it wants of *out; what they do not need, passes drop.
 *
 * LINCE_EINVAL: an output is no float, an upstream gradient not like its output. LINCE_EUNSUPPORTED, naming the node: a
 * gradient on the way is refused by the model, or missing here. LINCE_ELIMIT: a loop would record more turns or bytes
 * than limits.h allows. out and grads are left alone on failure.
 */
lince_status li_gradient(struct li_graph **out, const struct li_graph *g, const struct li_gradient_options *options,
                         li_vid *grads, lince_error *err);

/* ---- Optimizers (optimizer.c) ------------------------------------------------------------------------------------ */

enum li_optimizer_kind { LI_SGD, LI_RMSPROP, LI_ADAM };

/* Keras's numbers by Keras's names. */
struct li_optimizer {
    enum li_optimizer_kind kind;
    double momentum, rho, epsilon, beta1, beta2, weight_decay;
    double accumulator; /* what RMSprop's v starts from */
    bool nesterov, centered;
    bool epsilon_outside; /* of RMSprop without momentum: added to the root, as legacy Keras does */
};

/* A variable beside each trained one. */
struct li_slot {
    const char *name; /* "momentum" */
    float start;
};

enum li_step_kind li_optimizer_step(const struct li_optimizer *o);
/* Its slots, in the order of the row; returns how many. */
int li_optimizer_slots(const struct li_optimizer *o, struct li_slot slots[LI_STEP_SLOTS]);
/* The factors of the step after so many. */
void li_optimizer_factors(const struct li_optimizer *o, double rate, int64_t steps, float factors[LI_FACTORS]);

/* ---- State (state.c): variables of the store that are not the model's -------------------------------------------- */

struct li_state_item {
    const char *name; /* "conv1/kernel/momentum", "iterations"; no two are alike */
    int32_t resource;
};

/* All zero but for store and mem, then li_state_free(). */
struct li_training_state {
    struct li_store *store; /* borrowed */
    struct li_arena arena;
    struct li_state_item *items;
    int32_t count, room;
};

void li_state_init(struct li_training_state *state, struct li_store *store, struct li_mem *mem);
/* Free the values too: nothing that touches them may run any more. */
void li_state_free(struct li_training_state *state);
/* Every element is `start`, which float32 variables may have; others are zeros. */
lince_status li_state_add(struct li_training_state *state, const char *name, lince_dtype dtype,
                          const struct li_shape *shape, float start, int32_t *resource, lince_error *err);

/* ---- A step as a stage (step.c) ---------------------------------------------------------------------------------- */

struct li_trained {
    const char *name;
    int32_t resource, slot[LI_STEP_SLOTS];
};

/*
 * What becomes of a bound graph that gives a loss and the logits, in this order, made by li_ops_loss(): outputs that
 * were asked for follow these two. Inputs are told by their number.
 */
struct li_training {
    const struct li_trained *variables;
    int32_t count;
    struct li_clip clip;
    enum li_step_kind step;
    int slots;
    int32_t iterations;                    /* resource */
    bool update;                           /* gradients become updates; else nothing is trained */
    bool flat;                             /* one vector of all gradients is an output, and updates read that */
    bool give;                             /* so are all gradients, clipped; zeros where there is none */
    bool keep_statistics;                  /* what the call assigns to variables is dropped */
    bool sparse;                           /* targets are class numbers */
    int32_t targets, weights, factors, by; /* inputs; LI_NONE: none. by: its gradient is an output too, the last */
    struct li_gradient_options how;        /* strict, saved, warn, warn_context */
};

/*
 * The stage itself; context is a struct li_training. LINCE_EUNSUPPORTED where shapes depend on data, and for a variable
 * that is no float32; LINCE_EINVAL: targets or weights do not fit the logits, no gradient reaches any variable.
 */
lince_status li_training_stage(struct li_graph **out, const struct li_graph *from, void *context,
                               const struct li_env *env, lince_error *err);
/* Where inference of such inputs stops because data decides a shape: LINCE_EUNSUPPORTED, by name; LINCE_OK: nowhere. */
lince_status li_training_check(const struct li_graph *bound, const struct li_tensor *inputs, const struct li_env *env,
                               lince_error *err);

/* ---- Schedules (schedule.c): Keras's, step from 0 ---------------------------------------------------------------- */

double li_schedule_exponential(double rate, int64_t step, int64_t steps, double factor, bool staircase);
double li_schedule_cosine(double rate, int64_t step, int64_t steps, double least);
double li_schedule_warmup(double rate, int64_t step, int64_t steps);

#include "train/layer.h"

#endif
