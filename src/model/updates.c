/* What TensorFlow 1 runs beside a training step, as its collection update_ops lists it. */
#include "model/section.h"

#include <string.h>

static const Tf__CollectionDef *updates_of(const struct li_model *model)
{
    const Tf__MetaGraphDef *def = model->meta->def;
    const Tf__CollectionDef *c = li_proto_collection(def->collection_def, def->n_collection_def, "update_ops");
    return c && c->kind_case == TF__COLLECTION_DEF__KIND_NODE_LIST && c->node_list->n_value ? c : NULL;
}

bool li_callable_updates(const struct li_callable *callable)
{
    return callable->trace_count && callable->trace[0].section && updates_of(callable->model);
}

/* Names are those of nodes, or of what they give, "node:0". */
static lince_status fill(struct li_section *to, const struct li_section *from, const Tf__CollectionDef *updates,
                         struct li_arena *arena, lince_error *err)
{
    *to = *from;
    to->body = NULL;
    to->run = li_arena_calloc(arena, from->runs + updates->node_list->n_value, sizeof *to->run, err);
    if (!to->run) {
        return LINCE_ENOMEM;
    }
    if (from->runs) {
        memcpy(to->run, from->run, from->runs * sizeof *to->run);
    }
    for (size_t i = 0; i < updates->node_list->n_value; i++) {
        const char *name = updates->node_list->value[i];
        to->run[to->runs] = li_arena_strndup(arena, name, strcspn(name, ":"), err);
        if (!to->run[to->runs++]) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

lince_status li_section_updating(struct li_section **out, struct li_model *model, struct li_section *section,
                                 lince_error *err)
{
    const Tf__CollectionDef *updates = updates_of(model);
    if (updates && !section->updating) {
        struct li_section *made = li_arena_alloc(&model->arena, sizeof *made, err);
        LI_TRY(made ? fill(made, section, updates, &model->arena, err) : LINCE_ENOMEM);
        section->updating = made;
    }
    *out = updates ? section->updating : section;
    return LINCE_OK;
}
