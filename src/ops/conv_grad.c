/*
 * Conv2DBackpropInput: the gradient of Conv2D's input; it also runs forward, as a transposed convolution. Each phase of
 * the strides (conv_phase.c) is a convolution of dy with some of the taps, turned around, and with inputs and outputs
 * of the filter exchanged.
 */
#include "conv.h"

#include <string.h>

enum {
    INPUT_CHANNELS = 64, /* of dx, that one task makes: it packs the filter's part for these */
    INPUT_PIXELS = 1024, /* of dx: what outweighs packing that part once more */
    INPUT_PIECES = 8
};

static int64_t groups_of(const struct li_backward *s)
{
    return s->x[3] / s->filter[2];
}

static int64_t flop_of(const struct li_backward *s)
{
    return li_ops_flop(s->dy[0] * s->dy[1] * s->dy[2] * s->dy[3], s->filter[0] * s->filter[1] * s->filter[2]);
}

struct input_plan {
    struct li_backward s;
    int64_t block, blocks, pieces; /* channels of a task; tasks = blocks * pieces */
    size_t packed_offset;          /* behind the turned filter in scratch, bytes */
};

/* The convolution that makes channels of dx; its filter is [v->count, h->count, cout / groups, channels]. */
static struct li_conv phase_conv(const struct li_backward *s, const struct li_phase *v, const struct li_phase *h,
                                 int64_t channels)
{
    const struct li_window *w = &s->window;
    struct li_map x = li_map_dense(s->x[1], s->x[2], s->x[3]);
    return (struct li_conv){.window = li_phase_window(w, v, h),
                            .batch = s->x[0],
                            .cin = s->dy[3],
                            .cout = channels,
                            .groups = groups_of(s),
                            .x = li_map_dense(s->dy[1], s->dy[2], s->dy[3]),
                            .y = {x.pixel * w->stride_w, x.row * w->stride_h, x.image}};
}

static lince_status input_prepare(struct li_prepare *p)
{
    struct input_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    struct li_backward *s = &plan->s;
    *s = li_backward_of(p->graph, p->node, p->node->out[0], p->node->in[1], p->node->in[2]);
    int64_t groups = groups_of(s);
    plan->block = groups > 1 ? s->x[3] : LI_MAX(1, LI_MIN(INPUT_CHANNELS, s->x[3]));
    plan->blocks = (s->x[3] + plan->block - 1) / plan->block;
    plan->pieces = LI_MAX(1, LI_MIN(INPUT_PIECES, s->x[0] * s->x[1] * s->x[2] / INPUT_PIXELS));
    /* No phase has more taps than the filter. */
    struct li_conv whole = {.window = {.kernel_h = s->filter[0], .kernel_w = s->filter[1]},
                            .cin = s->dy[3],
                            .cout = plan->block,
                            .groups = groups};
    size_t turned = (size_t)(s->filter[0] * s->filter[1] * (s->dy[3] / groups) * plan->block) * sizeof(float);
    plan->packed_offset = (turned + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
    p->scratch_bytes = plan->packed_offset + p->env->kernels->conv->packed_floats(&whole) * sizeof(float);
    p->plan = plan;
    p->tasks = LI_MAX(1, plan->blocks * plan->pieces);
    p->flop = flop_of(s);
    p->reason = "a convolution for each phase of the strides";
    return LINCE_OK;
}

/* [v->count, h->count, cout / groups, channels] of the phase, for channels [first, first + channels) of dx. */
static void turn_filter(const struct li_backward *s, const struct li_phase *v, const struct li_phase *h, int64_t first,
                        int64_t channels, const float *filter, float *turned)
{
    int64_t each = s->filter[2], outputs = s->filter[3], inside = outputs / groups_of(s);
    for (int64_t j = v->count - 1; j >= 0; j--) {
        for (int64_t i = h->count - 1; i >= 0; i--) {
            int64_t tap = (v->first + j * v->step) * s->filter[1] + h->first + i * h->step;
            for (int64_t o = 0; o < inside; o++) {
                for (int64_t c = first; c < first + channels; c++) {
                    *turned++ = filter[(tap * each + c % each) * outputs + c / each * inside + o];
                }
            }
        }
    }
}

static lince_status input_forward(struct li_call *c)
{
    const struct input_plan *plan = c->plan;
    const struct li_backward *s = &plan->s;
    const struct li_conv_kernels *k = c->kernels->conv;
    const struct li_window *w = &s->window;
    int64_t piece = c->task % plan->pieces, first = c->task / plan->pieces * plan->block;
    int64_t channels = LI_MIN(plan->block, s->x[3] - first);
    float *turned = c->scratch, *packed = (float *)(void *)((char *)c->scratch + plan->packed_offset);
    if (channels <= 0 || li_count(&c->out[0]) == 0) {
        return LINCE_OK;
    }
    for (int64_t py = 0; py < LI_MIN(w->stride_h, s->x[1]); py++) {
        struct li_phase v = li_phase_of(s->x[1], w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, py);
        for (int64_t px = 0; px < LI_MIN(w->stride_w, s->x[2]); px++) {
            struct li_phase h = li_phase_of(s->x[2], w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, px);
            struct li_conv conv = phase_conv(s, &v, &h, channels);
            float *dx = (float *)c->out[0].data + (py * s->x[2] + px) * s->x[3] + first;
            if (v.count * h.count * s->dy[1] * s->dy[2] * s->dy[3] == 0) {
                const struct li_phase_pixels none = {s->x[0], v.outputs, h.outputs, channels, conv.y};
                li_phase_clear(&none, dx, piece, plan->pieces);
                continue;
            }
            turn_filter(s, &v, &h, first, channels, li_f32(&c->in[1]), turned);
            k->pack(&conv, turned, packed);
            struct li_conv_data data = {.x = li_f32(&c->in[2]), .filter = packed, .y = dx};
            int64_t tasks = k->tasks(&conv);
            for (int64_t i = tasks * piece / plan->pieces; i < tasks * (piece + 1) / plan->pieces; i++) {
                k->run(&conv, &data, i);
            }
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_conv2d_backprop_input = {
    .name = "Conv2DBackpropInput",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_CONV_GRAD_ATTRS,
    .shape = li_backward_input_shape,
    .prepare = input_prepare,
    .forward = input_forward,
    .grad = li_backward_input_grad,
};
