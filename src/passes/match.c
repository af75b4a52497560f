#include "match.h"

#include <string.h>

static void find_consumers(struct li_match *m)
{
    const struct li_graph *g = m->g;
    enum { SEVERAL = -2 };
    for (int32_t v = 0; v < g->value_count; v++) {
        m->consumer[v] = LI_NONE;
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].nin; i++) {
            int32_t *consumer = &m->consumer[g->nodes[n].in[i]];
            *consumer = *consumer == LI_NONE ? n : SEVERAL;
            m->uses[g->nodes[n].in[i]]++;
        }
    }
    for (int32_t i = 0; i < g->output_count; i++) {
        m->consumer[g->outputs[i]] = SEVERAL;
        m->uses[g->outputs[i]]++;
    }
    for (int32_t v = 0; v < g->value_count; v++) {
        m->consumer[v] = LI_MAX(m->consumer[v], LI_NONE);
    }
}

static void find_invariants(struct li_match *m, const bool *written)
{
    const struct li_graph *g = m->g;
    for (int32_t v = 0; v < g->value_count; v++) {
        m->invariant[v] = g->values[v].constant || g->values[v].dtype == LINCE_RESOURCE;
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        const struct li_node *node = &g->nodes[n];
        bool same = li_node_is_fixed(node, written);
        for (int i = 0; i < node->nin; i++) {
            same = same && m->invariant[node->in[i]];
        }
        for (int i = 0; i < node->nout; i++) {
            m->invariant[node->out[i]] = same;
        }
    }
}

lince_status li_match_init(struct li_match *m, const struct li_graph *g, lince_error *err)
{
    *m = (struct li_match){.g = g};
    li_arena_init(&m->arena, g->arena.mem, 0);
    m->consumer = li_arena_calloc(&m->arena, (size_t)g->value_count + 1, sizeof *m->consumer, err);
    m->uses = li_arena_calloc(&m->arena, (size_t)g->value_count + 1, sizeof *m->uses, err);
    m->invariant = li_arena_calloc(&m->arena, (size_t)g->value_count + 1, sizeof *m->invariant, err);
    bool *written = m->consumer && m->uses && m->invariant ? li_graph_written(g, &m->arena, err) : NULL;
    if (!written) {
        li_match_free(m);
        return LINCE_ENOMEM;
    }
    find_consumers(m);
    find_invariants(m, written);
    return LINCE_OK;
}

void li_match_free(struct li_match *m)
{
    li_arena_free(&m->arena);
}

lince_status li_match_rewrite(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                              lince_status (*visit)(struct li_rewrite *r, int32_t node, bool *done, lince_error *err),
                              lince_error *err)
{
    struct li_match m;
    LI_TRY(li_match_init(&m, g, err));
    lince_status st = li_graph_rewrite(out, g, env, &m, visit, err);
    li_match_free(&m);
    return st;
}

bool li_op_is(const struct li_node *node, const char *name)
{
    return node && strcmp(node->op->name, name) == 0;
}

const struct li_node *li_made_by(const struct li_graph *g, li_vid v, const char *name)
{
    const struct li_node *node = li_producer(g, v);
    return li_op_is(node, name) ? node : NULL;
}

bool li_scalar_of(const struct li_graph *g, li_vid v, float *value)
{
    const struct li_tensor *t = v < 0 ? NULL : g->values[v].constant;
    if (!t || t->dtype != LINCE_FLOAT32 || li_shape_count(&t->shape) != 1) {
        return false;
    }
    *value = *(const float *)t->data;
    return true;
}

bool li_per_channel(const struct li_graph *g, li_vid v, int64_t channels)
{
    const struct li_value *value = &g->values[v];
    const struct li_shape *shape = &value->shape;
    if (value->dtype != LINCE_FLOAT32 || shape->rank < 1 || shape->rank > 4 || li_shape_count(shape) != channels) {
        return false;
    }
    return shape->dim[shape->rank - 1] == channels;
}

lince_status li_emit_one(struct li_rewrite *r, const char *op, const char *name, const li_vid *in, int nin,
                         const struct li_attr *attrs, int nattrs, li_vid *out, lince_error *err)
{
    return li_graph_emit(r->to, op, name, in, nin, attrs, nattrs, out, 1, err);
}

lince_status li_emit_vector(struct li_rewrite *r, const char *name, li_vid v, int64_t channels, li_vid *out,
                            lince_error *err)
{
    if (r->to->values[v].shape.rank == 1) {
        *out = v;
        return LINCE_OK;
    }
    int32_t dim = (int32_t)channels;
    struct li_tensor shape = {.dtype = LINCE_INT32, .shape = {1, {1}}, .data = &dim, .size_bytes = sizeof dim};
    const struct li_tensor *kept;
    li_vid in[2] = {v};
    LI_TRY(li_graph_own_tensor(r->to, &shape, &kept, err));
    LI_TRY(li_graph_constant(r->to, kept, &in[1], err));
    return li_emit_one(r, "Reshape", name, in, 2, NULL, 0, out, err);
}
