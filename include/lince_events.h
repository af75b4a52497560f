/* lince_events: files that TensorBoard reads, with the numbers of a training. Part of <lince.h>, which includes it. */
#ifndef LINCE_EVENTS_H
#define LINCE_EVENTS_H

#include <lince.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An event file that is being written. One thread at a time. */
typedef struct lince_events lince_events;

/**
 * Open an event file, or make one.
 *
 * path       TensorBoard looks for files with "tfevents" in their names, in all folders below its --logdir.
 * from_step  The first step that will be written. Of a file that is there the events are kept, a damaged end (half an
 *            event, from a process that was killed) is cut off, and a mark is written by which TensorBoard drops what
 *            it has of this step and later ones: a training goes on from its last checkpoint.
 *
 * Fails with LINCE_EIO, LINCE_ENOMEM; with LINCE_EFORMAT when the file is there and does not begin as an event file
 * does: it is left as it is. *events is NULL then. Close with lince_events_close().
 * Source: TensorFlow's EventsWriter, TFRecord files, event.proto. Since 0.1.
 */
LINCE_API lince_status lince_events_open(lince_events **events, const char *path, int64_t from_step, lince_error *err);

/**
 * Write a number.
 *
 * tag        Its name, such as "epoch_loss" or "validation/accuracy": UTF-8, of at most 1024 bytes.
 * wall_time  Seconds since 1970; 0: now.
 *
 * The system has it when the call returns, so it is read whatever becomes of this process. Fails with LINCE_EINVAL for
 * a bad tag, LINCE_EIO; the file then ends as before. Since 0.1.
 */
LINCE_API lince_status lince_events_scalar(lince_events *events, const char *tag, int64_t step, float value,
                                           double wall_time, lince_error *err);

LINCE_API void lince_events_close(lince_events *events);

#ifdef __cplusplus
}
#endif
#endif
