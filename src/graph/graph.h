/*
 * graph: values, nodes, attributes, resources, the row that describes an op, and the inference of shapes.
 *
 * A graph is flat, typed and in execution order: calls are inlined, constants are values without a producer, and
 * running the nodes from first to last honours every data and control dependency of the model. Each stage (import and
 * bind, infer, gradient, passes) makes a new graph and never goes back; what a stage made is not changed after it is
 * handed on.
 *
 * attr.h, value.h, store.h and op.h belong to this header and are seen through it alone.
 */
#ifndef LI_GRAPH_H
#define LI_GRAPH_H

#include "graph/op.h"

/* ---- Graphs (graph.c) -------------------------------------------------------------------------------------------- */

struct li_graph {
    struct li_arena arena;    /* what only this graph needs; nodes and values lie beside it and move */
    struct li_store *store;   /* counted */
    const struct li_ops *ops; /* by name, for emitting */
    const struct li_env *env; /* for rules of nodes that are emitted; set by li_graph_infer() and li_graph_rewrite() */
    struct li_value *values;
    struct li_node *nodes; /* in execution order */
    int32_t value_count, node_count, value_room, node_room;
    li_vid *inputs, *outputs;
    int32_t input_count, input_room, output_count;
    struct li_keep *keep; /* names, attributes and own tensors; shared with the graphs that this one was made from */
    bool keep_is_own;     /* this graph may add to it */
};

/* A new graph without nodes. Values and nodes are added; pointers into values and nodes move when they grow. */
lince_status li_graph_new(struct li_graph **out, struct li_store *store, const struct li_ops *ops, struct li_mem *mem,
                          lince_error *err);
void li_graph_free(struct li_graph *graph);

lince_status li_graph_input(struct li_graph *g, lince_dtype dtype, const struct li_shape *shape, li_vid *out,
                            lince_error *err);
/*
 * The tensor's bytes are borrowed and must outlive the graph; li_graph_own_tensor() copies a tensor into its arena
 * first.
 */
lince_status li_graph_constant(struct li_graph *g, const struct li_tensor *tensor, li_vid *out, lince_error *err);
lince_status li_graph_own_tensor(struct li_graph *g, const struct li_tensor *tensor, const struct li_tensor **out,
                                 lince_error *err);
lince_status li_graph_resource(struct li_graph *g, int32_t resource, li_vid *out, lince_error *err); /* a handle */
lince_status li_graph_set_outputs(struct li_graph *g, const li_vid *outputs, int count, lince_error *err);

/*
 * Append a node; attrs missing from those given take the row's fallback, unknown ones are LINCE_EUNSUPPORTED. The
 * number of inputs and outputs is checked against the row. Outputs are new values without a shape; *node is valid until
 * the next append.
 */
lince_status li_graph_append(struct li_graph *g, const struct li_op *op, const char *name, const li_vid *in, int nin,
                             const struct li_attr *attrs, int nattrs, struct li_node **node, lince_error *err);

/* ---- Making a graph from another --------------------------------------------------------------------------------- */

/* An empty graph with the store, the ops and the kept things of another. */
lince_status li_graph_new_from(struct li_graph **out, const struct li_graph *from, lince_error *err);
/* A value like one of another graph, without producer and at home in its own buffer. */
lince_status li_graph_copy_value(struct li_graph *to, const struct li_value *value, li_vid *out, lince_error *err);
/*
 * The inputs of another graph, in its order, and all its other values that no node makes; map[v] receives where each
 * went.
 */
lince_status li_graph_copy_sources(struct li_graph *to, const struct li_graph *from, li_vid *map, lince_error *err);
/* A node of another graph, whose inputs are mapped; its outputs are like the old ones and go into map. */
lince_status li_graph_copy_node(struct li_graph *to, const struct li_graph *from, const struct li_node *node,
                                li_vid *map, lince_error *err);

/*
 * All nodes of another graph, arguments standing for its inputs; results receives where its outputs are. `from` must
 * outlive what is made of `to` (li_graph_own_body()).
 */
lince_status li_graph_put(struct li_graph *to, const struct li_graph *from, const li_vid *arguments, li_vid *results,
                          lince_error *err);

/* ---- Bodies and touches (touch.c) -------------------------------------------------------------------------------- */

/*
 * Bodies for a control node: graphs of their own, whose inputs have no shape before inference. They are borrowed: a
 * body may be that of several nodes, and of one inside itself. li_graph_own_body() takes one over, also on failure: it
 * lives as long as g and what is made from g.
 */
lince_status li_graph_set_bodies(struct li_graph *g, int32_t node, struct li_graph *const *bodies, int count,
                                 lince_error *err);
lince_status li_graph_own_body(struct li_graph *g, struct li_graph *body, lince_error *err);

/*
 * For who rewrites bodies (widen.c). Append a node that runs other bodies as `like`, which may be of g itself, runs its
 * own; its outputs are like those given in dtype and shape. And give node n of g more inputs and outputs, after those
 * it has, and other bodies. Who calls hands the bodies over with li_graph_own_body().
 */
lince_status li_graph_append_like(struct li_graph *g, const struct li_node *like, const char *name, const li_vid *in,
                                  int nin, const struct li_value *outputs, int nout, struct li_graph *const *bodies,
                                  li_vid *out, lince_error *err);
lince_status li_graph_widen(struct li_graph *g, int32_t n, const li_vid *in, int nin, const struct li_value *like,
                            int nout, struct li_graph *const *bodies, lince_error *err);

/*
 * Find what a node touches, once: what its handles stand for, its generator, which is `key`'s (NULL: its name's), and
 * what its bodies touch, in which all nodes are found theirs too. Before its resources are looked at; of nodes without
 * bodies inference does it for all that have not been asked.
 */
lince_status li_graph_touch(struct li_graph *g, int32_t node, const char *key, lince_error *err);

/*
 * What does not change while a graph runs. By resource: whether a node of it writes that, into the arena; NULL without
 * memory. And whether a node gives the same in every run in which its inputs are the same: all that it does is read
 * resources that are not written.
 */
bool *li_graph_written(const struct li_graph *g, struct li_arena *arena, lince_error *err);
bool li_node_is_fixed(const struct li_node *node, const bool *written);
int32_t li_graph_resources(const struct li_graph *g); /* all that its nodes touch are below it */

/*
 * For gradients and passes: append by name and infer at once, so the outputs have dtype and shape. Input shapes must be
 * known. out receives the first nout outputs.
 */
lince_status li_graph_emit(struct li_graph *g, const char *op, const char *name, const li_vid *in, int nin,
                           const struct li_attr *attrs, int nattrs, li_vid *out, int nout, lince_error *err);

/* Dense views for all values; where a row says LI_OP_ALIAS, output 0 lies in input 0's buffer. */
void li_graph_default_views(struct li_graph *g);

/* A line per node, for tests: "name = Op(%0:float32[1,3], ...) -> %2:float32[3]". Into the arena. */
char *li_graph_text(struct li_graph *g, lince_error *err);

/* ---- Inference (infer.c) ----------------------------------------------------------------------------------------- */

/* What inference is told of an input. */
struct li_infer_input {
    lince_dtype dtype; /* the graph's, where that is not LINCE_VARIANT; LINCE_DTYPE_NONE: not said */
    struct li_shape shape;
    const struct li_tensor *known;    /* its content in this run: decides shapes, and is not folded; or NULL */
    const struct li_tensor *constant; /* its content in every run; borrowed by the result; or NULL */
    bool unshaped;                    /* as in li_value */
};

/* What inference found; li_inferred_free() frees it. */
struct li_inferred {
    struct li_graph *graph;
    /*
     * NULL: all was inferred, and graph's outputs are those of the source. Else the graph of what comes later. Its
     * inputs are graph's outputs in order. If there is a loop, the first loop.nin outputs of graph are what it begins
     * with, and its results are the first loop.nout inputs of rest, in their place.
     */
    struct li_graph *rest;
    struct li_node loop; /* op NULL: none. Its shapes change or depend on data. Of its own ids only the numbers count */
    uint64_t asked;      /* inputs whose `known` content decided something, by bit; the 64th stands for all after it */
    int32_t *choice;     /* which bodies were taken, in order */
    int32_t choices;
};
void li_inferred_free(struct li_inferred *inferred);

/*
 * The graph for inputs of the given full shapes: every value typed and shaped, small constant results folded
 * (LI_MAX_FOLD_BYTES), nodes that nothing needs dropped, branches whose selector is known replaced by their bodies.
 * inputs: one for each input of g.
 *
 * Where a shape depends on data, inference stops: out->graph holds what comes before and its outputs are the values
 * that the rest needs followed by nothing else. The same inputs, with the same content where that was asked for, always
 * give the same result.
 *
 * Errors carry the node's name: wrong rank, dtype, channel count, too small an image. Nothing of the model's code runs
 * but shape arithmetic on constants.
 */
lince_status li_graph_infer(struct li_inferred *out, const struct li_graph *g, const struct li_infer_input *inputs,
                            const struct li_env *env, lince_error *err);

/*
 * Cut a graph in two. `later` marks the nodes of `from` that come later, and with a node all that depends on it; `to`
 * holds the others, map says where (from itself, each value at its own number, where `to` is no other graph). *rest
 * receives the later ones; its inputs are the outputs that `to` gets.
 */
struct li_split {
    const struct li_graph *from;
    struct li_graph *to;
    const li_vid *map; /* by value of from; LI_NONE: made later */
    const bool *later; /* by node of from */
    int32_t loop;      /* a later node that runs between the two, see li_inferred; LI_NONE: none does */
    /* Inputs of `from` that only the later nodes read: inputs of *rest before those that `to` gives. */
    const li_vid *given;
    int32_t given_count;
};
lince_status li_graph_split(struct li_graph **rest, const struct li_split *how, lince_error *err);

/*
 * Run one node on tensors, all tasks in turn, dense: how constants are folded and how ops are tested. out[i].data is
 * allocated from env->mem (strings point to where forward found them). A resource is read from the store and written
 * back to it.
 */
lince_status li_node_eval(const struct li_graph *g, const struct li_node *node, const struct li_tensor *in,
                          struct li_tensor *out, const struct li_env *env, lince_error *err);

/* Copy of g in which every value and node has the number it has in g: for stages that append. */
lince_status li_graph_copy(struct li_graph **out, const struct li_graph *g, lince_error *err);

/* Copy of g without nodes that neither an output nor a required effect needs. For passes. */
lince_status li_graph_prune(struct li_graph **out, const struct li_graph *g, lince_error *err);

/*
 * Take out of the bodies of a bound graph what is made there and read by nobody, and does not act; see trim.c. *g is
 * then another graph, and the old one freed; unless there was nothing to take, or no memory.
 */
lince_status li_graph_trim(struct li_graph **g, lince_error *err);

/*
 * Rewriting, for passes: copy g node by node, calling `visit` for each; map[v] is where value v of g went. visit either
 * sets *done (it appended what it wants and mapped the outputs itself) or leaves the node to be copied as it is. What
 * nothing needs any more is dropped at the end; views are to be made anew.
 */
struct li_rewrite {
    const struct li_graph *from;
    struct li_graph *to;
    li_vid *map;         /* from's values to to's; LI_NONE: not yet there */
    const int32_t *uses; /* of each value of from: how many node inputs and graph outputs read it */
    void *context;
    const struct li_env *env;
};
lince_status li_graph_rewrite(struct li_graph **out, const struct li_graph *g, const struct li_env *env, void *context,
                              lince_status (*visit)(struct li_rewrite *r, int32_t node, bool *done, lince_error *err),
                              lince_error *err);
/* The value of `to` for a value of `from`. */
static inline li_vid li_mapped(const struct li_rewrite *r, li_vid v)
{
    return v < 0 ? v : r->map[v];
}
/* The node that produces a value, or NULL. */
static inline const struct li_node *li_producer(const struct li_graph *g, li_vid v)
{
    return v < 0 || g->values[v].producer < 0 ? NULL : &g->nodes[g->values[v].producer];
}

#endif
