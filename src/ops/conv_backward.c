/*
 * What the gradients of Conv2D and of DepthwiseConv2dNative share: the shapes of x, filter and dy, and which of the
 * three ops of a family is the gradient of which.
 */
#include "conv.h"

#include <string.h>

static const struct family {
    const char *forward, *by_input, *by_filter;
    li_conv_rule *rule;
    bool short_sizes; /* x sizes may be height and width alone */
} families[] = {
    {"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", li_conv_infer, true},
    {"DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter",
     li_depthwise_infer, false},
};

static const struct family *family_of(const struct li_node *node)
{
    bool depthwise = strncmp(node->op->name, "Depthwise", strlen("Depthwise")) == 0;
    return &families[depthwise];
}

/* ---- Shapes ---- */

struct li_backward li_backward_of(const struct li_graph *g, const struct li_node *node, li_vid x, li_vid filter,
                                  li_vid dy)
{
    struct li_backward b;
    memcpy(b.x, g->values[x].shape.dim, sizeof b.x);
    memcpy(b.filter, g->values[filter].shape.dim, sizeof b.filter);
    memcpy(b.dy, g->values[dy].shape.dim, sizeof b.dy);
    li_window_of(node, b.x[1], b.x[2], b.filter[0], b.filter[1], "dilations", &b.window);
    return b;
}

/*
 * A shape given as an operand: four numbers, or, where `like` is not NULL, height and width alone; the rest is as that
 * says.
 */
static lince_status read_sizes(const struct li_infer *s, int input, const int64_t *like, struct li_shape *out)
{
    int count;
    int64_t v[4];
    LI_TRY(li_in_ints(s, input, v, 4, &count));
    if (like && count == 2) {
        *out = (struct li_shape){4, {like[0], v[0], v[1], like[3]}};
    } else if (count == 4) {
        *out = (struct li_shape){4, {v[0], v[1], v[2], v[3]}};
    } else {
        return li_infer_fail(s, LINCE_EINVAL, "input %d must hold four sizes, it holds %d", input, count);
    }
    for (int i = 0; i < 4; i++) {
        if (out->dim[i] < 0) {
            return li_infer_fail(s, LINCE_EINVAL, "input %d holds a negative size, %lld", input,
                                 (long long)out->dim[i]);
        }
    }
    return LINCE_OK;
}

/* Check that dy is what the convolution makes of x and the filter. */
static lince_status check(const struct li_infer *s, li_conv_rule *rule, const struct li_shape *x,
                          const struct li_shape *filter, const struct li_shape *dy)
{
    struct li_shape y;
    char want[LI_SHAPE_TEXT], have[LI_SHAPE_TEXT];
    LI_TRY(rule(s, x, filter, &y));
    if (!li_shape_equal(&y, dy)) {
        return li_infer_fail(s, LINCE_EINVAL, "out_backprop has shape %s; the convolution gives %s",
                             li_shape_text(dy, have), li_shape_text(&y, want));
    }
    return LINCE_OK;
}

/* Input `given`, a picture or a filter, and dy. */
static lince_status need_pair(const struct li_infer *s, int given)
{
    LI_TRY(li_ops_need(s, given, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_same_dtype(s, given, 2));
    LI_TRY(li_need_rank(s, given, 4));
    return li_need_rank(s, 2, 4);
}

lince_status li_backward_input_shape(struct li_infer *s)
{
    const struct family *family = family_of(s->node);
    struct li_shape x;
    LI_TRY(need_pair(s, 1));
    const struct li_shape *filter = li_in_shape(s, 1), *dy = li_in_shape(s, 2);
    const int64_t like[4] = {dy->dim[0], 0, 0, filter->dim[2]};
    LI_TRY(read_sizes(s, 0, family->short_sizes ? like : NULL, &x));
    LI_TRY(check(s, family->rule, &x, filter, dy));
    return li_out_is(s, 0, LINCE_FLOAT32, &x);
}

/* The checks of a gradient by the filter, and the shape of that. */
static lince_status filter_infer(const struct li_infer *s, li_conv_rule *rule, struct li_shape *filter)
{
    LI_TRY(need_pair(s, 0));
    LI_TRY(read_sizes(s, 1, NULL, filter));
    return check(s, rule, li_in_shape(s, 0), filter, li_in_shape(s, 2));
}

lince_status li_backward_filter_shape(struct li_infer *s)
{
    struct li_shape filter;
    LI_TRY(filter_infer(s, family_of(s->node)->rule, &filter));
    return li_out_is(s, 0, LINCE_FLOAT32, &filter);
}

lince_status li_backward_parts_shape(struct li_infer *s, li_conv_rule *rule,
                                     int64_t (*pieces)(const int64_t filter[4], const int64_t dy[4]))
{
    struct li_shape filter, parts = {.rank = 5};
    LI_TRY(filter_infer(s, rule, &filter));
    parts.dim[0] = pieces(filter.dim, li_in_shape(s, 2)->dim);
    memcpy(parts.dim + 1, filter.dim, 4 * sizeof filter.dim[0]);
    return li_out_is(s, 0, LINCE_FLOAT32, &parts);
}

/* ---- Gradients ---- */

lince_status li_window_emit(struct li_grad *g, const char *op, li_vid a, li_vid b, li_vid c, li_vid *out)
{
    static const char *const names[] = {"T", "strides", "padding", "explicit_paddings", "data_format", "dilations"};
    const li_vid in[] = {a, b, c};
    struct li_attr attrs[LI_COUNT(names)];
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        attrs[i] = *li_attr(g->node, names[i]);
    }
    return li_grad_emit(g, op, in, c == LI_NONE ? 2 : 3, attrs, LI_COUNT(names), out);
}

static lince_status emit_dx(struct li_grad *g, li_vid x, li_vid filter, li_vid dy, li_vid *out)
{
    li_vid sizes;
    LI_TRY(li_grad_shape(g, x, &sizes));
    return li_window_emit(g, family_of(g->node)->by_input, sizes, filter, dy, out);
}

static lince_status emit_df(struct li_grad *g, li_vid x, li_vid filter, li_vid dy, li_vid *out)
{
    const struct family *family = family_of(g->node);
    li_vid sizes;
    LI_TRY(li_grad_shape(g, filter, &sizes));
    return li_window_emit(g, family->by_filter, x, sizes, dy, out);
}

lince_status li_backward_grad(struct li_grad *g)
{
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(emit_dx(g, g->in[0], g->in[1], g->dy[0], &g->dx[0]));
    return emit_df(g, g->in[0], g->in[1], g->dy[0], &g->dx[1]);
}

/* It is linear in the filter and in dy, and what comes back to it has the shape of x. */
lince_status li_backward_input_grad(struct li_grad *g)
{
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(emit_df(g, g->dy[0], g->in[1], g->in[2], &g->dx[1]));
    return li_window_emit(g, family_of(g->node)->forward, g->dy[0], g->in[1], LI_NONE, &g->dx[2]);
}

/* In x and in dy; what comes back has the filter's shape. */
lince_status li_backward_filter_grad(struct li_grad *g)
{
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(emit_dx(g, g->in[0], g->dy[0], g->in[2], &g->dx[0]));
    return li_window_emit(g, family_of(g->node)->forward, g->in[0], g->dy[0], LI_NONE, &g->dx[2]);
}
