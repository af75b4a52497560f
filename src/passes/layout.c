/*
 * layout: where values lie. Runs last, and gives every value its view:
 *
 *     pieces of a concatenation are written where they end up, if what makes them can write between strides;
 *     parts of a split are read where they are, if all that read them take strides;
 *     a picture gets a halo where a reader asks for one, all readers can do with it and the writer leaves its frame
 *     alone.
 *
 * Everything else is dense, and Concat and Split copy what could not be placed. What is prepared stays dense: it is
 * kept by itself.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

struct laying {
    struct li_graph *g;
    struct li_match m;
    const struct li_env *env;
    bool *shared;     /* by value: another value lies in its buffer */
    bool *given_out;  /* by value: an output of the graph */
    int32_t *first;   /* by value: where its readers begin in `readers`; the next value's first is their end */
    int32_t *readers; /* nodes, once for each time they read it */
};

/* ---- What ops can do ---- */

static void ask(const struct laying *l, const struct li_node *node, struct li_layout *answer)
{
    *answer = (struct li_layout){.graph = l->g, .node = node, .env = l->env};
    if (node->op->layout) {
        node->op->layout(answer);
    }
}

static bool writes(const struct laying *l, li_vid v, unsigned flags)
{
    const struct li_value *value = &l->g->values[v];
    struct li_layout answer;
    if (value->producer == LI_NONE || l->m.invariant[v]) {
        return false;
    }
    const struct li_node *node = &l->g->nodes[value->producer];
    if (node->effects || (node->op->flags & LI_OP_ALIAS)) {
        return false;
    }
    ask(l, node, &answer);
    return (answer.out_accepts[LI_MIN(value->output, 7)] & flags) == flags;
}

static bool reader_accepts(const struct laying *l, const struct li_node *node, li_vid v, unsigned flags, int32_t *halo)
{
    struct li_layout answer;
    ask(l, node, &answer);
    for (int i = 0; i < node->nin; i++) {
        if (node->in[i] != v) {
            continue;
        }
        if ((answer.in_accepts[LI_MIN(i, 7)] & flags) != flags) {
            return false;
        }
        for (int side = 0; halo && side < 4; side++) {
            halo[side] = LI_MAX(halo[side], answer.in_halo[LI_MIN(i, 7)][side]);
        }
    }
    return true;
}

/* Whether every reader of v accepts this; halo, if not NULL, receives the widest frame they ask for. */
static bool readers_accept(const struct laying *l, li_vid v, unsigned flags, int32_t *halo)
{
    for (int32_t i = l->first[v]; i < l->first[v + 1]; i++) {
        if (!reader_accepts(l, &l->g->nodes[l->readers[i]], v, flags, halo)) {
            return false;
        }
    }
    return !l->given_out[v];
}

static bool at_home(const struct laying *l, li_vid v)
{
    return l->g->values[v].view.base == v && !l->shared[v];
}

/* v is the part of `whole` that starts at `begin` along axis. */
static void lie_inside(struct laying *l, li_vid v, li_vid whole, int axis, int64_t begin)
{
    const struct li_view *outer = &l->g->values[whole].view;
    struct li_view *view = &l->g->values[v].view;
    view->base = outer->base;
    view->offset = outer->offset + begin * outer->stride[axis];
    memcpy(view->stride, outer->stride, sizeof view->stride);
    view->buffer_count = 0;
    l->shared[outer->base] = true;
}

static bool axis_of(const struct laying *l, li_vid v, int rank, int *axis)
{
    const struct li_tensor *t = l->g->values[v].constant;
    if (!t || li_shape_count(&t->shape) != 1) {
        return false;
    }
    int64_t a = li_tensor_int(t, 0);
    *axis = (int)(a < 0 ? a + rank : a);
    return *axis >= 0 && *axis < rank;
}

/* ---- Concatenations, from the last to the first, so that one inside another finds its place known ---- */

static void place_pieces(struct laying *l, int32_t n)
{
    const struct li_node *node = &l->g->nodes[n];
    int pieces = node->nin - 1, axis;
    li_vid whole = node->out[0];
    int64_t begin = 0;
    if (l->m.invariant[whole] || !axis_of(l, node->in[pieces], l->g->values[whole].shape.rank, &axis)) {
        return;
    }
    for (int i = 0; i < pieces; i++) {
        li_vid v = node->in[i];
        if (l->m.consumer[v] == n && at_home(l, v) && writes(l, v, LI_LAYOUT_STRIDED)) {
            lie_inside(l, v, whole, axis, begin);
        }
        begin += l->g->values[v].shape.dim[axis];
    }
}

/* ---- Splits ---- */

static void place_parts(struct laying *l, int32_t n)
{
    const struct li_node *node = &l->g->nodes[n];
    li_vid whole = node->in[1];
    int64_t begin = 0;
    int axis;
    if (l->m.invariant[whole] || !axis_of(l, node->in[0], l->g->values[whole].shape.rank, &axis)) {
        return;
    }
    for (int i = 0; i < node->nout; i++) {
        li_vid v = node->out[i];
        if (at_home(l, v) && readers_accept(l, v, LI_LAYOUT_STRIDED, NULL)) {
            lie_inside(l, v, whole, axis, begin);
        }
        begin += l->g->values[v].shape.dim[axis];
    }
}

/* ---- Halos ---- */

static void give_halo(struct laying *l, li_vid v)
{
    struct li_value *value = &l->g->values[v];
    struct li_view *view = &value->view;
    int32_t halo[4] = {0};
    enum { FLAGS = LI_LAYOUT_STRIDED | LI_LAYOUT_HALO };
    if (value->dtype != LINCE_FLOAT32 || value->shape.rank != 4 || !at_home(l, v) || !writes(l, v, FLAGS) ||
        !readers_accept(l, v, FLAGS, halo) || !(halo[0] | halo[1] | halo[2] | halo[3])) {
        return;
    }
    const int64_t *dim = value->shape.dim;
    int64_t columns = halo[2] + dim[2] + halo[3], rows = halo[0] + dim[1] + halo[1];
    view->stride[2] = dim[3];
    view->stride[1] = columns * dim[3];
    view->stride[0] = rows * view->stride[1];
    view->offset = halo[0] * view->stride[1] + halo[2] * view->stride[2];
    view->buffer_count = dim[0] * view->stride[0];
    memcpy(view->halo, halo, sizeof halo);
}

/* ---- The pass ---- */

static lince_status take_room(struct laying *l, lince_error *err)
{
    size_t values = (size_t)l->g->value_count + 2, reads = 1;
    for (int32_t n = 0; n < l->g->node_count; n++) {
        reads += (size_t)l->g->nodes[n].nin;
    }
    l->shared = li_arena_calloc(&l->m.arena, values, sizeof *l->shared, err);
    l->given_out = li_arena_calloc(&l->m.arena, values, sizeof *l->given_out, err);
    l->first = li_arena_calloc(&l->m.arena, values, sizeof *l->first, err);
    l->readers = li_arena_alloc(&l->m.arena, reads * sizeof *l->readers, err);
    return l->shared && l->given_out && l->first && l->readers ? LINCE_OK : LINCE_ENOMEM;
}

/* first[v + 1] counts up to where v's readers end, by way of where they begin. */
static void find_readers(struct laying *l)
{
    const struct li_graph *g = l->g;
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].nin; i++) {
            l->first[g->nodes[n].in[i] + 2]++;
        }
    }
    for (li_vid v = 1; v < g->value_count; v++) {
        l->first[v + 1] += l->first[v];
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].nin; i++) {
            l->readers[l->first[g->nodes[n].in[i] + 1]++] = n;
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        l->given_out[g->outputs[i]] = true;
    }
}

static void mark_shared(struct laying *l)
{
    for (int32_t v = 0; v < l->g->value_count; v++) {
        li_vid base = l->g->values[v].view.base;
        l->shared[base] = l->shared[base] || base != v;
    }
}

static void lay_out(struct laying *l)
{
    mark_shared(l);
    find_readers(l);
    for (int32_t n = l->g->node_count; n-- > 0;) {
        if (li_op_is(&l->g->nodes[n], "ConcatV2")) {
            place_pieces(l, n);
        }
    }
    for (int32_t n = 0; n < l->g->node_count; n++) {
        if (li_op_is(&l->g->nodes[n], "Split")) {
            place_parts(l, n);
        }
    }
    for (int32_t n = 0; n < l->g->node_count; n++) {
        const struct li_node *node = &l->g->nodes[n];
        if (node->nout > 0) {
            give_halo(l, node->out[0]);
        }
    }
}

lince_status li_pass_layout(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    struct laying l = {.env = env};
    LI_TRY(li_graph_prune(&l.g, g, err));
    li_graph_default_views(l.g);
    lince_status st = li_match_init(&l.m, l.g, err);
    if (!st) {
        st = take_room(&l, err);
        if (!st) {
            lay_out(&l);
        }
        li_match_free(&l.m);
    }
    if (st) {
        li_graph_free(l.g);
        return st;
    }
    *out = l.g;
    return LINCE_OK;
}
