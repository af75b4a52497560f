/* Importing a signature of a forged graph of TensorFlow 1, or what it is refused for. */
#ifndef LI_UNIT_MODEL_GRAPH_H
#define LI_UNIT_MODEL_GRAPH_H

#include "model_forge.h"

struct lab {
    struct forge forge;
    struct li_mem *mem;
    struct li_model *model;
    struct li_graph *graph;
    lince_error err;
};

/* The checkpoint has float32 scalars: 1 under "v", 2 under "w/average". */
static inline void begin(struct lab *l)
{
    static const float value[] = {1, 2};
    struct buf entries = {0};
    memset(l, 0, sizeof *l);
    l->mem = li_mem_new(NULL, NULL, NULL, 64 << 20);
    l->forge.graph = true;
    put_header(&entries, 1);
    for (int i = 0; i < 2; i++) {
        struct buf entry = {0};
        put_tensor(&entry, LINCE_FLOAT32, (const int[]){-1}, 4 * i, (struct li_bytes){(const uint8_t *)&value[i], 4});
        put_entry_text(&entries, i ? "w/average" : "v", &entry);
        free(entry.data);
    }
    put(&l->forge.data, value, sizeof value);
    l->forge.index = table_of(&entries);
    free(entries.data);
}

static inline lince_status open_lab(struct lab *l)
{
    return l->model ? LINCE_OK : open_forge(&l->forge, &l->model, l->mem, &l->err);
}

/* Call signatures.s, with float32 scalars. */
static inline lince_status import(struct lab *l, size_t inputs)
{
    struct li_arg args[2] = {{.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 0},
                             {.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 1}};
    const char *const names[] = {"a", "b"};
    struct li_callable *c;
    struct li_binding *b;
    lince_status st = open_lab(l);
    st = st ? st : li_model_callable(l->model, "signatures.s", &c, &l->err);
    st = st ? st : li_callable_match(&b, c, &(struct li_call_args){NULL, 0, args, names, inputs}, &l->err);
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

static inline void gives(struct lab *l, size_t inputs, const char *text)
{
    if (import(l, inputs)) {
        fail_msg("%s", l->err.text);
    }
    assert_string_equal(li_graph_text(l->graph, NULL), text);
}

static inline void is_refused(struct lab *l, size_t inputs, lince_status st, const char *words)
{
    assert_int_equal(import(l, inputs), st);
    if (!strstr(l->err.text, words)) {
        fail_msg("\"%s\" does not say \"%s\"", l->err.text, words);
    }
    end(l);
}

#endif
