/* Memory: none is taken for shapes seen before, none is lost, and limits hold. */
#include "support.h"

#include <malloc.h>

static void run_once(lince_session *session, const lince_tensor *input)
{
    const lince_output *outputs;
    size_t count;
    assert_ok(lince_session_run(session, input, 1, &outputs, &count, err));
}

static void shapes_seen_before_allocate_nothing(void **state)
{
    (void)state;
    static const char *const models[] = {"classifier", "convnext", "mobile", "bit", "swin", "vit"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct counter counter = {0};
        lince_model_options options;
        count_in(&options, &counter);
        lince_model *model = open_with(models[m], &options);
        lince_session *session = open_session(model, "__call__", NULL, 0);
        lince_tensor images[4];
        int32_t h = 0, w = 0;
        assert_ok(lince_callable_image_size(lince_model_call(model), &h, &w, NULL, err));
        for (int i = 0; i < 4; i++) { /* four shapes in turn */
            images[i] = random_images((int64_t[]){1, 7, 2, 3}[i], h ? h : 16, w ? w : 16, (unsigned)i);
            run_once(session, &images[i]);
        }
        size_t calls = atomic_load(&counter.calls);
        size_t taken = mallinfo2().uordblks;
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 4; i++) {
                run_once(session, &images[i]);
            }
        }
        size_t taken_now = mallinfo2().uordblks;
        if (atomic_load(&counter.calls) != calls) {
            fail_msg("%s: %zu allocations for shapes seen before", models[m], atomic_load(&counter.calls) - calls);
        }
        if (!SANITIZED) { /* whose malloc tells nothing */
            assert_int_equal(taken_now, taken);
        }
        for (int i = 0; i < 4; i++) {
            free(images[i].data);
        }
        lince_session_free(session);
        lince_model_close(model);
        assert_int_equal(atomic_load(&counter.live), 0);
    }
}

static void a_training_call_of_a_shape_seen_before_allocates_nothing(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    lince_session *session = open_training(model, true);
    lince_tensor images = random_images(8, 16, 16, 1);
    run_once(session, &images);
    run_once(session, &images);
    size_t calls = atomic_load(&counter.calls);
    for (int i = 0; i < 5; i++) {
        run_once(session, &images);
    }
    assert_int_equal(atomic_load(&counter.calls), calls);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void a_loss_asked_for_again_allocates_nothing_and_follows_its_variable(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    lince_variable_info info = {.struct_size = sizeof info};
    float first, again, changed;
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    assert_ok(lince_loss_value(model, 0, &first, err));
    size_t calls = atomic_load(&counter.calls);
    assert_ok(lince_loss_value(model, 0, &again, err));
    assert_int_equal(atomic_load(&counter.calls), calls);
    assert_true(first == again && first != 0);
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, &info, err));
        void *zeros = calloc(1, info.size_bytes);
        assert_ok(lince_variable_write(model, i, zeros, info.size_bytes, err));
        free(zeros);
    }
    assert_ok(lince_loss_value(model, 0, &changed, err));
    assert_true(changed == 0);
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
}

static void writing_variables_again_and_again_leaves_memory_flat(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    lince_variable_info info = {.struct_size = sizeof info};
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1);
    size_t i = variable_named(model, "stem/gamma:0", &info), live = 0;
    float *value = malloc(info.size_bytes);
    for (int round = 0; round < 6; round++) {
        assert_ok(lince_variable_read(model, i, value, info.size_bytes, err));
        value[0] += 0.5f;
        assert_ok(lince_variable_write(model, i, value, info.size_bytes, err));
        run_once(session, &images);
        live = round == 1 ? atomic_load(&counter.live) : live;
    }
    assert_int_equal(atomic_load(&counter.live), live);
    free(value);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void a_thousand_opened_called_and_closed_models_leave_memory_flat(void **state)
{
    (void)state;
    enum { ROUNDS = SANITIZED ? 60 : 1000 };
    struct counter counter = {0};
    lince_model_options options;
    lince_tensor images = random_images(1, 16, 16, 1);
    size_t resident = 0, calls = 0;
    count_in(&options, &counter);
    for (int i = 0; i < ROUNDS; i++) {
        size_t before = atomic_load(&counter.calls);
        lince_model *model = open_with("mobile", &options);
        lince_session *session = open_session(model, "__call__", NULL, 0);
        run_once(session, &images);
        lince_session_free(session);
        lince_model_close(model);
        assert_int_equal(atomic_load(&counter.live), 0);
        if (i == ROUNDS / 10) {
            resident = resident_bytes();
            calls = atomic_load(&counter.calls) - before;
        } else if (i > ROUNDS / 10) {
            assert_int_equal(atomic_load(&counter.calls) - before, calls);
        }
    }
    if (!SANITIZED) {
        assert_true(resident_bytes() < resident + (1u << 20));
    }
    free(images.data);
}

static void a_hundred_thousand_calls_leave_memory_flat(void **state)
{
    (void)state;
    enum { CALLS = SANITIZED ? 2000 : 100000 };
    struct counter counter = {0};
    lince_model_options options;
    count_in(&options, &counter);
    lince_model *model = open_with("no_variables", &options);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(2, 8, 8, 1);
    size_t resident = 0, calls = 0;
    for (int i = 0; i < CALLS; i++) {
        run_once(session, &images);
        if (i == CALLS / 10) {
            resident = resident_bytes();
            calls = atomic_load(&counter.calls);
        }
    }
    assert_int_equal(atomic_load(&counter.calls), calls);
    if (!SANITIZED) {
        assert_true(resident_bytes() < resident + (256u << 10));
    }
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* More shapes than a session keeps plans for: the oldest goes, and its memory with it. */
static void ever_new_shapes_leave_memory_bounded(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    count_in(&options, &counter);
    lince_model *model = open_with("mobile", &options);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    size_t live = 0;
    for (int64_t batch = 40; batch > 0; batch--) {
        lince_tensor images = random_images(batch, 16, 16, 1);
        run_once(session, &images);
        free(images.data);
        live = batch == 30 ? atomic_load(&counter.live) : live;
    }
    assert_true(atomic_load(&counter.live) <= live + 8);
    lince_session_free(session);
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
}

static void a_memory_limit_refuses_what_would_pass_it_and_names_it(void **state)
{
    (void)state;
    lince_model_options options;
    lince_model_options_init(&options);
    options.threads = 1;
    options.memory_limit_bytes = 4u << 20;
    lince_model *model = open_with("mobile", &options);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor small = random_images(1, 16, 16, 1), large = random_images(3000, 16, 16, 2);
    lince_model_info info = {.struct_size = sizeof info};
    size_t n, m;
    float *before = run_floats(session, &small, &n);
    assert_refused(lince_session_run(session, &large, 1, NULL, NULL, err), LINCE_ENOMEM, "limit is 4194304");
    assert_ok(lince_model_get_info(model, &info, err));
    assert_true(info.peak_bytes <= options.memory_limit_bytes);
    assert_true(info.used_bytes <= info.peak_bytes);
    float *after = run_floats(session, &small, &m);
    assert_memory_equal(before, after, n * sizeof(float));
    free(before);
    free(after);
    free(small.data);
    free(large.data);
    lince_session_free(session);
    lince_model_close(model);

    lince_model *none = (lince_model *)(uintptr_t)1;
    options.memory_limit_bytes = 4096;
    assert_refused(lince_model_open(&none, LINCE_TEST_DATA "/golden/models/mobile", &options, err), LINCE_ENOMEM,
                   "limit is 4096");
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_seen_before_allocate_nothing),
        cmocka_unit_test(a_training_call_of_a_shape_seen_before_allocates_nothing),
        cmocka_unit_test(a_loss_asked_for_again_allocates_nothing_and_follows_its_variable),
        cmocka_unit_test(writing_variables_again_and_again_leaves_memory_flat),
        cmocka_unit_test(a_thousand_opened_called_and_closed_models_leave_memory_flat),
        cmocka_unit_test(a_hundred_thousand_calls_leave_memory_flat),
        cmocka_unit_test(ever_new_shapes_leave_memory_bounded),
        cmocka_unit_test(a_memory_limit_refuses_what_would_pass_it_and_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
