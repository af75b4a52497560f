/* Mapped files, readers and checksums. */
#include "unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

/* A heap copy of exactly len bytes, so that the address sanitizer sees a read past the end. */
static struct li_bytes exact(const void *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    if (len) {
        memcpy(copy, data, len);
    }
    return (struct li_bytes){copy, len};
}

static void readers_read_little_endian(void **state)
{
    const uint8_t data[] = {1, 0x78, 0x56, 0x34, 0x12, 8, 7, 6, 5, 4, 3, 2, 0x81, 'a', 'b', 'c'};
    struct li_bytes whole = exact(data, sizeof data), at = whole, rest;
    uint8_t u8;
    uint32_t u32;
    uint64_t u64;
    (void)state;

    assert_true(li_read_u8(&at, &u8));
    assert_int_equal(u8, 1);
    assert_true(li_read_u32le(&at, &u32));
    assert_int_equal(u32, 0x12345678);
    assert_true(li_read_u64le(&at, &u64));
    assert_true(u64 == 0x8102030405060708u);
    assert_true(li_read_bytes(&at, 3, &rest));
    assert_memory_equal(rest.data, "abc", 3);
    assert_int_equal(at.len, 0);
    assert_true(li_read_bytes(&at, 0, &rest));
    assert_int_equal(rest.len, 0);
    free((void *)(uintptr_t)whole.data);
}

static void readers_move_nothing_at_the_end(void **state)
{
    const uint8_t data[8] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    (void)state;

    for (size_t len = 0; len < 8; len++) {
        struct li_bytes whole = exact(data, len), at = whole, rest;
        uint8_t u8;
        uint32_t u32;
        uint64_t u64;
        assert_int_equal(li_read_u8(&(struct li_bytes){at.data, at.len}, &u8), len >= 1);
        assert_int_equal(li_read_u32le(&(struct li_bytes){at.data, at.len}, &u32), len >= 4);
        assert_false(li_read_u64le(&at, &u64));
        assert_false(li_read_varint(&at, &u64));
        assert_false(li_read_bytes(&at, len + 1, &rest));
        assert_false(li_read_bytes(&at, SIZE_MAX, &rest));
        assert_ptr_equal(at.data, whole.data);
        assert_int_equal(at.len, len);
        free((void *)(uintptr_t)whole.data);
    }
    struct li_bytes nothing = {NULL, 0}, rest;
    assert_true(li_read_bytes(&nothing, 0, &rest));
    assert_false(li_read_bytes(&nothing, 1, &rest));
}

static void varint_case(const char *bytes, size_t len, bool good, uint64_t wanted)
{
    struct li_bytes whole = exact(bytes, len), at = whole;
    uint64_t value = 99;

    assert_int_equal(li_read_varint(&at, &value), good);
    assert_true(value == (good ? wanted : 99));
    assert_int_equal(at.len, good ? 0 : len);
    free((void *)(uintptr_t)whole.data);
}

static void varints_end_below_two_to_the_64(void **state)
{
    (void)state;
    varint_case("\x00", 1, true, 0);
    varint_case("\x7f", 1, true, 127);
    varint_case("\x80\x01", 2, true, 128);
    varint_case("\xac\x02", 2, true, 300);
    varint_case("\x80\x00", 2, true, 0); /* longer than needed is allowed, as in protobuf */
    varint_case("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX);
    varint_case("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0);
    varint_case("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, false, 0);
    varint_case("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11, false, 0);
}

static void crc32c_gives_the_published_values(void **state)
{
    uint8_t bytes[32];
    (void)state;

    assert_int_equal(li_crc32c(0, "123456789", 9), 0xe3069283u);
    assert_int_equal(li_crc32c(0, "", 0), 0);
    /* RFC 3720, B.4 */
    memset(bytes, 0, 32);
    assert_int_equal(li_crc32c(0, bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, 32);
    assert_int_equal(li_crc32c(0, bytes, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(li_crc32c(0, bytes, 32), 0x46dd794eu);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(li_crc32c(0, bytes, 32), 0x113fdb5cu);
}

/* One bit at a time, from the polynomial 0x1edc6f41 reflected. */
static uint32_t slow_crc32c(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

static void crc32c_agrees_with_its_definition_and_continues(void **state)
{
    uint8_t data[700];
    uint64_t random = 7;
    (void)state;

    for (size_t i = 0; i < sizeof data; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        data[i] = (uint8_t)(random >> 56);
    }
    for (size_t len = 0; len < sizeof data; len += 1 + len / 7) {
        uint32_t whole = li_crc32c(0, data, len);
        assert_int_equal(whole, slow_crc32c(data, len));
        assert_int_equal(li_crc32c(li_crc32c(0, data, len / 3), data + len / 3, len - len / 3), whole);
    }
    assert_int_equal(li_crc32c_mask(0xe3069283u), 0xc78ab0e5u); /* 0x2507c60d + 0xa282ead8 */
}

static void hashes_differ_by_seed_and_byte(void **state)
{
    (void)state;
    assert_true(li_hash(0, "", 0) == 0xcbf29ce484222325u);
    assert_true(li_hash(0, "a", 1) == 0xaf63dc4c8601ec8cu);
    assert_true(li_hash(0, "foobar", 6) == 0x85944171f73967e8u);
    assert_true(li_hash(1, "a", 1) != li_hash(0, "a", 1));
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void files_are_mapped_whole(void **state)
{
    char folder[] = "/tmp/lince-bytes-XXXXXX", path[64];
    struct li_file file;
    lince_error err;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/f", folder);
    write_file(path, "leopardus");
    assert_int_equal(li_file_map(&file, path, &err), LINCE_OK);
    assert_int_equal(file.bytes.len, 9);
    assert_memory_equal(file.bytes.data, "leopardus", 9);
    li_file_unmap(&file);
    assert_null(file.bytes.data);
    li_file_unmap(&file);

    write_file(path, "");
    assert_int_equal(li_file_map(&file, path, &err), LINCE_OK);
    assert_int_equal(file.bytes.len, 0);
    li_file_unmap(&file);
    unlink(path);
    rmdir(folder);
}

static void files_that_are_read_are_counted_and_outlive_their_file(void **state)
{
    char folder[] = "/tmp/lince-bytes-XXXXXX", path[64];
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 1000);
    struct li_file file;
    lince_error err;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/f", folder);
    write_file(path, "leopardus");
    assert_int_equal(li_file_read(&file, path, mem, &err), LINCE_OK);
    assert_true(li_mem_used_bytes(mem) >= 9);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(file.bytes.len, 9);
    assert_memory_equal(file.bytes.data, "leopardus", 9);
    li_file_unmap(&file);
    li_file_unmap(&file);
    assert_int_equal(li_mem_used_bytes(mem), 0);

    assert_int_equal(li_file_read(&file, path, mem, &err), LINCE_OK);
    assert_int_equal(file.bytes.len, 0);
    li_file_unmap(&file);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(li_file_read(&file, path, mem, &err), LINCE_ENOMEM);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(li_file_read(&file, folder, mem, &err), LINCE_EIO);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    unlink(path);
    assert_int_equal(li_file_read(&file, path, mem, &err), LINCE_ENOENT);
    rmdir(folder);
    li_mem_release(mem);
}

static void what_is_no_file_is_refused_without_waiting(void **state)
{
    char folder[] = "/tmp/lince-bytes-XXXXXX", path[64];
    struct li_file file;
    lince_error err;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/f", folder);
    assert_int_equal(li_file_map(&file, path, &err), LINCE_ENOENT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(li_file_map(&file, folder, &err), LINCE_EIO);
    assert_non_null(strstr(err.text, "directory"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(li_file_map(&file, path, &err), LINCE_EIO);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_read_little_endian),
        cmocka_unit_test(readers_move_nothing_at_the_end),
        cmocka_unit_test(varints_end_below_two_to_the_64),
        cmocka_unit_test(crc32c_gives_the_published_values),
        cmocka_unit_test(crc32c_agrees_with_its_definition_and_continues),
        cmocka_unit_test(hashes_differ_by_seed_and_byte),
        cmocka_unit_test(files_are_mapped_whole),
        cmocka_unit_test(files_that_are_read_are_counted_and_outlive_their_file),
        cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
