/* Where values are laid: frames, parts and pieces, and what stays by itself because somebody could not do with it. */
#include "passes_support.h"

#include <time.h>

/* Where output i of the graph, or the only output of an op's only node, lies. */
static const struct li_value *laid(struct fixture *f, const char *op, int i)
{
    return &f->made->values[made_node(f, op)->out[i]];
}

static void assert_halo(const struct li_value *value, int32_t top, int32_t bottom, int32_t left, int32_t right)
{
    const int32_t expected[4] = {top, bottom, left, right};
    assert_memory_equal(value->view.halo, expected, sizeof expected);
}

/* Densely, in a buffer that is all its own. */
static void assert_at_home(struct fixture *f, const struct li_value *value)
{
    assert_ptr_equal(&f->made->values[value->view.base], value);
    assert_int_equal(value->view.offset, 0);
    assert_int_equal(value->view.buffer_count, li_shape_count(&value->shape));
    assert_true(li_view_dense(value));
}

/* ---- Frames ---- */

static void a_picture_has_the_widest_frame_its_readers_ask_for(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 7, 7, 3)), y = depthwise(f, x, SHAPE(1, 1, 3, 1), "SAME"), out[2];
    out[0] = conv(f, y, SHAPE(3, 3, 3, 4), "SAME");
    out[1] = conv(f, y, SHAPE(5, 2, 3, 4), "SAME");
    run_passes(f, out, 2);
    const struct li_value *value = laid(f, "_LiDepthwiseConv2D", 0);
    assert_halo(value, 2, 2, 1, 1);
    assert_int_equal(value->view.stride[2], 3);
    assert_int_equal(value->view.stride[1], 9 * 3);
    assert_int_equal(value->view.stride[0], 11 * 9 * 3);
    assert_int_equal(value->view.offset, 2 * 9 * 3 + 3);
    assert_int_equal(value->view.buffer_count, 2 * 11 * 9 * 3);
}

static void a_picture_that_somebody_reads_densely_has_no_frame(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 7, 7, 3)), y = depthwise(f, x, SHAPE(1, 1, 3, 1), "SAME"), out[2];
    out[0] = conv(f, y, SHAPE(3, 3, 3, 4), "SAME");
    out[1] = emit(f, "Softmax", y, LI_NONE);
    run_passes(f, out, 2);
    assert_at_home(f, laid(f, "_LiDepthwiseConv2D", 0));
}

static void results_and_inputs_have_no_frame(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 7, 7, 3)), y = depthwise(f, x, SHAPE(3, 3, 3, 1), "SAME");
    run_passes(f, (li_vid[]){conv(f, y, SHAPE(3, 3, 3, 4), "SAME"), y}, 2);
    assert_at_home(f, laid(f, "_LiDepthwiseConv2D", 0));
    assert_at_home(f, &f->made->values[f->made->inputs[0]]);
}

/* Where windows reach past no border, and in large pictures, where it would cost more than it saves. */
static void a_frame_nobody_needs_is_not_there(void **state)
{
    struct fixture *f = *state;
    li_vid small = depthwise(f, input(f, SHAPE(1, 7, 7, 3)), SHAPE(1, 1, 3, 1), "SAME");
    li_vid out = conv(f, small, SHAPE(3, 3, 3, 4), "VALID");
    run_passes(f, &out, 1);
    assert_at_home(f, laid(f, "_LiDepthwiseConv2D", 0));
    li_vid large = depthwise(f, input(f, SHAPE(1, 20, 20, 3)), SHAPE(1, 1, 3, 1), "SAME");
    out = conv(f, large, SHAPE(3, 3, 3, 4), "SAME");
    run_passes(f, &out, 1);
    assert_at_home(f, laid(f, "_LiDepthwiseConv2D", 0));
}

/* ---- Pieces of a concatenation ---- */

static void pieces_are_written_where_they_end_up(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 3)), in[4], out;
    const int64_t offset[3] = {0, 4, 7};
    in[0] = conv(f, x, SHAPE(1, 1, 3, 4), "SAME");
    in[1] = depthwise(f, x, SHAPE(1, 1, 3, 1), "SAME");
    in[2] = conv(f, x, SHAPE(1, 1, 3, 2), "SAME");
    in[3] = axis(f, -1);
    emit_all(f, "ConcatV2", in, 4, NULL, 0, &out, 1);
    run_passes(f, &out, 1);
    const struct li_node *concat = made_node(f, "ConcatV2");
    for (int i = 0; i < 3; i++) {
        const struct li_value *piece = &f->made->values[concat->in[i]];
        assert_int_equal(piece->view.base, concat->out[0]);
        assert_int_equal(piece->view.offset, offset[i]);
        assert_int_equal(piece->view.stride[2], 9);
        assert_int_equal(piece->view.stride[0], 5 * 5 * 9);
    }
    assert_at_home(f, &f->made->values[concat->out[0]]);
}

static void a_concatenation_in_another_finds_its_place(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 3)), in[3], inner, out;
    in[0] = conv(f, x, SHAPE(1, 1, 3, 4), "SAME");
    in[1] = depthwise(f, x, SHAPE(1, 1, 3, 1), "SAME");
    in[2] = axis(f, 3);
    emit_all(f, "ConcatV2", in, 3, NULL, 0, &inner, 1);
    emit_all(f, "ConcatV2", (li_vid[]){x, inner, axis(f, 3)}, 3, NULL, 0, &out, 1);
    run_passes(f, &out, 1);
    const struct li_value *piece = laid(f, "_LiDepthwiseConv2D", 0), *whole = &f->made->values[f->made->outputs[0]];
    assert_ptr_equal(&f->made->values[piece->view.base], whole);
    assert_int_equal(piece->view.offset, 3 + 4);
    assert_int_equal(piece->view.stride[2], 10);
}

/* An input, what somebody else reads too, and one value as two pieces: these are copied. */
static void pieces_that_belong_to_others_are_copied(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 3)), y = conv(f, x, SHAPE(1, 1, 3, 4), "SAME");
    li_vid z = depthwise(f, x, SHAPE(1, 1, 3, 1), "SAME"), in[5] = {x, y, z, z, axis(f, 3)}, out[2] = {LI_NONE, y};
    emit_all(f, "ConcatV2", in, 5, NULL, 0, out, 1);
    run_passes(f, out, 2);
    assert_at_home(f, laid(f, "_LiConv2D", 0));
    assert_at_home(f, laid(f, "_LiDepthwiseConv2D", 0));
    assert_at_home(f, laid(f, "ConcatV2", 0));
}

/* ---- Parts of a split ---- */

static void split_in_two(struct fixture *f, li_vid x, int32_t along, li_vid out[2])
{
    const struct li_attr parts = LI_INT("num_split", 2);
    emit_all(f, "Split", (li_vid[]){axis(f, along), x}, 2, &parts, 1, out, 2);
}

static void parts_are_read_where_they_are(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 6)), part[2];
    split_in_two(f, x, 3, part);
    li_vid out[2] = {conv(f, part[0], SHAPE(3, 3, 3, 4), "SAME"), depthwise(f, part[1], SHAPE(3, 3, 3, 1), "SAME")};
    run_passes(f, out, 2);
    const struct li_node *split = made_node(f, "Split");
    for (int i = 0; i < 2; i++) {
        const struct li_value *value = &f->made->values[split->out[i]];
        assert_int_equal(value->view.base, split->in[1]);
        assert_int_equal(value->view.offset, 3 * i);
        assert_int_equal(value->view.stride[2], 6);
        assert_int_equal(value->view.stride[0], 5 * 5 * 6);
    }
}

static void parts_that_are_read_densely_or_given_out_are_copied(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 6)), part[2];
    split_in_two(f, x, 3, part);
    run_passes(f, (li_vid[]){emit(f, "Softmax", part[0], LI_NONE), part[1]}, 2);
    assert_at_home(f, laid(f, "Split", 0));
    assert_at_home(f, laid(f, "Split", 1));
}

/* What is prepared is kept by itself, so it lies in nothing else, and nothing in it. */
static void what_is_prepared_stays_dense(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 5, 5, 3)), part[2], whole;
    split_in_two(f, weights(f, SHAPE(1, 1, 3, 8)), 3, part);
    li_vid y = window(f, "Conv2D", x, part[0], "SAME");
    emit_all(f, "ConcatV2", (li_vid[]){emit(f, "Abs", weights(f, SHAPE(4)), LI_NONE), weights(f, SHAPE(4)), axis(f, 0)},
             3, NULL, 0, &whole, 1);
    run_passes(f, (li_vid[]){y, whole}, 2);
    assert_at_home(f, laid(f, "Split", 0));
    assert_at_home(f, laid(f, "Abs", 0));
    assert_at_home(f, laid(f, "ConcatV2", 0));
    li_vid piece = emit(f, "Abs", weights(f, SHAPE(2, 3)), LI_NONE);
    emit_all(f, "ConcatV2", (li_vid[]){input(f, SHAPE(2, 3)), piece, axis(f, 1)}, 3, NULL, 0, &whole, 1);
    run_passes(f, &whole, 1);
    assert_at_home(f, laid(f, "Abs", 0));
}

/* 20,000 variables and pictures: a look at all nodes for each of them took half a minute. */
static void large_graphs_do_not_take_long(void **state)
{
    struct fixture *f = *state;
    li_vid v = input(f, SHAPE(1, 2, 2, 2));
    for (int i = 0; i < 20000; i++) {
        v = depthwise(f, v, SHAPE(1, 1, 2, 1), "SAME");
    }
    clock_t start = clock();
    run_passes(f, &v, 1);
    assert_true((clock() - start) / CLOCKS_PER_SEC < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_picture_has_the_widest_frame_its_readers_ask_for),
        TEST(a_picture_that_somebody_reads_densely_has_no_frame),
        TEST(results_and_inputs_have_no_frame),
        TEST(a_frame_nobody_needs_is_not_there),
        TEST(pieces_are_written_where_they_end_up),
        TEST(a_concatenation_in_another_finds_its_place),
        TEST(pieces_that_belong_to_others_are_copied),
        TEST(parts_are_read_where_they_are),
        TEST(parts_that_are_read_densely_or_given_out_are_copied),
        TEST(what_is_prepared_stays_dense),
        TEST(large_graphs_do_not_take_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
