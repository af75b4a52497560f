/* Importing a forged trace, as a graph or with what it is refused for. */
#ifndef LI_UNIT_MODEL_IMPORT_H
#define LI_UNIT_MODEL_IMPORT_H

#include "model_lab.h"

/* The trace is "f"; it may capture the variables 2 and 3, which are one value of the checkpoint. */
LAB void begin(struct lab *l)
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
LAB lince_status import(struct lab *l)
{
    const struct li_arg args[] = {{.kind = LI_ARG_TENSOR, .dtype = LINCE_BOOL, .input = 0},
                                  {.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 1}};
    return call(l, NULL, &(struct li_call_args){args, 2, NULL, NULL, 0});
}

/* f(p: bool, x: float32) of these nodes; it returns what the first word names. */
LAB void trace_of(struct lab *l, const char *returned, const char *const *lines)
{
    begin(l);
    argument(&l->forge, "p:10:");
    argument(&l->forge, "x:1:");
    nodes(&l->forge, lines);
    result(&l->forge, "r", returned);
    function(&l->forge, "f");
}

/* f(p: bool, x: float32) with what it captures, and one node. */
LAB void trace(struct lab *l, int captured, const char *op, const char *inputs, const char *attrs)
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
LAB void unary(struct lab *l, const char *name, const char *op, const char *output)
{
    argument(&l->forge, "a:1:");
    node(&l->forge, "m", op, "a", "T=t:1");
    result(&l->forge, "r", output);
    function(&l->forge, name);
}

#endif
