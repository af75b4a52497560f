/* How passes look at a graph; private to passes/. */
#ifndef LI_PASSES_MATCH_H
#define LI_PASSES_MATCH_H

#include "graph/graph.h"

/* What a pass asks about a graph again and again; in an arena of its own. */
struct li_match {
    const struct li_graph *g;
    struct li_arena arena;
    /*
     * by value: the only node that reads it, and reads it once; LI_NONE when none, several, or an output of the graph
     */
    int32_t *consumer;
    int32_t *uses;   /* by value: how many inputs of nodes and outputs of the graph it is */
    bool *invariant; /* by value: computed from constants and from variables that this graph does not write */
};

lince_status li_match_init(struct li_match *m, const struct li_graph *g, lince_error *err);
void li_match_free(struct li_match *m);

/* li_graph_rewrite() with a li_match as r->context: what a pass is, but for its visit. */
lince_status li_match_rewrite(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                              lince_status (*visit)(struct li_rewrite *r, int32_t node, bool *done, lince_error *err),
                              lince_error *err);

bool li_op_is(const struct li_node *node, const char *name); /* NULL is nothing */
/* The node that makes v, if its op has this name; else NULL. */
const struct li_node *li_made_by(const struct li_graph *g, li_vid v, const char *name);
/* A float32 constant of one element. */
bool li_scalar_of(const struct li_graph *g, li_vid v, float *value);
/* v holds one float32 for each of `channels` along the last axis: [c], [1,1,1,c] or, of one channel, a scalar. */
bool li_per_channel(const struct li_graph *g, li_vid v, int64_t channels);
/* The other input of a node with two. */
static inline li_vid li_other(const struct li_node *node, li_vid v)
{
    return node->in[0] == v ? node->in[1] : node->in[0];
}

/* Emit a node with one output. */
lince_status li_emit_one(struct li_rewrite *r, const char *op, const char *name, const li_vid *in, int nin,
                         const struct li_attr *attrs, int nattrs, li_vid *out, lince_error *err);
/* The same value as [c]: itself, or reshaped. */
lince_status li_emit_vector(struct li_rewrite *r, const char *name, li_vid v, int64_t channels, li_vid *out,
                            lince_error *err);

#endif
