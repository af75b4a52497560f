/*
 * train: gradients and what is done with them.
 */
#ifndef LI_TRAIN_H
#define LI_TRAIN_H

#include "model/model.h"
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

#endif
