/* What program.c asks of entry.c; the program's lock is held. Private to runtime/. */
#ifndef LI_RUNTIME_ENTRY_H
#define LI_RUNTIME_ENTRY_H

#include "program.h"

/* The entry that inputs alone tell, or NULL: there is none, or it takes inference to tell. */
struct li_entry *li_entry_exact(const struct li_segment *segment, const struct li_tensor *inputs);
/* The entry whose inferred graph is this one, or NULL. */
struct li_entry *li_entry_same(const struct li_segment *segment, const struct li_inferred *inferred);
/* Plan it, and keep what it is found by. inferred->rest is taken over. */
lince_status li_entry_fill(const struct li_program *program, struct li_entry *entry, const struct li_tensor *inputs,
                           struct li_inferred *inferred, lince_error *err);

#endif
