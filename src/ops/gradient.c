/* What the gradients of broadcasting ops share. */
#include "common.h"

static lince_status emit_ints(struct li_grad *g, const int64_t *values, int count, li_vid *out)
{
    struct li_tensor tensor = {.dtype = LINCE_INT64,
                               .shape = {1, {count}},
                               .data = (void *)values,
                               .size_bytes = (size_t)count * sizeof *values};
    const struct li_tensor *own;
    LI_TRY(li_graph_own_tensor(g->graph, &tensor, &own, g->err));
    return li_graph_constant(g->graph, own, out, g->err);
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
        LI_TRY(emit_ints(g, axes, count, &in[1]));
        LI_TRY(li_grad_emit(g, "Sum", in, 2, (struct li_attr[]){LI_BOOL("keep_dims", false)}, 1, &sum));
    }
    if (li_shape_equal(&g->graph->values[sum].shape, &to)) {
        *out = sum;
        return LINCE_OK;
    }
    in[0] = sum;
    LI_TRY(emit_ints(g, to.dim, to.rank, &in[1]));
    return li_grad_emit(g, "Reshape", in, 2, NULL, 0, out);
}
