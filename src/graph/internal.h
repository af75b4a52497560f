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

/* Room for so many more. */
lince_status li_graph_reserve(struct li_graph *g, int32_t values, int32_t nodes, lince_error *err);

/* ---- locks.c ---- */

lince_status li_store_init_locks(struct li_store *store, lince_error *err);
void li_store_fini_locks(struct li_store *store);

/* ---- store.c ---- */

lince_status li_store_find(const struct li_store *store, int32_t resource, struct li_resource **out, lince_error *err);
/* Whether so many bytes are a value of it. */
lince_status li_resource_check_size(const struct li_resource *r, size_t bytes, lince_error *err);

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

/* Find what a node touches and run its rule. LI_DEFER as rules do. */
lince_status li_graph_infer_node(struct li_graph *g, int32_t node, const struct li_env *env, lince_error *err);
/* After its rule: drop the last node if all its outputs are constants or handles, which then have no producer. */
void li_graph_drop_settled(struct li_graph *g);

/* ---- rewrite.c ---- */

/* needed[n]: an output or a required effect needs node n. value is scratch, one for each value. */
void li_graph_needed(const struct li_graph *g, bool *needed, bool *value);
/* Drop what is not needed, in place; values are renumbered. */
lince_status li_graph_compact(struct li_graph *g, lince_error *err);

#endif
