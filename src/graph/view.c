/* Where values lie when no pass decided otherwise, and how a graph reads as text. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* ---- Views ------------------------------------------------------------------------------------------------------- */

bool li_view_dense(const struct li_value *value)
{
    int64_t dense = 1;
    for (int d = value->shape.rank - 1; d >= 0; d--) {
        if (value->shape.dim[d] != 1 && value->view.stride[d] != dense) {
            return false;
        }
        dense *= value->shape.dim[d];
    }
    for (size_t i = 0; i < LI_COUNT(value->view.halo); i++) {
        if (value->view.halo[i]) {
            return false;
        }
    }
    return true;
}

void li_graph_default_views(struct li_graph *g)
{
    for (li_vid v = 0; v < g->value_count; v++) {
        struct li_value *value = &g->values[v];
        int64_t stride = 1;
        value->view = (struct li_view){.base = v};
        for (int d = value->shape.rank - 1; d >= 0; d--) {
            value->view.stride[d] = stride;
            stride *= value->shape.dim[d];
        }
        value->view.buffer_count = value->shape.rank < 0 ? 0 : stride;
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        const struct li_node *node = &g->nodes[n];
        if ((node->op->flags & LI_OP_ALIAS) && node->nin > 0 && node->nout > 0) {
            g->values[node->out[0]].view.base = g->values[node->in[0]].view.base;
        }
        for (int b = 0; b < node->bodies; b++) {
            li_graph_default_views(node->body[b]);
        }
    }
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

struct text {
    struct li_mem *mem;
    char *data;
    size_t used, room;
    lince_error *err;
};

static lince_status put(struct text *t, const char *piece)
{
    size_t len = strlen(piece);
    if (t->used + len + 1 > t->room) {
        size_t room = LI_MAX(t->room * 2, t->used + len + 1024);
        char *larger = li_realloc(t->mem, t->data, room, t->err);
        if (!larger) {
            return LINCE_ENOMEM;
        }
        t->data = larger;
        t->room = room;
    }
    memcpy(t->data + t->used, piece, len + 1);
    t->used += len;
    return LINCE_OK;
}

static lince_status put_values(struct text *t, const struct li_graph *g, const li_vid *values, int count)
{
    char shape[LI_SHAPE_TEXT], piece[LI_SHAPE_TEXT + 64];
    for (int i = 0; i < count; i++) {
        const struct li_value *value = &g->values[values[i]];
        snprintf(piece, sizeof piece, "%s%%%d:%s%s", i ? ", " : "", (int)values[i], li_dtype_name(value->dtype),
                 li_shape_text(&value->shape, shape));
        LI_TRY(put(t, piece));
    }
    return LINCE_OK;
}

static lince_status put_node(struct text *t, const struct li_graph *g, const struct li_node *node)
{
    LI_TRY(put(t, node->name));
    LI_TRY(put(t, " = "));
    LI_TRY(put(t, node->op->name));
    LI_TRY(put(t, "("));
    LI_TRY(put_values(t, g, node->in, node->nin));
    LI_TRY(put(t, node->nout ? ") -> " : ")"));
    LI_TRY(put_values(t, g, node->out, node->nout));
    return put(t, "\n");
}

char *li_graph_text(struct li_graph *g, lince_error *err)
{
    struct text t = {.mem = g->arena.mem, .err = err};
    lince_status st = put(&t, "");
    for (int32_t n = 0; !st && n < g->node_count; n++) {
        st = put_node(&t, g, &g->nodes[n]);
    }
    char *copy = st ? NULL : li_arena_strndup(&g->arena, t.data, t.used, err);
    li_free(t.mem, t.data);
    return copy;
}
