/* Ending a run that is not done: another thread asks, time is up, its loops do not end. Private to runtime/. */
#ifndef LI_RUNTIME_STOP_H
#define LI_RUNTIME_STOP_H

#include "runtime.h"

/* LINCE_ECANCELED when the run is to end; stop may be NULL. */
lince_status li_stop_asked(const struct li_stop *stop, lince_error *err);
/* Count one more turn of a loop: LINCE_ELIMIT when this call's loops have made too many. */
lince_status li_stop_turns(int64_t *turns, const struct li_node *loop, lince_error *err);

#endif
