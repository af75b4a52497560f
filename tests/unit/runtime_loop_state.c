/* What loops write, turn after turn, and how they end. */
#include "unit/runtime_control_support.h"

#include <time.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- State ------------------------------------------------------------------------------------------------------- */

/* for i in range(turns): v += i; then v, as it was read in the loop and as it is after it. */
static void write_each_turn(struct fixture *f, const struct li_op *op, const struct li_op *how)
{
    int32_t v = variable(f, "v", 1);
    set_variable(f, v, 1, 100);
    li_vid x = input_of(f, SHAPE(1)), zero = number(f, 0);
    effect(f, how, "before", handle(f, v), x);
    struct turn t = turn_begin(f, 3);
    li_vid y = node(f, op, "shape", t.in[1], LI_NONE);
    effect(f, how, "write", handle(f, v), t.in[0]);
    li_vid seen = node(f, &op_read, "seen", handle(f, v), LI_NONE);
    li_vid z = turn_end(f, &t, (li_vid[]){y, seen}, 0, 4, (li_vid[]){x, zero});
    require_last(f);
    effect(f, how, "after", handle(f, v), x);
    set_outputs(f, z + 1, node(f, &op_read, "read", handle(f, v), LI_NONE));
    struct li_session *s = session_of(f);
    for (int run = 1; run <= 3; run++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){10});
        float now = 100 + 26.0f * (float)run;
        assert_true(first_of(&out[0]) == now - 10 && first_of(&out[1]) == now && get_variable(f, v) == now);
    }
    li_session_free(s);
}

static void each_turn_goes_on_from_what_the_turn_before_wrote(void **state)
{
    write_each_turn(*state, &op_twice, &op_accumulate);
    write_each_turn(*state, &op_twice, &op_assign_add);
}

static void so_does_each_turn_of_a_loop_whose_shapes_change(void **state)
{
    write_each_turn(*state, &op_longer, &op_accumulate);
    write_each_turn(*state, &op_longer, &op_assign_add);
}

static void a_turn_that_fails_undoes_those_before_it(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const shapes[] = {&op_down, &op_longer};
    for (int i = 0; i < 2; i++) {
        int32_t v = variable(f, "v", 1);
        li_vid x = input_of(f, SHAPE(1));
        struct turn t = turn_begin(f, 3);
        effect(f, &op_accumulate, "write", handle(f, v), t.in[0]);
        effect(f, &op_check, "check", t.in[2], LI_NONE);
        li_vid y = node(f, shapes[i], "shape", t.in[1], LI_NONE), less = node(f, &op_down, "down", t.in[2], LI_NONE);
        turn_end(f, &t, (li_vid[]){y, less}, 1, 4, (li_vid[]){x, x});
        require_last(f);
        struct li_session *s = session_of(f);
        const float few = 2, enough = 3;
        assert_int_equal(status_on(f, s, SHAPE(1), &few), LINCE_EDATA);
        assert_non_null(strstr(f->err.text, "node \"check\""));
        assert_true(get_variable(f, v) == 0);
        OK(status_on(f, s, SHAPE(1), &enough));
        assert_true(get_variable(f, v) == 6);
        li_session_free(s);
    }
}

/* ---- How a loop ends --------------------------------------------------------------------------------------------- */

/* A loop of very many turns that writes v in each. */
static struct li_session *endless(struct fixture *f, const struct li_op *op, int32_t v)
{
    li_vid x = input_of(f, SHAPE(1));
    struct turn t = turn_begin(f, 2);
    effect(f, &op_write, "write", handle(f, v), t.in[0]);
    li_vid y = node(f, op, "body", t.in[1], LI_NONE);
    turn_end(f, &t, &y, 0, 1e9f, &x);
    require_last(f);
    return session_of(f);
}

static void is_stopped(struct fixture *f, struct li_session *s, const struct li_stop *stop, const char *words)
{
    const struct li_session_call call = {.stop = stop};
    struct li_tensor input = float_tensor(SHAPE(1), (const float[]){1});
    const struct li_tensor *out;
    if (li_session_run(s, &input, 1, &call, &out, &f->err) != LINCE_ECANCELED) {
        fail_msg("%s", f->err.text);
    }
    assert_non_null(strstr(f->err.text, words));
}

static void a_run_that_is_stopped_commits_nothing(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const bodies[] = {&op_twice, &op_longer};
    for (int i = 0; i < 4; i++) {
        int32_t v = variable(f, "v", 1);
        struct li_session *s = endless(f, bodies[i % 2], v);
        struct li_stop stop = {.deadline_ns = i < 2 ? li_stop_after(20) : 0};
        atomic_store(&stop.canceled, i >= 2);
        is_stopped(f, s, &stop, i < 2 ? "deadline" : "canceled");
        assert_true(get_variable(f, v) == 0);
        li_session_free(s);
    }
}

/* A body of a bool and two arguments, which gives the bool and, unless it is a condition, those two, in any order. */
static struct li_graph *idle_body(struct fixture *f, bool condition, bool change)
{
    struct li_graph *outer = begin_body(f);
    li_vid in[3] = {argument(f), argument(f), argument(f)};
    f->g->values[in[0]].dtype = LINCE_BOOL;
    OK(li_graph_set_outputs(f->g, (li_vid[]){in[0], in[1 + change], in[2 - change]}, condition ? 1 : 3, &f->err));
    return end_body(f, outer);
}

/* Neither the condition nor the turn has a step: variables of one shape stay, those of two change places. */
static void a_loop_that_computes_nothing_is_stopped_too(void **state)
{
    struct fixture *f = *state;
    for (int change = 0; change < 2; change++) {
        li_vid x = input_of(f, SHAPE(1)), other = floats(f, SHAPE(1 + change), (const float[]){1, 2});
        const li_vid in[] = {node(f, &op_less, "yes", x, number(f, 2)), x, other};
        li_vid out = control(f, &op_while, "while", in, 3, 3, idle_body(f, true, false), idle_body(f, false, change));
        set_outputs(f, out, LI_NONE);
        struct li_session *s = session_of(f);
        struct li_stop stop = {.deadline_ns = li_stop_after(5)};
        is_stopped(f, s, &stop, "deadline");
        li_session_free(s);
    }
}

/* The turn hands on what it was given; so many are soon made. */
static void a_loop_that_does_not_end_is_refused(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    effect(f, &op_write, "write", handle(f, v), x);
    struct li_graph *condition = less_body(f, 1, 2), *same = unary_body(f, &op_identity, "same");
    set_outputs(f, control(f, &op_while, "while", &x, 1, 1, condition, same), LI_NONE);
    struct li_session *s = session_of(f);
    const float one = 1;
    assert_int_equal(status_on(f, s, SHAPE(1), &one), LINCE_ELIMIT);
    assert_non_null(strstr(f->err.text, "node \"while\" (While): loops have made more than"));
    assert_true(get_variable(f, v) == 0);
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_turn_goes_on_from_what_the_turn_before_wrote), TEST(so_does_each_turn_of_a_loop_whose_shapes_change),
        TEST(a_turn_that_fails_undoes_those_before_it),          TEST(a_run_that_is_stopped_commits_nothing),
        TEST(a_loop_that_computes_nothing_is_stopped_too),       TEST(a_loop_that_does_not_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
