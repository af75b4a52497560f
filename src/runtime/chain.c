/* Running a program: a link for each segment, and what runs between two. */
#include "chain.h"

#include <string.h>

void li_chain_init(struct li_chain *chain, struct li_program *program)
{
    li_program_retain(program);
    *chain = (struct li_chain){.mem = program->mem, .program = program};
}

static void leave(struct li_chain *chain, struct li_link *link)
{
    li_loop_free(link->loop); /* its chains are at programs of the entry */
    link->loop = NULL;
    li_run_forget(&link->run);
    li_program_leave(chain->program, link->entry);
    link->entry = NULL;
}

void li_chain_fini(struct li_chain *chain)
{
    if (!chain->program) {
        return;
    }
    for (int32_t i = chain->count; i-- > 0;) { /* an entry lies in the tree of those before it */
        struct li_link *link = chain->links[i];
        leave(chain, link);
        li_run_fini(&link->run);
        li_free(chain->mem, link->inputs);
        li_free(chain->mem, link->stamps);
        li_free(chain->mem, link->generators);
        li_free(chain->mem, link);
    }
    li_free(chain->mem, chain->links);
    li_program_release(chain->program);
    *chain = (struct li_chain){.program = NULL};
}

struct li_link *li_chain_paused(const struct li_chain *chain)
{
    return chain->paused ? chain->links[chain->paused - 1] : NULL;
}

struct li_link *li_chain_last(const struct li_chain *chain)
{
    return chain->used ? chain->links[chain->used - 1] : NULL;
}

static lince_status add_link(struct li_chain *chain, lince_error *err)
{
    if (chain->count >= LI_MAX_SEGMENTS) {
        return li_fail(err, LINCE_ELIMIT, "shapes depend on data in more than %d places, one after another",
                       LI_MAX_SEGMENTS);
    }
    LI_TRY(li_grow(chain->mem, &chain->links, &chain->room, chain->count + 1, sizeof(struct li_link *), err));
    struct li_link *link = li_calloc(chain->mem, 1, sizeof *link, err);
    if (!link) {
        return LINCE_ENOMEM;
    }
    li_run_init(&link->run, chain->mem);
    chain->links[chain->count++] = link;
    return LINCE_OK;
}

/* The link of the next segment, at its entry. */
static lince_status enter(struct li_chain *chain, struct li_segment *segment, const struct li_tensor *inputs,
                          struct li_link **out, lince_error *err)
{
    struct li_entry *entry;
    LI_TRY(chain->used == chain->count ? add_link(chain, err) : LINCE_OK);
    struct li_link *link = chain->links[chain->used];
    LI_TRY(li_program_entry(&entry, chain->program, segment, inputs, err));
    if (link->entry == entry) {
        li_program_leave(chain->program, entry); /* it is held already */
    } else {
        for (int32_t i = chain->count; i-- > chain->used;) { /* what came after the old one belongs to it */
            leave(chain, chain->links[i]);
        }
        link->entry = entry;
    }
    chain->used++;
    *out = link;
    return LINCE_OK;
}

lince_status li_chain_cover(struct li_chain_call *call, int32_t resources, lince_error *err)
{
    return li_grow(call->mem, &call->pending, &call->pending_room, resources, sizeof *call->pending, err);
}

/* Generators that this call has not met yet start from its seed. */
static lince_status start_generators(struct li_link *link, const struct li_chain_call *call, int32_t resources,
                                     lince_error *err)
{
    if (!call->has_seed) {
        return LINCE_OK;
    }
    LI_TRY(
        li_run_grow(link->run.mem, &link->generators, &link->generator_room, resources, sizeof *link->generators, err));
    for (int32_t i = 0; i < resources; i++) {
        const struct li_resource *r = li_store_get(call->store, i);
        if (r->kind == LI_GENERATOR && !call->pending[i]) {
            li_generator_start(link->generators[i], r->name, call->seed);
            call->pending[i] = link->generators[i];
        }
    }
    return LINCE_OK;
}

/* The read lock is held. */
static lince_status check_unchanged(const struct li_chain_call *call, lince_error *err)
{
    const struct li_link *since = call->since;
    for (int32_t i = 0; since && i < since->entry->again_count; i++) {
        const struct li_stamp *stamp = &since->stamps[i];
        const struct li_resource *r = li_store_get(call->store, stamp->resource);
        uint64_t now = atomic_load(&r->version);
        if (now != stamp->version) {
            return li_fail(err, LINCE_EINVAL,
                           "variable \"%s\" was written since the run that this one goes on with: its version was %llu "
                           "and is %llu",
                           r->name, (unsigned long long)stamp->version, (unsigned long long)now);
        }
    }
    return LINCE_OK;
}

/* The read lock is held. */
static void note_versions(struct li_link *link, const struct li_chain_call *call)
{
    for (int32_t i = 0; i < link->entry->again_count; i++) {
        int32_t resource = link->entry->again[i];
        uint64_t version = atomic_load(&li_store_get(call->store, resource)->version);
        link->stamps[i] = (struct li_stamp){resource, version};
    }
}

static lince_status run_plan(struct li_link *link, struct li_chain_call *call, const struct li_tensor *inputs,
                             lince_error *err)
{
    const struct li_plan *plan = link->entry->plan;
    link->given = inputs;
    LI_TRY(li_chain_cover(call, plan->resource_count, err));
    LI_TRY(start_generators(link, call, plan->resource_count, err));
    LI_TRY(li_run_grow(link->run.mem, &link->stamps, &link->stamp_room, link->entry->again_count, sizeof *link->stamps,
                       err));
    const struct li_run_call run = {
        .pool = call->pool, .inputs = inputs, .pending = call->pending, .stop = call->stop, .turns = &call->turns};
    pthread_rwlock_rdlock(&call->store->lock);
    note_versions(link, call);
    lince_status st = check_unchanged(call, err);
    st = st ? st : li_run_plan(plan, &link->run, &run, err);
    pthread_rwlock_unlock(&call->store->lock);
    return st;
}

/* The next segment's inputs: what the loop between gives, then what the plan gave beyond the loop's own. */
static lince_status run_between(struct li_link *link, struct li_chain_call *call, const struct li_tensor **inputs,
                                lince_error *err)
{
    const struct li_entry *e = link->entry;
    const struct li_tensor *results, *given = link->run.outputs;
    *inputs = given;
    if (!e->loop.op) {
        return LINCE_OK;
    }
    int32_t count = e->rest->graph->input_count, made = e->loop.nout;
    LI_TRY(li_loop_run(&link->loop, e, call, given, &results, err));
    LI_TRY(li_run_grow(link->run.mem, &link->inputs, &link->input_room, count, sizeof *link->inputs, err));
    for (int32_t i = 0; i < count; i++) {
        link->inputs[i] = i < made ? results[i] : given[e->loop.nin + i - made];
    }
    *inputs = link->inputs;
    return LINCE_OK;
}

/* From a segment to where the run ends, or pauses. */
static lince_status run_segments(struct li_chain *chain, struct li_chain_call *call, struct li_segment *segment,
                                 const struct li_tensor *inputs, const struct li_tensor **outputs, lince_error *err)
{
    for (;;) {
        struct li_link *link;
        LI_TRY(enter(chain, segment, inputs, &link, err));
        LI_TRY(run_plan(link, call, inputs, err));
        segment = link->entry->rest;
        if (!segment || segment->cut) {
            *outputs = link->run.outputs;
            return LINCE_OK;
        }
        LI_TRY(run_between(link, call, &inputs, err));
    }
}

lince_status li_chain_run(struct li_chain *chain, struct li_chain_call *call, const struct li_tensor *inputs,
                          const struct li_tensor **outputs, lince_error *err)
{
    chain->used = 0;
    call->since = NULL;
    LI_TRY(run_segments(chain, call, &chain->program->first, inputs, outputs, err));
    chain->paused = li_chain_last(chain)->entry->rest ? chain->used : 0;
    return LINCE_OK;
}

/* What the caller gives, then the last outputs of the first part. */
static lince_status join_inputs(struct li_link *link, const struct li_tensor *given, lince_error *err)
{
    const struct li_segment *rest = link->entry->rest;
    int32_t count = rest->graph->input_count, own = count - rest->given;
    const struct li_tensor *kept = link->run.outputs + (link->entry->plan->graph->output_count - own);
    LI_TRY(li_run_grow(link->run.mem, &link->inputs, &link->input_room, count, sizeof *link->inputs, err));
    for (int32_t i = 0; i < count; i++) {
        link->inputs[i] = i < rest->given ? given[i] : kept[i - rest->given];
    }
    return LINCE_OK;
}

lince_status li_chain_resume(struct li_chain *chain, struct li_chain_call *call, const struct li_tensor *given,
                             const struct li_tensor **outputs, lince_error *err)
{
    struct li_link *link = li_chain_paused(chain);
    LI_TRY(join_inputs(link, given, err));
    chain->used = chain->paused;
    call->since = link;
    return run_segments(chain, call, link->entry->rest, link->inputs, outputs, err);
}
