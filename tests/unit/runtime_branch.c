/* Runs of branches: which body is taken and when that is known, what it may write, and branches in themselves. */
#include "unit/runtime_control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Whether x > limit. */
static li_vid above(struct fixture *f, li_vid x, float limit)
{
    return node(f, &op_less, "above", number(f, limit), x);
}

static struct li_graph *longer_body(struct fixture *f)
{
    return unary_body(f, &op_longer, "longer");
}

static struct li_graph *down_body(struct fixture *f)
{
    return unary_body(f, &op_down, "down");
}

/* ---- Selectors --------------------------------------------------------------------------------------------------- */

static void a_constant_selector_takes_its_body_alone(void **state)
{
    struct fixture *f = *state;
    for (int taken = 0; taken < 2; taken++) {
        li_vid x = input_of(f, SHAPE(-1));
        set_outputs(f,
                    control(f, &op_if, "if", (li_vid[]){number(f, taken == 0), x}, 2, 1, down_body(f), longer_body(f)),
                    LI_NONE);
        struct li_session *s = session_of(f);
        const struct li_tensor *out = run_on(f, s, SHAPE(2), (const float[]){5, 6});
        assert_numbers(out, taken ? 3 : 2, taken ? (const float[]){1, 1, 1} : (const float[]){4, 5});
        li_session_free(s);
    }
}

static void a_selector_that_only_running_tells_chooses_each_time(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2)), y = node(f, &op_twice, "twice", x, LI_NONE);
    struct li_graph *down = down_body(f), *twice = unary_body(f, &op_twice, "body");
    li_vid z = control(f, &op_if, "if", (li_vid[]){above(f, y, 10), y}, 2, 1, down, twice);
    set_outputs(f, z, y);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 4; run++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(2), run % 2 ? (const float[]){1, 2} : (const float[]){6, 7});
        assert_numbers(&out[0], 2, run % 2 ? (const float[]){4, 8} : (const float[]){11, 13});
        assert_numbers(&out[1], 2, run % 2 ? (const float[]){2, 4} : (const float[]){12, 14});
    }
    li_session_free(s);
}

static void bodies_of_two_shapes_are_chosen_when_the_selector_is_there(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1));
    li_vid y = control(f, &op_if, "if", (li_vid[]){above(f, x, 5), x}, 2, 1, down_body(f), longer_body(f));
    set_outputs(f, node(f, &op_twice, "twice", y, LI_NONE), x);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 6; run++) {
        const float data[2] = {run % 2 ? 1.0f : 8.0f, 3};
        const struct li_tensor *out = run_on(f, s, SHAPE(2), data);
        assert_numbers(&out[0], run % 2 ? 3 : 2, run % 2 ? (const float[]){2, 2, 2} : (const float[]){14, 4});
        assert_numbers(&out[1], 2, data);
    }
    li_session_free(s);
}

/* if x > 0: (if x > 10: x - 1 else 2 x) else x, with `grows` a body of another shape inside. */
static void nested(struct fixture *f, bool grows)
{
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f);
    li_vid y = argument(f);
    struct li_graph *down = down_body(f), *other = grows ? longer_body(f) : unary_body(f, &op_twice, "twice");
    set_outputs(f, control(f, &op_if, "inner", (li_vid[]){above(f, y, 10), y}, 2, 1, down, other), LI_NONE);
    struct li_graph *body = end_body(f, outer), *same = unary_body(f, &op_identity, "same");
    set_outputs(f, control(f, &op_if, "outer", (li_vid[]){above(f, x, 0), x}, 2, 1, body, same), LI_NONE);
}

static void branches_in_branches_choose_one_by_one(void **state)
{
    struct fixture *f = *state;
    for (int grows = 0; grows < 2; grows++) {
        nested(f, grows);
        struct li_session *s = session_of(f);
        for (int run = 0; run < 2; run++) {
            assert_numbers(run_on(f, s, SHAPE(1), (const float[]){20}), 1, (const float[]){19});
            assert_numbers(run_on(f, s, SHAPE(1), (const float[]){4}), 1 + grows, (const float[]){grows ? 1 : 8, 1});
            assert_numbers(run_on(f, s, SHAPE(1), (const float[]){-3}), 1, (const float[]){-3});
        }
        li_session_free(s);
    }
}

/* Two results, one of them an argument, one twice, and constants of the body. */
static void results_may_be_arguments_constants_and_each_other(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = node(f, &op_twice, "twice", x, LI_NONE);
    struct li_graph *outer = begin_body(f);
    li_vid a = argument(f), b = argument(f), c = node(f, &op_add, "sum", a, b);
    OK(li_graph_set_outputs(f->g, (li_vid[]){b, c, c}, 3, &f->err));
    struct li_graph *sums = end_body(f, outer);
    outer = begin_body(f);
    a = argument(f), argument(f);
    OK(li_graph_set_outputs(f->g, (li_vid[]){number(f, 7), a, number(f, 9)}, 3, &f->err));
    struct li_graph *plain = end_body(f, outer);
    li_vid z = control(f, &op_if, "if", (li_vid[]){above(f, x, 0), x, y}, 3, 3, sums, plain);
    OK(li_graph_set_outputs(f->g, (li_vid[]){z, z + 1, z + 2}, 3, &f->err));
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){3});
    assert_true(first_of(&out[0]) == 6 && first_of(&out[1]) == 9 && first_of(&out[2]) == 9);
    out = run_on(f, s, SHAPE(1), (const float[]){-3});
    assert_true(first_of(&out[0]) == 7 && first_of(&out[1]) == -3 && first_of(&out[2]) == 9);
    li_session_free(s);
}

/* ---- Bodies in several places ------------------------------------------------------------------------------------ */

static void one_body_is_run_for_two_nodes(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *down = down_body(f), *twice = unary_body(f, &op_twice, "twice");
    li_vid y = control(f, &op_if, "first", (li_vid[]){above(f, x, 0), x}, 2, 1, down, twice);
    li_vid z = control(f, &op_if, "second", (li_vid[]){above(f, x, 10), y}, 2, 1, down, twice);
    set_outputs(f, z, y);
    struct li_session *s = session_of(f);
    assert_true(run_number(f, s, 20) == 18);
    assert_true(run_number(f, s, 5) == 8);
    assert_true(run_number(f, s, -1) == -4);
    li_session_free(s);
}

/* fact(n, p) = n > 0 ? fact(down(n), p n) : p; `down` makes n known only by running, if it is Down. */
static struct li_session *factorial(struct fixture *f, bool folds)
{
    li_vid x = input_of(f, SHAPE(1)), one = number(f, 1);
    struct li_graph *outer = begin_body(f), *self = f->g;
    li_vid n = argument(f), p = argument(f);
    li_vid less = folds ? node(f, &op_add, "less", n, number(f, -1)) : node(f, &op_down, "less", n, LI_NONE);
    li_vid product = node(f, &op_times, "product", p, n);
    struct li_graph *inner = begin_body(f);
    argument(f);
    set_outputs(f, argument(f), LI_NONE);
    struct li_graph *done = end_body(f, inner);
    set_outputs(f, control(f, &op_if, "again", (li_vid[]){above(f, less, 0), less, product}, 3, 1, self, done),
                LI_NONE);
    struct li_graph *body = end_body(f, outer);
    set_outputs(f, control(f, &op_if, "fact", (li_vid[]){above(f, x, 0), x, one}, 3, 1, body, done), LI_NONE);
    return session_of(f);
}

static void a_function_that_calls_itself_ends_where_running_says(void **state)
{
    struct fixture *f = *state;
    for (int folds = 0; folds < 2; folds++) {
        struct li_session *s = factorial(f, folds);
        const float wanted[] = {1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800};
        for (int run = 0; run < 24; run++) {
            int n = run < 12 ? run : 23 - run;
            assert_true(run_number(f, s, (float)n) == wanted[n]);
        }
        li_session_free(s);
    }
}

static void beyond_the_limit_a_function_that_calls_itself_is_refused(void **state)
{
    struct fixture *f = *state;
    struct li_session *s = factorial(f, true);
    const float many = 1e6f;
    assert_int_equal(status_on(f, s, SHAPE(1), &many), LINCE_ELIMIT);
    assert_non_null(strstr(f->err.text, "branches are taken before anything runs"));
    assert_true(run_number(f, s, 3) == 6);
    li_session_free(s);
}

static void so_is_one_that_only_running_would_end(void **state)
{
    struct fixture *f = *state;
    struct li_session *s = factorial(f, false);
    const float many = 1e6f;
    assert_int_equal(status_on(f, s, SHAPE(1), &many), LINCE_ELIMIT);
    assert_non_null(strstr(f->err.text, "one after another"));
    assert_true(run_number(f, s, 3) == 6);
    li_session_free(s);
}

/* ---- State ------------------------------------------------------------------------------------------------------- */

/* A body that writes its argument to v, or adds it, and gives it on as `op` does. */
static struct li_graph *writing(struct fixture *f, const struct li_op *how, int32_t v, const struct li_op *op)
{
    struct li_graph *outer = begin_body(f);
    li_vid x = argument(f);
    effect(f, how, "write", handle(f, v), x);
    set_outputs(f, node(f, op, "op", x, LI_NONE), LI_NONE);
    return end_body(f, outer);
}

/* v is added to in the one branch and left by the other; other: gives one shape, or two. */
static void write_in_one_branch(struct fixture *f, const struct li_op *other)
{
    int32_t v = variable(f, "v", 1);
    set_variable(f, v, 1, 100);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *writes = writing(f, &op_accumulate, v, &op_twice), *leaves = unary_body(f, other, "other");
    effect(f, &op_accumulate, "before", handle(f, v), x);
    control(f, &op_if, "if", (li_vid[]){above(f, x, 0), x}, 2, 1, writes, leaves);
    require_last(f);
    set_outputs(f, node(f, &op_read, "after", handle(f, v), LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    assert_true(run_number(f, s, 5) == 110 && get_variable(f, v) == 110);
    assert_true(run_number(f, s, -10) == 100 && get_variable(f, v) == 100);
    assert_true(run_number(f, s, 1) == 102 && get_variable(f, v) == 102);
    li_session_free(s);
}

static void a_variable_is_written_where_the_branch_that_writes_is_taken(void **state)
{
    write_in_one_branch(*state, &op_down);
    write_in_one_branch(*state, &op_longer);
}

/* The one that is not taken refuses its argument, as a rule or as it runs. */
static void an_error_matters_in_the_branch_that_is_taken_alone(void **state)
{
    struct fixture *f = *state;
    for (int rule = 0; rule < 2; rule++) {
        int32_t v = variable(f, "v", 1);
        li_vid x = input_of(f, SHAPE(1));
        struct li_graph *outer = begin_body(f);
        li_vid y = argument(f);
        effect(f, &op_write, "write", handle(f, v), y);
        if (rule) {
            set_outputs(f, node(f, &op_ones, "bad", y, LI_NONE), LI_NONE);
        } else {
            effect(f, &op_check, "bad", y, LI_NONE);
            set_outputs(f, y, LI_NONE);
        }
        struct li_graph *bad = end_body(f, outer), *good = writing(f, &op_write, v, &op_down);
        set_outputs(f, control(f, &op_if, "if", (li_vid[]){above(f, x, 0), x}, 2, 1, good, bad), LI_NONE);
        struct li_session *s = session_of(f);
        const float negative = -5;
        assert_true(run_number(f, s, 5) == 4 && get_variable(f, v) == 5);
        assert_int_equal(status_on(f, s, SHAPE(1), &negative), rule ? LINCE_EINVAL : LINCE_EDATA);
        assert_non_null(strstr(f->err.text, "node \"bad\""));
        assert_true(get_variable(f, v) == 5);
        assert_true(run_number(f, s, 7) == 6 && get_variable(f, v) == 7);
        li_session_free(s);
    }
}

/* A random node goes on only when its branch is taken. */
static void a_generator_in_a_branch_goes_on_when_it_is_taken(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f);
    argument(f);
    set_outputs(f, node(f, &op_random, "random", LI_NONE, LI_NONE), LI_NONE);
    struct li_graph *random = end_body(f, outer);
    outer = begin_body(f);
    argument(f);
    static const uint64_t none = 99;
    li_vid constant;
    OK(li_graph_constant(f->g, tensor_of(f->g, LINCE_UINT64, SCALAR, &none), &constant, &f->err));
    set_outputs(f, constant, LI_NONE);
    struct li_graph *plain = end_body(f, outer);
    set_outputs(f, control(f, &op_if, "if", (li_vid[]){above(f, x, 0), x}, 2, 1, random, plain), LI_NONE);
    struct li_session *s = session_of(f);
    for (uint64_t run = 0; run < 8; run++) {
        const float data = run % 2 ? -1 : 1;
        assert_int_equal(*(const uint64_t *)run_on(f, s, SHAPE(1), &data)->data, run % 2 ? none : run / 2);
    }
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_constant_selector_takes_its_body_alone),
        TEST(a_selector_that_only_running_tells_chooses_each_time),
        TEST(bodies_of_two_shapes_are_chosen_when_the_selector_is_there),
        TEST(branches_in_branches_choose_one_by_one),
        TEST(results_may_be_arguments_constants_and_each_other),
        TEST(one_body_is_run_for_two_nodes),
        TEST(a_function_that_calls_itself_ends_where_running_says),
        TEST(beyond_the_limit_a_function_that_calls_itself_is_refused),
        TEST(so_is_one_that_only_running_would_end),
        TEST(a_variable_is_written_where_the_branch_that_writes_is_taken),
        TEST(an_error_matters_in_the_branch_that_is_taken_alone),
        TEST(a_generator_in_a_branch_goes_on_when_it_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
