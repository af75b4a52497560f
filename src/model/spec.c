/* What a callable accepts, from Python's FullArgSpec as TensorFlow saves it. */
#include "model/internal.h"

#include <string.h>

/* The argument spec, its pairs found by name, whichever of them the file has. */
struct pairs {
    struct li_arg args, varargs, varkw, defaults, kwonlyargs, kwonlydefaults;
};

static lince_status read_pair(struct li_arg *out, const Tf__NamedTupleValue *tuple, const char *name,
                              struct li_arena *arena, lince_error *err)
{
    const Tf__StructuredValue *value = li_proto_field(tuple->values, tuple->n_values, name);

    *out = (struct li_arg){.kind = LI_ARG_NONE, .input = LI_NONE};
    return value && value->kind_case ? li_value_read(out, value, name, arena, err) : LINCE_OK;
}

static bool is_sequence(const struct li_arg *arg)
{
    return arg->kind == LI_ARG_LIST || arg->kind == LI_ARG_TUPLE;
}

static lince_status check_names(const struct li_arg *list, const char *what, lince_error *err)
{
    if (list->kind == LI_ARG_NONE) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!is_sequence(list) || list->child[i].kind != LI_ARG_STRING) {
            return li_fail(err, LINCE_EINVAL, "its argument spec: \"%s\" is no list of names", what);
        }
        if (strlen(list->child[i].text) > LI_MAX_NAME) {
            return li_fail(err, LINCE_ELIMIT, "its argument spec: a name has %zu bytes, the limit is %d",
                           strlen(list->child[i].text), LI_MAX_NAME);
        }
    }
    return LINCE_OK;
}

static lince_status check_name(const struct li_arg *name, const char *what, lince_error *err)
{
    bool fits = name->kind == LI_ARG_NONE || (name->kind == LI_ARG_STRING && strlen(name->text) <= LI_MAX_NAME);

    return fits ? LINCE_OK : li_fail(err, LINCE_EINVAL, "its argument spec: \"%s\" is no name", what);
}

static lince_status read_pairs(struct pairs *p, const Tf__NamedTupleValue *tuple, struct li_arena *arena,
                               lince_error *err)
{
    LI_TRY(read_pair(&p->args, tuple, "args", arena, err));
    LI_TRY(read_pair(&p->varargs, tuple, "varargs", arena, err));
    LI_TRY(read_pair(&p->varkw, tuple, "varkw", arena, err));
    LI_TRY(read_pair(&p->defaults, tuple, "defaults", arena, err));
    LI_TRY(read_pair(&p->kwonlyargs, tuple, "kwonlyargs", arena, err));
    LI_TRY(read_pair(&p->kwonlydefaults, tuple, "kwonlydefaults", arena, err));
    LI_TRY(check_names(&p->args, "args", err));
    LI_TRY(check_names(&p->kwonlyargs, "kwonlyargs", err));
    LI_TRY(check_name(&p->varargs, "varargs", err));
    LI_TRY(check_name(&p->varkw, "varkw", err));
    if (p->defaults.kind != LI_ARG_NONE && !is_sequence(&p->defaults)) {
        return li_fail(err, LINCE_EINVAL, "its argument spec: \"defaults\" is no list");
    }
    if (p->kwonlydefaults.kind != LI_ARG_NONE && p->kwonlydefaults.kind != LI_ARG_DICT) {
        return li_fail(err, LINCE_EINVAL, "its argument spec: \"kwonlydefaults\" is no dict");
    }
    return LINCE_OK;
}

static lince_status keep_default(struct li_parameter *p, const struct li_arg *value, struct li_arena *arena,
                                 lince_error *err)
{
    struct li_arg *copy = li_arena_alloc(arena, sizeof *copy, err);

    if (!copy || !(p->fallback_text = li_arg_text(value, arena, err))) {
        return LINCE_ENOMEM;
    }
    *copy = *value;
    p->fallback = copy;
    return LINCE_OK;
}

/* Defaults belong to the last of the positional arguments. */
static lince_status read_parameters(struct li_callable *c, const struct pairs *p, size_t skip, struct li_arena *arena,
                                    lince_error *err)
{
    size_t n = p->args.count - skip, k = p->kwonlyargs.count;
    struct li_parameter *list = li_arena_calloc(arena, n + k, sizeof *list, err);

    if (!list) {
        return LINCE_ENOMEM;
    }
    if (n + k > LI_MAX_PARAMETERS) { /* they are looked up by name, one after the other */
        return li_fail(err, LINCE_ELIMIT, "its argument spec has %zu arguments, the limit is %d", n + k,
                       LI_MAX_PARAMETERS);
    }
    if (p->defaults.count > n) {
        return li_fail(err, LINCE_EINVAL, "its argument spec has %zu defaults for %zu arguments", p->defaults.count, n);
    }
    for (size_t i = 0; i < n; i++) {
        list[i].name = p->args.child[i + skip].text;
        if (i + p->defaults.count >= n) {
            LI_TRY(keep_default(&list[i], &p->defaults.child[i + p->defaults.count - n], arena, err));
        }
    }
    for (size_t i = 0; i < k; i++) {
        list[n + i].name = p->kwonlyargs.child[i].text;
        list[n + i].keyword_only = true;
        const struct li_arg *value = li_value_field(&p->kwonlydefaults, list[n + i].name);
        if (value) {
            LI_TRY(keep_default(&list[n + i], value, arena, err));
        }
    }
    c->parameter = list;
    c->positional_count = n;
    c->parameter_count = n + k;
    return LINCE_OK;
}

lince_status li_spec_read(struct li_callable *c, const Tf__FunctionSpec *spec, struct li_arena *arena, lince_error *err)
{
    struct pairs p;

    if (!spec || !spec->fullargspec || spec->fullargspec->kind_case != TF__STRUCTURED_VALUE__KIND_NAMED_TUPLE_VALUE) {
        return li_fail(err, LINCE_EINVAL, "it has no argument spec");
    }
    LI_TRY(read_pairs(&p, spec->fullargspec->named_tuple_value, arena, err));
    if (spec->is_method && !p.args.count) {
        return li_fail(err, LINCE_EINVAL, "its argument spec is of a method, but has no \"self\"");
    }
    LI_TRY(read_parameters(c, &p, spec->is_method ? 1 : 0, arena, err));
    c->varargs = p.varargs.kind == LI_ARG_STRING ? p.varargs.text : NULL;
    c->varkw = p.varkw.kind == LI_ARG_STRING ? p.varkw.text : NULL;
    return LINCE_OK;
}

bool li_trace_is_training(const struct li_callable *c, const struct li_trace *t)
{
    const struct li_arg *value = NULL;
    for (size_t i = 0; i < c->parameter_count; i++) {
        if (strcmp(c->parameter[i].name, "training") == 0 && i < t->args->count && i < c->positional_count) {
            value = &t->args->child[i];
        }
    }
    for (size_t i = 0; i < t->kwargs->count; i++) {
        value = strcmp(t->kwargs->name[i], "training") == 0 ? &t->kwargs->child[i] : value;
    }
    return value && value->kind == LI_ARG_BOOL && value->i;
}
