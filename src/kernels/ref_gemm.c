/* Matrix products by plain loops, sums in double. Packed is [k, n], dense. One task is one row of one product. */
#include "gemm.h"
#include "ref.h"

static size_t packed_floats(int64_t k, int64_t n)
{
    return (size_t)(k * n + 15) / 16 * 16;
}

static void ref_gemm_pack(int64_t k, int64_t n, const float *b, ptrdiff_t b_row, bool transposed, float *packed)
{
    for (int64_t i = 0; i < k; i++) {
        for (int64_t j = 0; j < n; j++) {
            packed[i * n + j] = transposed ? b[j * b_row + i] : b[i * b_row + j];
        }
    }
    for (size_t i = (size_t)(k * n); i < packed_floats(k, n); i++) {
        packed[i] = 0;
    }
}

static int64_t tasks(const struct li_gemm *g)
{
    return g->n == 0 ? 0 : g->batch * g->m;
}

static void ref_gemm_run(const struct li_gemm *g, const struct li_gemm_data *data, int64_t task)
{
    int64_t i = task / g->m, row = task % g->m;
    const float *a = data->a + i * g->a_batch + (g->transpose_a ? row : row * g->a_row);
    const float *b = data->b + i * g->b_batch;
    float *c = data->c + i * g->c_batch + row * g->c_row;
    for (int64_t j = 0; j < g->n; j++) {
        double sum = 0;
        for (int64_t p = 0; p < g->k; p++) {
            sum += (double)a[g->transpose_a ? p * g->a_row : p] * (double)b[p * g->n + j];
        }
        if (data->bias) {
            sum += (double)data->bias[j];
        }
        if (data->residual) {
            sum += (double)data->residual[i * g->residual_batch + row * g->residual_row + j];
        }
        c[j] = ref_activate(sum, g->activation, g->alpha);
    }
}

const struct li_gemm_kernels li_gemm_ref = {packed_floats, ref_gemm_pack, tasks, ref_gemm_run};
