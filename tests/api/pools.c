/* Other threads for a session between its calls. */
#include "support.h"

#include <dirent.h>
#include <unistd.h>

static size_t count_threads(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *d = readdir(tasks); d; d = readdir(tasks)) {
        count += d->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

/* A thread that was joined is listed for a moment more. */
static void assert_threads(size_t wanted)
{
    for (int i = 0; i < 10000 && count_threads() != wanted; i++) {
        usleep(1000);
    }
    assert_int_equal(count_threads(), wanted);
}

static lince_pool *pool_of(int32_t threads)
{
    lince_pool *pool;
    assert_ok(lince_pool_new(&pool, threads, err));
    return pool;
}

static void assert_same_result(lince_session *session, const lince_tensor *input, const float *wanted, size_t wanted_n)
{
    size_t n;
    float *result = run_floats(session, input, &n);
    assert_int_equal(n, wanted_n);
    assert_memory_equal(result, wanted, n * sizeof *result);
    free(result);
}

static void another_pool_between_calls_changes_no_bit(void **state)
{
    (void)state;
    static const char *const models[] = {"mobile", "convnext", "swin"};
    lince_pool *pools[] = {pool_of(3), pool_of(1), NULL, pool_of(2)};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        lince_model *model = open_model(models[m], 1);
        lince_session *session = open_session(model, "__call__", NULL, 0);
        int32_t h = 0, w = 0;
        assert_ok(lince_callable_image_size(lince_model_call(model), &h, &w, NULL, err));
        lince_tensor images = random_images(5, h ? h : 23, w ? w : 23, 3);
        size_t n;
        float *wanted = run_floats(session, &images, &n);
        for (int i = 0; i < 8; i++) {
            assert_ok(lince_session_set_pool(session, pools[i % 4], err));
            assert_same_result(session, &images, wanted, n);
        }
        free(wanted);
        free(images.data);
        lince_session_free(session);
        lince_model_close(model);
    }
    for (int i = 0; i < 4; i++) {
        lince_pool_free(pools[i]);
    }
}

/* As long as the session needs it: its threads end with the last that has it. */
static void a_session_keeps_the_pool_it_is_given(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(5, 16, 16, 3);
    size_t n, before = count_threads();
    float *wanted = run_floats(session, &images, &n);
    lince_pool *pool = pool_of(3);
    assert_ok(lince_session_set_pool(session, pool, err));
    lince_pool_free(pool);
    assert_same_result(session, &images, wanted, n);
    assert_threads(before + 2);
    assert_ok(lince_session_set_pool(session, NULL, err)); /* the model's, which has no thread of its own */
    assert_threads(before);
    assert_same_result(session, &images, wanted, n);
    free(wanted);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* A trace that is called for the first time after the pool was set. */
static void traces_met_later_compute_on_the_new_pool(void **state)
{
    (void)state;
    lince_model *model = open_model("shape_traces", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor first = random_images(2, 8, 8, 1), later = random_images(3, 12, 12, 1);
    size_t n, before = count_threads();
    lince_pool *pool = pool_of(2);
    free(run_floats(session, &first, &n));
    assert_ok(lince_session_set_pool(session, pool, err));
    lince_pool_free(pool);
    free(run_floats(session, &later, &n));
    assert_threads(before + 1);
    assert_ok(lince_session_set_pool(session, NULL, err));
    assert_threads(before);
    free(first.data);
    free(later.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void no_session_is_refused(void **state)
{
    (void)state;
    lince_pool *pool = pool_of(1);
    assert_refused(lince_session_set_pool(NULL, pool, err), LINCE_EINVAL, "session is NULL");
    lince_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_pool_between_calls_changes_no_bit),
        cmocka_unit_test(a_session_keeps_the_pool_it_is_given),
        cmocka_unit_test(traces_met_later_compute_on_the_new_pool),
        cmocka_unit_test(no_session_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
