/* lince_session: new, free, and one call at a time. */
#include "session.h"

void lince_session_options_init(lince_session_options *options)
{
    if (options) {
        *options = (lince_session_options){.struct_size = sizeof *options};
    }
}

static lince_status make_choices(struct lince_session *s, lince_error *err)
{
    size_t n = s->arguments.input_count + 1;
    for (size_t i = 0; i < LI_COUNT(s->choices); i++) {
        s->choices[i].shapes = li_arena_calloc(&s->arena, n, sizeof *s->choices[i].shapes, err);
        s->choices[i].dtypes = li_arena_calloc(&s->arena, n, sizeof *s->choices[i].dtypes, err);
        if (!s->choices[i].shapes || !s->choices[i].dtypes) {
            return LINCE_ENOMEM;
        }
    }
    s->inputs = li_arena_calloc(&s->arena, n, sizeof *s->inputs, err);
    return s->inputs ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status new_session(struct lince_session **out, struct lince_model *model, struct li_callable *callable,
                                const lince_argument *arguments, size_t count, struct li_pool *pool, lince_error *err)
{
    struct lince_session *s = li_calloc(model->mem, 1, sizeof *s, err);
    if (!s) {
        return LINCE_ENOMEM;
    }
    s->model = li_api_model_retain(model);
    s->callable = callable;
    s->pool = pool;
    li_pool_retain(pool);
    li_arena_init(&s->arena, model->mem, 0);
    lince_status st = li_api_arguments(&s->arguments, arguments, count, &s->arena, err);
    st = st ? st : make_choices(s, err);
    if (st) {
        lince_session_free(s);
        return st;
    }
    *out = s;
    return LINCE_OK;
}

lince_status lince_session_new(lince_session **session, lince_callable *callable, const lince_argument *arguments,
                               size_t count, const lince_session_options *options, lince_error *err)
{
    LI_NEED("lince_session_new", session);
    *session = NULL;
    LI_NEED("lince_session_new", callable);
    if (options && (options->struct_size == 0 || options->struct_size > sizeof *options)) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_session_options.struct_size is %zu; lince_session_options_init() sets it",
                       options->struct_size);
    }
    struct li_pool *pool = options && options->pool ? options->pool->pool : callable->owner->pool;
    return new_session(session, callable->owner, callable->callable, arguments, count, pool, err);
}

void lince_session_free(lince_session *s)
{
    if (!s) {
        return;
    }
    struct lince_model *model = s->model;
    while (s->bounds) {
        struct li_api_bound *b = s->bounds;
        s->bounds = b->next;
        li_api_bound_free(model, b);
    }
    li_free(model->mem, s->outputs);
    li_free(model->mem, s->structure);
    li_pool_release(s->pool);
    li_arena_free(&s->arena);
    li_free(model->mem, s);
    li_api_model_release(model);
}

lince_status li_api_session_enter(struct lince_session *s, lince_error *err)
{
    return atomic_exchange(&s->busy, true)
               ? li_fail(err, LINCE_EINVAL, "the session is running in another thread; it takes one call at a time")
               : LINCE_OK;
}

void li_api_session_leave(struct lince_session *s)
{
    atomic_store(&s->busy, false);
}
