/* Small graphs of real ops, and what passes make of them. */
#ifndef LI_UNIT_PASSES_SUPPORT_H
#define LI_UNIT_PASSES_SUPPORT_H

#include "graph_fixture.h"

#include "kernels/kernels.h"
#include "ops/ops.h"
#include "passes/passes.h"

#define MADE static inline __attribute__((unused))

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int set_up(void **state)
{
    struct fixture *f = fixture_new(li_ops());
    f->env.kernels = li_kernels_get(LI_ISA_REF);
    f->g->env = &f->env;
    *state = f;
    return 0;
}

/* ---- Values ---- */

MADE struct li_shape shape_of(int rank, const int64_t *dims)
{
    struct li_shape shape = {.rank = rank};
    memcpy(shape.dim, dims, (size_t)rank * sizeof *dims);
    return shape;
}
#define SHAPE(...) shape_of((int)LI_COUNT(((const int64_t[]){__VA_ARGS__})), (const int64_t[]){__VA_ARGS__})

MADE li_vid input(struct fixture *f, struct li_shape shape)
{
    li_vid v;
    OK(li_graph_input(f->g, LINCE_FLOAT32, &shape, &v, &f->err));
    return v;
}

MADE li_vid constant(struct fixture *f, lince_dtype dtype, struct li_shape shape, const void *data)
{
    struct li_tensor t = {.dtype = dtype, .shape = shape, .data = (void *)(uintptr_t)data};
    const struct li_tensor *own;
    li_vid v;
    OK(li_shape_bytes(&shape, dtype, &t.size_bytes, &f->err));
    OK(li_graph_own_tensor(f->g, &t, &own, &f->err));
    OK(li_graph_constant(f->g, own, &v, &f->err));
    return v;
}

MADE li_vid number(struct fixture *f, float value)
{
    return constant(f, LINCE_FLOAT32, (struct li_shape){.rank = 0}, &value);
}

MADE li_vid axis(struct fixture *f, int32_t value)
{
    return constant(f, LINCE_INT32, (struct li_shape){.rank = 0}, &value);
}

/* The handle of a new variable. */
MADE li_vid variable(struct fixture *f, struct li_shape shape)
{
    int32_t resource;
    li_vid v;
    OK(li_store_add(f->store, LI_VARIABLE, "v", LINCE_FLOAT32, &shape, &resource, &f->err));
    OK(li_graph_resource(f->g, resource, &v, &f->err));
    return v;
}

/* ---- Nodes; their names are those of the ops ---- */

MADE void emit_all(struct fixture *f, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                   int nattrs, li_vid *out, int nout)
{
    OK(li_graph_emit(f->g, op, op, in, nin, attrs, nattrs, out, nout, &f->err));
}

MADE li_vid emit_with(struct fixture *f, const char *op, li_vid a, li_vid b, const struct li_attr *attrs, int nattrs)
{
    li_vid out;
    emit_all(f, op, (li_vid[]){a, b}, 1 + (b >= 0), attrs, nattrs, &out, 1);
    return out;
}

MADE li_vid emit(struct fixture *f, const char *op, li_vid a, li_vid b)
{
    return emit_with(f, op, a, b, NULL, 0);
}

MADE li_vid weights(struct fixture *f, struct li_shape shape)
{
    return emit_with(f, "ReadVariableOp", variable(f, shape), LI_NONE, &(struct li_attr)LI_TYPE("dtype", LINCE_FLOAT32),
                     1);
}

MADE li_vid window(struct fixture *f, const char *op, li_vid x, li_vid filter, const char *padding)
{
    static const int64_t ones[4] = {1, 1, 1, 1};
    const struct li_attr attrs[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", ones, 4),
                                    LI_STR("padding", padding)};
    return emit_with(f, op, x, filter, attrs, 3);
}

MADE li_vid conv(struct fixture *f, li_vid x, struct li_shape filter, const char *padding)
{
    return window(f, "Conv2D", x, weights(f, filter), padding);
}

MADE li_vid depthwise(struct fixture *f, li_vid x, struct li_shape filter, const char *padding)
{
    return window(f, "DepthwiseConv2dNative", x, weights(f, filter), padding);
}

/* ---- What the passes made ---- */

/* Into f->made. */
MADE void run_passes(struct fixture *f, const li_vid *outputs, int count)
{
    OK(li_graph_set_outputs(f->g, outputs, count, &f->err));
    li_graph_free(f->made);
    f->made = NULL;
    OK(li_passes_run(&f->made, f->g, NULL, &f->env, &f->err));
    assert_int_equal(f->made->output_count, count);
}

/* The ops in order, but for reads: each with its inputs' number, and what is fused into it. */
MADE void assert_ops(struct fixture *f, const char *expected)
{
    char text[2048] = "";
    for (int32_t n = 0; n < f->made->node_count; n++) {
        const struct li_node *node = &f->made->nodes[n];
        size_t at = strlen(text);
        if (strcmp(node->op->name, "ReadVariableOp") == 0) {
            continue;
        }
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", node->op->name);
        for (int i = 0; i < node->nattrs; i++) {
            const struct li_attr *a = &node->attrs[i];
            if (a->i && (strcmp(a->name, "bias") == 0 || strcmp(a->name, "residual") == 0)) {
                at += (size_t)snprintf(text + at, sizeof text - at, "+%s", a->name);
            } else if (a->i && strcmp(a->name, "activation") == 0) {
                at += (size_t)snprintf(text + at, sizeof text - at, "+act%d", (int)a->i);
            }
        }
        snprintf(text + at, sizeof text - at, " ");
    }
    assert_string_equal(text, expected);
}

/* The only node of this op. */
MADE const struct li_node *made_node(struct fixture *f, const char *op)
{
    const struct li_node *found = NULL;
    for (int32_t n = 0; n < f->made->node_count; n++) {
        if (strcmp(f->made->nodes[n].op->name, op) == 0) {
            assert_null(found);
            found = &f->made->nodes[n];
        }
    }
    assert_non_null(found);
    return found;
}

#endif
