/* Ending a run from outside: another thread asks, or time is up. Private to runtime/. */
#ifndef LI_RUNTIME_STOP_H
#define LI_RUNTIME_STOP_H

#include "runtime.h"

/* LINCE_ECANCELED when the run is to end; stop may be NULL. */
lince_status li_stop_asked(const struct li_stop *stop, lince_error *err);

#endif
