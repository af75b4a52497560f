/* One inference under way: what infer.c, fold.c, defer.c, control.c and split.c share; private to the room. */
#ifndef LI_GRAPH_INFERENCE_H
#define LI_GRAPH_INFERENCE_H

#include "internal.h"

/* A branch whose selector is known: node `node` of the graph gives way to its body. */
struct li_taken {
    int32_t node, body;
};

/* Where an inference is among bodies in bodies. */
struct li_nesting {
    int depth;
    int64_t *looked_at; /* nodes of bodies so far, by the whole inference: a body may be looked at often */
};

struct li_inference {
    const struct li_graph *from;
    struct li_graph *to;
    const struct li_env *env;
    lince_error *err;
    struct li_nesting at;
    struct li_arena arena;   /* until the end of this inference */
    li_vid *map;             /* from's values to to's; LI_NONE: deferred, or not yet there */
    struct li_known *known;  /* by value of `to`; NULL: nothing is known for this run */
    uint64_t asked;          /* roots of contents for this run that rules asked for */
    bool *needed, *deferred; /* by node of `from` */
    int32_t deferred_count;
    int32_t loop;             /* a node of `from` that can run now, and tells its shapes only then; LI_NONE */
    struct li_node loop_node; /* as it was in `to` */
    struct li_taken *taken;   /* by order; as much room as `from` has nodes */
    int32_t taken_count;
    unsigned char *touched; /* by resource: what deferred nodes do to it */
    int32_t touched_room;
};

/* ---- infer.c ---- */

/* As li_graph_infer(), of a body. */
lince_status li_infer_at(struct li_inferred *out, const struct li_graph *g, const struct li_infer_input *inputs,
                         const struct li_env *env, struct li_nesting at, lince_error *err);

/* ---- fold.c ---- */

/* Evaluate the last node if its inputs are known and its outputs small. A check that holds for constants is dropped. */
lince_status li_infer_fold(struct li_inference *f);

/* ---- defer.c ---- */

/* Whether a node waits for one that was deferred. */
bool li_infer_must_wait(const struct li_inference *f, const struct li_node *node);
lince_status li_infer_defer(struct li_inference *f, int32_t n);

/* ---- control.c ---- */

/*
 * The last node of `to`, which runs bodies: its outputs, and its bodies inferred for its inputs. LI_DEFER where running
 * must tell more: a selector, or how a loop's shapes change. *taken: the selector is known and says that body.
 */
lince_status li_infer_control(struct li_inference *f, int *taken);
/* The graph with each branch that was taken in the place of its node. */
lince_status li_infer_splice(struct li_graph **out, const struct li_inference *f);

#endif
