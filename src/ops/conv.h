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

#endif
