/*
 * A plan: how a graph of known shapes is run. Const once it is built: all that a run writes lies in its li_run, so any
 * number of runs may use one plan at a time. Private to runtime/.
 */
#ifndef LI_RUNTIME_PLAN_H
#define LI_RUNTIME_PLAN_H

#include "memory.h"
#include "prepared.h"
#include "runtime.h"

/* Where the buffer of a base value is. */
enum li_place {
    LI_PLACE_NOWHERE,
    LI_PLACE_INPUT,    /* index: of the graph's input */
    LI_PLACE_CONSTANT, /* of the value */
    LI_PLACE_RESOURCE, /* in the store: what this run wrote before, or the committed value */
    LI_PLACE_KEPT,     /* of plan->kept */
    LI_PLACE_BLOCK,    /* of plan->tenants */
    LI_PLACE_RESULT    /* of the graph's output: the caller's memory */
};

struct li_home {
    enum li_place place;
    int32_t index;
};

/* A prepare result that steps read. */
struct li_kept {
    li_vid value;
    struct li_expression *expression;
    const int32_t *resources; /* it depends on */
    int32_t resource_count;
};

/*
 * Where a step finds the value of a resource it touches, and where it puts the next one; else NOWHERE. A step of the
 * commit puts it into the resource's own memory (RESOURCE).
 */
struct li_reach {
    struct li_home in, out;
    const struct li_view *view;
};

/* One node that every run executes. */
struct li_step {
    int32_t node;
    int32_t time;     /* as tenants count it */
    int32_t operands; /* index of its first input's operand; its outputs follow, then two for each touch */
    int32_t states;   /* index of its first touch's state */
    int32_t inner;    /* index of the run of its first body */
    const void *plan;
    int64_t tasks;
    const struct li_reach *reach;      /* by touch */
    const struct li_plan *const *body; /* of a control node */
    const li_vid *halos;               /* values whose frame is cleared before it */
    int32_t halo_count;
    const char *reason;
    int64_t flop;
};

/* What a run leaves behind, if it succeeds. */
struct li_write {
    int32_t resource, tenant;
};

/* Where results go. */
enum li_results {
    LI_RESULTS_OWN,   /* dense, into the run's block */
    LI_RESULTS_GIVEN, /* dense, into memory that the caller gives for each */
    /*
     * A loop's turn. Its inputs are the loop's variables and nobody else's: a step may overwrite one that is not read
     * again. Result i may then lie in input i, and constants and prepared results may lie where they are; every other
     * result is in the block, so that copying results to their variables in any order is right.
     */
    LI_RESULTS_TURN
};

struct li_plan_options {
    const bool *written; /* by resource: this call writes it, in whichever of its plans; what reads it is no prepare */
    int32_t written_count;
    enum li_results results;
    bool last;  /* nothing of the call comes after it: writes that nothing reads any more are left to the commit */
    bool whole; /* every node is a step: for making prepared results themselves */
};

struct li_plan {
    struct li_graph *graph;
    const struct li_env *env;
    struct li_plan_options options; /* without written */
    struct li_arena arena;
    int32_t resource_count; /* all resources of the graph are below it; the store may grow meanwhile */
    struct li_home *home;   /* by value; of a base */
    bool *prepared;         /* by node */
    int32_t *order;         /* the nodes that are steps, those of the commit last */
    int32_t order_count;
    struct li_tenant *tenants;
    int32_t tenant_count;
    struct li_step *steps;
    int32_t step_count, operand_count, state_count, inner_count;
    int32_t commit; /* the first step that is left to the commit; step_count: none is */
    struct li_write *writes;
    int32_t write_count;
    struct li_prepared *cache;
    struct li_expression **expressions; /* every one that this plan holds */
    int32_t expression_count;
    struct li_kept *kept;
    int32_t kept_count;
    const int32_t *read; /* resources that prepare results depend on */
    int32_t read_count;
    struct li_home *copies; /* by output: BLOCK or RESULT, if it must be copied there; else NOWHERE */
    size_t block_bytes, scratch_bytes;
};

/* graph is taken over, also on failure. */
lince_status li_plan_build(struct li_plan **out, struct li_graph *graph, const struct li_env *env,
                           const struct li_plan_options *options, lince_error *err);
void li_plan_free(struct li_plan *plan);

/* order.c: which nodes are prepared, and in which order the others are steps. written: by resource, of this call. */
lince_status li_plan_order(struct li_plan *plan, const bool *written, lince_error *err);
/* place.c: where every value lies, and the block. */
lince_status li_plan_place(struct li_plan *plan, lince_error *err);
/* express.c: an expression for each prepare result, and which are kept. */
lince_status li_plan_express(struct li_plan *plan, lince_error *err);

/* tell.c: each prepare node and step in the order of the graph, until tell returns non-zero. */
struct li_teller {
    int (*tell)(const struct li_step_info *step, void *context);
    void *context;
    int depth;
};
int li_plan_tell(const struct li_plan *plan, const struct li_teller *to);
/* Nodes of a segment that has no plan yet. */
int li_graph_tell(const struct li_graph *graph, const struct li_teller *to);
int li_node_tell(const struct li_node *node, const struct li_teller *to);

/* A read whose result is the resource's own memory. */
static inline bool li_plain_read(const struct li_node *node)
{
    return (node->op->effects & LI_EFFECT_READ) && !node->op->forward;
}

static inline bool li_touch_writes(const struct li_touch *touch)
{
    return touch->how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM);
}

static inline struct li_home li_home_of(const struct li_plan *plan, li_vid v)
{
    return plan->home[plan->graph->values[v].view.base];
}

static inline size_t li_value_bytes(const struct li_value *value)
{
    return (size_t)value->view.buffer_count * li_dtype_size(value->dtype);
}

#endif
