/* A call that fails changes no variable, whenever it fails; and the session goes on working. */
#include "support.h"

static void assert_unchanged(lince_model *model, const unsigned char *before, size_t size)
{
    size_t now_size;
    unsigned char *now = read_all(model, &now_size);
    assert_int_equal(now_size, size);
    assert_memory_equal(now, before, size);
    free(now);
}

static void a_training_call_whose_nth_allocation_fails_leaves_every_variable(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    size_t size, failed = 0;
    bool done = false;
    count_in(&options, &counter);
    counter.fail_for = SIZE_MAX;
    for (size_t n = 1; !done; n += n < 40 ? 1 : (SANITIZED ? 97 : 13)) {
        lince_model *model = open_with("classifier", &options);
        lince_session *session = open_training(model, true);
        lince_tensor images = random_images(8, 16, 16, 5);
        lince_error failure = {.text = ""};
        unsigned char *before = read_all(model, &size);
        counter.fail_from = atomic_load(&counter.calls) + n;
        lince_status st = lince_session_run(session, &images, 1, NULL, NULL, &failure);
        counter.fail_from = 0;
        if (st == LINCE_OK) {
            done = true;
        } else {
            failed++;
            assert_int_equal(st, LINCE_ENOMEM);
            assert_string_not_equal(failure.text, "");
            assert_string_equal(lince_session_structure(session), "");
            assert_unchanged(model, before, size);
            assert_ok(lince_session_run(session, &images, 1, NULL, NULL, err)); /* now there is memory */
        }
        free(before);
        free(images.data);
        lince_session_free(session);
        lince_model_close(model);
        assert_int_equal(atomic_load(&counter.live), 0);
    }
    assert_true(failed > 40);
}

static void a_training_call_over_the_memory_limit_leaves_every_variable(void **state)
{
    (void)state;
    lince_model_options options;
    lince_model_options_init(&options);
    options.threads = 1;
    options.memory_limit_bytes = 6u << 20;
    lince_model *model = open_with("classifier", &options);
    lince_session *session = open_training(model, true);
    lince_tensor small = random_images(4, 16, 16, 1), large = random_images(6000, 16, 16, 1);
    size_t size;
    unsigned char *initial = read_all(model, &size);
    assert_refused(lince_session_run(session, &large, 1, NULL, NULL, err), LINCE_ENOMEM, "memory limit");
    assert_unchanged(model, initial, size);
    assert_ok(lince_session_run(session, &small, 1, NULL, NULL, err));
    unsigned char *trained = read_all(model, &size);
    assert_memory_not_equal(trained, initial, size);
    assert_refused(lince_session_run(session, &large, 1, NULL, NULL, err), LINCE_ENOMEM, "memory limit");
    assert_unchanged(model, trained, size);
    free(initial);
    free(trained);
    free(small.data);
    free(large.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void a_training_call_of_a_wrong_shape_leaves_every_variable(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_training(model, true);
    lince_tensor wrong = random_images(4, 17, 16, 1), good = random_images(4, 16, 16, 1);
    size_t size;
    unsigned char *before = read_all(model, &size);
    assert_refused(lince_session_run(session, &wrong, 1, NULL, NULL, err), LINCE_EINVAL, "no trace takes");
    assert_unchanged(model, before, size);
    assert_ok(lince_session_run(session, &good, 1, NULL, NULL, err));
    free(before);
    free(wrong.data);
    free(good.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* The copying call checks what it can before it calls. */
static void a_training_call_into_a_small_buffer_leaves_every_variable(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_training(model, true);
    lince_tensor images = random_images(4, 16, 16, 1);
    float out[20];
    size_t size;
    unsigned char *before = read_all(model, &size);
    assert_refused(lince_session_run_images(session, images.data, 4, 16, 16, out, 19, err), LINCE_EINVAL,
                   "room for 19");
    assert_unchanged(model, before, size);
    assert_ok(lince_session_run_images(session, images.data, 4, 16, 16, out, 20, err));
    free(before);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* Its counter is part of the result, beside the features. */
static void a_call_whose_result_is_no_matrix_is_refused_before_it_counts(void **state)
{
    (void)state;
    lince_model *model = open_model("nested_calls", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1);
    lince_variable_info info = {.struct_size = sizeof info};
    float out[8];
    size_t counter = variable_named(model, "calls:0", &info);
    for (uint64_t version = 1; version < 3; version++) {
        assert_refused(lince_session_run_images(session, images.data, 1, 16, 16, out, 8, err), LINCE_EINVAL,
                       "the parts of the result are 2");
        assert_ok(lince_variable_info_at(model, counter, &info, err));
        assert_int_equal(info.version, version);
        assert_ok(lince_session_run(session, &images, 1, NULL, NULL, err));
    }
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_call_whose_nth_allocation_fails_leaves_every_variable),
        cmocka_unit_test(a_training_call_over_the_memory_limit_leaves_every_variable),
        cmocka_unit_test(a_training_call_of_a_wrong_shape_leaves_every_variable),
        cmocka_unit_test(a_training_call_into_a_small_buffer_leaves_every_variable),
        cmocka_unit_test(a_call_whose_result_is_no_matrix_is_refused_before_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
