/*
 * Deferring: which nodes wait for what only running tells, and with them what depends on them: through values, or
 * through a resource that one of the two writes.
 */
#include "inference.h"

#include <string.h>

enum { TOUCH_READ = 1, TOUCH_WRITE = 2 };

static unsigned touch_kind(unsigned how)
{
    return how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM) ? TOUCH_WRITE : TOUCH_READ;
}

/* Touch i of a node of `from`, also where inference found only now what a handle stands for; false: there are fewer. */
static bool touch_at(const struct li_inference *f, const struct li_node *node, int i, struct li_touch *out)
{
    struct li_handle handle;
    if (node->touched) {
        *out = i < node->touches ? node->touch[i] : (struct li_touch){LI_NONE, 0};
        return i < node->touches;
    }
    if (!li_op_handle(node->op, i, &handle) || handle.input >= node->nin) {
        return false;
    }
    li_vid in = node->in[handle.input], v = f->map[in];
    *out = (struct li_touch){v >= 0 ? f->to->values[v].resource : f->from->values[in].resource, handle.how};
    return true;
}

/* Two reads may change places; nothing else on one resource may. */
bool li_infer_must_wait(const struct li_inference *f, const struct li_node *node)
{
    struct li_touch touch;
    for (int i = 0; i < node->nin; i++) {
        if (f->map[node->in[i]] < 0) {
            return true;
        }
    }
    for (int i = 0; touch_at(f, node, i, &touch); i++) {
        unsigned before = touch.resource < 0 || touch.resource >= f->touched_room ? 0 : f->touched[touch.resource];
        if (touch_kind(touch.how) == TOUCH_WRITE ? before != 0 : before & TOUCH_WRITE) {
            return true;
        }
    }
    return false;
}

static lince_status touch(struct li_inference *f, int32_t resource, unsigned how)
{
    LI_TRY(li_arena_grow(&f->arena, &f->touched, &f->touched_room, (int64_t)resource + 1, 1, f->err));
    f->touched[resource] |= (unsigned char)how;
    return LINCE_OK;
}

lince_status li_infer_defer(struct li_inference *f, int32_t n)
{
    struct li_touch found;
    f->deferred[n] = true;
    f->deferred_count++;
    for (int i = 0; touch_at(f, &f->from->nodes[n], i, &found); i++) {
        LI_TRY(found.resource >= 0 ? touch(f, found.resource, touch_kind(found.how)) : LINCE_OK);
    }
    return LINCE_OK;
}
