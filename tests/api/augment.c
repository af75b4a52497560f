/* Augmented batches: the same bits in any company and on any number of threads; what is refused. */
#include "support.h"

#include <math.h>

enum { N = 13, H = 19, W = 23, OH = 16, OW = 31, IN = H * W * 3, OUT = OH * OW * 3 };

static float images[N * IN];

static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < N * IN; i++) {
        images[i] = (float)((unsigned)i * 2654435761u >> 8) / (1 << 24);
    }
    images[5] = 1e-40f; /* subnormal: threads must agree on it too */
    return 0;
}

static lince_tensor batch(float *data, int64_t n, int64_t h, int64_t w)
{
    return (lince_tensor){.dtype = LINCE_FLOAT32,
                          .rank = 4,
                          .dims = {n, h, w, 3},
                          .data = data,
                          .size_bytes = (size_t)(n * h * w * 3) * sizeof *data};
}

static lince_augment_options everything(void)
{
    lince_augment_options o;
    lince_augment_options_init(&o);
    o.rotation = 30;
    o.width_shift = o.height_shift = 0.2;
    o.shear = 5;
    o.zoom = 0.2;
    o.horizontal_flip = 1;
    o.brightness = o.contrast = 0.4;
    o.crop_area = 0.5;
    o.crop_ratio = 4.0 / 3;
    return o;
}

static void threads_and_company_change_no_bit(void **state)
{
    static float whole[N * OUT], other[N * OUT], one[OUT];
    const int64_t photos[N] = {5, 3, 900, 1, 0, 77, 12, 4, 6, 2, 1 << 20, 8, 9};
    lince_augment_options o = everything();
    lince_tensor in = batch(images, N, H, W), out = batch(whole, N, OH, OW);
    (void)state;
    assert_ok(lince_image_augment(&in, photos, 42, 7, &o, NULL, &out, err));
    for (int threads = 1; threads <= 4; threads++) {
        lince_pool *pool;
        assert_ok(lince_pool_new(&pool, threads, err));
        memset(other, 0, sizeof other);
        out = batch(other, N, OH, OW);
        assert_ok(lince_image_augment(&in, photos, 42, 7, &o, pool, &out, err));
        assert_memory_equal(whole, other, sizeof whole);
        lince_pool_free(pool);
    }
    for (int64_t i = 0; i < N; i++) {
        lince_tensor from = batch(images + i * IN, 1, H, W), to = batch(one, 1, OH, OW);
        assert_ok(lince_image_augment(&from, &photos[i], 42, 7, &o, NULL, &to, err));
        assert_memory_equal(one, whole + i * OUT, sizeof one);
    }
    out = batch(other, N, OH, OW);
    assert_ok(lince_image_augment(&in, photos, 42, 8, &o, NULL, &out, err));
    assert_memory_not_equal(whole, other, sizeof whole);
    assert_ok(lince_image_augment(&in, photos, 43, 7, &o, NULL, &out, err));
    assert_memory_not_equal(whole, other, sizeof whole);
}

static void values_stay_within_0_and_1(void **state)
{
    static float whole[N * OUT];
    lince_augment_options o = everything();
    lince_tensor in = batch(images, N, H, W), out = batch(whole, N, OH, OW);
    (void)state;
    o.brightness = o.contrast = 1;
    for (int64_t epoch = 0; epoch < 20; epoch++) {
        assert_ok(lince_image_augment(&in, NULL, 1, epoch, &o, NULL, &out, err));
        for (int i = 0; i < N * OUT; i++) {
            assert_true(whole[i] >= 0 && whole[i] <= 1);
        }
    }
}

static void defaults_and_empty_batches_are_fine(void **state)
{
    static float same[N * IN];
    lince_tensor in = batch(images, N, H, W), out = batch(same, N, H, W);
    (void)state;
    assert_ok(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &out, err));
    assert_memory_equal(images, same, sizeof same);
    in = batch(images, 0, H, W), out = batch(same, 0, 1, 1);
    assert_ok(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &out, err));
}

/* Every odd shape there is, also much larger and much smaller ones than the picture. */
static void odd_sizes_stay_inside_their_memory(void **state)
{
    static const int64_t sides[] = {1, 2, 3, 7, 31};
    lince_augment_options o = everything();
    (void)state;
    o.rotation = 180, o.zoom = 0.9, o.shear = 80, o.width_shift = o.height_shift = 1;
    for (int i = 0; i < 5 * 5 * 5 * 5; i++) {
        int64_t h = sides[i % 5], w = sides[i / 5 % 5], oh = sides[i / 25 % 5], ow = sides[i / 125];
        float *from = malloc((size_t)(h * w) * 3 * sizeof *from), *to = malloc((size_t)(oh * ow) * 3 * sizeof *to);
        memcpy(from, images, (size_t)(h * w) * 3 * sizeof *from);
        lince_tensor in = batch(from, 1, h, w), out = batch(to, 1, oh, ow);
        assert_ok(lince_image_augment(&in, NULL, (uint64_t)i, 0, &o, NULL, &out, err));
        for (int64_t k = 0; k < oh * ow * 3; k++) {
            assert_true(to[k] >= 0 && to[k] <= 1);
        }
        free(from);
        free(to);
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    static float room[N * OUT];
    const int64_t photos[] = {1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    lince_augment_options o = everything();
    lince_tensor in = batch(images, N, H, W), out = batch(room, N, OH, OW), bad = out;
    (void)state;
    o.rotation = 181;
    assert_refused(lince_image_augment(&in, NULL, 1, 1, &o, NULL, &out, err), LINCE_EINVAL, "rotation is 181");
    o = everything();
    o.zoom = (double)NAN;
    assert_refused(lince_image_augment(&in, NULL, 1, 1, &o, NULL, &out, err), LINCE_EINVAL, "zoom is");
    o = everything();
    o.crop_area = 0;
    assert_refused(lince_image_augment(&in, NULL, 1, 1, &o, NULL, &out, err), LINCE_EINVAL, "crop_area");
    o.struct_size = 0;
    assert_refused(lince_image_augment(&in, NULL, 1, 1, &o, NULL, &out, err), LINCE_EINVAL, "struct_size");
    assert_refused(lince_image_augment(&in, NULL, 1, -1, NULL, NULL, &out, err), LINCE_EINVAL, "epoch is -1");
    assert_refused(lince_image_augment(&in, photos, 1, 1, NULL, NULL, &out, err), LINCE_EINVAL, "photos[1] is -1");
    bad = batch(room, N - 1, OH, OW);
    assert_refused(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &bad, err), LINCE_EINVAL, "room for 12");
    bad = batch(images, N, H, W);
    assert_refused(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &bad, err), LINCE_EINVAL, "share memory");
    bad = out, bad.dims[3] = 1, bad.size_bytes /= 3;
    assert_refused(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &bad, err), LINCE_EINVAL, "[13,16,31,1]");
    bad = batch(room, N, 0, OW);
    assert_refused(lince_image_augment(&in, NULL, 1, 1, NULL, NULL, &bad, err), LINCE_EINVAL, "sides of 1");
    for (int i = 0; i < N * OUT; i++) {
        assert_true(room[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_company_change_no_bit),   cmocka_unit_test(values_stay_within_0_and_1),
        cmocka_unit_test(defaults_and_empty_batches_are_fine), cmocka_unit_test(odd_sizes_stay_inside_their_memory),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
