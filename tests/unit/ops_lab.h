/*
 * One node on a bench: a graph with one node is built by hand, its values are laid out as a test asks, and its tasks
 * are run in turn, last one first. What lies beside the elements of a value must stay as it is.
 */
#ifndef OPS_LAB_H
#define OPS_LAB_H

#include "test.h"

#include "graph/graph.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>

#define LAB static inline __attribute__((unused))

enum { LAB_VALUES = 8 };
#define LAB_GAP 0x5b /* each byte of what belongs to no value */

/* How a value lies in its buffer; all zero: dense. For [n, h, w, c] and [rows, cols] values. */
struct lab_view {
    int64_t before, after; /* elements beside the channels of each pixel (columns of each row) */
    int32_t halo[4];       /* top, bottom, left, right */
};

struct lab {
    struct li_mem *mem;
    struct li_store *store;
    struct li_graph *graph;
    struct li_env env;
    lince_error err;
    int nin, nout;
    struct lab_view in_view[LAB_VALUES], out_view[LAB_VALUES];
    bool hidden[LAB_VALUES];          /* the content of an input is not known when the node is planned */
    struct li_tensor out[LAB_VALUES]; /* results, dense; freed by lab_close() */
    char reason[128];
    int64_t tasks;
};

LAB bool lab_runs(enum li_isa isa)
{
    if (li_kernels_get(isa)->isa != isa) {
        return false;
    }
#if defined(__x86_64__)
    if (isa == LI_ISA_AVX2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    if (isa == LI_ISA_AVX512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
#endif
    return true;
}

LAB void lab_open(struct lab *lab, enum li_isa isa)
{
    *lab = (struct lab){.mem = li_mem_new(NULL, NULL, NULL, 0)};
    assert_non_null(lab->mem);
    lab->env = (struct li_env){.kernels = li_kernels_get(isa), .isa = isa, .mem = lab->mem};
    assert_int_equal(li_store_new(&lab->store, lab->mem, &lab->err), LINCE_OK);
    assert_int_equal(li_graph_new(&lab->graph, lab->store, li_ops(), lab->mem, &lab->err), LINCE_OK);
}

LAB void lab_close(struct lab *lab)
{
    for (int i = 0; i < lab->nout; i++) {
        li_free(lab->mem, lab->out[i].data);
    }
    li_graph_free(lab->graph);
    li_store_release(lab->store);
    assert_int_equal(li_mem_used_bytes(lab->mem), 0);
    li_mem_release(lab->mem);
}

LAB void lab_place(struct li_value *v, const struct lab_view *how)
{
    int rank = v->shape.rank;
    int64_t step = 1, wide = how->before + how->after, skip = how->before;
    bool picture = rank == 4;
    for (int i = rank - 1; i >= 0; i--) {
        int64_t dim = v->shape.dim[i];
        v->view.stride[i] = step;
        dim += i == rank - 1       ? wide
               : picture && i == 1 ? how->halo[0] + how->halo[1]
               : picture && i == 2 ? how->halo[2] + how->halo[3]
                                   : 0;
        step *= dim;
    }
    if (picture) {
        skip += how->halo[0] * v->view.stride[1] + how->halo[2] * v->view.stride[2];
    }
    v->view.offset = skip;
    v->view.buffer_count = step;
    memcpy(v->view.halo, how->halo, sizeof v->view.halo);
}

/* Where element i of the dense value lies in the buffer. */
LAB int64_t lab_offset(const struct li_value *v, int64_t i)
{
    int64_t at = v->view.offset;
    for (int k = v->shape.rank - 1; k >= 0; k--) {
        at += i % v->shape.dim[k] * v->view.stride[k];
        i /= v->shape.dim[k];
    }
    return at;
}

/* A buffer as large as the view says: gaps are marked, the halo of an input is zero. */
LAB char *lab_buffer(struct lab *lab, const struct li_value *v, const struct li_tensor *content)
{
    size_t size = li_dtype_size(v->dtype), bytes = (size_t)v->view.buffer_count * size;
    char *buffer = li_alloc(lab->mem, bytes, &lab->err);
    assert_non_null(buffer);
    bool halo = v->view.halo[0] || v->view.halo[1] || v->view.halo[2] || v->view.halo[3];
    memset(buffer, content && halo ? 0 : LAB_GAP, bytes);
    for (int64_t i = 0; content && i < li_shape_count(&v->shape); i++) {
        memcpy(buffer + (size_t)lab_offset(v, i) * size, (const char *)content->data + (size_t)i * size, size);
    }
    return buffer;
}

/* Take the elements out, and see that nothing else was written. */
LAB void lab_collect(struct lab *lab, const struct li_value *v, char *buffer, struct li_tensor *out)
{
    size_t size = li_dtype_size(v->dtype), bytes = (size_t)v->view.buffer_count * size;
    int64_t count = li_shape_count(&v->shape);
    *out = (struct li_tensor){v->dtype, v->shape, li_alloc(lab->mem, (size_t)count * size, &lab->err),
                              (size_t)count * size};
    assert_non_null(out->data);
    for (int64_t i = 0; i < count; i++) {
        char *at = buffer + (size_t)lab_offset(v, i) * size;
        memcpy((char *)out->data + (size_t)i * size, at, size);
        memset(at, LAB_GAP, size);
    }
    for (size_t i = 0; i < bytes; i++) {
        assert_int_equal(buffer[i], LAB_GAP);
    }
    li_free(lab->mem, buffer);
}

LAB void lab_operand(struct li_operand *o, const struct li_value *v, char *buffer)
{
    *o = (struct li_operand){buffer + (size_t)v->view.offset * li_dtype_size(v->dtype), v->dtype, &v->shape,
                             v->view.stride, &v->view};
}

LAB lince_status lab_forward(struct lab *lab, struct li_prepare *p, struct li_operand *in, struct li_operand *out)
{
    void *scratch = li_alloc(lab->mem, p->scratch_bytes, &lab->err);
    assert_non_null(scratch);
    lince_status st = LINCE_OK;
    for (int64_t task = p->tasks - 1; task >= 0 && !st; task--) {
        memset(scratch, LAB_GAP, p->scratch_bytes);
        struct li_call c = {.node = p->node,
                            .in = in,
                            .out = out,
                            .plan = p->plan,
                            .task = task,
                            .tasks = p->tasks,
                            .scratch = scratch,
                            .kernels = lab->env.kernels,
                            .err = &lab->err};
        st = p->node->op->forward(&c);
    }
    li_free(lab->mem, scratch);
    return st;
}

/* Infer, place, plan and run. On LINCE_OK the results are in lab->out. */
LAB lince_status lab_run(struct lab *lab, const char *name, const struct li_tensor *const *in, int nin,
                         const struct li_attr *attrs, int nattrs)
{
    const struct li_op *op = li_ops_find(li_ops(), name);
    assert_non_null(op);
    struct li_graph *g = lab->graph;
    struct li_node *node;
    li_vid ids[LAB_VALUES];
    for (int i = 0; i < nin; i++) {
        assert_int_equal(lab->hidden[i] ? li_graph_input(g, in[i]->dtype, &in[i]->shape, &ids[i], &lab->err)
                                        : li_graph_constant(g, in[i], &ids[i], &lab->err),
                         LINCE_OK);
    }
    LI_TRY(li_graph_append(g, op, "x", ids, nin, attrs, nattrs, &node, &lab->err));
    struct li_infer s = {.graph = g, .node = node, .env = &lab->env, .err = &lab->err};
    LI_TRY(op->shape(&s));
    li_graph_default_views(g);
    struct li_operand operands[2][LAB_VALUES];
    char *buffers[2][LAB_VALUES];
    for (int i = 0; i < nin; i++) {
        struct li_value *v = &g->values[node->in[i]];
        lab_place(v, &lab->in_view[i]);
        buffers[0][i] = lab_buffer(lab, v, in[i]);
        lab_operand(&operands[0][i], v, buffers[0][i]);
    }
    for (int i = 0; i < node->nout; i++) {
        struct li_value *v = &g->values[node->out[i]];
        lab_place(v, &lab->out_view[i]);
        buffers[1][i] = lab_buffer(lab, v, NULL);
        lab_operand(&operands[1][i], v, buffers[1][i]);
    }
    struct li_arena arena;
    li_arena_init(&arena, lab->mem, 0);
    struct li_prepare p = {.graph = g, .node = node, .env = &lab->env, .arena = &arena, .err = &lab->err, .tasks = 1};
    lince_status st = op->prepare ? op->prepare(&p) : LINCE_OK;
    st = st ? st : lab_forward(lab, &p, operands[0], operands[1]);
    snprintf(lab->reason, sizeof lab->reason, "%s", p.reason ? p.reason : "");
    lab->tasks = p.tasks;
    li_arena_free(&arena);
    for (int i = 0; i < nin; i++) {
        li_free(lab->mem, buffers[0][i]);
    }
    for (int i = 0; i < node->nout; i++) {
        if (st) {
            li_free(lab->mem, buffers[1][i]);
        } else {
            lab_collect(lab, &g->values[node->out[i]], buffers[1][i], &lab->out[i]);
        }
    }
    lab->nout = st ? 0 : node->nout;
    return st;
}

/* ---- Numbers ---- */

/* Multiplicative congruential, 31 bits; in [-1, 1). */
LAB float lab_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(*state >> 33) / (double)(1u << 30) - 1);
}

/* A float32 tensor of seeded numbers; freed with free(t.data). */
LAB struct li_tensor lab_tensor(int rank, const int64_t *dims, uint64_t seed)
{
    struct li_tensor t = {.dtype = LINCE_FLOAT32, .shape = {.rank = rank}};
    for (int i = 0; i < rank; i++) {
        t.shape.dim[i] = dims[i];
    }
    int64_t count = li_shape_count(&t.shape);
    t.size_bytes = (size_t)count * sizeof(float);
    t.data = malloc(t.size_bytes + 1);
    assert_non_null(t.data);
    for (int64_t i = 0; i < count; i++) {
        ((float *)t.data)[i] = lab_random(&seed);
    }
    return t;
}

#define LAB_TENSOR(seed, ...)                                                                                          \
    lab_tensor((int)LI_COUNT(((const int64_t[]){__VA_ARGS__})), (const int64_t[]){__VA_ARGS__}, (seed))

LAB struct li_tensor lab_int32(const int32_t *values, int64_t count)
{
    struct li_tensor t = {LINCE_INT32, {1, {count}}, malloc((size_t)count * 4 + 1), (size_t)count * 4};
    assert_non_null(t.data);
    memcpy(t.data, values, t.size_bytes);
    return t;
}

/* Largest difference, in units of 1 + |want|. NaN equals NaN. */
LAB double lab_difference(const struct li_tensor *got, const float *want)
{
    double worst = 0;
    for (int64_t i = 0; i < li_shape_count(&got->shape); i++) {
        double a = li_tensor_float(got, i), b = (double)want[i], d = fabs(a - b) / (1 + fabs(b));
        d = isnan(a) && isnan(b) ? 0 : isnan(d) ? INFINITY : d;
        worst = LI_MAX(worst, d);
    }
    return worst;
}

LAB double lab_dot(const struct li_tensor *a, const struct li_tensor *b)
{
    double sum = 0;
    assert_true(li_shape_equal(&a->shape, &b->shape));
    for (int64_t i = 0; i < li_shape_count(&a->shape); i++) {
        sum += li_tensor_float(a, i) * li_tensor_float(b, i);
    }
    return sum;
}

static const enum li_isa lab_isas[] = {LI_ISA_REF, LI_ISA_AVX2, LI_ISA_AVX512, LI_ISA_NEON};

/* for each instruction set of this machine */
#define LAB_EACH_ISA(isa)                                                                                              \
    for (size_t isa##_i = 0, isa##_on = 1; isa##_i < LI_COUNT(lab_isas); isa##_i++, isa##_on = 1)                      \
        for (enum li_isa isa = lab_isas[isa##_i]; isa##_on && lab_runs(isa); isa##_on = 0)

#endif
