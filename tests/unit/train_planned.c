/*
 * A net of two layers, differentiated from graph to graph, with the update of its variables as further nodes, run by
 * the planner that runs inference: forward, backward and update are one run with one commit.
 */
#include "passes_support.h"

#include "unit/runtime_session_on.h"
#include "unit/train_gradient_of.h"

#include <math.h>

enum { N = 3, H = 6, W = 5, C = 2, K = 4, CLASSES = 3, MOST = 128 };
enum { FILTER, BIAS, DENSE, VARIABLES };
#define RATE 0.05f

static const struct li_shape shapes[VARIABLES] = {{4, {3, 3, C, K}}, {1, {K}}, {2, {K, CLASSES}}};

struct net {
    int32_t resource[VARIABLES];
    size_t count[VARIABLES];
    li_vid handle[VARIABLES], value[VARIABLES], loss;
};

static void set(struct fixture *f, const struct net *net, int which, const float *data)
{
    OK(li_store_write(f->store, net->resource[which], data, net->count[which] * sizeof *data, &f->err));
}

static void get(struct fixture *f, const struct net *net, int which, float *data)
{
    OK(li_store_read(f->store, net->resource[which], data, net->count[which] * sizeof *data, &f->err));
}

static void make_variables(struct fixture *f, struct net *net)
{
    for (int i = 0; i < VARIABLES; i++) {
        float data[MOST];
        net->count[i] = (size_t)li_shape_count(&shapes[i]);
        assert_true(net->count[i] <= MOST);
        OK(li_store_add(f->store, LI_VARIABLE, "v", LINCE_FLOAT32, &shapes[i], &net->resource[i], &f->err));
        for (size_t k = 0; k < net->count[i]; k++) {
            data[k] = sinf((float)(k * 5 + (size_t)i * 3)) * 0.4f;
        }
        set(f, net, i, data);
    }
}

/* The sum of the squares of Mean(Tanh(Conv2D(x) + b)) Dense, into the fixture's graph. */
static void build(struct fixture *f, struct net *net)
{
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    const int32_t sides[2] = {1, 2}, both[2] = {0, 1};
    li_vid x = input(f, SHAPE(N, H, W, C));
    for (int i = 0; i < VARIABLES; i++) {
        OK(li_graph_resource(f->g, net->resource[i], &net->handle[i], &f->err));
        net->value[i] = emit_with(f, "ReadVariableOp", net->handle[i], LI_NONE, &type, 1);
    }
    li_vid y = emit(f, "BiasAdd", window(f, "Conv2D", x, net->value[FILTER], "SAME"), net->value[BIAS]);
    y = emit(f, "Mean", emit(f, "Tanh", y, LI_NONE), constant(f, LINCE_INT32, SHAPE(2), sides));
    y = emit(f, "Square", emit(f, "MatMul", y, net->value[DENSE]), LI_NONE);
    net->loss = emit(f, "Sum", y, constant(f, LINCE_INT32, SHAPE(2), both));
}

/* value -= rate * gradient */
static void update(struct fixture *f, const struct net *net, const li_vid *grads)
{
    for (int i = 0; i < VARIABLES; i++) {
        li_vid step = emit(f, "Mul", grads[i], number(f, RATE));
        emit_all(f, "AssignSubVariableOp", (li_vid[]){net->handle[i], step}, 2, NULL, 0, NULL, 0);
        f->g->nodes[f->g->node_count - 1].required = true;
    }
}

static struct li_session *session_of(struct fixture *f, int threads, const li_vid *outputs, int count)
{
    struct li_session *session;
    struct li_pool *pool;
    OK(li_graph_set_outputs(f->g, outputs, count, &f->err));
    OK(li_pool_new(&pool, threads, f->mem, &f->err));
    OK(session_on(&session, f->g, &f->env, pool, li_passes_run, &f->err));
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    f->g->env = &f->env;
    return session;
}

static struct li_session *inference_of(struct fixture *f, struct net *net)
{
    build(f, net);
    return session_of(f, 1, &net->loss, 1);
}

/* Outputs: the loss and all gradients. */
static struct li_session *training_of(struct fixture *f, struct net *net, int threads, bool updates, bool fails)
{
    struct li_graph *g;
    li_vid out[1 + VARIABLES];
    build(f, net);
    out[0] = net->loss;
    OK(gradient_of(&g, f->g, net->loss, net->handle, VARIABLES, out + 1, &f->err));
    li_graph_free(f->g);
    f->g = g;
    g->env = &f->env;
    if (updates) {
        update(f, net, out + 1);
    }
    if (fails) { /* after all the writes: an input of zeros is fine, another is not */
        const struct li_attr message = LI_STR("message", "too large");
        li_vid checked = emit_with(f, "CheckNumerics", emit(f, "RealDiv", number(f, 1), out[0]), LI_NONE, &message, 1);
        out[0] = checked;
    }
    return session_of(f, threads, out, 1 + VARIABLES);
}

static const struct li_tensor *run(struct fixture *f, struct li_session *session, float scale)
{
    static float data[N * H * W * C];
    for (int i = 0; i < N * H * W * C; i++) {
        data[i] = cosf((float)i) * scale;
    }
    struct li_tensor x = {LINCE_FLOAT32, SHAPE(N, H, W, C), data, sizeof data};
    const struct li_tensor *out = NULL;
    OK(li_session_run(session, &x, 1, NULL, &out, &f->err));
    return out;
}

static float loss_of(struct fixture *f, struct li_session *session)
{
    return *(const float *)run(f, session, 1)[0].data;
}

/* The slope of the loss along one element of a variable, by the inference session, planned once. */
static float slope(struct fixture *f, const struct net *net, struct li_session *inference, int which, size_t element)
{
    float data[MOST], kept, up, down;
    get(f, net, which, data);
    kept = data[element];
    data[element] = kept + 1e-2f;
    set(f, net, which, data);
    up = loss_of(f, inference);
    data[element] = kept - 1e-2f;
    set(f, net, which, data);
    down = loss_of(f, inference);
    data[element] = kept;
    set(f, net, which, data);
    return (up - down) / 2e-2f;
}

static void gradients_from_a_plan_are_the_slopes_of_the_loss(void **state)
{
    struct fixture *f = *state;
    struct net net;
    make_variables(f, &net);
    struct li_session *inference = inference_of(f, &net), *training = training_of(f, &net, 2, false, false);
    float found[VARIABLES][MOST];
    const struct li_tensor *out = run(f, training, 1);
    for (int i = 0; i < VARIABLES; i++) {
        assert_true(li_shape_equal(&out[1 + i].shape, &shapes[i]));
        memcpy(found[i], out[1 + i].data, out[1 + i].size_bytes);
    }
    for (int i = 0; i < VARIABLES; i++) {
        bool any = false;
        for (size_t k = 0; k < net.count[i]; k++) {
            float expected = slope(f, &net, inference, i, k);
            /* Rounding of the loss (1e-7 of about 1) over the step, and the third derivative. */
            assert_true(fabsf(found[i][k] - expected) <= 1e-3f + 2e-3f * fabsf(expected));
            any = any || fabsf(expected) > 0.01f;
        }
        assert_true(any);
    }
    li_session_free(inference);
    li_session_free(training);
}

static void a_step_is_one_run_that_writes_what_the_gradients_say(void **state)
{
    struct fixture *f = *state;
    struct net net;
    float before[MOST], after[MOST], last = INFINITY;
    make_variables(f, &net);
    struct li_session *inference = inference_of(f, &net), *training = training_of(f, &net, 1, true, false);
    for (int step = 0; step < 5; step++) {
        float forward = loss_of(f, inference);
        uint64_t version = li_store_get(f->store, net.resource[DENSE])->version;
        get(f, &net, DENSE, before);
        const struct li_tensor *out = run(f, training, 1);
        get(f, &net, DENSE, after);
        assert_float_equal(*(const float *)out[0].data, forward, 1e-6f * fabsf(forward));
        assert_int_equal(li_store_get(f->store, net.resource[DENSE])->version, version + 1);
        for (size_t k = 0; k < net.count[DENSE]; k++) {
            assert_float_equal(after[k], before[k] - RATE * ((const float *)out[1 + DENSE].data)[k], 1e-6f);
        }
        assert_true(forward < last);
        last = forward;
    }
    li_session_free(inference);
    li_session_free(training);
}

static void a_step_has_the_same_bits_for_any_number_of_threads_and_allocates_nothing_when_repeated(void **state)
{
    struct fixture *f = *state;
    float start[VARIABLES][MOST], wanted[VARIABLES][MOST], got[MOST];
    struct net net;
    make_variables(f, &net);
    for (int i = 0; i < VARIABLES; i++) {
        get(f, &net, i, start[i]);
    }
    for (int threads = 1; threads <= 3; threads++) {
        struct li_session *training = training_of(f, &net, threads, true, false);
        for (int i = 0; i < VARIABLES; i++) {
            set(f, &net, i, start[i]);
        }
        run(f, training, 1);
        uint64_t allocations = li_mem_allocations(f->mem);
        run(f, training, 1);
        run(f, training, 0.5f);
        assert_int_equal(li_mem_allocations(f->mem), allocations);
        for (int i = 0; i < VARIABLES; i++) {
            get(f, &net, i, threads == 1 ? wanted[i] : got);
            if (threads > 1) {
                assert_memory_equal(got, wanted[i], net.count[i] * sizeof *got);
            }
        }
        li_session_free(training);
    }
}

/* The check comes after the updates in the graph, and fails for pictures of zeros, whose loss has no reciprocal. */
static void a_step_that_fails_at_its_end_leaves_every_variable(void **state)
{
    struct fixture *f = *state;
    struct net net;
    static float zeros[N * H * W * C];
    const float no_bias[K] = {0};
    float before[VARIABLES][MOST], after[MOST];
    const struct li_tensor *out;
    make_variables(f, &net);
    set(f, &net, BIAS, no_bias);
    struct li_session *training = training_of(f, &net, 2, true, true);
    struct li_tensor x = {LINCE_FLOAT32, SHAPE(N, H, W, C), zeros, sizeof zeros};
    for (int i = 0; i < VARIABLES; i++) {
        get(f, &net, i, before[i]);
    }
    assert_int_equal(li_session_run(training, &x, 1, NULL, &out, &f->err), LINCE_EDATA);
    for (int i = 0; i < VARIABLES; i++) {
        get(f, &net, i, after);
        assert_memory_equal(after, before[i], net.count[i] * sizeof *after);
        assert_int_equal(li_store_get(f->store, net.resource[i])->version, i == BIAS ? 3 : 2);
    }
    run(f, training, 1);
    get(f, &net, DENSE, after);
    assert_memory_not_equal(after, before[DENSE], net.count[DENSE] * sizeof *after);
    li_session_free(training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gradients_from_a_plan_are_the_slopes_of_the_loss),
        TEST(a_step_is_one_run_that_writes_what_the_gradients_say),
        TEST(a_step_has_the_same_bits_for_any_number_of_threads_and_allocates_nothing_when_repeated),
        TEST(a_step_that_fails_at_its_end_leaves_every_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
