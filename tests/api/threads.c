/* Threads: any number compute the same bits, and sessions of one model run beside each other and beside writes. */
#include "support.h"

#include <pthread.h>
#include <sys/wait.h>

static const char *const models[] = {"classifier", "mobile", "convnext", "bit", "swin", "vit", "mixer", "dilated"};

static float *result_with(const char *name, int threads, bool training, size_t *count)
{
    lince_model *model = open_model(name, threads);
    lince_session *session = training ? open_training(model, true) : open_session(model, "__call__", NULL, 0);
    int32_t h = 0, w = 0;
    lince_model_info info = {.struct_size = sizeof info};
    assert_ok(lince_callable_image_size(lince_model_call(model), &h, &w, NULL, err));
    assert_ok(lince_model_get_info(model, &info, err));
    assert_int_equal(info.threads, threads);
    lince_tensor images = random_images(5, h ? h : 23, w ? w : 23, 9);
    free(run_floats(session, &images, count));
    float *result = run_floats(session, &images, count);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
    return result;
}

static void one_two_and_three_threads_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t m = 0; m < 2 * (sizeof models / sizeof *models); m++) {
        bool training = m % 2 == 1;
        const char *name = models[m / 2];
        size_t n, k;
        if (training && strcmp(name, "classifier") != 0) {
            continue;
        }
        float *one = result_with(name, 1, training, &n);
        assert_true(n > 0);
        for (int threads = 2; threads <= 3; threads++) {
            float *more = result_with(name, threads, training, &k);
            assert_int_equal(n, k);
            assert_memory_equal(one, more, n * sizeof(float));
            free(more);
        }
        free(one);
    }
}

/* ---- Sessions beside each other ---- */

enum { ROUNDS = SANITIZED ? 60 : 600, READERS = 3 };

struct shared {
    lince_model *model;
    atomic_bool stop;
    atomic_int wrong, runs;
    float old_result[10], new_result[10]; /* with either value of the variable that is written */
};

/* Each run sees the one value or the other, never a mixture. */
static void *run_again_and_again(void *context)
{
    struct shared *s = context;
    lince_session *session;
    lince_tensor images = random_images(2, 16, 16, 6);
    float out[10];
    if (lince_session_new(&session, lince_model_call(s->model), NULL, 0, NULL, NULL)) {
        atomic_fetch_add(&s->wrong, 1);
        return NULL;
    }
    while (!atomic_load(&s->stop)) {
        bool ok = lince_session_run_images(session, images.data, 2, 16, 16, out, 10, NULL) == LINCE_OK &&
                  (!memcmp(out, s->old_result, sizeof out) || !memcmp(out, s->new_result, sizeof out));
        atomic_fetch_add(&s->wrong, !ok);
        atomic_fetch_add(&s->runs, 1);
    }
    lince_session_free(session);
    free(images.data);
    return NULL;
}

static void sessions_see_a_variable_before_or_after_a_write_never_between(void **state)
{
    (void)state;
    struct shared s = {.model = open_model("classifier", 2)};
    lince_session *session = open_session(s.model, "__call__", NULL, 0);
    lince_tensor images = random_images(2, 16, 16, 6);
    lince_variable_info info = {.struct_size = sizeof info};
    size_t gamma = variable_named(s.model, "stem/gamma:0", &info);
    float old_value[6], new_value[6] = {1, 2, 3, 4, 5, 6};
    pthread_t readers[READERS];
    assert_int_equal(info.size_bytes, sizeof old_value);
    assert_ok(lince_variable_read(s.model, gamma, old_value, sizeof old_value, err));
    assert_ok(lince_session_run_images(session, images.data, 2, 16, 16, s.old_result, 10, err));
    assert_ok(lince_variable_write(s.model, gamma, new_value, sizeof new_value, err));
    assert_ok(lince_session_run_images(session, images.data, 2, 16, 16, s.new_result, 10, err));
    assert_memory_not_equal(s.old_result, s.new_result, sizeof s.new_result);

    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, run_again_and_again, &s), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        assert_ok(lince_variable_write(s.model, gamma, i % 2 ? new_value : old_value, sizeof new_value, err));
    }
    while (atomic_load(&s.runs) < 2 * READERS) {
        assert_ok(lince_variable_write(s.model, gamma, old_value, sizeof old_value, err));
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    assert_int_equal(atomic_load(&s.wrong), 0);
    free(images.data);
    lince_session_free(session);
    lince_model_close(s.model);
}

/* Opening sessions, importing traces and asking questions at once, on a model nobody has used yet. */
static void *first_use(void *context)
{
    struct shared *s = context;
    const char *const *texts;
    size_t count;
    float value;
    lince_session *training = NULL;
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1}};
    lince_tensor images = random_images(2, 16, 16, 6);
    lince_callable *call = lince_model_call(s->model);
    bool ok = lince_callable_ops(call, &texts, &count, NULL) == LINCE_OK &&
              lince_callable_unsupported(call, &texts, &count, NULL) == LINCE_OK && count == 0 &&
              lince_loss_value(s->model, 0, &value, NULL) == LINCE_OK &&
              lince_session_new(&training, call, arguments, 2, NULL, NULL) == LINCE_OK;
    for (int i = 0; ok && i < ROUNDS / 10; i++) {
        ok = lince_session_run(training, &images, 1, NULL, NULL, NULL) == LINCE_OK;
    }
    atomic_fetch_add(&s->wrong, !ok);
    lince_session_free(training);
    free(images.data);
    return NULL;
}

static void threads_train_and_ask_on_a_model_that_none_has_used(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        struct shared s = {.model = open_model("classifier", 2)};
        pthread_t threads[READERS];
        for (int i = 0; i < READERS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, first_use, &s), 0);
        }
        for (int i = 0; i < READERS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(atomic_load(&s.wrong), 0);
        lince_model_close(s.model);
    }
}

/* ---- One session in two threads ---- */

struct one_session {
    lince_session *session;
    float want[10];
    atomic_int wrong, done;
};

static void *use_the_session(void *context)
{
    struct one_session *s = context;
    lince_tensor images = random_images(2, 16, 16, 6);
    float out[10];
    for (int i = 0; i < ROUNDS; i++) {
        lince_error err = {.text = ""};
        lince_status st = lince_session_run_images(s->session, images.data, 2, 16, 16, out, 10, &err);
        bool ok = st == LINCE_OK ? memcmp(out, s->want, sizeof out) == 0
                                 : st == LINCE_EINVAL && strstr(err.text, "running in another thread");
        atomic_fetch_add(&s->wrong, !ok);
        atomic_fetch_add(&s->done, st == LINCE_OK);
    }
    free(images.data);
    return NULL;
}

static void a_session_used_by_two_threads_is_refused_or_right(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    struct one_session s = {.session = open_session(model, "__call__", NULL, 0)};
    lince_tensor images = random_images(2, 16, 16, 6);
    pthread_t other;
    assert_ok(lince_session_run_images(s.session, images.data, 2, 16, 16, s.want, 10, err));
    assert_int_equal(pthread_create(&other, NULL, use_the_session, &s), 0);
    use_the_session(&s);
    pthread_join(other, NULL);
    assert_int_equal(atomic_load(&s.wrong), 0);
    assert_true(atomic_load(&s.done) > 0);
    free(images.data);
    lince_session_free(s.session);
    lince_model_close(model);
}

static int run_it_again(const lince_step *step, void *context)
{
    (void)step;
    struct one_session *s = context;
    atomic_store(&s->wrong, lince_session_structure(s->session) == NULL);
    atomic_fetch_add(&s->done, lince_session_run(s->session, NULL, 0, NULL, NULL, NULL) == LINCE_EINVAL);
    return 1;
}

static void a_callback_that_runs_its_own_session_is_refused(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    struct one_session s = {.session = open_session(model, "__call__", NULL, 0)};
    lince_tensor images = random_images(2, 16, 16, 6);
    assert_ok(lince_session_explain(s.session, &images, 1, run_it_again, &s, err));
    assert_int_equal(atomic_load(&s.done), 1);
    free(images.data);
    lince_session_free(s.session);
    lince_model_close(model);
}

/* ---- Lives ---- */

static void sessions_outlive_their_model_and_pool(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    lince_session_options with_pool;
    lince_pool *pools[2];
    lince_session *sessions[2];
    lince_tensor images = random_images(2, 16, 16, 6);
    size_t n, m;
    assert_ok(lince_pool_new(&pools[0], 2, err));
    assert_ok(lince_pool_new(&pools[1], 3, err));
    count_in(&options, &counter);
    options.pool = pools[0];
    lince_model *model = open_with("classifier", &options);
    lince_session_options_init(&with_pool);
    with_pool.pool = pools[1];
    for (int i = 0; i < 2; i++) {
        assert_ok(lince_session_new(&sessions[i], lince_model_call(model), NULL, 0, i ? &with_pool : NULL, err));
        lince_pool_free(pools[i]);
    }
    float *before = run_floats(sessions[0], &images, &n);
    lince_model_close(model);
    float *after = run_floats(sessions[0], &images, &m);
    assert_memory_equal(before, after, n * sizeof(float));
    lince_session_free(sessions[0]);
    free(after);
    after = run_floats(sessions[1], &images, &m); /* its first run */
    assert_memory_equal(before, after, n * sizeof(float));
    assert_true(atomic_load(&counter.live) > 0);
    lince_session_free(sessions[1]);
    assert_int_equal(atomic_load(&counter.live), 0);
    free(before);
    free(after);
    free(images.data);
}

static void a_forked_child_goes_on_with_its_parents_session(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 3);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(9, 16, 16, 6);
    size_t n, m;
    int status = -1;
    float *before = run_floats(session, &images, &n);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        float *after = run_floats(session, &images, &m);
        lince_session_free(session);
        lince_model_close(model);
        _exit(m == n && memcmp(before, after, n * sizeof(float)) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(before);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_two_and_three_threads_give_the_same_bits),
        cmocka_unit_test(sessions_see_a_variable_before_or_after_a_write_never_between),
        cmocka_unit_test(threads_train_and_ask_on_a_model_that_none_has_used),
        cmocka_unit_test(a_session_used_by_two_threads_is_refused_or_right),
        cmocka_unit_test(a_callback_that_runs_its_own_session_is_refused),
        cmocka_unit_test(sessions_outlive_their_model_and_pool),
        cmocka_unit_test(a_forked_child_goes_on_with_its_parents_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
