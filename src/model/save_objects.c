/* object_graph_def: kept objects under their new numbers, and what counts of kept functions. */
#include "model/draft.h"

#include <string.h>

enum { META_OBJECTS = 7, OBJECTS_NODE = 1, OBJECTS_CONCRETE = 2 };

/* References under new numbers. Into the arena, for one object at a time. */
static Tf__ObjectReference **renumber(const struct li_saving *s, Tf__ObjectReference *const *from, size_t count,
                                      struct li_arena *arena)
{
    Tf__ObjectReference **to = li_arena_alloc(arena, count * sizeof *to, s->draft->err);
    Tf__ObjectReference *each = to ? li_arena_alloc(arena, count * sizeof *each, s->draft->err) : NULL;
    if (!each) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        each[i] = *from[i];
        each[i].node_id = s->kept.number[from[i]->node_id];
        to[i] = &each[i];
    }
    return to;
}

/* The function that stands for the one of this name now. */
static char *swapped(const struct li_draft *d, char *name)
{
    for (int32_t i = 0; i < d->swaps; i++) {
        if (strcmp(d->swap[i].old, name) == 0) {
            return (char *)(uintptr_t)d->swap[i].now;
        }
    }
    return name;
}

/* Where the state of an optimizer is kept beside is left out: who trains the new model starts anew. */
static lince_status write_object(const struct li_saving *s, int32_t number, struct li_out *out, struct li_arena *arena)
{
    const Tf__SavedObject *o = s->draft->object[s->kept.object[number]];
    Tf__SavedObject copy = *o;
    Tf__SavedAsset asset;
    Tf__CapturedTensor captured;
    if (o->n_saveable_objects) {
        return li_fail(s->draft->err, LINCE_EUNSUPPORTED,
                       "object %d keeps values of its own kind in the checkpoint, a table that changes; those cannot "
                       "be carried over",
                       s->kept.object[number]);
    }
    copy.n_slot_variables = 0;
    copy.children = renumber(s, o->children, o->n_children, arena);
    copy.dependencies = renumber(s, o->dependencies, o->n_dependencies, arena);
    if (!copy.children || !copy.dependencies) {
        return LINCE_ENOMEM;
    }
    if (o->kind_case == TF__SAVED_OBJECT__KIND_ASSET) {
        asset = *o->asset;
        asset.asset_file_def_index = s->asset_index[number];
        copy.asset = &asset;
    } else if (o->kind_case == TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR) {
        captured = *o->captured_tensor;
        captured.concrete_function = swapped(s->draft, captured.concrete_function);
        copy.captured_tensor = &captured;
    }
    li_out_message(out, OBJECTS_NODE, &copy.base);
    return LINCE_OK;
}

/* Captured objects under new numbers; the rest as it is. */
static lince_status write_concrete(const struct li_saving *s, const char *name, struct li_out *out,
                                   struct li_arena *arena)
{
    const Tf__SavedConcreteFunction *concrete = li_draft_concrete(s->draft, name);
    if (!concrete) {
        return LINCE_OK;
    }
    Tf__SavedConcreteFunction copy = *concrete;
    Tf__ConcreteFunctionEntry entry = TF__CONCRETE_FUNCTION_ENTRY__INIT;
    copy.bound_inputs = li_arena_alloc(arena, concrete->n_bound_inputs * sizeof *copy.bound_inputs, s->draft->err);
    if (!copy.bound_inputs) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < concrete->n_bound_inputs; i++) {
        copy.bound_inputs[i] = s->kept.number[concrete->bound_inputs[i]];
    }
    entry.key = (char *)(uintptr_t)name;
    entry.value = &copy;
    li_out_message(out, OBJECTS_CONCRETE, &entry.base);
    return LINCE_OK;
}

static lince_status write_concretes(const struct li_saving *s, struct li_out *out)
{
    const struct li_proto_items *items = &s->draft->model->meta->functions;
    for (size_t i = 0; i < items->count + (size_t)s->draft->functions; i++) {
        bool own = i < items->count;
        struct li_arena arena;
        if (own ? !s->kept.function[i] : !s->kept.new_function[i - items->count]) {
            continue;
        }
        li_arena_init(&arena, s->draft->mem, 0);
        const char *name = own ? li_arena_strndup(&arena, (const char *)items->item[i].name.data,
                                                  items->item[i].name.len, s->draft->err)
                               : s->draft->function[i - items->count].name;
        lince_status st = name ? write_concrete(s, name, out, &arena) : LINCE_ENOMEM;
        li_arena_free(&arena);
        LI_TRY(st);
    }
    return LINCE_OK;
}

lince_status li_save_objects(struct li_saving *s, struct li_out *meta)
{
    size_t at = li_out_open(meta, META_OBJECTS);
    for (int32_t i = 0; i < s->kept.objects; i++) {
        struct li_arena arena;
        li_arena_init(&arena, s->draft->mem, 0);
        lince_status st = write_object(s, i, meta, &arena);
        li_arena_free(&arena);
        LI_TRY(st);
    }
    LI_TRY(write_concretes(s, meta));
    li_out_close(meta, at);
    return meta->status;
}
