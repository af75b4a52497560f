/* Importing a forged trace, as a graph or with what it is refused for. */
#ifndef LI_UNIT_MODEL_IMPORT_H
#define LI_UNIT_MODEL_IMPORT_H

#include "model_forge.h"

struct lab {
    struct forge forge;
    struct li_mem *mem;
    struct li_model *model;
    struct li_graph *graph;
    lince_error err;
};

/* The trace is "f"; it may capture the variables 2 and 3, which are one value of the checkpoint. */
static inline void begin(struct lab *l)
{
    struct buf tracked = {0};
    memset(l, 0, sizeof *l);
    l->mem = li_mem_new(NULL, NULL, NULL, 256 << 20);
    user_object(&l->forge, "__call__=1 v=2 w=3", "_generic_user_object");
    callable(&l->forge, "f");
    put_variable(&l->forge, "v");
    put_variable(&l->forge, "w");
    put_tracked(&tracked, "v=1 w=2", NULL);
    put_tracked(&tracked, "", "the key");
    put_tracked(&tracked, "", "the key");
    put_checkpoint(&l->forge, &tracked, 1);
}

/* With a bool and a float32, both of any shape. */
static inline lince_status import(struct lab *l)
{
    const struct li_arg args[] = {{.kind = LI_ARG_TENSOR, .dtype = LINCE_BOOL, .input = 0},
                                  {.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 1}};
    struct li_callable *c;
    struct li_binding *b;
    lince_status st = open_forge(&l->forge, &l->model, l->mem, &l->err);
    st = st ? st : li_model_callable(l->model, NULL, &c, &l->err);
    st = st ? st : li_callable_match(&b, c, &(struct li_call_args){args, 2, NULL, NULL, 0}, &l->err);
    if (!st) {
        st = li_binding_import(&l->graph, b, &l->err);
        li_binding_free(b);
    }
    return st;
}

static inline void end(struct lab *l)
{
    li_graph_free(l->graph);
    li_model_close(l->model);
    assert_int_equal(li_mem_used_bytes(l->mem), 0);
    li_mem_release(l->mem);
    free_forge(&l->forge);
}

static inline void imports(struct lab *l)
{
    if (import(l)) {
        fail_msg("%s", l->err.text);
    }
}

static inline void is_refused(struct lab *l, lince_status st, const char *words)
{
    assert_int_equal(import(l), st);
    if (!strstr(l->err.text, words)) {
        fail_msg("\"%s\" does not say \"%s\"", l->err.text, words);
    }
    end(l);
}

static inline void is_text(struct li_graph *g, const char *text)
{
    assert_string_equal(li_graph_text(g, NULL), text);
}

/* f(p: bool, x: float32) with what it captures, and one node. */
static inline void trace(struct lab *l, int captured, const char *op, const char *inputs, const char *attrs)
{
    argument(&l->forge, "p:10:");
    argument(&l->forge, "x:1:");
    for (int i = 0; i < captured; i++) {
        capture(&l->forge, i ? "w" : "v", 2 + i);
    }
    node(&l->forge, "n", op, inputs, attrs);
    result(&l->forge, "r", "n:output:0");
    function(&l->forge, "f");
}

/* A function of one float32 and one op. */
static inline void unary(struct lab *l, const char *name, const char *op, const char *output)
{
    argument(&l->forge, "a:1:");
    node(&l->forge, "m", op, "a", "T=t:1");
    result(&l->forge, "r", output);
    function(&l->forge, name);
}

#endif
