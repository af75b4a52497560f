/* Casts that are cut into tasks: which elements saturate is counted over the whole tensor (tests/ops/cast.case). */
#include "ops_lab.h"

static struct li_tensor filled(int64_t count, float x)
{
    struct li_tensor t = lab_tensor(1, &count, 1);
    for (int64_t i = 0; i < count; i++) {
        ((float *)t.data)[i] = x;
    }
    return t;
}

static void only_what_is_left_over_at_the_end_of_all_loses_its_high_bits(void **state)
{
    (void)state;
    const int64_t count = 5 * 65536 + 32 * 7 + 13; /* tasks that begin and end inside packets */
    const struct li_tensor x = filled(count, 300);
    const struct li_attr attrs[] = {LI_TYPE("SrcT", LINCE_FLOAT32), LI_TYPE("DstT", LINCE_UINT8)};
    struct lab lab;
    lab_open(&lab, LI_ISA_REF);
    assert_int_equal(lab_run(&lab, "Cast", (const struct li_tensor *const[]){&x}, 1, attrs, 2), LINCE_OK);
    assert_true(lab.tasks > 2 && count / lab.tasks % 32 != 0);
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(((const uint8_t *)lab.out[0].data)[i], i < count - 13 ? 255 : 300 % 256);
    }
    lab_close(&lab);
    free(x.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_left_over_at_the_end_of_all_loses_its_high_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
