/* Structured arguments and results, and what a model tells of itself. */
#include "support.h"

#include <math.h>

static void check_leaves(const lince_output *outputs, size_t count, const char *const *paths, size_t wanted)
{
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(outputs[i].path, paths[i]);
    }
}

static void dicts_and_lists_come_flattened_with_paths_and_a_structure(void **state)
{
    (void)state;
    lince_model *model = open_model("structures", 1);
    const lince_argument arguments[] = {{.path = "0/image", .kind = LINCE_ARG_INPUT},
                                        {.path = "0/extra/1", .kind = LINCE_ARG_INPUT},
                                        {.path = "0/extra/0", .kind = LINCE_ARG_INPUT}};
    lince_session *session = open_session(model, "__call__", arguments, 3);
    lince_tensor image = random_images(2, 8, 8, 1), one = random_tensor(2, (int64_t[]){2, 3}, 2),
                 two = random_tensor(2, (int64_t[]){2, 3}, 3);
    const lince_output *outputs;
    size_t count;
    assert_string_equal(lince_session_structure(session), "");
    assert_ok(lince_session_run(session, (lince_tensor[]){image, two, one}, 3, &outputs, &count, err));
    print_message("%s\n", lince_session_structure(session));
    assert_int_equal(
        strncmp(lince_session_structure(session), "{\"a\": {\"a\": float32[2,3], \"b\": None}, \"b\": (", 44), 0);
    check_leaves(outputs, count, (const char *const[]){"a/a", "a/b", "b/0", "b/1/0", "c/0", "c/1"}, 6);
    assert_int_equal(outputs[1].tensor.dtype, LINCE_DTYPE_NONE);
    assert_null(outputs[1].tensor.data);
    free(image.data);
    free(one.data);
    free(two.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void one_session_gives_the_structure_of_its_last_result(void **state)
{
    (void)state;
    lince_model *model = open_model("feature_vector", 1);
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "return_endpoints", .kind = LINCE_ARG_BOOL, .i = 1}};
    lince_session *session = open_session(model, "__call__", arguments, 2);
    for (int64_t batch = 1; batch < 12; batch += 5) {
        char row[64];
        lince_tensor images = random_images(batch, 16, 16, 1);
        const lince_output *outputs;
        size_t count;
        assert_ok(lince_session_run(session, &images, 1, &outputs, &count, err));
        assert_true(count > 1);
        for (size_t i = 1; i < count; i++) {
            assert_true(strcmp(outputs[i - 1].path, outputs[i].path) < 0);
            assert_int_equal(outputs[i].tensor.dims[0], batch);
        }
        snprintf(row, sizeof row, "\"default\": float32[%d,12]", (int)batch);
        assert_non_null(strstr(lince_session_structure(session), row));
        free(images.data);
    }
    lince_session_free(session);
    lince_model_close(model);
}

static int count_steps(const lince_step *step, void *context)
{
    size_t *count = context;
    assert_non_null(step->name);
    assert_non_null(step->op);
    assert_non_null(step->shapes);
    assert_non_null(step->reason);
    return ++*count == 1000;
}

static int stop_at_once(const lince_step *step, void *context)
{
    (void)step;
    ++*(size_t *)context;
    return 1;
}

static void fetched_nodes_come_after_the_result_and_change_nothing_of_it(void **state)
{
    (void)state;
    static const char *const nodes[] = {"Relu6", "Conv2D:0", "Relu6"}, *const nowhere[] = {"Relu6/x"},
                             *const none[] = {NULL};
    static const char *const beyond[] = {"Conv2D:1"};
    lince_model *model = open_model("feature_vector", 1);
    lince_session *plain, *fetching, *other;
    lince_tensor images = random_images(2, 16, 16, 1);
    const lince_output *outputs;
    size_t count;
    float result[2 * 12];
    assert_ok(lince_session_new(&plain, lince_model_call(model), NULL, 0, NULL, err));
    assert_ok(lince_session_run(plain, &images, 1, &outputs, &count, err));
    assert_int_equal(count, 1);
    memcpy(result, outputs[0].tensor.data, sizeof result);
    assert_refused(lince_session_fetch(plain, nodes, 1, err), LINCE_EINVAL, "used already");

    assert_ok(lince_session_new(&fetching, lince_model_call(model), NULL, 0, NULL, err));
    assert_refused(lince_session_fetch(fetching, none, 1, err), LINCE_EINVAL, "NULL");
    assert_ok(lince_session_fetch(fetching, nodes, 3, err));
    assert_refused(lince_session_fetch(fetching, nodes, 1, err), LINCE_EINVAL, "used already");
    for (int i = 0; i < 2; i++) {
        assert_ok(lince_session_run(fetching, &images, 1, &outputs, &count, err));
        check_leaves(outputs, count, (const char *const[]){"", "Relu6", "Conv2D:0", "Relu6"}, 4);
        assert_int_equal(outputs[1].tensor.dims[3], 6);
        assert_memory_equal(outputs[1].tensor.data, outputs[3].tensor.data, outputs[1].tensor.size_bytes);
        for (size_t k = 0; k < sizeof result / sizeof *result; k++) {
            assert_true(fabsf(((const float *)outputs[0].tensor.data)[k] - result[k]) < 1e-5f);
        }
        assert_string_equal(lince_session_structure(fetching), "float32[2,12]");
    }
    const char *const *wrong[] = {nowhere, beyond};
    for (int i = 0; i < 2; i++) {
        assert_ok(lince_session_new(&other, lince_model_call(model), NULL, 0, NULL, err));
        assert_ok(lince_session_fetch(other, wrong[i], 1, err));
        assert_refused(lince_session_run(other, &images, 1, &outputs, &count, err), i ? LINCE_EINVAL : LINCE_ENOENT,
                       "to fetch");
        lince_session_free(other);
    }
    free(images.data);
    lince_session_free(plain);
    lince_session_free(fetching);
    lince_model_close(model);
}

static void explain_tells_each_step_until_told_to_stop(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1);
    size_t all = 0, stopped = 0;
    assert_ok(lince_session_explain(session, &images, 1, count_steps, &all, err));
    assert_ok(lince_session_explain(session, &images, 1, stop_at_once, &stopped, err));
    assert_true(all > 3);
    assert_int_equal(stopped, 1);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void callables_are_listed_with_their_arguments(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_callable *call = lince_model_call(model), *found;
    lince_argument_info argument = {.struct_size = sizeof argument};
    int32_t h, w, c;
    assert_ptr_equal(call, lince_model_callable_at(model, 0));
    assert_string_equal(lince_callable_name(call), "__call__");
    assert_int_equal(lince_callable_argument_count(call), 3);
    assert_ok(lince_callable_argument(call, 0, &argument, err));
    assert_string_equal(argument.name, "images");
    assert_null(argument.default_value);
    assert_ok(lince_callable_argument(call, 1, &argument, err));
    assert_string_equal(argument.name, "training");
    assert_string_equal(argument.default_value, "False");
    assert_refused(lince_callable_argument(call, 3, &argument, err), LINCE_EINVAL, "argument 3 of 3");
    assert_int_equal(lince_callable_trace_count(call), 6);
    assert_non_null(strstr(lince_callable_trace(call, 0), "images: float32[?,16,16,3]"));
    assert_string_equal(lince_callable_trace(call, 6), "");
    assert_ok(lince_callable_image_size(call, &h, &w, &c, err));
    assert_true(h == 16 && w == 16 && c == 3);
    assert_refused(lince_model_callable(model, "nothing", &found, err), LINCE_ENOENT, "__call__");
    assert_null(found);
    lince_model_close(model);
}

static void losses_have_values_and_wrong_indices_are_refused(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    float value = NAN;
    int64_t count = lince_loss_count(model);
    assert_true(count > 0);
    for (int64_t i = 0; i < count; i++) {
        assert_ok(lince_loss_value(model, (size_t)i, &value, err));
        assert_true(isfinite(value));
    }
    assert_refused(lince_loss_value(model, (size_t)count, &value, err), LINCE_EINVAL, "regularization loss");
    lince_model_close(model);
}

static void ops_are_listed_sorted_and_without_internal_ones(void **state)
{
    (void)state;
    size_t count = lince_op_count();
    assert_true(count > 50);
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(lince_op_name(i)[0], '_');
        assert_true(i == 0 || strcmp(lince_op_name(i - 1), lince_op_name(i)) < 0);
    }
    assert_null(lince_op_name(count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dicts_and_lists_come_flattened_with_paths_and_a_structure),
        cmocka_unit_test(one_session_gives_the_structure_of_its_last_result),
        cmocka_unit_test(fetched_nodes_come_after_the_result_and_change_nothing_of_it),
        cmocka_unit_test(explain_tells_each_step_until_told_to_stop),
        cmocka_unit_test(callables_are_listed_with_their_arguments),
        cmocka_unit_test(losses_have_values_and_wrong_indices_are_refused),
        cmocka_unit_test(ops_are_listed_sorted_and_without_internal_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
