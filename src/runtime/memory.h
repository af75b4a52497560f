/* Offsets in one block for values that live at different times; private to runtime/. */
#ifndef LI_RUNTIME_MEMORY_H
#define LI_RUNTIME_MEMORY_H

#include "base/base.h"

/* Needs `bytes` from step `first` to step `last`, both included. */
struct li_tenant {
    size_t bytes;
    int32_t first, last;
    size_t offset; /* the result; a multiple of LI_ALIGN */
};

/*
 * Place all tenants so that no two that live at the same time overlap; *total receives the block's bytes. A pure
 * function of its input: the largest first, each at the lowest gap that holds it. order: scratch for count indices.
 */
lince_status li_memory_place(struct li_tenant *tenants, int32_t count, int32_t *order, size_t *total, lince_error *err);

#endif
