/*
 * Networks made by chance as layers: forward, and backward behind the cut, give what one graph of both gives; and what
 * is saved in between is what it should be.
 *
 * LINCE_SEED=n runs that one; LINCE_SEEDS=n so many.
 */
#include "train_network.h"

#include "passes/passes.h"
#include "train/train.h"
#include "unit/runtime_session_on.h"
#include "unit/train_gradient_of.h"

enum { USUAL_SEEDS = 150, TARGETS = 3, MOST = NET_OUTPUTS + TARGETS + 1 };

struct results {
    int outputs, count; /* outputs, then gradients */
    struct li_tensor t[MOST];
};

static void keep(struct results *r, const struct li_tensor *from)
{
    struct li_tensor *to = &r->t[r->count++];
    *to = *from;
    to->data = malloc(from->size_bytes + 1);
    if (from->size_bytes) {
        memcpy(to->data, from->data, from->size_bytes);
    }
}

static void free_results(struct results *r)
{
    for (int i = 0; i < r->count; i++) {
        free(r->t[i].data);
    }
}

/* Resources, and the handles that stand for them. */
static int choose(const struct network *n, int32_t *resources, li_vid *handles)
{
    uint64_t random = n->seed;
    int count = 0;
    for (int i = 0; i < TARGETS && n->variables; i++) {
        handles[count] = n->handles[net_next(&random) % (uint64_t)n->variables];
        resources[count] = n->g->values[handles[count]].resource;
        count++;
    }
    return count;
}

static struct li_tensor images_of(const struct network *n)
{
    const struct li_shape shape = n->g->values[n->g->inputs[0]].shape;
    size_t count = (size_t)li_shape_count(&shape);
    struct li_tensor t = {LINCE_FLOAT32, shape, malloc(count * sizeof(float) + 1), count * sizeof(float)};
    uint64_t random = n->seed + 5;
    for (size_t i = 0; i < count; i++) {
        ((float *)t.data)[i] = net_float(&random, -1, 1);
    }
    return t;
}

static struct li_pool *pool_of(struct network *n)
{
    struct li_pool *pool;
    net_ok(n, li_pool_new(&pool, 2, n->mem, &n->err));
    return pool;
}

/* ---- As one graph ---- */

/* False: the network is refused, or has two segments. */
static bool run_joint(struct network *n, struct results *r)
{
    li_vid targets[TARGETS + 1], grads[TARGETS + 1], out[MOST];
    int32_t resources[TARGETS];
    struct li_graph *g;
    int count = choose(n, resources, targets), outputs = n->g->output_count;
    targets[count++] = n->g->inputs[0];
    if (n->limit || gradient_of(&g, n->g, n->g->outputs[0], targets, count, grads, &n->err)) {
        return false;
    }
    memcpy(out, n->g->outputs, (size_t)outputs * sizeof *out);
    memcpy(out + outputs, grads, (size_t)count * sizeof *out);
    net_ok(n, li_graph_set_outputs(g, out, outputs + count, &n->err));
    struct li_session *session;
    struct li_pool *pool = pool_of(n);
    struct li_tensor images = images_of(n);
    const struct li_tensor *found;
    net_ok(n, session_on(&session, g, &n->env, pool, li_passes_run, &n->err));
    net_ok(n, li_session_run(session, &images, 1, NULL, &found, &n->err));
    r->outputs = outputs;
    for (int i = 0; i < outputs + count; i++) {
        keep(r, &found[i]);
    }
    free(images.data);
    li_session_free(session);
    li_pool_release(pool);
    return true;
}

/* ---- As a layer ---- */

static struct li_session *layer_session(struct network *n, struct li_layer_wants *wants, struct li_pool *pool)
{
    struct li_graph *g;
    struct li_program *program;
    struct li_session *session;
    const struct li_stage stages[] = {{.cut = li_layer_cut, .context = wants}, {.make = li_passes_run}};
    const struct li_program_options options = {.env = &n->env,
                                               .stages = stages,
                                               .stage_count = 2,
                                               .changing = wants->variables,
                                               .changing_count = wants->variable_count};
    net_ok(n, li_graph_copy(&g, n->g, &n->err));
    net_ok(n, li_program_new(&program, g, &options, &n->err));
    net_ok(n, li_session_new(&session, program, pool, &n->err));
    li_program_release(program);
    return session;
}

/* Ones arrive at the first output. */
static void go_back(struct network *n, struct li_session *session, struct results *r, int grads)
{
    struct li_tensor given = r->t[0];
    const struct li_tensor *found;
    given.data = malloc(given.size_bytes + 1);
    for (size_t k = 0; k < given.size_bytes / sizeof(float); k++) {
        ((float *)given.data)[k] = 1;
    }
    net_ok(n, li_session_resume(session, &given, 1, NULL, &found, &n->err));
    for (int i = 0; i < grads; i++) {
        keep(r, &found[i]);
    }
    free(given.data);
}

static void run_layer(struct network *n, struct results *r, bool recompute)
{
    static const int32_t first = 0;
    static const bool arrives[NET_OUTPUTS] = {true};
    int32_t resources[TARGETS];
    li_vid handles[TARGETS];
    struct li_layer_wants wants = {.variables = resources,
                                   .variable_count = choose(n, resources, handles),
                                   .inputs = &first,
                                   .input_count = 1,
                                   .arrives = arrives,
                                   .recompute = recompute};
    struct li_pool *pool = pool_of(n);
    struct li_session *session = layer_session(n, &wants, pool);
    struct li_tensor images = images_of(n);
    const struct li_tensor *found;
    net_ok(n, li_session_run(session, &images, 1, NULL, &found, &n->err));
    r->outputs = n->g->output_count;
    for (int i = 0; i < r->outputs; i++) {
        keep(r, &found[i]);
    }
    memset(images.data, 0xff, images.size_bytes); /* borrowed by the forward alone */
    go_back(n, session, r, wants.variable_count + 1);
    free(images.data);
    li_session_free(session);
    li_pool_release(pool);
}

/* ---- Comparing ---- */

static bool all_finite(const struct li_tensor *t)
{
    for (size_t k = 0; k < t->size_bytes / sizeof(float); k++) {
        if (!isfinite(((const float *)t->data)[k])) {
            return false;
        }
    }
    return true;
}

/* Where nothing arrives the one graph has zeros, the layer nothing. */
static void compare_one(const struct network *n, const struct li_tensor *a, const struct li_tensor *b, int i)
{
    float largest = 1e-2f, worst = 0;
    if (a->dtype != LINCE_FLOAT32 || !all_finite(a)) {
        return;
    }
    for (size_t k = 0; k < a->size_bytes / sizeof(float); k++) {
        float x = ((const float *)a->data)[k], y = b->size_bytes ? ((const float *)b->data)[k] : 0;
        largest = fmaxf(largest, fabsf(x));
        worst = fmaxf(worst, fabsf(x - y));
        if (isnan(y)) {
            fail_msg("seed %llu: result %d has NaN", (unsigned long long)n->seed, i);
        }
    }
    if (!(worst <= 2e-4f * largest)) {
        fail_msg("seed %llu: result %d differs by %g of %g", (unsigned long long)n->seed, i, (double)worst,
                 (double)largest);
    }
}

static bool check(uint64_t seed)
{
    struct results joint = {.count = 0};
    struct network n;
    net_open(&n, seed, li_cpu_isa());
    bool runs = run_joint(&n, &joint);
    net_close(&n);
    for (int recompute = 0; runs && recompute < 2; recompute++) {
        struct results layer = {.count = 0};
        net_open(&n, seed, li_cpu_isa());
        run_layer(&n, &layer, recompute);
        assert_int_equal(layer.count, joint.count);
        for (int i = 0; i < joint.count; i++) {
            compare_one(&n, &joint.t[i], &layer.t[i], i);
        }
        free_results(&layer);
        net_close(&n);
    }
    free_results(&joint);
    return runs;
}

static void a_layer_gives_what_one_graph_of_both_directions_gives(void **state)
{
    (void)state;
    const char *one = getenv("LINCE_SEED"), *many = getenv("LINCE_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1, count = one ? 1 : many ? strtoull(many, NULL, 10) : USUAL_SEEDS;
    uint64_t ran = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        ran += check(seed);
    }
    assert_true(one || ran > count / 2);
}

/* ---- What is saved ---- */

/* The saved values of x -> Conv2D -> Relu -> Mul(gate) -> Sigmoid, in elements. */
static int64_t saved_elements(bool recompute, int *reads)
{
    struct network n;
    int32_t resource;
    li_vid x, handle, w, y, gate;
    struct li_graph *out, *g;
    struct li_cut cut = {.rest = NULL};
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    const struct li_shape filter = {4, {3, 3, 4, 4}}, images = {4, {2, 6, 6, 4}};
    float data[3 * 3 * 4 * 4] = {0};
    net_open(&n, 1, li_cpu_isa());
    net_ok(&n, li_store_add(n.store, LI_VARIABLE, "w", LINCE_FLOAT32, &filter, &resource, &n.err));
    net_ok(&n, li_store_write(n.store, resource, data, sizeof data, &n.err));
    net_ok(&n, li_graph_new(&g, n.store, li_ops(), n.mem, &n.err));
    g->env = &n.env;
    struct li_graph *other = n.g;
    n.g = g;
    net_ok(&n, li_graph_input(g, LINCE_FLOAT32, &images, &x, &n.err));
    net_ok(&n, li_graph_resource(g, resource, &handle, &n.err));
    w = net_one(&n, "ReadVariableOp", handle, LI_NONE, &type, 1);
    const int64_t ones[4] = {1, 1, 1, 1};
    const struct li_attr conv[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", ones, 4), LI_STR("padding", "SAME")};
    y = net_one(&n, "Conv2D", x, w, conv, 3);
    y = net_one(&n, "Relu", y, LI_NONE, conv, 1);
    gate = net_one(&n, "Tanh", y, LI_NONE, conv, 1);
    y = net_one(&n, "Mul", y, gate, conv, 1);
    y = net_one(&n, "Sigmoid", y, LI_NONE, conv, 1);
    net_ok(&n, li_graph_set_outputs(g, &y, 1, &n.err));
    struct li_layer_wants wants = {.variables = &resource, .variable_count = 1, .recompute = recompute};
    net_ok(&n, li_layer_cut(&out, &cut, g, &wants, &n.env, &n.err));
    int64_t elements = 0;
    *reads = 0;
    for (int32_t i = 1; i < out->output_count; i++) {
        elements += li_shape_count(&out->values[out->outputs[i]].shape);
    }
    for (int32_t k = 0; k < cut.rest->node_count; k++) {
        *reads += cut.rest->nodes[k].touches;
    }
    li_graph_free(out);
    li_graph_free(cut.rest);
    li_graph_free(g);
    n.g = other;
    net_close(&n);
    return elements;
}

/* The images, and then, of size S: Relu, Tanh, the result, which is there anyhow; or Conv2D's output alone. */
static void recomputing_saves_less_and_weights_are_never_saved(void **state)
{
    (void)state;
    enum { S = 2 * 6 * 6 * 4 };
    int reads;
    int64_t all = saved_elements(false, &reads), few = saved_elements(true, &reads);
    print_message("%lld and %lld elements of %d\n", (long long)all, (long long)few, S);
    assert_true(all == 4 * S);
    assert_true(few == 2 * S || few == 3 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_gives_what_one_graph_of_both_directions_gives),
        cmocka_unit_test(recomputing_saves_less_and_weights_are_never_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
