/* What gradients share: sums that undo a broadcast, sums of what meets at a value, constants to begin with. */
#include "common.h"
#include "ops.h"

lince_status li_grad_ints(struct li_grad *g, const int64_t *values, int count, li_vid *out)
{
    struct li_tensor tensor = {.dtype = LINCE_INT64,
                               .shape = {1, {count}},
                               .data = (void *)values,
                               .size_bytes = (size_t)count * sizeof *values};
    const struct li_tensor *own;
    LI_TRY(li_graph_own_tensor(g->graph, &tensor, &own, g->err));
    return li_graph_constant(g->graph, own, out, g->err);
}

lince_status li_grad_scalar(struct li_grad *g, li_vid like, double number, li_vid *out)
{
    static const struct li_shape scalar = {.rank = 0};
    return li_ops_fill(g->graph, g->node->name, g->graph->values[like].dtype, &scalar, number, out, g->err);
}

lince_status li_grad_one(struct li_grad *g, const char *op, li_vid a, li_vid *out)
{
    return li_grad_emit(g, op, &a, 1, NULL, 0, out);
}

lince_status li_grad_two(struct li_grad *g, const char *op, li_vid a, li_vid b, li_vid *out)
{
    return li_grad_emit(g, op, (li_vid[]){a, b}, 2, NULL, 0, out);
}

lince_status li_grad_scale(struct li_grad *g, li_vid v, double number, li_vid *out)
{
    li_vid factor;
    LI_TRY(li_grad_scalar(g, v, number, &factor));
    return li_grad_two(g, "Mul", v, factor, out);
}

lince_status li_grad_shape(struct li_grad *g, li_vid like, li_vid *out)
{
    const struct li_shape shape = g->graph->values[like].shape;
    return li_grad_ints(g, shape.dim, shape.rank, out);
}

lince_status li_grad_unbroadcast(struct li_grad *g, li_vid dy, li_vid like, li_vid *out)
{
    const struct li_shape from = g->graph->values[dy].shape, to = g->graph->values[like].shape;
    int64_t axes[LI_MAX_RANK];
    int count = 0;
    for (int d = 0; d < from.rank; d++) {
        int i = d - (from.rank - to.rank);
        if (i < 0 || (to.dim[i] == 1 && from.dim[d] != 1)) {
            axes[count++] = d;
        }
    }
    li_vid in[2] = {dy}, sum = dy;
    if (count) {
        LI_TRY(li_grad_ints(g, axes, count, &in[1]));
        LI_TRY(li_grad_emit(g, "Sum", in, 2, (struct li_attr[]){LI_BOOL("keep_dims", false)}, 1, &sum));
    }
    if (li_shape_equal(&g->graph->values[sum].shape, &to)) {
        *out = sum;
        return LINCE_OK;
    }
    in[0] = sum;
    LI_TRY(li_grad_ints(g, to.dim, to.rank, &in[1]));
    return li_grad_emit(g, "Reshape", in, 2, NULL, 0, out);
}

lince_status li_ops_fill(struct li_graph *g, const char *name, lince_dtype dtype, const struct li_shape *shape,
                         double number, li_vid *out, lince_error *err)
{
    union li_block block = {.f = {0}};
    uint64_t element[2];
    if (!li_dtype_in(dtype, LI_SET_NUMBER)) {
        return li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\": %s is no number type", name, li_dtype_name(dtype));
    }
    if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
        block.f[0] = number;
    } else {
        block.i[0] = (int64_t)number;
    }
    li_block_store(element, dtype, &block, 1);
    const struct li_tensor one = {.dtype = dtype, .data = element, .size_bytes = li_dtype_size(dtype)};
    const struct li_tensor dims = {.dtype = LINCE_INT64,
                                   .shape = {1, {shape->rank}},
                                   .data = (void *)shape->dim,
                                   .size_bytes = (size_t)shape->rank * sizeof shape->dim[0]};
    const struct li_tensor *own;
    li_vid in[2];
    LI_TRY(li_graph_own_tensor(g, &one, &own, err));
    LI_TRY(li_graph_constant(g, own, &in[1], err));
    if (shape->rank == 0) {
        *out = in[1];
        return LINCE_OK;
    }
    LI_TRY(li_graph_own_tensor(g, &dims, &own, err));
    LI_TRY(li_graph_constant(g, own, &in[0], err));
    const struct li_attr type = LI_TYPE("index_type", LINCE_INT64);
    return li_graph_emit(g, "Fill", name, in, 2, &type, 1, out, 1, err);
}

lince_status li_ops_add_all(struct li_graph *g, const char *name, const li_vid *in, int count, li_vid *out,
                            lince_error *err)
{
    if (count == 1) {
        *out = in[0];
        return LINCE_OK;
    }
    return li_graph_emit(g, "AddN", name, in, count, NULL, 0, out, 1, err);
}
