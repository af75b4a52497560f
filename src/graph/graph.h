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
    int32_t input_count, output_count;
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

/*
 * Bodies for a control node: graphs of their own, whose inputs have no shape before inference. They are borrowed: a
 * body may be that of several nodes, and of one inside itself. li_graph_own_body() takes one over, also on failure: it
 * lives as long as g and what is made from g.
 */
lince_status li_graph_set_bodies(struct li_graph *g, int32_t node, struct li_graph *const *bodies, int count,
                                 lince_error *err);
lince_status li_graph_own_body(struct li_graph *g, struct li_graph *body, lince_error *err);

/*
 * Find what a node touches, once: what its handles stand for, its generator, which is `key`'s (NULL: its name's), and
 * what its bodies touch. Before its resources are looked at; inference does it for all that have not been asked.
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

/*
 * The graph for inputs of the given full shapes: every value typed and shaped, small constant results folded
 * (LI_MAX_FOLD_BYTES), nodes that nothing needs dropped. known[i] (or known NULL) is the content of input i where the
 * caller has it for this run; it decides shapes and is not folded into the graph.
 *
 * Where a shape depends on data, inference stops: *out holds what comes before and its outputs are the values the rest
 * needs followed by nothing else; *rest is the graph of the other nodes, whose inputs are those outputs in that order.
 * *rest is NULL when all was inferred, and then the outputs are those of g.
 *
 * Errors carry the node's name: wrong rank, dtype, channel count, too small an image. Nothing of the model's code runs
 * but shape arithmetic on constants.
 */
lince_status li_graph_infer(struct li_graph **out, struct li_graph **rest, const struct li_graph *g,
                            const struct li_shape *shapes, const struct li_tensor *const *known,
                            const struct li_env *env, lince_error *err);

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
