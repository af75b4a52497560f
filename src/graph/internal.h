/* What the files of this room share; private to it. */
#ifndef LI_GRAPH_INTERNAL_H
#define LI_GRAPH_INTERNAL_H

#include "graph/graph.h"

/* ---- graph.c ---- */

/*
 * Where names, attributes and own tensors live: written by one graph, read by all that were made from it, so that a
 * stage copies pointers. Counted; a graph that has something to add puts a new one in front of its source's.
 */
struct li_keep {
    struct li_mem *mem;
    struct li_arena arena;
    struct li_keep *parent;
    struct li_owned_body *bodies;
    atomic_int references;
};

/* The arena this graph may add to; NULL without memory. */
struct li_arena *li_graph_kept(struct li_graph *g, lince_error *err);

/* An empty graph with the store, the ops and the kept things of another. */
lince_status li_graph_new_from(struct li_graph **out, const struct li_graph *from, lince_error *err);
/* Room for so many more. */
lince_status li_graph_reserve(struct li_graph *g, int32_t values, int32_t nodes, lince_error *err);
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

/* ---- attr.c ---- */

/* One attribute for each spec of op, from those given and the fallbacks. */
lince_status li_attrs_bind(struct li_graph *g, const struct li_op *op, const char *name, const struct li_attr *given,
                           int count, const struct li_attr **out, int *out_count, lince_error *err);
static inline bool li_attr_is_list(enum li_attr_kind kind)
{
    return kind >= LI_ATTR_INTS;
}
/* fallback.c: the attribute where none is given; the spec has a fallback. */
lince_status li_attr_fallback(struct li_attr *attr, const struct li_attr_spec *spec, struct li_arena *arena,
                              lince_error *err);
/* How many outputs the row and the attributes make. */
lince_status li_attrs_outputs(const struct li_op *op, const char *name, const struct li_attr *attrs, int nattrs,
                              int *out, lince_error *err);

/* ---- touch.c ---- */

/* The i-th handle of a row; false: there are fewer. */
bool li_op_handle(const struct li_op *op, int i, struct li_handle *out);

/* ---- infer.c ---- */

/* Run a node's rule and find its resource. LI_DEFER as rules do. */
lince_status li_graph_infer_node(struct li_graph *g, int32_t node, const struct li_tensor *const *known,
                                 const struct li_env *env, lince_error *err);
/* After its rule: drop the last node if all its outputs are constants or handles, which then have no producer. */
void li_graph_drop_settled(struct li_graph *g);

/* ---- rewrite.c ---- */

/* needed[n]: an output or a required effect needs node n. value is scratch, one for each value. */
void li_graph_needed(const struct li_graph *g, bool *needed, bool *value);
/* Drop what is not needed, in place; values are renumbered. */
lince_status li_graph_compact(struct li_graph *g, lince_error *err);

#endif
