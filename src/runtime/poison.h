/*
 * Under the address sanitizer, what of a block belongs to nobody at this point of a run may not be touched: the gaps
 * between tenants, and those whose time is over or has not come. Private to runtime/.
 */
#ifndef LI_RUNTIME_POISON_H
#define LI_RUNTIME_POISON_H

#include "plan.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LI_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define LI_POISON 1
#endif

#ifdef LI_POISON
#include <sanitizer/asan_interface.h>

static inline void li_unpoison(void *block, size_t room)
{
    if (block) {
        ASAN_UNPOISON_MEMORY_REGION(block, room);
    }
}

static inline void li_poison_absent(const struct li_plan *plan, char *block, size_t room, int32_t now)
{
    ASAN_POISON_MEMORY_REGION(block, room);
    for (int32_t i = 0; i < plan->tenant_count; i++) {
        const struct li_tenant *t = &plan->tenants[i];
        if (t->first <= now && now <= t->last) {
            ASAN_UNPOISON_MEMORY_REGION(block + t->offset, t->bytes);
        }
    }
}
#else
static inline void li_unpoison(void *block, size_t room)
{
    (void)block, (void)room;
}

static inline void li_poison_absent(const struct li_plan *plan, char *block, size_t room, int32_t now)
{
    (void)plan, (void)block, (void)room, (void)now;
}
#endif

#endif
