/* The thread pool. pthread_create is wrapped by the linker, so that the n-th start can be made to fail. */
#include "unit/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

static int starts_until_failure = -1;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (starts_until_failure >= 0 && starts_until_failure-- == 0) {
        return EAGAIN;
    }
    return __real_pthread_create(thread, attributes, start, argument);
}

static struct li_mem *mem;

static int new_mem(void **state)
{
    (void)state;
    mem = li_mem_new(NULL, NULL, NULL, 0);
    return mem ? 0 : -1;
}

static int release_mem(void **state)
{
    size_t used = li_mem_used_bytes(mem);
    (void)state;

    li_mem_release(mem);
    return used == 0 ? 0 : -1;
}

static struct li_pool *new_pool(int threads)
{
    struct li_pool *pool;

    assert_int_equal(li_pool_new(&pool, threads, mem, NULL), LINCE_OK);
    assert_int_equal(li_pool_threads(pool), threads);
    return pool;
}

enum { MOST_TASKS = 1000 };

struct job {
    struct li_pool *pool;
    int runs[MOST_TASKS]; /* plain: each task is written by one thread, and read after the region */
    int worker[MOST_TASKS];
    int64_t last[4]; /* scratch by worker, plain: no two calls with one worker overlap */
};

static void note(void *context, int64_t task, int worker)
{
    struct job *job = context;

    job->runs[task]++;
    job->worker[task] = worker;
    job->last[worker] = task;
}

static void check_once_and_contiguous(const struct job *job, int64_t tasks, int threads)
{
    for (int64_t i = 0; i < tasks; i++) {
        assert_int_equal(job->runs[i], 1);
        assert_in_range(job->worker[i], 0, threads - 1);
        assert_true(i == 0 || job->worker[i] == job->worker[i - 1] || job->worker[i] == job->worker[i - 1] + 1);
    }
    for (int64_t i = tasks; i < MOST_TASKS; i++) {
        assert_int_equal(job->runs[i], 0);
    }
}

static void every_task_runs_once_in_contiguous_ranges(void **state)
{
    static const int64_t counts[] = {0, 1, 2, 3, 7, 13, 31, 100, MOST_TASKS};
    static struct job job, again;
    (void)state;

    for (int threads = 1; threads <= 3; threads++) {
        struct li_pool *pool = new_pool(threads);
        for (size_t i = 0; i < LI_COUNT(counts); i++) {
            memset(&job, 0, sizeof job);
            memset(&again, 0, sizeof again);
            li_pool_run(pool, counts[i], note, &job);
            check_once_and_contiguous(&job, counts[i], threads);
            if (counts[i] >= threads) {
                assert_int_equal(job.worker[0], 0);
                assert_int_equal(job.worker[counts[i] - 1], threads - 1);
            }
            li_pool_run(pool, counts[i], note, &again);
            assert_memory_equal(job.worker, again.worker, sizeof job.worker);
        }
        li_pool_release(pool);
    }
}

static void nest(void *context, int64_t task, int worker)
{
    struct job *jobs = context;

    (void)worker;
    li_pool_run(jobs[task].pool, 31, note, &jobs[task]);
}

static void a_nested_region_runs_as_worker_0(void **state)
{
    static struct job jobs[7];
    struct li_pool *pool = new_pool(3);
    (void)state;

    memset(jobs, 0, sizeof jobs);
    for (int i = 0; i < 7; i++) {
        jobs[i].pool = pool;
    }
    li_pool_run(pool, 7, nest, jobs);
    for (int i = 0; i < 7; i++) {
        check_once_and_contiguous(&jobs[i], 31, 1);
    }
    li_pool_release(pool);
}

enum { CALLERS = 4, ROUNDS = 300 };

struct caller {
    struct li_pool *pool;
    pthread_t thread;
    int64_t sum[3];
    int64_t total;
};

static void add(void *context, int64_t task, int worker)
{
    struct caller *c = context;

    c->sum[worker] += task + 1;
}

static void *call_often(void *argument)
{
    struct caller *c = argument;

    for (int i = 0; i < ROUNDS; i++) {
        memset(c->sum, 0, sizeof c->sum);
        li_pool_run(c->pool, 100, add, c);
        c->total += c->sum[0] + c->sum[1] + c->sum[2];
    }
    li_pool_release(c->pool);
    return NULL;
}

static void several_callers_share_a_pool(void **state)
{
    static struct caller callers[CALLERS];
    struct li_pool *pool = new_pool(3);
    (void)state;

    for (int i = 0; i < CALLERS; i++) {
        li_pool_retain(pool);
        callers[i] = (struct caller){.pool = pool};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    li_pool_release(pool); /* the last caller's release ends it */
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].total, ROUNDS * 5050);
    }
}

static void busy_for_a_while(void *context, int64_t task, int worker)
{
    (void)task, (void)worker;
    usleep(*(useconds_t *)context);
}

/* Past the spinning on both sides: workers asleep when the region starts, the caller asleep when it ends. */
static void sleepers_are_woken(void **state)
{
    static struct job job;
    struct li_pool *pool = new_pool(2);
    useconds_t us = 2000;
    (void)state;

    for (int round = 0; round < 20; round++) {
        usleep(round % 2 ? 1000 : 0);
        li_pool_run(pool, 2, busy_for_a_while, &us);
        memset(&job, 0, sizeof job);
        usleep(round % 3 ? 0 : 1000);
        li_pool_run(pool, 13, note, &job);
        check_once_and_contiguous(&job, 13, 2);
    }
    li_pool_release(pool);
}

/* Lost wake-ups show as a hang here: gaps around the length of the spinning, many times. */
static void regions_of_all_distances_finish(void **state)
{
    static struct job job;
    struct li_pool *pool = new_pool(3);
    volatile int sink = 0;
    (void)state;

    for (int round = 0; round < 3000; round++) {
        for (int i = 0; i < round * 17 % 40000; i++) {
            sink = i;
        }
        memset(&job, 0, sizeof job);
        li_pool_run(pool, 3, note, &job);
        assert_int_equal(job.runs[0] + job.runs[1] + job.runs[2], 3);
    }
    (void)sink;
    li_pool_release(pool);
}

static void a_start_that_fails_is_undone(void **state)
{
    (void)state;
    for (int fail_at = 0; fail_at < 3; fail_at++) {
        struct li_pool *pool = NULL;
        lince_error err;
        starts_until_failure = fail_at;
        assert_int_equal(li_pool_new(&pool, 4, mem, &err), LINCE_ENOMEM);
        starts_until_failure = -1;
        assert_null(pool);
        assert_non_null(strstr(err.text, "of 4"));
        assert_int_equal(li_mem_used_bytes(mem), 0);
    }
}

static void senseless_sizes_are_refused(void **state)
{
    static const int bad[] = {0, -1, LI_MAX_THREADS + 1};
    struct li_pool *pool;
    (void)state;

    for (size_t i = 0; i < LI_COUNT(bad); i++) {
        assert_int_equal(li_pool_new(&pool, bad[i], mem, NULL), LINCE_EINVAL);
    }
    li_pool_release(NULL);
}

static void name_of_thread(void *context, int64_t task, int worker)
{
    char(*names)[16] = context;

    (void)worker;
    pthread_getname_np(pthread_self(), names[task], sizeof names[task]);
}

static void workers_are_named(void **state)
{
    struct li_pool *pool = new_pool(2);
    char names[2][16] = {"", ""};
    (void)state;

    li_pool_run(pool, 2, name_of_thread, names);
    assert_string_equal(names[1], "lince");
    li_pool_release(pool);
}

static void count_worker(void *context, int64_t task, int worker)
{
    int *ran = context;
    ran[task] += worker == 0 ? 1 : 100;
}

/* Without the others; and it does not wait for them when it lets the pool go. */
static void a_forked_child_runs_all_tasks_itself(void **state)
{
    struct li_pool *pool = new_pool(3);
    int ran[7] = {0}, status = -1;
    (void)state;

    li_pool_run(pool, 7, count_worker, (int[7]){0});
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        li_pool_run(pool, 7, count_worker, ran);
        li_pool_release(pool);
        for (int i = 0; i < 7; i++) {
            ran[0] += ran[i] != 1;
        }
        _exit(ran[0] == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    li_pool_run(pool, 7, count_worker, ran);
    li_pool_release(pool);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_mem, release_mem)
    const struct CMUnitTest tests[] = {
        TEST(every_task_runs_once_in_contiguous_ranges),
        TEST(a_nested_region_runs_as_worker_0),
        TEST(several_callers_share_a_pool),
        TEST(sleepers_are_woken),
        TEST(regions_of_all_distances_finish),
        TEST(a_start_that_fails_is_undone),
        TEST(senseless_sizes_are_refused),
        TEST(workers_are_named),
        TEST(a_forked_child_runs_all_tasks_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
