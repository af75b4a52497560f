/* Norms and factors that go into the filter before them, and those that must not. */
#include "passes_support.h"

static li_vid norm(struct fixture *f, li_vid x, int64_t c, float epsilon, bool training, li_vid *statistics)
{
    const struct li_attr attrs[] = {LI_FLOAT("epsilon", (double)epsilon), LI_BOOL("is_training", training)};
    li_vid in[5] = {x}, out[6];
    for (int i = 1; i < 5; i++) {
        in[i] = weights(f, SHAPE(c));
    }
    emit_all(f, "FusedBatchNormV3", in, 5, attrs, 2, out, 6);
    if (statistics) {
        *statistics = out[1];
    }
    return out[0];
}

static void a_norm_goes_into_the_convolution_before_it(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), y = norm(f, conv(f, x, SHAPE(3, 3, 4, 7), "SAME"), 7, 0.01f, false, NULL);
    li_vid out = emit(f, "Relu", y, LI_NONE);
    run_passes(f, &out, 1);
    assert_ops(f, "AddV2 Rsqrt Mul Mul Sub Mul _LiConvPack _LiConv2D+bias+act1 ");
    const struct li_value *epsilon = &f->made->values[made_node(f, "AddV2")->in[1]];
    assert_non_null(epsilon->constant);
    assert_true(*(const float *)epsilon->constant->data == 0.01f);
}

static void a_norm_without_a_convolution_is_a_scale_and_a_shift(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), y = conv(f, x, SHAPE(1, 1, 4, 4), "SAME");
    li_vid out[2] = {norm(f, y, 4, 0.01f, false, NULL), y};
    run_passes(f, out, 2);
    assert_ops(f, "_LiConvPack _LiConv2D AddV2 Rsqrt Mul Mul Sub _LiScaleShift ");
}

static void a_norm_that_trains_is_not_folded_and_one_that_is_asked_for_its_statistics_stays(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4)), mean;
    li_vid trained = norm(f, conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), 4, 0.01f, true, NULL);
    li_vid asked = norm(f, conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), 4, 0.01f, false, &mean);
    run_passes(f, (li_vid[]){trained, asked, mean}, 3);
    assert_ops(f, "_LiConvPack _LiConv2D _LiBatchNormMoments _LiBatchNormLines _LiScaleShift "
                  "_LiConvPack _LiConv2D FusedBatchNormV3 ");
}

static void a_factor_for_each_channel_goes_into_the_filter_and_the_bias(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 4));
    li_vid y = emit(f, "BiasAdd", depthwise(f, x, SHAPE(3, 3, 4, 2), "SAME"), weights(f, SHAPE(8)));
    li_vid out = emit(f, "Mul", weights(f, SHAPE(1, 1, 1, 8)), y);
    run_passes(f, &out, 1);
    assert_ops(f, "Reshape Reshape Mul Mul _LiDepthwiseConv2D+bias ");
}

/* A gate is computed from the images: folding it would pack the filter in every run. */
static void a_factor_from_the_images_does_not(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(1, 5, 5, 4)), gate = emit(f, "Maximum", weights(f, SHAPE(4)), input(f, SHAPE(4)));
    li_vid out = emit(f, "Mul", conv(f, x, SHAPE(1, 1, 4, 4), "SAME"), gate);
    run_passes(f, &out, 1);
    assert_ops(f, "Maximum _LiConvPack _LiConv2D Mul ");
}

/* One channel times seven numbers makes seven channels, of which a depthwise filter has only one. */
static void a_factor_that_makes_more_channels_stays_apart(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 1));
    li_vid out[2] = {emit(f, "Mul", depthwise(f, x, SHAPE(3, 3, 1, 1), "SAME"), weights(f, SHAPE(7))),
                     emit(f, "Mul", conv(f, x, SHAPE(1, 1, 1, 1), "SAME"), weights(f, SHAPE(7)))};
    run_passes(f, out, 2);
    assert_ops(f, "_LiDepthwiseConv2D Mul _LiConvPack _LiConv2D Mul ");
}

static void a_bias_of_channels_first_is_not_scaled_with_the_filter(void **state)
{
    struct fixture *f = *state;
    const struct li_attr first = LI_STR("data_format", "NCHW");
    li_vid x = input(f, SHAPE(2, 4, 5, 4)), y = conv(f, x, SHAPE(1, 1, 4, 4), "SAME");
    y = emit_with(f, "BiasAdd", y, weights(f, SHAPE(4)), &first, 1);
    li_vid out = norm(f, y, 4, 0.01f, false, NULL);
    run_passes(f, &out, 1);
    assert_ops(f, "_LiConvPack _LiConv2D BiasAdd AddV2 Rsqrt Mul Mul Sub _LiScaleShift ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_norm_goes_into_the_convolution_before_it),
        TEST(a_norm_without_a_convolution_is_a_scale_and_a_shift),
        TEST(a_norm_that_trains_is_not_folded_and_one_that_is_asked_for_its_statistics_stays),
        TEST(a_factor_for_each_channel_goes_into_the_filter_and_the_bias),
        TEST(a_factor_from_the_images_does_not),
        TEST(a_factor_that_makes_more_channels_stays_apart),
        TEST(a_bias_of_channels_first_is_not_scaled_with_the_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
