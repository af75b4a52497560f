/* What functions of two numbers share: the shape, walking both operands in blocks, and what a gradient ends in. */
#include "binary.h"

lince_status li_binary_shape(struct li_infer *s, unsigned set, lince_dtype out)
{
    struct li_shape shape;
    LI_TRY(li_ops_need(s, 0, set));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_broadcast(s, li_in_shape(s, 0), li_in_shape(s, 1), &shape));
    return li_out_is(s, 0, out == LINCE_DTYPE_NONE ? li_in_dtype(s, 0) : out, &shape);
}

bool li_binary_run(struct li_call *c, int op, li_binary_block *block)
{
    lince_dtype in = c->in[0].dtype, out = c->out[0].dtype;
    struct li_walk walk;
    struct li_span span;
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0], &c->in[1]}, 3);
    while (li_walk_next(&walk, &span)) {
        for (int64_t r = 0; r < span.rows; r++) {
            for (int64_t i = 0; i < span.cols; i += LI_BLOCK) {
                union li_block x, y, z;
                int64_t n = LI_MIN(span.cols - i, LI_BLOCK), at[3];
                for (int k = 0; k < 3; k++) {
                    at[k] = span.offset[k] + r * span.row[k] + (span.scalar[k] ? 0 : i);
                }
                li_block_load(&x, in, li_at(c->in[0].data, in, at[1]), !span.scalar[1], n);
                li_block_load(&y, in, li_at(c->in[1].data, in, at[2]), !span.scalar[2], n);
                if (!block(op, in, &z, &x, &y, n)) {
                    return false;
                }
                li_block_store(li_at(c->out[0].data, out, at[0]), out, &z, n);
            }
        }
    }
    return true;
}

lince_status li_binary_give(struct li_grad *g, int i, li_vid d)
{
    return li_grad_unbroadcast(g, d, g->in[i], &g->dx[i]);
}
