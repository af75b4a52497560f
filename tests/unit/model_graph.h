/* Importing a signature of a forged graph of TensorFlow 1, or what it is refused for. */
#ifndef LI_UNIT_MODEL_GRAPH_H
#define LI_UNIT_MODEL_GRAPH_H

#include "model_lab.h"

#include "ops/ops.h"

/* The checkpoint has float32 scalars: 1 under "v", 2 under "w/average". */
LAB void begin(struct lab *l)
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

/* The signature "s", whose inputs are called a and b, in this order. */
LAB void signature(struct lab *l, const char *in, const char *out)
{
    for (const char *at = in; (at = strchr(at, '=')) != NULL; at++) {
        l->inputs++;
    }
    put_signature(&l->forge, "s", in, out);
}

LAB void graph(struct lab *l, const char *in, const char *out, const char *const *lines)
{
    begin(l);
    nodes(&l->forge, lines);
    signature(l, in, out);
}

/* With float32 scalars. */
LAB lince_status import(struct lab *l)
{
    const struct li_arg args[2] = {{.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 0},
                                   {.kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .input = 1}};
    const char *const names[] = {"a", "b"};
    return call(l, "signatures.s", &(struct li_call_args){NULL, 0, args, names, l->inputs});
}

/* The entries of the table that a value is the handle of. */
LAB void is_table(const struct lab *l, li_vid handle, int64_t entries)
{
    int32_t table = l->graph->values[handle].resource;
    assert_int_equal(li_table_count(li_store_get(li_model_store(l->model), table)->table), entries);
}

#endif
