/* What repeated runs cost, and what a run without memory leaves: graphs with segments, branches and loops. */
#include "unit/runtime_control_support.h"
#include "unit/runtime_failing.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- Graphs: each takes one number ------------------------------------------------------------------------------- */

static li_vid above(struct fixture *f, li_vid x, float limit)
{
    return node(f, &op_less, "above", number(f, limit), x);
}

/* Two segments. */
static void segments(struct fixture *f)
{
    li_vid x = input_of(f, SHAPE(1)), length = node(f, &op_length, "length", x, LI_NONE);
    set_outputs(f, node(f, &op_twice, "twice", node(f, &op_ones, "ones", length, LI_NONE), LI_NONE), LI_NONE);
}

/* x > 2 ? x - 1 : `other`(x), one of which writes. */
static void branch(struct fixture *f, const struct li_op *other)
{
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f);
    li_vid y = argument(f);
    effect(f, &op_accumulate, "write", handle(f, v), y);
    set_outputs(f, node(f, &op_down, "down", y, LI_NONE), LI_NONE);
    struct li_graph *down = end_body(f, outer), *body = unary_body(f, other, "other");
    set_outputs(f, control(f, &op_if, "if", (li_vid[]){above(f, x, 2), x}, 2, 1, down, body), LI_NONE);
}

static void static_branch(struct fixture *f)
{
    branch(f, &op_twice);
}

static void branch_of_two_shapes(struct fixture *f)
{
    branch(f, &op_longer);
}

/* for i in range(3): x = op(x), v += i, with something packed of a constant and a variable. */
static void loop(struct fixture *f, const struct li_op *op)
{
    int32_t v = variable(f, "v", 1), w = variable(f, "w", 1);
    li_vid x = input_of(f, SHAPE(1)), zero = number(f, 0);
    struct li_graph *condition = less_body(f, 2, 3), *outer = begin_body(f);
    li_vid i = argument(f), y = argument(f);
    li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", handle(f, w), LI_NONE), LI_NONE);
    effect(f, &op_accumulate, "write", handle(f, v), i);
    set_outputs(f, node(f, &op_add, "next", i, packed), node(f, op, "op", y, LI_NONE));
    struct li_graph *turn = end_body(f, outer);
    li_vid z = control(f, &op_while, "while", (li_vid[]){zero, x}, 2, 2, condition, turn);
    set_outputs(f, z + 1, LI_NONE);
}

static void static_loop(struct fixture *f)
{
    loop(f, &op_twice);
}

static void loop_whose_shapes_change(struct fixture *f)
{
    loop(f, &op_longer);
}

/* A loop whose turn chooses, in a branch, before a segment. */
static void loop_in_a_branch(struct fixture *f)
{
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f);
    li_vid y = argument(f), zero = number(f, 0);
    struct li_graph *condition = less_body(f, 2, 2), *inner = begin_body(f);
    li_vid i = argument(f), z = argument(f);
    struct li_graph *longer = unary_body(f, &op_longer, "longer"), *same = unary_body(f, &op_identity, "same");
    li_vid chosen = control(f, &op_if, "inner", (li_vid[]){i, z}, 2, 1, longer, same);
    set_outputs(f, node(f, &op_add, "next", i, number(f, 1)), chosen);
    struct li_graph *turn = end_body(f, inner);
    li_vid last = control(f, &op_while, "while", (li_vid[]){zero, y}, 2, 2, condition, turn) + 1;
    set_outputs(f, last, LI_NONE);
    struct li_graph *loops = end_body(f, outer), *down = unary_body(f, &op_down, "down");
    li_vid result = control(f, &op_if, "if", (li_vid[]){above(f, x, 2), x}, 2, 1, loops, down);
    set_outputs(f, node(f, &op_twice, "twice", result, LI_NONE), LI_NONE);
}

static void (*const graphs[])(struct fixture *f) = {
    segments, static_branch, branch_of_two_shapes, static_loop, loop_whose_shapes_change, loop_in_a_branch};

/* ---- Steady state ------------------------------------------------------------------------------------------------ */

/* Both selectors in turn, and two lengths of what depends on data. */
static void run_pair(struct fixture *f, struct li_session *s)
{
    run_number(f, s, 3);
    run_number(f, s, 1);
}

static void repeated_runs_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    for (size_t g = 0; g < LI_COUNT(graphs) - 1; g++) {
        graphs[g](f);
        struct li_session *s = session_of(f);
        run_pair(f, s);
        run_pair(f, s);
        uint64_t allocations = li_mem_allocations(f->mem);
        for (int run = 0; run < 5; run++) {
            run_pair(f, s);
        }
        assert_int_equal(li_mem_allocations(f->mem), allocations);
        li_session_free(s);
    }
}

/* What comes behind a branch that was not taken the last time finds its loop gone, and its plans there. */
static void a_loop_behind_a_branch_is_not_planned_again(void **state)
{
    struct fixture *f = *state;
    loop_in_a_branch(f);
    struct li_session *s = session_of(f);
    run_pair(f, s);
    atomic_store(&prepares, 0);
    for (int run = 0; run < 3; run++) {
        run_pair(f, s);
    }
    assert_int_equal(atomic_load(&prepares), 0);
    uint64_t allocations = li_mem_allocations(f->mem);
    run_number(f, s, 1);
    run_number(f, s, 1);
    assert_int_equal(li_mem_allocations(f->mem), allocations);
    li_session_free(s);
}

/* ---- Memory that runs out ---------------------------------------------------------------------------------------- */

static lince_status try_pair(struct fixture *f, struct li_session *s)
{
    static const float numbers[2] = {3, 1};
    LI_TRY(status_on(f, s, SHAPE(1), &numbers[0]));
    return status_on(f, s, SHAPE(1), &numbers[1]);
}

static void every_allocation_that_fails_ends_in_enomem_without_a_leak(void **state)
{
    (void)state;
    for (size_t g = 0; g < LI_COUNT(graphs); g++) {
        survives(graphs[g], try_pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(repeated_runs_allocate_nothing),
        TEST(a_loop_behind_a_branch_is_not_planned_again),
        cmocka_unit_test(every_allocation_that_fails_ends_in_enomem_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
