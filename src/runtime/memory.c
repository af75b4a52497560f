#include "memory.h"

#include <stdlib.h>

/*
 * Each tenant is held against those placed before it, so time grows with the square of their number. No network has as
 * many as this; in a graph that does, the smallest share no memory.
 */
enum { SHARING = 1 << 15 };

static size_t rounded(size_t bytes)
{
    return (bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
}

static int larger_first(const void *a, const void *b, void *context)
{
    const struct li_tenant *tenants = context;
    const struct li_tenant *x = &tenants[*(const int32_t *)a], *y = &tenants[*(const int32_t *)b];
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? 1 : -1;
    }
    return *(const int32_t *)a - *(const int32_t *)b;
}

static bool meet(const struct li_tenant *a, const struct li_tenant *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/*
 * order[0, placed) are placed and sorted by offset. Walk the ones that live at the same time from low to high, and take
 * the first gap between them.
 */
static size_t lowest_gap(const struct li_tenant *tenants, const int32_t *order, int32_t placed,
                         const struct li_tenant *t)
{
    size_t at = 0, need = rounded(t->bytes);
    for (int32_t i = 0; i < placed; i++) {
        const struct li_tenant *other = &tenants[order[i]];
        if (!meet(t, other)) {
            continue;
        }
        if (other->offset >= at + need) {
            return at;
        }
        at = LI_MAX(at, other->offset + rounded(other->bytes));
    }
    return at;
}

static void insert_by_offset(const struct li_tenant *tenants, int32_t *order, int32_t placed)
{
    int32_t t = order[placed], i = placed;
    for (; i > 0 && tenants[order[i - 1]].offset > tenants[t].offset; i--) {
        order[i] = order[i - 1];
    }
    order[i] = t;
}

lince_status li_memory_place(struct li_tenant *tenants, int32_t count, int32_t *order, size_t *total, lince_error *err)
{
    size_t sum = 0;
    *total = 0;
    for (int32_t i = 0; i < count; i++) {
        order[i] = i;
        if (tenants[i].bytes > SIZE_MAX / 2 || !li_add_size(sum, rounded(tenants[i].bytes), &sum)) {
            return li_fail(err, LINCE_ELIMIT, "the values of a run do not fit into an address space");
        }
    }
    qsort_r(order, (size_t)count, sizeof *order, larger_first, tenants);
    for (int32_t i = 0; i < count; i++) {
        struct li_tenant *t = &tenants[order[i]];
        t->offset = i < SHARING ? lowest_gap(tenants, order, i, t) : *total;
        *total = LI_MAX(*total, t->offset + rounded(t->bytes));
        if (i < SHARING) {
            insert_by_offset(tenants, order, i);
        }
    }
    return LINCE_OK;
}
