/* Every allocation of planning and running in turn fails; each must end in LINCE_ENOMEM, and nothing may leak. */
#ifndef LI_UNIT_RUNTIME_FAILING_H
#define LI_UNIT_RUNTIME_FAILING_H

#include "unit/runtime_support.h"

struct failing {
    long left; /* allocations until one fails; negative: none does */
    long live;
};

static void *failing_alloc(size_t bytes, void *context)
{
    struct failing *failing = context;
    if (failing->left == 0) {
        return NULL;
    }
    failing->left -= failing->left > 0;
    failing->live++;
    return malloc(bytes);
}

static void failing_free(void *pointer, void *context)
{
    struct failing *failing = context;
    failing->live -= pointer != NULL;
    free(pointer);
}

typedef void graph_maker(struct fixture *f);
typedef lince_status graph_runner(struct fixture *f, struct li_session *s);

/* Whether all went well with the n-th allocation failing; if not, that it ended as it must. */
static bool survive(graph_maker *make, graph_runner *run, long n)
{
    struct failing failing = {.left = -1};
    struct fixture f = {.mem = li_mem_new(failing_alloc, failing_free, &failing, 0)};
    f.env = (struct li_env){.mem = f.mem, .isa = LI_ISA_REF};
    struct li_pool *pool;
    struct li_session *s = NULL;
    assert_int_equal(li_store_new(&f.store, f.mem, &f.err), LINCE_OK);
    assert_int_equal(li_graph_new(&f.g, f.store, &ops, f.mem, &f.err), LINCE_OK);
    assert_int_equal(li_pool_new(&pool, 1, f.mem, &f.err), LINCE_OK);
    make(&f);
    failing.left = n;
    lince_status st = session_on(&s, f.g, &f.env, pool, NULL, &f.err);
    st = st ? st : run(&f, s);
    failing.left = -1;
    if (st && st != LINCE_ENOMEM) {
        fail_msg("allocation %ld: %s", n, f.err.text);
    }
    if (s) { /* and goes on when there is memory again */
        assert_int_equal(run(&f, s), LINCE_OK);
        li_session_free(s);
    }
    li_pool_release(pool);
    li_store_release(f.store);
    assert_int_equal(li_mem_used_bytes(f.mem), 0);
    li_mem_release(f.mem);
    assert_int_equal(failing.live, 0);
    return st == LINCE_OK;
}

static void survives(graph_maker *make, graph_runner *run)
{
    long n = 0;
    while (!survive(make, run, n)) {
        n++;
    }
    assert_true(n > 40);
}

#endif
