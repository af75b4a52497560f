/* saved_model.pb with bytes changed at random: the fuzz target, in a loop that can be repeated. */
#include "proto_support.h"

#include "../../fuzz/proto.c"

enum { ROUNDS = 8000 };

static void a_changed_model_never_crashes_leaks_or_takes_memory_out_of_proportion(void **state)
{
    (void)state;
    struct buf model = read_file(VALID_MODEL);
    uint64_t seed = random_seed();

    LLVMFuzzerTestOneInput(model.data, model.len);
    for (int i = 0; i < ROUNDS; i++) {
        struct buf changed = mutate(bytes_of(&model), &seed);
        LLVMFuzzerTestOneInput(changed.data, changed.len);
        free(changed.data);
    }
    free(model.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_model_never_crashes_leaks_or_takes_memory_out_of_proportion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
