/* A layer's graph, forward and backward, and where it is cut. Part of train.h. */
#ifndef LI_TRAIN_LAYER_H
#define LI_TRAIN_LAYER_H

#include "runtime/runtime.h"

/* What a backward is to give. Outlives the program. */
struct li_layer_wants {
    const int32_t *variables; /* resources, in the order of their gradients */
    int variable_count;
    const int32_t *inputs; /* of the graph; their gradients come behind */
    int input_count;
    const bool *arrives; /* by output: whether a gradient may arrive there, if it is a float; NULL: at all of those */
    bool recompute;      /* make again what is cheap to make, and save less */
    struct li_gradient_options differentiate; /* model, strict, warn; the rest is ignored */
};

/*
 * The `cut` of a stage whose context is a li_layer_wants. The first part is the graph with its outputs, and behind them
 * what the backward needs of it. The rest is given an upstream gradient for each output where one may arrive, in order,
 * and gives the gradients that are wanted; one of float32[0] where none of them arrives.
 *
 * A variable that the forward reads and does not write is not saved, which would copy weights: the rest reads it again.
 */
lince_status li_layer_cut(struct li_graph **out, struct li_cut *cut, const struct li_graph *from, void *context,
                          const struct li_env *env, lince_error *err);

/*
 * again.c: which values of the first `forward` nodes what comes later makes again, from values that it does not, by
 * value of g, into the arena. later: by value, what becomes of it there. At most LI_LAYER_DEPTH nodes lie between a
 * value made again and one that is saved.
 */
enum { LI_LAYER_DEPTH = 10 };
enum li_layer_later { LI_LAYER_UNREAD, LI_LAYER_READ, LI_LAYER_COMPARED };
lince_status li_layer_again(const bool **again, struct li_graph *g, int32_t forward, const uint8_t *later,
                            bool recompute, const struct li_env *env, struct li_arena *arena, lince_error *err);

#endif
