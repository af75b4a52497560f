/* Values and nodes: what a graph is made of. Part of graph.h. */
#ifndef LI_GRAPH_VALUE_H
#define LI_GRAPH_VALUE_H

#include "graph/attr.h"

struct li_graph;

typedef int32_t li_vid; /* a value: index into graph->values; LI_NONE: none */
enum { LI_NONE = -1 };

/*
 * Where a value's elements lie. `base` is the value in whose buffer they are: itself, or another of the same lifetime
 * (a reshape, a part of a split, a piece of a concatenation). All in elements of the value's dtype.
 */
struct li_view {
    li_vid base;
    int64_t offset; /* of element [0,0,...] from the start of base's buffer */
    int64_t stride[LI_MAX_RANK];
    int64_t buffer_count; /* what the buffer holds in all, halo included; of a base only */
    int32_t halo[4];      /* top, bottom, left, right: zeros kept around dims 1 and 2 of a [n, h, w, c] value */
};

struct li_value {
    lince_dtype dtype;
    struct li_shape shape;            /* full after inference; rank -1 before */
    const struct li_tensor *constant; /* the value, where it is known without running; else NULL */
    int32_t resource;                 /* LINCE_RESOURCE: index into the store; else LI_NONE */
    int32_t producer;                 /* index of the node that writes it; LI_NONE for inputs and constants */
    int32_t output;                   /* which output of the producer; which input of the graph */
    /*
     * A TensorList is a tensor with one more axis in front. Of one whose elements have no shape yet nothing but the
     * length is known: its own shape is [n, 0], and a loop may begin with it where the next turn has [n, element...].
     */
    bool unshaped;
    struct li_view view; /* set by li_graph_default_views(), refined by the layout pass */
};

/* Whether the elements lie one after the other without halo. */
bool li_view_dense(const struct li_value *value);

/* A resource that a node uses, and how: READ, WRITE, RANDOM and LOOKUP of li_effects. */
struct li_touch {
    int32_t resource;
    unsigned how;
};

struct li_node {
    const struct li_op *op;
    const char *name; /* as in the model, with the path of calls it was inlined through */
    li_vid *in, *out;
    int nin, nout;
    const struct li_attr *attrs; /* one for each of op->attrs, in that order */
    int nattrs;
    unsigned effects;             /* li_effects: the row's, and those of the bodies */
    const struct li_touch *touch; /* by li_graph_touch(): in the order of the row's handles, then its generator */
    int touches;
    struct li_graph *const *body; /* what a control node runs; borrowed, see li_graph_own_body() */
    int bodies;
    bool touched;  /* li_graph_touch() found all there is */
    bool required; /* kept though nothing reads it: its effect was asked for */
};

#endif
