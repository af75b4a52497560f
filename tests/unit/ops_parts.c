/* Gradients whose sums are made in pieces of the rows, against TensorFlow's ops, which make them in one go. */
#include "ops_lab.h"

struct bench {
    struct li_tensor dy, x, scale, mean, variance, reserved;
};

static struct bench bench_new(const int64_t x[4])
{
    struct bench b = {.dy = lab_tensor(4, x, 1),
                      .x = lab_tensor(4, x, 2),
                      .scale = lab_tensor(1, x + 3, 3),
                      .mean = lab_tensor(1, x + 3, 4),
                      .variance = lab_tensor(1, x + 3, 5),
                      .reserved = lab_tensor(1, (const int64_t[]){0}, 6)};
    for (int64_t i = 0; i < x[3]; i++) {
        float *v = (float *)b.variance.data + i;
        *v = 0.5f + *v * *v;
    }
    return b;
}

static void bench_free(struct bench *b)
{
    free(b->dy.data), free(b->x.data), free(b->scale.data);
    free(b->mean.data), free(b->variance.data), free(b->reserved.data);
}

static void run(struct lab *lab, enum li_isa isa, const char *op, const struct li_tensor *const *in, int nin,
                const struct li_attr *attrs, int nattrs)
{
    lab_open(lab, isa);
    if (lab_run(lab, op, in, nin, attrs, nattrs)) {
        fail_msg("%s", lab->err.text);
    }
}

static void check(enum li_isa isa, const int64_t x[4], bool training, int64_t pieces)
{
    struct bench b = bench_new(x);
    struct lab want, parts, got;
    const struct li_attr attrs[] = {LI_BOOL("is_training", training), LI_FLOAT("epsilon", 0.01)};
    run(&want, LI_ISA_REF, "FusedBatchNormGradV3",
        (const struct li_tensor *const[]){&b.dy, &b.x, &b.scale, &b.mean, &b.variance, &b.reserved}, 6, attrs, 2);
    run(&parts, isa, "_LiBatchNormGradParts", (const struct li_tensor *const[]){&b.dy, &b.x, &b.mean}, 3, NULL, 0);
    assert_int_equal(parts.out[0].shape.dim[0], pieces);
    run(&got, isa, "_LiBatchNormGrad",
        (const struct li_tensor *const[]){&b.dy, &b.x, &b.scale, &b.mean, &b.variance, &parts.out[0]}, 6, attrs, 2);
    for (int i = 0; i < 3; i++) {
        double difference = lab_difference(&got.out[i], want.out[i].data);
        if (difference >= 1e-5) {
            fail_msg("%s: output %d differs by %g", li_isa_name(isa), i, difference);
        }
    }
    lab_close(&want), lab_close(&parts), lab_close(&got);
    bench_free(&b);
}

static void pieces_of_rows_add_up_to_tensorflows_gradient(void **state)
{
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (int training = 0; training < 2; training++) {
            check(isa, (const int64_t[]){1, 3, 5, 7}, training, 1);
            check(isa, (const int64_t[]){2, 60, 61, 23}, training, 2);
            check(isa, (const int64_t[]){1, 13, 14, 1100}, training, 3); /* more channels than one group of sums */
            check(isa, (const int64_t[]){3, 1, 1, 70000}, training, 3);  /* no more pieces than rows */
        }
    }
}

static void check_filter(enum li_isa isa, const int64_t x[4], const int64_t filter[4], const int64_t strides[4],
                         int64_t pieces)
{
    const int64_t y[] = {x[0], (x[1] + strides[1] - 1) / strides[1], (x[2] + strides[2] - 1) / strides[2],
                         filter[2] * filter[3]};
    const int32_t dims[] = {(int32_t)filter[0], (int32_t)filter[1], (int32_t)filter[2], (int32_t)filter[3]};
    struct li_tensor in = lab_tensor(4, x, 1), dy = lab_tensor(4, y, 2), sizes = lab_int32(dims, 4);
    const struct li_tensor *const all[] = {&in, &sizes, &dy};
    const struct li_attr attrs[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", strides, 4),
                                    LI_STR("padding", "SAME")};
    struct lab want, parts;
    run(&want, LI_ISA_REF, "DepthwiseConv2dNativeBackpropFilter", all, 3, attrs, 3);
    run(&parts, isa, "_LiDepthwiseFilterParts", all, 3, attrs, 3);
    assert_int_equal(parts.out[0].shape.dim[0], pieces);
    int64_t count = li_shape_count(&want.out[0].shape);
    float *sum = parts.out[0].data, *expected = want.out[0].data;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t p = 1; p < pieces; p++) {
            sum[i] += sum[p * count + i];
        }
        assert_true(fabsf(sum[i] - expected[i]) <= 1e-4f * (1 + fabsf(expected[i])));
    }
    lab_close(&want), lab_close(&parts);
    free(in.data), free(dy.data), free(sizes.data);
}

static void pieces_of_rows_add_up_to_the_gradient_of_a_depthwise_filter(void **state)
{
    static const int64_t one[] = {1, 1, 1, 1}, two[] = {1, 2, 2, 1};
    (void)state;
    LAB_EACH_ISA(isa)
    {
        check_filter(isa, (const int64_t[]){2, 40, 51, 40}, (const int64_t[]){3, 3, 40, 1}, one, 2);
        check_filter(isa, (const int64_t[]){3, 101, 80, 19}, (const int64_t[]){5, 5, 19, 1}, two, 1);
        check_filter(isa, (const int64_t[]){1, 61, 33, 35}, (const int64_t[]){7, 2, 35, 2}, one, 2);
        check_filter(isa, (const int64_t[]){1, 2, 100, 700}, (const int64_t[]){3, 5, 700, 1}, one, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_rows_add_up_to_tensorflows_gradient),
        cmocka_unit_test(pieces_of_rows_add_up_to_the_gradient_of_a_depthwise_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
