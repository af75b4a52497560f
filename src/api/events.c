/* lince_events.h: checks, then train/events.c. */
#include "api.h"

#include "train/train.h"

lince_status lince_events_open(lince_events **events, const char *path, int64_t from_step, lince_error *err)
{
    LI_NEED("lince_events_open", events);
    *events = NULL;
    LI_NEED("lince_events_open", path);
    return li_events_open(events, path, from_step, err);
}

lince_status lince_events_scalar(lince_events *events, const char *tag, int64_t step, float value, double wall_time,
                                 lince_error *err)
{
    LI_NEED("lince_events_scalar", events);
    LI_NEED("lince_events_scalar", tag);
    return li_events_scalar(events, tag, step, value, wall_time, err);
}

void lince_events_close(lince_events *events)
{
    li_events_close(events);
}
