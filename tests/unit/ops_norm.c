/* The gradient of batch normalisation in pieces of the rows against TensorFlow's op, which goes channel by channel. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_of_rows_add_up_to_tensorflows_gradient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
