/* DepthwiseConv2dNative, and _LiDepthwiseConv2D, which adds bias and activation. The kernel takes the filter as it is.
 */
#include "conv.h"

struct depthwise_plan {
    struct li_depthwise conv;
    int64_t tasks; /* may be 0, where a node has at least one */
};

lince_status li_depthwise_infer(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                                struct li_shape *y)
{
    struct li_window w;
    const int64_t *f = filter->dim;
    if (f[2] != x->dim[3]) {
        return li_infer_fail(s, LINCE_EINVAL, "filter expects %lld input channels, image has %lld", (long long)f[2],
                             (long long)x->dim[3]);
    }
    LI_TRY(li_window_infer(s, x->dim[1], x->dim[2], f[0], f[1], "dilations", &w));
    size_t outputs;
    if (!li_mul_size((size_t)f[2], (size_t)f[3], &outputs) || outputs > INT64_MAX) {
        return li_infer_fail(s, LINCE_ELIMIT, "too many output channels");
    }
    *y = (struct li_shape){4, {x->dim[0], w.out_h, w.out_w, (int64_t)outputs}};
    return LINCE_OK;
}

static lince_status native_shape(struct li_infer *s)
{
    struct li_shape y;
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_need_rank(s, 0, 4));
    LI_TRY(li_need_rank(s, 1, 4));
    LI_TRY(li_depthwise_infer(s, li_in_shape(s, 0), li_in_shape(s, 1), &y));
    return li_out_is(s, 0, LINCE_FLOAT32, &y);
}

static lince_status fused_shape(struct li_infer *s)
{
    LI_TRY(native_shape(s));
    return li_fused_inputs(s, 2, s->graph->values[s->node->out[0]].shape.dim[3]);
}

static void window_of(const struct li_graph *g, const struct li_node *node, struct li_window *w)
{
    const int64_t *x = g->values[node->in[0]].shape.dim, *f = g->values[node->in[1]].shape.dim;
    li_window_of(node, x[1], x[2], f[0], f[1], "dilations", w);
}

static void layout(struct li_layout *l)
{
    struct li_window w;
    window_of(l->graph, l->node, &w);
    li_window_layout(l, &w);
}

static struct depthwise_plan *make_plan(struct li_prepare *p)
{
    const struct li_value *x = li_ops_in(p, 0), *y = li_ops_out(p, 0);
    struct depthwise_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (plan) {
        plan->conv = (struct li_depthwise){.batch = x->shape.dim[0],
                                           .channels = x->shape.dim[3],
                                           .multiplier = li_ops_in(p, 1)->shape.dim[3],
                                           .x = li_window_map(x),
                                           .y = li_window_map(y)};
        window_of(p->graph, p->node, &plan->conv.window);
        plan->conv.halo = li_window_halo(x, &plan->conv.window);
    }
    return plan;
}

static void finish_plan(struct li_prepare *p, struct depthwise_plan *plan)
{
    bool empty = li_shape_count(&li_ops_out(p, 0)->shape) == 0;
    plan->tasks = empty ? 0 : p->env->kernels->depthwise->tasks(&plan->conv);
    p->plan = plan;
    p->tasks = LI_MAX(plan->tasks, 1);
    p->flop =
        li_ops_flop(li_shape_count(&li_ops_out(p, 0)->shape), plan->conv.window.kernel_h * plan->conv.window.kernel_w);
    p->reason = plan->conv.halo ? "direct, halo" : "direct";
}

static lince_status native_prepare(struct li_prepare *p)
{
    struct depthwise_plan *plan = make_plan(p);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    finish_plan(p, plan);
    return LINCE_OK;
}

static lince_status fused_prepare(struct li_prepare *p)
{
    struct depthwise_plan *plan = make_plan(p);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->conv.activation = (enum li_activation)li_attr_int(p->node, "activation");
    plan->conv.alpha = (float)li_attr_float(p->node, "alpha");
    finish_plan(p, plan);
    return LINCE_OK;
}

static lince_status forward(struct li_call *c)
{
    const struct depthwise_plan *plan = c->plan;
    struct li_depthwise_data data = {.x = li_f32(&c->in[0]),
                                     .filter = li_f32(&c->in[1]),
                                     .bias = c->node->nin > 2 ? li_f32(&c->in[2]) : NULL,
                                     .y = c->out[0].data};
    if (c->task < plan->tasks) {
        c->kernels->depthwise->run(&plan->conv, &data, c->task);
    }
    return LINCE_OK;
}

const struct li_op li_op_depthwise_conv2d_native = {
    .name = "DepthwiseConv2dNative",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, LI_WINDOW_SPECS("SAME VALID EXPLICIT"),
                      {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL}),
    .shape = native_shape,
    .layout = layout,
    .prepare = native_prepare,
    .forward = forward,
    .grad = li_backward_grad,
};

/* x, filter [, bias]; it has no residual. */
const struct li_op li_op_li_depthwise_conv2d = {
    .name = "_LiDepthwiseConv2D",
    .inputs_min = 2,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_WINDOW_SPECS("SAME VALID EXPLICIT"), {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL},
                      LI_FUSED_SPECS),
    .shape = fused_shape,
    .layout = layout,
    .prepare = fused_prepare,
    .forward = forward,
    .flags = LI_OP_INTERNAL | LI_OP_NO_FOLD,
};
