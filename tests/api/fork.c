/*
 * Fork: whatever the threads of the parent are at, a child goes on by itself: it opens, runs, trains, reads, writes.
 * A child that hangs is ended by its alarm, and the test fails.
 */
#include "support.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = SANITIZED ? 40 : 200, BUSY = 2, CHILD_SECONDS = SANITIZED ? 60 : 20, CLASSES = 5, BATCH = 2 };
enum { FEATURES = 6 }; /* of stem/gamma */

struct parent {
    lince_model *model;
    lince_session *session, *training; /* of the thread that forks */
    size_t variable;
    lince_tensor images;
    atomic_bool stop;
    atomic_int wrong, runs;
};

/* One thread infers; the other trains, so that runs hold every lock there is and commit again and again. */
static void *keep_busy(void *context)
{
    struct parent *p = context;
    bool training = atomic_fetch_add(&p->runs, 1) % 2 == 1;
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = training}};
    lince_session *session = NULL;
    bool ok = lince_session_new(&session, lince_model_call(p->model), arguments, 2, NULL, NULL) == LINCE_OK;
    while (ok && !atomic_load(&p->stop)) {
        ok = lince_session_run(session, &p->images, 1, NULL, NULL, NULL) == LINCE_OK;
        atomic_fetch_add(&p->runs, 1);
    }
    atomic_fetch_add(&p->wrong, !ok);
    lince_session_free(session);
    return NULL;
}

/* ---- In the child: assertions would end up in the parent's report, so each step is a bit of the exit status ---- */

static bool writes_and_reads_back(struct parent *p)
{
    float value[FEATURES], back[FEATURES];
    for (int i = 0; i < FEATURES; i++) {
        value[i] = (float)i + 0.5f;
    }
    return lince_variable_write(p->model, p->variable, value, sizeof value, NULL) == LINCE_OK &&
           lince_variable_read(p->model, p->variable, back, sizeof back, NULL) == LINCE_OK &&
           memcmp(value, back, sizeof value) == 0;
}

static bool runs_with_what_it_wrote(struct parent *p)
{
    float before[BATCH * CLASSES], after[BATCH * CLASSES];
    lince_session *s = p->session;
    return lince_session_run_images(s, p->images.data, BATCH, 16, 16, before, BATCH * CLASSES, NULL) == LINCE_OK &&
           writes_and_reads_back(p) &&
           lince_session_run_images(s, p->images.data, BATCH, 16, 16, after, BATCH * CLASSES, NULL) == LINCE_OK &&
           memcmp(before, after, sizeof before) != 0;
}

static bool opens_another_session(struct parent *p)
{
    lince_session *session = NULL;
    bool ok = lince_session_new(&session, lince_model_call(p->model), NULL, 0, NULL, NULL) == LINCE_OK &&
              lince_session_run(session, &p->images, 1, NULL, NULL, NULL) == LINCE_OK;
    lince_session_free(session);
    return ok;
}

static int live_as_child(struct parent *p)
{
    alarm(CHILD_SECONDS);
    int failed = !runs_with_what_it_wrote(p);
    failed |= (lince_session_run(p->training, &p->images, 1, NULL, NULL, NULL) != LINCE_OK) << 1;
    failed |= !opens_another_session(p) << 2;
    return failed;
}

/* ---- In the parent ---- */

static void wait_for(pid_t child, int round)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fail_msg("child %d %s %d", round, WIFEXITED(status) ? "failed, steps" : "was ended by signal",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    }
}

static void fork_again_and_again(struct parent *p)
{
    for (int round = 0; round < FORKS; round++) {
        int before = atomic_load(&p->runs);
        pid_t child = fork();
        if (child == 0) {
            _exit(live_as_child(p));
        }
        wait_for(child, round);
        while (atomic_load(&p->runs) < before + 1 && atomic_load(&p->wrong) == 0) {
            usleep(100); /* the parent's threads go on too */
        }
    }
}

static void fork_while_busy(lince_model *model)
{
    struct parent p = {.model = model, .images = random_images(BATCH, 16, 16, 6)};
    lince_variable_info info = {.struct_size = sizeof info};
    pthread_t threads[BUSY];
    p.variable = variable_named(model, "stem/gamma:0", &info);
    assert_int_equal(info.size_bytes, FEATURES * sizeof(float));
    p.session = open_session(model, "__call__", NULL, 0);
    p.training = open_training(model, true);
    for (int i = 0; i < BUSY; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, &p), 0);
    }
    fork_again_and_again(&p);
    atomic_store(&p.stop, true);
    for (int i = 0; i < BUSY; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&p.wrong), 0);
    free(p.images.data);
    lince_session_free(p.session);
    lince_session_free(p.training);
}

static void children_of_a_busy_process_run_train_and_write(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    fork_while_busy(model);
    lince_model_close(model);
}

static void so_they_do_with_a_pool_of_the_users(void **state)
{
    (void)state;
    lince_model_options options;
    lince_model_options_init(&options);
    assert_ok(lince_pool_new(&options.pool, 3, err));
    lince_model *model = open_with("classifier", &options), *other = open_with("mobile", &options);
    lince_pool_free(options.pool);
    fork_while_busy(model);
    lince_model_close(model);
    lince_model_close(other);
}

/* ---- Values ---- */

struct writer {
    lince_model *model;
    size_t variable;
    atomic_bool stop;
    atomic_int wrong;
};

static void *write_again_and_again(void *context)
{
    struct writer *w = context;
    float value[FEATURES];
    for (int round = 0; !atomic_load(&w->stop); round++) {
        for (int i = 0; i < FEATURES; i++) {
            value[i] = (float)round;
        }
        atomic_fetch_add(&w->wrong, lince_variable_write(w->model, w->variable, value, sizeof value, NULL) != LINCE_OK);
    }
    return NULL;
}

static int read_in_child(struct writer *w)
{
    float value[FEATURES];
    alarm(CHILD_SECONDS);
    if (lince_variable_read(w->model, w->variable, value, sizeof value, NULL)) {
        return 1;
    }
    for (int i = 1; i < FEATURES; i++) {
        if (memcmp(&value[i], &value[0], sizeof value[0]) != 0) {
            return 2;
        }
    }
    return 0;
}

static void a_child_sees_a_write_whole_or_not_at_all(void **state)
{
    (void)state;
    struct writer w = {.model = open_model("classifier", 1)};
    lince_variable_info info = {.struct_size = sizeof info};
    float zeros[FEATURES] = {0};
    pthread_t thread;
    w.variable = variable_named(w.model, "stem/gamma:0", &info);
    assert_ok(lince_variable_write(w.model, w.variable, zeros, sizeof zeros, err));
    assert_int_equal(pthread_create(&thread, NULL, write_again_and_again, &w), 0);
    for (int round = 0; round < FORKS; round++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(read_in_child(&w));
        }
        wait_for(child, round);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&w.wrong), 0);
    lince_model_close(w.model);
}

/* Nothing is left of the parent's locks and threads that a model opened by the child could meet. */
static bool opens_a_model(void)
{
    lince_model_options options;
    lince_model *model = NULL;
    lince_session *session = NULL;
    lince_tensor images = random_images(1, 16, 16, 1);
    lince_model_options_init(&options);
    options.threads = SANITIZED ? 1 : 2; /* a sanitizer refuses threads in a child of a process that had some */
    bool ok = lince_model_open(&model, LINCE_TEST_DATA "/golden/models/mobile", &options, NULL) == LINCE_OK &&
              lince_session_new(&session, lince_model_call(model), NULL, 0, NULL, NULL) == LINCE_OK &&
              lince_session_run(session, &images, 1, NULL, NULL, NULL) == LINCE_OK;
    lince_session_free(session);
    lince_model_close(model);
    free(images.data);
    return ok;
}

/* A child forks, and its child lives as well; both close what they have. */
static void a_childs_child_goes_on_too(void **state)
{
    (void)state;
    struct parent p = {.model = open_model("classifier", 2), .images = random_images(BATCH, 16, 16, 6)};
    lince_variable_info info = {.struct_size = sizeof info};
    p.variable = variable_named(p.model, "stem/gamma:0", &info);
    p.session = open_session(p.model, "__call__", NULL, 0);
    p.training = open_training(p.model, true);
    pid_t child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        int status = 0, failed = live_as_child(&p);
        lince_session_free(p.session);
        lince_session_free(p.training);
        lince_model_close(p.model);
        failed |= !opens_a_model() << 3;
        if (grandchild) {
            failed |= waitpid(grandchild, &status, 0) != grandchild || status != 0;
        }
        _exit(failed);
    }
    wait_for(child, 0);
    free(p.images.data);
    lince_session_free(p.session);
    lince_session_free(p.training);
    lince_model_close(p.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_of_a_busy_process_run_train_and_write),
        cmocka_unit_test(so_they_do_with_a_pool_of_the_users),
        cmocka_unit_test(a_child_sees_a_write_whole_or_not_at_all),
        cmocka_unit_test(a_childs_child_goes_on_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
