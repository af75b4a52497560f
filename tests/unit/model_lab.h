/* A forged model, and importing one of its callables: as a graph, or with what it is refused for. */
#ifndef LI_UNIT_MODEL_LAB_H
#define LI_UNIT_MODEL_LAB_H

#include "model_forge.h"

#define LAB static inline __attribute__((unused))

struct lab {
    struct forge forge;
    size_t inputs; /* of the call, where that is open */
    struct li_mem *mem;
    struct li_model *model; /* NULL: not opened yet */
    struct li_graph *graph;
    lince_error err;
};

/* By call(); the header that includes this one says what is called. */
LAB lince_status import(struct lab *l);

LAB lince_status open_lab(struct lab *l)
{
    return l->model ? LINCE_OK : open_forge(&l->forge, &l->model, l->mem, &l->err);
}

LAB lince_status call(struct lab *l, const char *name, const struct li_call_args *args)
{
    struct li_callable *c;
    struct li_binding *b;
    lince_status st = open_lab(l);
    st = st ? st : li_model_callable(l->model, name, &c, &l->err);
    st = st ? st : li_callable_match(&b, c, args, &l->err);
    if (!st) {
        st = li_binding_import(&l->graph, b, &l->err);
        li_binding_free(b);
    }
    return st;
}

LAB void end(struct lab *l)
{
    li_graph_free(l->graph);
    li_model_close(l->model);
    assert_int_equal(li_mem_used_bytes(l->mem), 0);
    li_mem_release(l->mem);
    free_forge(&l->forge);
}

LAB void imports(struct lab *l)
{
    if (import(l)) {
        fail_msg("%s", l->err.text);
    }
}

LAB void is_refused(struct lab *l, lince_status st, const char *words)
{
    assert_int_equal(import(l), st);
    if (!strstr(l->err.text, words)) {
        fail_msg("\"%s\" does not say \"%s\"", l->err.text, words);
    }
    end(l);
}

LAB void is_text(struct li_graph *g, const char *text)
{
    assert_string_equal(li_graph_text(g, NULL), text);
}

LAB void gives(struct lab *l, const char *text)
{
    imports(l);
    is_text(l->graph, text);
}

/* ---- Nodes ---- */

/* "NAME OP | INPUTS | ATTRS" each, ended by NULL; where attributes are left out, T is float32. */
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

LAB void nodes(struct forge *f, const char *const *lines)
{
    for (; *lines; lines++) {
        char text[512], name[64], op[64], *save;
        snprintf(text, sizeof text, "%s", *lines);
        char *head = strtok_r(text, "|", &save), *inputs = strtok_r(NULL, "|", &save);
        char *attrs = strtok_r(NULL, "|", &save);
        assert_int_equal(sscanf(head, "%63s %63s", name, op), 2);
        node(f, name, op, inputs ? inputs : "", attrs ? attrs : "T=t:1");
    }
}

#endif
