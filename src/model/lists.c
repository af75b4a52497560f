/* The variables of a model and the lists that its root object names. */
#include "model/internal.h"

#include <string.h>

struct listing {
    struct li_model *model;
    struct li_arena scratch;
    int32_t *order; /* reachable objects, breadth-first */
    int32_t order_count;
    const char **keys; /* by object */
    int32_t *index;    /* by object: its variable's index, or LI_NONE */
};

/* TensorFlow calls a variable without a name "Variable". */
static const char *tensor_name(struct li_model *m, const char *name, lince_error *err)
{
    return li_arena_printf(&m->arena, err, "%s:0", *name ? name : "Variable");
}

static lince_status add_variable(struct listing *l, int32_t object, lince_error *err)
{
    struct li_model *m = l->model;
    const Tf__SavedVariable *v = m->object[object]->variable;
    struct li_variable *out = &m->variable[m->variable_count];
    size_t bytes;
    if (l->index[object] != LI_NONE) {
        return LINCE_OK;
    }
    *out = (struct li_variable){.resource = m->object_resource[object], .trainable = v->trainable};
    const struct li_resource *r = li_store_get(m->store, out->resource);
    LI_TRY(li_shape_bytes(&r->shape, r->dtype, &bytes, err));
    if (!li_add_size(m->variable_bytes, bytes, &m->variable_bytes)) {
        return li_fail(err, LINCE_ELIMIT, "the variables take more bytes than can be counted");
    }
    if (!(out->name = tensor_name(m, v->name, err))) {
        return LINCE_ENOMEM;
    }
    l->index[object] = (int32_t)m->variable_count++;
    return LINCE_OK;
}

static lince_status read_list(struct listing *l, const char *name, enum li_list_kind kind, lince_error *err)
{
    struct li_model *m = l->model;
    int32_t object = li_object_child(m, 0, name), *elements;
    int64_t count;
    if (object == LI_NONE) {
        return LINCE_OK;
    }
    LI_TRY(li_object_list(m, object, name, &elements, &count, &l->scratch, err));
    if (count < 0) {
        return LINCE_OK; /* an attribute of that name that is no list: the interface does not have it */
    }
    int32_t *indices = li_arena_alloc(&m->arena, (size_t)count * sizeof *indices, err);
    if (!indices) {
        return LINCE_ENOMEM;
    }
    for (int64_t i = 0; i < count; i++) {
        if (elements[i] == LI_NONE || m->object[elements[i]]->kind_case != TF__SAVED_OBJECT__KIND_VARIABLE) {
            return li_fail(err, LINCE_EINVAL, "element %lld of the list \"%s\" is %s, wanted a variable", (long long)i,
                           name, elements[i] == LI_NONE ? "missing" : li_object_kind(m->object[elements[i]]));
        }
        LI_TRY(add_variable(l, elements[i], err));
        indices[i] = l->index[elements[i]];
    }
    m->list[kind] = (struct li_list){indices, (size_t)count};
    return LINCE_OK;
}

static lince_status add_reachable(struct listing *l, lince_error *err)
{
    for (int32_t i = 0; i < l->order_count; i++) {
        if (l->model->object[l->order[i]]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            LI_TRY(add_variable(l, l->order[i], err));
        }
    }
    return LINCE_OK;
}

static lince_status count_variables(struct listing *l, lince_error *err)
{
    struct li_model *m = l->model;
    size_t n = 0;
    for (int32_t i = 0; i < l->order_count; i++) {
        n += m->object[l->order[i]]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE;
    }
    m->variable = li_arena_calloc(&m->arena, n, sizeof *m->variable, err);
    l->index = li_arena_alloc(&l->scratch, (size_t)m->object_count * sizeof *l->index, err);
    if (!m->variable || !l->index) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < m->object_count; i++) {
        l->index[i] = LI_NONE;
    }
    return LINCE_OK;
}

static lince_status open_lists(struct listing *l, lince_error *err)
{
    struct li_model *m = l->model;
    LI_TRY(li_object_walk(m, &l->order, &l->order_count, &l->scratch, err));
    l->keys = li_arena_calloc(&l->scratch, (size_t)m->object_count, sizeof *l->keys, err);
    if (!l->keys) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_checkpoint_bind(m, l->order, l->order_count, l->keys, err));
    LI_TRY(count_variables(l, err));
    /* `variables` alone comes first; what only another list names keeps the place that the walk gives it. */
    LI_TRY(read_list(l, "variables", LI_LIST_VARIABLES, err));
    LI_TRY(add_reachable(l, err));
    return read_list(l, "trainable_variables", LI_LIST_TRAINABLE, err);
}

lince_status li_lists_open(struct li_model *m, lince_error *err)
{
    struct listing l = {.model = m};
    li_arena_init(&l.scratch, m->mem, 0);
    lince_status st = open_lists(&l, err);
    li_arena_free(&l.scratch);
    return st;
}

size_t li_model_variable_count(const struct li_model *m)
{
    return m->variable_count;
}

const struct li_variable *li_model_variable(const struct li_model *m, size_t i)
{
    return &m->variable[i];
}

struct li_list li_model_list(const struct li_model *m, enum li_list_kind kind)
{
    return m->list[kind];
}
