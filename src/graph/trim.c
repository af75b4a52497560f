/*
 * What bodies make and nobody reads.
 *
 * A result of a branch that nothing reads becomes a tensor without elements. So does a loop's variable that is needed
 * by nothing but itself: not by a result that is read, nor by the condition, nor by a variable that they need, nor by
 * who waits for the loop; it is handed on from turn to turn. What only made them is then needed by nobody, and
 * inference drops it. TensorFlow does so too: what would fail there does not matter.
 *
 * Bodies are looked at first, each once for every set of results that is read of it; then those that lose something are
 * copied. A body inside itself stays as it is there.
 */
#include "internal.h"

#include <string.h>

/* What is beyond is left as it is: bodies inside each other, and nodes and values that are looked at. */
enum { MAX_DEPTH = LI_MAX_CALL_DEPTH, MAX_LOOKED_AT = 1 << 20, BUCKETS = 256 };

/* A body as far as some of its results are read. */
struct use {
    struct use *next; /* of its bucket */
    struct li_graph *from;
    bool turn;              /* of a loop: its results are its arguments of the next turn */
    bool open;              /* it is being looked at */
    bool *wanted;           /* by output */
    bool *read;             /* by value */
    struct use ***body;     /* by node: of one that is needed and has bodies, a use of each; NULL: as it is */
    struct li_graph *graph; /* what it becomes; NULL until that is known */
};

struct trimming {
    struct li_graph *whole; /* owns what is made */
    struct use *uses[BUCKETS];
    struct li_arena arena;
    int64_t looked_at;
    int depth;
    lince_error *err;
};

/* ---- Looking ----------------------------------------------------------------------------------------------------- */

static struct use **bucket_of(struct trimming *t, const struct li_graph *g, const bool *wanted)
{
    uintptr_t hash = (uintptr_t)g >> 6;
    for (int32_t i = 0; i < g->output_count; i++) {
        hash = hash * 31 + wanted[i];
    }
    return &t->uses[hash % BUCKETS];
}

static struct use *find(struct use *u, const struct li_graph *g, const bool *wanted, bool turn)
{
    while (u && (u->from != g || u->turn != turn || memcmp(u->wanted, wanted, (size_t)g->output_count) != 0)) {
        u = u->next;
    }
    return u;
}

static lince_status new_use(struct trimming *t, struct li_graph *g, const bool *wanted, bool turn, struct use **out)
{
    size_t outputs = (size_t)g->output_count;
    struct use *u = li_arena_calloc(&t->arena, 1, sizeof *u, t->err);
    if (!u) {
        return LINCE_ENOMEM;
    }
    *u = (struct use){.from = g, .turn = turn, .open = true};
    u->wanted = li_arena_alloc(&t->arena, outputs * sizeof *u->wanted, t->err);
    u->read = li_arena_calloc(&t->arena, (size_t)g->value_count, sizeof *u->read, t->err);
    u->body = li_arena_calloc(&t->arena, (size_t)g->node_count, sizeof *u->body, t->err);
    if (!u->wanted || !u->read || !u->body) {
        return LINCE_ENOMEM;
    }
    if (outputs) {
        memcpy(u->wanted, wanted, outputs * sizeof *wanted);
    }
    *out = u;
    return LINCE_OK;
}

static lince_status look_at(struct trimming *t, struct use *u);

/* *out NULL: the body stays as it is, and reads all that it is given. */
static lince_status use_body(struct trimming *t, struct li_graph *g, const bool *wanted, bool turn, struct use **out)
{
    struct use **bucket = bucket_of(t, g, wanted), *known = find(*bucket, g, wanted, turn);
    *out = known && !known->open ? known : NULL;
    if (known || t->depth > MAX_DEPTH || t->looked_at > MAX_LOOKED_AT) {
        return LINCE_OK;
    }
    t->looked_at += (int64_t)g->node_count + g->value_count + 1;
    LI_TRY(new_use(t, g, wanted, turn, &known));
    known->next = *bucket;
    *bucket = known;
    t->depth++;
    LI_TRY(look_at(t, known));
    t->depth--;
    known->open = false;
    *out = known;
    return LINCE_OK;
}

static bool reads(const struct use *u, int i)
{
    return !u || u->read[u->from->inputs[i]];
}

static lince_status look_into_branch(struct trimming *t, struct use *u, const struct li_node *node, bool *wanted,
                                     struct use **body)
{
    u->read[node->in[0]] = true;
    for (int b = 0; b < node->bodies; b++) {
        LI_TRY(use_body(t, node->body[b], wanted, false, &body[b]));
        for (int i = 1; i < node->nin; i++) {
            u->read[node->in[i]] |= reads(body[b], i - 1);
        }
    }
    return LINCE_OK;
}

/* wanted grows until the turn needs no variable but those. Who waits for a loop waits for all its variables. */
static lince_status look_into_loop(struct trimming *t, struct use *u, const struct li_node *node, bool *wanted,
                                   struct use **body)
{
    bool condition = true, more = true;
    LI_TRY(use_body(t, node->body[0], &condition, false, &body[0]));
    for (int i = 0; i < node->nin; i++) {
        wanted[i] |= node->required || reads(body[0], i);
    }
    while (more) {
        more = false;
        LI_TRY(use_body(t, node->body[1], wanted, true, &body[1]));
        for (int i = 0; i < node->nin; i++) {
            more |= !wanted[i] && reads(body[1], i);
            wanted[i] |= reads(body[1], i);
        }
    }
    for (int i = 0; i < node->nin; i++) {
        u->read[node->in[i]] |= wanted[i];
    }
    return LINCE_OK;
}

/* Whether bodies take and give what the node does: inference refuses them otherwise. */
static bool is_sound(const struct li_node *node)
{
    bool loop = node->op->control == LI_CONTROL_LOOP;
    if (loop ? node->bodies != 2 || node->nin != node->nout : node->nin < 1) {
        return false;
    }
    for (int b = 0; b < node->bodies; b++) {
        int results = loop && b == 0 ? 1 : node->nout;
        if (node->body[b]->input_count != node->nin - !loop || node->body[b]->output_count != results) {
            return false;
        }
    }
    return true;
}

static void read_all(struct use *u, const struct li_node *node)
{
    for (int i = 0; i < node->nin; i++) {
        u->read[node->in[i]] = true;
    }
}

static lince_status look_into(struct trimming *t, struct use *u, int32_t n)
{
    const struct li_node *node = &u->from->nodes[n];
    bool *wanted = li_arena_alloc(&t->arena, (size_t)node->nout * sizeof *wanted, t->err);
    struct use **body = li_arena_calloc(&t->arena, (size_t)node->bodies, sizeof *body, t->err);
    if (!wanted || !body) {
        return LINCE_ENOMEM;
    }
    u->body[n] = body;
    for (int i = 0; i < node->nout; i++) {
        wanted[i] = u->read[node->out[i]];
    }
    return node->op->control == LI_CONTROL_LOOP ? look_into_loop(t, u, node, wanted, body)
                                                : look_into_branch(t, u, node, wanted, body);
}

static bool is_needed(const struct use *u, const struct li_node *node)
{
    bool needed = node->required;
    for (int i = 0; i < node->nout; i++) {
        needed |= u->read[node->out[i]];
    }
    return needed;
}

/* Backwards: whoever reads a value comes after the node that makes it. */
static lince_status look_at(struct trimming *t, struct use *u)
{
    const struct li_graph *g = u->from;
    for (int32_t i = 0; i < g->output_count; i++) {
        u->read[g->outputs[i]] |= u->wanted[i];
    }
    for (int32_t n = g->node_count - 1; n >= 0; n--) {
        const struct li_node *node = &g->nodes[n];
        if (!is_needed(u, node)) {
            continue;
        }
        if (node->bodies && is_sound(node)) {
            LI_TRY(look_into(t, u, n));
        } else {
            read_all(u, node);
        }
    }
    return LINCE_OK;
}

/* ---- Making ------------------------------------------------------------------------------------------------------ */

static struct li_graph *becomes(const struct use *u, struct li_graph *body)
{
    return u ? u->graph : body;
}

/* The results that are not read are something; or a node's inputs; or one of its bodies has become another. */
static bool loses(const struct use *u)
{
    const struct li_graph *g = u->from;
    for (int32_t i = 0; i < g->output_count; i++) {
        if (!u->wanted[i] && !(u->turn && g->outputs[i] == g->inputs[i])) {
            return true;
        }
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        const struct li_node *node = &g->nodes[n];
        for (int b = 0; u->body[n] && b < node->bodies; b++) {
            if (becomes(u->body[n][b], node->body[b]) != node->body[b]) {
                return true;
            }
        }
        for (int i = 0; u->body[n] && i < node->nin; i++) {
            if (!u->read[node->in[i]] && !g->values[node->in[i]].constant) {
                return true;
            }
        }
    }
    return false;
}

/* A list has the dtype of its elements; of none of them any will do. */
static lince_status add_nothing(struct trimming *t, struct li_graph *g, lince_dtype dtype, li_vid *out)
{
    static _Alignas(LI_ALIGN) const char nowhere[LI_ALIGN];
    const struct li_tensor nothing = {.dtype = dtype && dtype != LINCE_VARIANT ? dtype : LINCE_FLOAT32,
                                      .shape = {.rank = 1},
                                      .data = (void *)(uintptr_t)nowhere};
    return li_graph_constant(g, &nothing, out, t->err);
}

static lince_status trim_node(struct trimming *t, const struct use *u, struct li_graph *g, int32_t n)
{
    const struct li_node *node = &g->nodes[n];
    int first = node->op->control == LI_CONTROL_BRANCH;
    struct li_graph **body = li_arena_alloc(&t->arena, (size_t)node->bodies * sizeof *body, t->err);
    if (!body) {
        return LINCE_ENOMEM;
    }
    for (int b = 0; b < node->bodies; b++) {
        body[b] = becomes(u->body[n][b], node->body[b]);
    }
    for (int i = first; i < node->nin; i++) {
        const struct li_graph *taker = node->body[node->bodies - 1];
        if (!u->read[node->in[i]]) {
            LI_TRY(add_nothing(t, g, taker->values[taker->inputs[i - first]].dtype, &node->in[i]));
        }
    }
    return li_graph_set_bodies(g, n, body, node->bodies, t->err);
}

static lince_status trim(struct trimming *t, const struct use *u, struct li_graph *g)
{
    for (int32_t n = 0; n < u->from->node_count; n++) {
        if (u->body[n]) {
            LI_TRY(trim_node(t, u, g, n));
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        if (!u->wanted[i] && u->turn) {
            g->outputs[i] = g->inputs[i];
        } else if (!u->wanted[i]) {
            LI_TRY(add_nothing(t, g, LINCE_FLOAT32, &g->outputs[i]));
        }
    }
    return LINCE_OK;
}

static lince_status make_copy(struct trimming *t, struct use *u)
{
    LI_TRY(li_graph_copy(&u->graph, u->from, t->err));
    if (u->from != t->whole) {
        LI_TRY(li_graph_own_body(t->whole, u->graph, t->err));
    }
    return trim(t, u, u->graph);
}

/* Those inside first. A use is never inside itself. */
static lince_status make(struct trimming *t, struct use *u)
{
    if (u->graph) {
        return LINCE_OK;
    }
    for (int32_t n = 0; n < u->from->node_count; n++) {
        for (int b = 0; u->body[n] && b < u->from->nodes[n].bodies; b++) {
            if (u->body[n][b]) {
                LI_TRY(make(t, u->body[n][b]));
            }
        }
    }
    if (loses(u)) {
        return make_copy(t, u);
    }
    u->graph = u->from;
    return LINCE_OK;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static lince_status trim_whole(struct trimming *t, struct use **whole)
{
    size_t outputs = (size_t)t->whole->output_count;
    bool *wanted = li_arena_alloc(&t->arena, outputs * sizeof *wanted, t->err);
    if (!wanted) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < outputs; i++) {
        wanted[i] = true;
    }
    LI_TRY(use_body(t, t->whole, wanted, false, whole));
    return make(t, *whole);
}

static bool has_bodies(const struct li_graph *g)
{
    for (int32_t n = 0; n < g->node_count; n++) {
        if (g->nodes[n].bodies) {
            return true;
        }
    }
    return false;
}

lince_status li_graph_trim(struct li_graph **g, lince_error *err)
{
    struct trimming t = {.whole = *g, .err = err};
    struct use *whole = NULL;
    if (!has_bodies(*g)) {
        return LINCE_OK;
    }
    li_arena_init(&t.arena, (*g)->arena.mem, 0);
    lince_status st = trim_whole(&t, &whole);
    struct li_graph *made = whole && whole->graph != *g ? whole->graph : NULL;
    li_arena_free(&t.arena);
    if (st) {
        li_graph_free(made);
        return st;
    }
    if (made) {
        li_graph_free(*g);
        *g = made;
    }
    return LINCE_OK;
}
