/*
 * app/common's .npy files: what numpy writes is read, what nobody should write is refused, what is written is read
 * back.
 */
#include "common/common.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct made {
    unsigned char bytes[1024];
    size_t size;
};

/* A file of version 1.0 with this header and these bytes. */
static struct made make(const char *header, const void *data, size_t size)
{
    struct made m = {.bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}};
    size_t length = strlen(header);
    m.bytes[8] = (unsigned char)(length & 255);
    m.bytes[9] = (unsigned char)(length >> 8);
    memcpy(m.bytes + 10, header, length);
    memcpy(m.bytes + 10 + length, data, size);
    m.size = 10 + length + size;
    return m;
}

static void reads_little_endian_floats(void **state)
{
    (void)state;
    const float values[] = {1, -2.5f, 3, 4, 5, 6};
    struct made m = make("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", values, sizeof values);
    struct app_array a;
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_int_equal(a.tensor.dtype, LINCE_FLOAT32);
    assert_int_equal(a.tensor.rank, 2);
    assert_int_equal(a.tensor.dims[0], 2);
    assert_int_equal(a.tensor.dims[1], 3);
    assert_int_equal(a.tensor.size_bytes, sizeof values);
    assert_memory_equal(a.tensor.data, values, sizeof values);
    app_array_free(&a);
}

static void turns_big_endian_around(void **state)
{
    (void)state;
    const unsigned char values[] = {0, 0, 1, 2, 255, 255, 255, 254};
    const int32_t wanted[] = {258, -2};
    struct made m = make("{'descr': '>i4', 'fortran_order': False, 'shape': (2,)}", values, sizeof values);
    struct app_array a;
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_memory_equal(a.tensor.data, wanted, sizeof wanted);
    app_array_free(&a);
}

static void turns_halves_of_big_endian_complex_numbers_around(void **state)
{
    (void)state;
    const unsigned char values[] = {0x3F, 0x80, 0, 0, 0xC0, 0, 0, 0};
    const float wanted[] = {1, -2};
    struct made m = make("{'descr': '>c8', 'fortran_order': False, 'shape': ()}", values, sizeof values);
    struct app_array a;
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_int_equal(a.tensor.rank, 0);
    assert_memory_equal(a.tensor.data, wanted, sizeof wanted);
    app_array_free(&a);
}

static void turns_fortran_order_into_c_order(void **state)
{
    (void)state;
    const int16_t values[] = {0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121}; /* [i, j, k] is 100 i + 10 j + k */
    const int16_t wanted[] = {0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121};
    struct made m = make("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 2), }\n", values, sizeof values);
    struct app_array a;
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_memory_equal(a.tensor.data, wanted, sizeof wanted);
    app_array_free(&a);
}

static void assert_text(const struct app_array *a, size_t i, const char *wanted)
{
    const lince_string *s = (const lince_string *)a->tensor.data + i;
    assert_int_equal(s->size, strlen(wanted));
    assert_memory_equal(s->data, wanted, s->size);
}

static void reads_bytes_and_code_points_as_strings(void **state)
{
    (void)state;
    const unsigned char points[] = {'a', 0, 0, 0, 0xE9, 0, 0, 0, 0, 0, 0, 0, 0x3D, 0xF6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct made m = make("{'descr': '|S3', 'fortran_order': False, 'shape': (2,)}", "ab\0xyz", 6);
    struct app_array a;
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_int_equal(a.tensor.dtype, LINCE_STRING);
    assert_text(&a, 0, "ab");
    assert_text(&a, 1, "xyz");
    app_array_free(&a);
    m = make("{'descr': '<U3', 'fortran_order': False, 'shape': (2,)}", points, sizeof points);
    assert_int_equal(app_npy_parse(m.bytes, m.size, &a, NULL), LINCE_OK);
    assert_text(&a, 0, "a\xC3\xA9");
    assert_text(&a, 1, "\xF0\x9F\x98\xBD");
    app_array_free(&a);
}

static void reads_every_cut_of_a_file_as_an_error(void **state)
{
    (void)state;
    const double values[] = {1, 2};
    struct made m = make("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", values, sizeof values);
    for (size_t size = 0; size < m.size; size++) {
        struct app_array a;
        unsigned char *exact = malloc(size + !size); /* so that a sanitizer sees reading past the end */
        assert_non_null(exact);
        memcpy(exact, m.bytes, size);
        assert_int_not_equal(app_npy_parse(exact, size, &a, NULL), LINCE_OK);
        free(exact);
    }
}

static void refuses_what_is_no_plain_array(void **state)
{
    (void)state;
    static const struct {
        const char *header, *data, *says;
        size_t size;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "12345678", "pickle", 8},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234", "records", 4},
        {"{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}", "12345678", "no tensor has", 8},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "12345", "5 bytes", 5},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "1234", "4 bytes", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "", "a number", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904)}", "",
         "more elements", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4)}", "1234123412341234",
         "more elements", 16},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "", "64 bits", 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "1234", "dimensions", 4},
        {"{'descr': '<f4', 'fortran_order': False}", "", "lacks", 0},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", "1234", "each once", 4},
        {"{'descr': '<f4', 'fortran_order': 1, 'shape': ()}", "1234", "True or False", 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", "1234", "its end", 4},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", "\1\2", "0 or 1", 2},
        {"{'descr': '<U1', 'fortran_order': False, 'shape': ()}", "\0\xD8\0\0", "no character", 4},
        {"{'descr': '|S0', 'fortran_order': False, 'shape': (99999999999,)}", "", "elements of 0", 0},
    };
    for (size_t i = 0; i < APP_COUNT(cases); i++) {
        struct made m = make(cases[i].header, cases[i].data, cases[i].size);
        struct app_array a;
        lince_error err;
        assert_int_not_equal(app_npy_parse(m.bytes, m.size, &a, &err), LINCE_OK);
        if (!strstr(err.text, cases[i].says)) {
            fail_msg("%s: says \"%s\", not \"%s\"", cases[i].header, err.text, cases[i].says);
        }
    }
}

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    static const lince_dtype dtypes[] = {LINCE_FLOAT32, LINCE_FLOAT64, LINCE_FLOAT16,   LINCE_INT8,      LINCE_INT16,
                                         LINCE_INT32,   LINCE_INT64,   LINCE_UINT8,     LINCE_UINT16,    LINCE_UINT32,
                                         LINCE_UINT64,  LINCE_BOOL,    LINCE_COMPLEX64, LINCE_COMPLEX128};
    unsigned char values[6 * 16];
    for (size_t i = 0; i < sizeof values; i++) {
        values[i] = (unsigned char)(i % 2); /* booleans too */
    }
    for (size_t i = 0; i < APP_COUNT(dtypes); i++) {
        lince_tensor t = {.dtype = dtypes[i],
                          .rank = 3,
                          .dims = {1, 2, 3},
                          .data = values,
                          .size_bytes = 6 * lince_dtype_size(dtypes[i])};
        char *bytes = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&bytes, &size);
        assert_int_equal(app_npy_write(file, &t, NULL), LINCE_OK);
        fclose(file);
        struct app_array a;
        assert_int_equal(app_npy_parse(bytes, size, &a, NULL), LINCE_OK);
        assert_int_equal((size - t.size_bytes) % 64, 0);
        assert_int_equal(a.tensor.dtype, t.dtype);
        assert_memory_equal(a.tensor.dims, t.dims, 3 * sizeof *t.dims);
        assert_memory_equal(a.tensor.data, values, t.size_bytes);
        app_array_free(&a);
        free(bytes);
    }
}

static void writes_rows_whose_number_is_known_last(void **state)
{
    (void)state;
    const float row[] = {1, 2, 3};
    unsigned char bytes[256];
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(app_npy_rows_header(file, 0, 3, NULL), LINCE_OK);
    assert_int_equal(fwrite(row, sizeof *row, 3, file), 3);
    rewind(file);
    assert_int_equal(app_npy_rows_header(file, 1, 3, NULL), LINCE_OK);
    rewind(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct app_array a;
    assert_int_equal(app_npy_parse(bytes, size, &a, NULL), LINCE_OK);
    assert_int_equal(a.tensor.dims[0], 1);
    assert_memory_equal(a.tensor.data, row, sizeof row);
    app_array_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_little_endian_floats),
        cmocka_unit_test(turns_big_endian_around),
        cmocka_unit_test(turns_halves_of_big_endian_complex_numbers_around),
        cmocka_unit_test(turns_fortran_order_into_c_order),
        cmocka_unit_test(reads_bytes_and_code_points_as_strings),
        cmocka_unit_test(reads_every_cut_of_a_file_as_an_error),
        cmocka_unit_test(refuses_what_is_no_plain_array),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(writes_rows_whose_number_is_known_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
