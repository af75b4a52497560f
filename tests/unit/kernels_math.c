/* Functions of one and two floats, softmax: every instruction set against the plain loops. */
#include "kernels_support.h"

/* Distance in units in the last place of expected; 0 for equal, NaN against NaN. */
static double ulps(float got, float expected)
{
    if ((isnan(got) && isnan(expected)) || got == expected) {
        return 0;
    }
    if (!isfinite(got) || !isfinite(expected)) {
        return INFINITY;
    }
    float magnitude = fmaxf(fabsf(expected), 1.17549435e-38f);
    return fabs((double)got - (double)expected) / ((double)nextafterf(magnitude, INFINITY) - (double)magnitude);
}

static const float corners[] = {0.0f,    -0.0f,  1.0f,    -1.0f,       0.5f,       -0.5f,        INFINITY,    -INFINITY,
                                NAN,     1e-45f, -1e-45f, 1e-38f,      3.4e38f,    -3.4e38f,     87.3f,       88.0f,
                                88.5f,   88.73f, 89.0f,   100.0f,      -87.3f,     -88.0f,       -103.0f,     -104.0f,
                                -150.0f, 1e-10f, -1e-10f, 0.99999994f, 1.0000001f, -0.99999994f, 16777216.0f, 2.5f,
                                -2.5f,   3.5f,   10.1f,   10.4f,       -3.0f,      3.0f,         6.0f};

/* Corners, then values of many magnitudes. */
static void fill_arguments(struct guarded *x, struct random *r)
{
    for (size_t i = 0; i < x->count; i++) {
        float scale = (float[]){1, 1, 10, 100, 1e-3f, 1e-6f, 1e6f, 0.3f}[random_int(r, 0, 7)];
        x->data[i] = i < LI_COUNT(corners) ? corners[i] : random_float(r) * scale;
    }
}

static void check_unary(enum li_unary op, double limit)
{
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct random r = {100 + (uint64_t)op};
    struct guarded x = guarded_new(20011, true), y = guarded_new(20011, true), expected = guarded_new(20011, true),
                   first = guarded_new(20011, true);
    fill_arguments(&x, &r);
    li_kernels_get(LI_ISA_REF)->unary->apply(op, expected.data, x.data, (int64_t)x.count);
    for (int i = 0; i < n; i++) {
        fast[i]->unary->apply(op, y.data, x.data, (int64_t)x.count);
        for (size_t j = 0; j < x.count; j++) {
            /*
             * sigmoid ends at exp(-88); but what is 0 is 0, so that swish makes a NaN of minus infinity, as
             * TensorFlow's does
             */
            double floor = op == LI_UNARY_SIGMOID && expected.data[j] != 0 ? 1e-38 : 0;
            if (ulps(y.data[j], expected.data[j]) > limit &&
                !(fabs((double)y.data[j] - (double)expected.data[j]) < floor)) {
                fail_msg("%s, function %d of %.9g: %.9g, wanted %.9g, %g units", fast[i]->name, op, (double)x.data[j],
                         (double)y.data[j], (double)expected.data[j], ulps(y.data[j], expected.data[j]));
            }
        }
        if (i == 0) {
            memcpy(first.data, y.data, y.count * sizeof(float));
        }
        for (size_t j = 0; j < x.count; j++) {
            assert_true(same_bits(&y.data[j], &first.data[j], 1) || isnan(y.data[j]));
        }
    }
    guarded_free(&x), guarded_free(&y), guarded_free(&expected), guarded_free(&first);
}

/* The bounds are those vmath.h states; where a formula has several steps, each adds its half unit. */
static void unary_functions_match_libm(void **state)
{
    (void)state;
    static const double limits[LI_UNARY_COUNT] = {
        [LI_UNARY_RSQRT] = 2, [LI_UNARY_EXP] = 2,      [LI_UNARY_EXPM1] = 3,   [LI_UNARY_LOG] = 2,
        [LI_UNARY_LOG1P] = 4, [LI_UNARY_TANH] = 4,     [LI_UNARY_SIGMOID] = 3, [LI_UNARY_ERF] = 2,
        [LI_UNARY_ERFC] = 5,  [LI_UNARY_SOFTPLUS] = 4,
    };
    for (int op = 0; op < LI_UNARY_COUNT; op++) {
        check_unary((enum li_unary)op, limits[op]);
    }
}

static void unary_results_do_not_depend_on_place_or_length(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct random r = {3};
    for (int64_t count = 0; count <= 37; count++) {
        struct guarded x = guarded_new((size_t)count, count % 2), y = guarded_new((size_t)count, count % 2);
        guarded_random(&x, &r);
        for (int i = 0; i < n; i++) {
            for (int op = 0; op < LI_UNARY_COUNT; op++) {
                fast[i]->unary->apply((enum li_unary)op, y.data, x.data, count);
                for (int64_t j = 0; j < count; j++) {
                    float alone;
                    fast[i]->unary->apply((enum li_unary)op, &alone, x.data + j, 1);
                    assert_true(same_bits(&alone, &y.data[j], 1) || isnan(alone));
                }
            }
        }
        guarded_free(&x), guarded_free(&y);
    }
}

static void activations_match_plain_loops_and_keep_nan(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    struct random r = {8};
    enum { N = 4099 };
    struct guarded x = guarded_new(N, true), y = guarded_new(N, true), expected = guarded_new(N, true);
    for (int a = 0; a < LI_ACT_COUNT; a++) {
        for (int i = 0; i < N; i++) {
            x.data[i] = i % 501 == 500 ? NAN : random_float(&r) * (i % 3 ? 8 : 100);
        }
        ref->unary->activate((enum li_activation)a, 0.75f, expected.data, x.data, N);
        for (int i = 0; i < n; i++) {
            memcpy(y.data, x.data, N * sizeof(float));
            fast[i]->unary->activate((enum li_activation)a, 0.75f, y.data, y.data, N);
            for (int j = 0; j < N; j++) {
                /* A few roundings; in the tails those of the exponent, as large as x or its square; and what is left of
                 * them below 1e-30. */
                double v = (double)x.data[j], exponent = a == LI_ACT_GELU || a == LI_ACT_GELU_TANH ? v * v : fabs(v);
                double limit = fabs((double)expected.data[j]) * (1e-6 + 1.2e-7 * exponent) + 1e-30;
                if (largest_difference(&y.data[j], &expected.data[j], 1) > limit) {
                    fail_msg("%s, activation %d of %.9g: %.9g, wanted %.9g", fast[i]->name, a, (double)x.data[j],
                             (double)y.data[j], (double)expected.data[j]);
                }
            }
        }
    }
    guarded_free(&x), guarded_free(&y), guarded_free(&expected);
}

static void clamp_bounds_and_keeps_nan(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    for (int i = 0; i < n; i++) {
        float x[5] = {-2, 7, NAN, 3, INFINITY}, y[5];
        fast[i]->unary->clamp(y, x, 5, 0, 6);
        assert_true(y[0] == 0 && y[1] == 6 && isnan(y[2]) && y[3] == 3 && y[4] == 6);
    }
}

static void softmax_matches_plain_loops(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    struct random r = {21};
    static const int64_t widths[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 1000, 1001, 2049};
    for (size_t w = 0; w < LI_COUNT(widths); w++) {
        int64_t rows = 3, cols = widths[w];
        struct guarded x = guarded_new((size_t)(rows * cols), true), y = guarded_new(x.count, true),
                       expected = guarded_new(x.count, true);
        guarded_random(&x, &r);
        for (size_t i = 0; i < x.count; i++) {
            x.data[i] *= 30;
        }
        for (int i = 0; i < n; i++) {
            ref->unary->softmax(expected.data, x.data, rows, cols);
            fast[i]->unary->softmax(y.data, x.data, rows, cols);
            assert_true(largest_difference(y.data, expected.data, x.count) < 1e-6);
            ref->unary->log_softmax(expected.data, x.data, rows, cols);
            fast[i]->unary->log_softmax(y.data, x.data, rows, cols);
            assert_true(largest_difference(y.data, expected.data, x.count) < 1e-5); /* values reach 60 */
        }
        guarded_free(&x), guarded_free(&y), guarded_free(&expected);
    }
}

static void binary_equals_plain_loops_in_every_broadcast(void **state)
{
    (void)state;
    const struct li_kernels *fast[3], *ref = li_kernels_get(LI_ISA_REF);
    int n = fast_kernels(fast);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        struct li_binary_rows s = {.rows = random_int(&r, 0, 5),
                                   .cols = random_int(&r, 0, 70),
                                   .a_scalar = random_chance(&r, 3),
                                   .b_scalar = random_chance(&r, 3)};
        int64_t a_cols = s.a_scalar ? 1 : s.cols, b_cols = s.b_scalar ? 1 : s.cols;
        s.a_row = random_chance(&r, 3) ? 0 : a_cols;
        s.b_row = random_chance(&r, 3) ? 0 : b_cols;
        s.y_row = s.cols + random_int(&r, 0, 2);
        struct guarded a = guarded_new((size_t)(s.a_row ? s.rows * a_cols : a_cols), true);
        struct guarded b = guarded_new((size_t)(s.b_row ? s.rows * b_cols : b_cols), true);
        struct guarded y = guarded_new((size_t)(s.rows * s.y_row), true), expected = guarded_new(y.count, true);
        guarded_random(&a, &r);
        guarded_random(&b, &r);
        if (a.count > 2 && b.count > 2) {
            a.data[1] = NAN;
            b.data[2] = NAN;
        }
        for (int op = 0; op < LI_BINARY_COUNT; op++) {
            guarded_fill(&expected, UNTOUCHED);
            ref->binary->rows((enum li_binary)op, &s, expected.data, a.data, b.data);
            for (int i = 0; i < n; i++) {
                guarded_fill(&y, UNTOUCHED);
                fast[i]->binary->rows((enum li_binary)op, &s, y.data, a.data, b.data);
                assert_true(largest_difference(y.data, expected.data, y.count) == 0);
            }
        }
        guarded_free(&a), guarded_free(&b), guarded_free(&y), guarded_free(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_functions_match_libm),
        cmocka_unit_test(unary_results_do_not_depend_on_place_or_length),
        cmocka_unit_test(activations_match_plain_loops_and_keep_nan),
        cmocka_unit_test(clamp_bounds_and_keeps_nan),
        cmocka_unit_test(softmax_matches_plain_loops),
        cmocka_unit_test(binary_equals_plain_loops_in_every_broadcast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
