/*
 * train: gradients and what is done with them.
 */
#ifndef LI_TRAIN_H
#define LI_TRAIN_H

#include "graph/graph.h"
#include "events.h"
#include "metrics.h"

/* ---- Gradients (gradient.c) -------------------------------------------------------------------------------------- */

/*
 * Reverse differentiation. *out is a copy of g, an inferred graph before any pass, with the same numbers for its values
 * and nodes and the same outputs, and with nodes appended that compute grads[i], the gradient of the sum of `loss` with
 * respect to targets[i]: zeros where there is none. Values are followed as TensorFlow does: through floats only, and
 * not through ops whose row has li_grad_none (StopGradient). A row without .grad is no such end: where the loss depends
 * on a target through it, there is no answer.
 *
 * A target is a value (an input of the graph, an activation), or the handle of a variable: then the gradient is the sum
 * over all that read it. The caller sets the outputs it wants of *out; what they do not need, passes drop.
 *
 * LINCE_EINVAL: the loss is no float. LINCE_EUNSUPPORTED, naming the node: a gradient on the way is refused by the
 * model, or missing here. out and grads are left alone on failure.
 */
lince_status li_gradient(struct li_graph **out, const struct li_graph *g, li_vid loss, const li_vid *targets, int count,
                         li_vid *grads, lince_error *err);

#endif
