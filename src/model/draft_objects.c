/* New objects of a draft. */
#include "model/draft.h"

#include <string.h>

static lince_status add(struct li_draft *d, Tf__SavedObject **object, int32_t *out)
{
    if (d->objects >= LI_MAX_OBJECTS) {
        return li_fail(d->err, LINCE_ELIMIT, "more than %d objects", LI_MAX_OBJECTS);
    }
    LI_TRY(li_arena_grow(&d->arena, &d->object, &d->object_room, d->objects + 1, sizeof *d->object, d->err));
    Tf__SavedObject *o = li_arena_alloc(&d->arena, sizeof *o, d->err);
    if (!o) {
        return LINCE_ENOMEM;
    }
    tf__saved_object__init(o);
    *object = d->object[d->objects] = o;
    *out = d->objects++;
    return LINCE_OK;
}

/* children has room for so many more than there are. */
static lince_status make_room(struct li_draft *d, Tf__SavedObject *o, size_t more)
{
    Tf__ObjectReference **child = li_arena_alloc(&d->arena, (o->n_children + more) * sizeof *child, d->err);
    Tf__ObjectReference *reference = child ? li_arena_alloc(&d->arena, more * sizeof *reference, d->err) : NULL;
    if (!reference) {
        return LINCE_ENOMEM;
    }
    if (o->n_children) {
        memcpy(child, o->children, o->n_children * sizeof *child);
    }
    for (size_t i = 0; i < more; i++) {
        tf__object_reference__init(&reference[i]);
        child[o->n_children + i] = &reference[i];
    }
    o->children = child;
    return LINCE_OK;
}

lince_status li_draft_container(struct li_draft *d, const char *identifier, size_t room, int32_t *out)
{
    Tf__SavedObject *o;
    LI_TRY(add(d, &o, out));
    Tf__SavedUserObject *user = li_arena_alloc(&d->arena, sizeof *user, d->err);
    Tf__VersionDef *version = user ? li_arena_alloc(&d->arena, sizeof *version, d->err) : NULL;
    if (!version) {
        return LINCE_ENOMEM;
    }
    tf__saved_user_object__init(user);
    tf__version_def__init(version);
    version->producer = version->min_consumer = 1;
    user->identifier = (char *)(uintptr_t)identifier;
    user->version = version;
    o->kind_case = TF__SAVED_OBJECT__KIND_USER_OBJECT;
    o->user_object = user;
    return make_room(d, o, room);
}

void li_draft_child(struct li_draft *d, int32_t container, const char *name, int32_t child)
{
    Tf__SavedObject *o = d->object[container];
    Tf__ObjectReference *reference = o->children[o->n_children++];
    reference->local_name = (char *)(uintptr_t)name;
    reference->node_id = child;
}

lince_status li_draft_list(struct li_draft *d, const int32_t *element, size_t count, int32_t *out)
{
    LI_TRY(li_draft_container(d, "trackable_list_wrapper", count, out));
    for (size_t i = 0; i < count; i++) {
        const char *name = li_arena_printf(&d->arena, d->err, "%zu", i);
        if (!name) {
            return LINCE_ENOMEM;
        }
        li_draft_child(d, *out, name, element[i]);
    }
    return LINCE_OK;
}

Tf__TensorShapeProto *li_draft_shape(struct li_draft *d, const struct li_shape *shape)
{
    Tf__TensorShapeProto *proto = li_arena_alloc(&d->arena, sizeof *proto, d->err);
    size_t rank = (size_t)LI_MAX(shape->rank, 0);
    Tf__TensorShapeProto__Dim **dim = proto ? li_arena_alloc(&d->arena, (rank + 1) * sizeof *dim, d->err) : NULL;
    Tf__TensorShapeProto__Dim *one = dim ? li_arena_alloc(&d->arena, (rank + 1) * sizeof *one, d->err) : NULL;
    if (!one) {
        return NULL;
    }
    tf__tensor_shape_proto__init(proto);
    proto->unknown_rank = shape->rank < 0;
    proto->n_dim = rank;
    proto->dim = dim;
    for (size_t i = 0; i < rank; i++) {
        tf__tensor_shape_proto__dim__init(&one[i]);
        one[i].size = shape->dim[i];
        dim[i] = &one[i];
    }
    return proto;
}

lince_status li_draft_add_variable(struct li_draft *d, const char *name, const struct li_tensor *value, int32_t *out)
{
    Tf__SavedObject *o;
    LI_TRY(add(d, &o, out));
    LI_TRY(li_arena_grow(&d->arena, &d->variable, &d->variable_room, d->variables + 1, sizeof *d->variable, d->err));
    Tf__SavedVariable *v = li_arena_alloc(&d->arena, sizeof *v, d->err);
    if (!v) {
        return LINCE_ENOMEM;
    }
    tf__saved_variable__init(v);
    v->dtype = value->dtype;
    v->trainable = true;
    v->name = (char *)(uintptr_t)name;
    v->shape = li_draft_shape(d, &value->shape);
    o->kind_case = TF__SAVED_OBJECT__KIND_VARIABLE;
    o->variable = v;
    d->variable[d->variables++] = (struct li_draft_variable){*out, *value};
    return v->shape ? LINCE_OK : LINCE_ENOMEM;
}

lince_status li_draft_asset(struct li_draft *d, int32_t *out)
{
    Tf__SavedObject *o;
    LI_TRY(add(d, &o, out));
    o->asset = li_arena_alloc(&d->arena, sizeof *o->asset, d->err);
    if (!o->asset) {
        return LINCE_ENOMEM;
    }
    tf__saved_asset__init(o->asset);
    o->kind_case = TF__SAVED_OBJECT__KIND_ASSET;
    return LINCE_OK;
}

lince_status li_draft_callable(struct li_draft *d, char **traces, size_t count, Tf__FunctionSpec *spec, int32_t *out)
{
    Tf__SavedObject *o;
    LI_TRY(add(d, &o, out));
    o->function = li_arena_alloc(&d->arena, sizeof *o->function, d->err);
    if (!o->function) {
        return LINCE_ENOMEM;
    }
    tf__saved_function__init(o->function);
    o->function->concrete_functions = traces;
    o->function->n_concrete_functions = count;
    o->function->function_spec = spec;
    o->kind_case = TF__SAVED_OBJECT__KIND_FUNCTION;
    return LINCE_OK;
}

lince_status li_draft_bare(struct li_draft *d, const char *function, const char *keyword, int32_t *out)
{
    Tf__SavedObject *o;
    LI_TRY(add(d, &o, out));
    Tf__SavedBareConcreteFunction *bare = li_arena_alloc(&d->arena, sizeof *bare, d->err);
    char **keywords = bare ? li_arena_alloc(&d->arena, sizeof *keywords, d->err) : NULL;
    if (!keywords) {
        return LINCE_ENOMEM;
    }
    tf__saved_bare_concrete_function__init(bare);
    keywords[0] = (char *)(uintptr_t)keyword;
    bare->concrete_function_name = (char *)(uintptr_t)function;
    bare->argument_keywords = keywords;
    bare->n_argument_keywords = 1;
    bare->allowed_positional_arguments = 1;
    o->kind_case = TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION;
    o->bare_concrete_function = bare;
    return LINCE_OK;
}

lince_status li_draft_copy(struct li_draft *d, int32_t object, size_t more, Tf__SavedObject **out)
{
    Tf__SavedObject *copy = li_arena_alloc(&d->arena, sizeof *copy, d->err);
    if (!copy) {
        return LINCE_ENOMEM;
    }
    *copy = *d->object[object];
    d->object[object] = *out = copy;
    return make_room(d, copy, more);
}
