/* What all makers of bodies share: room, the names of results, and which parts are needed, in which order. */
#include "model/body.h"

#include <stdlib.h>
#include <string.h>

lince_status li_body_new(struct li_body **out, size_t parts, size_t args, size_t results, struct li_arena *arena,
                         lince_error *err)
{
    if (parts > LI_MAX_NODES || args > LI_MAX_NODES || results > LI_MAX_NODES) {
        return li_fail(err, LINCE_ELIMIT, "%zu nodes, %zu arguments, %zu results; the limit is %d", parts, args,
                       results, LI_MAX_NODES);
    }
    struct li_body *b = li_arena_calloc(arena, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    b->parts = (int32_t)parts;
    b->args = (int32_t)args;
    b->results = (int32_t)results;
    b->part = li_arena_calloc(arena, parts, sizeof *b->part, err);
    b->arg = li_arena_calloc(arena, args, sizeof *b->arg, err);
    b->result = li_arena_calloc(arena, results, sizeof *b->result, err);
    b->ret = li_arena_calloc(arena, results, sizeof *b->ret, err);
    b->result_order = li_arena_calloc(arena, results, sizeof *b->result_order, err);
    b->order = li_arena_calloc(arena, parts, sizeof *b->order, err);
    *out = b;
    return b->part && b->arg && b->result && b->ret && b->result_order && b->order ? LINCE_OK : LINCE_ENOMEM;
}

int li_part_inputs(const struct li_part *part)
{
    int n = 0;
    while (n < part->nin && !part->in[n].control) {
        n++;
    }
    return n;
}

/* ---- Names of results ---- */

struct named {
    const char *name;
    int32_t place;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static lince_status sort_results(struct li_body *b, struct li_arena *scratch, lince_error *err)
{
    struct named *sorted = li_arena_alloc(scratch, (size_t)b->results * sizeof *sorted, err);
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < b->results; i++) {
        sorted[i] = (struct named){b->result[i].name, i};
    }
    if (b->results) {
        qsort(sorted, (size_t)b->results, sizeof *sorted, compare_named);
    }
    for (int32_t i = 0; i < b->results; i++) {
        b->result_order[i] = sorted[i].place;
    }
    return LINCE_OK;
}

int32_t li_body_result(const struct li_body *b, const char *name, int32_t len)
{
    int32_t low = 0, high = b->results;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        const char *text = b->result[b->result_order[middle]].name;
        int order = li_compare_names(text, strlen(text), name, (size_t)len);
        if (!order) {
            return b->result_order[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return LI_NONE;
}

/* ---- What is needed, and its order ---- */

struct reach {
    uint8_t *seen;
    int32_t *stack;
    size_t depth;
};

static void mark(struct reach *t, int32_t part)
{
    if (part != LI_NONE && !t->seen[part]) {
        t->seen[part] = 1;
        t->stack[t->depth++] = part;
    }
}

static lince_status find_reachable(struct li_body *b, struct reach *t, struct li_arena *scratch, lince_error *err)
{
    t->seen = li_arena_calloc(scratch, (size_t)b->parts, 1, err);
    t->stack = li_arena_alloc(scratch, (size_t)b->parts * sizeof *t->stack, err);
    if (!t->seen || !t->stack) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < b->results; i++) {
        mark(t, b->ret[i].node);
    }
    for (int32_t i = 0; i < b->parts; i++) {
        mark(t, b->part[i].effect ? i : LI_NONE);
    }
    while (t->depth) {
        const struct li_part *part = &b->part[t->stack[--t->depth]];
        for (int32_t k = 0; k < part->nin; k++) {
            mark(t, part->in[k].node);
        }
    }
    return LINCE_OK;
}

enum { NEW, OPEN, DONE };

struct visit {
    int32_t part;
    int32_t next; /* input to look at */
};

/* One part and all that it waits for, depth first without recursion. */
static lince_status visit_all(struct li_body *b, int32_t start, uint8_t *state, struct visit *stack, lince_error *err)
{
    int32_t depth = 0;
    stack[depth++] = (struct visit){start, 0};
    state[start] = OPEN;
    while (depth) {
        struct visit *top = &stack[depth - 1];
        if (top->next == b->part[top->part].nin) {
            state[top->part] = DONE;
            b->order[b->order_count++] = top->part;
            depth--;
            continue;
        }
        const struct li_source *s = &b->part[top->part].in[top->next++];
        int32_t in = s->back ? LI_NONE : s->node;
        if (in == LI_NONE || state[in] == DONE) {
            continue;
        }
        if (state[in] == OPEN) {
            return li_fail(err, LINCE_EINVAL, "node \"%.200s\" depends on itself", b->part[in].name);
        }
        state[in] = OPEN;
        stack[depth++] = (struct visit){in, 0};
    }
    return LINCE_OK;
}

/* A file's own order stays where it is one. */
static lince_status put_in_order(struct li_body *b, const uint8_t *needed, struct li_arena *scratch, lince_error *err)
{
    uint8_t *state = li_arena_calloc(scratch, (size_t)b->parts, 1, err);
    struct visit *stack = li_arena_alloc(scratch, (size_t)b->parts * sizeof *stack, err);
    if (!state || !stack) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < b->parts; i++) {
        if (needed[i] && state[i] == NEW) {
            LI_TRY(visit_all(b, i, state, stack, err));
        }
    }
    return LINCE_OK;
}

static lince_status finish(struct li_body *b, struct li_arena *scratch, lince_error *err)
{
    struct reach reach = {0};
    LI_TRY(sort_results(b, scratch, err));
    LI_TRY(find_reachable(b, &reach, scratch, err));
    return put_in_order(b, reach.seen, scratch, err);
}

lince_status li_body_finish(struct li_body *b, struct li_mem *mem, lince_error *err)
{
    struct li_arena scratch;
    b->size = 0;
    for (int32_t i = 0; i < b->parts; i++) {
        b->size += 1 + (size_t)b->part[i].nin;
    }
    li_arena_init(&scratch, mem, 0);
    lince_status st = finish(b, &scratch, err);
    li_arena_free(&scratch);
    return st;
}
