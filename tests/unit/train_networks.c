/*
 * Networks made by chance give the same results node by node, on the reference kernels and without any pass, as through
 * all passes, the planner and the kernels of every instruction set; on several batches in turn, after variables are
 * written, and where gradients are taken.
 *
 * LINCE_SEED=n runs that one; LINCE_SEEDS=n so many.
 */
#include "train_network.h"

#include "passes/passes.h"
#include "unit/graph_infer_with.h"
#include "unit/runtime_session_on.h"
#include "unit/train_gradient_of.h"

enum { RUNS = 4, USUAL_SEEDS = 120 };

/* ---- Inputs ---- */

static struct li_shape input_shape(const struct network *n, int run)
{
    struct li_shape shape = n->g->values[n->g->inputs[0]].shape;
    shape.dim[0] = n->fixed_batch || run % 3 != 1 ? n->batch : (n->batch + 2) % 4;
    return shape;
}

/*
 * Now and then something that is no number; but not where a MaxPool could make the lowest float of it: next to the
 * largest, what overflows and what of that is a NaN depends on the order of operations.
 */
static struct li_tensor input_of(const struct network *n, int run)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-40f};
    struct li_tensor t = {.dtype = LINCE_FLOAT32, .shape = input_shape(n, run)};
    uint64_t random = n->seed * 31 + (uint64_t)run + 7;
    int64_t count = li_shape_count(&t.shape);
    bool strange = net_next(&random) % 4 == 0 && !n->lowest;
    t.size_bytes = (size_t)count * sizeof(float);
    t.data = malloc(t.size_bytes + 1);
    for (int64_t i = 0; i < count; i++) {
        bool here = strange && net_next(&random) % 16 == 0;
        ((float *)t.data)[i] = here ? odd[net_next(&random) % LI_COUNT(odd)] : net_float(&random, -2, 2);
    }
    return t;
}

static struct li_tensor limit_of(const struct network *n, int run)
{
    struct li_tensor t = {.dtype = LINCE_INT32, .shape = {1, {1}}, .data = malloc(4), .size_bytes = 4};
    *(int32_t *)t.data = n->limit ? (int32_t)((n->seed + (uint64_t)run) % 2) : 0;
    return t;
}

/* Before each run but the first, one variable holds something else. */
static void write_variable(struct network *n, int run)
{
    float data[NET_ELEMENTS];
    if (run == 0 || n->variables == 0) {
        return;
    }
    uint64_t random = n->seed * 17 + (uint64_t)run;
    int32_t which = (int32_t)(net_next(&random) % (uint64_t)n->variables);
    const struct li_resource *r = li_store_get(n->store, n->g->values[n->handles[which]].resource);
    size_t count = r->value.size_bytes / sizeof(float);
    if (count > NET_ELEMENTS) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        data[i] = net_float(&random, 0.3f, 1);
    }
    net_ok(n, li_store_write(n->store, n->g->values[n->handles[which]].resource, data, count * sizeof *data, &n->err));
}

/* ---- Making ---- */

/* What of the network is differentiated by variables and by its input, and stays what it was where that is refused. */
static void differentiate(struct network *n)
{
    li_vid grads[4], targets[4] = {n->g->inputs[0]}, out[NET_OUTPUTS + 4];
    struct li_graph *g;
    int count = 1;
    uint64_t random = n->seed;
    for (int i = 0; i < 3 && n->variables; i++) {
        targets[count++] = n->handles[net_next(&random) % (uint64_t)n->variables];
    }
    if (n->limit || gradient_of(&g, n->g, n->g->outputs[0], targets, count, grads, &n->err)) {
        return;
    }
    memcpy(out, n->g->outputs, (size_t)n->g->output_count * sizeof *out);
    memcpy(out + n->g->output_count, grads, (size_t)count * sizeof *out);
    net_ok(n, li_graph_set_outputs(g, out, n->g->output_count + count, &n->err));
    li_graph_free(n->g);
    n->g = g;
    n->fixed_batch = true;
}

static void make(struct network *n, uint64_t seed, enum li_isa isa)
{
    net_open(n, seed, isa);
    if (seed % 3 == 0) {
        differentiate(n);
    }
    if (!n->fixed_batch) {
        n->g->values[n->g->inputs[0]].shape.dim[0] = -1;
    }
}

/* ---- The reference: inferred, then one node after the other ---- */

struct result {
    int count;
    struct li_tensor out[NET_OUTPUTS + 4];
    float *variables[NET_VARIABLES]; /* after the run */
};

static void copy_tensor(struct li_tensor *to, const struct li_tensor *from)
{
    *to = *from;
    to->data = malloc(from->size_bytes + 1);
    if (from->size_bytes) {
        memcpy(to->data, from->data, from->size_bytes);
    }
}

static void copy_variables(struct network *n, struct result *r)
{
    for (int i = 0; i < n->variables; i++) {
        int32_t resource = n->g->values[n->handles[i]].resource;
        size_t bytes = li_store_get(n->store, resource)->value.size_bytes;
        r->variables[i] = malloc(bytes + 1);
        net_ok(n, li_store_read(n->store, resource, r->variables[i], bytes, &n->err));
    }
}

static void free_result(struct result *r)
{
    for (int i = 0; i < r->count; i++) {
        free(r->out[i].data);
    }
    for (int i = 0; i < NET_VARIABLES; i++) {
        free(r->variables[i]);
    }
}

static void evaluate(struct network *n, const struct li_graph *g, struct li_tensor *value, bool *made)
{
    for (int32_t k = 0; k < g->node_count; k++) {
        const struct li_node *node = &g->nodes[k];
        struct li_tensor in[8], out[8];
        assert_true(node->nin <= 8 && node->nout <= 8);
        for (int i = 0; i < node->nin; i++) {
            li_vid v = node->in[i];
            in[i] = g->values[v].constant ? *g->values[v].constant : value[v];
        }
        net_ok(n, li_node_eval(g, node, in, out, &n->env, &n->err));
        for (int i = 0; i < node->nout; i++) {
            value[node->out[i]] = out[i];
            made[node->out[i]] = true;
        }
    }
}

static void run_reference(struct network *n, const struct li_tensor *inputs, struct result *r)
{
    struct li_graph *g, *rest;
    struct li_shape shapes[2] = {inputs[0].shape, inputs[1].shape};
    const struct li_tensor *known[2] = {NULL, &inputs[1]};
    net_ok(n, infer_with(&g, &rest, n->g, shapes, known, &n->env, &n->err));
    assert_null(rest);
    struct li_tensor *value = calloc((size_t)g->value_count + 1, sizeof *value);
    bool *made = calloc((size_t)g->value_count + 1, 1);
    for (int32_t i = 0; i < g->input_count; i++) {
        value[g->inputs[i]] = inputs[i];
    }
    evaluate(n, g, value, made);
    r->count = g->output_count;
    for (int i = 0; i < r->count; i++) {
        li_vid v = g->outputs[i];
        copy_tensor(&r->out[i], g->values[v].constant ? g->values[v].constant : &value[v]);
    }
    for (int32_t v = 0; v < g->value_count; v++) {
        if (made[v]) {
            li_free(n->mem, value[v].data);
        }
    }
    free(value);
    free(made);
    li_graph_free(g);
    copy_variables(n, r);
}

/* ---- Comparing ---- */

struct way {
    enum li_isa isa;
    int threads;
    bool passes;
};

/*
 * Of the largest number there is; other orders of sums, folded norms and a training step's divisions move a result so
 * far.
 */
enum { PARTS_PER_MILLION = 30 };

static void compare(const struct network *n, const struct way *way, int run, const char *what, int index,
                    const float *got, const float *want, int64_t count)
{
    double largest = 1;
    for (int64_t i = 0; i < count; i++) {
        largest = isfinite(want[i]) ? fmax(largest, fabs((double)want[i])) : largest;
    }
    for (int64_t i = 0; i < count; i++) {
        bool same = isnan(want[i])   ? isnan(got[i])
                    : isinf(want[i]) ? got[i] == want[i]
                                     : fabs((double)got[i] - (double)want[i]) <= PARTS_PER_MILLION * 1e-6 * largest;
        if (!same) {
            fputs(li_graph_text(n->g, NULL), stderr); /* longer than cmocka prints */
            fail_msg("LINCE_SEED=%llu, run %d, %s, %d threads, %s: %s %d: element %lld of %lld is %.9g, wanted %.9g",
                     (unsigned long long)n->seed, run, li_isa_name(way->isa), way->threads,
                     way->passes ? "all passes" : "no pass", what, index, (long long)i, (long long)count,
                     (double)got[i], (double)want[i]);
        }
    }
}

static void compare_all(struct network *n, const struct way *way, int run, const struct li_tensor *out,
                        const struct result *want)
{
    struct result now = {.count = 0};
    for (int i = 0; i < want->count; i++) {
        if (!li_shape_equal(&out[i].shape, &want->out[i].shape)) {
            fail_msg("LINCE_SEED=%llu, run %d: output %d has another shape", (unsigned long long)n->seed, run, i);
        }
        compare(n, way, run, "output", i, out[i].data, want->out[i].data, li_shape_count(&out[i].shape));
    }
    copy_variables(n, &now);
    for (int i = 0; i < n->variables; i++) {
        const struct li_resource *r = li_store_get(n->store, n->g->values[n->handles[i]].resource);
        compare(n, way, run, "variable", i, now.variables[i], want->variables[i], li_shape_count(&r->shape));
    }
    free_result(&now);
}

/* ---- One seed ---- */

static struct li_session *session_of(struct network *n, const struct way *way)
{
    struct li_session *session;
    struct li_graph *copy;
    struct li_pool *pool;
    net_ok(n, li_pool_new(&pool, way->threads, n->mem, &n->err));
    net_ok(n, li_graph_copy(&copy, n->g, &n->err));
    net_ok(n, session_on(&session, copy, &n->env, pool, way->passes ? li_passes_run : NULL, &n->err));
    li_pool_release(pool);
    return session;
}

static void try_way(uint64_t seed, const struct way *way, const struct result *want)
{
    struct network n;
    make(&n, seed, way->isa);
    struct li_session *session = session_of(&n, way);
    for (int run = 0; run < RUNS; run++) {
        struct li_tensor inputs[2] = {input_of(&n, run), limit_of(&n, run)};
        const struct li_tensor *out;
        write_variable(&n, run);
        net_ok(&n, li_session_run(session, inputs, n.g->input_count, NULL, &out, &n.err));
        compare_all(&n, way, run, out, &want[run]);
        free(inputs[0].data);
        free(inputs[1].data);
    }
    li_session_free(session);
    net_close(&n);
}

static void try_seed(uint64_t seed)
{
    struct result want[RUNS] = {{.count = 0}};
    struct network n;
    make(&n, seed, LI_ISA_REF);
    for (int run = 0; run < RUNS; run++) {
        struct li_tensor inputs[2] = {input_of(&n, run), limit_of(&n, run)};
        write_variable(&n, run);
        run_reference(&n, inputs, &want[run]);
        free(inputs[0].data);
        free(inputs[1].data);
    }
    net_close(&n);
    for (int isa = LI_ISA_REF; isa <= LI_ISA_NEON; isa++) {
        if ((isa == (int)li_cpu_isa() || isa < (int)li_cpu_isa()) &&
            li_kernels_get((enum li_isa)isa)->isa == (enum li_isa)isa) {
            try_way(seed, &(struct way){(enum li_isa)isa, 1, true}, want);
            try_way(seed, &(struct way){(enum li_isa)isa, 3, true}, want);
        }
    }
    try_way(seed, &(struct way){LI_ISA_REF, 2, false}, want);
    for (int run = 0; run < RUNS; run++) {
        free_result(&want[run]);
    }
}

static void networks_by_chance_give_what_their_nodes_give_one_by_one(void **state)
{
    (void)state;
    const char *one = getenv("LINCE_SEED"), *many = getenv("LINCE_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t count = many ? strtoull(many, NULL, 10) : one ? 1 : USUAL_SEEDS;
    print_message("seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)(first + count - 1));
    for (uint64_t seed = first; seed < first + count; seed++) {
        try_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_by_chance_give_what_their_nodes_give_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
