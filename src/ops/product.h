/*
 * Batched matrix products over any arrangement of the operands: C[batch, m, n] = sum over k of A[batch, m, k] *
 * B[batch, k, n], where each of batch, m, n and k may be several axes. Private to ops/.
 */
#ifndef LI_OPS_PRODUCT_H
#define LI_OPS_PRODUCT_H

#include "common.h"

enum { LI_A, LI_B, LI_C };

/* Axes, outermost first, with their strides in elements in A, B and C (0 where an operand does not have them). */
enum { LI_AXES = 2 * LI_MAX_RANK };

struct li_axes {
    int rank;
    int64_t dim[LI_AXES];
    int64_t stride[3][LI_AXES];
};

/* Add an axis inside the others; it merges with the one before where the strides allow. */
void li_axes_push(struct li_axes *axes, int64_t dim, int64_t a, int64_t b, int64_t c);

struct li_product {
    lince_dtype dtype;
    struct li_axes batch, m, n, k;
    /* Made by li_product_plan(). */
    int64_t products, rows, cols, depth;
    bool gather[3]; /* an operand that is no plain matrix is copied to one, a product at a time */
    int64_t product_parts, row_parts, col_parts;
    size_t offset[3], packed_offset; /* of the copies in scratch, bytes */
    size_t scratch_bytes;
    int64_t tasks; /* 0: no output */
};

/* dtype and axes are set; the rest is filled in. Tasks divide outputs; each packs what it needs of B for itself. */
void li_product_plan(struct li_product *p, const struct li_kernels *kernels);
void li_product_run(const struct li_product *p, const struct li_kernels *kernels, const void *a, const void *b, void *c,
                    void *scratch, int64_t task);

/* A plan in the arena, for forwards that do nothing but li_product_forward(): A is input 0, B input 1, C output 0. */
lince_status li_product_prepare(struct li_prepare *p, const struct li_product *product);
lince_status li_product_forward(struct li_call *c);

#endif
