/* Bodies of control nodes on the way to their gradients; private to train/. */
#ifndef LI_TRAIN_BODIES_H
#define LI_TRAIN_BODIES_H

#include "train/backward.h"

/*
 * A body that was differentiated: one graph that runs forward and back, to be cut in two. What the back half reads of
 * the other is kept: a body's gradient is a body whose saved values are further outputs.
 */
struct li_turned {
    struct li_graph *both; /* values and nodes of the body have their numbers */
    int32_t nodes, inputs; /* that are the body's; further inputs are what arrives */
    li_vid *dy;            /* by output: what arrives there, or LI_NONE */
    li_vid *dx;            /* by input: its gradient, or LI_NONE */
    li_vid *dv;            /* by handle that was asked for: its variable's gradient, or LI_NONE */
    bool *read;            /* by input: the back half reads it */
    bool *again, *alive;   /* by node: cheap, and done once more in the back half; of that half, and needed */
    li_vid *saved;         /* what else it reads */
    int saved_count;
};

/* What is asked of a body. */
struct li_turning {
    struct li_graph *body;
    const bool *arrives; /* by output */
    const bool *wants;   /* by input */
    const int32_t *handle;
    int handles;
};

lince_status li_turn_body(struct li_turned *out, struct li_backward *b, const struct li_turning *how);
void li_turned_free(struct li_turned *turned);

/* A half on its way into a graph of its own. */
struct li_half {
    struct li_backward_call *call;
    const struct li_turned *from;
    struct li_graph *to;
    li_vid *map; /* from's values to to's */
};

lince_status li_half_begin(struct li_half *h, struct li_backward_call *call, const struct li_turned *from);
/* A new input like value v of from, which it stands for; `stands` false: it only has its dtype and shape. */
lince_status li_half_input(struct li_half *h, const struct li_graph *g, li_vid like, li_vid stands, li_vid *out);
/* All nodes of the body; or those of the back half, when all that they read is mapped. */
lince_status li_half_forward(struct li_half *h);
lince_status li_half_back(struct li_half *h);
/* Where value v of from is. */
lince_status li_half_value(struct li_half *h, li_vid v, li_vid *out);

/*
 * Whether output i of a node with bodies is computed from what is wanted, where input i is if in[i] is; of a loop, by
 * variable and after any turn.
 */
lince_status li_control_wants(struct li_backward_call *call, const struct li_node *node, const bool *in, bool *out);
/* dx of a node with bodies, of which there may be more. */
lince_status li_control_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx);

/* Of a control node: the variables asked for that its bodies read. */
lince_status li_control_handles(struct li_backward *b, const struct li_node *node, int32_t **out, int *count);

lince_status li_branch_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx);
lince_status li_loop_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx);

/*
 * How many turns a loop makes at most, from what of its condition and of its variables is known beforehand. *exact: it
 * makes so many.
 */
lince_status li_loop_turns(struct li_backward *b, const struct li_node *node, int32_t *most, bool *exact);

#endif
