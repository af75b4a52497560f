/*
 * DepthwiseConv2dNativeBackpropInput and DepthwiseConv2dNativeBackpropFilter.
 *
 * Input. With one output for each channel, every phase of the strides (conv_phase.c) is a depthwise convolution of dy
 * with some of the taps, turned around. With several, plain loops gather what each pixel of dx gave to dy.
 *
 * Filter. _LiDepthwiseFilterParts makes the gradient of each piece of the rows of all pictures; a pass makes
 * TensorFlow's op their sum. By itself that is one piece.
 */
#include "conv.h"

#include <string.h>

enum {
    INPUT_FLOATS = 1 << 16, /* of dx, that are worth a task: it turns the filter once more */
    INPUT_PIECES = 32,
    FILTER_FLOATS = 1 << 16, /* of dy, that are worth a task and a part of their own */
    FILTER_PIECES = 64
};

/* ---- Both ---- */

static int64_t flop_of(const struct li_backward *s)
{
    return li_ops_flop(s->dy[0] * s->dy[1] * s->dy[2] * s->dy[3], s->filter[0] * s->filter[1]);
}

/* How many parts the gradient of a filter is made in: from the shape of dy alone. */
static int64_t pieces_of(const int64_t filter[4], const int64_t dy[4])
{
    (void)filter;
    int64_t pieces = li_task_count(dy[0] * dy[1] * dy[2] * dy[3], FILTER_FLOATS);
    return LI_MAX(1, LI_MIN(LI_MIN(FILTER_PIECES, pieces), dy[0] * dy[1]));
}

#define ATTRS                                                                                                          \
    LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, LI_WINDOW_SPECS("SAME VALID EXPLICIT"),                        \
             {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL})

/* ---- DepthwiseConv2dNativeBackpropInput: input_sizes, filter, out_backprop ---- */

struct input_plan {
    struct li_backward s;
    int64_t pieces;
};

static lince_status input_prepare(struct li_prepare *p)
{
    struct input_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    struct li_backward *s = &plan->s;
    *s = li_backward_of(p->graph, p->node, p->node->out[0], p->node->in[1], p->node->in[2]);
    plan->pieces = LI_MIN(INPUT_PIECES, li_task_count(li_shape_count(&li_ops_out(p, 0)->shape), INPUT_FLOATS));
    p->scratch_bytes = (size_t)(s->filter[0] * s->filter[1] * s->x[3]) * sizeof(float);
    p->plan = plan;
    p->tasks = plan->pieces;
    p->flop = flop_of(s);
    p->reason = s->filter[3] == 1 ? "a convolution for each phase of the strides" : "plain loops: several outputs";
    return LINCE_OK;
}

/* [v->count, h->count, channels] of the phase. */
static void turn_filter(const struct li_backward *s, const struct li_phase *v, const struct li_phase *h,
                        const float *filter, float *turned)
{
    for (int64_t j = v->count - 1; j >= 0; j--) {
        for (int64_t i = h->count - 1; i >= 0; i--, turned += s->x[3]) {
            int64_t tap = (v->first + j * v->step) * s->filter[1] + h->first + i * h->step;
            memcpy(turned, filter + tap * s->x[3], (size_t)s->x[3] * sizeof(float));
        }
    }
}

/* dx: the first pixel of the phase. */
static void run_phase(struct li_call *c, const struct input_plan *plan, const struct li_phase *v,
                      const struct li_phase *h, float *dx)
{
    const struct li_backward *s = &plan->s;
    const struct li_depthwise_kernels *k = c->kernels->depthwise;
    struct li_map x = li_map_dense(s->x[1], s->x[2], s->x[3]);
    struct li_depthwise conv = {.window = li_phase_window(&s->window, v, h),
                                .batch = s->x[0],
                                .channels = s->x[3],
                                .multiplier = 1,
                                .x = li_map_dense(s->dy[1], s->dy[2], s->dy[3]),
                                .y = {x.pixel * s->window.stride_w, x.row * s->window.stride_h, x.image}};
    if (v->count * h->count * s->dy[1] * s->dy[2] == 0) {
        const struct li_phase_pixels none = {s->x[0], v->outputs, h->outputs, s->x[3], conv.y};
        li_phase_clear(&none, dx, c->task, plan->pieces);
        return;
    }
    turn_filter(s, v, h, li_f32(&c->in[1]), c->scratch);
    struct li_depthwise_data data = {.x = li_f32(&c->in[2]), .filter = c->scratch, .y = dx};
    int64_t tasks = k->tasks(&conv);
    for (int64_t i = tasks * c->task / plan->pieces; i < tasks * (c->task + 1) / plan->pieces; i++) {
        k->run(&conv, &data, i);
    }
}

static void input_by_phases(struct li_call *c, const struct input_plan *plan)
{
    const struct li_backward *s = &plan->s;
    const struct li_window *w = &s->window;
    for (int64_t py = 0; py < LI_MIN(w->stride_h, s->x[1]); py++) {
        struct li_phase v = li_phase_of(s->x[1], w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, py);
        for (int64_t px = 0; px < LI_MIN(w->stride_w, s->x[2]); px++) {
            struct li_phase h = li_phase_of(s->x[2], w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, px);
            run_phase(c, plan, &v, &h, (float *)c->out[0].data + (py * s->x[2] + px) * s->x[3]);
        }
    }
}

/* The output whose tap k reads input i; false when there is none. */
static bool output_of(int64_t i, int64_t k, int64_t stride, int64_t dilation, int64_t pad, int64_t outputs,
                      int64_t *out)
{
    int64_t at = i + pad - k * dilation;
    *out = at / stride;
    return at >= 0 && at % stride == 0 && *out < outputs;
}

static void input_pixel(const struct li_backward *s, int64_t pixel, const float *filter, const float *dy, float *dx)
{
    const struct li_window *w = &s->window;
    int64_t ix = pixel % s->x[2], iy = pixel / s->x[2] % s->x[1], n = pixel / (s->x[1] * s->x[2]), oy, ox;
    memset(dx, 0, (size_t)s->x[3] * sizeof(float));
    for (int64_t tap = 0; tap < w->kernel_h * w->kernel_w; tap++) {
        if (!output_of(iy, tap / w->kernel_w, w->stride_h, w->dilation_h, w->pad_top, w->out_h, &oy) ||
            !output_of(ix, tap % w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, w->out_w, &ox)) {
            continue;
        }
        const float *from = dy + ((n * w->out_h + oy) * w->out_w + ox) * s->dy[3], *f = filter + tap * s->dy[3];
        for (int64_t o = 0; o < s->dy[3]; o++) {
            dx[o / s->filter[3]] += from[o] * f[o];
        }
    }
}

static lince_status input_forward(struct li_call *c)
{
    const struct input_plan *plan = c->plan;
    const struct li_backward *s = &plan->s;
    int64_t first, last;
    if (li_count(&c->out[0]) == 0) {
        return LINCE_OK;
    }
    if (s->filter[3] == 1) {
        input_by_phases(c, plan);
        return LINCE_OK;
    }
    li_task_range(c, s->x[0] * s->x[1] * s->x[2], &first, &last);
    for (int64_t i = first; i < last; i++) {
        input_pixel(s, i, li_f32(&c->in[1]), li_f32(&c->in[2]), (float *)c->out[0].data + i * s->x[3]);
    }
    return LINCE_OK;
}

const struct li_op li_op_depthwise_conv2d_native_backprop_input = {
    .name = "DepthwiseConv2dNativeBackpropInput",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = ATTRS,
    .shape = li_backward_input_shape,
    .prepare = input_prepare,
    .forward = input_forward,
    .grad = li_backward_input_grad,
};

/* ---- DepthwiseConv2dNativeBackpropFilter: input, filter_sizes, out_backprop ---- */

struct filter_plan {
    struct li_depthwise conv;
    int64_t pieces;
};

/* dims: of the filter. */
static lince_status filter_plan(struct li_prepare *p, const int64_t *dims, int64_t pieces)
{
    struct filter_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    const int64_t *x = li_ops_in(p, 0)->shape.dim, *dy = li_ops_in(p, 2)->shape.dim;
    if (!plan) {
        return LINCE_ENOMEM;
    }
    *plan = (struct filter_plan){.conv = {.batch = x[0],
                                          .channels = x[3],
                                          .multiplier = dims[3],
                                          .x = li_map_dense(x[1], x[2], x[3]),
                                          .y = li_map_dense(dy[1], dy[2], dy[3])},
                                 .pieces = pieces};
    li_window_of(p->node, x[1], x[2], dims[0], dims[1], "dilations", &plan->conv.window);
    p->plan = plan;
    p->tasks = pieces;
    p->flop = li_ops_flop(li_shape_count(&li_ops_in(p, 2)->shape), dims[0] * dims[1]);
    p->reason = "sums along rows of pixels";
    return LINCE_OK;
}

static lince_status filter_prepare(struct li_prepare *p)
{
    return filter_plan(p, li_ops_out(p, 0)->shape.dim, 1);
}

static lince_status filter_forward(struct li_call *c)
{
    const struct filter_plan *plan = c->plan;
    const struct li_depthwise *g = &plan->conv;
    int64_t rows = g->batch * g->window.out_h;
    float *df = (float *)c->out[0].data + c->task * (li_count(&c->out[0]) / plan->pieces);
    if (li_count(&c->out[0]) > 0) {
        c->kernels->backward->depthwise_filter(g, li_f32(&c->in[0]), li_f32(&c->in[2]), rows * c->task / plan->pieces,
                                               rows * (c->task + 1) / plan->pieces, df);
    }
    return LINCE_OK;
}

const struct li_op li_op_depthwise_conv2d_native_backprop_filter = {
    .name = "DepthwiseConv2dNativeBackpropFilter",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = ATTRS,
    .shape = li_backward_filter_shape,
    .prepare = filter_prepare,
    .forward = filter_forward,
    .grad = li_backward_filter_grad,
};

/* ---- _LiDepthwiseFilterParts: the same inputs; [pieces, h, w, channels, multiplier] ---- */

static lince_status parts_shape(struct li_infer *s)
{
    return li_backward_parts_shape(s, li_depthwise_infer, pieces_of);
}

static lince_status parts_prepare(struct li_prepare *p)
{
    const int64_t *parts = li_ops_out(p, 0)->shape.dim;
    return filter_plan(p, parts + 1, parts[0]);
}

const struct li_op li_op_li_depthwise_filter_parts = {
    .name = "_LiDepthwiseFilterParts",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("parts"),
    .attrs = ATTRS,
    .shape = parts_shape,
    .prepare = parts_prepare,
    .forward = filter_forward,
    .flags = LI_OP_INTERNAL,
};
