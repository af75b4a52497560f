/*
 * Locks and fork. A child has only the thread that forked. A lock that another thread held at that moment stays locked
 * in the child for ever, and what it guards may be half changed. So, around every fork of the process, each guard that
 * is alive is called:
 *
 *     before   takes its locks, in the order of enum li_fork_order; after a lock of a model nobody waits for one of
 *              another model, so the order of guards of one kind does not matter
 *     after    gives them back, in parent and child, in the reverse order
 *
 * Handlers of pthread_atfork have no argument, so the list of guards is the one thing in the library that hangs on no
 * handle. Its lock is the first to be taken: a guard is added and removed while its thread holds none of the others.
 */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>

static struct {
    pthread_mutex_t lock;
    struct li_fork_guard *first[LI_FORK_ORDERS];
    bool installed;
} guards = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void before(void)
{
    pthread_mutex_lock(&guards.lock);
    for (int order = 0; order < LI_FORK_ORDERS; order++) {
        for (struct li_fork_guard *g = guards.first[order]; g; g = g->next) {
            g->before(g->owner);
        }
    }
}

static void after(bool child)
{
    for (int order = LI_FORK_ORDERS - 1; order >= 0; order--) {
        for (struct li_fork_guard *g = guards.first[order]; g; g = g->next) {
            g->after(g->owner, child);
        }
    }
    pthread_mutex_unlock(&guards.lock);
}

static void after_in_parent(void)
{
    after(false);
}

static void after_in_child(void)
{
    after(true);
}

/* With the first guard: who never opens a model forks as before. */
static lince_status install(lince_error *err)
{
    if (guards.installed) {
        return LINCE_OK;
    }
    errno = pthread_atfork(before, after_in_parent, after_in_child);
    guards.installed = errno == 0;
    return guards.installed ? LINCE_OK : li_fail(err, LINCE_ENOMEM, "the system takes no handlers of fork: %m");
}

static void link_in(struct li_fork_guard *guard)
{
    struct li_fork_guard **first = &guards.first[guard->order];
    guard->next = *first;
    guard->link = first;
    if (guard->next) {
        guard->next->link = &guard->next;
    }
    *first = guard;
}

lince_status li_fork_guard_add(struct li_fork_guard *guard, lince_error *err)
{
    pthread_mutex_lock(&guards.lock);
    lince_status st = install(err);
    if (!st) {
        link_in(guard);
    }
    pthread_mutex_unlock(&guards.lock);
    return st;
}

void li_fork_guard_remove(struct li_fork_guard *guard)
{
    pthread_mutex_lock(&guards.lock);
    if (guard->link) {
        *guard->link = guard->next;
        if (guard->next) {
            guard->next->link = guard->link;
        }
        guard->link = NULL;
    }
    pthread_mutex_unlock(&guards.lock);
}

static void lock(void *mutex)
{
    pthread_mutex_lock(mutex);
}

static void unlock(void *mutex, bool child)
{
    (void)child;
    pthread_mutex_unlock(mutex);
}

lince_status li_fork_guard_mutex(struct li_fork_guard *guard, enum li_fork_order order, void *mutex, lince_error *err)
{
    *guard = (struct li_fork_guard){.order = order, .owner = mutex, .before = lock, .after = unlock};
    return li_fork_guard_add(guard, err);
}
