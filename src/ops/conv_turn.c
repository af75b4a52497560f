/*
 * _LiConvTurn: a convolution's filter as its input's gradient wants it: taps in reverse order, inputs and outputs
 * exchanged. With strides of 1 that gradient is a convolution of dy.
 */
#include "conv.h"
#include "ops.h"

#include <string.h>

enum { TILE = 16 }; /* a square of channels and outputs that is transposed at a time */

static lince_status turn_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, 0, 4));
    const int64_t *filter = li_in_shape(s, 0)->dim;
    const struct li_shape turned = {4, {filter[0], filter[1], filter[3], filter[2]}};
    return li_out_is(s, 0, LINCE_FLOAT32, &turned);
}

/* [n, m] from [m, n]. */
static void transpose(const float *from, int64_t m, int64_t n, float *to)
{
    for (int64_t i = 0; i < m; i += TILE) {
        for (int64_t j = 0; j < n; j += TILE) {
            for (int64_t k = j; k < LI_MIN(n, j + TILE); k++) {
                for (int64_t r = i; r < LI_MIN(m, i + TILE); r++) {
                    to[k * m + r] = from[r * n + k];
                }
            }
        }
    }
}

/* A task turns some of the taps, or, of a single one, all. */
static lince_status turn_prepare(struct li_prepare *p)
{
    const int64_t *filter = li_ops_in(p, 0)->shape.dim;
    p->tasks = LI_MAX(1, filter[0] * filter[1]);
    return LINCE_OK;
}

static lince_status turn_forward(struct li_call *c)
{
    const int64_t *filter = c->in[0].shape->dim;
    int64_t taps = filter[0] * filter[1], size = filter[2] * filter[3];
    if (taps > 0) {
        transpose(li_f32(&c->in[0]) + c->task * size, filter[2], filter[3],
                  (float *)c->out[0].data + (taps - 1 - c->task) * size);
    }
    return LINCE_OK;
}

const struct li_op li_op_li_conv_turn = {
    .name = "_LiConvTurn",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("filter"),
    .shape = turn_shape,
    .prepare = turn_prepare,
    .forward = turn_forward,
    .flags = LI_OP_INTERNAL,
};

/* One axis: what dy wants around it. */
static bool turned_padding(int64_t in, int64_t out, int64_t taps, int64_t dilation, int64_t pad, int64_t sides[2])
{
    int64_t span = (taps - 1) * dilation;
    sides[0] = span - pad;
    sides[1] = in + span - out - sides[0];
    return sides[0] >= 0 && sides[1] >= 0;
}

bool li_ops_turned_conv(const struct li_graph *g, const struct li_node *node, int64_t pads[8])
{
    struct li_backward b = li_backward_of(g, node, node->out[0], node->in[1], node->in[2]);
    const struct li_window *w = &b.window;
    memset(pads, 0, 8 * sizeof *pads);
    return w->stride_h == 1 && w->stride_w == 1 && b.x[3] == b.filter[2] &&
           li_shape_count(&g->values[node->out[0]].shape) > 0 && li_shape_count(&g->values[node->in[2]].shape) > 0 &&
           turned_padding(b.x[1], b.dy[1], w->kernel_h, w->dilation_h, w->pad_top, &pads[2]) &&
           turned_padding(b.x[2], b.dy[2], w->kernel_w, w->dilation_w, w->pad_left, &pads[4]);
}
