/* Functions that new ones call. */
#include "model/publish.h"

#include <string.h>

lince_status li_callee_of(struct li_callee *out, struct li_draft *d, const struct li_trace *t)
{
    const Tf__SavedConcreteFunction *saved = t->saved;
    *out = (struct li_callee){.trace = t, .function = t->function};
    out->captured = saved->bound_inputs;
    out->captures = saved->n_bound_inputs;
    out->result = li_arena_alloc(&d->arena, t->leaf_count * sizeof *out->result, d->err);
    out->result_name = li_arena_alloc(&d->arena, t->leaf_count * sizeof *out->result_name, d->err);
    if (!out->result || !out->result_name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < t->leaf_count; i++) {
        if (t->leaf[i].output != LI_NONE) {
            out->result[out->results] = t->leaf[i].value;
            out->result_name[out->results++] = t->leaf[i].path;
        }
    }
    for (size_t i = 0; i < out->captures; i++) {
        int32_t type;
        LI_TRY(li_draft_captured_type(d, out->captured[i], &type));
        if (!type) {
            return li_fail(d->err, LINCE_EUNSUPPORTED, "trace \"%.200s\" captures %s, which a new function cannot pass",
                           t->function, li_object_kind(d->object[out->captured[i]]));
        }
    }
    return LINCE_OK;
}

static int32_t named(const struct li_callee *c, const char *path)
{
    for (size_t i = 0; i < c->results; i++) {
        if (strcmp(c->result_name[i], path) == 0) {
            return (int32_t)i;
        }
    }
    return LI_NONE;
}

int32_t li_callee_answer(const struct li_callee *c, const char *path)
{
    int32_t found = path ? named(c, path) : LI_NONE;
    found = found == LI_NONE && c->results == 1 ? 0 : found;
    return found == LI_NONE ? named(c, "default") : found;
}
