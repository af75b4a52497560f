/*
 * Variables that are no resources: VariableV2 gives a reference, which is read by being used, and Assign gives it on.
 * Here they become handles, assignments of resource variables, and reads.
 */
#include "model/section.h"

#include <string.h>

struct resolver {
    struct li_parts *parts;
    struct li_arena *arena;
    lince_error *err;
};

lince_status li_parts_add(struct li_parts *p, const struct li_part *part, struct li_arena *arena, lince_error *err)
{
    if (p->count == LI_MAX_NODES) {
        return li_fail(err, LINCE_ELIMIT, "more than %d nodes", LI_MAX_NODES);
    }
    LI_TRY(li_arena_grow(arena, &p->part, &p->room, p->count + 1, sizeof *p->part, err));
    p->part[p->count++] = *part;
    return LINCE_OK;
}

static bool is_variable(const struct li_part *part)
{
    return strcmp(part->op_name, "VariableV2") == 0 || strcmp(part->op_name, "Variable") == 0;
}

static const struct li_op *assignment_of(const char *op)
{
    static const struct {
        const char *op;
        enum li_ops_role role;
    } known[] = {{"Assign", LI_OPS_ASSIGN}, {"AssignAdd", LI_OPS_ASSIGN_ADD}, {"AssignSub", LI_OPS_ASSIGN_SUB}};
    for (size_t i = 0; i < LI_COUNT(known); i++) {
        if (strcmp(known[i].op, op) == 0) {
            return li_ops_role(known[i].role);
        }
    }
    return NULL;
}

/* The variable that an output refers to; LI_NONE: it is a value. A chain of assignments that bites itself is none. */
static int32_t variable_of(const struct resolver *r, const struct li_source *s)
{
    int32_t n = s->control ? LI_NONE : s->node;
    for (int32_t steps = 0; n != LI_NONE && steps < LI_MAX_CALL_DEPTH; steps++) {
        const struct li_part *part = &r->parts->part[n];
        if (is_variable(part)) {
            return n;
        }
        bool passes = assignment_of(part->op_name) && part->nin > 0 && !part->in[0].control;
        n = passes ? part->in[0].node : LI_NONE;
    }
    return LI_NONE;
}

/* The inputs with which a part waits for what another waits for, and for one more. */
static lince_status copy_controls(const struct resolver *r, const struct li_part *from, int32_t after,
                                  struct li_part *to)
{
    to->in = li_arena_alloc(r->arena, (size_t)(from ? from->nin + 2 : 2) * sizeof *to->in, r->err);
    if (!to->in) {
        return LINCE_ENOMEM;
    }
    to->nin = 1; /* the handle's place */
    for (int32_t k = 0; from && k < from->nin; k++) {
        if (from->in[k].control) {
            to->in[to->nin++] = from->in[k];
        }
    }
    if (after != LI_NONE) {
        to->in[to->nin++] = (struct li_source){.node = after, .control = true};
    }
    return LINCE_OK;
}

/* A source that refers to a variable becomes one that reads it. reader NULL: a result. */
static lince_status read(const struct resolver *r, struct li_source *s, int32_t variable, const struct li_part *reader)
{
    const struct li_part *v = &r->parts->part[variable];
    const struct li_op *op = li_ops_role(LI_OPS_READ);
    struct li_part part = {.name = v->name, .op_name = op->name, .op = op, .attrs = li_attrs_only(v, "dtype")};
    LI_TRY(copy_controls(r, reader, s->node == variable ? LI_NONE : s->node, &part));
    part.in[0] = (struct li_source){.node = variable};
    *s = (struct li_source){.node = r->parts->count};
    return li_parts_add(r->parts, &part, r->arena, r->err);
}

/* An assignment takes the handle, and comes after the one whose reference it was given. */
static lince_status assign(const struct resolver *r, int32_t n, const struct li_op *op)
{
    struct li_part *part = &r->parts->part[n];
    int32_t variable = part->nin > 1 ? variable_of(r, &part->in[0]) : LI_NONE;
    if (variable == LI_NONE) {
        return li_fail(r->err, LINCE_EUNSUPPORTED, "node \"%.500s\" (%.100s): assigns to what is no variable",
                       part->name, part->op_name);
    }
    struct li_source *in = li_arena_alloc(r->arena, (size_t)(part->nin + 1) * sizeof *in, r->err);
    if (!in) {
        return LINCE_ENOMEM;
    }
    memcpy(in, part->in, (size_t)part->nin * sizeof *in);
    if (in[0].node != variable) {
        in[part->nin++] = (struct li_source){.node = in[0].node, .control = true};
    }
    in[0] = (struct li_source){.node = variable};
    part->in = in;
    part->op = op;
    part->attrs = li_attrs_only(&r->parts->part[variable], "dtype");
    return LINCE_OK;
}

/* All inputs are looked at before assignments change: what they were tells what a source refers to. */
static lince_status read_inputs(const struct resolver *r, int32_t n)
{
    for (int32_t k = 0; k < r->parts->part[n].nin; k++) {
        const struct li_part reader = r->parts->part[n]; /* parts move */
        int32_t variable = variable_of(r, &reader.in[k]);
        bool taken = k == 0 && assignment_of(reader.op_name);
        if (variable != LI_NONE && !taken) {
            LI_TRY(read(r, &reader.in[k], variable, &reader));
        }
    }
    return LINCE_OK;
}

lince_status li_refs_resolve(struct li_parts *parts, struct li_source *ret, size_t returns, struct li_arena *arena,
                             lince_error *err)
{
    const struct resolver r = {parts, arena, err};
    int32_t count = parts->count; /* those that are added read handles */
    for (int32_t n = 0; n < count; n++) {
        LI_TRY(read_inputs(&r, n));
    }
    for (size_t i = 0; i < returns; i++) {
        int32_t variable = variable_of(&r, &ret[i]);
        LI_TRY(variable == LI_NONE ? LINCE_OK : read(&r, &ret[i], variable, NULL));
    }
    for (int32_t n = 0; n < count; n++) {
        const struct li_op *op = assignment_of(parts->part[n].op_name);
        LI_TRY(op ? assign(&r, n, op) : LINCE_OK);
    }
    return LINCE_OK;
}
