/* What a row says an attribute is where a node does not give it: from text to value. */
#include "internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The text of a fallback comes from a row, so one that cannot be read is our own mistake. */

static lince_dtype dtype_named(const char *text, size_t len)
{
    for (int dtype = LINCE_DTYPE_NONE; dtype <= LINCE_UINT4; dtype++) {
        const char *name = li_dtype_name((lince_dtype)dtype);
        if (strlen(name) == len && memcmp(name, text, len) == 0) {
            return (lince_dtype)dtype;
        }
    }
    assert(!"the fallback of a type names one");
    return LINCE_DTYPE_NONE;
}

static int64_t int_of(const char *text, size_t len)
{
    char *end;
    long long value = strtoll(text, &end, 10);
    assert(end == text + len && len > 0);
    (void)len;
    return value;
}

static double float_of(const char *text, size_t len)
{
    char *end;
    double value = strtod(text, &end);
    assert(end == text + len && len > 0);
    (void)len;
    return value;
}

static int64_t bool_of(const char *text, size_t len)
{
    bool yes = len == 4 && memcmp(text, "true", 4) == 0;
    assert(yes || (len == 5 && memcmp(text, "false", 5) == 0));
    return yes;
}

/* "[a,b]": the next item of what stands between the brackets; false when there is none. */
static bool next_item(const char **at, const char **item, size_t *len)
{
    if (**at == ']') {
        return false;
    }
    *item = *at;
    *len = strcspn(*at, ",]");
    *at += *len;
    assert(**at == ',' || **at == ']');
    *at += **at == ',';
    return true;
}

static const char *begin_list(const char *text)
{
    assert(text[0] == '[');
    return text + 1;
}

static void parse_shape(const char *text, struct li_shape *shape)
{
    *shape = (struct li_shape){.rank = -1};
    if (strcmp(text, "unknown") == 0) {
        return;
    }
    const char *at = begin_list(text), *item;
    size_t len;
    for (shape->rank = 0; next_item(&at, &item, &len); shape->rank++) {
        assert(shape->rank < LI_MAX_RANK);
        shape->dim[shape->rank] = int_of(item, len);
    }
}

static lince_status parse_list(struct li_attr *attr, const char *text, struct li_arena *arena, lince_error *err)
{
    const char *at = begin_list(text), *item;
    size_t len, room = 0;
    for (const char *p = at; *p; p++) {
        room += *p == ',' || *p == ']';
    }
    int64_t *ints = li_arena_calloc(arena, room, sizeof *ints, err);
    double *floats = li_arena_calloc(arena, room, sizeof *floats, err);
    const char **strings = li_arena_calloc(arena, room, sizeof *strings, err);
    if (!ints || !floats || !strings) {
        return LINCE_ENOMEM;
    }
    for (; next_item(&at, &item, &len); attr->count++) {
        switch (attr->kind) {
        case LI_ATTR_INTS:
            ints[attr->count] = int_of(item, len);
            break;
        case LI_ATTR_BOOLS:
            ints[attr->count] = bool_of(item, len);
            break;
        case LI_ATTR_TYPES:
            ints[attr->count] = dtype_named(item, len);
            break;
        case LI_ATTR_FLOATS:
            floats[attr->count] = float_of(item, len);
            break;
        default:
            assert(attr->kind == LI_ATTR_STRINGS); /* of shapes and functions only "[]" */
            strings[attr->count] = li_arena_strndup(arena, item, len, err);
            if (!strings[attr->count]) {
                return LINCE_ENOMEM;
            }
        }
    }
    attr->ints = ints;
    attr->floats = floats;
    attr->strings = strings;
    return LINCE_OK;
}

lince_status li_attr_fallback(struct li_attr *attr, const struct li_attr_spec *spec, struct li_arena *arena,
                              lince_error *err)
{
    const char *text = spec->fallback;
    size_t len = strlen(text);
    *attr = (struct li_attr){.name = spec->name, .kind = spec->kind};
    if (li_attr_is_list(attr->kind)) {
        return len == 2 ? LINCE_OK : parse_list(attr, text, arena, err); /* "[]" needs no memory */
    }
    switch (attr->kind) {
    case LI_ATTR_INT:
        attr->i = int_of(text, len);
        return LINCE_OK;
    case LI_ATTR_BOOL:
        attr->i = bool_of(text, len);
        return LINCE_OK;
    case LI_ATTR_TYPE:
        attr->i = dtype_named(text, len);
        return LINCE_OK;
    case LI_ATTR_FLOAT:
        attr->f = float_of(text, len);
        return LINCE_OK;
    case LI_ATTR_SHAPE: {
        struct li_shape *shape = li_arena_alloc(arena, sizeof *shape, err);
        if (!shape) {
            return LINCE_ENOMEM;
        }
        parse_shape(text, shape);
        attr->shape = shape;
        return LINCE_OK;
    }
    default:
        assert(attr->kind == LI_ATTR_STRING || attr->kind == LI_ATTR_FUNC); /* a tensor has no text */
        attr->s = text;
        attr->s_len = len;
        return LINCE_OK;
    }
}
