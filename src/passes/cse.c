/*
 * cse: of nodes that compute the same, the first remains. Nodes are the same when op, attributes and inputs are; small
 * constants are the same when their bytes are. A read is as good as another when the graph never writes what it reads.
 */
#include "match.h"
#include "passes.h"

#include <string.h>

/* Larger constants are compared by address only. */
enum { MAX_COMPARED_BYTES = 1024 };

struct merging {
    struct li_match m;
    li_vid *first;  /* by value: the first that is the same; itself in most cases */
    int32_t *table; /* of nodes, then of constants: open addressing; LI_NONE: free */
    uint64_t mask;
};

/* ---- What is the same -------------------------------------------------------------------------------------------- */

static bool same_tensor(const struct li_tensor *a, const struct li_tensor *b)
{
    if (a->dtype != b->dtype || !li_shape_equal(&a->shape, &b->shape) || a->size_bytes != b->size_bytes) {
        return false;
    }
    if (a->data == b->data || a->size_bytes == 0) {
        return true;
    }
    return a->dtype != LINCE_STRING && a->size_bytes <= MAX_COMPARED_BYTES &&
           memcmp(a->data, b->data, a->size_bytes) == 0;
}

static bool same_strings(const struct li_attr *a, const struct li_attr *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->strings[i], b->strings[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Of one spec, so of one name and kind. */
static bool same_attr(const struct li_attr *a, const struct li_attr *b)
{
    if (a->count != b->count) {
        return false;
    }
    switch (a->kind) {
    case LI_ATTR_INT:
    case LI_ATTR_BOOL:
    case LI_ATTR_TYPE:
        return a->i == b->i;
    case LI_ATTR_FLOAT:
        return memcmp(&a->f, &b->f, sizeof a->f) == 0; /* NaN is NaN, and -0 is not 0 */
    case LI_ATTR_STRING:
        return a->s_len == b->s_len && memcmp(a->s, b->s, a->s_len) == 0;
    case LI_ATTR_SHAPE:
        return li_shape_equal(a->shape, b->shape);
    case LI_ATTR_TENSOR:
        return same_tensor(a->tensor, b->tensor);
    case LI_ATTR_INTS:
    case LI_ATTR_BOOLS:
    case LI_ATTR_TYPES:
        return a->count == 0 || memcmp(a->ints, b->ints, a->count * sizeof *a->ints) == 0;
    case LI_ATTR_FLOATS:
        return a->count == 0 || memcmp(a->floats, b->floats, a->count * sizeof *a->floats) == 0;
    case LI_ATTR_STRINGS:
        return same_strings(a, b);
    default: /* functions, lists of shapes: not worth a comparison */
        return false;
    }
}

static bool same_node(const struct merging *c, const struct li_node *a, const struct li_node *b)
{
    if (a->op != b->op || a->nin != b->nin || a->nout != b->nout || a->touches != b->touches) {
        return false;
    }
    for (int i = 0; i < a->touches; i++) {
        if (a->touch[i].resource != b->touch[i].resource) {
            return false;
        }
    }
    for (int i = 0; i < a->nin; i++) {
        if (c->first[a->in[i]] != c->first[b->in[i]]) {
            return false;
        }
    }
    for (int i = 0; i < a->nattrs; i++) {
        if (!same_attr(&a->attrs[i], &b->attrs[i])) {
            return false;
        }
    }
    return true;
}

/* No effect but a read of what nobody writes, or a failure that would be the same failure. */
static bool may_merge(const struct merging *c, const struct li_node *node)
{
    unsigned effects = node->effects & ~(unsigned)LI_EFFECT_FAIL;
    if (node->required || node->nout == 0) {
        return false;
    }
    return effects == 0 || (effects == LI_EFFECT_READ && node->nin == 1 && c->m.invariant[node->out[0]]);
}

/* ---- Finding it -------------------------------------------------------------------------------------------------- */

/* What most attributes that differ differ in; the rest is left to the comparison. */
static uint64_t hash_attr(uint64_t h, const struct li_attr *attr)
{
    h = li_hash(h, &attr->i, sizeof attr->i);
    h = li_hash(h, &attr->f, sizeof attr->f);
    if (attr->kind == LI_ATTR_STRING) {
        h = li_hash(h, attr->s, attr->s_len);
    }
    if (attr->count && (attr->kind == LI_ATTR_INTS || attr->kind == LI_ATTR_BOOLS || attr->kind == LI_ATTR_TYPES)) {
        h = li_hash(h, attr->ints, attr->count * sizeof *attr->ints);
    }
    return h;
}

static uint64_t hash_node(const struct merging *c, const struct li_node *node)
{
    uint64_t h = li_hash(0, node->op->name, strlen(node->op->name));
    for (int i = 0; i < node->nin; i++) {
        h = li_hash(h, &c->first[node->in[i]], sizeof c->first[0]);
    }
    for (int i = 0; i < node->nattrs; i++) {
        h = hash_attr(h, &node->attrs[i]);
    }
    return h;
}

static void clear_table(struct merging *c)
{
    for (uint64_t i = 0; i <= c->mask; i++) {
        c->table[i] = LI_NONE;
    }
}

static void merge_node(struct merging *c, int32_t n)
{
    const struct li_graph *g = c->m.g;
    const struct li_node *node = &g->nodes[n];
    if (!may_merge(c, node)) {
        return;
    }
    for (uint64_t at = hash_node(c, node);; at++) {
        int32_t *slot = &c->table[at & c->mask];
        if (*slot < 0) {
            *slot = n;
            return;
        }
        if (same_node(c, &g->nodes[*slot], node)) {
            for (int i = 0; i < node->nout; i++) {
                c->first[node->out[i]] = g->nodes[*slot].out[i];
            }
            return;
        }
    }
}

static bool same_source(const struct li_value *a, const struct li_value *b)
{
    return a->constant && b->constant ? same_tensor(a->constant, b->constant)
                                      : !a->constant && !b->constant && a->resource == b->resource;
}

static uint64_t hash_source(const struct li_value *value)
{
    const struct li_tensor *t = value->constant;
    if (!t) {
        return li_hash(0, &value->resource, sizeof value->resource);
    }
    if (t->dtype == LINCE_STRING || t->size_bytes > MAX_COMPARED_BYTES) {
        return li_hash(t->size_bytes, &t->data, sizeof t->data);
    }
    return li_hash(t->size_bytes, t->data, t->size_bytes);
}

/* Constants, and handles of one resource. */
static void merge_source(struct merging *c, li_vid v)
{
    const struct li_value *value = &c->m.g->values[v];
    if (value->producer >= 0 || (!value->constant && (value->dtype != LINCE_RESOURCE || value->resource < 0))) {
        return;
    }
    for (uint64_t at = hash_source(value);; at++) {
        int32_t *slot = &c->table[at & c->mask];
        if (*slot < 0) {
            *slot = v;
            return;
        }
        if (same_source(&c->m.g->values[*slot], value)) {
            c->first[v] = *slot;
            return;
        }
    }
}

static void find_first(struct merging *c)
{
    const struct li_graph *g = c->m.g;
    for (li_vid v = 0; v < g->value_count; v++) {
        c->first[v] = v;
    }
    clear_table(c);
    for (li_vid v = 0; v < g->value_count; v++) {
        merge_source(c, v);
    }
    clear_table(c);
    for (int32_t n = 0; n < g->node_count; n++) {
        merge_node(c, n);
    }
}

/* ---- The pass ---------------------------------------------------------------------------------------------------- */

static lince_status visit(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct merging *c = r->context;
    const struct li_node *node = &r->from->nodes[n];
    (void)err;
    *done = node->nout > 0 && c->first[node->out[0]] != node->out[0];
    for (int i = 0; *done && i < node->nout; i++) {
        r->map[node->out[i]] = r->map[c->first[node->out[i]]];
    }
    return LINCE_OK;
}

static lince_status run(struct merging *c, struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                        lince_error *err)
{
    uint64_t room = 64;
    while (room < 2 * ((uint64_t)g->value_count + (uint64_t)g->node_count)) {
        room *= 2;
    }
    c->mask = room - 1;
    c->first = li_arena_alloc(&c->m.arena, ((size_t)g->value_count + 1) * sizeof *c->first, err);
    c->table = li_arena_alloc(&c->m.arena, (size_t)room * sizeof *c->table, err);
    if (!c->first || !c->table) {
        return LINCE_ENOMEM;
    }
    find_first(c);
    return li_graph_rewrite(out, g, env, c, visit, err);
}

lince_status li_pass_cse(struct li_graph **out, const struct li_graph *g, const struct li_env *env, lince_error *err)
{
    struct merging c;
    LI_TRY(li_match_init(&c.m, g, err));
    lince_status st = run(&c, out, g, env, err);
    li_match_free(&c.m);
    return st;
}
