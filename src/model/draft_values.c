/* StructuredValues and function specs of what a draft adds. */
#include "model/draft.h"

#include <string.h>

typedef Tf__StructuredValue value;

static value *new_value(struct li_draft *d, Tf__StructuredValue__KindCase kind)
{
    value *v = li_arena_alloc(&d->arena, sizeof *v, d->err);
    if (v) {
        tf__structured_value__init(v);
        v->kind_case = kind;
    }
    return v;
}

static value *none(struct li_draft *d)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_NONE_VALUE);
    v = v && (v->none_value = li_arena_alloc(&d->arena, sizeof *v->none_value, d->err)) ? v : NULL;
    if (v) {
        tf__none_value__init(v->none_value);
    }
    return v;
}

static value *boolean(struct li_draft *d, bool b)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_BOOL_VALUE);
    if (v) {
        v->bool_value = b;
    }
    return v;
}

static value *text(struct li_draft *d, const char *s)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_STRING_VALUE);
    if (v) {
        v->string_value = (char *)(uintptr_t)s;
    }
    return v;
}

value *li_draft_spec(struct li_draft *d, const char *name, lince_dtype dtype, const struct li_shape *shape)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE);
    Tf__TensorSpecProto *spec = v ? li_arena_alloc(&d->arena, sizeof *spec, d->err) : NULL;
    if (!spec) {
        return NULL;
    }
    tf__tensor_spec_proto__init(spec);
    spec->name = (char *)(uintptr_t)name;
    spec->dtype = dtype;
    spec->shape = li_draft_shape(d, shape);
    v->tensor_spec_value = spec;
    return spec->shape ? v : NULL;
}

/* ---- Containers ---- */

/* The elements, and one more where it is not NULL, as an array. */
static value **joined(struct li_draft *d, value *const *element, size_t count, value *more)
{
    value **array = li_arena_alloc(&d->arena, (count + 1) * sizeof *array, d->err);
    if (array && count) {
        memcpy(array, element, count * sizeof *array);
    }
    if (array) {
        array[count] = more;
    }
    return array;
}

value *li_draft_sequence(struct li_draft *d, value **element, size_t count)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_TUPLE_VALUE);
    value **array = v ? joined(d, element, count, NULL) : NULL;
    v = array ? v : NULL;
    v = v && (v->tuple_value = li_arena_alloc(&d->arena, sizeof *v->tuple_value, d->err)) ? v : NULL;
    if (v) {
        tf__tuple_value__init(v->tuple_value);
        v->tuple_value->values = array;
        v->tuple_value->n_values = count;
    }
    return v;
}

static value *list(struct li_draft *d, value *const *element, size_t count, value *more)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_LIST_VALUE);
    value **array = v ? joined(d, element, count, more) : NULL;
    v = array ? v : NULL;
    v = v && (v->list_value = li_arena_alloc(&d->arena, sizeof *v->list_value, d->err)) ? v : NULL;
    if (v) {
        tf__list_value__init(v->list_value);
        v->list_value->values = array;
        v->list_value->n_values = count + (more != NULL);
    }
    return v;
}

static Tf__StructuredEntry *new_entry(struct li_draft *d, const char *key, value *of)
{
    Tf__StructuredEntry *entry = li_arena_alloc(&d->arena, sizeof *entry, d->err);
    if (entry) {
        tf__structured_entry__init(entry);
        entry->key = (char *)(uintptr_t)key;
        entry->value = of;
    }
    return entry;
}

value *li_draft_dict(struct li_draft *d, const char *const *key, value *const *of, size_t count)
{
    value *v = new_value(d, TF__STRUCTURED_VALUE__KIND_DICT_VALUE);
    Tf__DictValue *dict = v ? li_arena_alloc(&d->arena, sizeof *dict, d->err) : NULL;
    Tf__StructuredEntry **fields = dict ? li_arena_alloc(&d->arena, count * sizeof *fields, d->err) : NULL;
    if (!fields) {
        return NULL;
    }
    tf__dict_value__init(dict);
    v->dict_value = dict;
    dict->fields = fields;
    for (; dict->n_fields < count; dict->n_fields++) {
        size_t i = dict->n_fields;
        fields[i] = of[i] ? new_entry(d, key[i], of[i]) : NULL;
        if (!fields[i]) {
            return NULL;
        }
    }
    return v;
}

/* ---- Arguments ---- */

bool li_draft_is_call(const value *both)
{
    return both && both->kind_case == TF__STRUCTURED_VALUE__KIND_TUPLE_VALUE && both->tuple_value->n_values == 2 &&
           both->tuple_value->values[0]->kind_case == TF__STRUCTURED_VALUE__KIND_TUPLE_VALUE;
}

value *li_draft_with_bool(struct li_draft *d, const value *both, bool b)
{
    value *last = boolean(d, b);
    if (!last) {
        return NULL;
    }
    const Tf__TupleValue *args = both->tuple_value->values[0]->tuple_value;
    value **array = joined(d, args->values, args->n_values, last);
    value *tuple = array ? li_draft_sequence(d, array, args->n_values + 1) : NULL;
    value *pair[] = {tuple, both->tuple_value->values[1]};
    return tuple ? li_draft_sequence(d, pair, 2) : NULL;
}

/* ---- Specs of functions ---- */

enum { ARGS, VARARGS, VARKW, DEFAULTS, KWONLYARGS, KWONLYDEFAULTS, ANNOTATIONS, FIELDS };
static const char *const field_name[FIELDS] = {"args",       "varargs",        "varkw",      "defaults",
                                               "kwonlyargs", "kwonlydefaults", "annotations"};

static Tf__FunctionSpec *spec_of(struct li_draft *d, value *const field[FIELDS], bool is_method)
{
    Tf__FunctionSpec *spec = li_arena_alloc(&d->arena, sizeof *spec, d->err);
    value *v = spec ? new_value(d, TF__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE) : NULL;
    Tf__NamedTupleValue *tuple = v ? li_arena_alloc(&d->arena, sizeof *tuple, d->err) : NULL;
    Tf__StructuredEntry **pair = tuple ? li_arena_alloc(&d->arena, FIELDS * sizeof *pair, d->err) : NULL;
    if (!pair) {
        return NULL;
    }
    tf__function_spec__init(spec);
    tf__named_tuple_value__init(tuple);
    for (int i = 0; i < FIELDS; i++) {
        pair[i] = field[i] ? new_entry(d, field_name[i], field[i]) : NULL;
        if (!pair[i]) {
            return NULL;
        }
    }
    tuple->name = (char *)(uintptr_t) "FullArgSpec";
    tuple->values = pair;
    tuple->n_values = FIELDS;
    v->named_tuple_value = tuple;
    spec->fullargspec = v;
    spec->is_method = is_method;
    spec->input_signature = none(d);
    return spec->input_signature ? spec : NULL;
}

Tf__FunctionSpec *li_draft_function_spec(struct li_draft *d, const char *argument)
{
    value *name = argument ? text(d, argument) : NULL;
    if (argument && !name) {
        return NULL;
    }
    value *field[FIELDS] = {list(d, NULL, 0, name),         none(d), none(d), none(d), list(d, NULL, 0, NULL), none(d),
                            li_draft_dict(d, NULL, NULL, 0)};
    return spec_of(d, field, false);
}

/* The elements of a list or a tuple; none of None. */
static void elements(const value *v, value *const **element, size_t *count)
{
    bool is_list = v->kind_case == TF__STRUCTURED_VALUE__KIND_LIST_VALUE;
    bool is_tuple = v->kind_case == TF__STRUCTURED_VALUE__KIND_TUPLE_VALUE;
    *element = is_list ? v->list_value->values : is_tuple ? v->tuple_value->values : NULL;
    *count = is_list ? v->list_value->n_values : is_tuple ? v->tuple_value->n_values : 0;
}

lince_status li_draft_with_training(struct li_draft *d, const Tf__FunctionSpec *spec, Tf__FunctionSpec **out)
{
    const Tf__NamedTupleValue *pairs = spec->fullargspec->named_tuple_value; /* li_spec_read() saw that it is one */
    value *field[FIELDS] = {0}, *const * args, *const * defaults, *name = text(d, "training"), *no = boolean(d, false);
    size_t n_args, n_defaults;
    for (size_t i = 0; i < pairs->n_values; i++) {
        for (int f = 0; f < FIELDS; f++) {
            field[f] = strcmp(pairs->values[i]->key, field_name[f]) == 0 ? pairs->values[i]->value : field[f];
        }
    }
    for (int f = 0; f < FIELDS; f++) {
        field[f] = field[f] ? field[f] : none(d);
        if (!field[f]) {
            return LINCE_ENOMEM;
        }
    }
    if (field[VARARGS]->kind_case == TF__STRUCTURED_VALUE__KIND_STRING_VALUE) {
        return li_fail(d->err, LINCE_EUNSUPPORTED,
                       "it takes *%.200s, behind which no argument \"training\" has a place",
                       field[VARARGS]->string_value);
    }
    elements(field[ARGS], &args, &n_args);
    elements(field[DEFAULTS], &defaults, &n_defaults);
    if (!name || !no || !(field[ARGS] = list(d, args, n_args, name)) ||
        !(field[DEFAULTS] = list(d, defaults, n_defaults, no)) || !(*out = spec_of(d, field, spec->is_method))) {
        return LINCE_ENOMEM;
    }
    return LINCE_OK;
}
