/* Windows that move over pictures: the geometry that convolutions, pools and patches share. Private to ops/. */
#ifndef LI_OPS_WINDOW_H
#define LI_OPS_WINDOW_H

#include "common.h"

/* The specs of the attributes that li_window_infer() reads. */
#define LI_WINDOW_SPECS(paddings)                                                                                      \
    {"strides", LI_ATTR_INTS, NULL, NULL}, {"padding", LI_ATTR_STRING, NULL, paddings},                                \
        {"explicit_paddings", LI_ATTR_INTS, "[]", NULL},                                                               \
    {                                                                                                                  \
        "data_format", LI_ATTR_STRING, "NHWC", "NHWC"                                                                  \
    }

/*
 * Fill *window for a kernel of the given size from the node's attributes strides, padding, explicit_paddings and, if
 * `dilations` names one, dilations. Fails where TensorFlow refuses: a stride that is not positive, a window larger than
 * its padded input.
 */
lince_status li_window_infer(const struct li_infer *s, int64_t in_h, int64_t in_w, int64_t kernel_h, int64_t kernel_w,
                             const char *dilations, struct li_window *window);
/* The same for a node that passed its shape rule. */
void li_window_of(const struct li_node *node, int64_t in_h, int64_t in_w, int64_t kernel_h, int64_t kernel_w,
                  const char *dilations, struct li_window *window);

/*
 * A value's strides. One that is in no buffer yet, as when a node is evaluated by itself while constants are folded, is
 * dense.
 */
void li_strides_of(const struct li_value *value, int64_t stride[LI_MAX_RANK]);

/* The strides of an [n, h, w, c] operand as kernels want them. */
struct li_map li_window_map(const struct li_value *value);

/* layout(): rows may be strided anywhere, and a halo as wide as a usual padding is welcome around input 0. */
void li_window_layout(struct li_layout *l, const struct li_window *window);
/* Whether value 0's halo covers the window's padding. */
bool li_window_halo(const struct li_value *x, const struct li_window *window);

/* Gradients of MaxPool and AvgPool (pool_grad.c). */
lince_status li_max_pool_grad(struct li_grad *g);
lince_status li_avg_pool_grad(struct li_grad *g);

#endif
