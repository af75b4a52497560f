/* Arguments of a call brought to parameters, as Python does it. */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

struct binder {
    const struct li_callable *callable;
    const struct li_call_args *args;
    const struct li_arg **value; /* by parameter; NULL: not given */
    struct li_arena *arena;
    lince_error *err;
};

/* "(images, training=False, *, scale)" */
static void add_accepted(struct li_text *text, const struct li_callable *c)
{
    bool star = false;
    li_text_add(text, "(");
    for (size_t i = 0; i < c->parameter_count; i++) {
        const struct li_parameter *p = &c->parameter[i];
        if (p->keyword_only && !star) {
            star = true;
            li_text_add(text, "%s*%s, ", i ? ", " : "", c->varargs ? c->varargs : "");
        } else {
            li_text_add(text, "%s", i ? ", " : "");
        }
        li_text_add(text, "%s%s%s", p->name, p->fallback_text ? "=" : "", p->fallback_text ? p->fallback_text : "");
    }
    if (!star && c->varargs) {
        li_text_add(text, "%s*%s", c->parameter_count ? ", " : "", c->varargs);
    }
    if (c->varkw) {
        li_text_add(text, "%s**%s", c->parameter_count || c->varargs ? ", " : "", c->varkw);
    }
    li_text_add(text, ")");
}

static lince_status fail(const struct binder *b, const char *what, const char *name)
{
    char accepted[1024];
    struct li_text text = {accepted, sizeof accepted, 0};
    add_accepted(&text, b->callable);
    return li_fail(b->err, LINCE_EINVAL, "%s: %s%s%.200s%s; it takes %s", b->callable->name, what, name ? " \"" : "",
                   name ? name : "", name ? "\"" : "", accepted);
}

static size_t find_parameter(const struct li_callable *c, const char *name)
{
    size_t i = 0;
    while (i < c->parameter_count && strcmp(c->parameter[i].name, name) != 0) {
        i++;
    }
    return i;
}

static lince_status bind_positional(struct binder *b)
{
    const struct li_callable *c = b->callable;
    for (size_t i = 0; i < b->args->positional_count && i < c->positional_count; i++) {
        b->value[i] = &b->args->positional[i];
    }
    if (b->args->positional_count > c->positional_count && !c->varargs) {
        return fail(b, "too many arguments by position", NULL);
    }
    return LINCE_OK;
}

/* surplus counts those that **varkw takes. */
static lince_status bind_keywords(struct binder *b, size_t *surplus)
{
    for (size_t i = 0; i < b->args->keyword_count; i++) {
        const char *name = b->args->keyword_name[i];
        size_t at = find_parameter(b->callable, name);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(b->args->keyword_name[k], name) == 0) {
                return fail(b, "given twice: argument", name);
            }
        }
        if (at == b->callable->parameter_count) {
            if (!b->callable->varkw) {
                return fail(b, "unknown argument", name);
            }
            ++*surplus;
        } else if (b->value[at]) {
            return fail(b, "given twice: argument", name);
        } else {
            b->value[at] = &b->args->keyword[i];
        }
    }
    return LINCE_OK;
}

static lince_status bind_defaults(struct binder *b)
{
    for (size_t i = 0; i < b->callable->parameter_count; i++) {
        if (!b->value[i]) {
            b->value[i] = b->callable->parameter[i].fallback;
        }
        if (!b->value[i]) {
            return fail(b, "missing: argument", b->callable->parameter[i].name);
        }
    }
    return LINCE_OK;
}

static lince_status make_args(const struct binder *b, struct li_arg *out)
{
    const struct li_callable *c = b->callable;
    size_t fixed = c->bare ? c->parameter_count : c->positional_count;
    size_t extra =
        b->args->positional_count > c->positional_count ? b->args->positional_count - c->positional_count : 0;
    *out = (struct li_arg){.kind = LI_ARG_TUPLE, .input = LI_NONE, .count = fixed + extra};
    out->child = li_arena_calloc(b->arena, out->count, sizeof *out->child, b->err);
    if (!out->child) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < fixed; i++) {
        out->child[i] = *b->value[i];
    }
    for (size_t i = 0; i < extra; i++) {
        out->child[fixed + i] = b->args->positional[c->positional_count + i];
    }
    return LINCE_OK;
}

struct named {
    const char *name;
    const struct li_arg *value;
};

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static lince_status make_kwargs(const struct binder *b, size_t surplus, struct li_arg *out)
{
    const struct li_callable *c = b->callable;
    size_t fixed = c->bare ? 0 : c->parameter_count - c->positional_count, n = 0;
    struct named *list = li_arena_calloc(b->arena, fixed + surplus, sizeof *list, b->err);
    *out = (struct li_arg){.kind = LI_ARG_DICT, .input = LI_NONE, .count = fixed + surplus};
    out->child = li_arena_calloc(b->arena, out->count, sizeof *out->child, b->err);
    out->name = li_arena_calloc(b->arena, out->count, sizeof *out->name, b->err);
    if (!list || !out->child || !out->name) {
        return LINCE_ENOMEM;
    }
    for (; n < fixed; n++) {
        list[n] = (struct named){c->parameter[c->positional_count + n].name, b->value[c->positional_count + n]};
    }
    for (size_t i = 0; surplus && i < b->args->keyword_count; i++) {
        if (find_parameter(c, b->args->keyword_name[i]) == c->parameter_count) {
            list[n++] = (struct named){b->args->keyword_name[i], &b->args->keyword[i]};
        }
    }
    qsort(list, n, sizeof *list, compare_named);
    for (size_t i = 0; i < n; i++) {
        out->name[i] = list[i].name;
        out->child[i] = *list[i].value;
    }
    return LINCE_OK;
}

lince_status li_bind_call(struct li_canonical *out, const struct li_callable *callable, const struct li_call_args *args,
                          struct li_arena *arena, lince_error *err)
{
    struct binder b = {callable, args, NULL, arena, err};
    size_t surplus = 0;
    b.value = li_arena_calloc(arena, callable->parameter_count, sizeof *b.value, err);
    if (!b.value) {
        return LINCE_ENOMEM;
    }
    LI_TRY(bind_positional(&b));
    LI_TRY(bind_keywords(&b, &surplus));
    LI_TRY(bind_defaults(&b));
    LI_TRY(make_args(&b, &out->args));
    return make_kwargs(&b, surplus, &out->kwargs);
}
