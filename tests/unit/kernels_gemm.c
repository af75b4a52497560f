/* Matrix products: every instruction set against the plain loops. */
#include "kernels_support.h"

struct buffers {
    struct guarded a, b, packed, bias, residual, c;
    bool b_transposed, has_bias, has_residual, in_place;
    ptrdiff_t b_row;
};

static struct li_gemm random_gemm(struct random *r)
{
    struct li_gemm g = {
        .batch = random_int(r, 1, 3),
        .m = random_chance(r, 3) ? 1 : random_int(r, 0, 45),
        .n = random_chance(r, 2) ? random_int(r, 1, 33) : random_int(r, 34, 150),
        .k = random_chance(r, 20) ? 0 : random_int(r, 1, 70),
        .transpose_a = random_chance(r, 3),
        .activation = (enum li_activation)random_int(r, 0, LI_ACT_COUNT - 1),
        .alpha = 0.5f,
    };
    g.a_row = (g.transpose_a ? g.m : g.k) + random_int(r, 0, 2);
    g.c_row = g.n + random_int(r, 0, 2);
    g.residual_row = g.n + random_int(r, 0, 2);
    g.a_batch = (g.transpose_a ? g.k : g.m) * g.a_row;
    g.c_batch = g.m * g.c_row;
    g.residual_batch = g.m * g.residual_row;
    return g;
}

static struct buffers buffers_new(struct random *r, const struct li_gemm *g)
{
    struct buffers b = {
        .b_transposed = random_chance(r, 2), .has_bias = random_chance(r, 2), .has_residual = random_chance(r, 2)};
    b.in_place = b.has_residual && random_chance(r, 2);
    b.b_row = (b.b_transposed ? g->k : g->n) + random_int(r, 0, 2);
    b.a = guarded_new((size_t)(g->batch * g->a_batch), random_chance(r, 2));
    b.b = guarded_new((size_t)(g->batch * (b.b_transposed ? g->n : g->k) * b.b_row), random_chance(r, 2));
    b.bias = guarded_new((size_t)g->n, true);
    b.residual = guarded_new((size_t)(g->batch * g->residual_batch), true);
    b.c = guarded_new((size_t)(g->batch * g->c_batch), random_chance(r, 2));
    guarded_random(&b.a, r);
    guarded_random(&b.b, r);
    guarded_random(&b.bias, r);
    guarded_random(&b.residual, r);
    return b;
}

static void buffers_free(struct buffers *b)
{
    guarded_free(&b->a);
    guarded_free(&b->b);
    guarded_free(&b->bias);
    guarded_free(&b->residual);
    guarded_free(&b->c);
}

static float *run_all(struct li_gemm g, struct buffers *b, const struct li_kernels *k, bool backwards)
{
    size_t each = k->gemm->packed_floats(g.k, g.n), b_floats = (size_t)((b->b_transposed ? g.n : g.k) * b->b_row);
    assert_int_equal(each % 16, 0);
    struct guarded packed = guarded_new((size_t)g.batch * each, true);
    for (int64_t i = 0; i < g.batch; i++) {
        k->gemm->pack(g.k, g.n, b->b.data + (size_t)i * b_floats, b->b_row, b->b_transposed,
                      packed.data + (size_t)i * each);
    }
    g.b_batch = (ptrdiff_t)each;
    guarded_fill(&b->c, UNTOUCHED);
    for (int64_t i = 0; b->in_place && i < g.batch * g.m; i++) {
        memcpy(b->c.data + i * g.c_row, b->residual.data + i * g.residual_row, (size_t)g.n * sizeof(float));
    }
    if (b->in_place) {
        g.residual_row = g.c_row;
        g.residual_batch = g.c_batch;
    }
    struct li_gemm_data data = {b->a.data, packed.data, b->has_bias ? b->bias.data : NULL,
                                !b->has_residual ? NULL
                                : b->in_place    ? b->c.data
                                                 : b->residual.data,
                                b->c.data};
    int64_t tasks = k->gemm->tasks(&g);
    for (int64_t i = 0; i < tasks; i++) {
        k->gemm->run(&g, &data, backwards ? tasks - 1 - i : i);
    }
    guarded_free(&packed);
    float *copy = malloc(b->c.count * sizeof(float) + 1);
    assert_non_null(copy);
    memcpy(copy, b->c.data, b->c.count * sizeof(float));
    return copy;
}

static void check(struct random *r, struct li_gemm g, uint64_t seed)
{
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct buffers b = buffers_new(r, &g);
    float *expected = run_all(g, &b, li_kernels_get(LI_ISA_REF), false), *first = NULL;
    double tolerance = 6e-8 * (10 + 2 * (double)g.k); /* k products in sequence, sums about the root of k */
    for (int i = 0; i < n; i++) {
        float *got = run_all(g, &b, fast[i], false), *again = run_all(g, &b, fast[i], true);
        double difference = largest_difference(got, expected, b.c.count);
        if (difference > tolerance) {
            fail_msg("%s strays by %g, seed %llu: m %lld n %lld k %lld", fast[i]->name, difference,
                     (unsigned long long)seed, (long long)g.m, (long long)g.n, (long long)g.k);
        }
        assert_true(same_bits(got, again, b.c.count));
        free(again);
        if (first) {
            assert_true(same_bits(got, first, b.c.count));
            free(got);
        } else {
            first = got;
        }
    }
    free(first);
    free(expected);
    buffers_free(&b);
}

static void gemm_matches_plain_loops_on_random_shapes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 800; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        check(&r, random_gemm(&r), seed);
    }
}

static void gemm_divided_into_tasks_matches_plain_loops(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1001, 523}, {301, 67, 300}, {17, 999, 301}};
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct random r = {9};
    for (size_t i = 0; i < LI_COUNT(sizes); i++) {
        for (int transpose = 0; transpose < 2; transpose++) {
            struct li_gemm g = {
                .batch = 1, .m = sizes[i][0], .n = sizes[i][1], .k = sizes[i][2], .transpose_a = transpose};
            g.a_row = transpose ? g.m : g.k;
            g.a_batch = g.m * g.k;
            g.c_row = g.residual_row = g.n;
            g.c_batch = g.residual_batch = g.m * g.n;
            for (int j = 0; j < n; j++) {
                assert_true(fast[j]->gemm->tasks(&g) > 1);
            }
            check(&r, g, i);
        }
    }
}

/* A row's result does not depend on the rows beside it: batch sizes divide work in other ways. */
static void gemm_rows_have_the_same_bits_alone(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct random r = {11};
    enum { M = 29, N = 83, K = 61 };
    struct li_gemm g = {.batch = 1,
                        .m = M,
                        .n = N,
                        .k = K,
                        .a_row = K,
                        .c_row = N,
                        .residual_row = N,
                        .a_batch = M * K,
                        .c_batch = M * N,
                        .residual_batch = M * N,
                        .activation = LI_ACT_SWISH,
                        .alpha = 1};
    struct buffers b = buffers_new(&r, &g);
    b.has_residual = b.in_place = false;
    for (int i = 0; i < n; i++) {
        float *whole = run_all(g, &b, fast[i], false), *a = b.a.data;
        for (int64_t row = 0; row < M; row++) {
            struct li_gemm one = g;
            one.m = 1;
            b.a.data = a + row * K;
            float *alone = run_all(one, &b, fast[i], false);
            assert_true(same_bits(alone, whole + row * N, N));
            free(alone);
        }
        b.a.data = a;
        free(whole);
    }
    buffers_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemm_matches_plain_loops_on_random_shapes),
        cmocka_unit_test(gemm_divided_into_tasks_matches_plain_loops),
        cmocka_unit_test(gemm_rows_have_the_same_bits_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
