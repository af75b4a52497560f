/*
 * The locks of a store, and what becomes of them when the process forks.
 *
 * What must be whole in a child is waited for: a change of values, which is a copy, and loading or adding one resource.
 * A run is not waited for, long as it may be: it writes to memory of its own until its commit, so a child has the
 * values before it. The two locks that runs hold all the while are unlocked by nobody in a child, and are made anew.
 */
#include "internal.h"

/* Commits must not starve while many sessions run without a pause. */
static int init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    int failed = pthread_rwlockattr_init(&attr);
    if (failed) {
        return failed;
    }
#ifdef __GLIBC__
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
    failed = pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return failed;
}

static void before_fork(void *owner)
{
    struct li_store *store = owner;
    pthread_mutex_lock(&store->growth);
    pthread_mutex_lock(&store->change);
}

static void after_fork(void *owner, bool child)
{
    struct li_store *store = owner;
    if (child) {
        init_lock(&store->lock);
        pthread_mutex_init(&store->update, NULL);
    }
    pthread_mutex_unlock(&store->change);
    pthread_mutex_unlock(&store->growth);
}

static void destroy(struct li_store *store)
{
    pthread_mutex_destroy(&store->change);
    pthread_mutex_destroy(&store->growth);
    pthread_mutex_destroy(&store->update);
    pthread_rwlock_destroy(&store->lock);
}

/* Mutexes without attributes take nothing but their memory, and cannot fail. */
lince_status li_store_init_locks(struct li_store *store, lince_error *err)
{
    int failed = init_lock(&store->lock);
    if (failed) {
        return li_fail(err, LINCE_ENOMEM, "the locks of a model's state cannot be made: error %d", failed);
    }
    pthread_mutex_init(&store->update, NULL);
    pthread_mutex_init(&store->growth, NULL);
    pthread_mutex_init(&store->change, NULL);
    store->guard =
        (struct li_fork_guard){.order = LI_FORK_STORE, .owner = store, .before = before_fork, .after = after_fork};
    lince_status st = li_fork_guard_add(&store->guard, err);
    if (st) {
        destroy(store);
    }
    return st;
}

void li_store_fini_locks(struct li_store *store)
{
    li_fork_guard_remove(&store->guard);
    destroy(store);
}

void li_store_begin_change(struct li_store *store)
{
    pthread_rwlock_wrlock(&store->lock);
    pthread_mutex_lock(&store->change);
}

void li_store_end_change(struct li_store *store)
{
    pthread_mutex_unlock(&store->change);
    pthread_rwlock_unlock(&store->lock);
}
