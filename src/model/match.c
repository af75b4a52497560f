/*
 * Choosing the trace for a call, as TensorFlow's restored functions do: in saved order, first without making tensors of
 * values.
 */
#include "model/internal.h"

#include <string.h>

struct matcher {
    struct li_binding *binding;
    const struct li_trace *trace;
    size_t spec; /* the next tensor parameter */
    bool convert;
    lince_error *err;
};

static bool is_number(const struct li_arg *v)
{
    return v->kind == LI_ARG_BOOL || v->kind == LI_ARG_INT || v->kind == LI_ARG_FLOAT;
}

/* Python's ==: True is 1 is 1.0. */
static bool numbers_equal(const struct li_arg *a, const struct li_arg *b)
{
    if (a->kind == LI_ARG_FLOAT || b->kind == LI_ARG_FLOAT) {
        double x = a->kind == LI_ARG_FLOAT ? a->f : (double)a->i, y = b->kind == LI_ARG_FLOAT ? b->f : (double)b->i;
        return x == y;
    }
    return a->i == b->i;
}

static bool constants_equal(const struct li_arg *given, const struct li_arg *wanted)
{
    if (is_number(wanted)) {
        return is_number(given) && numbers_equal(given, wanted);
    }
    if (given->kind != wanted->kind) {
        return false;
    }
    /* Both from the file: a default, and what a trace was made for. No TypeSpec equals itself. */
    if (wanted->kind == LI_ARG_OTHER) {
        return !wanted->count && strcmp(given->text, wanted->text) == 0 && given->i == wanted->i &&
               li_shape_equal(&given->shape, &wanted->shape);
    }
    return wanted->kind == LI_ARG_NONE || (wanted->kind == LI_ARG_STRING && strcmp(given->text, wanted->text) == 0);
}

static lince_status match_spec(struct matcher *m, const struct li_arg *given, const struct li_arg *wanted, bool *fits)
{
    struct li_bound *bound = &m->binding->bound[m->spec++];
    *fits = false;
    if (given->kind == LI_ARG_TENSOR) {
        *fits = given->dtype == wanted->dtype && li_shape_compatible(&given->shape, &wanted->shape);
        *bound = (struct li_bound){.input = given->input};
        if (*fits && given->input == LI_NONE) {
            bound->tensor = *given->tensor;
        }
        return LINCE_OK;
    }
    bound->input = LI_NONE;
    return m->convert ? li_convert(&bound->tensor, fits, given, wanted, &m->binding->arena, m->err) : LINCE_OK;
}

static lince_status match(struct matcher *m, const struct li_arg *given, const struct li_arg *wanted, bool *fits)
{
    if (wanted->kind == LI_ARG_SPEC) {
        return match_spec(m, given, wanted, fits);
    }
    if (wanted->kind != LI_ARG_LIST && wanted->kind != LI_ARG_TUPLE && wanted->kind != LI_ARG_DICT) {
        *fits = constants_equal(given, wanted);
        return LINCE_OK;
    }
    *fits = given->kind == wanted->kind && given->count == wanted->count;
    for (size_t i = 0; *fits && i < wanted->count; i++) {
        const struct li_arg *child = &given->child[i];
        if (wanted->kind == LI_ARG_DICT && !(child = li_value_field(given, wanted->name[i]))) {
            *fits = false;
            break;
        }
        LI_TRY(match(m, child, &wanted->child[i], fits));
    }
    return LINCE_OK;
}

static lince_status match_trace(struct matcher *m, const struct li_canonical *call, bool *fits)
{
    m->spec = 0;
    if (m->binding->callable->bare) {
        *fits = true;
        for (size_t i = 0; *fits && i < m->trace->spec_count; i++) {
            LI_TRY(match_spec(m, &call->args.child[i], m->trace->spec[i], fits));
        }
        return LINCE_OK;
    }
    LI_TRY(match(m, &call->args, m->trace->args, fits));
    return *fits ? match(m, &call->kwargs, m->trace->kwargs, fits) : LINCE_OK;
}

static lince_status make_room(struct li_binding *b, lince_error *err)
{
    size_t most = 0;
    for (size_t i = 0; i < b->callable->trace_count; i++) {
        most = LI_MAX(most, b->callable->trace[i].spec_count);
    }
    b->bound = li_arena_calloc(&b->arena, most, sizeof *b->bound, err);
    return b->bound ? LINCE_OK : LINCE_ENOMEM;
}

/* What was given, and every trace there is. */
static lince_status fail(const struct li_callable *c, const struct li_canonical *call, lince_error *err)
{
    char buffer[LINCE_ERROR_TEXT];
    struct li_text text = {buffer, sizeof buffer, 0};
    li_text_add(&text, "%s: no trace takes ", c->name);
    li_text_arg(&text, &call->args);
    if (call->kwargs.count) {
        li_text_add(&text, " and ");
        li_text_arg(&text, &call->kwargs);
    }
    li_text_add(&text, "; there %s %zu:", c->trace_count == 1 ? "is" : "are", c->trace_count);
    for (size_t i = 0; i < c->trace_count; i++) {
        li_text_add(&text, "%s %s", i ? "," : "", c->trace[i].text);
    }
    return li_fail(err, LINCE_EINVAL, "%s", buffer);
}

static lince_status choose(struct li_binding *b, const struct li_call_args *args, lince_error *err)
{
    struct li_callable *c = b->callable;
    struct li_canonical call;
    struct matcher m = {.binding = b, .err = err};
    LI_TRY(li_bind_call(&call, c, args, &b->arena, err));
    if (!c->trace_count) {
        return li_fail(err, LINCE_EINVAL, "%s: it was saved without any trace, so it cannot be called", c->name);
    }
    LI_TRY(make_room(b, err));
    for (int pass = 0; pass < 2; pass++) {
        m.convert = pass == 1;
        for (size_t i = 0; i < c->trace_count; i++) {
            bool fits = false;
            m.trace = &c->trace[i];
            LI_TRY(match_trace(&m, &call, &fits));
            if (fits) {
                b->trace = m.trace;
                return LINCE_OK;
            }
        }
    }
    return fail(c, &call, err);
}

lince_status li_callable_match(struct li_binding **out, struct li_callable *callable, const struct li_call_args *args,
                               lince_error *err)
{
    struct li_mem *mem = callable->model->mem;
    struct li_binding *b = li_calloc(mem, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    b->callable = callable;
    li_arena_init(&b->arena, mem, 0);
    lince_status st = choose(b, args, err);
    if (st) {
        li_binding_free(b);
        return st;
    }
    *out = b;
    return LINCE_OK;
}

void li_binding_free(struct li_binding *binding)
{
    if (binding) {
        struct li_mem *mem = binding->arena.mem;
        li_arena_free(&binding->arena);
        li_free(mem, binding);
    }
}
