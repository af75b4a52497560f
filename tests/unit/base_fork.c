/* Guards around fork: called in their order, in parent and child, as long as they are there. */
#include "unit/test.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 32 };
static char calls[MOST]; /* what was called, in order: a letter before, the same as a capital after */
static bool in_child;

static void note(char call)
{
    size_t n = strlen(calls);
    assert_true(n + 1 < MOST);
    calls[n] = call;
}

static void before(void *owner)
{
    note(*(const char *)owner);
}

static void after(void *owner, bool child)
{
    note((char)(*(const char *)owner - 'a' + 'A'));
    in_child = child;
}

static void add(struct li_fork_guard *guard, enum li_fork_order order, const char *letter)
{
    *guard =
        (struct li_fork_guard){.order = order, .owner = (void *)(uintptr_t)letter, .before = before, .after = after};
    assert_int_equal(li_fork_guard_add(guard, NULL), LINCE_OK);
}

/* Fork; the child's exit status is 0 when it saw these calls too, and that it is one. */
static void fork_and_see(const char *want)
{
    int status = -1;
    memset(calls, 0, sizeof calls);
    in_child = false;
    pid_t child = fork();
    if (child == 0) {
        _exit(strcmp(calls, want) != 0 || in_child != (*want != '\0'));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(calls, want);
    assert_false(in_child);
}

static void guards_are_called_in_their_order_and_back(void **state)
{
    (void)state;
    struct li_fork_guard bundle, model, store;
    add(&bundle, LI_FORK_BUNDLE, "b");
    add(&model, LI_FORK_MODEL, "m");
    add(&store, LI_FORK_STORE, "s");
    fork_and_see("msbBSM");
    li_fork_guard_remove(&store);
    fork_and_see("mbBM");
    li_fork_guard_remove(&bundle);
    li_fork_guard_remove(&model);
    fork_and_see("");
}

static void guards_of_one_kind_come_and_go_in_any_order(void **state)
{
    (void)state;
    struct li_fork_guard one, two, three, never = {.order = LI_FORK_STORE};
    add(&one, LI_FORK_STORE, "x");
    add(&two, LI_FORK_STORE, "y");
    add(&three, LI_FORK_STORE, "z");
    li_fork_guard_remove(&two);
    li_fork_guard_remove(&two);
    li_fork_guard_remove(&never);
    fork_and_see("zxZX");
    li_fork_guard_remove(&three);
    fork_and_see("xX");
    li_fork_guard_remove(&one);
    fork_and_see("");
}

/* ---- A lock that another thread takes and lets go of all the time ---- */

struct lock {
    pthread_mutex_t mutex;
    bool whole, stop; /* whole: nobody is at it; guarded by mutex, as stop is */
};

static void *take_again_and_again(void *context)
{
    struct lock *lock = context;
    for (bool stop = false; !stop;) {
        pthread_mutex_lock(&lock->mutex);
        lock->whole = false;
        usleep(50);
        lock->whole = true;
        stop = lock->stop;
        pthread_mutex_unlock(&lock->mutex);
    }
    return NULL;
}

static int take_in_child(struct lock *lock)
{
    alarm(20);
    pthread_mutex_lock(&lock->mutex);
    return !lock->whole;
}

static void a_child_finds_a_guarded_lock_open_and_what_it_guards_whole(void **state)
{
    (void)state;
    struct lock lock = {.mutex = PTHREAD_MUTEX_INITIALIZER, .whole = true};
    struct li_fork_guard guard;
    pthread_t thread;
    assert_int_equal(li_fork_guard_mutex(&guard, LI_FORK_MODEL, &lock.mutex, NULL), LINCE_OK);
    assert_int_equal(pthread_create(&thread, NULL, take_again_and_again, &lock), 0);
    for (int i = 0; i < 50; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            _exit(take_in_child(&lock));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    pthread_mutex_lock(&lock.mutex);
    lock.stop = true;
    pthread_mutex_unlock(&lock.mutex);
    pthread_join(thread, NULL);
    li_fork_guard_remove(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guards_are_called_in_their_order_and_back),
        cmocka_unit_test(guards_of_one_kind_come_and_go_in_any_order),
        cmocka_unit_test(a_child_finds_a_guarded_lock_open_and_what_it_guards_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
