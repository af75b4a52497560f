/* An empty graph with its store and memory, for a test to fill; all memory must be given back. */
#ifndef LI_UNIT_GRAPH_FIXTURE_H
#define LI_UNIT_GRAPH_FIXTURE_H

#include "unit/test.h"
#include "graph/graph.h"

struct fixture {
    struct li_mem *mem;
    struct li_store *store;
    struct li_graph *g, *made; /* what the test builds, and what passes make of it, if any do */
    struct li_env env;         /* without kernels; a test that wants some sets them */
    lince_error err;
};

/* OK, or the test fails with the message; wants a fixture f. */
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        lince_status ok_status = (call);                                                                               \
        if (ok_status) {                                                                                               \
            fail_msg("%s: %s", #call, f->err.text);                                                                    \
        }                                                                                                              \
    } while (0)

static struct fixture *fixture_new(const struct li_ops *ops)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->mem = li_mem_new(NULL, NULL, NULL, 0);
    f->env = (struct li_env){.mem = f->mem, .isa = LI_ISA_REF};
    assert_int_equal(li_store_new(&f->store, f->mem, &f->err), LINCE_OK);
    assert_int_equal(li_graph_new(&f->g, f->store, ops, f->mem, &f->err), LINCE_OK);
    return f;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    li_graph_free(f->made);
    li_graph_free(f->g);
    li_store_release(f->store);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
    free(f);
    return 0;
}

#endif
