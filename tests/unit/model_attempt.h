/* Opening and calling a model that was forged to cost much: it must end soon, and in little memory. */
#ifndef LI_UNIT_MODEL_ATTEMPT_H
#define LI_UNIT_MODEL_ATTEMPT_H

#include "model_forge.h"
#include "unit/runtime_session_on.h"

#define HOSTILE static inline __attribute__((unused))

enum { LIMIT_BYTES = 512 << 20 };

/* Of the processor, as a machine may be busy. A sanitizer may take that much; what is bad takes minutes. */
static const double limit_seconds = 5.0;

struct attempt {
    struct forge forge;
    struct li_mem *mem;
    lince_error err;
    double started;
};

HOSTILE double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

HOSTILE void begin(struct attempt *a)
{
    memset(a, 0, sizeof *a);
    a->mem = li_mem_new(NULL, NULL, NULL, LIMIT_BYTES);
    user_object(&a->forge, "__call__=1", "_generic_user_object");
}

HOSTILE lince_status run_graph(struct attempt *a, struct li_graph *graph, const struct li_tensor *in, int32_t count)
{
    const struct li_env env = {li_kernels_get(li_cpu_isa()), li_cpu_isa(), a->mem};
    struct li_pool *pool;
    struct li_session *session;
    const struct li_tensor *out;

    assert_int_equal(li_pool_new(&pool, 1, a->mem, &a->err), 0);
    lince_status st = session_on(&session, graph, &env, pool, li_passes_run, &a->err);
    if (!st) {
        st = li_session_run(session, in, count, NULL, &out, &a->err);
        li_session_free(session);
    }
    li_pool_release(pool);
    return st;
}

HOSTILE lince_status call_model(struct attempt *a, struct li_model *model, const struct li_tensor *in, size_t count)
{
    struct li_arg args[4];
    struct li_callable *c;
    struct li_binding *b;
    struct li_graph *graph;
    lince_status st = li_model_callable(model, NULL, &c, &a->err);

    for (size_t i = 0; i < count; i++) {
        args[i] =
            (struct li_arg){.kind = LI_ARG_TENSOR, .dtype = in[i].dtype, .shape = in[i].shape, .input = (int32_t)i};
    }
    st = st ? st : li_callable_match(&b, c, &(struct li_call_args){args, count, NULL, NULL, 0}, &a->err);
    if (!st) {
        st = li_binding_import(&graph, b, &a->err);
        li_binding_free(b);
    }
    return st ? st : run_graph(a, graph, in, (int32_t)count);
}

/* Open and call it: what comes of it, once it is sure that it came soon and left nothing behind. */
HOSTILE lince_status finish(struct attempt *a, const char *traces, const struct li_tensor *in, size_t count)
{
    struct li_model *model = NULL;

    callable(&a->forge, traces);
    a->started = now();
    lince_status st = open_forge(&a->forge, &model, a->mem, &a->err);
    st = st ? st : call_model(a, model, in, count);
    li_model_close(model);
    double took = now() - a->started;
    if (took > limit_seconds) {
        fail_msg("took %.1f s: %s", took, st ? a->err.text : "done");
    }
    assert_int_equal(li_mem_used_bytes(a->mem), 0);
    li_mem_release(a->mem);
    free_forge(&a->forge);
    return st;
}

static float pixels[2 * 8 * 8 * 3];
static const struct li_tensor images = {LINCE_FLOAT32, {4, {2, 8, 8, 3}}, pixels, sizeof pixels};

#define IMAGES "x:1:-1,-1,-1,-1"

#endif
