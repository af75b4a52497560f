/* What a run reads and writes of the model's state, and what is kept between runs. */
#include "unit/runtime_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static uint64_t version_of(const struct fixture *f, int32_t resource)
{
    return li_store_get(f->store, resource)->version;
}

/* ---- Pending values ---- */

static void a_read_sees_what_was_written_before_it_in_the_run_and_nothing_later(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    set_variable(f, v, 1, 1);
    li_vid x = input_of(f, SHAPE(1)), h = handle(f, v), before = node(f, &op_read, "before", h, LI_NONE);
    effect(f, &op_write, "write", h, x);
    set_outputs(f, before, node(f, &op_read, "after", h, LI_NONE));
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){5});
    assert_true(first_of(&out[0]) == 1 && first_of(&out[1]) == 5 && get_variable(f, v) == 5);
    out = run_on(f, s, SHAPE(1), (const float[]){7});
    assert_true(first_of(&out[0]) == 5 && first_of(&out[1]) == 7 && get_variable(f, v) == 7);
    li_session_free(s);
}

static void the_second_of_two_writes_starts_from_the_first_and_is_committed_alone(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 2);
    li_vid x = input_of(f, SHAPE(2)), h = handle(f, v);
    effect(f, &op_accumulate, "first", h, x);
    li_vid between = node(f, &op_read, "between", h, LI_NONE);
    effect(f, &op_accumulate, "second", h, x);
    set_outputs(f, between, node(f, &op_read, "after", h, LI_NONE));
    struct li_session *s = session_of(f);
    uint64_t version = version_of(f, v);
    const struct li_tensor *out = run_on(f, s, SHAPE(2), (const float[]){10, 10});
    assert_true(first_of(&out[0]) == 10 && first_of(&out[1]) == 20 && get_variable(f, v) == 20);
    assert_int_equal(version_of(f, v), version + 1);
    li_session_free(s);
}

static void a_value_read_before_a_write_may_not_be_doubled_in_place(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1)), h = handle(f, v);
    effect(f, &op_write, "write", h, x);
    set_outputs(f, node(f, &op_twice, "twice", node(f, &op_read, "after", h, LI_NONE), LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    assert_true(first_of(run_on(f, s, SHAPE(1), (const float[]){3})) == 6);
    assert_true(get_variable(f, v) == 3);
    li_session_free(s);
}

static void a_failed_run_leaves_every_resource_as_it_was(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    set_variable(f, v, 1, 1);
    li_vid x = input_of(f, SHAPE(1));
    effect(f, &op_write, "write", handle(f, v), x);
    set_outputs(f, node(f, &op_random, "random", LI_NONE, LI_NONE), LI_NONE);
    effect(f, &op_check, "check", x, LI_NONE);
    struct li_session *s = session_of(f);
    const float bad = -1;
    struct li_tensor input = float_tensor(SHAPE(1), &bad);
    const struct li_tensor *out;
    uint64_t version = version_of(f, v);
    for (int run = 0; run < 2; run++) {
        assert_int_equal(li_session_run(s, &input, 1, NULL, &out, &f->err), LINCE_EDATA);
        assert_non_null(strstr(f->err.text, "check"));
        assert_true(get_variable(f, v) == 1 && version_of(f, v) == version);
    }
    assert_int_equal(*(uint64_t *)run_on(f, s, SHAPE(1), (const float[]){2})->data, 0);
    assert_true(get_variable(f, v) == 2);
    assert_int_equal(li_session_run(s, &input, 1, NULL, &out, &f->err), LINCE_EDATA);
    assert_true(get_variable(f, v) == 2);
    assert_int_equal(*(uint64_t *)run_on(f, s, SHAPE(1), (const float[]){3})->data, 1);
    li_session_free(s);
}

static void a_later_segment_goes_on_from_what_an_earlier_one_wrote(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 3);
    set_variable(f, v, 3, 100);
    li_vid x = input_of(f, SHAPE(3)), h = handle(f, v);
    effect(f, &op_accumulate, "first", h, x);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);
    effect(f, &op_accumulate, "second", h, ones);
    set_outputs(f, node(f, &op_read, "after", h, LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    for (int run = 1; run <= 2; run++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(3), (const float[]){1, 1, 1});
        assert_true(first_of(out) == 100.0f + 2.0f * (float)run);
        assert_true(get_variable(f, v) == 100.0f + 2.0f * (float)run);
    }
    li_session_free(s);
}

static lince_status third_prepare(struct li_prepare *p)
{
    p->tasks = 5;
    return LINCE_OK;
}

/* Of its five tasks, the third and the last fail. */
static lince_status third_forward(struct li_call *c)
{
    return c->task == 2 || c->task == 4 ? li_call_fail(c, LINCE_EDATA, "task %d", (int)c->task) : LINCE_OK;
}

UNARY(op_third, "Third", same_rule, .prepare = third_prepare, .forward = third_forward);

static void a_task_that_fails_among_others_fails_the_run(void **state)
{
    struct fixture *f = *state;
    for (int threads = 1; threads <= 3; threads++) {
        li_vid x = input_of(f, SHAPE(1));
        int32_t v = variable(f, "v", 1);
        effect(f, &op_write, "write", handle(f, v), x);
        set_outputs(f, node(f, &op_third, "third", x, LI_NONE), LI_NONE);
        struct li_session *s = session_with(f, threads, NULL);
        const float one = 1;
        struct li_tensor input = float_tensor(SHAPE(1), &one);
        const struct li_tensor *out;
        assert_int_equal(li_session_run(s, &input, 1, NULL, &out, &f->err), LINCE_EDATA);
        assert_non_null(strstr(f->err.text, "third"));
        assert_non_null(strstr(f->err.text, threads == 1 ? "task 2" : "task "));
        assert_true(get_variable(f, v) == 0);
        li_session_free(s);
    }
}

static void a_later_segment_that_fails_undoes_what_an_earlier_one_wrote(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 2);
    li_vid x = input_of(f, SHAPE(2));
    effect(f, &op_write, "write", handle(f, v), x);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);
    set_outputs(f, node(f, &op_third, "third", ones, LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    const float data[2] = {1, 2};
    struct li_tensor input = float_tensor(SHAPE(2), data);
    const struct li_tensor *out;
    uint64_t version = version_of(f, v);
    assert_int_equal(li_session_run(s, &input, 1, NULL, &out, &f->err), LINCE_EDATA);
    assert_true(get_variable(f, v) == 0 && version_of(f, v) == version);
    li_session_free(s);
}

/* ---- Generators ---- */

static void a_random_op_goes_on_where_it_was_in_new_plans_and_sessions(void **state)
{
    struct fixture *f = *state;
    struct li_session *s[2];
    for (int i = 0; i < 2; i++) {
        li_vid x = input_of(f, SHAPE(-1));
        set_outputs(f, node(f, &op_random, "random", LI_NONE, LI_NONE), node(f, &op_twice, "twice", x, LI_NONE));
        s[i] = session_of(f);
    }
    const float data[8] = {0};
    for (uint64_t run = 0; run < 6; run++) {
        const struct li_tensor *out = run_on(f, s[run % 2], SHAPE((int64_t)(run / 2) + 1), data);
        assert_int_equal(*(uint64_t *)out[0].data, run);
    }
    li_session_free(s[0]);
    li_session_free(s[1]);
}

/* ---- Prepare ---- */

/* input + Pack(v) */
static struct li_session *adding(struct fixture *f, int32_t v)
{
    li_vid x = input_of(f, SHAPE(-1));
    li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", handle(f, v), LI_NONE), LI_NONE);
    set_outputs(f, node(f, &op_add, "sum", x, packed), LI_NONE);
    return session_of(f);
}

static void prepared_results_are_shared_and_made_again_only_when_their_variable_was_written(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1), other = variable(f, "other", 1);
    struct li_session *s[2] = {adding(f, v), adding(f, v)};
    const float data[3] = {10, 20, 30};
    atomic_store(&packs, 0);
    for (int round = 0; round < 3; round++) {
        set_variable(f, v, 1, (float)round);
        for (int run = 0; run < 8; run++) {
            set_variable(f, other, 1, (float)run);
            const float *out = run_on(f, s[run % 2], SHAPE(1 + run % 3), data)->data;
            assert_true(out[0] == 11 + (float)round);
        }
        assert_int_equal(atomic_load(&packs), round + 1);
    }
    li_session_free(s[0]);
    assert_true(first_of(run_on(f, s[1], SHAPE(1), data)) == 13);
    assert_int_equal(atomic_load(&packs), 3);
    li_session_free(s[1]);
    s[0] = adding(f, v); /* nobody held it any more */
    assert_true(first_of(run_on(f, s[0], SHAPE(1), data)) == 13);
    assert_int_equal(atomic_load(&packs), 4);
    li_session_free(s[0]);
}

static void what_is_still_fresh_is_not_made_again_for_what_is_stale(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1), w = variable(f, "w", 1);
    li_vid x = input_of(f, SHAPE(1)), h = handle(f, v), k = handle(f, w);
    li_vid p = node(f, &op_pack, "p", node(f, &op_read, "v", h, LI_NONE), LI_NONE);
    li_vid mixed = node(f, &op_add, "mixed", p, node(f, &op_read, "w", k, LI_NONE));
    li_vid q = node(f, &op_pack, "q", mixed, LI_NONE);
    set_outputs(f, node(f, &op_add, "z", node(f, &op_add, "y", x, p), q), LI_NONE);
    struct li_session *s = session_of(f);
    const float zero = 0;
    atomic_store(&packs, 0);
    assert_true(first_of(run_on(f, s, SHAPE(1), &zero)) == 3);
    assert_int_equal(atomic_load(&packs), 2);
    set_variable(f, w, 1, 10);
    assert_true(first_of(run_on(f, s, SHAPE(1), &zero)) == 13);
    assert_int_equal(atomic_load(&packs), 3);
    set_variable(f, v, 1, 100);
    assert_true(first_of(run_on(f, s, SHAPE(1), &zero)) == 213);
    assert_int_equal(atomic_load(&packs), 5);
    li_session_free(s);
}

struct told {
    int count, prepared;
    char reason[32];
};

static int listen(const struct li_step_info *step, void *context)
{
    struct told *told = context;
    told->count++;
    if (strcmp(step->name, "pack") == 0) {
        told->prepared = step->prepared;
    }
    if (step->reason) {
        snprintf(told->reason, sizeof told->reason, "%s", step->reason);
    }
    return 0;
}

static void a_node_is_prepared_unless_the_plan_writes_its_variable(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    const float one = 1;
    for (int writes = 0; writes < 2; writes++) {
        li_vid x = input_of(f, SHAPE(1)), h = handle(f, v);
        if (writes) {
            effect(f, &op_write, "write", h, x);
        }
        li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", h, LI_NONE), LI_NONE);
        set_outputs(f, node(f, &op_twice, "twice", node(f, &op_add, "sum", x, packed), LI_NONE), LI_NONE);
        struct li_session *s = session_of(f);
        struct told told = {0};
        OK(li_session_explain(s, SHAPE(1), 1, listen, &told, &f->err));
        assert_int_equal(told.prepared, !writes);
        assert_int_equal(told.count, 4); /* a read is told of only where it is prepared */
        assert_string_equal(told.reason, "by doubling");
        atomic_store(&packs, 0);
        for (int run = 0; run < 3; run++) {
            assert_true(first_of(run_on(f, s, SHAPE(1), &one)) == (writes ? 6 : 4));
        }
        assert_int_equal(atomic_load(&packs), writes ? 3 : 1);
        li_session_free(s);
    }
}

static void a_prepared_result_is_given_out_as_a_copy(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid read = node(f, &op_read, "read", handle(f, v), LI_NONE);
    set_outputs(f, node(f, &op_pack, "pack", read, LI_NONE), read);
    struct li_session *s = session_of(f);
    const struct li_tensor *out;
    OK(li_session_run(s, NULL, 0, NULL, &out, &f->err));
    set_variable(f, v, 1, 50);
    assert_true(first_of(&out[0]) == 1 && first_of(&out[1]) == 0);
    OK(li_session_run(s, NULL, 0, NULL, &out, &f->err));
    assert_true(first_of(&out[0]) == 51 && first_of(&out[1]) == 50);
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_read_sees_what_was_written_before_it_in_the_run_and_nothing_later),
        TEST(the_second_of_two_writes_starts_from_the_first_and_is_committed_alone),
        TEST(a_value_read_before_a_write_may_not_be_doubled_in_place),
        TEST(a_failed_run_leaves_every_resource_as_it_was),
        TEST(a_later_segment_goes_on_from_what_an_earlier_one_wrote),
        TEST(a_task_that_fails_among_others_fails_the_run),
        TEST(a_later_segment_that_fails_undoes_what_an_earlier_one_wrote),
        TEST(a_random_op_goes_on_where_it_was_in_new_plans_and_sessions),
        TEST(prepared_results_are_shared_and_made_again_only_when_their_variable_was_written),
        TEST(what_is_still_fresh_is_not_made_again_for_what_is_stale),
        TEST(a_node_is_prepared_unless_the_plan_writes_its_variable),
        TEST(a_prepared_result_is_given_out_as_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
