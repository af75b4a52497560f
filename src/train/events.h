/* Event files, as lince_events.h has them. A part of train/train.h. */
#ifndef LI_TRAIN_EVENTS_H
#define LI_TRAIN_EVENTS_H

#include "base/base.h"

/* struct lince_events is complete in events.c alone. */
lince_status li_events_open(struct lince_events **out, const char *path, int64_t from_step, lince_error *err);
lince_status li_events_scalar(struct lince_events *e, const char *tag, int64_t step, float value, double wall_time,
                              lince_error *err);
void li_events_close(struct lince_events *e);

#endif
