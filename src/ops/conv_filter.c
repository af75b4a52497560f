/*
 * Conv2DBackpropFilter, and _LiConvFilterParts, which it becomes where threads can share the pixels:
 *
 *     Conv2DBackpropFilter  ->  Sum over pieces of _LiConvFilterParts: [pieces, kh, kw, channels, outputs]
 *
 * Sums run over the kernel's chunks of pixels in order. How many pieces there are, and how many blocks of rows of the
 * result for each, depends on shapes alone.
 */
#include "conv.h"

enum {
    PIECE_PIXELS = 1 << 10, /* of dy: the fewest of a piece */
    PARTS_FLOATS = 1 << 20, /* of all pieces together: beyond, they cost more than they bring */
    MOST_PIECES = 16,
    ENOUGH_TASKS = 8,
    BLOCK_ROWS = 64 /* of the result: the fewest of a block */
};

static int64_t pieces_of(const int64_t filter[4], const int64_t dy[4])
{
    int64_t floats = filter[0] * filter[1] * filter[2] * filter[3], pixels = dy[0] * dy[1] * dy[2];
    int64_t pieces = LI_MIN(pixels / PIECE_PIXELS, PARTS_FLOATS / LI_MAX(floats, 1));
    return LI_MAX(1, LI_MIN(MOST_PIECES, pieces));
}

/* ---- Plan ---- */

struct filter_plan {
    struct li_filter filter;
    int64_t groups, rows; /* rows: of the result, for one group */
    int64_t pieces, blocks;
};

/* dims: of the filter. */
static lince_status filter_plan(struct li_prepare *p, const int64_t *dims, int64_t pieces)
{
    struct filter_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    const int64_t *x = li_ops_in(p, 0)->shape.dim, *dy = li_ops_in(p, 2)->shape.dim;
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->groups = x[3] / dims[2];
    plan->rows = dims[0] * dims[1] * dims[2];
    plan->pieces = pieces;
    int64_t few = (ENOUGH_TASKS + pieces * plan->groups - 1) / (pieces * plan->groups);
    plan->blocks = LI_MAX(1, LI_MIN(few, plan->rows / BLOCK_ROWS));
    plan->filter = (struct li_filter){.batch = x[0],
                                      .channels = dims[2],
                                      .outputs = dims[3] / plan->groups,
                                      .x = li_map_dense(x[1], x[2], x[3]),
                                      .dy = li_map_dense(dy[1], dy[2], dy[3]),
                                      .df_row = dims[3]};
    li_window_of(p->node, x[1], x[2], dims[0], dims[1], "dilations", &plan->filter.window);
    p->plan = plan;
    p->tasks = plan->pieces * plan->groups * plan->blocks;
    p->scratch_bytes = p->env->kernels->filter->scratch_floats(&plan->filter) * sizeof(float);
    p->flop = li_ops_flop(li_shape_count(&li_ops_in(p, 2)->shape), plan->rows);
    p->reason = "tiles over chunks of pixels";
    return LINCE_OK;
}

static lince_status filter_forward(struct li_call *c)
{
    const struct filter_plan *plan = c->plan;
    const struct li_filter *g = &plan->filter;
    const struct li_filter_kernels *k = c->kernels->filter;
    int64_t block = c->task % plan->blocks, group = c->task / plan->blocks % plan->groups;
    int64_t part = c->task / plan->blocks / plan->groups, chunks = k->chunks(g);
    int64_t row = plan->rows * block / plan->blocks, end = plan->rows * (block + 1) / plan->blocks;
    float *df = (float *)c->out[0].data + part * plan->rows * g->df_row + group * g->outputs;
    if (li_count(&c->out[0]) > 0) {
        k->run(g, li_f32(&c->in[0]) + group * g->channels, li_f32(&c->in[2]) + group * g->outputs,
               chunks * part / plan->pieces, chunks * (part + 1) / plan->pieces, row, end - row, c->scratch, df);
    }
    return LINCE_OK;
}

/* ---- Conv2DBackpropFilter: input, filter_sizes, out_backprop ---- */

static lince_status filter_prepare(struct li_prepare *p)
{
    return filter_plan(p, li_ops_out(p, 0)->shape.dim, 1);
}

const struct li_op li_op_conv2d_backprop_filter = {
    .name = "Conv2DBackpropFilter",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_CONV_GRAD_ATTRS,
    .shape = li_backward_filter_shape,
    .prepare = filter_prepare,
    .forward = filter_forward,
    .grad = li_backward_filter_grad,
};

/* ---- _LiConvFilterParts: the same inputs ---- */

static lince_status parts_shape(struct li_infer *s)
{
    return li_backward_parts_shape(s, li_conv_infer, pieces_of);
}

static lince_status parts_prepare(struct li_prepare *p)
{
    const int64_t *parts = li_ops_out(p, 0)->shape.dim;
    return filter_plan(p, parts + 1, parts[0]);
}

const struct li_op li_op_li_conv_filter_parts = {
    .name = "_LiConvFilterParts",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("parts"),
    .attrs = LI_CONV_GRAD_ATTRS,
    .shape = parts_shape,
    .prepare = parts_prepare,
    .forward = filter_forward,
    .flags = LI_OP_INTERNAL,
};
