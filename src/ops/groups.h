/* Dims merged into alternating groups of kept and reduced ones; private to this room. */
#ifndef LI_OPS_GROUPS_H
#define LI_OPS_GROUPS_H

#include "common.h"

/* Dims of 1 are in no group. */
struct li_groups {
    int count;
    bool reduced[LI_MAX_RANK];
    int64_t dim[LI_MAX_RANK], stride[LI_MAX_RANK];
    int64_t kept, gone; /* products */
};

void li_groups_init(struct li_groups *g, const struct li_shape *in, const bool *reduced);
/*
 * How far the i-th element of all kept dims, or of all reduced ones, lies from the first: output i begins at one, its
 * terms are at the others from there.
 */
int64_t li_groups_at(const struct li_groups *g, bool reduced, int64_t i);

#endif
