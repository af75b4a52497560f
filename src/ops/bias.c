/* BiasAdd and its gradient for the bias. The channels are the last dim (NHWC) or dim 1 (NCHW). */
#include "common.h"

static int channel_axis(const struct li_node *node, int rank)
{
    return li_attr_is(node, "data_format", "NCHW") ? 1 : rank - 1;
}

static lince_status bias_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_need_rank(s, 1, 1));
    const struct li_shape *x = li_in_shape(s, 0);
    if (x->rank < 2) {
        return li_infer_fail(s, LINCE_EINVAL, "the value has rank %d; at least 2 is needed", x->rank);
    }
    int64_t channels = x->dim[channel_axis(s->node, x->rank)], bias = li_in_shape(s, 1)->dim[0];
    if (channels != bias) {
        return li_infer_fail(s, LINCE_EINVAL, "the bias holds %lld numbers, the value has %lld channels",
                             (long long)bias, (long long)channels);
    }
    return li_out_same(s, 0, 0);
}

static void bias_layout(struct li_layout *l)
{
    l->in_accepts[0] = l->out_accepts[0] = LI_LAYOUT_STRIDED;
}

/* One row of a span in blocks; a scalar operand repeats. */
static void add_generic(lince_dtype dtype, char *y, const char *x, const char *bias, bool repeat, int64_t cols)
{
    union li_block a, b;
    int64_t size = (int64_t)li_dtype_size(dtype);
    for (int64_t i = 0; i < cols; i += LI_BLOCK) {
        int64_t n = LI_MIN(LI_BLOCK, cols - i);
        li_block_load(&a, dtype, x + i * size, 1, n);
        li_block_load(&b, dtype, bias + (repeat ? 0 : i * size), !repeat, n);
        for (int64_t k = 0; k < n; k++) {
            if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
                a.f[k] += b.f[k];
            } else {
                a.u[k] += b.u[k]; /* wraps, as the narrower types do */
            }
        }
        li_block_store(y + i * size, dtype, &a, n);
    }
}

static lince_status bias_forward(struct li_call *c)
{
    /* The bias with dims of 1 behind it, so that it is broadcast along them. */
    int trailing = c->in[0].shape->rank - 1 - channel_axis(c->node, c->in[0].shape->rank);
    struct li_shape shape = {1 + trailing, {c->in[1].shape->dim[0]}};
    for (int i = 1; i <= trailing; i++) {
        shape.dim[i] = 1;
    }
    const int64_t stride[LI_MAX_RANK] = {1};
    const struct li_operand bias = {.data = c->in[1].data, .dtype = c->in[1].dtype, .shape = &shape, .stride = stride};
    lince_dtype dtype = bias.dtype;
    struct li_walk walk;
    struct li_span span;
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &bias}, 3);
    while (li_walk_next(&walk, &span)) {
        char *y = li_at(c->out[0].data, dtype, span.offset[0]), *x = li_at(c->in[0].data, dtype, span.offset[1]);
        char *b = li_at(bias.data, dtype, span.offset[2]);
        if (dtype == LINCE_FLOAT32) {
            struct li_binary_rows rows = {.rows = span.rows,
                                          .cols = span.cols,
                                          .a_row = span.row[1],
                                          .b_row = span.row[2],
                                          .y_row = span.row[0],
                                          .a_scalar = span.scalar[1],
                                          .b_scalar = span.scalar[2]};
            c->kernels->binary->rows(LI_BINARY_ADD, &rows, (float *)(void *)y, (const float *)(void *)x,
                                     (const float *)(void *)b);
            continue;
        }
        for (int64_t r = 0; r < span.rows; r++) {
            add_generic(dtype, li_at(y, dtype, r * span.row[0]), li_at(x, dtype, r * span.row[1]),
                        li_at(b, dtype, r * span.row[2]), span.scalar[2], span.cols);
        }
    }
    return LINCE_OK;
}

static lince_status bias_grad(struct li_grad *g)
{
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    g->dx[0] = g->dy[0];
    struct li_attr format = *li_attr(g->node, "data_format");
    return li_grad_emit(g, "BiasAddGrad", g->dy, 1, &format, 1, &g->dx[1]);
}

const struct li_op li_op_bias_add = {
    .name = "BiasAdd",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"data_format", LI_ATTR_STRING, "NHWC", "NHWC NCHW"}),
    .shape = bias_shape,
    .layout = bias_layout,
    .prepare = li_ops_prepare_cheap,
    .forward = bias_forward,
    .grad = bias_grad,
    .flags = LI_OP_INPLACE,
};

/* V1 has no data_format. */
const struct li_op li_op_bias_add_v1 = {
    .name = "BiasAddV1",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"data_format", LI_ATTR_STRING, "NHWC", "NHWC"}),
    .shape = bias_shape,
    .layout = bias_layout,
    .prepare = li_ops_prepare_cheap,
    .forward = bias_forward,
    .grad = bias_grad,
    .flags = LI_OP_INPLACE,
};

/* ---- BiasAddGrad: the sum over everything but the channels ---- */

enum { SUM_COLUMNS = 64 }; /* columns that one task sums: whole columns, so that no sum is divided */

static lince_status sum_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    const struct li_shape *dy = li_in_shape(s, 0);
    if (dy->rank < 2) {
        return li_infer_fail(s, LINCE_EINVAL, "the value has rank %d; at least 2 is needed", dy->rank);
    }
    struct li_shape bias = {1, {dy->dim[channel_axis(s->node, dy->rank)]}};
    return li_out_is(s, 0, li_in_dtype(s, 0), &bias);
}

static lince_status sum_prepare(struct li_prepare *p)
{
    int64_t channels = li_ops_out(p, 0)->shape.dim[0], count = li_shape_count(&li_ops_in(p, 0)->shape);
    p->tasks = count < LI_GRAIN_CHEAP ? 1 : LI_MAX(1, (channels + SUM_COLUMNS - 1) / SUM_COLUMNS);
    return LINCE_OK;
}

/* Channel c of [outer, channels, inner], in double. */
static double sum_channel(const struct li_operand *dy, int64_t outer, int64_t channels, int64_t inner, int64_t c)
{
    union li_block b;
    double sum = 0;
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t i = 0; i < inner; i += LI_BLOCK) {
            int64_t n = LI_MIN(LI_BLOCK, inner - i);
            li_block_load(&b, dy->dtype, li_at(dy->data, dy->dtype, (o * channels + c) * inner + i), 1, n);
            for (int64_t k = 0; k < n; k++) {
                sum += b.f[k];
            }
        }
    }
    return sum;
}

static lince_status sum_forward(struct li_call *c)
{
    const struct li_operand *dy = &c->in[0];
    int axis = channel_axis(c->node, dy->shape->rank);
    int64_t channels = dy->shape->dim[axis], outer = 1, inner = 1, first, last;
    for (int i = 0; i < dy->shape->rank; i++) {
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : dy->shape->dim[i];
    }
    li_task_range(c, channels, &first, &last);
    if (dy->dtype == LINCE_FLOAT32 && inner == 1) {
        c->kernels->reduce->columns(LI_REDUCE_SUM, (float *)c->out[0].data + first, li_f32(dy) + first, outer,
                                    last - first, channels, 1);
        return LINCE_OK;
    }
    for (int64_t i = first; i < last; i++) {
        union li_block sum;
        sum.f[0] = sum_channel(dy, outer, channels, inner, i);
        li_block_store(li_at(c->out[0].data, dy->dtype, i), dy->dtype, &sum, 1);
    }
    return LINCE_OK;
}

/* The same to every element of a channel. */
static lince_status sum_grad(struct li_grad *g)
{
    const struct li_shape x = g->graph->values[g->in[0]].shape;
    int axis = channel_axis(g->node, x.rank);
    int64_t dims[LI_MAX_RANK] = {x.dim[axis]};
    li_vid lined, to[2];
    for (int d = axis + 1; d < x.rank; d++) {
        dims[d - axis] = 1;
    }
    LI_TRY(li_grad_ints(g, dims, x.rank - axis, &to[0]));
    LI_TRY(li_grad_two(g, "Reshape", g->dy[0], to[0], &lined));
    LI_TRY(li_grad_ints(g, x.dim, x.rank, &to[1]));
    return li_grad_two(g, "BroadcastTo", lined, to[1], &g->dx[0]);
}

const struct li_op li_op_bias_add_grad = {
    .name = "BiasAddGrad",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"data_format", LI_ATTR_STRING, "NHWC", "NHWC NCHW"}),
    .shape = sum_shape,
    .prepare = sum_prepare,
    .forward = sum_forward,
    .grad = sum_grad,
};
