/*
 * passes: from what a model says to what is quick to run. Each pass is one file and one rewrite; it makes a new graph
 * that gives the same results. Gradients are taken before any of them, so none needs one.
 */
#ifndef LI_PASSES_H
#define LI_PASSES_H

#include "graph/graph.h"

/*
 * Run all passes, in order, on an inferred graph (which stays the caller's) and on the bodies in it, and give every
 * value a view. *out is the caller's to free. Fails only without memory. A stage of the runtime; context is not used.
 */
lince_status li_passes_run(struct li_graph **out, const struct li_graph *inferred, void *context,
                           const struct li_env *env, lince_error *err);

/* What a value's numbers are known to be, before any pass (scores.c). */
enum li_scores {
    LI_SCORES_ANY,   /* nothing is known */
    LI_SCORES_EACH,  /* each from 0 to 1 by itself: behind a Sigmoid */
    LI_SCORES_SHARES /* from 0 to 1, with the sum 1: behind a Softmax, or some of such */
};
enum li_scores li_passes_scores(const struct li_graph *g, li_vid value);

/* The passes, in the order they run. What each does is said in its file. */
#define LI_PASSES(X)                                                                                                   \
    X(identity)                                                                                                        \
    X(cse)                                                                                                             \
    X(pad)                                                                                                             \
    X(turn)                                                                                                            \
    X(activation_grad)                                                                                                 \
    X(activation)                                                                                                      \
    X(affine)                                                                                                          \
    X(parts)                                                                                                           \
    X(norm)                                                                                                            \
    X(fuse)                                                                                                            \
    X(layout)

#define LI_PASS_DECLARE(name)                                                                                          \
    lince_status li_pass_##name(struct li_graph **out, const struct li_graph *g, const struct li_env *env,             \
                                lince_error *err);
LI_PASSES(LI_PASS_DECLARE)
#undef LI_PASS_DECLARE

#endif
