/* Matrix products, Einsum, softmax, bias and LRN against plain loops; fused products against their parts. */
#include "ops_lab.h"

/* C[m, n] of matrices with the strides a and b say, in double. */
static double dot(const struct li_tensor *a, int64_t a0, int64_t a_step, const struct li_tensor *b, int64_t b0,
                  int64_t b_step, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++) {
        sum += li_tensor_float(a, a0 + i * a_step) * li_tensor_float(b, b0 + i * b_step);
    }
    return sum;
}

/* C = A B as floats; freed by the caller. */
static float *multiply(const struct li_tensor *a, const struct li_tensor *b, int64_t m, int64_t n, int64_t k, bool ta,
                       bool tb)
{
    float *c = malloc((size_t)(m * n) * sizeof *c + 1);
    assert_non_null(c);
    for (int64_t i = 0; i < m * n; i++) {
        int64_t r = i / n, o = i % n;
        c[i] = (float)dot(a, ta ? r : r * k, ta ? m : 1, b, tb ? o * k : o, tb ? 1 : n, k);
    }
    return c;
}

/* The same numbers in another dtype, small whole ones so that every dtype holds them. */
static struct li_tensor whole(const struct li_tensor *x, lince_dtype dtype)
{
    int64_t count = li_shape_count(&x->shape);
    struct li_tensor t = {dtype, x->shape, calloc((size_t)count + 1, li_dtype_size(dtype)),
                          (size_t)count * li_dtype_size(dtype)};
    assert_non_null(t.data);
    for (int64_t i = 0; i < count; i++) {
        int v = (int)(8 * ((float *)x->data)[i]);
        ((float *)x->data)[i] = (float)v;
        switch ((int)dtype) {
        case LINCE_INT32:
            ((int32_t *)t.data)[i] = v;
            break;
        case LINCE_FLOAT64:
            ((double *)t.data)[i] = v;
            break;
        case LINCE_FLOAT16:
            ((uint16_t *)t.data)[i] = li_float_to_half((float)v);
            break;
        default:
            ((uint16_t *)t.data)[i] = li_float_to_bfloat16((float)v);
            break;
        }
    }
    return t;
}

static void matmul_multiplies_in_every_arrangement(void **state)
{
    static const int64_t sizes[][3] = {{3, 4, 5}, {1, 11, 37}, {7, 1, 3}, {65, 130, 33},
                                       {0, 4, 5}, {3, 0, 5},   {3, 4, 0}, {300, 200, 70}};
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t s = 0; s < LI_COUNT(sizes); s++) {
            for (int mode = 0; mode < 4; mode++) {
                int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
                bool ta = mode & 1, tb = mode & 2;
                struct li_tensor a = ta ? LAB_TENSOR(1, k, m) : LAB_TENSOR(1, m, k),
                                 b = tb ? LAB_TENSOR(2, n, k) : LAB_TENSOR(2, k, n);
                float *want = multiply(&a, &b, m, n, k, ta, tb);
                const struct li_attr attrs[] = {LI_BOOL("transpose_a", ta), LI_BOOL("transpose_b", tb)};
                struct lab lab;
                lab_open(&lab, isa);
                assert_int_equal(lab_run(&lab, "MatMul", (const struct li_tensor *const[]){&a, &b}, 2, attrs, 2),
                                 LINCE_OK);
                assert_true(lab_difference(&lab.out[0], want) < 1e-5);
                lab_close(&lab);
                free(want), free(a.data), free(b.data);
            }
        }
    }
}

static void matmul_knows_other_types(void **state)
{
    static const lince_dtype dtypes[] = {LINCE_INT32, LINCE_FLOAT64, LINCE_FLOAT16, LINCE_BFLOAT16};
    (void)state;
    for (size_t t = 0; t < LI_COUNT(dtypes); t++) {
        struct li_tensor fa = LAB_TENSOR(3, 4, 3), fb = LAB_TENSOR(4, 3, 300), a = whole(&fa, dtypes[t]),
                         b = whole(&fb, dtypes[t]);
        float *want = multiply(&fa, &fb, 4, 300, 3, false, false);
        struct lab lab;
        lab_open(&lab, li_cpu_isa());
        assert_int_equal(lab_run(&lab, "MatMul", (const struct li_tensor *const[]){&a, &b}, 2, NULL, 0), LINCE_OK);
        assert_int_equal(lab.out[0].dtype, dtypes[t]);
        for (int64_t i = 0; i < 1200; i++) {
            double got =
                dtypes[t] == LINCE_INT32 ? (double)li_tensor_int(&lab.out[0], i) : li_tensor_float(&lab.out[0], i);
            assert_true(got == (double)want[i]); /* below 256: exact in all of them */
        }
        lab_close(&lab);
        free(want), free(fa.data), free(fb.data), free(a.data), free(b.data);
    }
}

static void matmul_says_what_does_not_fit(void **state)
{
    (void)state;
    struct li_tensor a = LAB_TENSOR(1, 3, 5), b = LAB_TENSOR(2, 4, 6);
    struct lab lab;
    lab_open(&lab, LI_ISA_REF);
    assert_int_equal(lab_run(&lab, "MatMul", (const struct li_tensor *const[]){&a, &b}, 2, NULL, 0), LINCE_EINVAL);
    assert_string_equal(lab.err.text, "node \"x\" (MatMul): the first matrix has 5 columns, the second needs 4");
    lab_close(&lab);
    free(a.data), free(b.data);
}

static void check_fused(enum li_isa isa, int64_t m, int64_t n, int64_t k, int mode, enum li_activation activation)
{
    bool bias = mode & 1, residual = mode & 2, ta = mode & 4, tb = mode & 8, views = mode & 16;
    struct li_tensor a = ta ? LAB_TENSOR(5, k, m) : LAB_TENSOR(5, m, k),
                     b = tb ? LAB_TENSOR(6, n, k) : LAB_TENSOR(6, k, n);
    struct li_tensor v = LAB_TENSOR(7, n), r = LAB_TENSOR(8, m, n);
    float *want = multiply(&a, &b, m, n, k, ta, tb);
    for (int64_t i = 0; i < m * n; i++) {
        want[i] += (bias ? ((float *)v.data)[i % n] : 0) + (residual ? ((float *)r.data)[i] : 0);
    }
    li_kernels_get(LI_ISA_REF)->unary->activate(activation, 0.3f, want, want, m * n);
    struct lab packed, lab;
    const struct li_tensor *weights = &b;
    lab_open(&packed, isa);
    assert_int_equal(
        lab_run(&packed, "_LiMatMulPack", &weights, 1, (const struct li_attr[]){LI_BOOL("transpose", tb)}, 1),
        LINCE_OK);
    lab_open(&lab, isa);
    if (views) {
        lab.in_view[0] = (struct lab_view){.before = 3, .after = 1};
        lab.in_view[2 + bias] = (struct lab_view){.after = 2};
        lab.out_view[0] = (struct lab_view){.before = 2, .after = 2};
    }
    const struct li_tensor *const in[] = {&a, &packed.out[0], bias ? &v : &r, &r};
    const struct li_attr attrs[] = {LI_INT("k", k),
                                    LI_INT("n", n),
                                    LI_BOOL("transpose_a", ta),
                                    LI_BOOL("bias", bias),
                                    LI_BOOL("residual", residual),
                                    LI_INT("activation", activation),
                                    LI_FLOAT("alpha", 0.3f)};
    if (lab_run(&lab, "_LiMatMul", in, 2 + bias + residual, attrs, 7)) {
        fail_msg("%s", lab.err.text);
    }
    assert_true(lab_difference(&lab.out[0], want) < 1e-5);
    lab_close(&lab), lab_close(&packed);
    free(want), free(a.data), free(b.data), free(v.data), free(r.data);
}

static void fused_matmul_equals_its_parts(void **state)
{
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (int mode = 0; mode < 32; mode++) {
            check_fused(isa, 5, 7, 9, mode & 2 && !(mode & 1) ? mode & ~16 : mode, LI_ACT_RELU);
            check_fused(isa, 33, 70, 17, mode & ~16, LI_ACT_NONE);
        }
        for (int activation = 0; activation < LI_ACT_COUNT; activation++) {
            check_fused(isa, 3, 18, 5, 3, (enum li_activation)activation);
        }
        check_fused(isa, 0, 18, 5, 1, LI_ACT_RELU);
    }
}

/* ---- Einsum and BatchMatMul: every element by its definition ---- */

/* Sum over all indices of the product of the operands' elements; terms are letters only. */
static void einsum_by_definition(const char *const terms[3], const struct li_tensor *const in[2],
                                 const struct li_shape *shape, double *out)
{
    int64_t dim[128], total = 1;
    for (int c = 0; c < 128; c++) {
        dim[c] = 1;
    }
    for (int k = 0; k < 2 && terms[k]; k++) {
        for (int i = 0; terms[k][i]; i++) {
            dim[(int)terms[k][i]] = in[k]->shape.dim[i];
        }
    }
    for (int c = 0; c < 128; c++) {
        total *= dim[c];
    }
    memset(out, 0, (size_t)li_shape_count(shape) * sizeof *out);
    for (int64_t at = 0; at < total; at++) {
        int64_t index[128], rest = at, offset[3] = {0};
        for (int c = 0; c < 128; c++) {
            index[c] = rest % dim[c];
            rest /= dim[c];
        }
        for (int k = 0; k < 3; k++) {
            for (int i = 0; terms[k] && terms[k][i]; i++) {
                offset[k] = offset[k] * (k < 2 ? in[k]->shape.dim[i] : shape->dim[i]) + index[(int)terms[k][i]];
            }
        }
        out[offset[2]] += li_tensor_float(in[0], offset[0]) * (terms[1] ? li_tensor_float(in[1], offset[1]) : 1);
    }
}

static void einsum_keeps_its_definition(void **state)
{
    /* Sizes follow from the letter: a 2, b 3, c 4, ... */
    static const char *const list[][3] = {
        {"abc", "cde", "abde"}, {"aecd", "abcd", "acbe"}, {"acbe", "aecd", "abcd"}, {"ab", "bc", "ca"},
        {"abc", NULL, "cab"},   {"ab", NULL, "b"},        {"ab", NULL, ""},         {"a", "b", "ab"},
        {"aa", NULL, "a"},      {"aa", NULL, ""},         {"a", NULL, "aa"},        {"aab", "bc", "ac"},
        {"ab", "ab", "ab"},     {"abc", "abc", ""},       {"abcd", "dcef", "aebf"}, {"abc", "de", "ad"},
        {"ab", "b", "a"},       {"a", "", "a"},           {"cb", "cab", "bac"},     {"abcdef", "fdb", "eca"},
        {"bad", "dcb", "bdac"}, {"ba", "ca", "cb"},
    };
    (void)state;
    for (size_t k = 0; k < LI_COUNT(list); k++) {
        struct li_tensor in[2];
        const struct li_tensor *const inputs[2] = {&in[0], &in[1]};
        char text[40];
        int nin = list[k][1] ? 2 : 1;
        for (int i = 0; i < nin; i++) {
            int64_t dims[LI_MAX_RANK];
            for (int d = 0; list[k][i][d]; d++) {
                dims[d] = list[k][i][d] - 'a' + 2;
            }
            in[i] = lab_tensor((int)strlen(list[k][i]), dims, 40 + (uint64_t)i);
        }
        snprintf(text, sizeof text, "%s%s%s->%s", list[k][0], nin == 2 ? ", " : "", nin == 2 ? list[k][1] : "",
                 list[k][2]);
        LAB_EACH_ISA(isa)
        {
            struct lab lab;
            lab_open(&lab, isa);
            struct li_attr attr = {.name = "equation", .kind = LI_ATTR_STRING, .s = text, .s_len = strlen(text)};
            if (lab_run(&lab, "Einsum", inputs, nin, &attr, 1)) {
                fail_msg("%s", lab.err.text);
            }
            int64_t count = li_shape_count(&lab.out[0].shape);
            double *want = malloc((size_t)count * sizeof *want);
            assert_non_null(want);
            einsum_by_definition(list[k], inputs, &lab.out[0].shape, want);
            for (int64_t i = 0; i < count; i++) {
                if (fabs(li_tensor_float(&lab.out[0], i) - want[i]) > 1e-4) {
                    fail_msg("%s: element %lld is %g, not %g", text, (long long)i, li_tensor_float(&lab.out[0], i),
                             want[i]);
                }
            }
            free(want);
            lab_close(&lab);
        }
        for (int i = 0; i < nin; i++) {
            free(in[i].data);
        }
    }
}

static void einsum_refuses_what_makes_no_sense(void **state)
{
    static const char *const list[] = {"ab,bc",       "ab->ac", "abc,bc->a", "ab,cb->ac", "a.b,bc->c", "ab,bc,cd->ad",
                                       "ab,bc->aa",   "",       "->",        ",->",       "a1,bc->a",  "......,ab->ab",
                                       "ab,bc->a c d"};
    (void)state;
    struct li_tensor a = LAB_TENSOR(1, 3, 5), b = LAB_TENSOR(2, 5, 6);
    for (size_t k = 0; k < LI_COUNT(list); k++) {
        struct lab lab;
        lab_open(&lab, LI_ISA_REF);
        struct li_attr attr = {.name = "equation", .kind = LI_ATTR_STRING, .s = list[k], .s_len = strlen(list[k])};
        if (lab_run(&lab, "Einsum", (const struct li_tensor *const[]){&a, &b}, 2, &attr, 1) == LINCE_OK) {
            fail_msg("\"%s\" was accepted", list[k]);
        }
        assert_memory_equal(lab.err.text, "node \"x\" (Einsum): equation \"", 29);
        lab_close(&lab);
    }
    free(a.data), free(b.data);
}

static void batch_matmul_broadcasts(void **state)
{
    static const struct {
        int rank[2];
        int64_t x[4], y[4];
        const char *equation;
    } list[] = {
        {{4, 3}, {2, 1, 3, 4}, {3, 4, 2}, "...ij,...jk->...ik"},
        {{3, 2}, {5, 3, 4}, {4, 2}, "...ij,jk->...ik"},
        {{2, 4}, {3, 4}, {2, 3, 4, 5}, "ij,...jk->...ik"},
        {{4, 4}, {4, 6, 9, 7}, {4, 6, 7, 9}, "...ij,...jk->...ik"},
        {{3, 3}, {0, 3, 4}, {0, 4, 2}, "...ij,...jk->...ik"},
        {{3, 2}, {9, 30, 40}, {40, 130}, "...ij,jk->...ik"},
    };
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t k = 0; k < LI_COUNT(list); k++) {
            struct li_tensor x = lab_tensor(list[k].rank[0], list[k].x, 50),
                             y = lab_tensor(list[k].rank[1], list[k].y, 51);
            const struct li_tensor *const in[] = {&x, &y};
            struct lab product, sum;
            lab_open(&product, isa), lab_open(&sum, LI_ISA_REF);
            struct li_attr attr = {
                .name = "equation", .kind = LI_ATTR_STRING, .s = list[k].equation, .s_len = strlen(list[k].equation)};
            assert_int_equal(lab_run(&product, "BatchMatMulV2", in, 2, NULL, 0), LINCE_OK);
            assert_int_equal(lab_run(&sum, "Einsum", in, 2, &attr, 1), LINCE_OK);
            assert_true(li_shape_equal(&product.out[0].shape, &sum.out[0].shape));
            assert_true(lab_difference(&product.out[0], sum.out[0].data) < 1e-5);
            lab_close(&product), lab_close(&sum);
            free(x.data), free(y.data);
        }
    }
}

/* ---- The rest ---- */

static void softmax_knows_half_floats(void **state)
{
    (void)state;
    struct li_tensor f = LAB_TENSOR(60, 3, 300), x = whole(&f, LINCE_FLOAT16);
    static const char *const ops[] = {"Softmax", "LogSoftmax"};
    for (int k = 0; k < 2; k++) {
        const struct li_tensor *a = &f, *b = &x;
        struct lab single, half;
        lab_open(&single, LI_ISA_REF), lab_open(&half, LI_ISA_REF);
        assert_int_equal(lab_run(&single, ops[k], &a, 1, NULL, 0), LINCE_OK);
        assert_int_equal(lab_run(&half, ops[k], &b, 1, NULL, 0), LINCE_OK);
        assert_true(lab_difference(&half.out[0], single.out[0].data) < 1e-3);
        lab_close(&single), lab_close(&half);
    }
    free(f.data), free(x.data);
}

static void bias_goes_to_the_channels(void **state)
{
    static const char *const formats[] = {"NHWC", "NCHW"};
    (void)state;
    struct li_tensor x = LAB_TENSOR(70, 2, 3, 4, 3), b = LAB_TENSOR(71, 3);
    for (int k = 0; k < 2; k++) {
        struct li_attr attr = {.name = "data_format", .kind = LI_ATTR_STRING, .s = formats[k], .s_len = 4};
        LAB_EACH_ISA(isa)
        {
            struct lab lab, sum;
            lab_open(&lab, isa), lab_open(&sum, isa);
            lab.in_view[0] = (struct lab_view){.before = 1, .after = 2};
            lab.out_view[0] = (struct lab_view){.after = 1};
            const struct li_tensor *const in[] = {&x, &b}, *y = &x;
            double want[3] = {0};
            assert_int_equal(lab_run(&lab, "BiasAdd", in, 2, &attr, 1), LINCE_OK);
            assert_int_equal(lab_run(&sum, "BiasAddGrad", &y, 1, &attr, 1), LINCE_OK);
            for (int64_t i = 0; i < 72; i++) {
                int64_t c = k == 0 ? i % 3 : i / 12 % 3;
                assert_true(((float *)lab.out[0].data)[i] == ((float *)x.data)[i] + ((float *)b.data)[c]);
                want[c] += li_tensor_float(&x, i);
            }
            for (int c = 0; c < 3; c++) {
                assert_true(fabs(li_tensor_float(&sum.out[0], c) - want[c]) < 1e-5);
            }
            lab_close(&lab), lab_close(&sum);
        }
    }
    free(x.data), free(b.data);
}

static void lrn_divides_by_its_neighbours(void **state)
{
    static const double betas[] = {0.5, 0.75, 1, 0.6};
    (void)state;
    struct li_tensor x = LAB_TENSOR(80, 1, 2, 3, 9);
    for (size_t k = 0; k < LI_COUNT(betas); k++) {
        const struct li_attr attrs[] = {LI_INT("depth_radius", 2), LI_FLOAT("bias", 1.5), LI_FLOAT("alpha", 0.25),
                                        LI_FLOAT("beta", betas[k])};
        float want[54];
        for (int i = 0; i < 54; i++) {
            double sum = 0;
            for (int c = LI_MAX(0, i % 9 - 2); c <= LI_MIN(8, i % 9 + 2); c++) {
                sum += pow(li_tensor_float(&x, i / 9 * 9 + c), 2);
            }
            want[i] = (float)(li_tensor_float(&x, i) / pow(1.5 + 0.25 * sum, betas[k]));
        }
        LAB_EACH_ISA(isa)
        {
            const struct li_tensor *in = &x;
            struct lab lab;
            lab_open(&lab, isa);
            assert_int_equal(lab_run(&lab, "LRN", &in, 1, attrs, 4), LINCE_OK);
            assert_true(lab_difference(&lab.out[0], want) < 1e-6);
            lab_close(&lab);
        }
    }
    free(x.data);
}

static void scale_and_translate_plans_or_runs_its_weights(void **state)
{
    (void)state;
    struct li_tensor x = LAB_TENSOR(90, 2, 7, 5, 3), size = lab_int32((const int32_t[]){11, 4}, 2);
    float scale_values[] = {1.5f, 0.7f}, shift_values[] = {0.5f, -0.25f};
    struct li_tensor scale = {LINCE_FLOAT32, {1, {2}}, scale_values, 8},
                     shift = {LINCE_FLOAT32, {1, {2}}, shift_values, 8};
    const struct li_tensor *const in[] = {&x, &size, &scale, &shift};
    struct lab known, hidden;
    lab_open(&known, LI_ISA_REF), lab_open(&hidden, LI_ISA_REF);
    hidden.hidden[2] = hidden.hidden[3] = true;
    assert_int_equal(lab_run(&known, "ScaleAndTranslate", in, 4, NULL, 0), LINCE_OK);
    assert_int_equal(lab_run(&hidden, "ScaleAndTranslate", in, 4, NULL, 0), LINCE_OK);
    assert_memory_equal(known.out[0].data, hidden.out[0].data, known.out[0].size_bytes);
    lab_close(&known), lab_close(&hidden);
    scale_values[1] = 0;
    lab_open(&known, LI_ISA_REF);
    assert_int_equal(lab_run(&known, "ScaleAndTranslate", in, 4, NULL, 0), LINCE_EDATA);
    assert_string_equal(known.err.text, "node \"x\" (ScaleAndTranslate): scales must be positive, they are 1.5 and 0");
    lab_close(&known);
    free(x.data), free(size.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul_multiplies_in_every_arrangement),
        cmocka_unit_test(matmul_knows_other_types),
        cmocka_unit_test(matmul_says_what_does_not_fit),
        cmocka_unit_test(fused_matmul_equals_its_parts),
        cmocka_unit_test(einsum_keeps_its_definition),
        cmocka_unit_test(einsum_refuses_what_makes_no_sense),
        cmocka_unit_test(batch_matmul_broadcasts),
        cmocka_unit_test(softmax_knows_half_floats),
        cmocka_unit_test(bias_goes_to_the_channels),
        cmocka_unit_test(lrn_divides_by_its_neighbours),
        cmocka_unit_test(scale_and_translate_plans_or_runs_its_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
