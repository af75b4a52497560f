/*
 * Conv2D, and what it becomes when it is planned: _LiConvPack arranges the filter for the kernel, _LiConv2D convolves
 * with bias, residual and activation in one go. The pack is a node like any other, so it is done once where the filter
 * does not change and in every step where it does.
 *
 * Groups are not an attribute: a filter with fewer input channels than the picture has groups = channels / filter
 * channels.
 */
#include "conv.h"

#include "window.h"

/* ---- What all three know of a convolution ---- */

lince_status li_conv_infer(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                           struct li_shape *y)
{
    struct li_window w;
    if (filter->dim[2] < 1 || x->dim[3] % filter->dim[2] != 0) {
        return li_infer_fail(s, LINCE_EINVAL, "filter expects %lld input channels, image has %lld",
                             (long long)filter->dim[2], (long long)x->dim[3]);
    }
    int64_t groups = x->dim[3] / filter->dim[2];
    if (groups < 1 || filter->dim[3] % groups != 0) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld output channels cannot be divided among %lld groups",
                             (long long)filter->dim[3], (long long)groups);
    }
    LI_TRY(li_window_infer(s, x->dim[1], x->dim[2], filter->dim[0], filter->dim[1], "dilations", &w));
    *y = (struct li_shape){4, {x->dim[0], w.out_h, w.out_w, filter->dim[3]}};
    return LINCE_OK;
}

lince_status li_fused_inputs(const struct li_infer *s, int first, int64_t channels)
{
    bool bias = li_attr_int(s->node, "bias"), residual = li_attr_int(s->node, "residual");
    int64_t activation = li_attr_int(s->node, "activation");
    if (s->node->nin != first + bias + residual || activation < 0 || activation >= LI_ACT_COUNT) {
        return li_infer_fail(s, LINCE_EINVAL, "its inputs do not fit its attributes");
    }
    const struct li_shape vector = {1, {channels}};
    if (bias && !li_shape_equal(li_in_shape(s, first), &vector)) {
        return li_infer_fail(s, LINCE_EINVAL, "the bias must hold %lld numbers", (long long)channels);
    }
    if (residual && !li_shape_equal(li_in_shape(s, first + bias), &s->graph->values[s->node->out[0]].shape)) {
        return li_infer_fail(s, LINCE_EINVAL, "the residual must have the output's shape");
    }
    return LINCE_OK;
}

static struct li_conv conv_of(const struct li_graph *g, const struct li_node *node, const int64_t filter[4])
{
    const struct li_value *x = &g->values[node->in[0]];
    const struct li_value *y = &g->values[node->out[0]];
    struct li_conv conv = {.batch = x->shape.dim[0],
                           .cin = x->shape.dim[3],
                           .cout = filter[3],
                           .groups = x->shape.dim[3] / filter[2],
                           .x = li_window_map(x),
                           .y = li_window_map(y)};
    li_window_of(node, x->shape.dim[1], x->shape.dim[2], filter[0], filter[1], "dilations", &conv.window);
    conv.halo = li_window_halo(x, &conv.window);
    return conv;
}

/* ---- Conv2D as TensorFlow has it: packs for itself on every call; plans hold _LiConv2D instead ---- */

struct conv_plan {
    struct li_conv conv;
    int64_t tasks; /* may be 0, where a node has at least one */
};

static lince_status conv2d_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_need_rank(s, 0, 4));
    LI_TRY(li_need_rank(s, 1, 4));
    struct li_shape y;
    LI_TRY(li_conv_infer(s, li_in_shape(s, 0), li_in_shape(s, 1), &y));
    return li_out_is(s, 0, LINCE_FLOAT32, &y);
}

/* filter: [height, width, channels of a group, cout] */
static int64_t conv_flop(const struct li_prepare *p, const int64_t *filter)
{
    return li_ops_flop(li_shape_count(&li_ops_out(p, 0)->shape), filter[0] * filter[1] * filter[2]);
}

static lince_status conv2d_prepare(struct li_prepare *p)
{
    struct conv_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->conv = conv_of(p->graph, p->node, li_ops_in(p, 1)->shape.dim);
    p->plan = plan;
    p->scratch_bytes = p->env->kernels->conv->packed_floats(&plan->conv) * sizeof(float);
    p->reason = "filter packed on every call";
    p->flop = conv_flop(p, li_ops_in(p, 1)->shape.dim);
    return LINCE_OK;
}

static lince_status conv2d_forward(struct li_call *c)
{
    const struct conv_plan *plan = c->plan;
    const struct li_conv_kernels *k = c->kernels->conv;
    k->pack(&plan->conv, li_f32(&c->in[1]), c->scratch);
    struct li_conv_data data = {.x = li_f32(&c->in[0]), .filter = c->scratch, .y = c->out[0].data};
    int64_t tasks = k->tasks(&plan->conv);
    for (int64_t i = 0; i < tasks; i++) {
        k->run(&plan->conv, &data, i);
    }
    return LINCE_OK;
}

const struct li_op li_op_conv2d = {
    .name = "Conv2D",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPE, NULL, "float32"}, LI_WINDOW_SPECS("SAME VALID EXPLICIT"),
                      {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL}, {"use_cudnn_on_gpu", LI_ATTR_BOOL, "true", NULL}),
    .shape = conv2d_shape,
    .prepare = conv2d_prepare,
    .forward = conv2d_forward,
    .grad = li_backward_grad,
};

/* ---- _LiConvPack: filter [kh, kw, cin / groups, cout] -> what the kernel of this instruction set reads ---- */

static struct li_conv pack_of(const struct li_node *node, const struct li_shape *filter)
{
    int64_t groups = li_attr_int(node, "groups");
    return (struct li_conv){.cin = filter->dim[2] * groups,
                            .cout = filter->dim[3],
                            .window = {.kernel_h = filter->dim[0], .kernel_w = filter->dim[1]},
                            .groups = groups};
}

static lince_status pack_shape(struct li_infer *s)
{
    LI_TRY(li_need_rank(s, 0, 4));
    struct li_conv conv = pack_of(s->node, li_in_shape(s, 0));
    struct li_shape packed = {1, {(int64_t)li_infer_kernels(s)->conv->packed_floats(&conv)}};
    return li_out_is(s, 0, LINCE_FLOAT32, &packed);
}

static lince_status pack_forward(struct li_call *c)
{
    struct li_conv conv = pack_of(c->node, c->in[0].shape);
    c->kernels->conv->pack(&conv, li_f32(&c->in[0]), c->out[0].data);
    return LINCE_OK;
}

const struct li_op li_op_li_conv_pack = {
    .name = "_LiConvPack",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"groups", LI_ATTR_INT, "1", NULL}),
    .shape = pack_shape,
    .forward = pack_forward,
    .flags = LI_OP_INTERNAL | LI_OP_NO_FOLD,
};

/* ---- _LiConv2D: x, packed filter [, bias] [, residual] ---- */

static lince_status fused_shape(struct li_infer *s)
{
    const struct li_attr *f = li_attr(s->node, "filter");
    struct li_shape filter = {4, {f->ints[0], f->ints[1], f->ints[2], f->ints[3]}};
    LI_TRY(li_need_rank(s, 0, 4));
    struct li_shape y;
    LI_TRY(li_conv_infer(s, li_in_shape(s, 0), &filter, &y));
    LI_TRY(li_out_is(s, 0, LINCE_FLOAT32, &y));
    return li_fused_inputs(s, 2, filter.dim[3]);
}

static void fused_layout(struct li_layout *l)
{
    const struct li_shape *x = &l->graph->values[l->node->in[0]].shape;
    const int64_t *f = li_attr(l->node, "filter")->ints;
    struct li_window w;
    li_window_of(l->node, x->dim[1], x->dim[2], f[0], f[1], "dilations", &w);
    li_window_layout(l, &w);
    if (li_attr_int(l->node, "residual")) {
        l->in_accepts[l->node->nin - 1] = LI_LAYOUT_STRIDED | LI_LAYOUT_HALO;
    }
}

static lince_status fused_prepare(struct li_prepare *p)
{
    struct conv_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->conv = conv_of(p->graph, p->node, li_attr(p->node, "filter")->ints);
    plan->conv.activation = (enum li_activation)li_attr_int(p->node, "activation");
    plan->conv.alpha = (float)li_attr_float(p->node, "alpha");
    if (li_attr_int(p->node, "residual")) {
        plan->conv.residual = li_window_map(li_ops_in(p, p->node->nin - 1));
    }
    p->plan = plan;
    plan->tasks = p->env->kernels->conv->tasks(&plan->conv);
    p->tasks = LI_MAX(plan->tasks, 1);
    p->flop = conv_flop(p, li_attr(p->node, "filter")->ints);
    p->reason = plan->conv.groups > 1 ? "direct, grouped" : plan->conv.halo ? "direct, halo" : "direct";
    return LINCE_OK;
}

static lince_status fused_forward(struct li_call *c)
{
    const struct conv_plan *plan = c->plan;
    bool bias = li_attr_int(c->node, "bias"), residual = li_attr_int(c->node, "residual");
    struct li_conv_data data = {.x = li_f32(&c->in[0]),
                                .filter = li_f32(&c->in[1]),
                                .bias = bias ? li_f32(&c->in[2]) : NULL,
                                .residual = residual ? li_f32(&c->in[2 + bias]) : NULL,
                                .y = c->out[0].data};
    if (c->task < plan->tasks) {
        c->kernels->conv->run(&plan->conv, &data, c->task);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_conv2d = {
    .name = "_LiConv2D",
    .inputs_min = 2,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_WINDOW_SPECS("SAME VALID EXPLICIT"), {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL},
                      {"filter", LI_ATTR_INTS, NULL, NULL}, LI_FUSED_SPECS),
    .shape = fused_shape,
    .layout = fused_layout,
    .prepare = fused_prepare,
    .forward = fused_forward,
    .flags = LI_OP_INTERNAL | LI_OP_NO_FOLD,
};
