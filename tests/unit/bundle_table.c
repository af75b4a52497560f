/* The table format byte by byte, and what is refused in it. */
#include "bundle_support.h"

static lince_error err;

/* Two tensors, w = float32 [2] {1, 2} and tags = string [2] {"hi", "TensorFlow"}: 172 bytes of index, 26 of data. */
static const uint8_t vector_index[] = "\x00\x00\x06\x08\x01\x1a\x02\x08\x01\x00\x04\x11\x74\x61\x67\x73\x08\x07\x12\x04"
                                      "\x12\x02\x08\x02\x20\x08\x28\x12\x35\x73\x6e\xb6"
                                      "\x57\x00\x1c\x0f\x77\x2f\x2e\x41\x54\x54\x52\x49\x42\x55\x54\x45\x53\x2f\x56\x41"
                                      "\x52\x49\x41\x42\x4c\x45\x5f\x56\x41\x4c\x55\x45"
                                      "\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08\x35\x59\x3c\xe5\x35\x00\x00\x00\x00\x01"
                                      "\x00\x00\x00\x00\xd2\x26\x6e\x82\x00\x00\x00\x00"
                                      "\x01\x00\x00\x00\x00\xc0\xf2\xa1\xb0\x00\x01\x02\x78\x00\x57\x00\x00\x00\x00\x01"
                                      "\x00\x00\x00\x00\x5d\x94\xe1\xfc\x5c\x08\x69\x0e"
                                      "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                      "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                                      "\x00\x00\x00\x00\x57\xfb\x80\x8b\x24\x75\x47\xdb";
static const uint8_t vector_data[] = "\x00\x00\x80\x3f\x00\x00\x00\x40\x02\x0a\xbe\x99\xc9\xb3hiTensorFlow";

static const struct li_bytes index_bytes = {vector_index, sizeof vector_index - 1},
                             data_bytes = {vector_data, sizeof vector_data - 1};

static struct li_mem *new_mem(void)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);

    assert_non_null(mem);
    return mem;
}

static void free_mem(struct li_mem *mem)
{
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void the_reference_vector_is_read(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;
    const struct li_bundle_entry *entry;
    struct li_tensor tensor;

    assert_int_equal(index_bytes.len, 172);
    assert_int_equal(data_bytes.len, 26);
    struct buf data = cut(data_bytes, data_bytes.len); /* from malloc: aligned */
    assert_status(open_forged(&bundle, index_bytes, bytes_of(&data), mem, &err), LINCE_OK);
    assert_int_equal(li_bundle_count(bundle), 2);
    assert_status(li_bundle_get(&entry, bundle, "w/.ATTRIBUTES/VARIABLE_VALUE", &err), LINCE_OK);
    assert_status(li_bundle_read(&tensor, bundle, entry, &err), LINCE_OK);
    assert_int_equal(tensor.dtype, LINCE_FLOAT32);
    assert_int_equal(tensor.shape.rank, 1);
    assert_int_equal(tensor.shape.dim[0], 2);
    assert_ptr_equal(tensor.data, data.data); /* mapped, not copied */
    assert_true(((float *)tensor.data)[0] == 1 && ((float *)tensor.data)[1] == 2);
    assert_status(li_bundle_read(&tensor, bundle, li_bundle_find(bundle, "tags"), &err), LINCE_OK);
    assert_memory_equal(((lince_string *)tensor.data)[0].data, "hi", 2);
    assert_int_equal(((lince_string *)tensor.data)[1].size, 10);
    assert_memory_equal(((lince_string *)tensor.data)[1].data, "TensorFlow", 10);
    assert_status(li_bundle_get(&entry, bundle, "absent", &err), LINCE_ENOENT);
    assert_says(err, "forged.index: no tensor \"absent\" among its 2");
    li_bundle_close(bundle);
    free(data.data);
    free_mem(mem);
}

static void a_tensor_is_read_once_and_kept(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;
    struct li_tensor first, second;

    struct buf data = {0};
    put_byte(&data, 0);
    put(&data, data_bytes.data, data_bytes.len);
    assert_status(open_forged(&bundle, index_bytes, (struct li_bytes){data.data + 1, data_bytes.len}, mem, &err),
                  LINCE_OK);
    const struct li_bundle_entry *entry = li_bundle_find(bundle, "w/.ATTRIBUTES/VARIABLE_VALUE");
    assert_status(li_bundle_read(&first, bundle, entry, &err), LINCE_OK);
    assert_int_equal((uintptr_t)first.data % 4, 0); /* it lies at an odd address, so this is a copy */
    assert_true(((float *)first.data)[1] == 2);
    uint64_t allocations = li_mem_allocations(mem);
    data.data[1] ^= 1; /* would not pass again */
    assert_status(li_bundle_read(&second, bundle, entry, &err), LINCE_OK);
    assert_ptr_equal(first.data, second.data);
    assert_int_equal(li_mem_allocations(mem), allocations);
    li_bundle_close(bundle);
    free(data.data);
    free_mem(mem);
}

static void an_index_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    for (size_t n = 0; n < index_bytes.len; n++) {
        struct buf part = cut(index_bytes, n);
        assert_status(li_bundle_open_bytes(&bundle, bytes_of(&part), "cut", mem, &err), LINCE_EFORMAT);
        free(part.data);
    }
    free_mem(mem);
}

static void data_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    for (size_t n = 0; n < data_bytes.len; n++) {
        struct buf part = cut(data_bytes, n);
        assert_status(open_forged(&bundle, index_bytes, bytes_of(&part), mem, &err), LINCE_OK);
        assert_status(read_all(bundle, &err), LINCE_ECORRUPT);
        li_bundle_close(bundle);
        free(part.data);
    }
    free_mem(mem);
}

static void any_flipped_bit_of_the_data_is_noticed(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    for (size_t bit = 0; bit < 8 * data_bytes.len; bit++) {
        struct buf changed = cut(data_bytes, data_bytes.len);
        changed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_status(open_forged(&bundle, index_bytes, bytes_of(&changed), mem, &err), LINCE_OK);
        assert_status(read_all(bundle, &err), LINCE_ECORRUPT);
        li_bundle_close(bundle);
        free(changed.data);
    }
    free_mem(mem);
}

/* Blocks that are read, and the trailer and magic of the footer; the metaindex block and the padding are not. */
static void any_flipped_bit_of_a_block_is_noticed(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    for (size_t bit = 0; bit < 8 * index_bytes.len; bit++) {
        size_t at = bit / 8;
        if (at < 92 || (at >= 105 && at < 124) || at >= 164) {
            struct buf changed = cut(index_bytes, index_bytes.len);
            changed.data[at] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(li_bundle_open_bytes(&bundle, bytes_of(&changed), "flipped", mem, &err), LINCE_OK);
            free(changed.data);
        }
    }
    free_mem(mem);
}

/* Open a table of these entries; consumes them. */
static lince_status open_entries(struct buf *entries)
{
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle = NULL;
    struct buf table = table_of(entries);

    lince_status st = open_forged(&bundle, bytes_of(&table), data_bytes, mem, &err);
    if (!st) {
        st = read_all(bundle, &err);
        li_bundle_close(bundle);
    }
    free_mem(mem);
    free(table.data);
    free(entries->data);
    *entries = (struct buf){0};
    return st;
}

static void put_float(struct buf *entries, const char *key, size_t offset)
{
    struct buf value = {0};

    put_tensor(&value, LINCE_FLOAT32, (int[]){1, -1}, offset, (struct li_bytes){vector_data + offset, 4});
    put_entry_text(entries, key, &value);
    free(value.data);
}

static void keys_must_ascend(void **state)
{
    (void)state;
    struct buf entries = {0};

    put_header(&entries, 1);
    put_float(&entries, "a", 0);
    put_float(&entries, "b", 4);
    assert_status(open_entries(&entries), LINCE_OK);

    put_header(&entries, 1);
    put_float(&entries, "b", 0);
    put_float(&entries, "a", 4);
    assert_status(open_entries(&entries), LINCE_EFORMAT);
    assert_says(err, "key \"a\" stands after \"b\"");

    put_header(&entries, 1);
    put_float(&entries, "a", 0);
    put_float(&entries, "a", 4);
    assert_status(open_entries(&entries), LINCE_EFORMAT);

    put_header(&entries, 1);
    put_header(&entries, 1);
    assert_status(open_entries(&entries), LINCE_EFORMAT);
}

static void tensors_that_share_bytes_are_refused(void **state)
{
    (void)state;
    struct buf entries = {0};

    put_header(&entries, 1);
    put_float(&entries, "a", 4);
    put_float(&entries, "b", 1);
    assert_status(open_entries(&entries), LINCE_ECORRUPT);
    assert_says(err, "\"b\" and \"a\" share bytes of data file 0");
}

static void the_header_must_come_first(void **state)
{
    (void)state;
    struct buf entries = {0};

    put_float(&entries, "a", 0);
    assert_status(open_entries(&entries), LINCE_EFORMAT);
    assert_says(err, "no header: the first key is \"a\"");
    assert_status(open_entries(&entries), LINCE_EFORMAT); /* nothing at all */
    assert_says(err, "the table is empty");
}

static void a_key_with_a_nul_byte_is_refused(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0};

    put_header(&entries, 1);
    put_tensor(&value, LINCE_FLOAT32, (int[]){1, -1}, 0, (struct li_bytes){vector_data, 4});
    put_entry(&entries, (struct li_bytes){(const uint8_t *)"a\0b", 3}, bytes_of(&value));
    assert_status(open_entries(&entries), LINCE_EFORMAT);
    free(value.data);
}

static void a_key_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct buf entries = {0};
    char key[LI_TABLE_MAX_KEY + 2];

    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    put_header(&entries, 1);
    put_float(&entries, key, 0);
    assert_status(open_entries(&entries), LINCE_ELIMIT);
    put_header(&entries, 1);
    put_float(&entries, key + 1, 0);
    assert_status(open_entries(&entries), LINCE_OK);
}

/* Each entry adds one byte to a key of thousands: a small file, were the keys all kept. */
static void keys_that_grow_by_what_they_share_are_refused_with_bounded_memory(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0};
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;
    char key[4001];

    memset(key, 'k', 4000);
    key[4000] = '\0';
    put_header(&entries, 1);
    put_tensor(&value, LINCE_FLOAT32, (int[]){0, -1}, 0, (struct li_bytes){vector_data, 0});
    put_entry(&entries, (struct li_bytes){(const uint8_t *)key, 4000}, bytes_of(&value));
    for (int i = 0; i < 20000; i++) { /* the last two bytes count up */
        put_varint(&entries, 3998);
        put_varint(&entries, 2);
        put_varint(&entries, value.len);
        put_byte(&entries, (unsigned)('l' + i / 128));
        put_byte(&entries, (unsigned)(128 + i % 128));
        put(&entries, value.data, value.len);
    }
    struct buf table = table_of(&entries);
    assert_status(open_forged(&bundle, bytes_of(&table), data_bytes, mem, &err), LINCE_ELIMIT);
    assert_in_range(li_mem_peak_bytes(mem), 0, 80 * table.len);
    free_mem(mem);
    free(table.data);
    free(entries.data);
    free(value.data);
}

static void a_block_that_begins_inside_the_one_before_is_refused(void **state)
{
    (void)state;
    struct buf entries = {0}, file = {0}, handle = {0}, index = {0};
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    put_header(&entries, 1);
    put_u32(&entries, 0);
    put_u32(&entries, 1);
    put_block(&file, bytes_of(&entries), 0, &handle);
    struct buf again = {0};
    put(&again, handle.data, handle.len);
    put_entry_text(&index, "a", &handle);
    put_entry_text(&index, "b", &again);
    put_table_end(&file, &index);
    assert_status(li_bundle_open_bytes(&bundle, bytes_of(&file), "twice", mem, &err), LINCE_ECORRUPT);
    assert_says(err, "begins before the end of the one before it");
    free_mem(mem);
    free(entries.data);
    free(file.data);
    free(handle.data);
    free(index.data);
    free(again.data);
}

static void a_header_for_newer_readers_is_unsupported(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0}, version = {0};

    put_number(&version, 2, 2);
    put_number(&value, 1, 1);
    put_message(&value, 3, &version);
    put_entry_text(&entries, "", &value);
    assert_status(open_entries(&entries), LINCE_EUNSUPPORTED);
    put_number(&version, 3, 1);
    put_number(&value, 1, 1);
    put_message(&value, 3, &version);
    put_entry_text(&entries, "", &value);
    assert_status(open_entries(&entries), LINCE_EUNSUPPORTED);
    free(value.data);
    free(version.data);
}

static void absurd_shard_counts_are_refused(void **state)
{
    (void)state;
    struct buf entries = {0};

    put_header(&entries, 0);
    assert_status(open_entries(&entries), LINCE_EINVAL);
    put_header(&entries, -1);
    assert_status(open_entries(&entries), LINCE_EINVAL);
    put_header(&entries, 1 << 30);
    assert_status(open_entries(&entries), LINCE_ELIMIT);
}

static void a_variant_is_unsupported_when_it_is_read(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0};

    put_header(&entries, 1);
    put_tensor(&value, LINCE_VARIANT, (int[]){-1}, 0, (struct li_bytes){vector_data, 4});
    put_entry_text(&entries, "v", &value);
    assert_status(open_entries(&entries), LINCE_EUNSUPPORTED);
    assert_says(err, "forged.index: \"v\": dtype 21");
    free(value.data);
}

static void tensors_without_elements_are_read(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0};

    put_header(&entries, 1);
    put_tensor(&value, LINCE_FLOAT32, (int[]){0, 3, -1}, 0, (struct li_bytes){vector_data, 0});
    put_entry_text(&entries, "f", &value);
    put_tensor(&value, LINCE_STRING, (int[]){0, -1}, 0, (struct li_bytes){vector_data, 0});
    put_entry_text(&entries, "s", &value);
    assert_status(open_entries(&entries), LINCE_OK);
    free(value.data);
}

static void many_strings_in_few_bytes_are_refused_before_memory_is_taken(void **state)
{
    (void)state;
    struct buf entries = {0}, value = {0};
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;

    put_header(&entries, 1);
    put_tensor(&value, LINCE_STRING, (int[]){1 << 30, -1}, 0, (struct li_bytes){vector_data, 8});
    put_entry_text(&entries, "s", &value);
    struct buf table = table_of(&entries);
    assert_status(open_forged(&bundle, bytes_of(&table), data_bytes, mem, &err), LINCE_OK);
    assert_status(read_all(bundle, &err), LINCE_ECORRUPT);
    assert_in_range(li_mem_peak_bytes(mem), 0, 1 << 17);
    li_bundle_close(bundle);
    free_mem(mem);
    free(table.data);
    free(entries.data);
    free(value.data);
}

static void a_failed_allocation_is_an_error_and_leaves_nothing_behind(void **state)
{
    (void)state;
    struct li_bundle *bundle;
    lince_status st = LINCE_ENOMEM;

    for (size_t limit = 64; limit < (size_t)1 << 20 && st; limit += 256) {
        struct li_mem *mem = li_mem_new(NULL, NULL, NULL, limit);
        st = open_forged(&bundle, index_bytes, data_bytes, mem, &err);
        if (!st) {
            st = read_all(bundle, &err);
            li_bundle_close(bundle);
        }
        assert_true(st == LINCE_OK || st == LINCE_ENOMEM);
        free_mem(mem);
    }
    assert_int_equal(st, LINCE_OK);
}

#ifdef LINCE_SNAPPY
static lince_status open_packed(const char *packed, size_t n)
{
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;
    struct buf table = table_of_block((struct li_bytes){(const uint8_t *)packed, n}, 1);

    lince_status st = li_bundle_open_bytes(&bundle, bytes_of(&table), "packed", mem, &err);
    if (!st) {
        li_bundle_close(bundle);
    }
    assert_in_range(li_mem_peak_bytes(mem), 0, 1 << 17);
    free_mem(mem);
    free(table.data);
    return st;
}

static void a_compressed_block_is_read_and_a_broken_one_refused(void **state)
{
    (void)state;
    /* 13 bytes: a header entry of 5 (one shard) as a literal, then restarts 0 and 1 */
    static const char good[] = "\x0d\x30\x00\x00\x02\x08\x01\x00\x00\x00\x00\x01\x00\x00\x00";
    static const char huge[] = "\x80\x80\x80\x80\x08\x30\x00\x00\x02\x08\x01\x00\x00\x00\x00\x01\x00\x00\x00";
    static const char far_copy[] = "\x0d\x02\x40\x00\x08\x01\x00\x00\x00\x00\x01\x00\x00\x00";

    assert_status(open_packed(good, sizeof good - 1), LINCE_OK);
    assert_status(open_packed(good, sizeof good - 2), LINCE_ECORRUPT);
    assert_status(open_packed(huge, sizeof huge - 1), LINCE_ECORRUPT);
    assert_status(open_packed(far_copy, sizeof far_copy - 1), LINCE_ECORRUPT);
    assert_status(open_packed("", 0), LINCE_ECORRUPT);
}
#else
static void a_compressed_block_is_unsupported_without_snappy(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_bundle *bundle;
    struct buf table = table_of_block((struct li_bytes){(const uint8_t *)"\0", 1}, 1);

    assert_status(li_bundle_open_bytes(&bundle, bytes_of(&table), "packed", mem, &err), LINCE_EUNSUPPORTED);
    assert_says(err, "Snappy");
    free_mem(mem);
    free(table.data);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_vector_is_read),
        cmocka_unit_test(a_tensor_is_read_once_and_kept),
        cmocka_unit_test(an_index_cut_at_any_byte_is_refused),
        cmocka_unit_test(data_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_of_the_data_is_noticed),
        cmocka_unit_test(any_flipped_bit_of_a_block_is_noticed),
        cmocka_unit_test(keys_must_ascend),
        cmocka_unit_test(tensors_that_share_bytes_are_refused),
        cmocka_unit_test(the_header_must_come_first),
        cmocka_unit_test(a_key_with_a_nul_byte_is_refused),
        cmocka_unit_test(a_key_longer_than_the_limit_is_refused),
        cmocka_unit_test(keys_that_grow_by_what_they_share_are_refused_with_bounded_memory),
        cmocka_unit_test(a_block_that_begins_inside_the_one_before_is_refused),
        cmocka_unit_test(a_header_for_newer_readers_is_unsupported),
        cmocka_unit_test(absurd_shard_counts_are_refused),
        cmocka_unit_test(a_variant_is_unsupported_when_it_is_read),
        cmocka_unit_test(tensors_without_elements_are_read),
        cmocka_unit_test(many_strings_in_few_bytes_are_refused_before_memory_is_taken),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_leaves_nothing_behind),
#ifdef LINCE_SNAPPY
        cmocka_unit_test(a_compressed_block_is_read_and_a_broken_one_refused),
#else
        cmocka_unit_test(a_compressed_block_is_unsupported_without_snappy),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
