/*
 * Losses as ordinary nodes, so that their gradients are those of the ops they are made of. All are Keras's
 * "sum over batch size": one number for each image, times its weight, their sum divided by how many there are (0 of
 * none). Keras leaves the weights out of the divisor, and so do we.
 */
#include "build.h"

/* How many numbers one image has, float32; known when shapes are. */
static li_vid classes_of(struct li_build *b, li_vid logits, li_vid *depth)
{
    static const int32_t last[1] = {-1}, end[1] = {0}, stride[1] = {1};
    const struct li_attr attrs[] = {LI_INT("end_mask", 1), LI_INT("shrink_axis_mask", 1)};
    const struct li_attr type = LI_TYPE("DstT", LINCE_FLOAT32);
    const li_vid in[4] = {li_build_one(b, "Shape", logits), li_build_ints(b, last, 1), li_build_ints(b, end, 1),
                          li_build_ints(b, stride, 1)};
    *depth = li_build_node(b, "StridedSlice", in, 4, attrs, 2);
    return li_build_node(b, "Cast", depth, 1, &type, 1);
}

/* y (1 - e) + e / parts */
static li_vid smoothed(struct li_build *b, li_vid y, double e, li_vid parts)
{
    li_vid share = li_build_two(b, "RealDiv", li_build_number(b, (float)e), parts);
    return li_build_two(b, "AddV2", li_build_two(b, "Mul", y, li_build_number(b, (float)(1 - e))), share);
}

/* -sum(y log softmax(logits)). Where y does not sum to 1 this is the true gradient, TensorFlow's kernel takes 1. */
static li_vid softmax_loss(struct li_build *b, const struct li_loss *how, li_vid logits, li_vid targets)
{
    li_vid depth = LI_NONE, parts = LI_NONE;
    if (how->sparse || how->label_smoothing > 0) {
        parts = classes_of(b, logits, &depth);
    }
    if (how->sparse) {
        const li_vid in[4] = {targets, depth, li_build_number(b, 1), li_build_number(b, 0)};
        targets = li_build_node(b, "OneHot", in, 4, NULL, 0);
    }
    if (how->label_smoothing > 0) {
        targets = smoothed(b, targets, how->label_smoothing, parts);
    }
    li_vid product = li_build_two(b, "Mul", targets, li_build_one(b, "LogSoftmax", logits));
    return li_build_one(b, "Neg", li_build_reduce(b, "Sum", product, -1));
}

/* mean(max(x, 0) - x y + log(1 + exp(-|x|))), as tf.nn.sigmoid_cross_entropy_with_logits. */
static li_vid sigmoid_loss(struct li_build *b, const struct li_loss *how, li_vid x, li_vid y)
{
    if (how->label_smoothing > 0) {
        y = smoothed(b, y, how->label_smoothing, li_build_number(b, 2));
    }
    li_vid zeros = li_build_one(b, "ZerosLike", x);
    li_vid positive = li_build_two(b, "GreaterEqual", x, zeros);
    li_vid up = li_build_node(b, "SelectV2", (li_vid[]){positive, x, zeros}, 3, NULL, 0);
    li_vid down = li_build_node(b, "SelectV2", (li_vid[]){positive, li_build_one(b, "Neg", x), x}, 3, NULL, 0);
    li_vid first = li_build_two(b, "Sub", up, li_build_two(b, "Mul", x, y));
    li_vid each = li_build_two(b, "AddV2", first, li_build_one(b, "Log1p", li_build_one(b, "Exp", down)));
    return li_build_reduce(b, "Mean", each, -1);
}

static li_vid mse_loss(struct li_build *b, li_vid x, li_vid y)
{
    return li_build_reduce(b, "Mean", li_build_two(b, "SquaredDifference", x, y), -1);
}

/* The weight of each image's class, its own where targets are numbers, else the class with the largest target. */
static li_vid class_weights(struct li_build *b, const struct li_loss *how, li_vid targets)
{
    static const int32_t last[1] = {-1}, first[1] = {0};
    if (!how->sparse) {
        targets = li_build_two(b, "ArgMax", targets, li_build_ints(b, last, -1));
    }
    const li_vid in[3] = {li_build_numbers(b, how->class_weights, how->classes), targets, li_build_ints(b, first, -1)};
    return li_build_node(b, "GatherV2", in, 3, NULL, 0);
}

/* One number an image: weights are not broadcast over anything. */
static li_vid weighted(struct li_build *b, li_vid each, li_vid weights)
{
    const struct li_shape one = {1, {-1}};
    const struct li_attr shape = {.name = "shape", .kind = LI_ATTR_SHAPE, .shape = &one};
    return li_build_two(b, "Mul", li_build_node(b, "EnsureShape", &each, 1, &shape, 1), weights);
}

lince_status li_ops_loss(struct li_graph *g, const struct li_loss *how, li_vid logits, li_vid targets, li_vid weights,
                         li_vid *out, lince_error *err)
{
    struct li_build b = {.g = g, .name = "training/loss", .err = err};
    const struct li_attr type = LI_TYPE("DstT", LINCE_FLOAT32);
    li_vid each = how->kind == LI_LOSS_SOFTMAX   ? softmax_loss(&b, how, logits, targets)
                  : how->kind == LI_LOSS_SIGMOID ? sigmoid_loss(&b, how, logits, targets)
                                                 : mse_loss(&b, logits, targets);
    li_vid size = li_build_one(&b, "Size", each);
    if (how->class_weights) {
        each = weighted(&b, each, class_weights(&b, how, targets));
    }
    if (weights >= 0) {
        each = weighted(&b, each, weights);
    }
    *out = li_build_two(&b, "DivNoNan", li_build_total(&b, each), li_build_node(&b, "Cast", &size, 1, &type, 1));
    return b.status;
}

lince_status li_ops_sum(struct li_graph *g, const li_vid *terms, int count, li_vid *out, lince_error *err)
{
    struct li_build b = {.g = g, .name = "training", .err = err};
    *out = count == 1 ? terms[0] : li_build_node(&b, "AddN", terms, count, NULL, 0);
    return b.status;
}
