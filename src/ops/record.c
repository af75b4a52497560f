/* What the gradients of branches and loops are made from: counting turns, and keeping a value of each. */
#include "common.h"
#include "ops.h"

#include <string.h>

static lince_status constant(struct li_graph *g, lince_dtype dtype, const void *data, size_t bytes, int rank,
                             int64_t count, li_vid *out, lince_error *err)
{
    const struct li_tensor t = {
        .dtype = dtype, .shape = {rank, {count}}, .data = (void *)(uintptr_t)data, .size_bytes = bytes};
    const struct li_tensor *own;
    LI_TRY(li_graph_own_tensor(g, &t, &own, err));
    return li_graph_constant(g, own, out, err);
}

lince_status li_ops_number(struct li_graph *g, int32_t number, li_vid *out, lince_error *err)
{
    return constant(g, LINCE_INT32, &number, sizeof number, 0, 0, out, err);
}

lince_status li_ops_blank(struct li_graph *g, const char *name, lince_dtype dtype, const struct li_shape *shape,
                          li_vid *out, lince_error *err)
{
    static const lince_string nothing = {"", 0};
    static const uint64_t zero[2];
    li_vid in[2];
    const struct li_attr type = LI_TYPE("index_type", LINCE_INT64);
    bool text = dtype == LINCE_STRING;
    LI_TRY(
        constant(g, LINCE_INT64, shape->dim, (size_t)shape->rank * sizeof shape->dim[0], 1, shape->rank, &in[0], err));
    LI_TRY(constant(g, dtype, text ? (const void *)&nothing : zero, li_dtype_size(dtype), 0, 0, &in[1], err));
    return li_graph_emit(g, "Fill", name, in, 2, &type, 1, out, 1, err);
}

lince_status li_ops_step(struct li_graph *g, const char *name, li_vid v, int by, li_vid *out, lince_error *err)
{
    li_vid in[2] = {v};
    LI_TRY(li_ops_number(g, by, &in[1], err));
    return li_graph_emit(g, "AddV2", name, in, 2, NULL, 0, out, 1, err);
}

lince_status li_ops_less(struct li_graph *g, const char *name, li_vid a, li_vid b, li_vid *out, lince_error *err)
{
    return li_graph_emit(g, "Less", name, (li_vid[]){a, b}, 2, NULL, 0, out, 1, err);
}

lince_status li_ops_record(struct li_graph *g, const char *name, li_vid list, li_vid index, li_vid item, li_vid *out,
                           lince_error *err)
{
    const struct li_attr dtype = LI_TYPE("element_dtype", g->values[item].dtype);
    return li_graph_emit(g, "TensorListSetItem", name, (li_vid[]){list, index, item}, 3, &dtype, 1, out, 1, err);
}

lince_status li_ops_recall(struct li_graph *g, const char *name, li_vid list, li_vid index,
                           const struct li_shape *shape, li_vid *out, lince_error *err)
{
    const struct li_attr dtype = LI_TYPE("element_dtype", g->values[list].dtype);
    li_vid in[3] = {list, index};
    LI_TRY(
        constant(g, LINCE_INT64, shape->dim, (size_t)shape->rank * sizeof shape->dim[0], 1, shape->rank, &in[2], err));
    return li_graph_emit(g, "TensorListGetItem", name, in, 3, &dtype, 1, out, 1, err);
}

lince_status li_ops_demand(struct li_graph *g, const char *name, li_vid condition, const char *text, li_vid shown,
                           lince_error *err)
{
    const lince_string words = {text, strlen(text)};
    const int64_t types[2] = {LINCE_STRING, g->values[shown].dtype};
    const struct li_attr attr = {.name = "T", .kind = LI_ATTR_TYPES, .ints = types, .count = 2};
    li_vid in[3] = {condition, LI_NONE, shown};
    LI_TRY(constant(g, LINCE_STRING, &words, sizeof words, 0, 0, &in[1], err));
    LI_TRY(li_graph_emit(g, "Assert", name, in, 3, &attr, 1, NULL, 0, err));
    g->nodes[g->node_count - 1].required = true;
    return LINCE_OK;
}
