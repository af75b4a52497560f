/* Softmax and LogSoftmax along the last dim. */
#include "common.h"

#include <math.h>

enum { TASK_ELEMENTS = 1 << 14 };

static lince_status softmax_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    if (li_in_shape(s, 0)->rank < 1) {
        return li_infer_fail(s, LINCE_EINVAL, "logits must have at least one dim; they are a scalar");
    }
    return li_out_same(s, 0, 0);
}

static lince_status softmax_prepare(struct li_prepare *p)
{
    const struct li_shape *x = &li_ops_in(p, 0)->shape;
    int64_t cols = x->dim[x->rank - 1], rows = cols > 0 ? li_shape_count(x) / cols : 0;
    p->tasks = LI_MAX(1, LI_MIN(rows, li_task_count(rows * cols, TASK_ELEMENTS)));
    return LINCE_OK;
}

/* exp(x - max) or what remains of x when log(sum) is taken off, a block at a time. */
static void row_generic(lince_dtype dtype, char *y, const char *x, int64_t cols, bool log_of)
{
    union li_block b;
    double max = -INFINITY, sum = 0;
    for (int pass = 0; pass < 3; pass++) {
        for (int64_t i = 0; i < cols; i += LI_BLOCK) {
            int64_t n = LI_MIN(LI_BLOCK, cols - i);
            li_block_load(&b, dtype, x + i * (int64_t)li_dtype_size(dtype), 1, n);
            for (int64_t k = 0; k < n; k++) {
                double v = b.f[k];
                if (pass == 0) {
                    max = v != v || v > max ? v : max;
                } else if (pass == 1) {
                    sum += exp(v - max);
                } else {
                    b.f[k] = log_of ? v - max - log(sum) : exp(v - max) / sum;
                }
            }
            if (pass == 2) {
                li_block_store(li_at(y, dtype, i), dtype, &b, n);
            }
        }
    }
}

static lince_status softmax_run(struct li_call *c, bool log_of)
{
    const struct li_shape *shape = c->in[0].shape;
    lince_dtype dtype = c->in[0].dtype;
    int64_t cols = shape->dim[shape->rank - 1], first, last;
    if (cols == 0) {
        return LINCE_OK;
    }
    li_task_range(c, li_shape_count(shape) / cols, &first, &last);
    char *y = li_at(c->out[0].data, dtype, first * cols);
    const char *x = li_at(c->in[0].data, dtype, first * cols);
    if (dtype == LINCE_FLOAT32) {
        (log_of ? c->kernels->unary->log_softmax
                : c->kernels->unary->softmax)((float *)(void *)y, (const float *)(const void *)x, last - first, cols);
        return LINCE_OK;
    }
    int64_t row_bytes = cols * (int64_t)li_dtype_size(dtype);
    for (int64_t r = first; r < last; r++, y += row_bytes, x += row_bytes) {
        row_generic(dtype, y, x, cols, log_of);
    }
    return LINCE_OK;
}

static lince_status softmax_forward(struct li_call *c)
{
    return softmax_run(c, false);
}

static lince_status log_softmax_forward(struct li_call *c)
{
    return softmax_run(c, true);
}

/* The sum over the last dim, kept as a dim of 1. */
static lince_status last_sum(struct li_grad *g, li_vid x, li_vid *out)
{
    int32_t last = g->graph->values[x].shape.rank - 1;
    const struct li_tensor axis = {LINCE_INT32, {1, {1}}, &last, sizeof last}, *own;
    li_vid axes;
    LI_TRY(li_graph_own_tensor(g->graph, &axis, &own, g->err));
    LI_TRY(li_graph_constant(g->graph, own, &axes, g->err));
    return li_grad_emit(g, "Sum", (const li_vid[]){x, axes}, 2, (const struct li_attr[]){LI_BOOL("keep_dims", true)}, 1,
                        out);
}

/* (dy - sum(dy * y)) * y */
static lince_status softmax_grad(struct li_grad *g)
{
    li_vid dy = g->dy[0], y = g->out[0], product, sum, rest;
    if (dy == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(li_grad_emit(g, "Mul", (const li_vid[]){dy, y}, 2, NULL, 0, &product));
    LI_TRY(last_sum(g, product, &sum));
    LI_TRY(li_grad_emit(g, "Sub", (const li_vid[]){dy, sum}, 2, NULL, 0, &rest));
    return li_grad_emit(g, "Mul", (const li_vid[]){rest, y}, 2, NULL, 0, &g->dx[0]);
}

/* dy - exp(y) * sum(dy) */
static lince_status log_softmax_grad(struct li_grad *g)
{
    li_vid dy = g->dy[0], sum, softmax, part;
    if (dy == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(last_sum(g, dy, &sum));
    LI_TRY(li_grad_emit(g, "Exp", &g->out[0], 1, NULL, 0, &softmax));
    LI_TRY(li_grad_emit(g, "Mul", (const li_vid[]){sum, softmax}, 2, NULL, 0, &part));
    return li_grad_emit(g, "Sub", (const li_vid[]){dy, part}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_softmax = {
    .name = "Softmax",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("softmax"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = softmax_shape,
    .prepare = softmax_prepare,
    .forward = softmax_forward,
    .grad = softmax_grad,
    .flags = LI_OP_INPLACE,
};

const struct li_op li_op_log_softmax = {
    .name = "LogSoftmax",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("logsoftmax"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = softmax_shape,
    .prepare = softmax_prepare,
    .forward = log_softmax_forward,
    .grad = log_softmax_grad,
    .flags = LI_OP_INPLACE,
};
