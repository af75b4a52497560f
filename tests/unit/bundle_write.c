/* Checkpoints that we write: the bytes TensorFlow writes for the same, and read back by our reader. */
#include "bundle_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static lince_error err;

static struct li_tensor tensor_of(lince_dtype dtype, int rank, int64_t n, const void *data, size_t bytes)
{
    return (struct li_tensor){
        .dtype = dtype, .shape = {.rank = rank, .dim = {n}}, .data = (void *)(uintptr_t)data, .size_bytes = bytes};
}

static const float numbers[2] = {1, 2};
static const lince_string texts[2] = {{"hi", 2}, {"TensorFlow", 10}};

static lince_status add_two(struct li_bundle_writer *w)
{
    struct li_tensor floats = tensor_of(LINCE_FLOAT32, 1, 2, numbers, sizeof numbers);
    struct li_tensor strings = tensor_of(LINCE_STRING, 1, 2, texts, sizeof texts);

    LI_TRY(li_bundle_writer_add(w, "w/.ATTRIBUTES/VARIABLE_VALUE", &floats, &err));
    return li_bundle_writer_add(w, "tags", &strings, &err);
}

static void check_bytes(const struct buf *found, const char *hex)
{
    char byte[3];

    assert_int_equal(found->len, strlen(hex) / 2);
    for (size_t i = 0; i < found->len; i++) {
        snprintf(byte, sizeof byte, "%02x", found->data[i]);
        if (memcmp(byte, hex + 2 * i, 2)) {
            fail_msg("byte %zu is %s, wanted %.2s", i, byte, hex + 2 * i);
        }
    }
}

/* Numbers checked against TensorFlow's own reader: one data block, no compression. */
static void two_tensors_are_these_bytes(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct memory_sink data = memory_sink(SIZE_MAX), index = memory_sink(SIZE_MAX);
    struct li_bundle_writer *w;

    assert_status(li_bundle_writer_new(&w, &data.sink, mem, &err), LINCE_OK);
    assert_status(add_two(w), LINCE_OK);
    assert_status(li_bundle_writer_table(w, &index.sink, &err), LINCE_OK);
    check_bytes(&data.bytes, "0000803f00000040020abe99c9b3686954656e736f72466c6f77");
    check_bytes(&index.bytes,
                "00000608011a0208010004117461677308071204120208022008281235736eb657001c0f772f2e415454524942555445"
                "532f5641524941424c455f56414c55450801120412020802280835593ce535000000000100000000d2266e8200000000"
                "0100000000c0f2a1b00001027800570000000001000000005d94e1fc5c08690e00000000000000000000000000000000"
                "000000000000000000000000000000000000000057fb808b247547db");
    li_bundle_writer_free(w);
    free(data.bytes.data);
    free(index.bytes.data);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void a_full_disk_is_an_error_wherever_it_ends(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);

    for (size_t room = 0; room < 26 + 172; room++) {
        struct memory_sink data = memory_sink(LI_MIN(room, (size_t)26)), index = memory_sink(room - LI_MIN(room, 26u));
        struct li_bundle_writer *w;
        assert_status(li_bundle_writer_new(&w, &data.sink, mem, &err), LINCE_OK);
        lince_status st = add_two(w);
        assert_int_equal(st, room < 26 ? LINCE_EIO : LINCE_OK);
        assert_int_equal(li_bundle_writer_table(w, &index.sink, &err), LINCE_EIO);
        assert_int_equal(index.bytes.len, room - LI_MIN(room, 26u)); /* after a failed write no table is begun */
        li_bundle_writer_free(w);
        free(data.bytes.data);
        free(index.bytes.data);
    }
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

/* ---- Files ---- */

static char folder[] = "/tmp/lince-bundle-XXXXXX", prefix[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(prefix, sizeof prefix, "%s/variables", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char path[128];

    snprintf(path, sizeof path, "%s.index", prefix);
    unlink(path);
    snprintf(path, sizeof path, "%s.data-00000-of-00001", prefix);
    unlink(path);
    return rmdir(folder);
}

static bool file_exists(const char *ending)
{
    char path[128];

    snprintf(path, sizeof path, "%s%s", prefix, ending);
    return access(path, F_OK) == 0;
}

static lince_status write_two_files(struct li_mem *mem)
{
    struct li_bundle_writer *w;

    LI_TRY(li_bundle_writer_open(&w, prefix, mem, &err));
    lince_status st = add_two(w);
    st = st ? st : li_bundle_writer_finish(w, &err);
    li_bundle_writer_free(w);
    return st;
}

static void a_limit_of_the_system_leaves_no_file(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct rlimit before, low;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t limit = 0; limit <= 171; limit += 19) { /* 0: nothing at all; 26 and on: the table */
        low = (struct rlimit){limit, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        lince_status st = write_two_files(mem);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(st, LINCE_EIO);
        assert_non_null(strstr(err.text, "cannot be written"));
        assert_false(file_exists(".data-00000-of-00001"));
        assert_false(file_exists(".index"));
    }
    assert_status(write_two_files(mem), LINCE_OK);
    assert_true(file_exists(".index"));
    assert_int_equal(write_two_files(mem), LINCE_EIO); /* what is there is kept */
    assert_true(file_exists(".data-00000-of-00001"));
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void a_missing_folder_is_an_error(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle_writer *w;

    assert_int_equal(li_bundle_writer_open(&w, "/nowhere/variables", mem, &err), LINCE_ENOENT);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

/* ---- What cannot be said ---- */

static void keys_and_sizes_are_checked(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct memory_sink data = memory_sink(SIZE_MAX), index = memory_sink(SIZE_MAX);
    struct li_tensor good = tensor_of(LINCE_FLOAT32, 1, 2, numbers, 8), bad = good;
    struct li_bundle_writer *w;

    assert_status(li_bundle_writer_new(&w, &data.sink, mem, &err), LINCE_OK);
    assert_int_equal(li_bundle_writer_add(w, "", &good, &err), LINCE_EINVAL);
    bad.size_bytes = 7;
    assert_int_equal(li_bundle_writer_add(w, "a", &bad, &err), LINCE_EINVAL);
    assert_string_equal(err.text, "\"a\": 7 bytes, its shape and dtype take 8");
    bad = good;
    bad.shape.dim[0] = -1;
    assert_int_equal(li_bundle_writer_add(w, "a", &bad, &err), LINCE_EINVAL);
    bad = good;
    bad.dtype = LINCE_RESOURCE;
    assert_int_equal(li_bundle_writer_add(w, "a", &bad, &err), LINCE_EUNSUPPORTED);
    assert_int_equal(data.bytes.len, 0);
    assert_status(li_bundle_writer_add(w, "a", &good, &err), LINCE_OK);
    assert_status(li_bundle_writer_add(w, "a", &good, &err), LINCE_OK);
    assert_int_equal(li_bundle_writer_table(w, &index.sink, &err), LINCE_EINVAL);
    assert_string_equal(err.text, "two tensors with the key \"a\"");
    li_bundle_writer_free(w);
    free(data.bytes.data);
    li_mem_release(mem);
}

/* ---- Many keys ---- */

enum { MANY = 9000 };

static void key_of(char key[64], int i)
{
    /* names that share much, share nothing, are prefixes of each other, and hold bytes of all sizes */
    snprintf(key, 64, i % 3 ? "body/block_%d/kernel/.ATTRIBUTES/VARIABLE_VALUE" : "%d", i);
    if (i % 7 == 0) {
        key[0] = (char)(0x80 + i % 0x80);
    }
}

static void nine_thousand_tensors_take_several_blocks(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct memory_sink data = memory_sink(SIZE_MAX), index = memory_sink(SIZE_MAX);
    struct li_bundle_writer *w;
    struct li_bundle *bundle;
    const struct li_bundle_entry *entry;
    struct li_tensor read;
    char key[64];

    assert_status(li_bundle_writer_new(&w, &data.sink, mem, &err), LINCE_OK);
    for (int i = MANY - 1; i >= 0; i--) {
        struct li_tensor t = tensor_of(LINCE_INT32, 0, 0, &i, sizeof i);
        key_of(key, i);
        assert_status(li_bundle_writer_add(w, key, &t, &err), LINCE_OK);
    }
    assert_status(li_bundle_writer_table(w, &index.sink, &err), LINCE_OK);
    li_bundle_writer_free(w);
    assert_true(index.bytes.len > 1 << 18); /* more than one block */
    assert_status(open_forged(&bundle, bytes_of(&index.bytes), bytes_of(&data.bytes), mem, &err), LINCE_OK);
    assert_int_equal(li_bundle_count(bundle), MANY);
    for (int i = 0; i < MANY; i++) {
        key_of(key, i);
        assert_status(li_bundle_get(&entry, bundle, key, &err), LINCE_OK);
        assert_status(li_bundle_read(&read, bundle, entry, &err), LINCE_OK);
        assert_int_equal(*(int32_t *)read.data, i);
    }
    bundle->shard[0].open = false;
    bundle->shard[0].file = (struct li_file){0};
    li_bundle_close(bundle);
    free(data.bytes.data);
    free(index.bytes.data);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_tensors_are_these_bytes),
        cmocka_unit_test(a_full_disk_is_an_error_wherever_it_ends),
        cmocka_unit_test_setup_teardown(a_limit_of_the_system_leaves_no_file, make_folder, remove_folder),
        cmocka_unit_test(a_missing_folder_is_an_error),
        cmocka_unit_test(keys_and_sizes_are_checked),
        cmocka_unit_test(nine_thousand_tensors_take_several_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
