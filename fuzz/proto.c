/*
 * saved_model.pb from a stranger: open it, unpack every node and function, read every constant. Whatever the bytes
 * are, memory stays in proportion to them, and nothing is left behind.
 */
#include "proto/proto.h"

#include <stdlib.h>

enum { LIMIT_BYTES = 64 << 20, SPARE_BYTES = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_attrs(Tf__AttrEntry *const *attr, size_t n, struct li_arena *arena)
{
    struct li_tensor tensor;
    struct li_shape shape;

    for (size_t i = 0; i < n; i++) {
        const Tf__AttrValue *value = li_proto_attr(attr, n, attr[i]->key);
        if (value->value_case == TF__ATTR_VALUE__VALUE_TENSOR) {
            (void)li_proto_tensor(&tensor, value->tensor, arena, NULL);
        } else if (value->value_case == TF__ATTR_VALUE__VALUE_SHAPE) {
            (void)li_proto_shape(&shape, value->shape, NULL);
        }
    }
}

static void read_meta_graph(const struct li_proto_meta_graph *meta_graph, struct li_mem *mem)
{
    const Tf__FunctionDef *function;
    const Tf__NodeDef *node;
    struct li_arena arena;

    li_arena_init(&arena, mem, LIMIT_BYTES);
    for (size_t i = 0; i < meta_graph->nodes.count; i++) {
        if (!li_proto_node(&node, &meta_graph->nodes.item[i], &arena, NULL)) {
            (void)li_proto_find(&meta_graph->nodes, node->name);
            read_attrs(node->attr, node->n_attr, &arena);
        }
        li_arena_free(&arena);
    }
    for (size_t i = 0; i < meta_graph->functions.count; i++) {
        if (!li_proto_function(&function, &meta_graph->functions.item[i], &arena, NULL)) {
            for (size_t j = 0; j < function->n_node_def; j++) {
                read_attrs(function->node_def[j]->attr, function->node_def[j]->n_attr, &arena);
            }
        }
        li_arena_free(&arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_proto_model *model;
    lince_error err;

    if (!mem) {
        return 0;
    }
    if (!li_proto_model_open(&model, (struct li_bytes){data, size}, "fuzz", mem, &err)) {
        if (li_mem_peak_bytes(mem) > 128 * size + SPARE_BYTES) {
            abort();
        }
        for (size_t i = 0; i < model->meta_graphs; i++) {
            read_meta_graph(&model->meta_graph[i], mem);
        }
        li_proto_model_close(model);
    }
    if (li_mem_used_bytes(mem)) {
        abort();
    }
    li_mem_release(mem);
    return 0;
}
