/* Where each part stands: from what it reads, since what a Switch or an Enter gives is there in its scope only. */
#include "model/lower.h"

#include <string.h>

int li_flow_output(const struct li_source *s)
{
    if (!s->output) {
        return s->index;
    }
    bool second =
        s->output_len == 11 && (memcmp(s->output, "output_true", 11) == 0 || memcmp(s->output, "value_index", 11) == 0);
    return second ? 1 : 0;
}

lince_status li_flow_fail(const struct li_lowering *l, int32_t part, const char *what)
{
    return li_fail(l->err, LINCE_EUNSUPPORTED, "node \"%.500s\" (%s): %s", l->raw->part[part].name,
                   l->raw->part[part].op_name, what);
}

/* ---- Kinds ---- */

static enum li_flow flow_of(const char *op)
{
    static const struct {
        const char *op;
        enum li_flow flow;
    } known[] = {{"Switch", LI_FLOW_SWITCH},      {"RefSwitch", LI_FLOW_SWITCH},
                 {"Merge", LI_FLOW_MERGE},        {"RefMerge", LI_FLOW_MERGE},
                 {"Enter", LI_FLOW_ENTER},        {"RefEnter", LI_FLOW_ENTER},
                 {"Exit", LI_FLOW_EXIT},          {"RefExit", LI_FLOW_EXIT},
                 {"NextIteration", LI_FLOW_NEXT}, {"RefNextIteration", LI_FLOW_NEXT},
                 {"LoopCond", LI_FLOW_LOOP_COND}};
    for (size_t i = 0; i < LI_COUNT(known); i++) {
        if (strcmp(known[i].op, op) == 0) {
            return known[i].flow;
        }
    }
    return LI_FLOW_NONE;
}

static enum li_flow flow_at(const struct li_lowering *l, const struct li_source *s)
{
    return s->node == LI_NONE ? LI_FLOW_NONE : (enum li_flow)l->flow[s->node];
}

/* One with another number of inputs than it can have is left as it is: no row knows it. */
static enum li_flow checked_flow(const struct li_part *part)
{
    enum li_flow flow = part->op || part->special ? LI_FLOW_NONE : flow_of(part->op_name);
    int wanted = flow == LI_FLOW_SWITCH || flow == LI_FLOW_MERGE ? 2 : 1;
    return li_part_inputs(part) == wanted ? flow : LI_FLOW_NONE;
}

/* Kinds that the neighbours decide. What NextIteration gives is for the next turn: nobody waits for it. */
static void refine(struct li_lowering *l, int32_t p)
{
    struct li_part *part = &l->raw->part[p];
    switch (l->flow[p]) {
    case LI_FLOW_SWITCH:
        l->flow[p] = flow_at(l, &part->in[1]) == LI_FLOW_LOOP_COND ? LI_FLOW_LOOP_SWITCH : LI_FLOW_SWITCH;
        return;
    case LI_FLOW_ENTER:
        l->flow[p] = li_attrs_bool(part, "is_constant") ? LI_FLOW_INVARIANT : LI_FLOW_ENTER;
        return;
    case LI_FLOW_MERGE:
        for (int k = 0; k < 2; k++) {
            if (flow_at(l, &part->in[k]) == LI_FLOW_NEXT) {
                l->flow[p] = LI_FLOW_LOOP_MERGE;
                part->in[k].back = true;
            }
        }
        return;
    default:
        return;
    }
}

bool li_flow_find(struct li_lowering *l)
{
    bool any = false;
    for (int32_t p = 0; p < l->raw->parts; p++) {
        l->flow[p] = (uint8_t)checked_flow(&l->raw->part[p]);
        any |= l->flow[p] != LI_FLOW_NONE;
    }
    return any;
}

/* ---- Scopes ---- */

bool li_scope_within(const struct li_lowering *l, int32_t inner, int32_t outer)
{
    while (inner > outer) { /* a scope has a higher number than the one around it */
        inner = l->construct[li_scope_construct(inner)].outer;
    }
    return inner == outer;
}

int li_scope_depth(const struct li_lowering *l, int32_t scope)
{
    int depth = 0;
    while (scope) {
        scope = l->construct[li_scope_construct(scope)].outer;
        depth++;
    }
    return depth;
}

bool li_scope_is_condition(const struct li_lowering *l, int32_t scope)
{
    return scope && li_scope_body(scope) == 0 && l->construct[li_scope_construct(scope)].loop;
}

static lince_status join(const struct li_lowering *l, int32_t part, int32_t a, int32_t b, int32_t *out)
{
    *out = LI_MAX(a, b);
    return li_scope_within(l, *out, LI_MIN(a, b))
               ? LINCE_OK
               : li_flow_fail(l, part, "reads what is there in different branches or loops only");
}

/* ---- Where what a source gives is there ---- */

static int32_t branch_of(const struct li_lowering *l, const struct li_source *s)
{
    int32_t condition = l->owner[s->node];
    return li_flow_output(s) ? li_scope_first(condition) : li_scope_second(condition);
}

int32_t li_scope_of(const struct li_lowering *l, const struct li_source *s)
{
    if (s->node == LI_NONE) {
        return 0;
    }
    switch (l->flow[s->node]) {
    case LI_FLOW_SWITCH:
        return s->control ? l->scope[s->node] : branch_of(l, s);
    case LI_FLOW_ENTER:
        return li_scope_first(l->owner[s->node]);
    case LI_FLOW_LOOP_SWITCH:
        return s->control ? l->scope[s->node] : li_scope_second(li_scope_construct(l->scope[s->node]));
    default:
        return l->scope[s->node];
    }
}

static lince_status join_inputs(const struct li_lowering *l, int32_t p, bool controls_only, int32_t *scope)
{
    const struct li_part *part = &l->raw->part[p];
    for (int32_t k = 0; k < part->nin; k++) {
        if (!part->in[k].back && (part->in[k].control || !controls_only)) {
            LI_TRY(join(l, p, *scope, li_scope_of(l, &part->in[k]), scope));
        }
    }
    return LINCE_OK;
}

/* ---- Each kind ---- */

static lince_status place_merge(struct li_lowering *l, int32_t p)
{
    const struct li_source *in = l->raw->part[p].in;
    int32_t a = li_scope_of(l, &in[0]), b = li_scope_of(l, &in[1]);
    bool branches = a != b && a && b && li_scope_construct(a) == li_scope_construct(b);
    if (!branches || l->construct[li_scope_construct(a)].loop) {
        return li_flow_fail(l, p, "does not bring together the two branches of one condition");
    }
    int32_t outer = l->construct[li_scope_construct(a)].outer;
    l->scope[p] = outer;
    LI_TRY(join_inputs(l, p, true, &l->scope[p]));
    if (l->scope[p] != outer) {
        return li_flow_fail(l, p, "waits for what is inside a branch or a loop");
    }
    return li_construct_add(l, li_scope_construct(a), p);
}

static lince_status place_loop_merge(struct li_lowering *l, int32_t p)
{
    struct li_part *part = &l->raw->part[p];
    int32_t scope = l->scope[p];
    const struct li_source *first = &part->in[part->in[0].back ? 1 : 0];
    if (first->back || flow_at(l, first) != LI_FLOW_ENTER || scope != li_scope_of(l, first)) {
        return li_flow_fail(l, p, "is no variable of a loop, which one Enter and one NextIteration make");
    }
    return li_construct_add(l, li_scope_construct(scope), p);
}

static lince_status place_loop_switch(struct li_lowering *l, int32_t p)
{
    const struct li_source *in = l->raw->part[p].in;
    bool variable = flow_at(l, &in[0]) == LI_FLOW_LOOP_MERGE && l->scope[in[0].node] == l->scope[p];
    if (!variable || l->scope[in[1].node] != l->scope[p]) {
        return li_flow_fail(l, p, "is no variable of the loop whose condition it reads");
    }
    l->owner[p] = l->owner[in[0].node];
    l->place[p] = l->place[in[0].node];
    return LINCE_OK;
}

static lince_status place_condition(struct li_lowering *l, int32_t p)
{
    if (!li_scope_is_condition(l, l->scope[p])) {
        return li_flow_fail(l, p, "stands in no loop");
    }
    struct li_construct *c = &l->construct[li_scope_construct(l->scope[p])];
    if (c->has_test) {
        return li_flow_fail(l, p, "is the second condition of its loop");
    }
    c->test = l->raw->part[p].in[0];
    c->has_test = true;
    return LINCE_OK;
}

static lince_status place_exit(struct li_lowering *l, int32_t p)
{
    const struct li_source *in = l->raw->part[p].in;
    if (flow_at(l, &in[0]) != LI_FLOW_LOOP_SWITCH || li_flow_output(&in[0]) != 0) {
        return li_flow_fail(l, p, "does not leave a loop");
    }
    l->owner[p] = l->owner[in[0].node];
    l->place[p] = l->place[in[0].node];
    l->scope[p] = l->construct[l->owner[p]].outer;
    return LINCE_OK;
}

static lince_status place_enter(struct li_lowering *l, int32_t p)
{
    const char *frame = li_attrs_text(&l->raw->part[p], "frame_name", &l->scratch, l->err);
    if (!frame) {
        return LINCE_ENOMEM;
    }
    return li_construct_loop(l, p, frame);
}

static void note_identity(struct li_lowering *l, int32_t p)
{
    const struct li_part *part = &l->raw->part[p];
    bool passes = part->op && part->op->flags & LI_OP_ALIAS && part->nin == 1 && !part->in[0].control;
    l->same[p] = passes ? li_flow_origin(l, part->in[0]) : (struct li_source){.node = p};
}

/* Only an Exit may read what is left of a variable after the last turn. */
lince_status li_flow_check(const struct li_lowering *l, const struct li_source *s, enum li_flow reader)
{
    enum li_flow flow = s->control ? LI_FLOW_NONE : flow_at(l, s);
    bool wrong = (flow == LI_FLOW_LOOP_SWITCH && li_flow_output(s) == 0 && reader != LI_FLOW_EXIT) ||
                 (flow == LI_FLOW_ENTER && reader != LI_FLOW_LOOP_MERGE) ||
                 ((flow == LI_FLOW_MERGE || flow == LI_FLOW_LOOP_MERGE) && li_flow_output(s) != 0);
    return wrong ? li_flow_fail(l, s->node, "is read in another way than a condition or a loop would") : LINCE_OK;
}

static lince_status check_reads(const struct li_lowering *l, int32_t p)
{
    const struct li_part *part = &l->raw->part[p];
    for (int32_t k = 0; k < part->nin; k++) {
        LI_TRY(li_flow_check(l, &part->in[k], (enum li_flow)l->flow[p]));
    }
    return LINCE_OK;
}

static lince_status place_part(struct li_lowering *l, int32_t p)
{
    LI_TRY(check_reads(l, p));
    switch (l->flow[p]) {
    case LI_FLOW_MERGE:
        return place_merge(l, p);
    case LI_FLOW_EXIT:
        return place_exit(l, p);
    default:
        break;
    }
    LI_TRY(join_inputs(l, p, false, &l->scope[p]));
    switch (l->flow[p]) {
    case LI_FLOW_SWITCH:
        return li_construct_condition(l, p);
    case LI_FLOW_ENTER:
        return place_enter(l, p);
    case LI_FLOW_LOOP_MERGE:
        return place_loop_merge(l, p);
    case LI_FLOW_LOOP_SWITCH:
        return place_loop_switch(l, p);
    case LI_FLOW_LOOP_COND:
        return place_condition(l, p);
    default:
        return LINCE_OK;
    }
}

lince_status li_scopes_find(struct li_lowering *l)
{
    for (int32_t p = 0; p < l->raw->parts; p++) {
        refine(l, p);
        l->type[p] = l->flow[p] == LI_FLOW_NONE ? 0 : li_attrs_type(&l->raw->part[p], "T");
    }
    LI_TRY(li_body_finish(l->raw, l->mem, l->err));
    for (size_t i = 0; i < LI_SCOPE_BUCKETS; i++) {
        l->bucket[i] = LI_NONE;
    }
    for (int32_t k = 0; k < l->raw->order_count; k++) {
        note_identity(l, l->raw->order[k]);
        li_lower_type(l, l->raw->order[k]);
        LI_TRY(place_part(l, l->raw->order[k]));
    }
    return LINCE_OK;
}
