/* All checksums of a checkpoint, without using a value. */
#include "bundle/internal.h"

lince_status li_bundle_verify(struct li_bundle *b, size_t *failed, lince_error *err)
{
    lince_status first = LINCE_OK;
    lince_error later;

    *failed = 0;
    for (size_t i = b->slices; i < b->entries; i++) { /* slices are compared with the tensor they are of */
        lince_status st = li_bundle_verify_entry(b, &b->entry[i], first ? &later : err);
        if (st == LINCE_ENOMEM) {
            return first ? li_fail(err, st, "%s", later.text) : st;
        }
        *failed += st != LINCE_OK;
        first = first ? first : st;
    }
    return first ? li_prefix(err, first, "%zu of %zu tensors are not as they were saved; the first", *failed,
                             li_bundle_count(b))
                 : LINCE_OK;
}
