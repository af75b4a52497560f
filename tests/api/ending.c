/* Ending calls from outside: cancels, deadlines. What such a call would have changed stays as it was. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

/* ---- A call that lasts ------------------------------------------------------------------------------------------- */

enum { FOR_SECONDS = 4000000 }; /* turns of its loop; a branch before that writes a variable */

struct lasting {
    lince_model *model;
    lince_session *session;
    lince_tensor images;
    size_t steps; /* the variable that each call writes */
};

static struct lasting open_lasting(void)
{
    lince_variable_info info = {.struct_size = sizeof info};
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT}, {.path = "1", .kind = LINCE_ARG_INPUT}};
    struct lasting l = {.model = open_model("control_flow", 2), .images = random_images(2, 16, 16, 1)};
    l.session = open_session(l.model, "__call__", arguments, 2);
    l.steps = variable_named(l.model, "steps:0", &info);
    return l;
}

static void close_lasting(struct lasting *l)
{
    free(l->images.data);
    lince_session_free(l->session);
    lince_model_close(l->model);
}

static lince_status run_lasting(const struct lasting *l, int32_t turns, lince_error *err)
{
    const lince_tensor times = {.dtype = LINCE_INT32, .data = &turns, .size_bytes = sizeof turns};
    const lince_output *outputs;
    size_t count;
    lince_status st = lince_session_run(l->session, (lince_tensor[]){l->images, times}, 2, &outputs, &count, err);
    if (!st) {
        assert_string_equal(outputs[1].path, "rounds");
        assert_int_equal(*(const int32_t *)outputs[1].tensor.data, turns);
    } else {
        assert_null(outputs);
        assert_int_equal(count, 0);
        assert_string_equal(lince_session_structure(l->session), "");
    }
    return st;
}

static uint64_t version_of(const struct lasting *l)
{
    lince_variable_info info = {.struct_size = sizeof info};
    assert_ok(lince_variable_info_at(l->model, l->steps, &info, err));
    return info.version;
}

/* ---- Cancels ----------------------------------------------------------------------------------------------------- */

struct canceling {
    lince_session *session;
    atomic_bool done;
};

/* Again and again: a cancel that comes before the call is none. */
static void *cancel_until_done(void *context)
{
    struct canceling *c = context;
    while (!atomic_load(&c->done)) {
        lince_session_cancel(c->session);
        usleep(100);
    }
    return NULL;
}

static void begin_canceling(struct canceling *c, pthread_t *thread, lince_session *session)
{
    c->session = session;
    atomic_init(&c->done, false);
    assert_int_equal(pthread_create(thread, NULL, cancel_until_done, c), 0);
}

static void end_canceling(struct canceling *c, pthread_t thread)
{
    atomic_store(&c->done, true);
    pthread_join(thread, NULL);
}

static void a_call_canceled_by_another_thread_ends_and_changes_nothing(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    struct canceling c;
    pthread_t thread;
    for (int i = 0; i < 3; i++) { /* also the first call, which plans */
        uint64_t version = version_of(&l);
        begin_canceling(&c, &thread, l.session);
        assert_refused(run_lasting(&l, FOR_SECONDS, err), LINCE_ECANCELED, "canceled");
        end_canceling(&c, thread);
        assert_int_equal(version_of(&l), version);
        assert_ok(run_lasting(&l, 3, err));
        assert_int_equal(version_of(&l), version + 1);
    }
    close_lasting(&l);
}

static void a_cancel_before_a_call_does_nothing(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    lince_session_cancel(NULL);
    for (int i = 0; i < 2; i++) {
        lince_session_cancel(l.session);
        assert_ok(run_lasting(&l, 2, err));
    }
    close_lasting(&l);
}

static void a_canceled_training_call_leaves_every_variable(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_session *session = open_training(model, true);
    lince_tensor images = random_images(2000, 16, 16, 1);
    struct canceling c;
    pthread_t thread;
    lince_status st = LINCE_OK;
    while (st == LINCE_OK) { /* until a cancel comes in time */
        size_t size, same_size;
        unsigned char *before = read_all(model, &size);
        begin_canceling(&c, &thread, session);
        st = lince_session_run(session, &images, 1, NULL, NULL, NULL);
        end_canceling(&c, thread);
        unsigned char *after = read_all(model, &same_size);
        assert_int_equal(memcmp(before, after, size) == 0, st != LINCE_OK);
        free(before);
        free(after);
    }
    assert_int_equal(st, LINCE_ECANCELED);
    assert_ok(lince_session_run(session, &images, 1, NULL, NULL, err));
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static lince_session *signaled;

static void cancel_it(int signal)
{
    (void)signal;
    lince_session_cancel(signaled);
}

static void a_signal_handler_may_cancel(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = cancel_it, .sa_flags = SA_RESTART}, old;
    signaled = l.session;
    assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_refused(run_lasting(&l, FOR_SECONDS, err), LINCE_ECANCELED, "canceled");
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_ok(run_lasting(&l, 3, err));
    close_lasting(&l);
}

/* ---- Deadlines --------------------------------------------------------------------------------------------------- */

static void a_call_that_is_not_done_by_its_deadline_ends_and_changes_nothing(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    assert_ok(run_lasting(&l, 1, err));
    uint64_t version = version_of(&l);
    assert_ok(lince_session_set_timeout(l.session, 20, err));
    for (int i = 0; i < 2; i++) { /* each call has its own */
        assert_refused(run_lasting(&l, FOR_SECONDS, err), LINCE_ECANCELED, "deadline");
        assert_int_equal(version_of(&l), version);
    }
    assert_ok(lince_session_set_timeout(l.session, 0, err));
    assert_ok(run_lasting(&l, 40000, err));
    assert_int_equal(version_of(&l), version + 1);
    close_lasting(&l);
}

static void a_call_that_is_done_by_its_deadline_does_not_notice_it(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    const int64_t timeouts[] = {3600000, INT64_MAX / 1000000, INT64_MAX};
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        assert_ok(lince_session_set_timeout(l.session, timeouts[i], err));
        assert_ok(run_lasting(&l, 3, err));
    }
    close_lasting(&l);
}

static void a_timeout_below_0_is_refused_and_the_old_one_stays(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    assert_ok(lince_session_set_timeout(l.session, 20, err));
    assert_refused(lince_session_set_timeout(l.session, -1, err), LINCE_EINVAL, "-1 ms; 0 or more is wanted");
    assert_refused(lince_session_set_timeout(NULL, 1, err), LINCE_EINVAL, "session is NULL");
    assert_refused(run_lasting(&l, FOR_SECONDS, err), LINCE_ECANCELED, "deadline");
    close_lasting(&l);
}

static int set_both(const lince_step *step, void *context)
{
    (void)step;
    lince_session *session = context;
    assert_refused(lince_session_set_timeout(session, 1, err), LINCE_EINVAL, "one call at a time");
    assert_refused(lince_session_set_pool(session, NULL, err), LINCE_EINVAL, "one call at a time");
    return 1;
}

static void neither_timeout_nor_pool_is_set_during_a_call(void **state)
{
    (void)state;
    struct lasting l = open_lasting();
    const lince_tensor times = {.dtype = LINCE_INT32};
    assert_ok(lince_session_explain(l.session, (lince_tensor[]){l.images, times}, 2, set_both, l.session, err));
    close_lasting(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_canceled_by_another_thread_ends_and_changes_nothing),
        cmocka_unit_test(a_cancel_before_a_call_does_nothing),
        cmocka_unit_test(a_canceled_training_call_leaves_every_variable),
        cmocka_unit_test(a_signal_handler_may_cancel),
        cmocka_unit_test(a_call_that_is_not_done_by_its_deadline_ends_and_changes_nothing),
        cmocka_unit_test(a_call_that_is_done_by_its_deadline_does_not_notice_it),
        cmocka_unit_test(a_timeout_below_0_is_refused_and_the_old_one_stays),
        cmocka_unit_test(neither_timeout_nor_pool_is_set_during_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
