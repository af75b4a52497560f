/* Dims merged into groups, so that a reduction of any axes is one of few. */
#include "groups.h"

void li_groups_init(struct li_groups *g, const struct li_shape *in, const bool *reduced)
{
    *g = (struct li_groups){.kept = 1, .gone = 1};
    for (int i = 0; i < in->rank; i++) {
        *(reduced[i] ? &g->gone : &g->kept) *= in->dim[i];
        if (in->dim[i] == 1) {
            continue;
        }
        if (g->count > 0 && g->reduced[g->count - 1] == reduced[i]) {
            g->dim[g->count - 1] *= in->dim[i];
        } else {
            g->reduced[g->count] = reduced[i];
            g->dim[g->count++] = in->dim[i];
        }
    }
    int64_t step = 1;
    for (int i = g->count - 1; i >= 0; i--) {
        g->stride[i] = step;
        step *= g->dim[i];
    }
}

int64_t li_groups_at(const struct li_groups *g, bool reduced, int64_t i)
{
    int64_t at = 0;
    for (int k = g->count - 1; k >= 0; k--) {
        if (g->reduced[k] == reduced) {
            at += i % g->dim[k] * g->stride[k];
            i /= g->dim[k];
        }
    }
    return at;
}
