/* Rows of optimizers: a step by hand, a gradient inside a longer vector, and what is refused. */
#include "ops_lab.h"

enum { N = 3, SLOTS = 4, OFFSET = 4 };

static const float start[SLOTS] = {1, 0.5f, 0.25f, 0.125f}; /* of the variable and of its slots */
static const float factors[LI_FACTORS] = {0.1f, 0.5f, 0.9f, 0.75f, 0.25f, 1e-3f, 0.2f, 0.5f, 0.25f};

struct trial {
    struct lab lab;
    int slots;
    int32_t resource[SLOTS];
    li_vid in[SLOTS + 2];
};

static void begin(struct trial *t, int slots, lince_dtype dtype, int64_t gradient)
{
    lince_error *err = &t->lab.err;
    lab_open(&t->lab, LI_ISA_REF);
    t->slots = slots;
    t->lab.graph->env = &t->lab.env;
    for (int s = 0; s < slots; s++) {
        const float data[2 * N] = {start[s], start[s], start[s]};
        const struct li_shape shape = {1, {N}};
        assert_int_equal(li_store_add(t->lab.store, LI_VARIABLE, "v", dtype, &shape, &t->resource[s], err), LINCE_OK);
        assert_int_equal(li_store_write(t->lab.store, t->resource[s], data, N * li_dtype_size(dtype), err), LINCE_OK);
        assert_int_equal(li_graph_resource(t->lab.graph, t->resource[s], &t->in[s], err), LINCE_OK);
    }
    const struct li_shape lengths[2] = {{1, {gradient}}, {1, {LI_FACTORS}}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(li_graph_input(t->lab.graph, LINCE_FLOAT32, &lengths[i], &t->in[slots + i], err), LINCE_OK);
    }
}

static lince_status emit(struct trial *t, const char *op, const char *flag, int64_t offset)
{
    const struct li_attr attrs[] = {LI_INT("offset", offset), LI_BOOL(flag ? flag : "", 1)};
    return li_graph_emit(t->lab.graph, op, "step", t->in, t->slots + 2, attrs, flag ? 2 : 1, NULL, 0, &t->lab.err);
}

/* The gradient is 2 everywhere; where it has an offset, other numbers come before. */
static void run(struct trial *t, int64_t offset)
{
    float gradient[OFFSET + N] = {9, 9, 9, 9, 2, 2, 2};
    struct li_tensor in[SLOTS + 2];
    for (int s = 0; s < t->slots; s++) {
        in[s] = (struct li_tensor){.dtype = LINCE_RESOURCE};
    }
    in[t->slots] = (struct li_tensor){LINCE_FLOAT32, {1, {N}}, gradient + OFFSET, N * sizeof *gradient};
    if (offset >= 0) {
        in[t->slots] = (struct li_tensor){LINCE_FLOAT32, {1, {OFFSET + N}}, gradient, sizeof gradient};
    }
    in[t->slots + 1] = (struct li_tensor){LINCE_FLOAT32, {1, {LI_FACTORS}}, (void *)factors, sizeof factors};
    assert_int_equal(li_node_eval(t->lab.graph, &t->lab.graph->nodes[0], in, NULL, &t->lab.env, &t->lab.err), LINCE_OK);
}

struct wanted {
    const char *op, *flag;
    int slots;
    double after[SLOTS];
};

static void steps_are_those_of_keras(void **state)
{
    const double w = 0.95; /* after decay */
    const double inside = 0.2 / sqrt(1.376), outside = 0.2 / (sqrt(1.375) + 0.001);
    const double centered = 0.2 / sqrt(1.376 - 0.6875 * 0.6875), both = 0.2 / sqrt(1.376 - 0.59375 * 0.59375);
    const struct wanted cases[] = {
        {"_LiSgd", NULL, 1, {w - 0.2}},
        {"_LiMomentum", NULL, 2, {w + 0.25, 0.25}},
        {"_LiMomentum", "nesterov", 2, {w + 0.225 - 0.2, 0.25}},
        {"_LiAdam", NULL, 3, {w - 0.25 / (sqrt(1.1875) + 0.001), 1.25, 1.1875}},
        {"_LiRmsprop", NULL, 2, {w - inside, 1.375}},
        {"_LiRmsprop", "epsilon_outside", 2, {w - outside, 1.375}},
        {"_LiRmspropMomentum", NULL, 3, {w - 0.225 - inside, 1.375, 0.225 + inside}},
        {"_LiRmspropCentered", NULL, 3, {w - centered, 1.375, 0.6875}},
        {"_LiRmspropCenteredMomentum", NULL, 4, {w - 0.225 - both, 1.375, 0.225 + both, 0.59375}},
    };
    (void)state;
    for (size_t i = 0; i < 2 * LI_COUNT(cases); i++) {
        const struct wanted *c = &cases[i / 2];
        int64_t offset = i % 2 ? OFFSET : -1;
        struct trial t;
        begin(&t, c->slots, LINCE_FLOAT32, offset < 0 ? N : OFFSET + N);
        assert_int_equal(emit(&t, c->op, c->flag, offset), LINCE_OK);
        run(&t, offset);
        for (int s = 0; s < c->slots; s++) {
            float got[N];
            assert_int_equal(li_store_read(t.lab.store, t.resource[s], got, sizeof got, &t.lab.err), LINCE_OK);
            for (int k = 0; k < N; k++) {
                assert_float_equal(got[k], c->after[s], 1e-6);
            }
        }
        lab_close(&t.lab);
    }
}

static void is_refused(lince_dtype dtype, int64_t gradient, int64_t offset, lince_status status, const char *words)
{
    struct trial t;
    begin(&t, 2, dtype, gradient);
    assert_int_equal(emit(&t, "_LiMomentum", NULL, offset), status);
    assert_non_null(strstr(t.lab.err.text, words));
    lab_close(&t.lab);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    is_refused(LINCE_FLOAT64, N, -1, LINCE_EUNSUPPORTED, "\"v\", which is float64");
    is_refused(LINCE_FLOAT32, N + 1, -1, LINCE_EINVAL, "the gradient is float32 [4]");
    is_refused(LINCE_FLOAT32, OFFSET + N, OFFSET + 1, LINCE_EINVAL, "from 5 on");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_those_of_keras),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
