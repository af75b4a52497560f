/*
 * MatMul, and what it becomes when it is planned: _LiMatMulPack arranges the second matrix for the kernel, _LiMatMul
 * multiplies with bias, residual and activation in one go.
 */
#include "conv.h"
#include "product.h"

/* ---- MatMul as TensorFlow has it ---- */

static lince_status matmul_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT | LI_SET_INDEX));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_need_rank(s, 0, 2));
    LI_TRY(li_need_rank(s, 1, 2));
    const struct li_shape *a = li_in_shape(s, 0), *b = li_in_shape(s, 1);
    bool ta = li_attr_int(s->node, "transpose_a"), tb = li_attr_int(s->node, "transpose_b");
    if (a->dim[!ta] != b->dim[tb]) {
        return li_infer_fail(s, LINCE_EINVAL, "the first matrix has %lld %s, the second needs %lld",
                             (long long)a->dim[!ta], ta ? "rows (it is transposed)" : "columns", (long long)b->dim[tb]);
    }
    struct li_shape c = {2, {a->dim[ta], b->dim[!tb]}};
    return li_out_is(s, 0, li_in_dtype(s, 0), &c);
}

static lince_status matmul_prepare(struct li_prepare *p)
{
    const int64_t *a = li_ops_in(p, 0)->shape.dim, *b = li_ops_in(p, 1)->shape.dim;
    bool ta = li_attr_int(p->node, "transpose_a"), tb = li_attr_int(p->node, "transpose_b");
    struct li_product product = {.dtype = li_ops_in(p, 0)->dtype};
    li_axes_push(&product.m, a[ta], ta ? 1 : a[1], 0, b[!tb]);
    li_axes_push(&product.n, b[!tb], 0, tb ? b[1] : 1, 1);
    li_axes_push(&product.k, a[!ta], ta ? a[1] : 1, tb ? 1 : b[1], 0);
    return li_product_prepare(p, &product);
}

/* One factor of dA or dB. */
static lince_status matmul_emit(struct li_grad *g, li_vid a, bool ta, li_vid b, bool tb, li_vid *out)
{
    const li_vid in[] = {a, b};
    const struct li_attr attrs[] = {LI_BOOL("transpose_a", ta), LI_BOOL("transpose_b", tb)};
    return li_grad_emit(g, "MatMul", in, 2, attrs, 2, out);
}

static lince_status matmul_grad(struct li_grad *g)
{
    bool ta = li_attr_int(g->node, "transpose_a"), tb = li_attr_int(g->node, "transpose_b");
    li_vid dy = g->dy[0], a = g->in[0], b = g->in[1];
    if (dy == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(ta ? matmul_emit(g, b, tb, dy, true, &g->dx[0]) : matmul_emit(g, dy, false, b, !tb, &g->dx[0]));
    return tb ? matmul_emit(g, dy, true, a, ta, &g->dx[1]) : matmul_emit(g, a, !ta, dy, false, &g->dx[1]);
}

const struct li_op li_op_mat_mul = {
    .name = "MatMul",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("product"),
    .attrs =
        LI_ATTRS({"transpose_a", LI_ATTR_BOOL, "false", NULL}, {"transpose_b", LI_ATTR_BOOL, "false", NULL},
                 LI_TYPE_SPEC("T"), {"grad_a", LI_ATTR_BOOL, "false", NULL}, {"grad_b", LI_ATTR_BOOL, "false", NULL}),
    .shape = matmul_shape,
    .prepare = matmul_prepare,
    .forward = li_product_forward,
    .grad = matmul_grad,
};

/* ---- _LiMatMulPack: [k, n], or [n, k] when transposed -> what the kernel of this instruction set reads ---- */

static lince_status pack_shape(struct li_infer *s)
{
    LI_TRY(li_need_rank(s, 0, 2));
    const int64_t *b = li_in_shape(s, 0)->dim;
    bool turned = li_attr_int(s->node, "transpose");
    struct li_shape packed = {1, {(int64_t)li_infer_kernels(s)->gemm->packed_floats(b[turned], b[!turned])}};
    return li_out_is(s, 0, LINCE_FLOAT32, &packed);
}

static lince_status pack_forward(struct li_call *c)
{
    const int64_t *b = c->in[0].shape->dim;
    bool turned = li_attr_int(c->node, "transpose");
    c->kernels->gemm->pack(b[turned], b[!turned], li_f32(&c->in[0]), b[1], turned, c->out[0].data);
    return LINCE_OK;
}

const struct li_op li_op_li_mat_mul_pack = {
    .name = "_LiMatMulPack",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"transpose", LI_ATTR_BOOL, "false", NULL}),
    .shape = pack_shape,
    .forward = pack_forward,
    .flags = LI_OP_INTERNAL | LI_OP_NO_FOLD,
};

/* ---- _LiMatMul: a, packed [, bias] [, residual]; a is [k, m] when transposed, else [..., k] ---- */

static lince_status fused_shape(struct li_infer *s)
{
    const struct li_shape *a = li_in_shape(s, 0);
    int64_t k = li_attr_int(s->node, "k"), n = li_attr_int(s->node, "n");
    bool turned = li_attr_int(s->node, "transpose_a");
    if (a->rank < 2 || (turned && a->rank != 2) || a->dim[turned ? 0 : a->rank - 1] != k) {
        return li_infer_fail(s, LINCE_EINVAL, "the first operand does not fit a matrix of %lld rows", (long long)k);
    }
    struct li_shape c = *a;
    c.dim[0] = turned ? a->dim[1] : a->dim[0];
    c.dim[a->rank - 1] = n;
    LI_TRY(li_out_is(s, 0, LINCE_FLOAT32, &c));
    return li_fused_inputs(s, 2, n);
}

static void fused_layout(struct li_layout *l)
{
    if (l->graph->values[l->node->in[0]].shape.rank != 2) {
        return;
    }
    l->in_accepts[0] = l->out_accepts[0] = LI_LAYOUT_STRIDED;
    if (li_attr_int(l->node, "residual")) {
        l->in_accepts[l->node->nin - 1] = LI_LAYOUT_STRIDED;
    }
}

struct gemm_plan {
    struct li_gemm gemm;
    int64_t tasks;
};

/* The stride from one row to the next, of a matrix or of what is dense and taken for one. */
static int64_t row_stride(const struct li_value *v)
{
    int64_t stride[LI_MAX_RANK];
    li_strides_of(v, stride);
    return stride[v->shape.rank - 2];
}

static lince_status fused_prepare(struct li_prepare *p)
{
    struct gemm_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    const struct li_shape *c = &li_ops_out(p, 0)->shape;
    struct li_gemm *g = &plan->gemm;
    g->batch = g->m = 1;
    for (int i = 0; i < c->rank - 1; i++) {
        g->m *= c->dim[i];
    }
    g->n = c->dim[c->rank - 1];
    g->k = li_attr_int(p->node, "k");
    g->transpose_a = li_attr_int(p->node, "transpose_a");
    g->a_row = row_stride(li_ops_in(p, 0));
    g->c_row = row_stride(li_ops_out(p, 0));
    if (li_attr_int(p->node, "residual")) {
        g->residual_row = row_stride(li_ops_in(p, p->node->nin - 1));
    }
    g->activation = (enum li_activation)li_attr_int(p->node, "activation");
    g->alpha = (float)li_attr_float(p->node, "alpha");
    plan->tasks = p->env->kernels->gemm->tasks(g);
    p->plan = plan;
    p->tasks = LI_MAX(plan->tasks, 1);
    p->flop = 2 * g->batch * g->m * g->n * g->k;
    p->reason = "gemm";
    return LINCE_OK;
}

static lince_status fused_forward(struct li_call *c)
{
    const struct gemm_plan *plan = c->plan;
    bool bias = li_attr_int(c->node, "bias"), residual = li_attr_int(c->node, "residual");
    struct li_gemm_data data = {.a = li_f32(&c->in[0]),
                                .b = li_f32(&c->in[1]),
                                .bias = bias ? li_f32(&c->in[2]) : NULL,
                                .residual = residual ? li_f32(&c->in[2 + bias]) : NULL,
                                .c = c->out[0].data};
    if (c->task < plan->tasks) {
        c->kernels->gemm->run(&plan->gemm, &data, c->task);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_mat_mul = {
    .name = "_LiMatMul",
    .inputs_min = 2,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"k", LI_ATTR_INT, NULL, NULL}, {"n", LI_ATTR_INT, NULL, NULL},
                      {"transpose_a", LI_ATTR_BOOL, "false", NULL}, LI_FUSED_SPECS),
    .shape = fused_shape,
    .layout = fused_layout,
    .prepare = fused_prepare,
    .forward = fused_forward,
    .flags = LI_OP_INTERNAL | LI_OP_NO_FOLD,
};
