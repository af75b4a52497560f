/*
 * The gradient of a loop is a loop over its turns, the last first. What the back half of a turn reads of the other is
 * recorded: the loop gets further variables, a count of its turns and a list for each such value, with an element for
 * each turn. A variable that all turns hand on is not recorded but given as it is. How many elements a list has must be
 * known before the loop runs: see turns.c.
 *
 * The variables of the loop that runs back: the number of turns that are left; what arrives at each variable; what the
 * gradient of each variable of the model is so far; then what is only read.
 */
#include "train/bodies.h"

#include <string.h>

struct loop {
    struct li_backward *b;
    int32_t n;
    struct li_node node;
    const struct li_graph *turn; /* the body */
    const li_vid *dy;
    bool *wants, *arrives; /* by variable: it depends on a target; and a gradient arrives, in some turn */
    int32_t *handle;
    int handles;
    struct li_turned turned;
    int32_t most; /* turns */
    bool exact;
    li_vid *record; /* values of the turn that are recorded */
    int records;
    li_vid count, *list; /* outputs that the node got */
    const char *name;
};

static lince_status alloc_ids(const struct loop *l, int count, li_vid **out)
{
    *out = li_arena_alloc(&l->b->call->arena, ((size_t)count + 1) * sizeof **out, l->b->call->err);
    return *out ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- The turn ---------------------------------------------------------------------------------------------------- */

/* Where a gradient reaches the start of a turn it arrives at the end of the one before. */
static lince_status turn_around(struct loop *l)
{
    const struct li_turning how = {l->node.body[1], l->arrives, l->wants, l->handle, l->handles};
    const int unsaved = l->b->call->unsaved;
    for (bool more = true; more;) {
        li_turned_free(&l->turned);
        l->b->call->unsaved = unsaved; /* each node is told of once */
        LI_TRY(li_turn_body(&l->turned, l->b, &how));
        more = false;
        for (int i = 0; i < l->node.nin; i++) {
            more |= l->turned.dx[i] >= 0 && !l->arrives[i];
            l->arrives[i] |= l->turned.dx[i] >= 0;
        }
    }
    return LINCE_OK;
}

static bool is_handed_on(const struct loop *l, int i)
{
    return l->turn->outputs[i] == l->turn->inputs[i];
}

static lince_status find_records(struct loop *l)
{
    const struct li_turned *t = &l->turned;
    LI_TRY(alloc_ids(l, t->saved_count + l->node.nin, &l->record));
    for (int i = 0; i < l->node.nin; i++) {
        if (t->read[i] && !is_handed_on(l, i)) {
            l->record[l->records++] = l->turn->inputs[i];
        }
    }
    memcpy(l->record + l->records, t->saved, (size_t)t->saved_count * sizeof *t->saved);
    l->records += t->saved_count;
    return alloc_ids(l, l->records, &l->list);
}

static lince_status check_room(const struct loop *l)
{
    size_t all = 0;
    for (int r = 0; r < l->records; r++) {
        const struct li_value *value = &l->turned.both->values[l->record[r]];
        size_t bytes;
        LI_TRY(li_shape_bytes(&value->shape, value->dtype, &bytes, l->b->call->err));
        if (!li_mul_size(bytes, (size_t)l->most, &bytes) || !li_add_size(all, bytes, &all) ||
            all > LI_MAX_RECORD_BYTES) {
            return li_fail(l->b->call->err, LINCE_ELIMIT,
                           "node \"%.500s\" (%s): its gradient records %d values in each of %d turns, which is more "
                           "than %zu bytes",
                           l->node.name, l->node.op->name, l->records, (int)l->most, LI_MAX_RECORD_BYTES);
        }
    }
    return LINCE_OK;
}

/* ---- Recording --------------------------------------------------------------------------------------------------- */

/* A list of all turns: its dtype and shape. */
static struct li_value list_of(const struct loop *l, int r)
{
    struct li_value value = l->turned.both->values[l->record[r]];
    struct li_shape shape = {.rank = value.shape.rank + 1, .dim = {l->most}};
    for (int d = 0; d < value.shape.rank && d + 1 < LI_MAX_RANK; d++) {
        shape.dim[d + 1] = value.shape.dim[d];
    }
    value.shape = shape;
    return value;
}

static lince_status check_ranks(const struct loop *l)
{
    for (int r = 0; r < l->records; r++) {
        int rank = l->turned.both->values[l->record[r]].shape.rank;
        if (rank >= LI_MAX_RANK) {
            return li_fail(l->b->call->err, LINCE_ELIMIT,
                           "node \"%.500s\" (%s): its gradient records a value with %d dims, wanted fewer than %d",
                           l->node.name, l->node.op->name, rank, LI_MAX_RANK);
        }
    }
    return LINCE_OK;
}

/* The count and the lists, as inputs of a body. */
static lince_status add_recorders(const struct loop *l, struct li_graph *g, li_vid *count, li_vid *list)
{
    static const struct li_shape scalar = {.rank = 0};
    LI_TRY(li_graph_input(g, LINCE_INT32, &scalar, count, l->b->call->err));
    for (int r = 0; r < l->records; r++) {
        const struct li_value value = list_of(l, r);
        LI_TRY(li_graph_input(g, value.dtype, &value.shape, &list[r], l->b->call->err));
    }
    return LINCE_OK;
}

/* Only running tells how many turns there are: there is room for so many. */
static lince_status demand_room(const struct loop *l, struct li_graph *g, li_vid count)
{
    lince_error *err = l->b->call->err;
    const char *text =
        li_arena_printf(&l->b->call->arena, err, "%.200s makes more turns than its gradient records:", l->node.name);
    li_vid most, fits;
    LI_TRY(text ? li_ops_number(g, l->most, &most, err) : LINCE_ENOMEM);
    LI_TRY(li_ops_less(g, l->name, count, most, &fits, err));
    return li_ops_demand(g, l->node.name, fits, text, most, err);
}

static lince_status fill_turn(const struct loop *l, struct li_half *h)
{
    lince_error *err = l->b->call->err;
    li_vid *list, *out, count, item;
    int n = l->node.nin;
    LI_TRY(alloc_ids(l, l->records, &list));
    LI_TRY(alloc_ids(l, n + 1 + l->records, &out));
    for (int i = 0; i < n; i++) {
        LI_TRY(li_half_input(h, l->turn, l->turn->inputs[i], l->turn->inputs[i], &item));
    }
    LI_TRY(add_recorders(l, h->to, &count, list));
    LI_TRY(l->exact ? LINCE_OK : demand_room(l, h->to, count));
    LI_TRY(li_half_forward(h));
    for (int i = 0; i < n; i++) {
        LI_TRY(li_half_value(h, l->turn->outputs[i], &out[i]));
    }
    LI_TRY(li_ops_step(h->to, l->name, count, 1, &out[n], err));
    for (int r = 0; r < l->records; r++) {
        LI_TRY(li_half_value(h, l->record[r], &item));
        LI_TRY(li_ops_record(h->to, l->name, list[r], count, item, &out[n + 1 + r], err));
    }
    return li_graph_set_outputs(h->to, out, n + 1 + l->records, err);
}

/* A list that begins without elements gets zeros of the shape that a turn gives it. */
static lince_status begin_recorders(const struct loop *l, li_vid *in, struct li_value *like)
{
    static _Alignas(LI_ALIGN) const char nowhere[LI_ALIGN];
    static const struct li_shape scalar = {.rank = 0};
    lince_error *err = l->b->call->err;
    LI_TRY(li_ops_number(l->b->g, 0, &in[0], err));
    like[0] = (struct li_value){.dtype = LINCE_INT32, .shape = scalar};
    for (int r = 0; r < l->records; r++) {
        like[r + 1] = list_of(l, r);
        const struct li_tensor nothing = {
            .dtype = like[r + 1].dtype, .shape = {2, {l->most, 0}}, .data = (void *)(uintptr_t)nowhere};
        LI_TRY(li_graph_constant(l->b->g, &nothing, &in[r + 1], err));
        l->b->g->values[in[r + 1]].unshaped = true;
    }
    return LINCE_OK;
}

static lince_status make_recording_bodies(const struct loop *l, struct li_graph **bodies)
{
    struct li_backward_call *call = l->b->call;
    struct li_half h;
    li_vid count, *list;
    LI_TRY(alloc_ids(l, l->records, &list));
    LI_TRY(li_graph_copy(&bodies[0], l->node.body[0], call->err));
    LI_TRY(li_graph_own_body(l->b->g, bodies[0], call->err));
    LI_TRY(add_recorders(l, bodies[0], &count, list));
    LI_TRY(li_half_begin(&h, call, &l->turned));
    bodies[1] = h.to;
    LI_TRY(li_graph_own_body(l->b->g, h.to, call->err));
    return fill_turn(l, &h);
}

static lince_status record(struct loop *l)
{
    struct li_graph *bodies[2];
    struct li_value *like =
        li_arena_alloc(&l->b->call->arena, ((size_t)l->records + 1) * sizeof *like, l->b->call->err);
    li_vid *in;
    LI_TRY(like ? alloc_ids(l, l->records + 1, &in) : LINCE_ENOMEM);
    LI_TRY(begin_recorders(l, in, like));
    LI_TRY(make_recording_bodies(l, bodies));
    LI_TRY(li_graph_widen(l->b->g, l->n, in, l->records + 1, like, l->records + 1, bodies, l->b->call->err));
    const struct li_node *node = &l->b->g->nodes[l->n];
    l->count = node->out[l->node.nin];
    for (int r = 0; r < l->records; r++) {
        l->list[r] = node->out[l->node.nin + 1 + r];
    }
    return LINCE_OK;
}

/* ---- Back -------------------------------------------------------------------------------------------------------- */

/* The inputs of the node that runs back; they are also what its variables are like. */
static lince_status list_inputs(struct loop *l, li_vid *in, int *count)
{
    lince_error *err = l->b->call->err;
    int n = 0;
    in[n++] = l->count;
    for (int i = 0; i < l->node.nin; i++) {
        const struct li_value value = l->b->g->values[l->node.out[i]];
        if (!l->arrives[i]) {
            continue;
        }
        in[n] = l->dy[i];
        LI_TRY(in[n] >= 0 ? LINCE_OK : li_ops_blank(l->b->g, l->name, value.dtype, &value.shape, &in[n], err));
        n++;
    }
    for (int i = 0; i < l->handles; i++) {
        const struct li_resource *r = li_store_get(l->b->g->store, l->handle[i]);
        if (l->turned.dv[i] >= 0) {
            LI_TRY(li_ops_blank(l->b->g, l->name, r->dtype, &r->shape, &in[n++], err));
        }
    }
    for (int i = 0; i < l->node.nin; i++) {
        in[n] = l->node.in[i];
        n += l->turned.read[i] && is_handed_on(l, i);
    }
    for (int r = 0; r < l->records; r++) {
        in[n++] = l->list[r];
    }
    *count = n;
    return LINCE_OK;
}

/* The inputs of a body, of which every variable is one; those of the back half stand for what it reads. */
static lince_status add_inputs(const struct loop *l, struct li_half *h, const li_vid *in, int count, li_vid *own)
{
    int n = 1;
    LI_TRY(li_half_input(h, l->b->g, in[0], LI_NONE, &own[0]));
    for (int i = 0; i < l->node.nin; i++) {
        if (l->arrives[i]) {
            LI_TRY(li_half_input(h, l->b->g, in[n], l->turned.dy[i], &own[n]));
            n++;
        }
    }
    for (int i = 0; i < l->handles; i++) {
        if (l->turned.dv[i] >= 0) {
            LI_TRY(li_half_input(h, l->b->g, in[n], LI_NONE, &own[n]));
            n++;
        }
    }
    for (int i = 0; i < l->node.nin; i++) {
        if (l->turned.read[i] && is_handed_on(l, i)) {
            LI_TRY(li_half_input(h, l->turn, l->turn->inputs[i], l->turn->inputs[i], &own[n]));
            n++;
        }
    }
    for (; n < count; n++) {
        LI_TRY(li_half_input(h, l->b->g, in[n], LI_NONE, &own[n]));
    }
    return LINCE_OK;
}

/* What was recorded in the turn that is looked at. */
static lince_status recall(const struct loop *l, struct li_half *h, li_vid turn, const li_vid *list)
{
    for (int r = 0; r < l->records; r++) {
        const struct li_shape shape = l->turned.both->values[l->record[r]].shape;
        LI_TRY(li_ops_recall(h->to, l->name, list[r], turn, &shape, &h->map[l->record[r]], l->b->call->err));
    }
    return LINCE_OK;
}

static lince_status fill_back(const struct loop *l, struct li_half *h, const li_vid *in, int count)
{
    lince_error *err = l->b->call->err;
    li_vid *own, *out, one;
    int n = 0;
    LI_TRY(alloc_ids(l, count, &own));
    LI_TRY(alloc_ids(l, count, &out));
    LI_TRY(add_inputs(l, h, in, count, own));
    memcpy(out, own, (size_t)count * sizeof *out);
    LI_TRY(li_ops_step(h->to, l->name, own[n], -1, &out[n], err));
    LI_TRY(recall(l, h, out[n++], own + count - l->records));
    LI_TRY(li_half_back(h));
    for (int i = 0; i < l->node.nin; i++) {
        const struct li_value *like = &l->b->g->values[l->node.out[i]];
        if (l->arrives[i]) {
            LI_TRY(l->turned.dx[i] >= 0 ? li_half_value(h, l->turned.dx[i], &out[n])
                                        : li_ops_blank(h->to, l->name, like->dtype, &like->shape, &out[n], err));
            n++;
        }
    }
    for (int i = 0; i < l->handles; i++) {
        if (l->turned.dv[i] >= 0) {
            LI_TRY(li_half_value(h, l->turned.dv[i], &one));
            LI_TRY(li_ops_add_all(h->to, l->name, (li_vid[]){own[n], one}, 2, &out[n], err));
            n++;
        }
    }
    return li_graph_set_outputs(h->to, out, count, err);
}

static lince_status fill_condition(const struct loop *l, struct li_half *h, const li_vid *in, int count)
{
    lince_error *err = l->b->call->err;
    li_vid *own, zero, more;
    LI_TRY(alloc_ids(l, count, &own));
    for (int i = 0; i < count; i++) {
        LI_TRY(li_half_input(h, l->b->g, in[i], LI_NONE, &own[i]));
    }
    LI_TRY(li_ops_number(h->to, 0, &zero, err));
    LI_TRY(li_ops_less(h->to, l->name, zero, own[0], &more, err));
    return li_graph_set_outputs(h->to, &more, 1, err);
}

static lince_status append(struct loop *l, const li_vid *in, int count, li_vid *out)
{
    struct li_backward_call *call = l->b->call;
    struct li_graph *bodies[2];
    struct li_value *like = li_arena_alloc(&call->arena, (size_t)count * sizeof *like, call->err);
    struct li_half h;
    if (!like) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < 2; i++) {
        LI_TRY(li_half_begin(&h, call, &l->turned));
        bodies[i] = h.to;
        LI_TRY(li_graph_own_body(l->b->g, h.to, call->err));
        LI_TRY(i ? fill_back(l, &h, in, count) : fill_condition(l, &h, in, count));
    }
    for (int i = 0; i < count; i++) {
        const struct li_value *value = &l->b->g->values[in[i]];
        like[i] = (struct li_value){.dtype = value->dtype, .shape = value->shape, .resource = LI_NONE};
    }
    return li_graph_append_like(l->b->g, &l->node, l->name, in, count, like, count, bodies, out, call->err);
}

static lince_status hand_out(struct loop *l, const li_vid *out, li_vid *dx)
{
    int n = 1;
    for (int i = 0; i < l->node.nin; i++) {
        if (l->arrives[i]) {
            dx[i] = l->b->g->values[l->node.in[i]].unshaped ? LI_NONE : out[n];
            n++;
        }
    }
    for (int i = 0; i < l->handles; i++) {
        if (l->turned.dv[i] >= 0) {
            LI_TRY(li_backward_add(l->b, &l->b->by_handle[l->handle[i]], out[n++]));
        }
    }
    return LINCE_OK;
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

static lince_status begin(struct loop *l)
{
    struct li_backward_call *call = l->b->call;
    size_t n = (size_t)l->node.nin + 1;
    bool *in = li_arena_calloc(&call->arena, n, sizeof *in, call->err);
    l->wants = li_arena_calloc(&call->arena, n, sizeof *l->wants, call->err);
    l->arrives = li_arena_calloc(&call->arena, n, sizeof *l->arrives, call->err);
    l->name = li_arena_printf(&call->arena, call->err, "gradients/%s", l->node.name);
    if (!in || !l->wants || !l->arrives || !l->name) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < l->node.nin; i++) {
        in[i] = l->b->wanted[l->node.in[i]];
    }
    LI_TRY(li_control_wants(call, &l->node, in, l->wants));
    for (int i = 0; i < l->node.nin; i++) {
        l->arrives[i] = l->dy[i] >= 0 && l->wants[i];
    }
    return li_control_handles(l->b, &l->node, &l->handle, &l->handles);
}

static lince_status run(struct loop *l, li_vid *dx)
{
    li_vid *in, *out;
    int count;
    LI_TRY(turn_around(l));
    LI_TRY(li_loop_turns(l->b, &l->node, &l->most, &l->exact));
    LI_TRY(find_records(l));
    LI_TRY(check_ranks(l));
    LI_TRY(check_room(l));
    LI_TRY(record(l));
    LI_TRY(alloc_ids(l, 2 * l->node.nin + l->handles + l->records + 1, &in));
    LI_TRY(list_inputs(l, in, &count));
    LI_TRY(alloc_ids(l, count, &out));
    LI_TRY(append(l, in, count, out));
    return hand_out(l, out, dx);
}

lince_status li_loop_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx)
{
    struct loop l = {.b = b, .n = n, .node = b->g->nodes[n], .dy = dy};
    l.turn = l.node.body[1];
    LI_TRY(begin(&l));
    lince_status st = run(&l, dx);
    li_turned_free(&l.turned);
    return st;
}

lince_status li_control_gradient(struct li_backward *b, int32_t n, const li_vid *dy, li_vid *dx)
{
    return b->g->nodes[n].op->control == LI_CONTROL_LOOP ? li_loop_gradient(b, n, dy, dx)
                                                         : li_branch_gradient(b, n, dy, dx);
}
