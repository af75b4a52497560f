/*
 * What of a body a call needs: results that the caller reads, effects, and all that these wait for. So a node behind a
 * result that nobody reads does not matter, however deep in calls it stands.
 */
#include "model/inline.h"

#include <string.h>

static bool calls(const struct li_part *part)
{
    return part->special ? part->special->calls : !part->op;
}

static lince_status wish(struct li_import *im, struct li_need *need, const struct li_source *s)
{
    struct li_wish *w = li_arena_alloc(&im->scratch, sizeof *w, im->err);
    if (!w) {
        return LINCE_ENOMEM;
    }
    *w = (struct li_wish){s, need->wish};
    need->wish = w;
    return LINCE_OK;
}

/* A control input asks for the effect of what it names; who runs in any case makes what it reads run. */
static lince_status read(struct li_import *im, struct li_frame *f, const struct li_source *s, bool must)
{
    if (s->node == LI_NONE) {
        return LINCE_OK;
    }
    struct li_need *need = &f->need[s->node];
    need->read = true;
    need->must |= must || s->control;
    need->waited |= s->control;
    return !s->control && calls(&f->body->part[s->node]) ? wish(im, need, s) : LINCE_OK;
}

/* From the last part to the first: when one is looked at, all who read it have been. */
lince_status li_need(struct li_import *im, struct li_frame *f)
{
    const struct li_body *b = f->body;
    f->need = li_arena_calloc(&im->scratch, (size_t)b->parts, sizeof *f->need, im->err);
    if (!f->need) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < b->results; i++) {
        if (!f->wanted || f->wanted[i]) {
            LI_TRY(read(im, f, &b->ret[i], false));
        }
    }
    for (int32_t k = b->order_count; k-- > 0;) {
        const struct li_part *part = &b->part[b->order[k]];
        struct li_need *need = &f->need[b->order[k]];
        need->read |= part->effect;
        need->must |= part->effect;
        need->waited |= part->effect;
        for (int32_t i = 0; need->read && i < li_import_inputs(im, part); i++) {
            LI_TRY(read(im, f, &part->in[i], need->must));
        }
    }
    return LINCE_OK;
}

lince_status li_need_wanted(struct li_import *im, const struct li_need *need, const struct li_body *called,
                            bool by_name, const uint8_t **out)
{
    uint8_t *wanted = li_arena_calloc(&im->scratch, (size_t)called->results, 1, im->err);
    if (!wanted) {
        return LINCE_ENOMEM;
    }
    for (const struct li_wish *w = need->wish; w; w = w->next) {
        bool named = by_name && w->source->output;
        int32_t i = named ? li_body_result(called, w->source->output, w->source->output_len) : w->source->index;
        if (!named && w->source->whole) {
            memset(wanted, 1, (size_t)called->results);
            break;
        }
        if (i >= 0 && i < called->results) {
            wanted[i] = 1; /* reading what is not there is refused later */
        }
    }
    *out = wanted;
    return LINCE_OK;
}
