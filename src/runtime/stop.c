/* Deadlines, ending a run from outside, loops that do not end. */
#include "stop.h"

#include <time.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t li_stop_after(int64_t timeout_ms)
{
    int64_t now = now_ns();
    return timeout_ms > (INT64_MAX - now) / 1000000 ? INT64_MAX : now + timeout_ms * 1000000;
}

lince_status li_stop_asked(const struct li_stop *stop, lince_error *err)
{
    if (!stop) {
        return LINCE_OK;
    }
    if (atomic_load_explicit(&stop->canceled, memory_order_relaxed)) {
        return li_fail(err, LINCE_ECANCELED, "the run was canceled");
    }
    if (stop->deadline_ns && now_ns() >= stop->deadline_ns) {
        return li_fail(err, LINCE_ECANCELED, "the run was not done by its deadline");
    }
    return LINCE_OK;
}

lince_status li_stop_turns(int64_t *turns, const struct li_node *loop, lince_error *err)
{
    if (++*turns > LI_MAX_TURNS) {
        return li_fail(err, LINCE_ELIMIT, "node \"%s\" (%s): loops have made more than %d turns in one call",
                       loop->name, loop->op->name, LI_MAX_TURNS);
    }
    return LINCE_OK;
}
