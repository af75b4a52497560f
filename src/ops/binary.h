/* Functions of two numbers with broadcasting: what binary*.c and compare.c share. */
#ifndef LI_OPS_BINARY_H
#define LI_OPS_BINARY_H

#include "common.h"

/*
 * Inputs 0 and 1 of one dtype in the set, broadcast together; output 0 of the given dtype (LINCE_DTYPE_NONE: theirs).
 */
lince_status li_binary_shape(struct li_infer *s, unsigned set, lince_dtype out);

/* z[k] from x[k] and y[k], in the domain of `dtype`; false when the data forbids it. */
typedef bool li_binary_block(int op, lince_dtype dtype, union li_block *z, const union li_block *x,
                             const union li_block *y, int64_t n);

/* Walk the call's task in blocks; false as soon as a block is. The output's dtype may differ from the inputs'. */
bool li_binary_run(struct li_call *c, int op, li_binary_block *block);

/* dx[i] = d, which has the output's shape, summed over what was broadcast. */
lince_status li_binary_give(struct li_grad *g, int i, li_vid d);

#endif
