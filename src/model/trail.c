/* From node to node of a graph of TensorFlow 1, each once. */
#include "model/section.h"

#include <string.h>

lince_status li_trail_begin(struct li_trail *t, const struct li_proto_items *nodes, struct li_arena *arena,
                            lince_error *err)
{
    *t = (struct li_trail){.nodes = nodes,
                           .seen = li_arena_calloc(arena, nodes->count, 1, err),
                           .stack = li_arena_alloc(arena, nodes->count * sizeof *t->stack, err)};
    return t->seen && t->stack ? LINCE_OK : LINCE_ENOMEM;
}

const struct li_proto_item *li_trail_find(const struct li_proto_items *nodes, const char *name)
{
    name += *name == '^';
    return li_proto_find_bytes(nodes, (struct li_bytes){(const uint8_t *)name, strcspn(name, ":")});
}

void li_trail_visit(struct li_trail *t, const char *name)
{
    const struct li_proto_item *item = li_trail_find(t->nodes, name);
    size_t i = item ? (size_t)(item - t->nodes->item) : 0;
    if (item && !t->seen[i]) {
        t->seen[i] = 1;
        t->stack[t->depth++] = item;
    }
}

void li_trail_visit_controls(struct li_trail *t, const Tf__NodeDef *node)
{
    for (size_t k = 0; k < node->n_input; k++) {
        if (node->input[k][0] == '^') {
            li_trail_visit(t, node->input[k]);
        }
    }
}

const struct li_proto_item *li_trail_next(struct li_trail *t)
{
    return t->depth ? t->stack[--t->depth] : NULL;
}
