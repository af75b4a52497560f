/* TensorProto and TensorShapeProto into tensors and shapes. Messages are filled in by hand. */
#include "proto_support.h"

static lince_error err;

struct fixture {
    struct li_mem *mem;
    struct li_arena arena;
    struct li_tensor tensor;
    Tf__TensorShapeProto shape;
    Tf__TensorShapeProto__Dim dim[LI_MAX_RANK + 1], *dims[LI_MAX_RANK + 1];
    Tf__TensorProto proto;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->mem = li_mem_new(NULL, NULL, NULL, 0);
    li_arena_init(&f->arena, f->mem, 0);
    tf__tensor_proto__init(&f->proto);
    tf__tensor_shape_proto__init(&f->shape);
    f->proto.tensor_shape = &f->shape;
    f->shape.dim = f->dims;
    for (size_t i = 0; i < LI_COUNT(f->dim); i++) {
        tf__tensor_shape_proto__dim__init(&f->dim[i]);
        f->dims[i] = &f->dim[i];
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    li_arena_free(&f->arena);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
    free(f);
    return 0;
}

static void set(struct fixture *f, lince_dtype dtype, size_t rank, int64_t d0, int64_t d1)
{
    f->proto.dtype = dtype;
    f->shape.n_dim = rank;
    f->dim[0].size = d0;
    f->dim[1].size = d1;
}

static lince_status convert(struct fixture *f)
{
    return li_proto_tensor(&f->tensor, &f->proto, &f->arena, &err);
}

static void content_that_is_aligned_is_borrowed(void **state)
{
    struct fixture *f = *state;
    float content[6] = {1, 2, 3, 4, 5, 6};

    set(f, LINCE_FLOAT32, 2, 2, 3);
    f->proto.tensor_content = (ProtobufCBinaryData){sizeof content, (uint8_t *)content};
    assert_status(convert(f), LINCE_OK);
    assert_ptr_equal(f->tensor.data, content);
    assert_int_equal(f->tensor.size_bytes, 24);
    assert_int_equal(f->tensor.shape.dim[1], 3);
}

static void content_that_is_not_aligned_is_copied(void **state)
{
    struct fixture *f = *state;
    _Alignas(8) uint8_t content[9] = {0, 1, 0, 0, 0, 2, 0, 0, 0};

    set(f, LINCE_INT32, 1, 2, 0);
    f->proto.tensor_content = (ProtobufCBinaryData){8, content + 1};
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((int32_t *)f->tensor.data)[0], 1);
    assert_int_equal(((int32_t *)f->tensor.data)[1], 2);
}

static void content_of_another_size_than_the_shape_is_refused(void **state)
{
    struct fixture *f = *state;
    float content[2] = {0};

    set(f, LINCE_FLOAT32, 1, 3, 0);
    f->proto.tensor_content = (ProtobufCBinaryData){8, (uint8_t *)content};
    assert_status(convert(f), LINCE_EINVAL);
    assert_says(err, "a float32 constant of shape [3] has 8 bytes of content, wanted 12");
}

static void the_last_value_fills_the_rest(void **state)
{
    struct fixture *f = *state;
    float values[2] = {1.5f, 2.5f};

    set(f, LINCE_FLOAT32, 2, 3, 3);
    f->proto.float_val = values;
    f->proto.n_float_val = 2;
    assert_status(convert(f), LINCE_OK);
    const float *data = f->tensor.data;
    assert_true(data[0] == 1.5f);
    for (int i = 1; i < 9; i++) {
        assert_true(data[i] == 2.5f);
    }
}

static void no_value_at_all_means_zeros(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_INT64, 1, 5, 0);
    assert_status(convert(f), LINCE_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(((int64_t *)f->tensor.data)[i], 0);
    }
}

static void values_beyond_the_shape_are_not_used(void **state)
{
    struct fixture *f = *state;
    int32_t values[3] = {7, 8, 9};

    set(f, LINCE_INT32, 0, 0, 0);
    f->proto.int_val = values;
    f->proto.n_int_val = 3;
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(f->tensor.size_bytes, 4);
    assert_int_equal(*(int32_t *)f->tensor.data, 7);
}

static void a_tensor_without_elements_needs_no_values(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_FLOAT32, 2, 0, 5);
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(f->tensor.size_bytes, 0);
    assert_non_null(f->tensor.data);
}

static void halves_are_the_low_bits_of_integers(void **state)
{
    struct fixture *f = *state;
    int32_t values[2] = {0x3c00, 0x3f80};

    set(f, LINCE_FLOAT16, 1, 2, 0);
    f->proto.half_val = values;
    f->proto.n_half_val = 2;
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((uint16_t *)f->tensor.data)[0], 0x3c00);
    set(f, LINCE_BFLOAT16, 1, 2, 0);
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((uint16_t *)f->tensor.data)[1], 0x3f80);
    assert_int_equal(f->tensor.size_bytes, 4);
}

static void narrow_integers_are_the_low_bytes_of_integers(void **state)
{
    struct fixture *f = *state;
    int32_t values[2] = {-3, 200};

    f->proto.int_val = values;
    f->proto.n_int_val = 2;
    set(f, LINCE_INT8, 1, 2, 0);
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((int8_t *)f->tensor.data)[0], -3);
    set(f, LINCE_UINT8, 1, 2, 0);
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((uint8_t *)f->tensor.data)[1], 200);
    set(f, LINCE_UINT16, 1, 2, 0);
    assert_status(convert(f), LINCE_OK);
    assert_int_equal(((uint16_t *)f->tensor.data)[0], 0xfffd);
}

static void complex_numbers_are_pairs(void **state)
{
    struct fixture *f = *state;
    float values[4] = {1, 2, 3, 4};

    set(f, LINCE_COMPLEX64, 1, 3, 0);
    f->proto.scomplex_val = values;
    f->proto.n_scomplex_val = 4;
    assert_status(convert(f), LINCE_OK);
    const float *data = f->tensor.data;
    assert_true(data[0] == 1 && data[1] == 2 && data[2] == 3 && data[3] == 4 && data[4] == 3 && data[5] == 4);
}

static void booleans_are_bytes_of_0_and_1(void **state)
{
    struct fixture *f = *state;
    protobuf_c_boolean values[2] = {0, 1};

    set(f, LINCE_BOOL, 1, 3, 0);
    f->proto.bool_val = values;
    f->proto.n_bool_val = 2;
    assert_status(convert(f), LINCE_OK);
    assert_memory_equal(f->tensor.data, "\0\1\1", 3);
}

static void strings_keep_every_byte(void **state)
{
    struct fixture *f = *state;
    ProtobufCBinaryData values[2] = {{3, (uint8_t *)"a\0b"}, {0, NULL}};

    set(f, LINCE_STRING, 1, 3, 0);
    f->proto.string_val = values;
    f->proto.n_string_val = 2;
    assert_status(convert(f), LINCE_OK);
    const lince_string *string = f->tensor.data;
    assert_int_equal(string[0].size, 3);
    assert_memory_equal(string[0].data, "a\0b", 3);
    assert_int_equal(string[1].size, 0);
    assert_int_equal(string[2].size, 0);
    assert_non_null(string[2].data);
}

static void strings_in_content_are_lengths_and_bytes(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_STRING, 1, 2, 0);
    f->proto.tensor_content = (ProtobufCBinaryData){5, (uint8_t *)"\1\2abc"};
    assert_status(convert(f), LINCE_OK);
    const lince_string *string = f->tensor.data;
    assert_memory_equal(string[1].data, "bc", 2);
    f->proto.tensor_content = (ProtobufCBinaryData){5, (uint8_t *)"\1\3abc"};
    assert_status(convert(f), LINCE_EINVAL);
    f->proto.tensor_content = (ProtobufCBinaryData){6, (uint8_t *)"\1\2abcd"};
    assert_status(convert(f), LINCE_EINVAL);
}

static void a_shape_that_is_not_full_is_refused(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_FLOAT32, 1, -1, 0);
    assert_status(convert(f), LINCE_EINVAL);
    set(f, LINCE_FLOAT32, 1, -3, 0);
    assert_status(convert(f), LINCE_EINVAL);
    assert_says(err, "dimension 0 of a shape is -3");
    f->shape.n_dim = 0;
    f->shape.unknown_rank = 1;
    assert_status(convert(f), LINCE_EINVAL);
}

static void a_rank_above_the_limit_is_refused(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_FLOAT32, LI_MAX_RANK + 1, 1, 1);
    assert_status(convert(f), LINCE_ELIMIT);
    assert_says(err, "rank 9, wanted at most 8");
}

static void a_shape_whose_product_overflows_is_refused(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_FLOAT32, 2, INT64_MAX, 4);
    assert_status(convert(f), LINCE_ELIMIT);
    set(f, LINCE_FLOAT64, 1, INT64_MAX / 2, 0);
    assert_status(convert(f), LINCE_ELIMIT);
}

static void a_constant_of_terabytes_is_refused_before_memory_is_taken(void **state)
{
    struct fixture *f = *state;
    float one = 1;

    f->proto.float_val = &one;
    f->proto.n_float_val = 1;
    set(f, LINCE_FLOAT32, 2, 4000000000, 192); /* 3 TB */
    assert_status(convert(f), LINCE_ELIMIT);
    set(f, LINCE_FLOAT32, 2, 1 << 20,
        1 << 10); /* 4 GB: below the limit of a tensor, but one value is all the file gives */
    assert_status(convert(f), LINCE_ELIMIT);
    assert_says(err, "of which the file gives 1 values");
    assert_int_equal(li_mem_peak_bytes(f->mem), 0);
}

static void a_constant_beyond_the_memory_limit_is_refused(void **state)
{
    struct fixture *f = *state;

    f->arena.limit_bytes = 1 << 20;
    set(f, LINCE_FLOAT32, 2, 1 << 10, 1 << 10);
    assert_status(convert(f), LINCE_ELIMIT);
    assert_says(err, "a constant of shape [1024,1024]");
}

static void dtypes_without_plain_values_are_unsupported(void **state)
{
    struct fixture *f = *state;

    set(f, LINCE_RESOURCE, 0, 0, 0);
    assert_status(convert(f), LINCE_EUNSUPPORTED);
    set(f, (lince_dtype)999, 0, 0, 0);
    assert_status(convert(f), LINCE_EUNSUPPORTED);
    set(f, LINCE_DTYPE_NONE, 0, 0, 0);
    assert_status(convert(f), LINCE_EINVAL);
}

static void no_shape_is_a_scalar_and_unknown_stays_unknown(void **state)
{
    struct fixture *f = *state;
    struct li_shape shape;

    assert_status(li_proto_shape(&shape, NULL, &err), LINCE_OK);
    assert_int_equal(shape.rank, 0);
    f->shape.unknown_rank = 1;
    assert_status(li_proto_shape(&shape, &f->shape, &err), LINCE_OK);
    assert_int_equal(shape.rank, -1);
    set(f, LINCE_FLOAT32, 2, -1, 0);
    assert_status(li_proto_shape(&shape, &f->shape, &err), LINCE_EINVAL);
    f->shape.unknown_rank = 0;
    assert_status(li_proto_shape(&shape, &f->shape, &err), LINCE_OK);
    assert_int_equal(shape.dim[0], -1);
    assert_int_equal(shape.dim[1], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(content_that_is_aligned_is_borrowed),
        TEST(content_that_is_not_aligned_is_copied),
        TEST(content_of_another_size_than_the_shape_is_refused),
        TEST(the_last_value_fills_the_rest),
        TEST(no_value_at_all_means_zeros),
        TEST(values_beyond_the_shape_are_not_used),
        TEST(a_tensor_without_elements_needs_no_values),
        TEST(halves_are_the_low_bits_of_integers),
        TEST(narrow_integers_are_the_low_bytes_of_integers),
        TEST(complex_numbers_are_pairs),
        TEST(booleans_are_bytes_of_0_and_1),
        TEST(strings_keep_every_byte),
        TEST(strings_in_content_are_lengths_and_bytes),
        TEST(a_shape_that_is_not_full_is_refused),
        TEST(a_rank_above_the_limit_is_refused),
        TEST(a_shape_whose_product_overflows_is_refused),
        TEST(a_constant_of_terabytes_is_refused_before_memory_is_taken),
        TEST(a_constant_beyond_the_memory_limit_is_refused),
        TEST(dtypes_without_plain_values_are_unsupported),
        TEST(no_shape_is_a_scalar_and_unknown_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
