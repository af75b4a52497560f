/* Checksums of whole checkpoints: a byte that is turned over anywhere is found, whatever was read before. */
#include "bundle_support.h"

static lince_error err;

static struct li_bundle *open_copy(const char *folder, struct li_mem *mem)
{
    struct li_bundle *bundle;
    char prefix[512];
    snprintf(prefix, sizeof prefix, "%s/golden/%s/variables", LINCE_TEST_DATA, folder);
    if (li_bundle_open(&bundle, prefix, LI_BUNDLE_IN_MEMORY, mem, &err)) {
        fail_msg("%s", err.text);
    }
    return bundle;
}

/* Turns over a bit in the middle of an entry's bytes, which lie in memory of the bundle. */
static void flip(const struct li_bundle *b, const struct li_entry *e)
{
    const uint8_t *bytes = b->shard[e->shard].file.bytes.data + e->offset;
    ((uint8_t *)(uintptr_t)bytes)[e->size / 2] ^= 4;
}

static void expect(struct li_bundle *b, size_t failed, const char *part)
{
    size_t found = 99, before = li_mem_used_bytes(b->mem);
    lince_status st = li_bundle_verify(b, &found, &err);
    if (found != failed || st != (failed ? LINCE_ECORRUPT : LINCE_OK) || (failed && !strstr(err.text, part))) {
        fail_msg("%zu tensors, wanted %zu with \"%s\": %s", found, failed, part, err.text);
    }
    assert_int_equal(li_mem_used_bytes(b->mem), before); /* nothing is kept */
}

/* The first tensor from i on that has bytes, or of a slice of which it has. */
static const struct li_entry *with_bytes(const struct li_bundle *b, size_t i)
{
    while (i < b->entries && (b->entry[i].slices || b->entry[i].size == 0)) {
        i++;
    }
    return i < b->entries ? &b->entry[i] : NULL;
}

/* Every step-th entry in turn, then a second one beside the first. */
static void check(const char *folder, size_t step, bool read_before)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *b = open_copy(folder, mem);
    size_t tried = 0;
    if (read_before) {
        assert_status(read_all(b, &err), LINCE_OK);
    }
    expect(b, 0, "");
    for (size_t i = 0; i < b->entries; i += step) {
        const struct li_entry *e = with_bytes(b, i), *next = e ? with_bytes(b, (size_t)(e - b->entry) + 1) : NULL;
        if (e) {
            flip(b, e);
            expect(b, 1, e < b->entry + b->slices ? "slice" : e->entry.key);
            if (next && e >= b->entry + b->slices) {
                flip(b, next);
                expect(b, 2, e->entry.key);
                flip(b, next);
            }
            flip(b, e);
            tried++;
        }
    }
    expect(b, 0, "");
    assert_true(tried > 0);
    li_bundle_close(b);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void a_bit_anywhere_is_found(void **state)
{
    (void)state;
    for (int read_before = 0; read_before < 2; read_before++) {
        check("models/ckpt_dtypes/variables", 1, read_before); /* strings among them */
        check("models/ckpt_sharded/variables", 1, read_before);
        check("models/assets_table/variables", 1, read_before);
        check("models/ckpt_many/variables", 397, read_before);
        check("ckpt/tf1_slices", 1, read_before);
    }
}

static void the_number_and_the_first_by_key_are_told(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct buf entries = {0}, data = {0}, value = {0};
    size_t failed;
    struct li_bundle *bundle;
    put_header(&entries, 1);
    for (const char *const *key = (const char *const[]){"a", "b", "c", NULL}; *key; key++) {
        size_t offset = data.len;
        put_u32(&data, 7);
        put_tensor(&value, LINCE_INT32, (int[]){1, -1}, offset, (struct li_bytes){data.data + offset, 4});
        put_entry_text(&entries, *key, &value);
    }
    struct buf table = table_of(&entries);
    data.data[4] ^= 1;
    data.len -= 4; /* b is damaged, c is cut off */
    assert_status(open_forged(&bundle, bytes_of(&table), bytes_of(&data), mem, &err), LINCE_OK);
    assert_status(li_bundle_verify(bundle, &failed, &err), LINCE_ECORRUPT);
    assert_int_equal(failed, 2);
    assert_non_null(strstr(err.text, "2 of 3 tensors are not as they were saved; the first: forged.index: \"b\": its "
                                     "checksum is "));
    assert_status(li_bundle_verify(bundle, &failed, NULL), LINCE_ECORRUPT);
    li_bundle_close(bundle);
    li_mem_release(mem);
    free(value.data);
    free(table.data);
    free(entries.data);
    free(data.data);
}

static void too_little_memory_is_no_damage(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *b = open_copy("ckpt/tf1_slices", mem);
    struct li_mem *none = li_mem_new(NULL, NULL, NULL, 1);
    size_t failed;
    b->mem = none; /* what joins slices */
    assert_status(li_bundle_verify(b, &failed, &err), LINCE_ENOMEM);
    assert_int_equal(failed, 0);
    b->mem = mem;
    li_bundle_close(b);
    li_mem_release(none);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bit_anywhere_is_found),
        cmocka_unit_test(the_number_and_the_first_by_key_are_told),
        cmocka_unit_test(too_little_memory_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
