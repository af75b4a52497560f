/* Values, parameters and results as text, for people and for messages. */
#include "model/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void li_text_add(struct li_text *text, const char *format, ...)
{
    va_list args;
    bool fits = text->len < text->size;
    va_start(args, format);
    int n = vsnprintf(fits ? text->data + text->len : NULL, fits ? text->size - text->len : 0, format, args);
    va_end(args);
    text->len += n > 0 ? (size_t)n : 0;
}

/* The shortest decimal that reads back as the same number, with a point or an exponent. */
static void add_float(struct li_text *text, double value)
{
    char digits[40];
    if (!isfinite(value)) {
        li_text_add(text, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) {
            break;
        }
    }
    li_text_add(text, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

/* Quoted; what would end the quotes or move the terminal is escaped. */
static void add_string(struct li_text *text, const char *s)
{
    li_text_add(text, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            li_text_add(text, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            li_text_add(text, "\\x%02x", c);
        } else {
            li_text_add(text, "%c", c);
        }
    }
    li_text_add(text, "\"");
}

static void add_tensor(struct li_text *text, lince_dtype dtype, const struct li_shape *shape)
{
    char buffer[LI_SHAPE_TEXT];
    if (shape->rank < 0) {
        li_text_add(text, "%s[...]", li_dtype_name(dtype));
    } else {
        li_text_add(text, "%s%s", li_dtype_name(dtype), li_shape_text(shape, buffer));
    }
}

/* How the leaves of a tree are written: with their names, or as the results of a trace. */
struct style {
    bool names;
    const struct li_trace *trace;
    const struct li_shape *const *shapes;
    size_t leaf;
};

/* In results, Python's numbers have become tensors. */
static void add_result_leaf(struct li_text *text, struct style *style, const struct li_arg *arg)
{
    const struct li_result_leaf *leaf = &style->trace->leaf[style->leaf++];
    if (arg->kind == LI_ARG_NONE) {
        li_text_add(text, "None");
    } else if (leaf->output != LI_NONE) {
        add_tensor(text, arg->dtype, style->shapes ? style->shapes[leaf->output] : &arg->shape);
    } else {
        add_tensor(text, leaf->tensor.dtype, &leaf->tensor.shape);
    }
}

static void add_leaf(struct li_text *text, struct style *style, const struct li_arg *arg)
{
    if (style->trace && arg->kind != LI_ARG_OTHER) {
        add_result_leaf(text, style, arg);
        return;
    }
    switch (arg->kind) {
    case LI_ARG_BOOL:
        li_text_add(text, "%s", arg->i ? "True" : "False");
        return;
    case LI_ARG_INT:
        li_text_add(text, "%lld", (long long)arg->i);
        return;
    case LI_ARG_FLOAT:
        add_float(text, arg->f);
        return;
    case LI_ARG_STRING:
        add_string(text, arg->text);
        return;
    case LI_ARG_SPEC:
        if (style->names && arg->text) {
            li_text_add(text, "%s: ", arg->text);
        }
        add_tensor(text, arg->dtype, &arg->shape);
        return;
    case LI_ARG_TENSOR:
        add_tensor(text, arg->dtype, &arg->shape);
        return;
    case LI_ARG_OTHER:
        li_text_add(text, "<%s>", arg->text);
        return;
    default:
        li_text_add(text, "None");
    }
}

static void add_arg(struct li_text *text, struct style *style, const struct li_arg *arg)
{
    static const char *const open[] = {[LI_ARG_LIST] = "[", [LI_ARG_TUPLE] = "(", [LI_ARG_DICT] = "{"};
    static const char *const end[] = {[LI_ARG_LIST] = "]", [LI_ARG_TUPLE] = ")", [LI_ARG_DICT] = "}"};
    if (arg->kind != LI_ARG_LIST && arg->kind != LI_ARG_TUPLE && arg->kind != LI_ARG_DICT) {
        add_leaf(text, style, arg);
        return;
    }
    bool named = arg->kind == LI_ARG_TUPLE && arg->text;
    li_text_add(text, "%s%s", named ? arg->text : "", open[arg->kind]);
    for (size_t i = 0; i < arg->count; i++) {
        li_text_add(text, "%s", i ? ", " : "");
        if (arg->kind == LI_ARG_DICT) {
            add_string(text, arg->name[i]);
            li_text_add(text, ": ");
        } else if (named) {
            li_text_add(text, "%s=", arg->name[i]);
        }
        add_arg(text, style, &arg->child[i]);
    }
    li_text_add(text, "%s%s", arg->kind == LI_ARG_TUPLE && arg->count == 1 && !named ? "," : "", end[arg->kind]);
}

void li_text_arg(struct li_text *text, const struct li_arg *arg)
{
    add_arg(text, &(struct style){0}, arg);
}

char *li_arg_text(const struct li_arg *arg, struct li_arena *arena, lince_error *err)
{
    struct li_text text = {0};
    add_arg(&text, &(struct style){.names = true}, arg);
    text.size = text.len + 1;
    text.len = 0;
    text.data = li_arena_alloc(arena, text.size, err);
    if (text.data) {
        add_arg(&text, &(struct style){.names = true}, arg);
    }
    return text.data;
}

size_t li_trace_result_text(const struct li_trace *trace, const struct li_shape *const *shapes, char *buffer,
                            size_t size)
{
    struct li_text text = {buffer, size, 0};
    if (size) {
        buffer[0] = '\0';
    }
    add_arg(&text, &(struct style){.trace = trace, .shapes = shapes}, trace->result);
    return text.len;
}

/* "name: spec", "name=constant". */
static void add_parameter(struct li_text *text, const char *name, const struct li_arg *arg)
{
    if (arg->kind == LI_ARG_SPEC && !name) {
        name = arg->text;
    }
    if (name) {
        li_text_add(text, "%s%s", name, arg->kind == LI_ARG_SPEC || arg->kind == LI_ARG_TENSOR ? ": " : "=");
    }
    li_text_arg(text, arg);
}

void li_text_trace(struct li_text *text, const struct li_callable *callable, const struct li_trace *trace)
{
    li_text_add(text, "(");
    for (size_t i = 0; i < trace->args->count; i++) {
        bool named = !callable->bare && i < callable->positional_count;
        li_text_add(text, "%s", i ? ", " : "");
        add_parameter(text, named ? callable->parameter[i].name : NULL, &trace->args->child[i]);
    }
    for (size_t i = 0; i < trace->kwargs->count; i++) {
        li_text_add(text, "%s", i || trace->args->count ? ", " : "");
        add_parameter(text, trace->kwargs->name[i], &trace->kwargs->child[i]);
    }
    li_text_add(text, ") -> ");
    add_arg(text, &(struct style){.trace = trace}, trace->result);
}

lince_status li_trace_text(struct li_trace *trace, const struct li_callable *callable, struct li_arena *arena,
                           lince_error *err)
{
    struct li_text text = {0};
    li_text_trace(&text, callable, trace);
    text.size = text.len + 1;
    text.len = 0;
    text.data = li_arena_alloc(arena, text.size, err);
    if (!text.data) {
        return LINCE_ENOMEM;
    }
    li_text_trace(&text, callable, trace);
    trace->text = text.data;
    return LINCE_OK;
}
