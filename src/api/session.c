/* lince_session: new, free, and one call at a time. */
#include "session.h"

#include <string.h>

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
    s->input_shapes = li_arena_calloc(&s->arena, n, sizeof *s->input_shapes, err);
    return s->inputs && s->input_shapes ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- New and free ---- */

/* The caller's options in the size the caller knows; members it does not know are 0. */
static lince_status read_options(lince_session_options *to, const lince_session_options *from, lince_error *err)
{
    lince_session_options_init(to);
    if (!from) {
        return LINCE_OK;
    }
    if (from->struct_size == 0 || from->struct_size > sizeof *to) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_session_options.struct_size is %zu; lince_session_options_init() sets it",
                       from->struct_size);
    }
    memcpy(to, from, from->struct_size);
    return LINCE_OK;
}

lince_status li_api_session_new(struct lince_session **out, struct lince_callable *callable,
                                const lince_argument *arguments, size_t count, const struct li_api_session_how *how,
                                lince_error *err)
{
    struct lince_model *model = callable->owner;
    struct lince_session *s = li_calloc(model->mem, 1, sizeof *s, err);
    if (!s) {
        return LINCE_ENOMEM;
    }
    s->model = li_api_model_retain(model);
    s->callable = callable->callable;
    s->fetch.mode = how->mode;
    s->pool = how->pool;
    li_pool_retain(s->pool);
    li_arena_init(&s->arena, model->mem, 0);
    lince_status st = li_api_bind(&s->arguments, s->callable, arguments, count, how->training, &s->arena, err);
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
    lince_session_options o;
    LI_NEED("lince_session_new", session);
    *session = NULL;
    LI_NEED("lince_session_new", callable);
    LI_TRY(read_options(&o, options, err));
    const struct li_api_session_how how = {.pool = o.pool ? o.pool->pool : callable->owner->pool,
                                           .training = o.layer ? LI_TRAINING_FALSE : LI_TRAINING_GIVEN};
    return li_api_session_new(session, callable, arguments, count, &how, err);
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

/* ---- Calls ---- */

/* A cancel that came before the call is not about it. */
lince_status li_api_session_enter(struct lince_session *s, lince_error *err)
{
    if (atomic_exchange(&s->busy, true)) {
        return li_fail(err, LINCE_EINVAL, "the session is running in another thread; it takes one call at a time");
    }
    atomic_store(&s->stop.canceled, false);
    s->stop.deadline_ns = s->timeout_ms ? li_stop_after(s->timeout_ms) : 0;
    return LINCE_OK;
}

void li_api_session_leave(struct lince_session *s)
{
    atomic_store(&s->busy, false);
}

void lince_session_cancel(lince_session *session)
{
    if (session) {
        atomic_store(&session->stop.canceled, true);
    }
}

lince_status lince_session_set_timeout(lince_session *session, int64_t timeout_ms, lince_error *err)
{
    LI_NEED("lince_session_set_timeout", session);
    if (timeout_ms < 0) {
        return li_fail(err, LINCE_EINVAL, "lince_session_set_timeout: %lld ms; 0 or more is wanted",
                       (long long)timeout_ms);
    }
    LI_TRY(li_api_session_enter(session, err));
    session->timeout_ms = timeout_ms;
    li_api_session_leave(session);
    return LINCE_OK;
}

lince_status lince_session_set_pool(lince_session *session, lince_pool *pool, lince_error *err)
{
    LI_NEED("lince_session_set_pool", session);
    LI_TRY(li_api_session_enter(session, err));
    struct li_pool *next = pool ? pool->pool : session->model->pool;
    li_pool_retain(next);
    li_pool_release(session->pool);
    session->pool = next;
    for (struct li_api_bound *b = session->bounds; b; b = b->next) {
        li_api_bound_set_pool(b, next);
    }
    li_api_session_leave(session);
    return LINCE_OK;
}
