/*
 * The thread pool. Each worker waits on a word of its own: it watches it for SPIN_NS, because the next region of a run
 * follows soon, then sleeps in a futex. The caller does the same for the workers' last one to finish.
 *
 * Both kinds of word keep a SLEEPING bit beside their value, so that "I go to sleep" and "there is something new" meet
 * in one atomic operation, and a system call is made only for somebody who sleeps:
 *
 *     go       of each worker: a counter in the upper bits; a change means: look at the job
 *     pending  of the pool: workers that have not finished this region, in the upper bits
 *
 * The job's plain fields are written before the release of go and read after its acquire; results travel back by
 * pending.
 */
#include "base/base.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { SLEEPING = 1, ONE = 2 };
enum { SPIN_NS = 30000, PAUSES_PER_LOOK = 32, STACK_BYTES = 2 << 20 };

struct worker {
    _Alignas(LI_ALIGN) atomic_uint go;
    struct li_pool *pool;
    pthread_t thread;
    int index; /* 1 and up: 0 is the caller */
};

struct li_pool {
    struct li_mem *mem;
    atomic_uint references;
    int threads;
    pid_t owner; /* the process the workers are in: a forked child has none of them, and does its tasks itself */

    atomic_bool busy; /* held by the caller whose region runs */
    void (*run)(void *context, int64_t task, int worker);
    void *context;
    int64_t tasks;
    int workers; /* of this region, with the caller */
    bool stop;

    _Alignas(LI_ALIGN) atomic_uint pending;
    struct worker worker[]; /* threads - 1 */
};

static inline void pause_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Returns at once if the word is not value any more, and now and then without a reason: callers look again. */
static void futex_wait(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Watch the word for SPIN_NS; true as soon as its upper bits differ from those of value. */
static bool spin(atomic_uint *word, unsigned value)
{
    int64_t end = 0;

    for (;;) {
        for (int i = 0; i < PAUSES_PER_LOOK; i++) {
            if ((atomic_load_explicit(word, memory_order_acquire) ^ value) >= ONE) {
                return true;
            }
            pause_once();
        }
        int64_t now = now_ns();
        if (!end) {
            end = now + SPIN_NS;
        } else if (now >= end) {
            return false;
        }
    }
}

/* Mark the word, that still holds value, as slept on, and sleep until its upper bits differ. */
static void sleep_on(atomic_uint *word, unsigned value)
{
    unsigned seen = value;

    if (!atomic_compare_exchange_strong_explicit(word, &seen, value | SLEEPING, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        return;
    }
    while (((seen = atomic_load_explicit(word, memory_order_acquire)) ^ value) < ONE) {
        futex_wait(word, seen);
    }
}

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

/* Contiguous ranges that differ by at most one task, a function of tasks and workers only. */
static void run_range(const struct li_pool *pool, int worker)
{
    int64_t each = pool->tasks / pool->workers, more = pool->tasks % pool->workers;
    int64_t begin = worker * each + LI_MIN((int64_t)worker, more);
    int64_t end = begin + each + (worker < more);

    for (int64_t task = begin; task < end; task++) {
        pool->run(pool->context, task, worker);
    }
}

static void finish(struct li_pool *pool)
{
    unsigned before = atomic_fetch_sub_explicit(&pool->pending, ONE, memory_order_acq_rel);

    if (before == (ONE | SLEEPING)) {
        futex_wake(&pool->pending);
    }
}

static void *work(void *argument)
{
    struct worker *self = argument;
    unsigned seen = 0;

    li_subnormals_flush();
    for (;;) {
        while ((atomic_load_explicit(&self->go, memory_order_acquire) ^ seen) < ONE) {
            if (!spin(&self->go, seen)) {
                sleep_on(&self->go, seen);
            }
        }
        seen += ONE;
        if (self->pool->stop) {
            return NULL;
        }
        run_range(self->pool, self->index);
        finish(self->pool);
    }
}

/* The new value has no SLEEPING bit: who slept is woken here and sets it again when next it sleeps. */
static void wake_worker(struct worker *worker)
{
    unsigned value = atomic_load_explicit(&worker->go, memory_order_relaxed);
    unsigned before;

    /* Only this thread moves the counter; only the worker sets the bit. */
    value = (value & ~(unsigned)SLEEPING) + ONE;
    before = atomic_exchange_explicit(&worker->go, value, memory_order_acq_rel);
    if (before & SLEEPING) {
        futex_wake(&worker->go);
    }
}

static void wait_for_workers(struct li_pool *pool)
{
    unsigned left;

    while ((left = atomic_load_explicit(&pool->pending, memory_order_acquire)) >= ONE) {
        if (!spin(&pool->pending, left)) {
            sleep_on(&pool->pending, left);
        }
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static int start_worker(struct li_pool *pool, int index)
{
    struct worker *worker = &pool->worker[index - 1];
    pthread_attr_t attributes;
    int failed;

    atomic_init(&worker->go, 0);
    worker->pool = pool;
    worker->index = index;
    if ((failed = pthread_attr_init(&attributes))) {
        return failed;
    }
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    failed = pthread_create(&worker->thread, &attributes, work, worker);
    pthread_attr_destroy(&attributes);
    if (!failed) {
        pthread_setname_np(worker->thread, "lince");
    }
    return failed;
}

/*
 * Workers inherit a full signal mask: handlers run on the user's threads. Returns how many stand, the caller included.
 */
static int start_workers(struct li_pool *pool, int *failed)
{
    sigset_t all, old;
    int started = 1;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    *failed = 0;
    while (started < pool->threads && !(*failed = start_worker(pool, started))) {
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return started;
}

static void stop_workers(struct li_pool *pool, int started)
{
    pool->stop = true;
    for (int i = 1; i < started; i++) {
        wake_worker(&pool->worker[i - 1]);
    }
    for (int i = 1; i < started; i++) {
        pthread_join(pool->worker[i - 1].thread, NULL);
    }
}

static void destroy(struct li_pool *pool, int started)
{
    struct li_mem *mem = pool->mem;

    if (pool->owner == getpid()) {
        stop_workers(pool, started);
    }
    li_free(mem, pool);
    li_mem_release(mem);
}

lince_status li_pool_new(struct li_pool **out, int threads, struct li_mem *mem, lince_error *err)
{
    int failed;

    if (threads < 1 || threads > LI_MAX_THREADS) {
        return li_fail(err, LINCE_EINVAL, "a pool of %d threads, wanted 1 to %d", threads, LI_MAX_THREADS);
    }
    size_t bytes = sizeof(struct li_pool) + (size_t)(threads - 1) * sizeof(struct worker);
    struct li_pool *pool = li_calloc(mem, 1, bytes, err);
    if (!pool) {
        return LINCE_ENOMEM;
    }
    pool->mem = mem;
    li_mem_retain(mem);
    pool->threads = threads;
    pool->owner = getpid();
    atomic_init(&pool->references, 1);
    atomic_init(&pool->busy, false);
    atomic_init(&pool->pending, 0);

    int started = start_workers(pool, &failed);
    if (failed) {
        destroy(pool, started);
        errno = failed;
        return li_fail(err, LINCE_ENOMEM, "cannot start thread %d of %d: %m", started + 1, threads);
    }
    *out = pool;
    return LINCE_OK;
}

void li_pool_retain(struct li_pool *pool)
{
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
}

void li_pool_release(struct li_pool *pool)
{
    if (pool && atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) == 1) {
        destroy(pool, pool->threads);
    }
}

int li_pool_threads(const struct li_pool *pool)
{
    return pool->threads;
}

/* ---- Regions ----------------------------------------------------------------------------------------------------- */

static void run_region(struct li_pool *pool, int workers)
{
    pool->workers = workers;
    atomic_store_explicit(&pool->pending, (unsigned)(workers - 1) * ONE, memory_order_relaxed);
    for (int i = 1; i < workers; i++) {
        wake_worker(&pool->worker[i - 1]);
    }
    run_range(pool, 0);
    wait_for_workers(pool);
}

void li_pool_run(struct li_pool *pool, int64_t tasks, void (*run)(void *context, int64_t task, int worker),
                 void *context)
{
    int workers = (int)LI_MIN((int64_t)pool->threads, tasks);

    if (workers <= 1 || pool->owner != getpid() || atomic_exchange_explicit(&pool->busy, true, memory_order_acquire)) {
        for (int64_t task = 0; task < tasks; task++) {
            run(context, task, 0);
        }
        return;
    }
    pool->run = run;
    pool->context = context;
    pool->tasks = tasks;
    run_region(pool, workers);
    atomic_store_explicit(&pool->busy, false, memory_order_release);
}
