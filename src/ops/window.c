#include "window.h"

#include <string.h>

/*
 * Kernels clip windows at borders at no cost, but for the smallest pictures: measured 7 % at 7 x 7, nothing from 14 x
 * 14.
 */
enum { WIDEST_HALO = 16, LARGEST_HALOED = 64 };

/* One axis. False when the padded input is smaller than the window. */
static bool axis(const char *padding, int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t *low,
                 int64_t *high, int64_t *out)
{
    int64_t extent = (kernel - 1) * dilation + 1;
    if (strcmp(padding, "SAME") == 0) {
        *out = (in + stride - 1) / stride;
        int64_t total = LI_MAX((*out - 1) * stride + extent - in, 0);
        *low = total / 2;
        *high = total - *low;
        return true;
    }
    if (strcmp(padding, "VALID") == 0) {
        *low = *high = 0;
    }
    int64_t room = in + *low + *high - extent;
    *out = room < 0 ? 0 : room / stride + 1;
    return room >= 0;
}

static bool positive(const struct li_attr *attr, int64_t *h, int64_t *w)
{
    *h = attr->ints[1];
    *w = attr->ints[2];
    return *h > 0 && *w > 0 && *h < INT32_MAX && *w < INT32_MAX && attr->ints[0] == 1 && attr->ints[3] == 1;
}

static bool explicit_of(const struct li_node *node, struct li_window *w)
{
    const struct li_attr *pads = li_attr(node, "explicit_paddings");
    if (!li_attr_is(node, "padding", "EXPLICIT")) {
        return pads->count == 0;
    }
    if (pads->count != 8) {
        return false;
    }
    for (int i = 0; i < 8; i++) {
        bool outer = i < 2 || i > 5;
        if (pads->ints[i] < 0 || pads->ints[i] > INT32_MAX || (outer && pads->ints[i] != 0)) {
            return false;
        }
    }
    w->pad_top = pads->ints[2];
    w->pad_bottom = pads->ints[3];
    w->pad_left = pads->ints[4];
    w->pad_right = pads->ints[5];
    return true;
}

static bool place(const struct li_node *node, struct li_window *w)
{
    const char *padding = li_attr(node, "padding")->s;
    bool h = axis(padding, w->in_h, w->kernel_h, w->stride_h, w->dilation_h, &w->pad_top, &w->pad_bottom, &w->out_h);
    return axis(padding, w->in_w, w->kernel_w, w->stride_w, w->dilation_w, &w->pad_left, &w->pad_right, &w->out_w) && h;
}

lince_status li_window_infer(const struct li_infer *s, int64_t in_h, int64_t in_w, int64_t kernel_h, int64_t kernel_w,
                             const char *dilations, struct li_window *window)
{
    struct li_window w = {
        .in_h = in_h, .in_w = in_w, .kernel_h = kernel_h, .kernel_w = kernel_w, .dilation_h = 1, .dilation_w = 1};
    const struct li_attr *strides = li_attr(s->node, "strides");
    if (strides->count != 4 || !positive(strides, &w.stride_h, &w.stride_w)) {
        return li_infer_fail(s, LINCE_EINVAL, "strides must be four numbers [1, h, w, 1], h and w positive");
    }
    if (dilations) {
        const struct li_attr *rates = li_attr(s->node, dilations);
        if (rates->count != 4 || !positive(rates, &w.dilation_h, &w.dilation_w)) {
            return li_infer_fail(s, LINCE_EINVAL, "%s must be four numbers [1, h, w, 1], h and w positive", dilations);
        }
    }
    if (kernel_h < 1 || kernel_w < 1 || kernel_h > INT32_MAX || kernel_w > INT32_MAX) {
        return li_infer_fail(s, LINCE_EINVAL, "the window is %lld x %lld; it must hold a pixel", (long long)kernel_h,
                             (long long)kernel_w);
    }
    if (!explicit_of(s->node, &w)) {
        return li_infer_fail(s, LINCE_EINVAL,
                             "explicit_paddings must be eight numbers for padding EXPLICIT, those of batch and "
                             "channels 0, and none otherwise");
    }
    if (!place(s->node, &w)) {
        return li_infer_fail(s, LINCE_EINVAL,
                             "a window of %lld x %lld does not fit into a picture of %lld x %lld: it is too small",
                             (long long)((kernel_h - 1) * w.dilation_h + 1),
                             (long long)((kernel_w - 1) * w.dilation_w + 1), (long long)in_h, (long long)in_w);
    }
    *window = w;
    return LINCE_OK;
}

void li_window_of(const struct li_node *node, int64_t in_h, int64_t in_w, int64_t kernel_h, int64_t kernel_w,
                  const char *dilations, struct li_window *window)
{
    struct li_window w = {
        .in_h = in_h, .in_w = in_w, .kernel_h = kernel_h, .kernel_w = kernel_w, .dilation_h = 1, .dilation_w = 1};
    positive(li_attr(node, "strides"), &w.stride_h, &w.stride_w);
    if (dilations) {
        positive(li_attr(node, dilations), &w.dilation_h, &w.dilation_w);
    }
    explicit_of(node, &w);
    place(node, &w);
    *window = w;
}

void li_strides_of(const struct li_value *value, int64_t stride[LI_MAX_RANK])
{
    int rank = value->shape.rank;
    bool placed = rank > 0 && value->view.stride[rank - 1] != 0;
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        stride[i] = placed ? value->view.stride[i] : step;
        step *= value->shape.dim[i];
    }
}

struct li_map li_window_map(const struct li_value *value)
{
    int64_t stride[LI_MAX_RANK];
    li_strides_of(value, stride);
    return (struct li_map){stride[2], stride[1], stride[0]};
}

void li_window_layout(struct li_layout *l, const struct li_window *window)
{
    l->in_accepts[0] = LI_LAYOUT_STRIDED | LI_LAYOUT_HALO;
    l->out_accepts[0] = LI_LAYOUT_STRIDED | LI_LAYOUT_HALO;
    int64_t vertical = LI_MAX(window->pad_top, window->pad_bottom),
            horizontal = LI_MAX(window->pad_left, window->pad_right);
    if (vertical > WIDEST_HALO || horizontal > WIDEST_HALO || window->out_h * window->out_w > LARGEST_HALOED) {
        return;
    }
    l->in_halo[0][0] = (int32_t)window->pad_top;
    l->in_halo[0][1] = (int32_t)window->pad_bottom;
    l->in_halo[0][2] = (int32_t)window->pad_left;
    l->in_halo[0][3] = (int32_t)window->pad_right;
}

bool li_window_halo(const struct li_value *x, const struct li_window *w)
{
    const int32_t *halo = x->view.halo;
    return halo[0] >= w->pad_top && halo[1] >= w->pad_bottom && halo[2] >= w->pad_left && halo[3] >= w->pad_right &&
           (w->pad_top || w->pad_bottom || w->pad_left || w->pad_right);
}
