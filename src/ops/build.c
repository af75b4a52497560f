/* Appending nodes, the first failure being kept. */
#include "build.h"

li_vid li_build_node(struct li_build *b, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                     int nattrs)
{
    const struct li_op *row = li_ops_find(b->g->ops, op);
    const char *name = b->status ? NULL : li_arena_printf(&b->g->arena, b->err, "%s/%s", b->name, op);
    struct li_node *node;
    if (!name) {
        b->status = b->status ? b->status : LINCE_ENOMEM;
        return LI_NONE;
    }
    if (b->inferred) {
        li_vid out = LI_NONE;
        b->status = li_graph_emit(b->g, op, name, in, nin, attrs, nattrs, &out, row->outputs ? 1 : 0, b->err);
        return b->status ? LI_NONE : out;
    }
    b->status = li_graph_append(b->g, row, name, in, nin, attrs, nattrs, &node, b->err);
    return b->status || node->nout == 0 ? LI_NONE : node->out[0];
}

li_vid li_build_one(struct li_build *b, const char *op, li_vid x)
{
    return li_build_node(b, op, &x, 1, NULL, 0);
}

li_vid li_build_two(struct li_build *b, const char *op, li_vid x, li_vid y)
{
    return li_build_node(b, op, (li_vid[]){x, y}, 2, NULL, 0);
}

static li_vid constant(struct li_build *b, lince_dtype dtype, int rank, int64_t count, const void *data)
{
    const struct li_tensor t = {.dtype = dtype,
                                .shape = {rank, {count}},
                                .data = (void *)(uintptr_t)data,
                                .size_bytes = (size_t)count * li_dtype_size(dtype)};
    const struct li_tensor *own;
    li_vid v = LI_NONE;
    if (!b->status) {
        b->status = li_graph_own_tensor(b->g, &t, &own, b->err);
    }
    if (!b->status) {
        b->status = li_graph_constant(b->g, own, &v, b->err);
    }
    return v;
}

li_vid li_build_number(struct li_build *b, float number)
{
    return constant(b, LINCE_FLOAT32, 0, 1, &number);
}

li_vid li_build_numbers(struct li_build *b, const float *numbers, int count)
{
    return constant(b, LINCE_FLOAT32, 1, count, numbers);
}

li_vid li_build_ints(struct li_build *b, const int32_t *values, int count)
{
    return constant(b, LINCE_INT32, count < 0 ? 0 : 1, count < 0 ? 1 : count, values);
}

li_vid li_build_reduce(struct li_build *b, const char *op, li_vid x, int axis)
{
    const int32_t axes[1] = {axis};
    return li_build_two(b, op, x, li_build_ints(b, axes, 1));
}

li_vid li_build_total(struct li_build *b, li_vid x)
{
    const int32_t flat[1] = {-1};
    return li_build_reduce(b, "Sum", li_build_two(b, "Reshape", x, li_build_ints(b, flat, 1)), 0);
}
