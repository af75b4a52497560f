/* Trees of values: StructuredValue read, looked up, flattened. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct li_arena *arena;
    const char *what;
    lince_error *err;
};

static lince_status read_value(const struct reader *r, struct li_arg *out, const Tf__StructuredValue *value, int depth);

/* ---- Leaves ---- */

/* What no argument of ours can be, and how many tensors it stands for. */
static struct li_arg other(const char *text, size_t tensors)
{
    return (struct li_arg){.kind = LI_ARG_OTHER, .text = text, .input = LI_NONE, .count = tensors};
}

/* Tensors of these are handles: no argument or result of ours has them. */
static bool is_handle(int32_t dtype)
{
    return dtype == LINCE_RESOURCE || dtype == LINCE_VARIANT;
}

static lince_status read_spec(const struct reader *r, struct li_arg *out, int32_t dtype,
                              const Tf__TensorShapeProto *shape, const char *name)
{
    *out = (struct li_arg){.kind = LI_ARG_SPEC, .text = *name ? name : NULL, .input = LI_NONE};
    if (strlen(name) > LI_MAX_NAME) {
        return li_fail(r->err, LINCE_ELIMIT, "%s: a tensor's name has %zu bytes, the limit is %d", r->what,
                       strlen(name), LI_MAX_NAME);
    }
    if (is_handle(dtype)) {
        *out = other("a resource handle", 1);
        return LINCE_OK;
    }
    lince_status st = li_proto_dtype(&out->dtype, dtype, r->err);
    st = st ? st : li_proto_shape(&out->shape, shape, r->err);
    return st ? li_prefix(r->err, st, "%s: tensor \"%s\"", r->what, name) : LINCE_OK;
}

lince_status li_value_spec(struct li_arg *out, int32_t dtype, const Tf__TensorShapeProto *shape, const char *name,
                           const char *what, lince_error *err)
{
    const struct reader r = {.what = what, .err = err};
    return read_spec(&r, out, dtype, shape, name);
}

static lince_status read_tensor(const struct reader *r, struct li_arg *out, const Tf__TensorProto *proto)
{
    struct li_tensor *tensor = li_arena_calloc(r->arena, 1, sizeof *tensor, r->err);
    if (!tensor) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_proto_tensor(tensor, proto, r->arena, r->err);
    if (st) {
        return li_prefix(r->err, st, "%s: a constant tensor", r->what);
    }
    *out = (struct li_arg){
        .kind = LI_ARG_TENSOR, .dtype = tensor->dtype, .shape = tensor->shape, .input = LI_NONE, .tensor = tensor};
    return LINCE_OK;
}

/* What TensorFlow calls its classes of TypeSpec, by number. */
static const char *type_spec_name(const Tf__TypeSpecProto *spec)
{
    static const char *const names[] = {
        NULL,           "SparseTensorSpec", "IndexedSlicesSpec", "RaggedTensorSpec", "TensorArraySpec", "DatasetSpec",
        "IteratorSpec", "OptionalSpec",     "PerReplicaSpec",    "VariableSpec",     "RowPartitionSpec"};
    int32_t number = spec->type_spec_class;
    if (*spec->type_spec_class_name && strlen(spec->type_spec_class_name) <= LI_MAX_NAME) {
        return spec->type_spec_class_name;
    }
    return number > 0 && (size_t)number < LI_COUNT(names) ? names[number] : "a TypeSpec";
}

/* ---- Containers ---- */

static lince_status read_children(const struct reader *r, struct li_arg *out, enum li_arg_kind kind,
                                  Tf__StructuredValue *const *values, size_t count, int depth)
{
    *out = (struct li_arg){.kind = kind, .input = LI_NONE, .count = count};
    out->child = li_arena_calloc(r->arena, count, sizeof *out->child, r->err);
    if (!out->child) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        LI_TRY(read_value(r, &out->child[i], values[i], depth + 1));
    }
    return LINCE_OK;
}

struct field {
    const Tf__StructuredEntry *entry;
    size_t place;
};

static int compare_fields(const void *a, const void *b)
{
    const struct field *x = a, *y = b;
    int order = strcmp(x->entry->key, y->entry->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* An entry without a value holds an empty message, which is no value of any kind. */
static const Tf__StructuredValue *entry_value(const Tf__StructuredEntry *entry)
{
    static const Tf__StructuredValue empty = TF__STRUCTURED_VALUE__INIT;
    return entry->value ? entry->value : &empty;
}

/* Sorted by name; of entries with one name the last counts. */
static lince_status read_dict(const struct reader *r, struct li_arg *out, const Tf__DictValue *dict, int depth)
{
    struct field *fields = li_arena_calloc(r->arena, dict->n_fields, sizeof *fields, r->err);
    *out = (struct li_arg){.kind = LI_ARG_DICT, .input = LI_NONE};
    out->child = li_arena_calloc(r->arena, dict->n_fields, sizeof *out->child, r->err);
    out->name = li_arena_calloc(r->arena, dict->n_fields, sizeof *out->name, r->err);
    if (!fields || !out->child || !out->name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < dict->n_fields; i++) {
        fields[i] = (struct field){dict->fields[i], i};
        if (strlen(dict->fields[i]->key) > LI_MAX_NAME) {
            return li_fail(r->err, LINCE_ELIMIT, "%s: a key has %zu bytes, the limit is %d", r->what,
                           strlen(dict->fields[i]->key), LI_MAX_NAME);
        }
    }
    qsort(fields, dict->n_fields, sizeof *fields, compare_fields);
    for (size_t i = 0; i < dict->n_fields; i++) {
        if (i + 1 < dict->n_fields && strcmp(fields[i].entry->key, fields[i + 1].entry->key) == 0) {
            continue;
        }
        out->name[out->count] = fields[i].entry->key;
        LI_TRY(read_value(r, &out->child[out->count++], entry_value(fields[i].entry), depth + 1));
    }
    return LINCE_OK;
}

/* Names that Python takes for fields, and whose text needs no quotes. */
static bool is_identifier(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return strlen(name) <= LI_MAX_NAME && *name && (*name < '0' || *name > '9') && name[strspn(name, letters)] == '\0';
}

static bool has_names(const Tf__NamedTupleValue *tuple)
{
    bool all = is_identifier(tuple->name);

    for (size_t i = 0; all && i < tuple->n_values; i++) {
        all = is_identifier(tuple->values[i]->key);
    }
    return all;
}

/* Fields in their own order. Without names that can be ones, it is a tuple like others. */
static lince_status read_named_tuple(const struct reader *r, struct li_arg *out, const Tf__NamedTupleValue *tuple,
                                     int depth)
{
    *out = (struct li_arg){.kind = LI_ARG_TUPLE, .input = LI_NONE, .count = tuple->n_values};
    out->child = li_arena_calloc(r->arena, tuple->n_values, sizeof *out->child, r->err);
    if (!out->child) {
        return LINCE_ENOMEM;
    }
    if (has_names(tuple)) {
        out->text = tuple->name;
        out->name = li_arena_calloc(r->arena, tuple->n_values, sizeof *out->name, r->err);
        if (!out->name) {
            return LINCE_ENOMEM;
        }
    }
    for (size_t i = 0; i < tuple->n_values; i++) {
        if (out->name) {
            out->name[i] = tuple->values[i]->key;
        }
        LI_TRY(read_value(r, &out->child[i], entry_value(tuple->values[i]), depth + 1));
    }
    return LINCE_OK;
}

/* What Python writes in one word; false: it is something else. */
static bool read_word(struct li_arg *out, const Tf__StructuredValue *v)
{
    switch (v->kind_case) {
    case TF__STRUCTURED_VALUE__KIND_NONE_VALUE:
        out->kind = LI_ARG_NONE;
        return true;
    case TF__STRUCTURED_VALUE__KIND_BOOL_VALUE:
        out->kind = LI_ARG_BOOL;
        out->i = v->bool_value != 0;
        return true;
    case TF__STRUCTURED_VALUE__KIND_INT64_VALUE:
        out->kind = LI_ARG_INT;
        out->i = v->int64_value;
        return true;
    case TF__STRUCTURED_VALUE__KIND_FLOAT64_VALUE:
        out->kind = LI_ARG_FLOAT;
        out->f = v->float64_value;
        return true;
    case TF__STRUCTURED_VALUE__KIND_STRING_VALUE:
        out->kind = LI_ARG_STRING;
        out->text = v->string_value;
        return true;
    default:
        return false;
    }
}

/* What stands for values of some kind. */
static lince_status read_type(const struct reader *r, struct li_arg *out, const Tf__StructuredValue *v)
{
    switch (v->kind_case) {
    case TF__STRUCTURED_VALUE__KIND_TENSOR_SHAPE_VALUE:
        *out = other("a TensorShape", 0);
        return li_proto_shape(&out->shape, v->tensor_shape_value, r->err);
    case TF__STRUCTURED_VALUE__KIND_TENSOR_DTYPE_VALUE:
        *out = other("a DType", 0);
        out->i = v->tensor_dtype_value;
        return LINCE_OK;
    case TF__STRUCTURED_VALUE__KIND_TENSOR_SPEC_VALUE:
        return read_spec(r, out, v->tensor_spec_value->dtype, v->tensor_spec_value->shape, v->tensor_spec_value->name);
    case TF__STRUCTURED_VALUE__KIND_BOUNDED_TENSOR_SPEC_VALUE:
        return read_spec(r, out, v->bounded_tensor_spec_value->dtype, v->bounded_tensor_spec_value->shape,
                         v->bounded_tensor_spec_value->name);
    case TF__STRUCTURED_VALUE__KIND_TYPE_SPEC_VALUE:
        *out = other(type_spec_name(v->type_spec_value), (size_t)LI_MAX(v->type_spec_value->num_flat_components, 0));
        return LINCE_OK;
    default:
        return li_fail(r->err, LINCE_EINVAL, "%s: a value of no known kind", r->what);
    }
}

static lince_status read_value(const struct reader *r, struct li_arg *out, const Tf__StructuredValue *v, int depth)
{
    *out = (struct li_arg){.kind = LI_ARG_NONE, .input = LI_NONE};
    if (depth > LI_MAX_STRUCTURE_DEPTH) {
        return li_fail(r->err, LINCE_ELIMIT, "%s: values inside each other, deeper than %d", r->what,
                       LI_MAX_STRUCTURE_DEPTH);
    }
    switch (v->kind_case) {
    case TF__STRUCTURED_VALUE__KIND_LIST_VALUE:
        return read_children(r, out, LI_ARG_LIST, v->list_value->values, v->list_value->n_values, depth);
    case TF__STRUCTURED_VALUE__KIND_TUPLE_VALUE:
        return read_children(r, out, LI_ARG_TUPLE, v->tuple_value->values, v->tuple_value->n_values, depth);
    case TF__STRUCTURED_VALUE__KIND_DICT_VALUE:
        return read_dict(r, out, v->dict_value, depth);
    case TF__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE:
        return read_named_tuple(r, out, v->named_tuple_value, depth);
    case TF__STRUCTURED_VALUE__KIND_TENSOR_VALUE:
        return read_tensor(r, out, v->tensor_value);
    case TF__STRUCTURED_VALUE__KIND_NUMPY_VALUE:
        return read_tensor(r, out, v->numpy_value);
    default:
        return read_word(out, v) ? LINCE_OK : read_type(r, out, v);
    }
}

lince_status li_value_read(struct li_arg *out, const Tf__StructuredValue *value, const char *what,
                           struct li_arena *arena, lince_error *err)
{
    const struct reader r = {arena, what, err};
    return read_value(&r, out, value, 0);
}

const struct li_arg *li_value_field(const struct li_arg *dict, const char *name)
{
    for (size_t i = 0; dict->kind == LI_ARG_DICT && i < dict->count; i++) {
        if (strcmp(dict->name[i], name) == 0) {
            return &dict->child[i];
        }
    }
    return NULL;
}

/* ---- Flattening ---- */

bool li_arg_is_container(const struct li_arg *arg)
{
    return arg->kind == LI_ARG_LIST || arg->kind == LI_ARG_TUPLE || arg->kind == LI_ARG_DICT;
}

static size_t flatten(const struct li_arg *arg, const struct li_arg **specs, size_t at)
{
    if (arg->kind == LI_ARG_SPEC) {
        if (specs) {
            specs[at] = arg;
        }
        return at + 1;
    }
    for (size_t i = 0; li_arg_is_container(arg) && i < arg->count; i++) {
        at = flatten(&arg->child[i], specs, at);
    }
    return at;
}

lince_status li_value_specs(const struct li_arg *const *trees, size_t trees_count, const struct li_arg *const **specs,
                            size_t *count, struct li_arena *arena, lince_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < trees_count; i++) {
        n = flatten(trees[i], NULL, n);
    }
    const struct li_arg **list = li_arena_calloc(arena, n, sizeof *list, err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    n = 0;
    for (size_t i = 0; i < trees_count; i++) {
        n = flatten(trees[i], list, n);
    }
    *specs = list;
    *count = n;
    return LINCE_OK;
}
