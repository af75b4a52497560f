/* AttrValue to attributes of our graph. */
#include "model/body.h"

#include <string.h>

struct reader {
    const struct li_given *placeholders;
    struct li_arena *arena;
    lince_error *err;
};

static lince_status out_of_memory(const void *pointer)
{
    return pointer ? LINCE_OK : LINCE_ENOMEM;
}

/* Bytes need not be ended by NUL; attributes are. */
static const char *text_of(const struct reader *r, ProtobufCBinaryData bytes)
{
    return li_arena_strndup(r->arena, bytes.len ? (const char *)bytes.data : "", bytes.len, r->err);
}

static lince_status read_shapes(const struct reader *r, struct li_attr *out, Tf__TensorShapeProto *const *shapes,
                                size_t n)
{
    struct li_shape *copy = li_arena_calloc(r->arena, n, sizeof *copy, r->err);
    LI_TRY(out_of_memory(copy));
    for (size_t i = 0; i < n; i++) {
        LI_TRY(li_proto_shape(&copy[i], shapes[i], r->err));
    }
    out->shape = copy;
    out->count = n;
    return LINCE_OK;
}

static lince_status read_tensor(const struct reader *r, struct li_attr *out, const Tf__TensorProto *proto)
{
    struct li_tensor *tensor = li_arena_calloc(r->arena, 1, sizeof *tensor, r->err);
    LI_TRY(out_of_memory(tensor));
    out->kind = LI_ATTR_TENSOR;
    out->tensor = tensor;
    return li_proto_tensor(tensor, proto, r->arena, r->err);
}

static lince_status read_strings(const struct reader *r, struct li_attr *out, const Tf__AttrValue__ListValue *list)
{
    const char **copy = li_arena_calloc(r->arena, list->n_s, sizeof *copy, r->err);
    LI_TRY(out_of_memory(copy));
    for (size_t i = 0; i < list->n_s; i++) {
        LI_TRY(out_of_memory(copy[i] = text_of(r, list->s[i])));
    }
    out->kind = LI_ATTR_STRINGS;
    out->strings = copy;
    out->count = list->n_s;
    return LINCE_OK;
}

static lince_status read_functions(const struct reader *r, struct li_attr *out, const Tf__AttrValue__ListValue *list)
{
    const char **copy = li_arena_calloc(r->arena, list->n_func, sizeof *copy, r->err);
    LI_TRY(out_of_memory(copy));
    for (size_t i = 0; i < list->n_func; i++) {
        copy[i] = list->func[i]->name;
    }
    out->kind = LI_ATTR_FUNCS;
    out->strings = copy;
    out->count = list->n_func;
    return LINCE_OK;
}

static lince_status read_numbers(const struct reader *r, struct li_attr *out, const Tf__AttrValue__ListValue *list)
{
    size_t n = list->n_i + list->n_b + list->n_type; /* of which one is not zero */
    int64_t *ints = li_arena_calloc(r->arena, n, sizeof *ints, r->err);
    LI_TRY(out_of_memory(ints));
    for (size_t i = 0; i < list->n_i; i++) {
        ints[i] = list->i[i];
    }
    for (size_t i = 0; i < list->n_b; i++) {
        ints[i] = list->b[i] != 0;
    }
    for (size_t i = 0; i < list->n_type; i++) {
        ints[i] = list->type[i];
    }
    out->kind = list->n_b ? LI_ATTR_BOOLS : list->n_type ? LI_ATTR_TYPES : LI_ATTR_INTS;
    out->ints = ints;
    out->count = n;
    return LINCE_OK;
}

static lince_status read_floats(const struct reader *r, struct li_attr *out, const Tf__AttrValue__ListValue *list)
{
    double *floats = li_arena_calloc(r->arena, list->n_f, sizeof *floats, r->err);
    LI_TRY(out_of_memory(floats));
    for (size_t i = 0; i < list->n_f; i++) {
        floats[i] = (double)list->f[i];
    }
    out->kind = LI_ATTR_FLOATS;
    out->floats = floats;
    out->count = list->n_f;
    return LINCE_OK;
}

static lince_status read_list(const struct reader *r, struct li_attr *out, const Tf__AttrValue__ListValue *list)
{
    int kinds = (list->n_s > 0) + (list->n_i > 0) + (list->n_f > 0) + (list->n_b > 0) + (list->n_type > 0) +
                (list->n_shape > 0) + (list->n_tensor > 0) + (list->n_func > 0);
    if (kinds > 1) {
        return li_fail(r->err, LINCE_EINVAL, "a list of more than one kind of value");
    }
    if (list->n_tensor) {
        return li_fail(r->err, LINCE_EUNSUPPORTED, "a list of tensors is not supported");
    }
    if (list->n_s) {
        return read_strings(r, out, list);
    }
    if (list->n_f) {
        return read_floats(r, out, list);
    }
    if (list->n_func) {
        return read_functions(r, out, list);
    }
    if (list->n_shape) {
        out->kind = LI_ATTR_SHAPES;
        return read_shapes(r, out, list->shape, list->n_shape);
    }
    return read_numbers(r, out, list);
}

/* What a caller gave for the placeholder, which must not be one itself. */
static lince_status substitute(const struct reader *r, const Tf__AttrValue **value)
{
    if ((*value)->value_case != TF__ATTR_VALUE__VALUE_PLACEHOLDER) {
        return LINCE_OK;
    }
    const char *name = (*value)->placeholder;
    *value = li_proto_attr(r->placeholders->entry, r->placeholders->count, name);
    if (!*value || (*value)->value_case == TF__ATTR_VALUE__VALUE_PLACEHOLDER) {
        return li_fail(r->err, LINCE_EINVAL, "it is the function's attribute \"%.200s\", which the call does not give",
                       name);
    }
    return LINCE_OK;
}

static lince_status read_attr(const struct reader *r, struct li_attr *out, const Tf__AttrValue *v)
{
    LI_TRY(substitute(r, &v));
    switch (v->value_case) {
    case TF__ATTR_VALUE__VALUE_LIST:
        return read_list(r, out, v->list);
    case TF__ATTR_VALUE__VALUE_S:
        out->kind = LI_ATTR_STRING;
        out->s = text_of(r, v->s);
        out->s_len = v->s.len;
        return out_of_memory(out->s);
    case TF__ATTR_VALUE__VALUE_I:
        out->kind = LI_ATTR_INT;
        out->i = v->i;
        return LINCE_OK;
    case TF__ATTR_VALUE__VALUE_F:
        out->kind = LI_ATTR_FLOAT;
        out->f = (double)v->f;
        return LINCE_OK;
    case TF__ATTR_VALUE__VALUE_B:
        out->kind = LI_ATTR_BOOL;
        out->i = v->b != 0;
        return LINCE_OK;
    case TF__ATTR_VALUE__VALUE_TYPE:
        out->kind = LI_ATTR_TYPE;
        out->i = v->type;
        return LINCE_OK;
    case TF__ATTR_VALUE__VALUE_SHAPE:
        out->kind = LI_ATTR_SHAPE;
        return read_shapes(r, out, &v->shape, 1);
    case TF__ATTR_VALUE__VALUE_TENSOR:
        return read_tensor(r, out, v->tensor);
    case TF__ATTR_VALUE__VALUE_FUNC:
        out->kind = LI_ATTR_FUNC;
        out->s = v->func->name;
        out->s_len = strlen(out->s);
        return LINCE_OK;
    default:
        return li_fail(r->err, LINCE_EINVAL, "it has no value");
    }
}

bool li_attrs_has(const struct li_part *part, const char *name)
{
    for (const struct li_attr_spec *spec = part->op ? part->op->attrs : NULL; spec && spec->name; spec++) {
        if (strcmp(spec->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A hint is read where the row has a use for it. */
static bool is_read(const struct li_part *part, const char *name)
{
    return name[0] != '_' || li_attrs_has(part, name);
}

static lince_status read_entry(const struct reader *r, struct li_attr *out, const struct li_part *part,
                               const Tf__AttrEntry *entry)
{
    static const Tf__AttrValue empty = TF__ATTR_VALUE__INIT;
    out->name = entry->key;
    lince_status st = read_attr(r, out, entry->value ? entry->value : &empty);
    return st ? li_prefix(r->err, st, "node \"%.200s\" (%.200s): attribute \"%.200s\"", part->name, part->op_name,
                          out->name)
              : LINCE_OK;
}

lince_status li_attrs_read(const struct li_attr **out, int *count, const struct li_part *part,
                           const struct li_given *given, struct li_arena *arena, lince_error *err)
{
    const struct reader r = {given, arena, err};
    size_t n = part->attrs.count;
    struct li_attr *attrs = li_arena_calloc(arena, n, sizeof *attrs, err);
    LI_TRY(out_of_memory(attrs));
    if (LI_MAX(n, given->count) > LI_MAX_NODE_ATTRIBUTES) { /* one is looked up in the other */
        return li_fail(err, LINCE_ELIMIT,
                       "node \"%.200s\" (%.200s): %zu attributes, and %zu of its function; the limit is %d", part->name,
                       part->op_name, n, given->count, LI_MAX_NODE_ATTRIBUTES);
    }
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_read(part, part->attrs.entry[i]->key)) {
            LI_TRY(read_entry(&r, &attrs[(*count)++], part, part->attrs.entry[i]));
        }
    }
    *out = attrs;
    return LINCE_OK;
}

struct li_given li_attrs_only(const struct li_part *part, const char *name)
{
    for (size_t i = part->attrs.count; i-- > 0;) {
        if (strcmp(part->attrs.entry[i]->key, name) == 0) {
            return (struct li_given){part->attrs.entry + i, 1};
        }
    }
    return (struct li_given){NULL, 0};
}

int32_t li_attrs_type(const struct li_part *part, const char *name)
{
    const Tf__AttrValue *v = li_proto_attr(part->attrs.entry, part->attrs.count, name);
    return v && v->value_case == TF__ATTR_VALUE__VALUE_TYPE ? v->type : 0;
}

bool li_attrs_bool(const struct li_part *part, const char *name)
{
    const Tf__AttrValue *v = li_proto_attr(part->attrs.entry, part->attrs.count, name);
    return v && v->value_case == TF__ATTR_VALUE__VALUE_B && v->b;
}

const char *li_attrs_text(const struct li_part *part, const char *name, struct li_arena *arena, lince_error *err)
{
    const Tf__AttrValue *v = li_proto_attr(part->attrs.entry, part->attrs.count, name);
    bool text = v && v->value_case == TF__ATTR_VALUE__VALUE_S && v->s.len;
    return li_arena_strndup(arena, text ? (const char *)v->s.data : "", text ? v->s.len : 0, err);
}

/* The functions of an attribute as a list of *n, which is a single one's own place where there is no list. */
static Tf__NameAttrList *const *functions_of(const struct li_part *part, const char *attribute,
                                             const struct li_given *given, size_t *n)
{
    const Tf__AttrValue *v = li_proto_attr(part->attrs.entry, part->attrs.count, attribute);
    if (v && v->value_case == TF__ATTR_VALUE__VALUE_PLACEHOLDER) {
        v = li_proto_attr(given->entry, given->count, v->placeholder);
    }
    bool list = v && v->value_case == TF__ATTR_VALUE__VALUE_LIST,
         one = v && v->value_case == TF__ATTR_VALUE__VALUE_FUNC;
    *n = list ? v->list->n_func : one;
    return list ? v->list->func : one ? &v->func : NULL;
}

int li_attrs_functions(const struct li_part *part, const char *attribute, const struct li_given *given)
{
    size_t n;
    (void)functions_of(part, attribute, given, &n);
    return (int)LI_MIN(n, (size_t)LI_MAX_OUTPUTS);
}

void li_attrs_function(const struct li_part *part, const char *attribute, int i, const struct li_given *given,
                       const char **name, struct li_given *its)
{
    size_t n;
    Tf__NameAttrList *const *list = functions_of(part, attribute, given, &n);
    *name = NULL;
    if ((size_t)i < LI_MIN(n, (size_t)LI_MAX_OUTPUTS)) {
        *name = list[i]->name;
        *its = (struct li_given){list[i]->attr, list[i]->n_attr};
    }
}

lince_status li_attrs_constant(const struct li_tensor **out, const struct li_part *part, struct li_arena *arena,
                               lince_error *err)
{
    const Tf__AttrValue *value = li_proto_attr(part->attrs.entry, part->attrs.count, "value"),
                        *type = li_proto_attr(part->attrs.entry, part->attrs.count, "dtype");
    struct li_tensor *tensor = li_arena_calloc(arena, 1, sizeof *tensor, err);
    LI_TRY(out_of_memory(tensor));
    if (!value || value->value_case != TF__ATTR_VALUE__VALUE_TENSOR) {
        return li_fail(err, LINCE_EINVAL, "it has no attribute \"value\", wanted a tensor");
    }
    LI_TRY(li_proto_tensor(tensor, value->tensor, arena, err));
    if (type && (type->value_case != TF__ATTR_VALUE__VALUE_TYPE || type->type != (int32_t)tensor->dtype)) {
        return li_fail(err, LINCE_EINVAL, "its attribute \"dtype\" is not that of its value, %s",
                       li_dtype_name(tensor->dtype));
    }
    *out = tensor;
    return LINCE_OK;
}

const char *li_attrs_unsupported(const struct li_op *op, const struct li_attr *attrs, int count, struct li_arena *arena,
                                 lince_error *err)
{
    char buffer[LI_ATTR_TEXT];
    const char *text;
    const struct li_attr *refused = li_attr_refused(op, attrs, count, buffer, &text);
    return refused ? li_arena_printf(arena, err, "%s %.200s=%.200s", op->name, refused->name, text)
                   : li_arena_strdup(arena, op->name, err);
}
