/* Reductions, pooling, moments and layouts: every instruction set against the plain loops. */
#include "kernels_support.h"

static bool is_sum(int op)
{
    return op == LI_REDUCE_SUM || op == LI_REDUCE_SUM_SQUARES;
}

/* Pairwise sums of values below 1: blocks of at most 32 in sequence, then a tree. */
static double sum_tolerance(int64_t count)
{
    return 6e-8 * 40 * (1 + sqrt((double)count));
}

static void reductions_match_plain_loops(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        int64_t h = random_int(&r, 0, 40), w = random_int(&r, 0, 40),
                c = random_chance(&r, 2) ? random_int(&r, 1, 20) : random_int(&r, 21, 150);
        struct border border = {random_int(&r, 0, 1), random_int(&r, 0, 1), 0, random_int(&r, 0, 2)};
        struct li_map map = map_bordered(h, w, c, &border);
        struct guarded x = guarded_new(map_bordered_floats(1, h, w, c, &border), random_chance(&r, 2));
        int64_t rows = h * w > 0 ? (int64_t)x.count / c : 0;
        struct guarded y = guarded_new((size_t)LI_MAX(c, rows), true), expected = guarded_new(y.count, true),
                       first = guarded_new(y.count, true);
        guarded_random(&x, &r);
        const float *pixels = x.data + map_bordered_origin(w, c, &border);
        for (int op = 0; op < LI_REDUCE_COUNT; op++) {
            for (int form = 0; form < 3; form++) {
                int64_t count = form == 0 ? h * w : form == 1 ? rows : c;
                for (int i = -1; i < n; i++) {
                    const struct li_reduce_kernels *k = (i < 0 ? ref : fast[i])->reduce;
                    struct guarded *out = i < 0 ? &expected : &y;
                    guarded_fill(out, UNTOUCHED);
                    if (form == 0) {
                        k->picture((enum li_reduce)op, out->data, pixels, h, w, c, &map, 0.5f);
                    } else if (form == 1) {
                        k->columns((enum li_reduce)op, out->data, x.data, rows, c, c, 0.5f);
                    } else {
                        k->rows((enum li_reduce)op, out->data, x.data, rows, c, c, 0.5f);
                    }
                    if (i >= 0) {
                        assert_true(largest_difference(y.data, expected.data, y.count) <=
                                    (is_sum(op) ? sum_tolerance(count) : 0));
                    }
                    if (i == 0) {
                        memcpy(first.data, y.data, y.count * sizeof(float));
                    } else if (i > 0) {
                        assert_true(same_bits(y.data, first.data, y.count));
                    }
                }
            }
        }
        guarded_free(&x), guarded_free(&y), guarded_free(&expected), guarded_free(&first);
    }
}

static void long_sums_keep_their_digits(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    enum { N = 1 << 22 };
    struct guarded x = guarded_new(N, true);
    guarded_fill(&x, 0.1f);
    for (int i = 0; i < n; i++) {
        float sum;
        fast[i]->reduce->rows(LI_REDUCE_SUM, &sum, x.data, 1, N, N, 1);
        assert_true(fabs((double)sum / (N * (double)0.1f) - 1) < 2e-6);
        fast[i]->reduce->columns(LI_REDUCE_SUM, &sum, x.data, N, 1, 1, 1);
        assert_true(fabs((double)sum / (N * (double)0.1f) - 1) < 2e-6);
    }
    guarded_free(&x);
}

static void extremes_keep_nan_wherever_it_is(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    enum { N = 37 };
    for (int at = 0; at < N; at++) {
        float x[N], y;
        for (int i = 0; i < N; i++) {
            x[i] = i == at ? NAN : (float)i;
        }
        for (int i = 0; i < n; i++) {
            for (int op = LI_REDUCE_MAX; op <= LI_REDUCE_MIN; op++) {
                fast[i]->reduce->rows((enum li_reduce)op, &y, x, 1, N, N, 1);
                assert_true(isnan(y));
                fast[i]->reduce->columns((enum li_reduce)op, &y, x, N, 1, 1, 1);
                assert_true(isnan(y));
            }
        }
    }
}

static void pooling_matches_plain_loops(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        struct li_pooling p = {
            .batch = random_int(&r, 0, 3),
            .window.in_h = random_int(&r, 1, 30),
            .window.in_w = random_int(&r, 1, 30),
            .channels = random_chance(&r, 2) ? random_int(&r, 1, 20) : random_int(&r, 21, 90),
            .window.kernel_h = random_int(&r, 1, 5),
            .window.kernel_w = random_int(&r, 1, 5),
            .window.stride_h = random_int(&r, 1, 3),
            .window.stride_w = random_int(&r, 1, 3),
            .window.dilation_h = 1,
            .window.dilation_w = 1,
        };
        p.window.pad_top = random_int(&r, 0, p.window.kernel_h - 1);
        p.window.pad_left = random_int(&r, 0, p.window.kernel_w - 1);
        p.window.out_h =
            (p.window.in_h + 2 * p.window.pad_top - p.window.kernel_h + p.window.stride_h) / p.window.stride_h;
        p.window.out_w =
            (p.window.in_w + 2 * p.window.pad_left - p.window.kernel_w + p.window.stride_w) / p.window.stride_w;
        p.window.out_h = p.window.out_h < 0 ? 0 : p.window.out_h;
        p.window.out_w = p.window.out_w < 0 ? 0 : p.window.out_w;
        p.x = li_map_dense(p.window.in_h, p.window.in_w, p.channels);
        p.y = li_map_dense(p.window.out_h, p.window.out_w, p.channels + 1);
        struct guarded x = guarded_new((size_t)(p.batch * p.x.image), random_chance(&r, 2));
        struct guarded y = guarded_new((size_t)(p.batch * p.y.image), true), expected = guarded_new(y.count, true);
        guarded_random(&x, &r);
        for (int average = 0; average < 2; average++) {
            for (int i = -1; i < n; i++) {
                const struct li_pooling_kernels *k = (i < 0 ? ref : fast[i])->pooling;
                struct guarded *out = i < 0 ? &expected : &y;
                guarded_fill(out, UNTOUCHED);
                for (int64_t task = k->tasks(&p) - 1; task >= 0; task--) {
                    (average ? k->average : k->max)(&p, x.data, out->data, task);
                }
                if (i >= 0) { /* at most 25 values below 1 in sequence */
                    assert_true(largest_difference(y.data, expected.data, y.count) <= (average ? 1e-6 : 0));
                }
            }
        }
        guarded_free(&x), guarded_free(&y), guarded_free(&expected);
    }
}

static void moments_survive_a_mean_far_from_zero(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    static const int64_t sizes[][2] = {{1, 3}, {7, 17}, {1001, 33}, {12345, 5}, {3001, 130}};
    struct random r = {31};
    for (size_t s = 0; s < LI_COUNT(sizes); s++) {
        int64_t rows = sizes[s][0], cols = sizes[s][1], x_row = cols + 2;
        struct guarded x = guarded_new((size_t)((rows - 1) * x_row + cols), true);
        struct guarded got = guarded_new((size_t)(2 * cols), true), expected = guarded_new((size_t)(2 * cols), true);
        for (size_t i = 0; i < x.count; i++) {
            x.data[i] = 1000 + random_float(&r); /* variance 1/3; the naive formula would lose it */
        }
        for (int i = -1; i < n; i++) {
            const struct li_norm_kernels *k = (i < 0 ? ref : fast[i])->norm;
            struct guarded *out = i < 0 ? &expected : &got;
            int64_t chunks = k->moment_chunks(rows, cols);
            struct guarded partial = guarded_new((size_t)(chunks * LI_NORM_PARTIAL * cols), true);
            for (int64_t chunk = chunks - 1; chunk >= 0; chunk--) {
                k->moments_partial(x.data, rows, cols, x_row, chunk, partial.data);
            }
            k->moments_combine(partial.data, rows, cols, out->data, out->data + cols);
            guarded_free(&partial);
            if (i >= 0) { /* half a unit of 1000 is 3e-5; sums in blocks of 32 stray by up to 40 units of 1/3 */
                assert_true(largest_difference(got.data, expected.data, (size_t)cols) <= 6.2e-5);
                double stray = largest_difference(got.data + cols, expected.data + cols, (size_t)cols);
                if (stray > 1e-6) {
                    fail_msg("%s: variance of %lld x %lld strays by %g", fast[i]->name, (long long)rows,
                             (long long)cols, stray);
                }
            }
        }
        guarded_free(&x), guarded_free(&got), guarded_free(&expected);
    }
}

static void moments_of_nothing_are_nan(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    for (int i = 0; i < n; i++) {
        float partial[LI_NORM_PARTIAL * 2], mean[2], variance[2];
        assert_int_equal(fast[i]->norm->moment_chunks(0, 2), 1);
        fast[i]->norm->moments_partial(mean, 0, 2, 2, 0, partial);
        fast[i]->norm->moments_combine(partial, 0, 2, mean, variance);
        assert_true(isnan(mean[0]) && isnan(mean[1]) && isnan(variance[0]) && isnan(variance[1]));
    }
}

static void scale_shift_and_layer_norm_match_plain_loops(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    struct random r = {41};
    for (int64_t cols = 1; cols < 300; cols += 13) {
        int64_t rows = 5, y_row = cols + 1;
        struct guarded x = guarded_new((size_t)(rows * cols), true), scale = guarded_new((size_t)cols, true),
                       shift = guarded_new((size_t)cols, true);
        struct guarded y = guarded_new((size_t)(rows * y_row), true), expected = guarded_new(y.count, true);
        guarded_random(&x, &r);
        guarded_random(&scale, &r);
        guarded_random(&shift, &r);
        for (int activation = 0; activation < LI_ACT_COUNT; activation++) {
            const float *shifts = activation % 2 ? NULL : shift.data;
            guarded_fill(&expected, UNTOUCHED);
            ref->norm->scale_shift(expected.data, y_row, x.data, cols, rows, cols, scale.data, shifts,
                                   (enum li_activation)activation, 1);
            for (int i = 0; i < n; i++) {
                guarded_fill(&y, UNTOUCHED);
                fast[i]->norm->scale_shift(y.data, y_row, x.data, cols, rows, cols, scale.data, shifts,
                                           (enum li_activation)activation, 1);
                assert_true(largest_difference(y.data, expected.data, y.count) < 1e-6);
            }
        }
        for (int i = 0; i < n; i++) {
            ref->norm->layer_norm(expected.data, x.data, rows, cols, scale.data, shift.data, 1e-3f);
            fast[i]->norm->layer_norm(y.data, x.data, rows, cols, scale.data, shift.data, 1e-3f);
            assert_true(largest_difference(y.data, expected.data, (size_t)(rows * cols)) < 3e-6);
        }
        guarded_free(&x), guarded_free(&scale), guarded_free(&shift), guarded_free(&y), guarded_free(&expected);
    }
}

static void map_copy_and_border_fill_every_float_once(void **state)
{
    (void)state;
    struct random r = {51};
    for (int i = 0; i < 100; i++) {
        int64_t batch = random_int(&r, 0, 3), h = random_int(&r, 1, 6), w = random_int(&r, 1, 6),
                c = random_int(&r, 1, 5);
        struct border border = {random_int(&r, 0, 2), random_int(&r, 0, 2), random_int(&r, 0, 2), random_int(&r, 0, 2)};
        struct li_map dense = li_map_dense(h, w, c), wide = map_bordered(h, w, c, &border);
        struct guarded x = guarded_new((size_t)(batch * dense.image), true);
        struct guarded y = guarded_new(map_bordered_floats(batch, h, w, c, &border), true);
        guarded_fill(&x, 1);
        guarded_fill(&y, UNTOUCHED);
        float *pixels = y.data + map_bordered_origin(w, c, &border);
        map_fill_border(pixels, &wide, 0, batch, h, w, c, &border, 0);
        map_copy(pixels, &wide, x.data, &dense, 0, batch * h, h, w, c);
        size_t ones = 0, zeros = 0;
        for (size_t j = 0; j < y.count; j++) {
            ones += y.data[j] == 1;
            zeros += y.data[j] == 0;
        }
        assert_int_equal(ones, x.count);
        assert_int_equal(ones + zeros, y.count);
        guarded_fill(&x, 2);
        map_copy(x.data, &dense, pixels, &wide, 0, batch * h, h, w, c);
        for (size_t j = 0; j < x.count; j++) {
            assert_true(x.data[j] == 1);
        }
        guarded_free(&x), guarded_free(&y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions_match_plain_loops),
        cmocka_unit_test(long_sums_keep_their_digits),
        cmocka_unit_test(extremes_keep_nan_wherever_it_is),
        cmocka_unit_test(pooling_matches_plain_loops),
        cmocka_unit_test(moments_survive_a_mean_far_from_zero),
        cmocka_unit_test(moments_of_nothing_are_nan),
        cmocka_unit_test(scale_shift_and_layer_norm_match_plain_loops),
        cmocka_unit_test(map_copy_and_border_fill_every_float_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
