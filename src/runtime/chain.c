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
        li_free(chain->mem, link);
    }
    li_free(chain->mem, chain->links);
    li_program_release(chain->program);
    *chain = (struct li_chain){.program = NULL};
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

static lince_status run_plan(struct li_link *link, struct li_chain_call *call, const struct li_tensor *inputs,
                             lince_error *err)
{
    const struct li_plan *plan = link->entry->plan;
    link->given = inputs;
    LI_TRY(li_chain_cover(call, plan->resource_count, err));
    const struct li_run_call run = {
        .pool = call->pool, .inputs = inputs, .pending = call->pending, .stop = call->stop, .turns = &call->turns};
    pthread_rwlock_rdlock(&call->store->lock);
    lince_status st = li_run_plan(plan, &link->run, &run, err);
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

lince_status li_chain_run(struct li_chain *chain, struct li_chain_call *call, const struct li_tensor *inputs,
                          const struct li_tensor **outputs, lince_error *err)
{
    struct li_segment *segment = &chain->program->first;
    chain->used = 0;
    for (;;) {
        struct li_link *link;
        LI_TRY(enter(chain, segment, inputs, &link, err));
        LI_TRY(run_plan(link, call, inputs, err));
        if (!link->entry->rest) {
            *outputs = link->run.outputs;
            return LINCE_OK;
        }
        LI_TRY(run_between(link, call, &inputs, err));
        segment = link->entry->rest;
    }
}
