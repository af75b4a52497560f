/* What a call accepts: batches of any size, and clear refusals of everything else. */
#include "support.h"

struct shapes {
    lince_model *model;
    lince_session *session;
};

static int open_classifier(void **state)
{
    struct shapes *s = calloc(1, sizeof *s);
    s->model = open_model("classifier", 2);
    s->session = open_session(s->model, "__call__", NULL, 0);
    *state = s;
    return 0;
}

static int close_classifier(void **state)
{
    struct shapes *s = *state;
    lince_session_free(s->session);
    lince_model_close(s->model);
    free(s);
    return 0;
}

static void batches_of_0_1_and_7_give_rows_for_each_image(void **state)
{
    const struct shapes *s = *state;
    lince_tensor seven = random_images(7, 16, 16, 4);
    size_t n;
    float *all = run_floats(s->session, &seven, &n), out[7 * 5], *at = seven.data;
    assert_int_equal(n, 7 * 5);
    for (int i = 0; i < 7; i++) {
        assert_ok(lince_session_run_images(s->session, at + i * 16 * 16 * 3, 1, 16, 16, out, 5, err));
        for (int k = 0; k < 5; k++) {
            assert_float_equal(out[k], all[i * 5 + k], 1e-5);
        }
    }
    assert_ok(lince_session_run_images(s->session, NULL, 0, 16, 16, NULL, 0, err));
    assert_ok(lince_session_run_images(s->session, seven.data, 7, 16, 16, out, 35, err));
    assert_memory_equal(out, all, sizeof out);
    free(all);
    free(seven.data);
}

static void an_empty_batch_keeps_its_shape(void **state)
{
    const struct shapes *s = *state;
    lince_tensor none = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {0, 16, 16, 3}};
    const lince_output *outputs;
    size_t count;
    assert_ok(lince_session_run(s->session, &none, 1, &outputs, &count, err));
    assert_int_equal(count, 1);
    assert_int_equal(outputs[0].tensor.rank, 2);
    assert_int_equal(outputs[0].tensor.dims[0], 0);
    assert_int_equal(outputs[0].tensor.dims[1], 5);
    assert_int_equal(outputs[0].tensor.size_bytes, 0);
    assert_string_equal(lince_session_structure(s->session), "float32[0,5]");
}

static void sizes_ranks_types_and_channels_no_trace_takes_are_refused_with_what_it_takes(void **state)
{
    const struct shapes *s = *state;
    static const struct {
        int rank;
        int64_t dims[5];
        const char *found;
    } wrong[] = {
        {4, {1, 20, 16, 3}, "float32[1,20,16,3]"},      {4, {1, 16, 16, 1}, "float32[1,16,16,1]"},
        {3, {16, 16, 3}, "float32[16,16,3]"},           {0, {0}, "float32[]"},
        {5, {1, 1, 16, 16, 3}, "float32[1,1,16,16,3]"}, {4, {1, 1, 1, 3}, "float32[1,1,1,3]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lince_tensor t = random_tensor(wrong[i].rank, wrong[i].dims, 1);
        const lince_output *outputs = (const lince_output *)(uintptr_t)1;
        size_t count = 77;
        assert_refused(lince_session_run(s->session, &t, 1, &outputs, &count, err), LINCE_EINVAL, wrong[i].found);
        assert_refused(lince_session_run(s->session, &t, 1, &outputs, &count, err), LINCE_EINVAL,
                       "images: float32[?,16,16,3]");
        assert_null(outputs);
        assert_int_equal(count, 0);
        free(t.data);
    }
    lince_tensor t = random_images(1, 16, 16, 1);
    t.dtype = LINCE_INT32;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "int32[1,16,16,3]");
    free(t.data);
}

static void tensors_that_contradict_themselves_are_refused_by_input(void **state)
{
    const struct shapes *s = *state;
    lince_tensor good = random_images(1, 16, 16, 1), t = good;
    t.size_bytes -= 4;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "input 0");
    t = good;
    t.data = NULL;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "input 0");
    t = good;
    t.rank = LINCE_MAX_RANK + 1;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "rank 9");
    t.rank = -1;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "rank -1");
    t = good;
    t.dims[0] = -1;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "input 0");
    t.dims[0] = INT64_MAX / 4;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "input 0");
    t = good;
    t.dtype = (lince_dtype)4711;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "4711");
    t.dtype = LINCE_RESOURCE;
    assert_refused(lince_session_run(s->session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "input 0");
    assert_refused(lince_session_run(s->session, &good, 0, NULL, NULL, err), LINCE_EINVAL, "0 inputs are given");
    assert_refused(lince_session_run(s->session, &good, 2, NULL, NULL, err), LINCE_EINVAL, "2 inputs are given");
    assert_ok(lince_session_run(s->session, &good, 1, NULL, NULL, err));
    free(good.data);
}

static void a_buffer_too_small_or_a_negative_batch_leaves_it_untouched(void **state)
{
    const struct shapes *s = *state;
    lince_tensor images = random_images(2, 16, 16, 1);
    float out[10], untouched[10];
    memset(out, 0x5a, sizeof out);
    memcpy(untouched, out, sizeof out);
    assert_refused(lince_session_run_images(s->session, images.data, 2, 16, 16, out, 9, err), LINCE_EINVAL,
                   "room for 9");
    assert_refused(lince_session_run_images(s->session, images.data, -1, 16, 16, out, 10, err), LINCE_EINVAL, "-1");
    assert_refused(lince_session_run_images(s->session, images.data, 2, 17, 16, out, 10, err), LINCE_EINVAL, "17");
    assert_refused(lince_session_run_images(s->session, images.data, INT64_MAX, 16, 16, out, 10, err), LINCE_EINVAL,
                   "9223372036854775807");
    assert_memory_equal(out, untouched, sizeof out);
    free(images.data);
}

/* Where the trace leaves the size open, the network itself refuses what it cannot shrink further. */
static void images_below_the_networks_minimum_are_refused_by_node_before_anything_runs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t smallest;
    } models[] = {{"convnext", 4}, {"dilated", 7}};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        lince_model *model = open_model(models[m].name, 2);
        lince_session *session = open_session(model, "__call__", NULL, 0);
        for (int64_t side = 0; side <= models[m].smallest; side++) {
            char size[32];
            lince_tensor t = random_images(1, side, side, 1);
            snprintf(size, sizeof size, "%d x %d", (int)side, (int)side);
            if (side == models[m].smallest) {
                assert_ok(lince_session_run(session, &t, 1, NULL, NULL, err));
            } else {
                assert_refused(lince_session_run(session, &t, 1, NULL, NULL, err), LINCE_EINVAL, "node \"Conv2D");
                assert_refused(lince_session_run(session, &t, 1, NULL, NULL, err), LINCE_EINVAL, size);
            }
            free(t.data);
        }
        lince_session_free(session);
        lince_model_close(model);
    }
}

static void a_result_that_is_no_table_of_numbers_is_refused_with_what_it_is(void **state)
{
    (void)state;
    lince_model *model = open_model("spaces", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(2, 16, 16, 1);
    float out[10];
    assert_refused(lince_session_run_images(session, images.data, 2, 16, 16, out, 10, err), LINCE_EINVAL,
                   "the parts of the result are 3, the first float32[?,2]; one float32[2,features] is wanted");
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* Only the run itself tells that there are three features. */
static void a_buffer_too_small_for_what_the_trace_leaves_open_is_left_untouched(void **state)
{
    (void)state;
    lince_model *model = open_model("keras_subclassed", 1);
    lince_session *session = open_session(model, "pool", NULL, 0);
    lince_tensor images = random_images(2, 8, 8, 1);
    float out[6], untouched[6];
    memset(out, 0x5a, sizeof out);
    memcpy(untouched, out, sizeof out);
    assert_refused(lince_session_run_images(session, images.data, 2, 8, 8, out, 5, err), LINCE_EINVAL,
                   "the result has 2 x 3 numbers, there is room for 5");
    assert_memory_equal(out, untouched, sizeof out);
    assert_ok(lince_session_run_images(session, images.data, 2, 8, 8, out, 6, err));
    assert_memory_not_equal(out, untouched, sizeof out);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void arguments_a_callable_does_not_take_are_refused(void **state)
{
    const struct shapes *s = *state;
    const lince_argument input = {.path = "0", .kind = LINCE_ARG_INPUT};
    lince_string lost = {NULL, 5};
    const lince_tensor empty = {.dtype = LINCE_FLOAT32, .rank = 1}, /* has no data, and needs none */
        text = {.dtype = LINCE_STRING, .data = &lost, .size_bytes = sizeof lost};
    const struct {
        lince_argument second;
        const char *part;
    } wrong[] = {
        {{.path = "0", .kind = LINCE_ARG_INPUT}, "given twice"},
        {{.path = "trainig", .kind = LINCE_ARG_BOOL, .i = 1}, "trainig"},
        {{.path = "images", .kind = LINCE_ARG_INPUT}, "images"},
        {{.path = "3", .kind = LINCE_ARG_BOOL}, "missing"},
        {{.path = "", .kind = LINCE_ARG_BOOL}, "path"},
        {{.path = NULL, .kind = LINCE_ARG_BOOL}, "no path"},
        {{.path = "training", .kind = (lince_argument_kind)99}, "99"},
        {{.path = "training", .kind = LINCE_ARG_TENSOR}, "none is given"},
        {{.path = "training", .kind = LINCE_ARG_TENSOR, .tensor = &empty}, "no trace takes"},
        {{.path = "training", .kind = LINCE_ARG_TENSOR, .tensor = &text}, "string 0 has no data, 5 bytes"},
        {{.path = "0/x", .kind = LINCE_ARG_BOOL}, "at once"},
    };
    lince_tensor images = random_images(1, 16, 16, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lince_argument list[] = {input, wrong[i].second};
        lince_tensor both[] = {images, images};
        size_t inputs = 1 + (wrong[i].second.kind == LINCE_ARG_INPUT);
        lince_session *session = NULL;
        lince_error err = {.text = ""};
        lince_status st = lince_session_new(&session, lince_model_call(s->model), list, 2, NULL, &err);
        if (st == LINCE_OK) {
            st = lince_session_run(session, both, inputs, NULL, NULL, &err);
        } else {
            assert_null(session);
        }
        if (st != LINCE_EINVAL || !strstr(err.text, wrong[i].part)) {
            fail_msg("argument %zu: %s, %s", i, lince_status_name(st), err.text);
        }
        lince_session_free(session);
    }
    free(images.data);
}

#define with_classifier(test) cmocka_unit_test_setup_teardown(test, open_classifier, close_classifier)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_classifier(batches_of_0_1_and_7_give_rows_for_each_image),
        with_classifier(an_empty_batch_keeps_its_shape),
        with_classifier(sizes_ranks_types_and_channels_no_trace_takes_are_refused_with_what_it_takes),
        with_classifier(tensors_that_contradict_themselves_are_refused_by_input),
        with_classifier(a_buffer_too_small_or_a_negative_batch_leaves_it_untouched),
        cmocka_unit_test(images_below_the_networks_minimum_are_refused_by_node_before_anything_runs),
        cmocka_unit_test(a_result_that_is_no_table_of_numbers_is_refused_with_what_it_is),
        cmocka_unit_test(a_buffer_too_small_for_what_the_trace_leaves_open_is_left_untouched),
        with_classifier(arguments_a_callable_does_not_take_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
