/*
 * The plans of a bound graph, by shapes. Private to runtime/.
 *
 * Where shapes depend on data a graph is cut into segments: each plan is followed by what may come after it, a segment
 * with plans of its own. So a program is a tree. What a run is at is held by a reference to the entry: others may drop
 * entries from the tree meanwhile.
 */
#ifndef LI_RUNTIME_PROGRAM_H
#define LI_RUNTIME_PROGRAM_H

#include "plan.h"

struct li_segment;

/* What inference found of a value. Constants are kept by the graph of the plan. */
struct li_trait {
    lince_dtype dtype;
    struct li_shape shape;
    const struct li_tensor *constant;
};

/* A plan, and what it was made for. Const but for what the program's lock guards. */
struct li_entry {
    struct li_entry *next; /* of its segment; guarded */
    struct li_segment *segment;
    int references; /* guarded: the segment's, and those of runs */
    uint64_t used;  /* guarded: when */
    struct li_arena arena;
    int32_t input_count;
    struct li_tensor *inputs; /* dtypes, shapes, and the contents that decided something; data NULL: it did not */
    bool exact;               /* inputs tell all that decided: no inference is needed to find the entry */
    struct li_trait *values;  /* of the inferred graph, */
    int32_t value_count;
    int32_t *choice; /* and the branches that were taken: what tells it from others where inputs do not */
    int32_t choices;
    struct li_plan *plan;
    struct li_segment *rest; /* what comes when this plan has run; NULL: nothing */
    int32_t *again;          /* resources that a rest behind a cut reads: as what is before it found them */
    int32_t again_count;
    struct li_node loop; /* runs between the two; op NULL: none does */
    struct li_program *body[2];
};

struct li_segment {
    struct li_graph *graph;
    struct li_entry *entries;
    bool later;    /* found by contents too */
    int stage;     /* the first of the program's that sees to it */
    bool cut;      /* a run pauses before it, and is given */
    int32_t given; /* so many of its inputs to go on */
};

struct li_program {
    struct li_mem *mem;
    struct li_env env;
    struct li_stage stages[LI_MAX_STAGES];
    int stage_count;
    atomic_int references;
    /* Of the tree: its own, or, of a body's program, its owner's. Planning is done under it. */
    pthread_mutex_t *lock, own_lock;
    struct li_fork_guard guard; /* of own_lock */
    /* Of a loop's body: its graph belongs to its owner, which outlives it; it commits nothing, and has no guard. */
    bool is_body;
    bool *written; /* by resource: a run writes it, wherever, or others do between runs */
    int32_t written_count;
    bool updates; /* a run writes something */
    bool apart;   /* into memory of its own first, always */
    struct li_segment first;
    uint64_t clock;
    int plans, idle; /* all entries, and those that no run holds */
};

/* The entry for these inputs, planned if it is new, and a reference to it. data is looked at in later segments only. */
lince_status li_program_entry(struct li_entry **out, struct li_program *program, struct li_segment *segment,
                              const struct li_tensor *inputs, lince_error *err);
void li_program_leave(struct li_program *program, struct li_entry *entry); /* gives it back; NULL is fine */

/* A program for a body of one of owner's loops. */
lince_status li_program_of_body(struct li_program **out, const struct li_program *owner, struct li_graph *body,
                                lince_error *err);

#endif
