/* Checkpoints with bytes changed at random: the fuzz target, in a loop that can be repeated. */
#include "bundle_support.h"

#include "../../fuzz/bundle.c"

enum { ROUNDS = 4000 };

/* What the target takes: where the data begins, index, data. */
static struct buf pack(struct li_bytes index, struct li_bytes data)
{
    struct buf b = {0};

    put_byte(&b, index.len & 0xff);
    put_byte(&b, (unsigned)(index.len >> 8));
    put(&b, index.data, index.len);
    put(&b, data.data, data.len);
    return b;
}

static void hammer(struct buf packed)
{
    uint64_t seed = random_seed();

    LLVMFuzzerTestOneInput(packed.data, packed.len);
    for (int i = 0; i < ROUNDS; i++) {
        struct buf changed = mutate(bytes_of(&packed), &seed);
        LLVMFuzzerTestOneInput(changed.data, changed.len);
        free(changed.data);
    }
    free(packed.data);
}

/* The first data block alone, without trailer: the target puts it into a table whose checksums are right. */
static void hammer_block(const char *index_file, const char *data_file, size_t block)
{
    struct buf index = read_file(index_file), data = read_file(data_file);

    hammer(pack(bytes_of(&index), bytes_of(&data)));
    hammer(pack((struct li_bytes){index.data, block}, bytes_of(&data)));
    free(index.data);
    free(data.data);
}

static void a_changed_index_never_crashes_leaks_or_takes_memory_out_of_proportion(void **state)
{
    (void)state;
    /* the sizes are those in the handles of the index blocks */
    hammer_block("golden/models/ckpt_dtypes/variables/variables.index",
                 "golden/models/ckpt_dtypes/variables/variables.data-00000-of-00001", 1136);
    hammer_block("golden/ckpt/tf1_slices/variables.index", "golden/ckpt/tf1_slices/variables.data-00000-of-00001", 208);
}

static void a_changed_entry_never_crashes_leaks_or_takes_memory_out_of_proportion(void **state)
{
    (void)state;
    static const uint8_t data[32] = {1, 2, 3};
    struct buf value = {0};

    put_tensor(&value, LINCE_FLOAT32, (int[]){2, 2, -1}, 4, (struct li_bytes){data + 4, 16});
    hammer(pack(bytes_of(&value), (struct li_bytes){data, sizeof data}));
    free(value.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_index_never_crashes_leaks_or_takes_memory_out_of_proportion),
        cmocka_unit_test(a_changed_entry_never_crashes_leaks_or_takes_memory_out_of_proportion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
