/* From a list of paths ("0/1", "extra/scale") to the trees of values that a call binds. */
#include "api.h"

#include <stdlib.h>
#include <string.h>

/* A tree under construction: children are linked, and counted. */
struct branch {
    const char *name;
    const lince_argument *leaf; /* NULL: only known as the parent of others */
    struct branch *child, *next;
    size_t count;
};

static bool numeric(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && digits < 8 && name[digits] == '\0';
}

static lince_status branch_of(struct branch *parent, const char *name, struct li_arena *arena, struct branch **out,
                              lince_error *err)
{
    for (struct branch *b = parent->child; b; b = b->next) {
        if (strcmp(b->name, name) == 0) {
            *out = b;
            return LINCE_OK;
        }
    }
    struct branch *b = li_arena_calloc(arena, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    b->name = name;
    b->next = parent->child;
    parent->child = b;
    parent->count++;
    *out = b;
    return LINCE_OK;
}

/* The name that the next part of a path stands for: "~0" is "~", "~1" is "/". False: another "~". */
static bool unescape(char *to, const char *part, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = part[i];
        if (c == '~') {
            c = ++i < len && part[i] == '0' ? '~' : i < len && part[i] == '1' ? '/' : '\0';
        }
        if (c == '\0') {
            return false;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

static lince_status part_of(const char **name, const lince_argument *argument, const char *part, size_t len,
                            struct li_arena *arena, lince_error *err)
{
    char *plain = li_arena_alloc(arena, len + 1, err);
    *name = plain;
    if (!plain) {
        return LINCE_ENOMEM;
    }
    return unescape(plain, part, len) ? LINCE_OK
                                      : li_fail(err, LINCE_EINVAL,
                                                "argument path \"%s\": \"~\" stands for nothing; \"~0\" is a \"~\" of "
                                                "a name, \"~1\" a \"/\"",
                                                argument->path);
}

static lince_status plant(struct branch *root, const lince_argument *argument, struct li_arena *arena, lince_error *err)
{
    struct branch *at = root;
    const char *rest = argument->path;
    for (int depth = 0;; depth++) {
        size_t len = strcspn(rest, "/");
        if (len == 0 || depth == LI_MAX_STRUCTURE_DEPTH) {
            return li_fail(err, LINCE_EINVAL, "argument path \"%s\": parts must be 1 to %d names between slashes",
                           argument->path, LI_MAX_STRUCTURE_DEPTH);
        }
        const char *name;
        LI_TRY(part_of(&name, argument, rest, len, arena, err));
        LI_TRY(branch_of(at, name, arena, &at, err));
        if (rest[len] == '\0') {
            break;
        }
        rest += len + 1;
    }
    if (at->leaf) {
        return li_fail(err, LINCE_EINVAL, "argument \"%s\" is given twice", argument->path);
    }
    at->leaf = argument;
    return LINCE_OK;
}

/* Numbers by value, names bytewise; numbers first. */
static int by_name(const void *a, const void *b)
{
    const char *x = (*(struct branch *const *)a)->name, *y = (*(struct branch *const *)b)->name;
    if (numeric(x) && numeric(y)) {
        return atoi(x) - atoi(y);
    }
    return numeric(x) != numeric(y) ? numeric(y) - numeric(x) : strcmp(x, y);
}

static lince_status sorted(const struct branch *b, struct li_arena *arena, struct branch ***out, lince_error *err)
{
    struct branch **list = li_arena_calloc(arena, b->count + 1, sizeof(struct branch *), err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    size_t n = 0;
    for (struct branch *c = b->child; c; c = c->next) {
        list[n++] = c;
    }
    qsort(list, n, sizeof *list, by_name);
    *out = list;
    return LINCE_OK;
}

struct growth {
    struct li_api_arguments *to;
    const lince_argument *first;
    struct li_arena *arena;
    lince_error *err;
};

static lince_status grow(struct growth *g, const struct branch *b, struct li_arg *out);

/* Elements of lists and tuples are named 0, 1, 2 ... without a gap. */
static lince_status check_numbers(struct growth *g, const struct branch *b, struct branch *const *children)
{
    for (size_t i = 0; i < b->count; i++) {
        if (!numeric(children[i]->name) || (size_t)atoi(children[i]->name) != i) {
            return li_fail(g->err, LINCE_EINVAL,
                           "argument \"%s\" is a list or tuple: element %zu is missing, \"%s\" is there", b->name, i,
                           children[i]->name);
        }
    }
    return LINCE_OK;
}

static lince_status grow_container(struct growth *g, const struct branch *b, struct li_arg *out)
{
    struct branch **children;
    LI_TRY(sorted(b, g->arena, &children, g->err));
    bool listed = b->count > 0 && numeric(children[b->count - 1]->name);
    out->kind = !b->leaf                           ? (listed ? LI_ARG_LIST : LI_ARG_DICT)
                : b->leaf->kind == LINCE_ARG_LIST  ? LI_ARG_LIST
                : b->leaf->kind == LINCE_ARG_TUPLE ? LI_ARG_TUPLE
                                                   : LI_ARG_DICT;
    if (out->kind != LI_ARG_DICT) {
        LI_TRY(check_numbers(g, b, children));
    }
    out->count = b->count;
    out->child = li_arena_calloc(g->arena, b->count + 1, sizeof *out->child, g->err);
    out->name = li_arena_calloc(g->arena, b->count + 1, sizeof *out->name, g->err);
    if (!out->child || !out->name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < b->count; i++) {
        out->name[i] = out->kind == LI_ARG_DICT ? children[i]->name : NULL;
        LI_TRY(grow(g, children[i], &out->child[i]));
    }
    return LINCE_OK;
}

/* A tensor that stays is copied: the caller's memory is borrowed for the call only. */
static lince_status grow_tensor(struct growth *g, const struct branch *b, struct li_arg *out)
{
    struct li_tensor *copy = li_arena_calloc(g->arena, 1, sizeof *copy, g->err);
    if (!copy || !b->leaf->tensor) {
        return copy ? li_fail(g->err, LINCE_EINVAL, "argument \"%s\" is a tensor, but none is given", b->leaf->path)
                    : LINCE_ENOMEM;
    }
    LI_TRY(li_api_tensor(copy, b->leaf->tensor, b->leaf->path, g->err));
    void *data = li_arena_alloc(g->arena, copy->size_bytes + 1, g->err);
    if (!data) {
        return LINCE_ENOMEM;
    }
    if (copy->size_bytes) { /* an empty tensor may come without data */
        memcpy(data, copy->data, copy->size_bytes);
    }
    copy->data = data;
    if (copy->dtype == LINCE_STRING) {
        lince_string *strings = data;
        for (int64_t i = 0; i < li_shape_count(&copy->shape); i++) {
            strings[i].data = li_arena_strndup(g->arena, strings[i].data, strings[i].size, g->err);
            if (!strings[i].data) {
                return LINCE_ENOMEM;
            }
        }
    }
    *out = (struct li_arg){
        .kind = LI_ARG_TENSOR, .dtype = copy->dtype, .shape = copy->shape, .input = LI_NONE, .tensor = copy};
    return LINCE_OK;
}

static lince_status grow_leaf(struct growth *g, const struct branch *b, struct li_arg *out)
{
    switch (b->leaf->kind) {
    case LINCE_ARG_INPUT:
        *out = (struct li_arg){.kind = LI_ARG_TENSOR};
        for (const lince_argument *a = g->first; a < b->leaf; a++) {
            out->input += a->kind == LINCE_ARG_INPUT;
        }
        g->to->inputs[out->input] = out;
        return LINCE_OK;
    case LINCE_ARG_TENSOR:
        return grow_tensor(g, b, out);
    case LINCE_ARG_NONE:
        out->kind = LI_ARG_NONE;
        return LINCE_OK;
    case LINCE_ARG_BOOL:
        *out = (struct li_arg){.kind = LI_ARG_BOOL, .i = b->leaf->i != 0};
        return LINCE_OK;
    case LINCE_ARG_INT:
        *out = (struct li_arg){.kind = LI_ARG_INT, .i = b->leaf->i};
        return LINCE_OK;
    case LINCE_ARG_FLOAT:
        *out = (struct li_arg){.kind = LI_ARG_FLOAT, .f = b->leaf->f};
        return LINCE_OK;
    case LINCE_ARG_STRING:
        out->kind = LI_ARG_STRING;
        out->text = li_arena_strdup(g->arena, b->leaf->s ? b->leaf->s : "", g->err);
        return out->text ? LINCE_OK : LINCE_ENOMEM;
    default:
        return li_fail(g->err, LINCE_EINVAL, "argument \"%s\" has kind %d, which is none", b->leaf->path,
                       (int)b->leaf->kind);
    }
}

static bool holds_others(const lince_argument *leaf)
{
    return leaf->kind == LINCE_ARG_LIST || leaf->kind == LINCE_ARG_TUPLE || leaf->kind == LINCE_ARG_DICT;
}

static lince_status grow(struct growth *g, const struct branch *b, struct li_arg *out)
{
    out->input = LI_NONE;
    if (!b->leaf || holds_others(b->leaf)) {
        return grow_container(g, b, out);
    }
    if (b->count) {
        return li_fail(g->err, LINCE_EINVAL, "argument \"%s\" is a value and a structure at once", b->leaf->path);
    }
    return grow_leaf(g, b, out);
}

static lince_status grow_all(struct growth *g, const struct branch *root)
{
    struct branch **top;
    struct li_call_args *args = &g->to->args;
    LI_TRY(sorted(root, g->arena, &top, g->err));
    struct li_arg *values = li_arena_calloc(g->arena, root->count + 1, sizeof *values, g->err);
    const char **names = li_arena_calloc(g->arena, root->count + 1, sizeof *names, g->err);
    if (!values || !names) {
        return LINCE_ENOMEM;
    }
    while (args->positional_count < root->count && numeric(top[args->positional_count]->name)) {
        size_t i = args->positional_count++;
        if ((size_t)atoi(top[i]->name) != i) {
            return li_fail(g->err, LINCE_EINVAL, "positional argument %zu is missing, %s is there", i, top[i]->name);
        }
    }
    for (size_t i = 0; i < root->count; i++) {
        names[i] = top[i]->name;
        LI_TRY(grow(g, top[i], &values[i]));
    }
    args->positional = values;
    args->keyword = values + args->positional_count;
    args->keyword_name = names + args->positional_count;
    args->keyword_count = root->count - args->positional_count;
    return LINCE_OK;
}

lince_status li_api_arguments(struct li_api_arguments *out, const lince_argument *arguments, size_t count,
                              struct li_arena *arena, lince_error *err)
{
    struct branch root = {.name = ""};
    *out = (struct li_api_arguments){.input_count = 0};
    for (size_t i = 0; i < count; i++) {
        if (!arguments[i].path) {
            return li_fail(err, LINCE_EINVAL, "argument %zu has no path", i);
        }
        LI_TRY(plant(&root, &arguments[i], arena, err));
        out->input_count += arguments[i].kind == LINCE_ARG_INPUT;
    }
    out->inputs = li_arena_calloc(arena, out->input_count + 1, sizeof *out->inputs, err);
    if (!out->inputs) {
        return LINCE_ENOMEM;
    }
    struct growth g = {out, arguments, arena, err};
    return grow_all(&g, &root);
}
