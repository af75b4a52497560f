/* A draft's beginning and end, its names, its functions. */
#include "model/draft.h"

#include <string.h>

/* ---- Names ---- */

static const char **slot_of(const struct li_names *names, const char *text)
{
    size_t mask = (size_t)names->room - 1, i = li_hash(0, text, strlen(text)) & mask;
    while (names->slot[i] && strcmp(names->slot[i], text) != 0) {
        i = (i + 1) & mask;
    }
    return &names->slot[i];
}

/* At most half full. */
static lince_status make_room(struct li_names *names, struct li_arena *arena, lince_error *err)
{
    struct li_names grown = {.room = LI_MAX(2 * names->room, 64), .used = names->used, .next = names->next};
    if (2 * (names->used + 1) <= names->room) {
        return LINCE_OK;
    }
    grown.slot = li_arena_calloc(arena, (size_t)grown.room, sizeof *grown.slot, err);
    if (!grown.slot) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < names->room; i++) {
        if (names->slot[i]) {
            *slot_of(&grown, names->slot[i]) = names->slot[i];
        }
    }
    *names = grown;
    return LINCE_OK;
}

lince_status li_names_take(struct li_names *names, const char *wanted, struct li_arena *arena, const char **out,
                           lince_error *err)
{
    LI_TRY(make_room(names, arena, err));
    const char *name = li_arena_strdup(arena, wanted, err);
    while (name && *slot_of(names, name)) {
        name = li_arena_printf(arena, err, "%s_%d", wanted, ++names->next);
    }
    if (!name) {
        return LINCE_ENOMEM;
    }
    *slot_of(names, name) = name;
    names->used++;
    *out = name;
    return LINCE_OK;
}

bool li_names_have(const struct li_names *names, const char *name)
{
    return names->room && *slot_of(names, name);
}

/* The names of its own functions may not be taken again. A name that stands twice in a file is one. */
static lince_status take_names(struct li_draft *d)
{
    const struct li_proto_items *items = &d->model->meta->functions;
    const char *ignored;
    for (size_t i = 0; i < items->count; i++) {
        char name[LI_MAX_NAME + 1];
        size_t len = items->item[i].name.len;
        if (len > LI_MAX_NAME) {
            return li_fail(d->err, LINCE_ELIMIT, "the name of a function has %zu bytes, the limit is %d", len,
                           LI_MAX_NAME);
        }
        memcpy(name, items->item[i].name.data, len);
        name[len] = '\0';
        if (!li_names_have(&d->names, name)) {
            LI_TRY(li_names_take(&d->names, name, &d->arena, &ignored, d->err));
        }
    }
    return LINCE_OK;
}

lince_status li_draft_name(struct li_draft *d, const char *base, const char **out)
{
    for (;;) {
        const char *name = li_arena_printf(&d->arena, d->err, "__inference_%s_%d", base, ++d->number);
        if (!name) {
            return LINCE_ENOMEM;
        }
        if (!li_names_have(&d->names, name)) {
            return li_names_take(&d->names, name, &d->arena, out, d->err);
        }
    }
}

/* ---- Drafts ---- */

/* What is made of a model, in what its functions may take unpacked. A cut unpacks some of them several times. */
enum { GROWTH = 4 };

lince_status li_draft_init(struct li_draft *d, struct li_model *model, lince_error *err)
{
    *d = (struct li_draft){.model = model, .mem = model->mem, .err = err};
    li_arena_init(&d->arena, model->mem, GROWTH * model->unpacking_bytes);
    if (!model->object_count) {
        return li_fail(err, LINCE_EUNSUPPORTED,
                       "it was saved by TensorFlow 1 and has no object graph, from which a new model could be made");
    }
    LI_TRY(li_arena_grow(&d->arena, &d->object, &d->object_room, model->object_count + 64, sizeof *d->object, err));
    memcpy(d->object, model->object, (size_t)model->object_count * sizeof *d->object);
    d->objects = model->object_count;
    return take_names(d);
}

void li_draft_free(struct li_draft *d)
{
    li_arena_free(&d->arena);
}

const Tf__SavedConcreteFunction *li_draft_concrete(const struct li_draft *d, const char *name)
{
    for (int32_t i = 0; i < d->concretes; i++) {
        if (strcmp(d->concrete[i]->key, name) == 0) {
            return d->concrete[i]->value;
        }
    }
    return li_object_concrete(d->model, name);
}

lince_status li_draft_add_function(struct li_draft *d, const char *name, struct li_out *out)
{
    if (out->status) {
        return out->status;
    }
    LI_TRY(li_arena_grow(&d->arena, &d->function, &d->function_room, d->functions + 1, sizeof *d->function, d->err));
    uint8_t *bytes = li_arena_alloc(&d->arena, out->len, d->err);
    if (!bytes) {
        return LINCE_ENOMEM;
    }
    memcpy(bytes, out->data, out->len);
    d->function[d->functions++] = (struct li_draft_function){name, {bytes, out->len}};
    li_out_free(out);
    return LINCE_OK;
}

lince_status li_draft_add_concrete(struct li_draft *d, const char *name, Tf__SavedConcreteFunction *concrete)
{
    LI_TRY(li_arena_grow(&d->arena, &d->concrete, &d->concrete_room, d->concretes + 1, sizeof *d->concrete, d->err));
    Tf__ConcreteFunctionEntry *entry = li_arena_alloc(&d->arena, sizeof *entry, d->err);
    if (!entry) {
        return LINCE_ENOMEM;
    }
    tf__concrete_function_entry__init(entry);
    entry->key = (char *)(uintptr_t)name;
    entry->value = concrete;
    d->concrete[d->concretes++] = entry;
    return LINCE_OK;
}
