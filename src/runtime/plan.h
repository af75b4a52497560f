/* A plan: how a graph of known shapes is run. Private to runtime/. */
#ifndef LI_RUNTIME_PLAN_H
#define LI_RUNTIME_PLAN_H

#include "memory.h"
#include "prepared.h"
#include "runtime.h"

/* Where the buffer of a base value is. */
enum li_place { LI_PLACE_NOWHERE, LI_PLACE_INPUT, LI_PLACE_CONSTANT, LI_PLACE_RESOURCE, LI_PLACE_KEPT, LI_PLACE_BLOCK };

struct li_home {
    enum li_place place;
    int32_t index; /* INPUT: of the graph; RESOURCE: in the store; KEPT: of plan->kept; BLOCK: of plan->tenants */
};

/* A prepare result that steps read. */
struct li_kept {
    li_vid value;
    struct li_expression *expression;
    const int32_t *resources; /* it depends on */
    int32_t resource_count;
};

/* Where a step finds the value of a resource it touches, and where it puts the next one; else NOWHERE. */
struct li_reach {
    struct li_home in, out;
    const struct li_view *view;
};

/* One node that every run executes. */
struct li_step {
    int32_t node;
    int32_t time;     /* as tenants count it */
    int32_t operands; /* index of its first input's operand; its outputs follow, then two for each touch */
    const void *plan;
    int64_t tasks;
    int32_t states;               /* index of its first touch's state, in the run */
    const struct li_reach *reach; /* by touch */
    const li_vid *halos;          /* values whose frame is cleared before it */
    int32_t halo_count;
    const char *reason;
    int64_t flop;
};

/* What a run leaves behind, if it succeeds. */
struct li_write {
    int32_t resource, tenant;
};

/* Immutable once built, but for `seen` and `kept_data`, which belong to the session's run. */
struct li_plan {
    struct li_graph *graph;
    const struct li_env *env;
    struct li_arena arena;
    int32_t resource_count; /* all resources of the graph are below it; the store may grow meanwhile */
    struct li_home *home;   /* by value; of a base */
    bool *prepared;         /* by node */
    struct li_tenant *tenants;
    int32_t tenant_count;
    struct li_step *steps;
    int32_t step_count, operand_count, state_count;
    struct li_write *writes;
    int32_t write_count;
    struct li_prepared *cache;
    struct li_expression **expressions; /* every one that this plan holds */
    int32_t expression_count;
    struct li_kept *kept;
    int32_t kept_count;
    const int32_t *read; /* resources that prepare results depend on */
    int32_t read_count;
    uint64_t *seen; /* their versions when kept_data was last looked up */
    const void **kept_data;
    struct li_home *copies; /* by output: a BLOCK, if it lies elsewhere or not densely; else NOWHERE */
    size_t block_bytes, scratch_bytes;
};

/*
 * graph is taken over, also on failure. dirty: resources that an earlier part of the same run writes, by resource, or
 * NULL: what reads them is no prepare node.
 */
lince_status li_plan_build(struct li_plan **out, struct li_graph *graph, const struct li_env *env, const bool *dirty,
                           lince_error *err);
void li_plan_free(struct li_plan *plan);

/* place.c: which nodes are prepared, where every value lies, and the block. */
lince_status li_plan_place(struct li_plan *plan, const bool *dirty, lince_error *err);
/* express.c: an expression for each prepare result, and which are kept. */
lince_status li_plan_express(struct li_plan *plan, lince_error *err);
/* express.c: kept_data for the variables' present versions. With the store's read lock held. */
lince_status li_plan_refresh(struct li_plan *plan, lince_error *err);

/* tell.c: each prepare node and step in the order of the graph, until tell returns non-zero. */
void li_plan_tell(const struct li_plan *plan, int (*tell)(const struct li_step_info *step, void *context),
                  void *context);

static inline struct li_home li_home_of(const struct li_plan *plan, li_vid v)
{
    return plan->home[plan->graph->values[v].view.base];
}

static inline size_t li_value_bytes(const struct li_value *value)
{
    return (size_t)value->view.buffer_count * li_dtype_size(value->dtype);
}

#endif
