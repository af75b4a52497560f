/* Attributes: what a node was given, checked against its row and completed with the row's fallbacks. */
#include "internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [LI_ATTR_INT] = "an int",
    [LI_ATTR_FLOAT] = "a float",
    [LI_ATTR_BOOL] = "a bool",
    [LI_ATTR_STRING] = "a string",
    [LI_ATTR_TYPE] = "a type",
    [LI_ATTR_SHAPE] = "a shape",
    [LI_ATTR_TENSOR] = "a tensor",
    [LI_ATTR_FUNC] = "a function",
    [LI_ATTR_INTS] = "a list of ints",
    [LI_ATTR_FLOATS] = "a list of floats",
    [LI_ATTR_BOOLS] = "a list of bools",
    [LI_ATTR_STRINGS] = "a list of strings",
    [LI_ATTR_TYPES] = "a list of types",
    [LI_ATTR_SHAPES] = "a list of shapes",
    [LI_ATTR_FUNCS] = "a list of functions",
};

/* For whom an attribute is bound: in messages, and where copies go. */
struct binding {
    struct li_graph *g;
    const struct li_op *op;
    const char *node;
    const struct li_attr_spec *spec;
    struct li_arena *kept;
    lince_error *err;
};

static lince_status out_of_memory(const void *pointer)
{
    return pointer ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- Copies ------------------------------------------------------------------------------------------------------ */

static const void *copy_array(const struct binding *b, const void *from, size_t count, size_t size)
{
    void *copy = li_arena_calloc(b->kept, count, size, b->err);
    if (copy && count) {
        memcpy(copy, from, count * size);
    }
    return copy;
}

static lince_status copy_strings(const struct binding *b, struct li_attr *attr)
{
    const char **copy = li_arena_calloc(b->kept, attr->count, sizeof *copy, b->err);
    LI_TRY(out_of_memory(copy));
    for (size_t i = 0; i < attr->count; i++) {
        copy[i] = li_arena_strdup(b->kept, attr->strings[i], b->err);
        LI_TRY(out_of_memory(copy[i]));
    }
    attr->strings = copy;
    return LINCE_OK;
}

/* Make what attr points to the graph's own. */
static lince_status keep_attr(const struct binding *b, struct li_attr *attr)
{
    switch (attr->kind) {
    case LI_ATTR_INT:
    case LI_ATTR_FLOAT:
    case LI_ATTR_BOOL:
    case LI_ATTR_TYPE:
        return LINCE_OK;
    case LI_ATTR_FUNC:
        attr->s = li_arena_strdup(b->kept, attr->s, b->err);
        return out_of_memory(attr->s);
    case LI_ATTR_STRING:
        attr->s = li_arena_strndup(b->kept, attr->s, attr->s_len, b->err);
        return out_of_memory(attr->s);
    case LI_ATTR_SHAPE:
        attr->shape = copy_array(b, attr->shape, 1, sizeof *attr->shape);
        return out_of_memory(attr->shape);
    case LI_ATTR_SHAPES:
        attr->shape = copy_array(b, attr->shape, attr->count, sizeof *attr->shape);
        return out_of_memory(attr->shape);
    case LI_ATTR_TENSOR:
        return li_graph_own_tensor(b->g, attr->tensor, &attr->tensor, b->err);
    case LI_ATTR_INTS:
    case LI_ATTR_BOOLS:
    case LI_ATTR_TYPES:
        attr->ints = copy_array(b, attr->ints, attr->count, sizeof *attr->ints);
        return out_of_memory(attr->ints);
    case LI_ATTR_FLOATS:
        attr->floats = copy_array(b, attr->floats, attr->count, sizeof *attr->floats);
        return out_of_memory(attr->floats);
    case LI_ATTR_STRINGS:
    case LI_ATTR_FUNCS:
        return copy_strings(b, attr);
    }
    return li_fail(b->err, LINCE_EINVAL, "node \"%s\" (%s): attribute \"%s\" is of no known kind", b->node, b->op->name,
                   attr->name);
}

/* ---- Allowed values ---------------------------------------------------------------------------------------------- */

/* Item i of a list, or the value itself, as it stands in .allowed. */
static const char *item_text(const struct li_attr *attr, size_t i, char buffer[LI_ATTR_TEXT])
{
    switch (attr->kind) {
    case LI_ATTR_STRING:
    case LI_ATTR_FUNC:
        return attr->s;
    case LI_ATTR_STRINGS:
    case LI_ATTR_FUNCS:
        return attr->strings[i];
    case LI_ATTR_TYPE:
        return li_dtype_name((lince_dtype)attr->i);
    case LI_ATTR_TYPES:
        return li_dtype_name((lince_dtype)attr->ints[i]);
    case LI_ATTR_BOOL:
        return attr->i ? "true" : "false";
    case LI_ATTR_BOOLS:
        return attr->ints[i] ? "true" : "false";
    case LI_ATTR_INT:
        snprintf(buffer, LI_ATTR_TEXT, "%" PRId64, attr->i);
        return buffer;
    case LI_ATTR_INTS:
        snprintf(buffer, LI_ATTR_TEXT, "%" PRId64, attr->ints[i]);
        return buffer;
    case LI_ATTR_FLOAT:
        snprintf(buffer, LI_ATTR_TEXT, "%g", attr->f);
        return buffer;
    case LI_ATTR_FLOATS:
        snprintf(buffer, LI_ATTR_TEXT, "%g", attr->floats[i]);
        return buffer;
    default:
        return kind_names[attr->kind];
    }
}

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at;) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, word, n) == 0) {
            return true;
        }
        at += n;
        at += strspn(at, " ");
    }
    return false;
}

/* The first item that the spec does not allow, as text; NULL: it allows all. */
static const char *refused_item(const struct li_attr_spec *spec, const struct li_attr *attr, char buffer[LI_ATTR_TEXT])
{
    size_t count = li_attr_is_list(attr->kind) ? attr->count : 1;
    for (size_t i = 0; spec->allowed && i < count; i++) {
        const char *text = item_text(attr, i, buffer);
        if (!has_word(spec->allowed, text)) {
            return text;
        }
    }
    return NULL;
}

static lince_status check_allowed(const struct binding *b, const struct li_attr *attr)
{
    char buffer[LI_ATTR_TEXT];
    const char *text = refused_item(b->spec, attr, buffer);
    return text ? li_fail(b->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): attribute \"%s\" is \"%s\"; supported: %s",
                          b->node, b->op->name, attr->name, text, b->spec->allowed)
                : LINCE_OK;
}

/* ---- Binding ----------------------------------------------------------------------------------------------------- */

/* A list without items does not show its kind in a file. */
static bool fits_kind(const struct li_attr *attr, enum li_attr_kind kind)
{
    return attr->kind == kind || (li_attr_is_list(attr->kind) && li_attr_is_list(kind) && attr->count == 0);
}

static lince_status bind_one(const struct binding *b, const struct li_attr *given, struct li_attr *attr)
{
    const struct li_attr_spec *spec = b->spec;
    if (!given) {
        if (!spec->fallback) {
            return li_fail(b->err, LINCE_EINVAL, "node \"%s\" (%s): has no attribute \"%s\", wanted %s", b->node,
                           b->op->name, spec->name, kind_names[spec->kind]);
        }
        LI_TRY(li_attr_fallback(attr, spec, b->kept, b->err));
        return check_allowed(b, attr);
    }
    if (!fits_kind(given, spec->kind)) {
        return li_fail(b->err, LINCE_EINVAL, "node \"%s\" (%s): attribute \"%s\" is %s, wanted %s", b->node,
                       b->op->name, spec->name, kind_names[given->kind], kind_names[spec->kind]);
    }
    *attr = *given;
    attr->name = spec->name;
    attr->kind = spec->kind;
    LI_TRY(check_allowed(b, attr));
    return keep_attr(b, attr);
}

/* The last of that name, as maps in protobuf have it. */
static const struct li_attr *find_given(const struct li_attr *given, int count, const char *name)
{
    for (int i = count - 1; i >= 0; i--) {
        if (strcmp(given[i].name, name) == 0) {
            return &given[i];
        }
    }
    return NULL;
}

static const struct li_attr_spec *find_spec(const struct li_op *op, const char *name)
{
    for (const struct li_attr_spec *spec = op->attrs; spec && spec->name; spec++) {
        if (strcmp(spec->name, name) == 0) {
            return spec;
        }
    }
    return NULL;
}

static lince_status refuse_unknown(const struct binding *b, const struct li_attr *given, int count)
{
    char buffer[LI_ATTR_TEXT];
    for (int i = 0; i < count; i++) {
        if (given[i].name[0] == '_' || find_spec(b->op, given[i].name)) {
            continue;
        }
        return li_fail(b->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): attribute \"%s\" (%s) is not supported", b->node,
                       b->op->name, given[i].name,
                       li_attr_is_list(given[i].kind) ? kind_names[given[i].kind] : item_text(&given[i], 0, buffer));
    }
    return LINCE_OK;
}

const struct li_attr *li_attr_refused(const struct li_op *op, const struct li_attr *given, int count,
                                      char buffer[LI_ATTR_TEXT], const char **text)
{
    for (int i = 0; i < count; i++) {
        const struct li_attr_spec *spec = find_spec(op, given[i].name);
        if (given[i].name[0] == '_') {
            continue;
        }
        *text = spec                             ? refused_item(spec, &given[i], buffer)
                : li_attr_is_list(given[i].kind) ? "[...]"
                                                 : item_text(&given[i], 0, buffer);
        if (*text) {
            return &given[i];
        }
    }
    return NULL;
}

lince_status li_attrs_bind(struct li_graph *g, const struct li_op *op, const char *name, const struct li_attr *given,
                           int count, const struct li_attr **out, int *out_count, lince_error *err)
{
    struct binding b = {.g = g, .op = op, .node = name, .kept = li_graph_kept(g, err), .err = err};
    int n = 0;
    while (op->attrs && op->attrs[n].name) {
        n++;
    }
    struct li_attr *attrs = b.kept ? li_arena_alloc(b.kept, (size_t)n * sizeof *attrs, err) : NULL;
    LI_TRY(out_of_memory(attrs));
    LI_TRY(refuse_unknown(&b, given, count));
    for (int i = 0; i < n; i++) {
        b.spec = &op->attrs[i];
        LI_TRY(bind_one(&b, find_given(given, count, b.spec->name), &attrs[i]));
    }
    *out = attrs;
    *out_count = n;
    return LINCE_OK;
}

lince_status li_attrs_outputs(const struct li_op *op, const char *name, const struct li_attr *attrs, int nattrs,
                              int *out, lince_error *err)
{
    int64_t total = 0;
    for (const struct li_output_spec *output = op->outputs; output && output->name; output++) {
        const struct li_attr *attr = output->list ? find_given(attrs, nattrs, output->list) : NULL;
        assert(attr || !output->list);
        int64_t count = !attr ? 1 : attr->kind == LI_ATTR_INT ? attr->i : (int64_t)attr->count;
        if (count < 0 || count > LI_MAX_OUTPUTS) {
            return li_fail(err, LINCE_ELIMIT,
                           "node \"%s\" (%s): attribute \"%s\" asks for %" PRId64 " outputs, wanted 0 to %d", name,
                           op->name, output->list, count, LI_MAX_OUTPUTS);
        }
        total += count;
    }
    if (total > LI_MAX_OUTPUTS) {
        return li_fail(err, LINCE_ELIMIT, "node \"%s\" (%s): has %" PRId64 " outputs, wanted at most %d", name,
                       op->name, total, LI_MAX_OUTPUTS);
    }
    *out = (int)total;
    return LINCE_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

const struct li_attr *li_attr(const struct li_node *node, const char *name)
{
    const struct li_attr *attr = find_given(node->attrs, node->nattrs, name);
    assert(attr);
    return attr;
}

int64_t li_attr_int(const struct li_node *node, const char *name)
{
    const struct li_attr *attr = li_attr(node, name);
    assert(attr->kind == LI_ATTR_INT || attr->kind == LI_ATTR_BOOL || attr->kind == LI_ATTR_TYPE);
    return attr->i;
}

double li_attr_float(const struct li_node *node, const char *name)
{
    const struct li_attr *attr = li_attr(node, name);
    assert(attr->kind == LI_ATTR_FLOAT);
    return attr->f;
}

bool li_attr_is(const struct li_node *node, const char *name, const char *value)
{
    const struct li_attr *attr = li_attr(node, name);
    assert(attr->kind == LI_ATTR_STRING);
    return attr->s_len == strlen(value) && memcmp(attr->s, value, attr->s_len) == 0;
}
