/* Arrays that grow: what was there stays, what is new is cleared, and what cannot be is refused. */
#include "test.h"

#include "base/base.h"

static void what_was_there_stays_and_the_rest_is_cleared(void **state)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    lince_error err;
    int32_t *numbers = NULL, room = 0;
    (void)state;
    for (int32_t i = 0; i < 1000; i++) {
        assert_int_equal(li_grow(mem, &numbers, &room, i + 1, sizeof *numbers, &err), LINCE_OK);
        assert_true(room > i);
        assert_int_equal(numbers[i], 0);
        numbers[i] = i;
    }
    for (int32_t i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], i);
    }
    assert_true(li_mem_allocations(mem) < 20); /* by doubling */
    li_free(mem, numbers);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void an_array_of_an_arena_grows_as_well(void **state)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_arena arena;
    lince_error err;
    double *numbers = NULL;
    int32_t room = 0;
    (void)state;
    li_arena_init(&arena, mem, 0);
    for (int32_t i = 0; i < 100; i++) {
        assert_int_equal(li_arena_grow(&arena, &numbers, &room, i + 1, sizeof *numbers, &err), LINCE_OK);
        assert_true(numbers[i] == 0);
        numbers[i] = i;
    }
    assert_true(numbers[0] == 0 && numbers[57] == 57 && numbers[99] == 99);
    li_arena_free(&arena);
    li_mem_release(mem);
}

static void more_than_can_be_counted_is_refused_and_the_array_stays(void **state)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 1 << 20);
    lince_error err;
    char *bytes = NULL, *before;
    int32_t room = 0;
    (void)state;
    assert_int_equal(li_grow(mem, &bytes, &room, 5, 1, &err), LINCE_OK);
    before = bytes;
    assert_int_equal(li_grow(mem, &bytes, &room, (int64_t)1 << 40, 1, &err), LINCE_ELIMIT);
    assert_int_equal(li_grow(mem, &bytes, &room, 1 << 24, 1, &err), LINCE_ENOMEM);
    assert_ptr_equal(bytes, before);
    assert_true(room >= 5);
    li_free(mem, bytes);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_there_stays_and_the_rest_is_cleared),
        cmocka_unit_test(an_array_of_an_arena_grows_as_well),
        cmocka_unit_test(more_than_can_be_counted_is_refused_and_the_array_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
