/* Element types, shapes, elements and half floats. */
#include "unit/test.h"

#include <math.h>

static void dtypes_have_tensorflows_names_and_sizes(void **state)
{
    (void)state;
    assert_string_equal(li_dtype_name(LINCE_FLOAT32), "float32");
    assert_int_equal(li_dtype_size(LINCE_FLOAT32), 4);
    assert_string_equal(li_dtype_name(LINCE_BFLOAT16), "bfloat16");
    assert_int_equal(li_dtype_size(LINCE_COMPLEX128), 16);
    assert_int_equal(li_dtype_size(LINCE_STRING), sizeof(lince_string));
    assert_int_equal(li_dtype_size(LINCE_RESOURCE), 0);
    assert_string_equal(li_dtype_name((lince_dtype)27), "unknown");
    assert_string_equal(li_dtype_name((lince_dtype)1000), "unknown");
    assert_string_equal(li_dtype_name((lince_dtype)-1), "unknown");
    assert_int_equal(li_dtype_size((lince_dtype)-1), 0);
    assert_true(li_dtype_is_float(LINCE_FLOAT16) && !li_dtype_is_float(LINCE_COMPLEX64));
    assert_true(li_dtype_is_integer(LINCE_UINT64) && !li_dtype_is_integer(LINCE_BOOL));
    assert_false(li_dtype_is_integer(LINCE_QINT8));
}

static void shapes_print_and_compare(void **state)
{
    const struct li_shape part = {3, {2, -1, 3}}, full = {3, {2, 7, 3}}, other = {3, {2, 7, 4}};
    const struct li_shape scalar = {0, {0}}, unknown = {.rank = -1};
    char text[LI_SHAPE_TEXT];
    (void)state;

    assert_string_equal(li_shape_text(&part, text), "[2,?,3]");
    assert_string_equal(li_shape_text(&scalar, text), "[]");
    assert_string_equal(li_shape_text(&unknown, text), "unknown");
    assert_true(li_shape_compatible(&part, &full) && li_shape_compatible(&unknown, &scalar));
    assert_false(li_shape_compatible(&full, &other) || li_shape_compatible(&scalar, &full));
    assert_true(li_shape_equal(&full, &full) && !li_shape_equal(&full, &part));
    assert_true(li_shape_full(&full) && li_shape_full(&scalar));
    assert_false(li_shape_full(&part) || li_shape_full(&unknown));
    assert_int_equal(li_shape_count(&full), 42);
    assert_int_equal(li_shape_count(&scalar), 1);
}

static void the_longest_shape_fits_its_text(void **state)
{
    struct li_shape shape = {.rank = LI_MAX_RANK};
    char text[LI_SHAPE_TEXT];
    (void)state;

    for (int i = 0; i < LI_MAX_RANK; i++) {
        shape.dim[i] = INT64_MIN;
    }
    assert_int_equal(strlen(li_shape_text(&shape, text)), 2 + 8 * 20 + 7);
    assert_int_equal(text[strlen(text) - 1], ']');
}

static void shape_bytes_refuse_what_cannot_be(void **state)
{
    static const struct li_shape bad[] = {
        {2, {-1, 3}},
        {1, {INT64_MIN}},
        {1, {INT64_MAX}},
        {2, {(int64_t)1 << 32, (int64_t)1 << 32}},
        {3, {(int64_t)1 << 62, 4, 0}}, /* empty, but its strides overflow */
        {1, {((int64_t)1 << 38) + 1}}, /* one element above 2^40 bytes */
        {.rank = -1},
        {.rank = LI_MAX_RANK + 1},
    };
    lince_error err;
    (void)state;

    for (size_t i = 0; i < LI_COUNT(bad); i++) {
        size_t bytes = 77;
        assert_int_equal(li_shape_bytes(&bad[i], LINCE_FLOAT32, &bytes, &err), LINCE_ELIMIT);
        assert_int_equal(bytes, 77);
    }
}

static void shape_bytes_multiply(void **state)
{
    size_t bytes;
    (void)state;

    assert_int_equal(li_shape_bytes(&(struct li_shape){4, {2, 7, 13, 3}}, LINCE_FLOAT64, &bytes, NULL), LINCE_OK);
    assert_int_equal(bytes, 2 * 7 * 13 * 3 * 8);
    assert_int_equal(li_shape_bytes(&(struct li_shape){0, {0}}, LINCE_INT16, &bytes, NULL), LINCE_OK);
    assert_int_equal(bytes, 2);
    assert_int_equal(li_shape_bytes(&(struct li_shape){2, {0, 5}}, LINCE_FLOAT32, &bytes, NULL), LINCE_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(li_shape_bytes(&(struct li_shape){1, {(int64_t)1 << 38}}, LINCE_FLOAT32, &bytes, NULL), LINCE_OK);
    assert_true(bytes == LI_MAX_TENSOR_BYTES);
}

#define TENSOR(type, array) (&(struct li_tensor){.dtype = (type), .data = (array), .size_bytes = sizeof(array)})

static void elements_are_read_by_their_type(void **state)
{
    int8_t i8[] = {-3};
    uint8_t u8[] = {250};
    uint16_t u16[] = {65000}, f16[] = {0xc500}, bf16[] = {0x4049};
    int32_t i32[] = {0, -70000};
    uint32_t u32[] = {4000000000u};
    int64_t i64[] = {-((int64_t)1 << 40)};
    uint64_t u64[] = {UINT64_MAX};
    float f32[] = {-2.75f, NAN, 1e30f, -1e30f};
    double f64[] = {0x1p62};
    (void)state;

    assert_int_equal(li_tensor_int(TENSOR(LINCE_INT8, i8), 0), -3);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_UINT8, u8), 0), 250);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_UINT16, u16), 0), 65000);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_INT32, i32), 1), -70000);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_UINT32, u32), 0), 4000000000u);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_INT64, i64), 0), -((int64_t)1 << 40));
    assert_int_equal(li_tensor_int(TENSOR(LINCE_FLOAT32, f32), 0), -2);
    assert_int_equal(li_tensor_int(TENSOR(LINCE_FLOAT32, f32), 1), 0);
    assert_true(li_tensor_int(TENSOR(LINCE_FLOAT32, f32), 2) == INT64_MAX);
    assert_true(li_tensor_int(TENSOR(LINCE_FLOAT32, f32), 3) == INT64_MIN);
    assert_true(li_tensor_int(TENSOR(LINCE_FLOAT64, f64), 0) == (int64_t)1 << 62);
    assert_true(li_tensor_float(TENSOR(LINCE_FLOAT16, f16), 0) == -5.0);
    assert_true(li_tensor_float(TENSOR(LINCE_BFLOAT16, bf16), 0) == 3.140625);
    assert_true(li_tensor_float(TENSOR(LINCE_UINT64, u64), 0) == 0x1p64);
    assert_true(li_tensor_float(TENSOR(LINCE_INT8, i8), 0) == -3.0);
}

/* ---- Half floats ------------------------------------------------------------------------------------------------- */

/* From the definition: (-1)^s * 2^(e-15) * 1.m, subnormals without the 1. */
static double half_value(unsigned bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 0x3ff, sign = bits & 0x8000 ? -1 : 1;

    return exponent ? sign * ldexp(1 + mantissa / 1024, exponent - 15) : sign * ldexp(mantissa, -24);
}

static void all_halves_survive_the_way_there_and_back(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        float value = li_half_to_float((uint16_t)bits);
        bool nan = (bits & 0x7fff) > 0x7c00;
        if (nan) {
            assert_true(isnan(value));
        } else if ((bits & 0x7fff) == 0x7c00) {
            assert_true(isinf(value) && !signbit(value) == !(bits & 0x8000));
        } else {
            assert_true((double)value == half_value(bits));
            assert_true(!signbit(value) == !(bits & 0x8000));
        }
        assert_int_equal(li_float_to_half(value), nan ? bits | 0x200 : bits);
    }
}

/* Between two neighbours: the half way point goes to the even one, a hair to either side decides. */
static void floats_round_to_the_nearest_half(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x7bff; bits++) {
        float low = (float)half_value(bits), high = (float)half_value(bits + 1);
        float middle = low + (high - low) / 2; /* exact: a half has 11 bits, a float 24 */
        assert_int_equal(li_float_to_half(middle), bits & 1 ? bits + 1 : bits);
        assert_int_equal(li_float_to_half(nextafterf(middle, 0)), bits);
        assert_int_equal(li_float_to_half(nextafterf(middle, INFINITY)), bits + 1);
        assert_int_equal(li_float_to_half(-nextafterf(middle, INFINITY)), 0x8000 | (bits + 1));
    }
    assert_int_equal(li_float_to_half(65519.0f), 0x7bff);
    assert_int_equal(li_float_to_half(65520.0f), 0x7c00);
    assert_int_equal(li_float_to_half(1e30f), 0x7c00);
    assert_int_equal(li_float_to_half(-INFINITY), 0xfc00);
    assert_int_equal(li_float_to_half(1e-30f), 0);
    assert_int_equal(li_float_to_half(-0.0f), 0x8000);
    assert_int_equal(li_float_to_half(0x1p-149f), 0);
}

static void all_bfloat16s_survive_and_round(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        float value = li_bfloat16_to_float((uint16_t)bits);
        if ((bits & 0x7fff) > 0x7f80) {
            assert_true(isnan(value));
            assert_int_equal(li_float_to_bfloat16(value), (bits & 0x8000) | 0x7fc0);
        } else {
            assert_int_equal(li_float_to_bfloat16(value), bits);
        }
    }
    assert_int_equal(li_float_to_bfloat16(0x1.01p0f), 0x3f80); /* tie, to even: down */
    assert_int_equal(li_float_to_bfloat16(0x1.03p0f), 0x3f82); /* tie, to even: up */
    assert_int_equal(li_float_to_bfloat16(0x1.010002p0f), 0x3f81);
    assert_int_equal(li_float_to_bfloat16(0x1.fffffep127f), 0x7f80); /* FLT_MAX: beyond the largest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dtypes_have_tensorflows_names_and_sizes),
        cmocka_unit_test(shapes_print_and_compare),
        cmocka_unit_test(the_longest_shape_fits_its_text),
        cmocka_unit_test(shape_bytes_refuse_what_cannot_be),
        cmocka_unit_test(shape_bytes_multiply),
        cmocka_unit_test(elements_are_read_by_their_type),
        cmocka_unit_test(all_halves_survive_the_way_there_and_back),
        cmocka_unit_test(floats_round_to_the_nearest_half),
        cmocka_unit_test(all_bfloat16s_survive_and_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
