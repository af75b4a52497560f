/*
 * Batch norm in training, with what follows it, and gradients through both: what the passes make of them, and that it
 * gives on every instruction set what the ops themselves give one by one.
 */
#include "passes_support.h"

#include "train/train.h"
#include "unit/runtime_session_on.h"

#include <math.h>

enum { N = 3, H = 9, W = 7, CHANNELS = 37, OUTPUTS = 5, MOST = N * H * W * CHANNELS };

struct made {
    float out[OUTPUTS][MOST];
    size_t count[OUTPUTS];
};

static float some(size_t i, float scale)
{
    return sinf((float)i * 1.7f) * scale;
}

/* sum(Relu(norm(x + x)) * constant), the mean, and gradients of the sum: of the picture, of scale and of offset. */
static void build(struct fixture *f, const char *activation, li_vid out[OUTPUTS])
{
    static float factors[MOST], vectors[2][CHANNELS];
    const struct li_attr training = LI_BOOL("is_training", true);
    const int32_t all[4] = {0, 1, 2, 3};
    struct li_shape shape = SHAPE(N, H, W, CHANNELS);
    li_vid picture = input(f, shape), in[5], norm[6], grads[3];
    for (size_t i = 0; i < MOST; i++) {
        factors[i] = some(i, 1);
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        vectors[0][i] = 1 + some(i, 0.5f);
        vectors[1][i] = 1 + some(i, 2);
    }
    in[0] = emit(f, "AddV2", picture, picture);
    for (int i = 1; i < 5; i++) {
        in[i] = constant(f, LINCE_FLOAT32, SHAPE(CHANNELS), vectors[i % 2]);
    }
    emit_all(f, "FusedBatchNormV3", in, 5, &training, 1, norm, 6);
    li_vid y = emit(f, "Mul", emit(f, activation, norm[0], LI_NONE), constant(f, LINCE_FLOAT32, shape, factors));
    li_vid loss = emit(f, "Sum", y, constant(f, LINCE_INT32, SHAPE(4), all));
    const li_vid targets[3] = {picture, in[1], in[2]};
    const struct li_gradient_options options = {
        .outputs = &loss, .output_count = 1, .targets = targets, .target_count = 3};
    struct li_graph *g;
    OK(li_gradient(&g, f->g, &options, grads, &f->err));
    li_graph_free(f->g);
    f->g = g;
    g->env = &f->env;
    memcpy(out, (const li_vid[OUTPUTS]){loss, norm[1], grads[0], grads[1], grads[2]}, OUTPUTS * sizeof *out);
}

static void run(struct fixture *f, const char *activation, enum li_isa isa, bool passes, struct made *made)
{
    static float data[MOST];
    struct li_session *session;
    struct li_pool *pool;
    li_vid out[OUTPUTS];
    const struct li_tensor *results;
    for (size_t i = 0; i < MOST; i++) {
        data[i] = some(i, 2) + 0.3f;
    }
    struct li_tensor x = {LINCE_FLOAT32, SHAPE(N, H, W, CHANNELS), data, sizeof data};
    f->env.kernels = li_kernels_get(isa);
    f->env.isa = isa;
    build(f, activation, out);
    OK(li_graph_set_outputs(f->g, out, OUTPUTS, &f->err));
    OK(li_pool_new(&pool, 2, f->mem, &f->err));
    OK(session_on(&session, f->g, &f->env, pool, passes ? li_passes_run : NULL, &f->err));
    OK(li_session_run(session, &x, 1, NULL, &results, &f->err));
    for (int i = 0; i < OUTPUTS; i++) {
        made->count[i] = (size_t)li_shape_count(&results[i].shape);
        memcpy(made->out[i], results[i].data, results[i].size_bytes);
    }
    li_session_free(session);
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    f->g->env = &f->env;
}

static void gives_what_the_ops_give(void **state, const char *activation)
{
    static struct made plain, fused;
    struct fixture *f = *state;
    run(f, activation, LI_ISA_REF, false, &plain);
    for (int isa = LI_ISA_REF; isa <= LI_ISA_NEON; isa++) {
        if ((enum li_isa)isa > li_cpu_isa() || li_kernels_get((enum li_isa)isa)->isa != (enum li_isa)isa) {
            continue;
        }
        run(f, activation, (enum li_isa)isa, true, &fused);
        for (int i = 0; i < OUTPUTS; i++) {
            float most = 0;
            for (size_t k = 0; k < plain.count[i]; k++) {
                most = fmaxf(most, fabsf(plain.out[i][k]));
            }
            assert_true(most > 0);
            for (size_t k = 0; k < plain.count[i]; k++) {
                assert_float_equal(fused.out[i][k], plain.out[i][k], 2e-6f * most * sqrtf(N * H * W));
            }
        }
    }
}

static void through_relu_it_gives_what_the_ops_give(void **state)
{
    gives_what_the_ops_give(state, "Relu");
}

static void through_relu6_it_gives_what_the_ops_give(void **state)
{
    gives_what_the_ops_give(state, "Relu6");
}

static void a_gradient_goes_through_activation_and_norm_at_once(void **state)
{
    struct fixture *f = *state;
    li_vid out[OUTPUTS];
    build(f, "Relu6", out);
    run_passes(f, out, OUTPUTS);
    assert_ops(f, "AddV2 _LiBatchNormMoments _LiBatchNormLines _LiScaleShift+act2 Mul Sum Reshape BroadcastTo Mul "
                  "_LiBatchNormGradParts+act2 _LiBatchNormGrad+act2 AddN ");
}

/* What the activation passes on is asked for itself: it is made by its own op. */
static void one_that_something_else_reads_does_not(void **state)
{
    struct fixture *f = *state;
    li_vid out[OUTPUTS + 1];
    build(f, "Relu6", out);
    out[OUTPUTS] = LI_NONE;
    for (int32_t n = 0; n < f->g->node_count; n++) {
        out[OUTPUTS] = strcmp(f->g->nodes[n].op->name, "Relu6Grad") == 0 ? f->g->nodes[n].out[0] : out[OUTPUTS];
    }
    run_passes(f, out, OUTPUTS + 1);
    assert_non_null(made_node(f, "Relu6Grad"));
    assert_int_equal(made_node(f, "_LiBatchNormGradParts")->nin, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(through_relu_it_gives_what_the_ops_give),
        TEST(through_relu6_it_gives_what_the_ops_give),
        TEST(a_gradient_goes_through_activation_and_norm_at_once),
        TEST(one_that_something_else_reads_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
