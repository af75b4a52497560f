/* The graph that a case describes: one node, its inputs, and the state it needs; inferred, and run node by node. */
#ifndef OPS_CASE_RUN_H
#define OPS_CASE_RUN_H

#include "ops_case_file.h"
#include "unit/graph_infer_with.h"

#include "kernels/kernels.h"
#include "ops/ops.h"

struct run {
    struct li_mem *mem;
    struct li_store *store;
    struct li_graph *graph, *inferred, *rest;
    struct li_env env;
    lince_error err;
    int32_t variable;
    struct li_tensor *content; /* by value of the inferred graph */
    bool *owned;
};

CASE void open_run(struct run *r, enum li_isa isa)
{
    *r = (struct run){.mem = li_mem_new(NULL, NULL, NULL, 0)};
    r->env = (struct li_env){.kernels = li_kernels_get(isa), .isa = isa, .mem = r->mem};
    assert_int_equal(li_store_new(&r->store, r->mem, &r->err), LINCE_OK);
    assert_int_equal(li_graph_new(&r->graph, r->store, li_ops(), r->mem, &r->err), LINCE_OK);
}

CASE void free_content(struct run *r, struct li_tensor *content, bool *owned, int32_t count)
{
    for (int32_t v = 0; v < count; v++) {
        if (owned[v]) {
            li_free(r->mem, content[v].data);
        }
    }
    free(content);
    free(owned);
}

CASE void close_run(struct run *r)
{
    free_content(r, r->content, r->owned, r->inferred ? r->inferred->value_count : 0);
    li_graph_free(r->rest);
    li_graph_free(r->inferred);
    li_graph_free(r->graph);
    li_store_release(r->store);
    assert_int_equal(li_mem_used_bytes(r->mem), 0);
    li_mem_release(r->mem);
}

/* For gradients, what is no float is a constant, as axes and shapes are in models. */
CASE bool is_input(const struct case_block *b, int i, bool settled)
{
    return b->kind[i] != CASE_VARIABLE && (!settled || li_dtype_is_float(b->in[i].tensor.dtype));
}

CASE void add_input(struct run *r, struct case_block *b, int i, bool settled, li_vid *id)
{
    struct li_tensor *t = &b->in[i].tensor;
    lince_status st;
    if (b->kind[i] == CASE_VARIABLE) {
        st = li_store_add(r->store, LI_VARIABLE, "v", t->dtype, &t->shape, &r->variable, &r->err);
        assert_int_equal(st, LINCE_OK);
        li_store_get(r->store, r->variable)->value = *t;
        st = li_graph_resource(r->graph, r->variable, id, &r->err);
    } else if (is_input(b, i, settled)) {
        st = li_graph_input(r->graph, t->dtype, &t->shape, id, &r->err);
    } else {
        st = li_graph_constant(r->graph, t, id, &r->err);
    }
    assert_int_equal(st, LINCE_OK);
}

CASE lince_status build(struct run *r, struct case_block *b, bool settled)
{
    const struct li_op *op = li_ops_find(li_ops(), b->op);
    struct li_attr attrs[CASE_MOST];
    struct li_node *node;
    li_vid ids[CASE_MOST];
    if (!op) {
        fail_msg("%s:%d: there is no op %s", b->file, b->line, b->op);
        return LINCE_EINVAL;
    }
    for (int i = 0; i < b->nin; i++) {
        add_input(r, b, i, settled, &ids[i]);
    }
    for (int i = 0; i < b->attrs; i++) {
        case_attr(b, op, i, &attrs[i]);
    }
    LI_TRY(li_graph_append(r->graph, op, "x", ids, b->nin, attrs, b->attrs, &node, &r->err));
    node->required = true;
    return li_graph_set_outputs(r->graph, node->out, node->nout, &r->err);
}

CASE lince_status infer(struct run *r, const struct case_block *b, bool settled)
{
    struct li_shape shapes[CASE_MOST];
    const struct li_tensor *known[CASE_MOST];
    int n = 0;
    for (int i = 0; i < b->nin; i++) {
        if (is_input(b, i, settled)) {
            shapes[n] = b->in[i].tensor.shape;
            known[n++] = b->kind[i] == CASE_SHOWN ? &b->in[i].tensor : NULL;
        }
    }
    LI_TRY(infer_with(&r->inferred, &r->rest, r->graph, shapes, known, &r->env, &r->err));
    r->content = calloc((size_t)r->inferred->value_count + 1, sizeof *r->content);
    r->owned = calloc((size_t)r->inferred->value_count + 1, sizeof *r->owned);
    return r->rest ? LI_DEFER : LINCE_OK;
}

/* The nodes in order, into content; what was made by a node is owned. */
CASE lince_status run_nodes(struct run *r, const struct li_graph *g, struct li_tensor *content, bool *owned)
{
    for (int32_t v = 0; v < g->value_count; v++) {
        content[v] = g->values[v].constant ? *g->values[v].constant : content[v];
    }
    for (int32_t k = 0; k < g->node_count; k++) {
        const struct li_node *node = &g->nodes[k];
        struct li_tensor in[CASE_MOST], out[CASE_MOST];
        assert_true(node->nin <= CASE_MOST && node->nout <= CASE_MOST);
        for (int i = 0; i < node->nin; i++) {
            in[i] = content[node->in[i]];
        }
        LI_TRY(li_node_eval(g, node, in, out, &r->env, &r->err));
        for (int i = 0; i < node->nout; i++) {
            content[node->out[i]] = out[i];
            owned[node->out[i]] = true;
        }
    }
    return LINCE_OK;
}

CASE void give_inputs(const struct case_block *b, const struct li_graph *g, bool settled, struct li_tensor *content)
{
    int n = 0;
    for (int i = 0; i < b->nin; i++) {
        if (is_input(b, i, settled)) {
            content[g->inputs[n++]] = b->in[i].tensor;
        }
    }
}

#endif
