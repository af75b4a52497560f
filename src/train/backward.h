/* One graph on the way to its gradients; private to train/. */
#ifndef LI_TRAIN_BACKWARD_H
#define LI_TRAIN_BACKWARD_H

#include "ops/ops.h"
#include "train/train.h"

/* One of the gradients that meet at a value, latest first. */
struct li_term {
    struct li_term *next;
    li_vid grad;
};

/* What a graph and the bodies in it share. */
struct li_backward_call {
    const struct li_gradient_options *options;
    struct li_arena arena;
    const bool *handle;  /* by resource: a target is its handle */
    const bool *written; /* by resource: a node of the graph writes it */
    int32_t resources;
    int64_t looked_at;        /* nodes, to find out what is wanted */
    int unsaved;              /* nodes whose own gradient the model did not save */
    const char *unsaved_text; /* of the first */
    lince_error *err;
};

struct li_backward {
    struct li_backward_call *call;
    struct li_graph *g;
    int32_t values, nodes;      /* of the graph before it grew */
    bool *wanted;               /* by value: a target, or computed from one */
    struct li_term **terms;     /* by value */
    struct li_term **by_handle; /* by resource */
};

/* ---- backward.c ---- */

/* Room for a graph that is to grow. Then: mark targets in `wanted`, find the rest, add what arrives, run. */
lince_status li_backward_begin(struct li_backward *b, struct li_backward_call *call, struct li_graph *g);
lince_status li_backward_find_wanted(struct li_backward *b);
lince_status li_backward_add(struct li_backward *b, struct li_term **list, li_vid grad);
lince_status li_backward_run(struct li_backward *b);
/* The sum of what arrived at a value or a handle, `what` in names; LI_NONE when nothing did. */
lince_status li_backward_sum(struct li_backward *b, struct li_term **list, const char *what, li_vid *out);

/* Whether a gradient of this value is asked for. */
bool li_backward_wants(const struct li_backward *b, li_vid v);

/* ---- wanted.c ---- */

/* Add to `wanted`, by value of g, what its first nodes compute from those that are, or from a target's handle. */
lince_status li_find_wanted(struct li_backward_call *call, const struct li_graph *g, int32_t nodes, bool *wanted);
bool li_wants(const struct li_backward_call *call, const struct li_graph *g, const bool *wanted, li_vid v);
bool li_reads_target(const struct li_backward_call *call, const struct li_node *node);
/* Whether a gradient that reaches the node has to go on through it. A row without one depends too, and is refused. */
bool li_depends(const struct li_backward_call *call, const struct li_graph *g, const bool *wanted,
                const struct li_node *node);

/* ---- custom.c ---- */

/* The name of the gradient that a node says is its own, or NULL. */
const char *li_custom_type(const struct li_node *node);
/* dx by that gradient; *done false: the model did not save it, and it may count as the identity. */
lince_status li_custom_gradient(struct li_backward *b, const struct li_node *node, const li_vid *dy, li_vid *dx,
                                bool *done);

#endif
