/* Instruction sets: each gives the plain loops' answer within tolerance; AVX2 and AVX-512 give the same bits. */
#include "support.h"

#include <math.h>

static const char *const models[] = {"classifier", "mobile", "convnext", "bit", "swin", "vit", "mixer", "dilated"};

/* NULL when this machine has no such instruction set. */
static float *result_on(const char *isa, const char *name, size_t *count)
{
    setenv("LINCE_ISA", isa, 1);
    lince_model *model = open_model(name, 1);
    unsetenv("LINCE_ISA");
    lince_model_info info = {.struct_size = sizeof info};
    float *result = NULL;
    assert_ok(lince_model_get_info(model, &info, err));
    if (strcmp(info.isa, isa) == 0) {
        lince_session *session = open_session(model, "__call__", NULL, 0);
        int32_t h = 0, w = 0;
        assert_ok(lince_callable_image_size(lince_model_call(model), &h, &w, NULL, err));
        lince_tensor images = random_images(3, h ? h : 23, w ? w : 23, 9);
        result = run_floats(session, &images, count);
        free(images.data);
        lince_session_free(session);
    }
    lince_model_close(model);
    return result;
}

static void every_instruction_set_agrees_with_the_plain_loops(void **state)
{
    (void)state;
    static const char *const sets[] = {"avx2", "avx512", "neon"};
    int compared = 0;
    for (size_t i = 0; i < sizeof models / sizeof *models * 3; i++) {
        size_t n, m;
        float *got = result_on(sets[i % 3], models[i / 3], &n);
        if (got) {
            float *want = result_on("ref", models[i / 3], &m), largest = 0, worst = 0;
            assert_int_equal(n, m);
            for (size_t k = 0; k < n; k++) {
                largest = fmaxf(largest, fabsf(want[k]));
                worst = fmaxf(worst, fabsf(got[k] - want[k]));
            }
            if (!(worst <= 5e-5f * largest)) {
                fail_msg("%s, %s: %g of %g", models[i / 3], sets[i % 3], (double)worst, (double)largest);
            }
            compared++;
            free(want);
        }
        free(got);
    }
    if (!compared) {
        skip();
    }
}

static void avx2_and_avx512_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        size_t n = 0, m = 0;
        float *narrow = result_on("avx2", models[i], &n), *wide = result_on("avx512", models[i], &m);
        bool both = narrow && wide;
        if (both && memcmp(narrow, wide, n * sizeof(float)) != 0) {
            fail_msg("%s: avx2 and avx512 differ", models[i]);
        }
        free(narrow);
        free(wide);
        if (!both) {
            skip();
        }
    }
}

/* What a model runs on when LINCE_ISA says `asked`; NULL: when it says nothing. Static memory. */
static const char *isa_for(const char *asked)
{
    lince_model_info info = {.struct_size = sizeof info};
    if (asked) {
        setenv("LINCE_ISA", asked, 1);
    }
    lince_model *model = open_model("mobile", 1);
    unsetenv("LINCE_ISA");
    assert_ok(lince_model_get_info(model, &info, err));
    const char *isa = info.isa;
    lince_model_close(model);
    return isa;
}

static void an_instruction_set_the_machine_has_not_is_not_used(void **state)
{
    (void)state;
    unsetenv("LINCE_ISA");
    const char *best = isa_for(NULL);
    bool arm = strcmp(best, "neon") == 0, wide = strcmp(best, "avx512") == 0;
    assert_string_equal(isa_for("ref"), "ref");
    assert_string_equal(isa_for("abacus"), best);
    assert_string_equal(isa_for(""), best);
    assert_string_equal(isa_for(arm ? "avx2" : "neon"), best);
    assert_string_equal(isa_for(wide ? "neon" : "avx512"), best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_agrees_with_the_plain_loops),
        cmocka_unit_test(avx2_and_avx512_give_the_same_bits),
        cmocka_unit_test(an_instruction_set_the_machine_has_not_is_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
