/* Writes that are left to the commit: they copy nothing, and read and write as the graph's order says. */
#include "unit/runtime_control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static li_vid read_of(struct fixture *f, const char *name, int32_t resource)
{
    return node(f, &op_read, name, handle(f, resource), LI_NONE);
}

static void write_to(struct fixture *f, const struct li_op *op, const char *name, int32_t resource, li_vid x)
{
    effect(f, op, name, handle(f, resource), x);
}

static int32_t variable_of(struct fixture *f, const char *name, float value)
{
    int32_t resource = variable(f, name, 1);
    set_variable(f, resource, 1, value);
    return resource;
}

/* ---- A row of many variables ------------------------------------------------------------------------------------- */

static const struct li_handle adam_handles[] = {
    {0, LI_EFFECT_WRITE}, {1, LI_EFFECT_WRITE}, {2, LI_EFFECT_WRITE}, {3, LI_EFFECT_READ}, {0, 0}};

static void put(const struct li_state *state, int64_t i, float value)
{
    ((float *)state->out->data)[i] = value;
}

/* m = (m + g) / 2, v = (v + g g) / 2, var = var - lr m */
static lince_status adam_forward(struct li_call *c)
{
    const struct li_state *var = &c->state[0], *m = &c->state[1], *v = &c->state[2], *rate = &c->state[3];
    for (int64_t i = 0; i < li_count(var->out); i++) {
        float g = li_f32(&c->in[4])[i];
        put(m, i, (li_f32(m->in)[i] + g) / 2);
        put(v, i, (li_f32(v->in)[i] + g * g) / 2);
        put(var, i, li_f32(var->in)[i] - li_f32(rate->in)[0] * li_f32(m->out)[i]);
    }
    return rate->out ? li_call_fail(c, LINCE_EDATA, "the rate is only read") : LINCE_OK;
}

#define ADAM(id, op, how)                                                                                              \
    static const struct li_op id = {.name = (op),                                                                      \
                                    .inputs_min = 5,                                                                   \
                                    .inputs_max = 5,                                                                   \
                                    .forward = adam_forward,                                                           \
                                    .effects = LI_EFFECT_READ | LI_EFFECT_WRITE,                                       \
                                    .handles = adam_handles,                                                           \
                                    .flags = (how)}

ADAM(op_adam, "Adam", LI_OP_COMMIT);
ADAM(op_adam_step, "AdamStep", 0);

static void a_row_reads_one_variable_and_writes_three(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const adams[] = {&op_adam, &op_adam_step};
    for (int i = 0; i < 2; i++) {
        int32_t of[4] = {variable_of(f, "var", 8), variable_of(f, "m", 0), variable_of(f, "v", 4),
                         variable_of(f, "rate", 0.5f)};
        li_vid in[5] = {handle(f, of[0]), handle(f, of[1]), handle(f, of[2]), handle(f, of[3]), input_of(f, SHAPE(1))};
        OK(li_graph_append(f->g, adams[i], "adam", in, 5, NULL, 0, NULL, &f->err));
        require_last(f);
        struct li_session *s = session_of(f);
        run_on(f, s, SHAPE(1), (const float[]){4});
        assert_true(get_variable(f, of[0]) == 7 && get_variable(f, of[1]) == 2 && get_variable(f, of[2]) == 10);
        run_on(f, s, SHAPE(1), (const float[]){2});
        assert_true(get_variable(f, of[0]) == 6 && get_variable(f, of[1]) == 2 && get_variable(f, of[2]) == 7);
        assert_true(get_variable(f, of[3]) == 0.5f);
        li_session_free(s);
    }
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

enum { LARGE = 25 << 19, VARIABLES = 2 };

static int32_t large_variable(struct fixture *f, const float *zeros)
{
    int32_t resource;
    OK(li_store_add(f->store, LI_VARIABLE, "large", LINCE_FLOAT32, SHAPE(LARGE), &resource, &f->err));
    OK(li_store_write(f->store, resource, zeros, LARGE * sizeof *zeros, &f->err));
    return resource;
}

static void a_commit_of_a_hundred_megabytes_copies_nothing(void **state)
{
    struct fixture *f = *state;
    float *data = calloc(LARGE, sizeof *data);
    int32_t variables[VARIABLES];
    li_vid x = input_of(f, SHAPE(LARGE));
    for (int i = 0; i < VARIABLES; i++) {
        variables[i] = large_variable(f, data);
        write_to(f, i % 2 ? &op_assign : &op_assign_add, "write", variables[i], x);
    }
    struct li_session *s = session_of(f);
    size_t before = li_mem_used_bytes(f->mem);
    assert_true(before > VARIABLES * LARGE * sizeof *data);
    data[LARGE - 1] = 3;
    for (int run = 0; run < 2; run++) {
        run_on(f, s, SHAPE(LARGE), data);
    }
    assert_true(li_mem_peak_bytes(f->mem) < before + (1u << 20));
    for (int i = 0; i < VARIABLES; i++) {
        OK(li_store_read(f->store, variables[i], data, LARGE * sizeof *data, &f->err));
        assert_true(data[LARGE - 1] == (i % 2 ? 3 : 6) && data[0] == 0);
    }
    li_session_free(s);
    free(data);
}

/* ---- Order ------------------------------------------------------------------------------------------------------- */

static void two_variables_change_places(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 2);
    li_vid a = read_of(f, "a", v), b = read_of(f, "b", w);
    write_to(f, &op_assign, "to_v", v, b);
    write_to(f, &op_assign, "to_w", w, node(f, &op_identity, "same", a, LI_NONE));
    struct li_session *s = session_of(f);
    const struct li_tensor *out;
    for (int run = 0; run < 3; run++) {
        OK(li_session_run(s, NULL, 0, NULL, &out, &f->err));
        assert_true(get_variable(f, v) == (run % 2 ? 1 : 2) && get_variable(f, w) == (run % 2 ? 2 : 1));
    }
    li_session_free(s);
}

static void of_two_writes_of_one_variable_the_second_starts_from_the_first(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_assign_add, "first", v, x);
    write_to(f, &op_assign_add, "second", v, node(f, &op_twice, "twice", x, LI_NONE));
    struct li_session *s = session_of(f);
    run_on(f, s, SHAPE(1), (const float[]){10});
    assert_true(get_variable(f, v) == 31);
    run_on(f, s, SHAPE(1), (const float[]){100});
    assert_true(get_variable(f, v) == 331);
    li_session_free(s);
}

static void a_read_after_a_write_sees_it_and_a_write_after_that_does_not_show(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1)), before = read_of(f, "before", v);
    write_to(f, &op_assign_add, "first", v, x);
    li_vid after = read_of(f, "after", v);
    write_to(f, &op_assign_add, "second", v, after);
    set_outputs(f, before, after);
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){10});
    assert_true(first_of(&out[0]) == 1 && first_of(&out[1]) == 11 && get_variable(f, v) == 22);
    li_session_free(s);
}

/* `old` lies in v's own memory, and what is written to v for `after` is there before the first step of the commit. */
static void what_was_read_before_a_write_is_not_taken_from_after_it(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 100);
    li_vid x = input_of(f, SHAPE(1)), old = read_of(f, "old", v);
    write_to(f, &op_write, "write", v, x);
    write_to(f, &op_assign_add, "add", w, old);
    set_outputs(f, read_of(f, "after", v), LI_NONE);
    struct li_session *s = session_of(f);
    assert_true(run_number(f, s, 7) == 7);
    assert_true(get_variable(f, v) == 7 && get_variable(f, w) == 101);
    assert_true(run_number(f, s, 9) == 9);
    assert_true(get_variable(f, v) == 9 && get_variable(f, w) == 108);
    li_session_free(s);
}

static void what_was_read_before_two_writes_is_not_taken_from_between_them(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 100);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_write, "first", v, x);
    li_vid between = read_of(f, "between", v);
    write_to(f, &op_write, "second", v, node(f, &op_twice, "twice", x, LI_NONE));
    write_to(f, &op_assign_add, "add", w, between);
    set_outputs(f, read_of(f, "after", v), LI_NONE);
    struct li_session *s = session_of(f);
    assert_true(run_number(f, s, 7) == 14);
    assert_true(get_variable(f, v) == 14 && get_variable(f, w) == 107);
    li_session_free(s);
}

static void a_write_that_must_stay_takes_the_writes_before_it_along(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 2);
    li_vid x = input_of(f, SHAPE(1)), a = read_of(f, "a", v);
    write_to(f, &op_assign_add, "w1", w, x);
    write_to(f, &op_assign, "w2", w, a);
    write_to(f, &op_assign_add, "v1", v, x);
    write_to(f, &op_assign_add, "w3", w, x);
    struct li_session *s = session_of(f);
    run_on(f, s, SHAPE(1), (const float[]){10});
    assert_true(get_variable(f, v) == 11 && get_variable(f, w) == 11);
    li_session_free(s);
}

/* ---- Failure and segments ---------------------------------------------------------------------------------------- */

static void a_failing_step_after_writes_leaves_all_as_it_was(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 2);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_assign, "commit", v, x);
    write_to(f, &op_write, "step", w, x);
    effect(f, &op_check, "check", x, LI_NONE);
    struct li_session *s = session_of(f);
    const float bad = -1, good = 5;
    for (int run = 0; run < 2; run++) {
        assert_int_equal(status_on(f, s, SHAPE(1), &bad), LINCE_EDATA);
        assert_true(get_variable(f, v) == 1 && get_variable(f, w) == 2);
        assert_int_equal(li_store_get(f->store, v)->version, li_store_get(f->store, w)->version);
    }
    OK(status_on(f, s, SHAPE(1), &good));
    assert_true(get_variable(f, v) == 5 && get_variable(f, w) == 5);
    li_session_free(s);
}

static lince_status refuse_results(void *context, const struct li_tensor *outputs, lince_error *err)
{
    (void)context, (void)outputs;
    return li_fail(err, LINCE_EDATA, "not these");
}

static void results_that_the_caller_refuses_commit_nothing(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_assign, "commit", v, x);
    struct li_session *s = session_of(f);
    const struct li_session_call call = {.accept = refuse_results};
    struct li_tensor input = float_tensor(SHAPE(1), (const float[]){9});
    const struct li_tensor *out;
    assert_int_equal(li_session_run(s, &input, 1, &call, &out, &f->err), LINCE_EDATA);
    assert_true(get_variable(f, v) == 1);
    li_session_free(s);
}

/* In the first segment both are written, in the last one again: v as the graph's end, w for a read. */
static void the_last_segment_commits_upon_what_an_earlier_one_wrote(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 100), u = variable_of(f, "u", 1000);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_assign_add, "v1", v, x);
    write_to(f, &op_assign_add, "w1", w, x);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);
    write_to(f, &op_assign_add, "v2", v, ones);
    li_vid old = read_of(f, "old", w);
    write_to(f, &op_assign_add, "w2", w, ones);
    write_to(f, &op_assign_add, "u", u, old);
    set_outputs(f, read_of(f, "after", w), ones);
    struct li_session *s = session_of(f);
    assert_true(run_number(f, s, 1) == 102);
    assert_true(get_variable(f, v) == 3 && get_variable(f, w) == 102 && get_variable(f, u) == 1101);
    assert_true(run_number(f, s, 1) == 104);
    assert_true(get_variable(f, v) == 5 && get_variable(f, w) == 104 && get_variable(f, u) == 1204);
    li_session_free(s);
}

static void a_variable_that_only_the_last_segment_writes_gets_memory_meanwhile(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable_of(f, "v", 1), w = variable_of(f, "w", 1);
    li_vid x = input_of(f, SHAPE(1));
    write_to(f, &op_assign, "first", v, x);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);
    write_to(f, &op_assign_add, "last", w, ones);
    set_outputs(f, ones, LI_NONE);
    struct li_session *s = session_of(f);
    run_number(f, s, 1);
    assert_true(get_variable(f, v) == 1 && get_variable(f, w) == 2);
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_reads_one_variable_and_writes_three),
        TEST(a_commit_of_a_hundred_megabytes_copies_nothing),
        TEST(two_variables_change_places),
        TEST(of_two_writes_of_one_variable_the_second_starts_from_the_first),
        TEST(a_read_after_a_write_sees_it_and_a_write_after_that_does_not_show),
        TEST(what_was_read_before_a_write_is_not_taken_from_after_it),
        TEST(what_was_read_before_two_writes_is_not_taken_from_between_them),
        TEST(a_write_that_must_stay_takes_the_writes_before_it_along),
        TEST(a_failing_step_after_writes_leaves_all_as_it_was),
        TEST(results_that_the_caller_refuses_commit_nothing),
        TEST(the_last_segment_commits_upon_what_an_earlier_one_wrote),
        TEST(a_variable_that_only_the_last_segment_writes_gets_memory_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
