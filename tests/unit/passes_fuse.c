/* What becomes one node, and what only looks as if it could. */
#include "passes_support.h"

#include <math.h>

/* ---- Chains ---- */

static void a_convolution_takes_bias_residual_and_activation(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), r = input(f, SHAPE(2, 5, 5, 4));
    li_vid y = emit(f, "BiasAdd", conv(f, x, SHAPE(3, 3, 4, 4), "SAME"), weights(f, SHAPE(4)));
    y = emit(f, "Relu6", emit(f, "AddV2", r, y), LI_NONE);
    run_passes(f, &y, 1);
    assert_ops(f, "_LiConvPack _LiConv2D+bias+residual+act2 ");
}

static void what_somebody_else_reads_is_not_fused_away(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), y = conv(f, x, SHAPE(3, 3, 4, 4), "SAME");
    li_vid biased = emit(f, "BiasAdd", y, weights(f, SHAPE(4))), out = emit(f, "Relu", biased, LI_NONE);
    run_passes(f, (li_vid[]){out, biased}, 2);
    assert_ops(f, "_LiConvPack _LiConv2D+bias _LiActivate+act1 ");
    run_passes(f, (li_vid[]){out, y}, 2);
    assert_ops(f, "_LiConvPack _LiConv2D BiasAdd _LiActivate+act1 ");
}

/* x + x of one convolution: it is no residual of its own. */
static void a_convolution_is_not_its_own_residual(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), y = conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), out = emit(f, "AddV2", y, y);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D AddV2 ");
}

static void of_two_convolutions_that_are_added_the_later_takes_the_other(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4));
    li_vid a = conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), b = conv(f, x, SHAPE(3, 3, 4, 4), "SAME");
    li_vid out = emit(f, "Relu", emit(f, "AddV2", a, b), LI_NONE);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D _LiConvPack _LiConv2D+residual+act1 ");
}

/* Models read a bias after the convolution as often as before it. */
static void a_convolution_waits_for_what_is_added_to_it(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), y = conv(f, x, SHAPE(1, 1, 4, 4), "SAME");
    li_vid bias = emit(f, "Abs", weights(f, SHAPE(1, 1, 1, 4)), LI_NONE), later = emit(f, "Abs", x, LI_NONE);
    li_vid out = emit(f, "AddV2", later, emit(f, "AddV2", bias, y));
    run_passes(f, &out, 1);
    assert_ops(f, "Abs Abs _LiConvPack Reshape _LiConv2D+bias+residual ");
}

/* Two products of one row each, either of which could be the other's bias or residual. */
static void an_addition_belongs_to_one_product(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(1, 4)), w = weights(f, SHAPE(4, 7)), v = weights(f, SHAPE(4, 7));
    li_vid a = emit(f, "MatMul", x, w), b = emit(f, "MatMul", x, v), out = emit(f, "AddV2", a, b);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiMatMulPack _LiMatMul _LiMatMulPack Reshape _LiMatMul+bias ");
}

static void what_broadcasts_is_neither_bias_nor_residual(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), row = input(f, SHAPE(5, 4)), whole = input(f, SHAPE(2, 5, 5, 4));
    li_vid out[2] = {emit(f, "AddV2", conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), row),
                     emit(f, "AddV2", conv(f, x, SHAPE(1, 1, 4, 1), "SAME"), whole)};
    run_passes(f, out, 2);
    assert_ops(f, "_LiConvPack _LiConv2D AddV2 _LiConvPack _LiConv2D AddV2 ");
}

static void a_bias_along_the_rows_of_channels_first_stays_apart(void **state)
{
    struct fixture *f = *state;
    const struct li_attr first = LI_STR("data_format", "NCHW");
    li_vid x = input(f, SHAPE(2, 4, 5, 4)), y = conv(f, x, SHAPE(1, 1, 4, 4), "SAME");
    li_vid out = emit_with(f, "BiasAdd", y, weights(f, SHAPE(4)), &first, 1);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D BiasAdd ");
}

static void matrix_products_and_depthwise_convolutions_fuse_too(void **state)
{
    struct fixture *f = *state;
    li_vid rows = input(f, SHAPE(3, 4)), x = input(f, SHAPE(2, 5, 5, 4)), r = input(f, SHAPE(2, 5, 5, 4));
    li_vid m = emit(f, "BiasAdd", emit(f, "MatMul", rows, weights(f, SHAPE(4, 7))), weights(f, SHAPE(7))), out[2];
    li_vid d = emit(f, "BiasAdd", depthwise(f, x, SHAPE(3, 3, 4, 1), "SAME"), weights(f, SHAPE(4)));
    out[0] = emit(f, "Tanh", m, LI_NONE);
    out[1] = emit(f, "Relu", emit(f, "AddV2", d, r), LI_NONE);
    run_passes(f, out, 2);
    assert_ops(f, "_LiDepthwiseConv2D+bias _LiMatMulPack _LiMatMul+bias+act9 AddV2 _LiActivate+act1 ");
}

/* ---- Padding ---- */

static li_vid padded(struct fixture *f, li_vid x, int32_t rows, int32_t columns, int32_t channels)
{
    const int32_t amounts[8] = {0, 0, rows, rows + 1, columns, columns + 1, channels, 0};
    return emit(f, "Pad", x, constant(f, LINCE_INT32, SHAPE(4, 2), amounts));
}

static void a_pad_becomes_the_padding_of_a_valid_convolution(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), out = conv(f, padded(f, x, 1, 2, 0), SHAPE(3, 3, 4, 4), "VALID");
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D ");
    const struct li_attr *pads = li_attr(made_node(f, "_LiConv2D"), "explicit_paddings");
    const int64_t expected[8] = {0, 0, 1, 2, 2, 3, 0, 0};
    assert_int_equal(pads->count, 8);
    assert_memory_equal(pads->ints, expected, sizeof expected);
}

static void a_pad_is_added_to_padding_that_is_there(void **state)
{
    struct fixture *f = *state;
    const int64_t ones[4] = {1, 1, 1, 1}, own[8] = {0, 0, 2, 0, 0, 1, 0, 0}, expected[8] = {0, 0, 3, 2, 2, 4, 0, 0};
    const struct li_attr attrs[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", ones, 4),
                                    LI_STR("padding", "EXPLICIT"), LI_INTS("explicit_paddings", own, 8)};
    li_vid x = padded(f, input(f, SHAPE(2, 5, 5, 4)), 1, 2, 0);
    li_vid out = emit_with(f, "Conv2D", x, weights(f, SHAPE(3, 3, 4, 4)), attrs, 4);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D ");
    assert_memory_equal(li_attr(made_node(f, "_LiConv2D"), "explicit_paddings")->ints, expected, sizeof expected);
}

static void a_pad_of_channels_or_before_same_padding_stays(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), wide = padded(f, x, 1, 1, 1), out;
    out = conv(f, wide, SHAPE(3, 3, 5, 4), "VALID");
    run_passes(f, &out, 1);
    assert_ops(f, "Pad _LiConvPack _LiConv2D ");
    out = conv(f, padded(f, x, 1, 1, 0), SHAPE(3, 3, 4, 4), "SAME");
    run_passes(f, &out, 1);
    assert_ops(f, "Pad _LiConvPack _LiConv2D ");
    wide = padded(f, x, 1, 1, 0);
    out = conv(f, wide, SHAPE(3, 3, 4, 4), "VALID");
    run_passes(f, (li_vid[]){out, emit(f, "Abs", wide, LI_NONE)}, 2);
    assert_ops(f, "Pad _LiConvPack _LiConv2D Abs ");
}

/* ---- Activations that are spelled out ---- */

static void swish_hard_swish_and_gelu_are_recognised(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 7)), out[4];
    li_vid six = emit(f, "Relu6", emit(f, "AddV2", x, number(f, 3)), LI_NONE);
    li_vid half = emit(f, "Mul", number(f, 0.5f), x);
    li_vid erf = emit(f, "Erf", emit(f, "Mul", x, number(f, (float)M_SQRT1_2)), LI_NONE);
    out[0] = emit(f, "Mul", x, emit(f, "Sigmoid", emit(f, "Mul", x, number(f, 1.702f)), LI_NONE));
    out[1] = emit(f, "Mul", emit(f, "Mul", six, number(f, 1.0f / 6)), x);
    out[2] = emit(f, "Mul", half, emit(f, "AddV2", number(f, 1), erf));
    out[3] = emit(f, "Mul", x, emit(f, "Sigmoid", x, LI_NONE));
    run_passes(f, out, 4);
    assert_ops(f, "_LiActivate+act7 _LiActivate+act8 _LiActivate+act10 _LiActivate+act7 ");
    assert_true(li_attr_float(&f->made->nodes[0], "alpha") == (double)1.702f);
    assert_true(li_attr_float(&f->made->nodes[3], "alpha") == 1);
}

/* The activations that are left must be those of single ops. */
static void assert_spelled_out(struct fixture *f, li_vid out)
{
    run_passes(f, &out, 1);
    for (int32_t n = 0; n < f->made->node_count; n++) {
        const struct li_node *node = &f->made->nodes[n];
        if (strcmp(node->op->name, "_LiActivate") == 0) {
            int64_t kind = li_attr_int(node, "activation");
            assert_true(kind == LI_ACT_RELU6 || kind == LI_ACT_SIGMOID);
        }
    }
}

static li_vid shifted_relu6(struct fixture *f, li_vid x, float shift)
{
    return emit(f, "Relu6", emit(f, "AddV2", x, number(f, shift)), LI_NONE);
}

static void other_numbers_make_other_functions(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 7)), y = input(f, SHAPE(2, 7)), sigmoid = emit(f, "Sigmoid", x, LI_NONE);
    li_vid erf = emit(f, "Erf", emit(f, "Mul", x, number(f, 0.7f)), LI_NONE);
    assert_spelled_out(f, emit(f, "Mul", emit(f, "Mul", shifted_relu6(f, x, 2), number(f, 1.0f / 6)), x));
    assert_spelled_out(f, emit(f, "Mul", emit(f, "Mul", shifted_relu6(f, x, 3), number(f, 0.2f)), x));
    assert_spelled_out(f, emit(f, "Mul", shifted_relu6(f, x, 3), number(f, 0.2f)));
    assert_spelled_out(f, emit(f, "Mul", emit(f, "Mul", number(f, 0.5f), x), emit(f, "AddV2", number(f, 1), erf)));
    assert_spelled_out(f, emit(f, "Mul", y, emit(f, "Sigmoid", x, LI_NONE)));
    assert_spelled_out(f, emit(f, "Mul", x, emit(f, "Mul", number(f, 0.5f), sigmoid)));
    assert_spelled_out(f, emit(f, "Mul", emit(f, "Mul", x, number(f, 2)), emit(f, "Sigmoid", x, LI_NONE)));
}

/* A number with three dims makes three dims of two. */
static void a_number_that_adds_dims_is_no_part_of_an_activation(void **state)
{
    struct fixture *f = *state;
    const float one = 1.5f;
    li_vid x = input(f, SHAPE(2, 7)), cube = constant(f, LINCE_FLOAT32, SHAPE(1, 1, 1), &one);
    assert_spelled_out(f, emit(f, "Mul", x, emit(f, "Sigmoid", emit(f, "Mul", x, cube), LI_NONE)));
    assert_int_equal(f->made->values[f->made->outputs[0]].shape.rank, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_convolution_takes_bias_residual_and_activation),
        TEST(what_somebody_else_reads_is_not_fused_away),
        TEST(a_convolution_is_not_its_own_residual),
        TEST(of_two_convolutions_that_are_added_the_later_takes_the_other),
        TEST(a_convolution_waits_for_what_is_added_to_it),
        TEST(an_addition_belongs_to_one_product),
        TEST(what_broadcasts_is_neither_bias_nor_residual),
        TEST(a_bias_along_the_rows_of_channels_first_stays_apart),
        TEST(matrix_products_and_depthwise_convolutions_fuse_too),
        TEST(a_pad_becomes_the_padding_of_a_valid_convolution),
        TEST(a_pad_is_added_to_padding_that_is_there),
        TEST(a_pad_of_channels_or_before_same_padding_stays),
        TEST(swish_hard_swish_and_gelu_are_recognised),
        TEST(other_numbers_make_other_functions),
        TEST(a_number_that_adds_dims_is_no_part_of_an_activation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
