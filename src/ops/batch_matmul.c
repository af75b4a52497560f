/* BatchMatMul, V2 and V3: a matrix product for each index of the leading dims. V2 and V3 broadcast these. */
#include "product.h"
#include "window.h"

/* The leading dims alone. */
static struct li_shape batch_of(const struct li_shape *x)
{
    struct li_shape batch = *x;
    batch.rank -= 2;
    return batch;
}

static lince_status batch_shape(struct li_infer *s, bool broadcast)
{
    const struct li_shape *x = li_in_shape(s, 0), *y = li_in_shape(s, 1);
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT | LI_SET_INDEX));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    if (x->rank < 2 || y->rank < 2) {
        return li_infer_fail(s, LINCE_EINVAL, "operands must be matrices; they have ranks %d and %d", x->rank, y->rank);
    }
    bool tx = li_attr_int(s->node, "adj_x"), ty = li_attr_int(s->node, "adj_y");
    int64_t inner = x->dim[x->rank - 1 - tx], wanted = y->dim[y->rank - 2 + ty];
    if (inner != wanted) {
        return li_infer_fail(s, LINCE_EINVAL, "the first matrix has %lld columns, the second %lld rows",
                             (long long)inner, (long long)wanted);
    }
    struct li_shape bx = batch_of(x), by = batch_of(y), out;
    if (!broadcast && !li_shape_equal(&bx, &by)) {
        return li_infer_fail(s, LINCE_EINVAL, "the leading dims of the operands differ");
    }
    LI_TRY(li_broadcast(s, &bx, &by, &out));
    if (out.rank + 2 > LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_ELIMIT, "the result has more than %d dims", LI_MAX_RANK);
    }
    out.dim[out.rank] = x->dim[x->rank - 2 + tx];
    out.dim[out.rank + 1] = y->dim[y->rank - 1 - ty];
    out.rank += 2;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status same_shape(struct li_infer *s)
{
    return batch_shape(s, false);
}

static lince_status broadcast_shape(struct li_infer *s)
{
    return batch_shape(s, true);
}

static lince_status v3_shape(struct li_infer *s)
{
    if (li_attr_int(s->node, "Tout") != (int64_t)li_in_dtype(s, 0)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "a result of another type than its operands is not supported");
    }
    return batch_shape(s, true);
}

/* Stride of dim i of the result in an operand: 0 where the operand is repeated. */
static int64_t stride_of(const struct li_value *v, const int64_t *stride, int rank, int i)
{
    int at = i - (rank - v->shape.rank);
    return at < 0 || v->shape.dim[at] == 1 ? 0 : stride[at];
}

static lince_status batch_prepare(struct li_prepare *p)
{
    const struct li_value *x = li_ops_in(p, 0), *y = li_ops_in(p, 1), *z = li_ops_out(p, 0);
    bool tx = li_attr_int(p->node, "adj_x"), ty = li_attr_int(p->node, "adj_y");
    int rx = x->shape.rank, ry = y->shape.rank, rz = z->shape.rank;
    int64_t stride[3][LI_MAX_RANK];
    li_strides_of(x, stride[LI_A]);
    li_strides_of(y, stride[LI_B]);
    li_strides_of(z, stride[LI_C]);
    const int64_t *sx = stride[LI_A] + rx - 2, *sy = stride[LI_B] + ry - 2, *sz = stride[LI_C] + rz - 2;
    struct li_product product = {.dtype = x->dtype};
    for (int i = 0; i < rz - 2; i++) {
        li_axes_push(&product.batch, z->shape.dim[i], stride_of(x, stride[LI_A], rz, i),
                     stride_of(y, stride[LI_B], rz, i), stride[LI_C][i]);
    }
    li_axes_push(&product.m, z->shape.dim[rz - 2], sx[tx], 0, sz[0]);
    li_axes_push(&product.n, z->shape.dim[rz - 1], 0, sy[!ty], sz[1]);
    li_axes_push(&product.k, x->shape.dim[rx - 1 - tx], sx[!tx], sy[ty], 0);
    return li_product_prepare(p, &product);
}

static void batch_layout(struct li_layout *l)
{
    l->in_accepts[0] = l->in_accepts[1] = l->out_accepts[0] = LI_LAYOUT_STRIDED;
}

/* A product with the op's own row, summed down to the operand it is the gradient of. */
static lince_status batch_emit(struct li_grad *g, li_vid x, bool tx, li_vid y, bool ty, int input)
{
    const li_vid in[] = {x, y};
    const struct li_attr attrs[] = {LI_BOOL("adj_x", tx), LI_BOOL("adj_y", ty)};
    li_vid full;
    LI_TRY(li_grad_emit(g, "BatchMatMulV2", in, 2, attrs, 2, &full));
    return li_grad_unbroadcast(g, full, g->in[input], &g->dx[input]);
}

static lince_status batch_grad(struct li_grad *g)
{
    bool tx = li_attr_int(g->node, "adj_x"), ty = li_attr_int(g->node, "adj_y");
    li_vid dz = g->dy[0], x = g->in[0], y = g->in[1];
    if (dz == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(tx ? batch_emit(g, y, ty, dz, true, 0) : batch_emit(g, dz, false, y, !ty, 0));
    return ty ? batch_emit(g, dz, true, x, tx, 1) : batch_emit(g, x, !tx, dz, false, 1);
}

#define ROW(id, text, rule, ...)                                                                                       \
    const struct li_op li_op_##id = {                                                                                  \
        .name = text,                                                                                                  \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("output"),                                                                                \
        .attrs =                                                                                                       \
            LI_ATTRS({"adj_x", LI_ATTR_BOOL, "false", NULL}, {"adj_y", LI_ATTR_BOOL, "false", NULL}, __VA_ARGS__),     \
        .shape = rule,                                                                                                 \
        .layout = batch_layout,                                                                                        \
        .prepare = batch_prepare,                                                                                      \
        .forward = li_product_forward,                                                                                 \
        .grad = batch_grad,                                                                                            \
    };

#define GRAD_SPECS                                                                                                     \
    {"grad_x", LI_ATTR_BOOL, "false", NULL},                                                                           \
    {                                                                                                                  \
        "grad_y", LI_ATTR_BOOL, "false", NULL                                                                          \
    }

ROW(batch_mat_mul, "BatchMatMul", same_shape, LI_TYPE_SPEC("T"), GRAD_SPECS)
ROW(batch_mat_mul_v2, "BatchMatMulV2", broadcast_shape, LI_TYPE_SPEC("T"), GRAD_SPECS)
ROW(batch_mat_mul_v3, "BatchMatMulV3", v3_shape, LI_TYPE_SPEC("Ta"), LI_TYPE_SPEC("Tb"),
    {"Tout", LI_ATTR_TYPE, "float32", NULL}, GRAD_SPECS)
