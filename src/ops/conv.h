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

/* A shape rule's checks and output for a picture and a depthwise filter [h, w, channels, multiplier]. */
lince_status li_depthwise_infer(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                                struct li_shape *y);

/* ---- What gradients of convolutions share (conv_backward.c) ---- */

/*
 * Conv2D and DepthwiseConv2dNative have their gradients as ops: ...BackpropInput(x sizes, filter, dy) and
 * ...BackpropFilter(x, filter sizes, dy). Gradients of all three, and shape rules of the latter two.
 */
lince_status li_backward_grad(struct li_grad *g);
lince_status li_backward_input_grad(struct li_grad *g);
lince_status li_backward_filter_grad(struct li_grad *g);
lince_status li_backward_input_shape(struct li_infer *s);
lince_status li_backward_filter_shape(struct li_infer *s);

/* How a convolution's shape rule finds what it gives. */
typedef lince_status li_conv_rule(const struct li_infer *s, const struct li_shape *x, const struct li_shape *filter,
                                  struct li_shape *y);
/* The shape of a gradient by the filter in pieces, [pieces, filter...]; how many follows from shapes alone. */
lince_status li_backward_parts_shape(struct li_infer *s, li_conv_rule *rule,
                                     int64_t (*pieces)(const int64_t filter[4], const int64_t dy[4]));

/* Emit a node whose window moves as that of g->node does; inputs are a, b and, unless it is LI_NONE, c. */
lince_status li_window_emit(struct li_grad *g, const char *op, li_vid a, li_vid b, li_vid c, li_vid *out);
/* The attributes of Conv2D's two. */
#define LI_CONV_GRAD_ATTRS                                                                                             \
    LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, LI_WINDOW_SPECS("SAME VALID EXPLICIT"),                        \
             {"dilations", LI_ATTR_INTS, "[1,1,1,1]", NULL}, {"use_cudnn_on_gpu", LI_ATTR_BOOL, "true", NULL})

/* What both gradients work on. */
struct li_backward {
    int64_t x[4], filter[4], dy[4];
    struct li_window window;
};
struct li_backward li_backward_of(const struct li_graph *g, const struct li_node *node, li_vid x, li_vid filter,
                                  li_vid dy);

/* ---- Phases of the strides (conv_phase.c) ---- */

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
