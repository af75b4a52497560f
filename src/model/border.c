/* Values and orders across the borders of conditions and loops: what a body reads from outside is an argument of it. */
#include "model/lower.h"
#include "model/special.h"

#include <string.h>

/* What a source comes to once all that only hands it on is gone. */
struct value {
    struct li_source raw;   /* of the flat graph */
    struct li_source local; /* of the body of `home`, its node not yet in that body's numbers */
    int32_t home;           /* scope */
    int32_t type;
};

/* ---- Handing on ---- */

static void follow(const struct li_lowering *l, struct li_source *s, int32_t *type)
{
    while (s->node != LI_NONE && l->through[s->node].node != s->node) {
        *type = l->type[s->node] ? l->type[s->node] : *type;
        *s = l->through[s->node];
    }
}

void li_lower_through(struct li_lowering *l, int32_t p)
{
    enum li_flow flow = (enum li_flow)l->flow[p];
    bool hands_on =
        flow == LI_FLOW_SWITCH || flow == LI_FLOW_INVARIANT || flow == LI_FLOW_NEXT || flow == LI_FLOW_LOOP_COND;
    l->through[p] = (struct li_source){.node = p};
    if (hands_on) {
        int32_t type = l->type[p];
        l->through[p] = l->raw->part[p].in[0];
        follow(l, &l->through[p], &type); /* one step, as what is read has been followed */
        l->type[p] = type;
    }
}

/*
 * A flow of a TensorArray is a list here, where the file says float, and the handle of an old table is one, where it
 * says string. Of what routes values both follow from what goes in; all that is read but in a later turn is known.
 */
void li_lower_type(struct li_lowering *l, int32_t p)
{
    const struct li_part *part = &l->raw->part[p];
    bool merges = l->flow[p] == LI_FLOW_MERGE || l->flow[p] == LI_FLOW_LOOP_MERGE;
    bool passes = l->flow[p] != LI_FLOW_NONE || (part->op && part->op->flags & LI_OP_ALIAS);
    if (li_array_is_list(part)) {
        l->type[p] = LINCE_VARIANT;
    } else if (part->special && part->special->handle) {
        l->type[p] = LINCE_RESOURCE;
    }
    for (int k = 0; passes && k < (merges ? 2 : 1) && k < part->nin; k++) {
        int32_t from = part->in[k].back || part->in[k].control ? LI_NONE : part->in[k].node;
        if (from != LI_NONE && (l->type[from] == LINCE_VARIANT || l->type[from] == LINCE_RESOURCE)) {
            l->type[p] = l->type[from];
        }
    }
}

static struct value find_value(const struct li_lowering *l, struct li_source s, int32_t type)
{
    follow(l, &s, &type);
    if (s.node == LI_NONE) {
        return (struct value){s, s, 0, type ? type : l->raw->arg[s.index].type};
    }
    int32_t p = s.node, scope = l->scope[p];
    const struct li_source variable = {.node = LI_NONE, .index = l->place[p]},
                           result = {.node = p, .index = l->place[p]};
    switch (l->flow[p]) {
    case LI_FLOW_LOOP_MERGE:
        return (struct value){s, variable, scope, l->type[p]};
    case LI_FLOW_LOOP_SWITCH:
        return (struct value){s, variable, scope + 1, l->type[p]};
    case LI_FLOW_MERGE:
    case LI_FLOW_EXIT:
        return (struct value){s, result, scope, l->type[p]};
    default:
        return (struct value){s, s, scope, type};
    }
}

/* ---- Captures ---- */

static bool same_source(const struct li_source *a, const struct li_source *b)
{
    return a->node == b->node && a->index == b->index && a->whole == b->whole && a->control == b->control &&
           a->output_len == b->output_len &&
           (!a->output_len || memcmp(a->output, b->output, (size_t)a->output_len) == 0);
}

static void append(struct li_lowering *l, struct li_construct *c, int32_t n)
{
    if (c->last == LI_NONE) {
        c->first = n;
    } else {
        l->capture[c->last].next = n;
    }
    c->last = n;
}

/* A source of a construct, once each: how many constructs read a source is bounded, so the list of them is walked. */
static lince_status capture(struct li_lowering *l, int32_t construct, const struct li_source *s, int32_t type,
                            int32_t *argument)
{
    struct li_construct *c = &l->construct[construct];
    int32_t *head = &l->captured[s->node == LI_NONE ? l->raw->parts + s->index : s->node];
    for (int32_t n = *head; n != LI_NONE; n = l->capture[n].next_of_source) {
        if (l->capture[n].construct == construct && same_source(&l->capture[n].source, s)) {
            *argument = l->capture[n].argument;
            return LINCE_OK;
        }
    }
    if (l->captures == LI_MAX_NODES) {
        return li_fail(l->err, LINCE_ELIMIT, "conditions and loops read more than %d values from outside",
                       LI_MAX_NODES);
    }
    LI_TRY(li_arena_grow(&l->scratch, &l->capture, &l->capture_room, l->captures + 1, sizeof *l->capture, l->err));
    *argument = s->control ? LI_NONE : c->captures++;
    append(l, c, l->captures);
    l->capture[l->captures] = (struct li_capture){*s, type, construct, *argument, LI_NONE, *head};
    *head = l->captures++;
    return LINCE_OK;
}

/* ---- Sources ---- */

static int32_t place_in_body(const struct li_lowering *l, int32_t part)
{
    return l->flow[part] == LI_FLOW_NONE ? l->place[part] : l->construct[l->owner[part]].place;
}

lince_status li_lower_source(struct li_lowering *l, int32_t scope, const struct li_source *raw, int32_t type,
                             const char *who, struct li_source *out)
{
    struct value v = find_value(l, *raw, type);
    if (!li_scope_within(l, scope, v.home) || !li_scope_within(l, scope, li_scope_of(l, raw))) {
        return li_fail(l->err, LINCE_EUNSUPPORTED,
                       "node \"%.500s\": reads what is there in one branch, or in the turns of one loop, only", who);
    }
    *out = v.local;
    if (v.home == scope) {
        out->node = out->node == LI_NONE ? LI_NONE : place_in_body(l, out->node);
        return LINCE_OK;
    }
    const struct li_construct *c = &l->construct[li_scope_construct(scope)];
    *out = (struct li_source){.node = LI_NONE};
    LI_TRY(capture(l, li_scope_construct(scope), &v.raw, v.type, &out->index));
    out->index += c->loop ? c->members : 0;
    return LINCE_OK;
}

/* That a turn or a branch has begun is no order among its parts; what is handed on was there before. */
lince_status li_lower_control(struct li_lowering *l, int32_t scope, const struct li_source *raw, const char *who,
                              struct li_source *out, bool *keep)
{
    struct li_source s = *raw;
    int32_t type = 0, argument;
    follow(l, &s, &type);
    enum li_flow flow = s.node == LI_NONE ? LI_FLOW_ENTER : (enum li_flow)l->flow[s.node];
    *keep = flow == LI_FLOW_NONE || flow == LI_FLOW_MERGE || flow == LI_FLOW_EXIT;
    if (!*keep) {
        return LINCE_OK;
    }
    s = (struct li_source){.node = s.node, .control = true};
    int32_t home = l->scope[s.node];
    if (!li_scope_within(l, scope, home)) {
        return li_fail(l->err, LINCE_EUNSUPPORTED,
                       "node \"%.500s\": waits for \"%.500s\", which is in one branch, or in the turns of one loop",
                       who, l->raw->part[s.node].name);
    }
    *keep = home == scope;
    *out = s;
    out->node = place_in_body(l, s.node);
    return *keep ? LINCE_OK : capture(l, li_scope_construct(scope), &s, 0, &argument);
}
