/* Segments of a program one after another, and the loops between them. Private to runtime/. */
#ifndef LI_RUNTIME_CHAIN_H
#define LI_RUNTIME_CHAIN_H

#include "program.h"
#include "run.h"

struct li_loop_run;

/* One segment's part of a run. What the last run was at is held until the next. */
struct li_link {
    struct li_run run;
    struct li_entry *entry;
    const struct li_tensor *given; /* the last run's inputs, for the commit */
    struct li_tensor *inputs;      /* of the next segment, where a loop runs before it */
    int32_t input_room;
    struct li_loop_run *loop;
    struct li_stamp *stamps; /* of what entry->again has, as this run read it */
    int32_t stamp_room;
    uint64_t (*generators)[4]; /* by resource: where those start that a call with a seed meets here first */
    int32_t generator_room;
};

/* The memory of one run at a time of a program; it only grows. */
struct li_chain {
    struct li_mem *mem;
    struct li_program *program; /* counted */
    struct li_link **links;     /* the i-th segment of a run uses the i-th */
    int32_t count, room;        /* there are */
    int32_t used;               /* by the last run */
    int32_t paused;             /* of these, by its first part, when it pauses at a cut; 0: it does not */
};

/* What all parts of one call share. */
struct li_chain_call {
    struct li_pool *pool;
    struct li_store *store;
    void **pending; /* by resource: what the call wrote; grown as plans need it */
    int32_t pending_room;
    struct li_mem *mem;
    const struct li_stop *stop;
    int64_t turns;
    bool has_seed; /* generators start from it */
    uint64_t seed;
    const struct li_link *since; /* what it read may not have changed; NULL: a new run */
};

void li_chain_init(struct li_chain *chain, struct li_program *program);
void li_chain_fini(struct li_chain *chain);
/*
 * Run all segments. The store's read lock is taken for each and let go between them, since planning takes locks of its
 * own. outputs are borrowed until the chain's next run.
 */
lince_status li_chain_run(struct li_chain *chain, struct li_chain_call *call, const struct li_tensor *inputs,
                          const struct li_tensor **outputs, lince_error *err);
/* The part of the last run behind a cut; given: link->entry->rest->given tensors. */
lince_status li_chain_resume(struct li_chain *chain, struct li_chain_call *call, const struct li_tensor *given,
                             const struct li_tensor **outputs, lince_error *err);
/* Where the last run waits at a cut; NULL: it does not. */
struct li_link *li_chain_paused(const struct li_chain *chain);
/* Where the last run ended; NULL before it. */
struct li_link *li_chain_last(const struct li_chain *chain);

/* loop.c: a loop whose shapes only running tells. inputs: what it begins with; *results what it ends with. */
lince_status li_loop_run(struct li_loop_run **loop, const struct li_entry *entry, struct li_chain_call *call,
                         const struct li_tensor *inputs, const struct li_tensor **results, lince_error *err);
void li_loop_free(struct li_loop_run *loop); /* NULL is fine */

/* Room for what plans with so many resources write. */
lince_status li_chain_cover(struct li_chain_call *call, int32_t resources, lince_error *err);

#endif
