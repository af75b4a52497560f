/*
 * app/common's .npz files: what numpy writes is read, what is written is read back, and archives that lie are refused.
 */
#include "common/common.h"
#include "common/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { LIMIT = 1 << 20 };

struct file {
    unsigned char *data;
    size_t size;
};

static struct file read_numpy(const char *name)
{
    char path[1024];
    void *data;
    struct file f;
    snprintf(path, sizeof path, "%s/%s.npz", NPZ_FOLDER, name);
    assert_int_equal(app_read(path, LIMIT, &data, &f.size, NULL), LINCE_OK);
    f.data = data;
    return f;
}

/* An archive of one array. */
static struct file write_one(const char *name, const lince_tensor *t)
{
    struct file f;
    char *text;
    struct app_npz_writer w = {.file = open_memstream(&text, &f.size)};
    assert_non_null(w.file);
    assert_int_equal(app_npz_add(&w, name, t, NULL), LINCE_OK);
    assert_int_equal(app_npz_end(&w, NULL), LINCE_OK);
    app_npz_writer_free(&w);
    assert_int_equal(fclose(w.file), 0);
    f.data = (unsigned char *)text;
    return f;
}

static void read_named(const struct file *f, const char *name, struct app_array *out)
{
    struct app_npz z;
    lince_error err = {.text = ""};
    assert_int_equal(app_npz_open(&z, f->data, f->size, &err), LINCE_OK);
    size_t i = app_npz_find(&z, name);
    assert_true(i < z.count);
    if (app_npz_read(&z, i, LIMIT, out, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    app_npz_close(&z);
}

/* Open it and read all there is: the first fault. */
static lince_status read_everything(const unsigned char *data, size_t size, lince_error *err)
{
    struct app_npz z;
    struct app_array a;
    lince_status st = app_npz_open(&z, data, size, err);
    for (size_t i = 0; !st && i < z.count; i++) {
        st = app_npz_read(&z, i, LIMIT, &a, err);
        if (!st) {
            app_array_free(&a);
        }
    }
    app_npz_close(&z);
    return st;
}

static void what_numpy_compressed_is_read(void **state)
{
    (void)state;
    struct file f = read_numpy("several");
    struct app_array a;
    read_named(&f, "zeros", &a);
    assert_int_equal(a.tensor.size_bytes, 20000);
    for (size_t i = 0; i < 5000; i++) {
        assert_true(((float *)a.tensor.data)[i] == 0);
    }
    app_array_free(&a);
    read_named(&f, "ramp", &a);
    assert_memory_equal(a.tensor.data, ((int16_t[]){0, 1, 2, 3, 4, 5}), 12);
    app_array_free(&a);
    read_named(&f, "turned", &a);
    assert_memory_equal(a.tensor.data, ((double[]){0, 1, 2, 3, 4, 5}), 48);
    app_array_free(&a);
    read_named(&f, "texts", &a);
    assert_int_equal(((lince_string *)a.tensor.data)[1].size, 3);
    app_array_free(&a);
    free(f.data);
}

static void what_numpy_stored_is_read(void **state)
{
    (void)state;
    struct file f = read_numpy("good");
    struct app_array a;
    read_named(&f, "scale:0", &a);
    assert_memory_equal(a.tensor.data, ((float[]){1.5f, -2, 0.25f}), 12);
    app_array_free(&a);
    read_named(&f, "save_counter:0", &a);
    assert_int_equal(a.tensor.rank, 0);
    assert_int_equal(*(int64_t *)a.tensor.data, 7);
    app_array_free(&a);
    free(f.data);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    float values[6] = {1, 2, 3, 4, 5, 6};
    lince_tensor t = {.dtype = LINCE_FLOAT32, .rank = 2, .dims = {2, 3}, .data = values, .size_bytes = sizeof values};
    static const char *const names[] = {"a", "a/b:0", "\xc3\xa9", "", "x.npy"};
    for (size_t i = 0; i < APP_COUNT(names); i++) {
        struct file f = write_one(names[i], &t);
        struct app_array a;
        read_named(&f, names[i], &a);
        assert_int_equal(a.tensor.rank, 2);
        assert_memory_equal(a.tensor.data, values, sizeof values);
        app_array_free(&a);
        free(f.data);
    }
}

/* In a file with a hole of 5 GiB before it. */
static void what_lies_beyond_4_gib_is_found(void **state)
{
    (void)state;
    const uint64_t start = (uint64_t)5 << 30;
    double value = 42;
    lince_tensor t = {.dtype = LINCE_FLOAT64, .data = &value, .size_bytes = sizeof value};
    struct app_npz_writer w = {.file = tmpfile(), .offset = start};
    assert_non_null(w.file);
    assert_int_equal(fseeko(w.file, (off_t)start, SEEK_SET), 0);
    assert_int_equal(app_npz_add(&w, "far", &t, NULL), LINCE_OK);
    assert_int_equal(app_npz_end(&w, NULL), LINCE_OK);
    assert_int_equal(fflush(w.file), 0);
    struct file f = {.size = w.offset};
    f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fileno(w.file), 0);
    assert_true(f.data != MAP_FAILED);
    struct app_array a;
    read_named(&f, "far", &a);
    assert_true(*(double *)a.tensor.data == 42);
    app_array_free(&a);
    munmap(f.data, f.size);
    app_npz_writer_free(&w);
    fclose(w.file);
}

/* ---- Archives that lie ---- */

static void every_cut_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"good", "several"};
    for (size_t n = 0; n < APP_COUNT(names); n++) {
        struct file f = read_numpy(names[n]);
        for (size_t size = 0; size < f.size; size++) {
            unsigned char *cut = malloc(size + 1); /* of this size, so that the sanitizer sees a read past the end */
            memcpy(cut, f.data, size);
            assert_int_not_equal(read_everything(cut, size, NULL), LINCE_OK);
            free(cut);
        }
        free(f.data);
    }
}

/* Times, attributes and versions do not matter; whatever else is changed must be noticed, or change nothing. */
static void no_changed_byte_gives_other_values(void **state)
{
    (void)state;
    struct file f = read_numpy("compressed");
    int refused = 0;
    for (size_t i = 0; i < f.size; i++) {
        struct app_npz z;
        struct app_array a;
        f.data[i] ^= 0x41;
        if (read_everything(f.data, f.size, NULL) != LINCE_OK) {
            refused++;
        } else if (app_npz_open(&z, f.data, f.size, NULL) == LINCE_OK) {
            size_t k = app_npz_find(&z, "scale:0");
            if (k < z.count) {
                assert_int_equal(app_npz_read(&z, k, LIMIT, &a, NULL), LINCE_OK);
                assert_memory_equal(a.tensor.data, ((float[]){1.5f, -2, 0.25f}), 12);
                app_array_free(&a);
            }
            app_npz_close(&z);
        }
        f.data[i] ^= 0x41;
    }
    assert_true(refused > (int)f.size / 2);
    free(f.data);
}

/* Where the directory's only entry begins. */
static unsigned char *entry_of(struct file *f)
{
    for (size_t i = f->size - ZIP_CENTRAL_BYTES;; i--) {
        if (memcmp(f->data + i, "PK\1\2", 4) == 0) {
            return f->data + i;
        }
        assert_true(i > 0);
    }
}

static void set(unsigned char *at, uint64_t value, int n)
{
    for (int i = 0; i < n; i++) {
        at[i] = (unsigned char)(value >> 8 * i);
    }
}

static void what_an_entry_claims_is_checked(void **state)
{
    (void)state;
    static const struct {
        int at, bytes;
        uint64_t value;
        lince_status status;
        const char *part;
    } cases[] = {
        {8, 2, 1, LINCE_EUNSUPPORTED, "encrypted"},
        {10, 2, 12, LINCE_EUNSUPPORTED, "method 12"},
        {10, 2, 8, LINCE_ECORRUPT, "do not unpack"},                 /* what is stored is no deflate stream */
        {16, 4, 0, LINCE_ECORRUPT, "checksum"},                      /* crc */
        {20, 4, 1, LINCE_ECORRUPT, "is stored, but"},                /* packed */
        {24, 4, 0xfffffffe, LINCE_ELIMIT, "wanted at most 1048576"}, /* size: nothing is allocated for it */
        {42, 4, 0xfffffffe, LINCE_ECORRUPT, "where no file begins"}, /* offset */
        {42, 4, 3, LINCE_ECORRUPT, "where no file begins"},
        {28, 2, 0xffff, LINCE_ECORRUPT, "entry 0 of its directory"}, /* length of the name */
        {0, 4, 0, LINCE_ECORRUPT, "entry 0 of its directory"},       /* signature */
    };
    float values[4] = {1, 2, 3, 4};
    lince_tensor t = {.dtype = LINCE_FLOAT32, .rank = 1, .dims = {4}, .data = values, .size_bytes = sizeof values};
    for (size_t i = 0; i < APP_COUNT(cases); i++) {
        struct file f = write_one("a", &t);
        lince_error err = {.text = ""};
        set(entry_of(&f) + cases[i].at, cases[i].value, cases[i].bytes);
        lince_status st = read_everything(f.data, f.size, &err);
        if (st != cases[i].status || !strstr(err.text, cases[i].part)) {
            fail_msg("case %zu: %s", i, err.text);
        }
        free(f.data);
    }
}

/* Both sizes as large as they may be, and a member that would unpack to more than it says. */
static void a_bomb_is_not_unpacked(void **state)
{
    (void)state;
    struct file f = read_numpy("large");
    struct app_npz z;
    struct app_array a;
    lince_error err;
    assert_true(f.size < 4096);
    assert_int_equal(app_npz_open(&z, f.data, f.size, &err), LINCE_OK);
    size_t i = app_npz_find(&z, "scale:0");
    assert_int_equal(app_npz_read(&z, i, LIMIT, &a, &err), LINCE_ELIMIT);
    z.member[i].size = 4096;
    assert_int_equal(app_npz_read(&z, i, LIMIT, &a, &err), LINCE_ECORRUPT);
    z.member[i].size = 1;
    assert_int_equal(app_npz_read(&z, i, LIMIT, &a, &err), LINCE_ECORRUPT);
    z.member[i].size = 0;
    assert_int_equal(app_npz_read(&z, i, LIMIT, &a, &err), LINCE_ECORRUPT);
    app_npz_close(&z);
    free(f.data);
}

static void two_arrays_of_one_name_are_refused(void **state)
{
    (void)state;
    struct file f;
    char *text;
    struct app_npz_writer w = {.file = open_memstream(&text, &f.size)};
    float value = 1;
    lince_tensor t = {.dtype = LINCE_FLOAT32, .data = &value, .size_bytes = sizeof value};
    lince_error err;
    assert_int_equal(app_npz_add(&w, "a", &t, NULL), LINCE_OK);
    assert_int_equal(app_npz_add(&w, "a", &t, NULL), LINCE_OK);
    assert_int_equal(app_npz_end(&w, NULL), LINCE_OK);
    app_npz_writer_free(&w);
    fclose(w.file);
    assert_int_equal(read_everything((unsigned char *)text, f.size, &err), LINCE_EFORMAT);
    assert_string_equal(err.text, "holds two arrays named \"a\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_numpy_compressed_is_read),
        cmocka_unit_test(what_numpy_stored_is_read),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_lies_beyond_4_gib_is_found),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(no_changed_byte_gives_other_values),
        cmocka_unit_test(what_an_entry_claims_is_checked),
        cmocka_unit_test(a_bomb_is_not_unpacked),
        cmocka_unit_test(two_arrays_of_one_name_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
