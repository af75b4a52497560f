/*
 * Loops turn by turn: their shapes change, or are known only by running. The condition and the turn are programs, each
 * with its plans by shapes.
 *
 * Two chains take turns, so that what one gave is there while the other reads it. What the loop wrote to a resource is
 * copied after each turn to memory of the loop's: the chain that wrote it may be used again before that is read.
 */
#include "chain.h"
#include "stop.h"

#include <string.h>

struct li_loop_run {
    struct li_mem *mem;
    const struct li_entry *entry; /* that it is for */
    struct li_chain condition, turn[2];
    struct li_tensor *variables;
    void **written; /* by touch of the loop; NULL: it does not write */
    int32_t written_count;
};

void li_loop_free(struct li_loop_run *loop)
{
    if (!loop) {
        return;
    }
    struct li_mem *mem = loop->mem;
    li_chain_fini(&loop->condition);
    li_chain_fini(&loop->turn[0]);
    li_chain_fini(&loop->turn[1]);
    for (int32_t i = 0; i < loop->written_count; i++) {
        li_free(mem, loop->written[i]);
    }
    li_free(mem, loop->written);
    li_free(mem, loop->variables);
    li_free(mem, loop);
}

static lince_status make_written(struct li_loop_run *loop, const struct li_node *node, const struct li_store *store,
                                 lince_error *err)
{
    loop->written = li_calloc(loop->mem, (size_t)node->touches + 1, sizeof *loop->written, err);
    if (!loop->written) {
        return LINCE_ENOMEM;
    }
    loop->written_count = node->touches;
    for (int i = 0; i < node->touches; i++) {
        const struct li_resource *r = li_store_get(store, node->touch[i].resource);
        if (li_touch_writes(&node->touch[i])) {
            loop->written[i] = li_alloc(loop->mem, r->value.size_bytes, err);
            if (!loop->written[i]) {
                return LINCE_ENOMEM;
            }
        }
    }
    return LINCE_OK;
}

static lince_status new_loop(struct li_loop_run **out, const struct li_entry *entry, const struct li_store *store,
                             lince_error *err)
{
    struct li_mem *mem = entry->body[0]->mem;
    struct li_loop_run *loop = li_calloc(mem, 1, sizeof *loop, err);
    if (!loop) {
        return LINCE_ENOMEM;
    }
    *loop = (struct li_loop_run){.mem = mem, .entry = entry};
    li_chain_init(&loop->condition, entry->body[0]);
    li_chain_init(&loop->turn[0], entry->body[1]);
    li_chain_init(&loop->turn[1], entry->body[1]);
    loop->variables = li_calloc(mem, (size_t)entry->loop.nin + 1, sizeof *loop->variables, err);
    lince_status st = loop->variables ? make_written(loop, &entry->loop, store, err) : LINCE_ENOMEM;
    if (st) {
        li_loop_free(loop);
        return st;
    }
    *out = loop;
    return LINCE_OK;
}

static lince_status keep_written(struct li_loop_run *loop, struct li_chain_call *call, lince_error *err)
{
    const struct li_node *node = &loop->entry->loop;
    for (int i = 0; i < node->touches; i++) {
        int32_t resource = node->touch[i].resource;
        LI_TRY(li_chain_cover(call, resource + 1, err));
        void *now = call->pending[resource];
        if (loop->written[i] && now && now != loop->written[i]) {
            memcpy(loop->written[i], now, li_store_get(call->store, resource)->value.size_bytes);
            call->pending[resource] = loop->written[i];
        }
    }
    return LINCE_OK;
}

static lince_status goes_on(struct li_loop_run *loop, struct li_chain_call *call, bool *out, lince_error *err)
{
    const struct li_tensor *condition;
    LI_TRY(li_chain_run(&loop->condition, call, loop->variables, &condition, err));
    *out = loop->entry->loop.op->choose(&condition[0], 2) == 0;
    return LINCE_OK;
}

static lince_status run_turns(struct li_loop_run *loop, struct li_chain_call *call, lince_error *err)
{
    const struct li_tensor *results;
    for (int turn = 0;; turn ^= 1) {
        bool more;
        LI_TRY(goes_on(loop, call, &more, err));
        if (!more) {
            return LINCE_OK;
        }
        LI_TRY(li_stop_turns(&call->turns, &loop->entry->loop, err));
        LI_TRY(li_chain_run(&loop->turn[turn], call, loop->variables, &results, err));
        memcpy(loop->variables, results, (size_t)loop->entry->loop.nout * sizeof *results);
        LI_TRY(keep_written(loop, call, err));
    }
}

lince_status li_loop_run(struct li_loop_run **loop, const struct li_entry *entry, struct li_chain_call *call,
                         const struct li_tensor *inputs, const struct li_tensor **results, lince_error *err)
{
    LI_TRY(*loop ? LINCE_OK : new_loop(loop, entry, call->store, err));
    if (entry->loop.nin) {
        memcpy((*loop)->variables, inputs, (size_t)entry->loop.nin * sizeof *inputs);
    }
    LI_TRY(run_turns(*loop, call, err));
    *results = (*loop)->variables;
    return LINCE_OK;
}
