/* Matrix products in float32. */
#ifndef LI_KERNELS_GEMM_H
#define LI_KERNELS_GEMM_H

#include "activation.h"
#include "map.h"

/*
 * For each i in [0, batch): C[m, n] = activation(A[m, k] * B[k, n] + bias[n] + residual[m, n]).
 * The strides are in floats. a_row lies between rows of A as stored: [m, k], or [k, m] when transpose_a. The *_batch
 * strides lie between one product and the next; 0 shares an operand; b_batch counts packed floats.
 */
struct li_gemm {
    int64_t batch, m, n, k;
    bool transpose_a;
    ptrdiff_t a_row, c_row, residual_row;
    ptrdiff_t a_batch, b_batch, c_batch, residual_batch;
    enum li_activation activation;
    float alpha;
};

/* b: packed. bias: [n] or NULL. residual: NULL, or added before the activation; may be c itself. a and c must not
 * overlap. */
struct li_gemm_data {
    const float *a;
    const float *b;
    const float *bias;
    const float *residual;
    float *c;
};

struct li_gemm_kernels {
    /* Floats of one packed [k, n] matrix; a multiple of 16, so that a batch of them stays aligned. */
    size_t (*packed_floats)(int64_t k, int64_t n);
    /* b is [k, n], or [n, k] when transposed, b_row floats between its rows as stored; packed is aligned to LI_ALIGN.
     */
    void (*pack)(int64_t k, int64_t n, const float *b, ptrdiff_t b_row, bool transposed, float *packed);
    int64_t (*tasks)(const struct li_gemm *gemm); /* by shapes only; 0 when there is no output */
    void (*run)(const struct li_gemm *gemm, const struct li_gemm_data *data, int64_t task);
};

#endif
