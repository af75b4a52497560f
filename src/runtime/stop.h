/* Ending a run from outside: another thread asks, or time is up. Private to runtime/. */
#ifndef LI_RUNTIME_STOP_H
#define LI_RUNTIME_STOP_H

#include "runtime.h"

#include <time.h>

static inline int64_t li_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline lince_status li_stop_asked(const struct li_stop *stop, lince_error *err)
{
    if (!stop) {
        return LINCE_OK;
    }
    if (atomic_load_explicit(&stop->canceled, memory_order_relaxed)) {
        return li_fail(err, LINCE_ECANCELED, "the run was canceled");
    }
    if (stop->deadline_ns && li_now_ns() >= stop->deadline_ns) {
        return li_fail(err, LINCE_ECANCELED, "the run was not done by its deadline");
    }
    return LINCE_OK;
}

#endif
