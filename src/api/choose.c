/* Which trace a call takes: remembered by the dtypes and shapes of its inputs, else chosen as TensorFlow does. */
#include "session.h"

#include <stdio.h>

typedef lince_status take(struct li_tensor *out, const lince_tensor *in, const char *what, lince_error *err);

static lince_status take_inputs(struct lince_session *s, const lince_tensor *inputs, size_t count, take *one,
                                lince_error *err)
{
    char name[32];
    if (count != s->arguments.input_count) {
        return li_fail(err, LINCE_EINVAL, "%s: %zu inputs are given, the session's arguments name %zu",
                       s->callable->name, count, s->arguments.input_count);
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "input %zu", i);
        LI_TRY(one(&s->inputs[i], &inputs[i], name, err));
    }
    return LINCE_OK;
}

static struct li_api_bound *chosen_before(const struct lince_session *s)
{
    for (size_t i = 0; i < LI_COUNT(s->choices); i++) {
        const struct li_api_choice *c = &s->choices[i];
        bool same = c->bound != NULL;
        for (size_t k = 0; same && k < s->arguments.input_count; k++) {
            same = c->dtypes[k] == s->inputs[k].dtype && li_shape_equal(&c->shapes[k], &s->inputs[k].shape);
        }
        if (same) {
            return c->bound;
        }
    }
    return NULL;
}

static void remember(struct lince_session *s, struct li_api_bound *bound)
{
    struct li_api_choice *c = &s->choices[s->next_choice++ % LI_COUNT(s->choices)];
    c->bound = bound;
    for (size_t k = 0; k < s->arguments.input_count; k++) {
        c->dtypes[k] = s->inputs[k].dtype;
        c->shapes[k] = s->inputs[k].shape;
    }
}

static lince_status new_bound(struct lince_session *s, const struct li_binding *binding, struct li_api_bound **out,
                              lince_error *err)
{
    struct li_api_bound *b;
    LI_TRY(li_api_bound_new(&b, s->model, s->pool, binding, &s->fetch, err));
    b->next = s->bounds;
    *out = s->bounds = b;
    return LINCE_OK;
}

/* The trace for what session->inputs are. */
static lince_status choose(struct li_api_bound **out, struct lince_session *s, lince_error *err)
{
    struct li_binding *binding;
    *out = chosen_before(s);
    if (*out) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < s->arguments.input_count; i++) {
        s->arguments.inputs[i]->dtype = s->inputs[i].dtype;
        s->arguments.inputs[i]->shape = s->inputs[i].shape;
    }
    LI_TRY(li_callable_match(&binding, s->callable, &s->arguments.args, err));
    for (struct li_api_bound *b = s->bounds; b && !*out; b = b->next) {
        *out = b->trace == binding->trace ? b : NULL;
    }
    lince_status st = *out ? LINCE_OK : new_bound(s, binding, out, err);
    li_binding_free(binding);
    if (!st) {
        remember(s, *out);
    }
    return st;
}

lince_status li_api_choose(struct li_api_bound **out, struct lince_session *s, const lince_tensor *inputs, size_t count,
                           lince_error *err)
{
    LI_TRY(take_inputs(s, inputs, count, li_api_tensor, err));
    return choose(out, s, err);
}

lince_status li_api_choose_shapes(struct li_api_bound **out, struct lince_session *s, const lince_tensor *inputs,
                                  size_t count, lince_error *err)
{
    LI_TRY(take_inputs(s, inputs, count, li_api_tensor_shape, err));
    for (size_t i = 0; i < count; i++) {
        s->input_shapes[i] = s->inputs[i].shape;
    }
    return choose(out, s, err);
}
