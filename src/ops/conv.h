/* What the internal ops that end in bias, residual and activation share; private to ops/. */
#ifndef LI_OPS_CONV_H
#define LI_OPS_CONV_H

#include "window.h"

/* bias, residual: whether the inputs after the packed weights hold one, in this order. activation: an enum
 * li_activation. */
#define LI_FUSED_SPECS                                                                                                 \
    {"bias", LI_ATTR_BOOL, "false", NULL}, {"residual", LI_ATTR_BOOL, "false", NULL},                                  \
        {"activation", LI_ATTR_INT, "0", NULL},                                                                        \
    {                                                                                                                  \
        "alpha", LI_ATTR_FLOAT, "0", NULL                                                                              \
    }

/*
 * The inputs from `first` on are what LI_FUSED_SPECS announce: a bias of `channels` numbers, a residual of output 0's
 * shape. Called when output 0 is known.
 */
lince_status li_fused_inputs(const struct li_infer *s, int first, int64_t channels);

/* The kernels that packing is for. A node that a pass or a gradient emits is inferred with its graph's environment. */
static inline const struct li_kernels *li_infer_kernels(const struct li_infer *s)
{
    return s->env->kernels;
}

/* A shape rule's checks and output for a picture and a filter [h, w, channels / groups, outputs]. */
lince_status li_conv_infer(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                           struct li_shape *y);

/* Gradients of Conv2D by way of Conv2DBackpropInput and Conv2DBackpropFilter (conv_grad.c). */
lince_status li_conv2d_grad(struct li_grad *g);
/* The same of DepthwiseConv2dNative (depthwise_grad.c). */
lince_status li_depthwise_grad(struct li_grad *g);

/* A shape rule's checks and output for a picture and a depthwise filter [h, w, channels, multiplier]. */
lince_status li_depthwise_infer(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                                struct li_shape *y);

/* ---- What gradients of convolutions share (conv_phase.c) ---- */

/*
 * A shape given as an operand: four numbers, or height and width alone for the input (then the rest is as `like` says).
 */
lince_status li_conv_sizes(const struct li_infer *s, int input, bool picture, const int64_t like[4],
                           struct li_shape *out);

/* Emit a node whose window moves as that of g->node does; inputs are a, b and, unless it is LI_NONE, c. */
lince_status li_window_emit(struct li_grad *g, const char *op, li_vid a, li_vid b, li_vid c, li_vid *out);

/* The taps of one phase along one axis. */
struct li_phase {
    int64_t first, step, count; /* taps first, first + step, ... */
    int64_t dilation, pad;      /* of the convolution over dy; pad may be negative */
    int64_t outputs;
};

struct li_phase li_phase_of(int64_t extent, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                            int64_t remainder);
/* The window of phases v (rows) and h (columns) over dy, which is what a window w gave. */
struct li_window li_phase_window(const struct li_window *w, const struct li_phase *v, const struct li_phase *h);
/*
 * Zeros for the piece'th of pieces of the pixels of a phase that no tap reaches. dx: its first pixel; y: its strides.
 */
struct li_phase_pixels {
    int64_t images, rows, columns, channels;
    struct li_map map;
};
void li_phase_clear(const struct li_phase_pixels *p, float *dx, int64_t piece, int64_t pieces);

#endif
