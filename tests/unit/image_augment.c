/* Augmentation against scipy, and to the bit against itself. */
#include "test.h"

#include "image/image.h"

#include <math.h>

#define MOST (9 * 8 * 3)

/* By make/augment.py. */
static const struct golden {
    int64_t h, w, oh, ow;
    uint64_t seed;
    int64_t epoch, photo;
    lince_augment_options options;
    float value[MOST];
} golden[] = {
#include "image_augment.inc"
};

/* Sixteenths, so that the picture is exact in any arithmetic. */
static void fill(float *picture, int64_t h, int64_t w)
{
    for (int64_t i = 0; i < h * w * 3; i++) {
        picture[i] = (float)(((i / 3 % w) * 7 + (i / 3 / w) * 13 + (i % 3) * 29) % 17) / 16;
    }
}

static void run(const struct golden *g, float *out)
{
    float in[MOST];
    fill(in, g->h, g->w);
    struct li_augment a = li_augment_draw(&g->options, g->seed, g->epoch, g->photo, g->h, g->w, g->oh, g->ow);
    li_augment_apply(&a, in, g->h, g->w, out, g->oh, g->ow);
}

/* float32 against float64: a place is exact to about 1e-15, a value after three mixes to some 1e-7. */
static void pictures_are_those_of_scipy(void **state)
{
    (void)state;
    for (size_t i = 0; i < LI_COUNT(golden); i++) {
        float out[MOST];
        run(&golden[i], out);
        for (int64_t k = 0; k < golden[i].oh * golden[i].ow * 3; k++) {
            if (!(fabsf(out[k] - golden[i].value[k]) < 1e-6f)) {
                fail_msg("case %zu, value %d: %.8f, wanted %.8f", i, (int)k, (double)out[k],
                         (double)golden[i].value[k]);
            }
        }
    }
}

static void a_picture_that_is_not_changed_keeps_its_bits(void **state)
{
    const lince_augment_options none = {.crop_area = 1, .crop_ratio = 1};
    static float in[31 * 17 * 3], out[31 * 17 * 3];
    (void)state;
    for (int64_t i = 0; i < 31 * 17 * 3; i++) {
        in[i] = sinf((float)i) * 2; /* beyond [0, 1] too */
    }
    for (int64_t photo = 0; photo < 8; photo++) {
        struct li_augment a = li_augment_draw(&none, 11, photo, photo, 31, 17, 31, 17);
        li_augment_apply(&a, in, 31, 17, out, 31, 17);
        assert_memory_equal(in, out, sizeof in);
    }
}

/* The bits of the last case, which has all of it, as they were when it was written. */
static void bits_stay_the_same(void **state)
{
    const struct golden *g = &golden[LI_COUNT(golden) - 1];
    float out[MOST];
    (void)state;
    run(g, out);
    uint64_t hash = li_hash(0, out, (size_t)(g->oh * g->ow * 3) * sizeof *out);
    if (hash != UINT64_C(0x879434cea5929a53)) {
        fail_msg("0x%016llx", (unsigned long long)hash);
    }
}

/* Half of many photos, each by itself. */
static void chance_is_fair(void **state)
{
    const lince_augment_options flip = {.horizontal_flip = 1, .crop_area = 1, .crop_ratio = 1};
    int photos = 0, epochs = 0, seeds = 0;
    (void)state;
    for (int64_t i = 0; i < 4096; i++) {
        photos += li_augment_draw(&flip, 1, 1, i, 1, 2, 1, 2).map[0][0] < 0;
        epochs += li_augment_draw(&flip, 1, i, 1, 1, 2, 1, 2).map[0][0] < 0;
        seeds += li_augment_draw(&flip, (uint64_t)i, 1, 1, 1, 2, 1, 2).map[0][0] < 0;
    }
    assert_in_range(photos, 2048 - 192, 2048 + 192); /* 6 standard deviations */
    assert_in_range(epochs, 2048 - 192, 2048 + 192);
    assert_in_range(seeds, 2048 - 192, 2048 + 192);
}

/* What one option draws does not depend on another. */
static void options_do_not_disturb_each_other(void **state)
{
    const lince_augment_options turn = {.rotation = 30, .crop_area = 1, .crop_ratio = 1};
    const lince_augment_options both = {.rotation = 30, .brightness = 0.5, .crop_area = 1, .crop_ratio = 1};
    (void)state;
    for (int64_t i = 0; i < 16; i++) {
        struct li_augment a = li_augment_draw(&turn, 3, 2, i, 5, 6, 5, 6),
                          b = li_augment_draw(&both, 3, 2, i, 5, 6, 5, 6);
        assert_memory_equal(a.map, b.map, sizeof a.map);
        assert_true(a.brightness == 1 && b.brightness != 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_those_of_scipy),
        cmocka_unit_test(a_picture_that_is_not_changed_keeps_its_bits),
        cmocka_unit_test(bits_stay_the_same),
        cmocka_unit_test(chance_is_fair),
        cmocka_unit_test(options_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
