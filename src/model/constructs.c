/*
 * Conditions and loops of a flat graph, found by what tells one from another: a loop's frame; a condition's predicate,
 * and what that waits for. Two conditions on one predicate are one, unless the second waits for something.
 */
#include "model/lower.h"

#include <string.h>

/* ---- What a Switch tests ---- */

struct predicate {
    struct li_source test;
    int32_t waits; /* as in li_construct */
};

static bool same_source(const struct li_source *a, const struct li_source *b)
{
    return a->node == b->node && a->index == b->index && a->output_len == b->output_len &&
           (!a->output_len || memcmp(a->output, b->output, (size_t)a->output_len) == 0);
}

struct li_source li_flow_origin(const struct li_lowering *l, struct li_source s)
{
    bool flows = s.node != LI_NONE && l->flow[s.node] != LI_FLOW_NONE;
    s.index = flows ? li_flow_output(&s) : s.index;
    return s.node != LI_NONE && l->same[s.node].node != s.node ? l->same[s.node] : s;
}

/* One that waits for something as well. */
static bool is_waiting_identity(const struct li_lowering *l, int32_t p)
{
    const struct li_part *part = p == LI_NONE ? NULL : &l->raw->part[p];
    return part && part->op && part->op->flags & LI_OP_ALIAS && part->nin > 1 && li_part_inputs(part) == 1;
}

/*
 * TensorFlow gives a condition a Switch of the predicate by itself, for what waits for a branch, and an Identity of it
 * for all other Switches. What the condition waits for, they wait for both.
 */
static struct predicate predicate_of(const struct li_lowering *l, int32_t p)
{
    const struct li_part *part = &l->raw->part[p];
    struct predicate predicate = {li_flow_origin(l, part->in[1]), LI_NONE};
    if (part->nin > 2 && same_source(&part->in[0], &part->in[1])) {
        predicate.waits = p;
    } else if (is_waiting_identity(l, predicate.test.node)) {
        predicate.waits = predicate.test.node;
        predicate.test = li_flow_origin(l, l->raw->part[predicate.waits].in[0]);
    }
    return predicate;
}

/* ---- Finding ---- */

/* Of the first few: many parts may wait for the same many. */
static uint32_t hash_waits(const struct li_lowering *l, int32_t waits, uint32_t h)
{
    const struct li_part *part = waits == LI_NONE ? NULL : &l->raw->part[waits];
    int first = part ? li_part_inputs(part) : 0;
    for (int k = first; part && k < LI_MIN(part->nin, first + 8); k++) {
        h = (h ^ (uint32_t)part->in[k].node) * 16777619u;
    }
    return h;
}

static uint32_t hash_of(const struct li_lowering *l, int32_t outer, const char *frame,
                        const struct predicate *predicate)
{
    uint32_t h = 2166136261u ^ (uint32_t)outer;
    for (const char *c = frame ? frame : ""; *c; c++) {
        h = (h ^ (uint8_t)*c) * 16777619u;
    }
    if (predicate) {
        h = ((h ^ (uint32_t)predicate->test.node) * 16777619u ^ (uint32_t)predicate->test.index) * 16777619u;
        h = hash_waits(l, predicate->waits, h);
    }
    return (h ^ h >> 15) % LI_SCOPE_BUCKETS;
}

/* Whether two parts, or none, have the same control inputs. */
static bool same_waits(const struct li_lowering *l, int32_t a, int32_t b)
{
    if (a == b || a == LI_NONE || b == LI_NONE) {
        return a == b;
    }
    const struct li_part *x = &l->raw->part[a], *y = &l->raw->part[b];
    int i = li_part_inputs(x), k = li_part_inputs(y);
    while (i < x->nin && k < y->nin && x->in[i].node == y->in[k].node) {
        i++;
        k++;
    }
    return i == x->nin && k == y->nin;
}

static bool is_same(const struct li_lowering *l, const struct li_construct *c, int32_t outer, const char *frame,
                    const struct predicate *predicate)
{
    if (c->outer != outer || c->loop != (frame != NULL)) {
        return false;
    }
    return frame ? strcmp(c->frame, frame) == 0
                 : same_source(&c->test, &predicate->test) && same_waits(l, c->waits, predicate->waits);
}

/* The loop of that name, or the condition with that test, in a scope; a new one the first time. */
static lince_status need(struct li_lowering *l, int32_t part, int32_t outer, const char *frame,
                         const struct predicate *predicate, int32_t *out)
{
    int32_t *bucket = &l->bucket[hash_of(l, outer, frame, predicate)];
    for (int32_t c = *bucket; c != LI_NONE; c = l->construct[c].next) {
        if (is_same(l, &l->construct[c], outer, frame, predicate)) {
            *out = c;
            return LINCE_OK;
        }
    }
    if (l->constructs == LI_MAX_CONSTRUCTS || li_scope_depth(l, outer) >= LI_MAX_CALL_DEPTH) {
        return li_fail(l->err, LINCE_ELIMIT, "node \"%.500s\": more than %d conditions and loops, or deeper than %d",
                       l->raw->part[part].name, LI_MAX_CONSTRUCTS, LI_MAX_CALL_DEPTH);
    }
    LI_TRY(li_arena_grow(&l->scratch, &l->construct, &l->room, l->constructs + 1, sizeof *l->construct, l->err));
    if (frame && !(frame = li_arena_strdup(l->arena, frame, l->err))) {
        return LINCE_ENOMEM;
    }
    *out = l->constructs++;
    l->construct[*out] = (struct li_construct){.loop = frame,
                                               .outer = outer,
                                               .frame = frame,
                                               .waits = LI_NONE,
                                               .next = *bucket,
                                               .first = LI_NONE,
                                               .last = LI_NONE};
    if (predicate) {
        l->construct[*out].test = predicate->test;
        l->construct[*out].waits = predicate->waits;
        l->construct[*out].has_test = true;
    }
    *bucket = *out;
    return LINCE_OK;
}

lince_status li_construct_loop(struct li_lowering *l, int32_t enter, const char *frame)
{
    return need(l, enter, l->scope[enter], frame, NULL, &l->owner[enter]);
}

lince_status li_construct_condition(struct li_lowering *l, int32_t p)
{
    struct predicate predicate = predicate_of(l, p);
    return need(l, p, l->scope[p], NULL, &predicate, &l->owner[p]);
}

lince_status li_construct_add(struct li_lowering *l, int32_t construct, int32_t part)
{
    struct li_construct *c = &l->construct[construct];
    LI_TRY(li_arena_grow(&l->scratch, &c->member, &c->room, c->members + 1, sizeof *c->member, l->err));
    l->owner[part] = construct;
    l->place[part] = c->members;
    c->member[c->members++] = part;
    return LINCE_OK;
}
