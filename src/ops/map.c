/* Functions of one element: the loop around them. */
#include "common.h"

void li_ops_map(struct li_call *c,
                void (*fast)(const struct li_call *c, const void *context, float *to, const float *from, int64_t n),
                void (*block)(const void *context, lince_dtype dtype, union li_block *block, int64_t n),
                const void *context)
{
    lince_dtype dtype = c->in[0].dtype;
    struct li_walk walk;
    struct li_span span;
    li_walk_init(&walk, c, (const struct li_operand *const[]){&c->out[0], &c->in[0]}, 2);
    while (li_walk_next(&walk, &span)) {
        for (int64_t r = 0; r < span.rows; r++) {
            void *to = li_at(c->out[0].data, dtype, span.offset[0] + r * span.row[0]);
            const void *from = li_at(c->in[0].data, dtype, span.offset[1] + r * span.row[1]);
            if (dtype == LINCE_FLOAT32 && fast) {
                fast(c, context, to, from, span.cols);
                continue;
            }
            for (int64_t i = 0; i < span.cols; i += LI_BLOCK) {
                union li_block part;
                int64_t n = LI_MIN(span.cols - i, LI_BLOCK);
                li_block_load(&part, dtype, (const char *)from + i * (int64_t)li_dtype_size(dtype), 1, n);
                block(context, dtype, &part, n);
                li_block_store(li_at(to, dtype, i), dtype, &part, n);
            }
        }
    }
}
