/* What bodies make and nobody reads. */
#include "unit/control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void assert_nothing(const struct li_graph *g, li_vid v)
{
    const struct li_value *value = &g->values[v];
    assert_non_null(value->constant);
    assert_int_equal(value->shape.rank, 1);
    assert_int_equal(value->shape.dim[0], 0);
}

static struct li_graph *body_of(const struct fixture *f, int32_t node, int body)
{
    return f->g->nodes[node].body[body];
}

/* ---- Branches ---- */

/* if x > 0: Down(a), Down(b), else the same. */
static li_vid two_results(struct fixture *f, li_vid x, li_vid a, li_vid b)
{
    struct li_graph *outer = begin_body(f);
    li_vid p = argument(f), q = argument(f);
    li_vid first = node(f, &op_down, "first", p, LI_NONE);
    set_outputs(f, first, node(f, &op_down, "second", q, LI_NONE));
    struct li_graph *body = end_body(f, outer);
    return control(f, &op_if, "if", (li_vid[]){x, a, b}, 3, 2, body, body);
}

static void a_result_of_a_branch_that_nobody_reads_is_not_made(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = two_results(f, x, x, node(f, &op_down, "for_second", x, LI_NONE));
    set_outputs(f, y, LI_NONE);
    const struct li_graph *before = f->g, *body = body_of(f, 1, 0);
    OK(li_graph_trim(&f->g, &f->err));
    assert_ptr_not_equal(f->g, before);
    assert_ptr_not_equal(body_of(f, 1, 0), body);
    assert_ptr_equal(body_of(f, 1, 0), body_of(f, 1, 1));
    assert_nothing(body_of(f, 1, 0), body_of(f, 1, 0)->outputs[1]);
    assert_null(body_of(f, 1, 0)->values[body_of(f, 1, 0)->outputs[0]].constant);
    assert_int_equal(f->g->nodes[1].in[1], x);
    assert_nothing(f->g, f->g->nodes[1].in[2]);
}

static void what_all_read_stays_as_it_is(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = two_results(f, x, x, x);
    set_outputs(f, y, y + 1);
    const struct li_graph *before = f->g;
    OK(li_graph_trim(&f->g, &f->err));
    assert_ptr_equal(f->g, before);
}

/* One body, of which the first node's first result is read, and the second node's second. */
static void a_body_of_two_nodes_becomes_what_is_read_in_each(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = two_results(f, x, x, x);
    struct li_graph *body = body_of(f, 0, 0);
    li_vid z = control(f, &op_if, "other", (li_vid[]){x, x, x}, 3, 2, body, body);
    set_outputs(f, y, z + 1);
    OK(li_graph_trim(&f->g, &f->err));
    assert_nothing(body_of(f, 0, 0), body_of(f, 0, 0)->outputs[1]);
    assert_nothing(body_of(f, 1, 0), body_of(f, 1, 0)->outputs[0]);
    assert_null(body_of(f, 1, 0)->values[body_of(f, 1, 0)->outputs[1]].constant);
}

static void what_a_required_node_of_a_body_reads_is_made(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = two_results(f, x, x, node(f, &op_down, "for_second", x, LI_NONE));
    body_of(f, 1, 0)->nodes[1].required = true;
    set_outputs(f, y, LI_NONE);
    OK(li_graph_trim(&f->g, &f->err));
    assert_int_equal(f->g->nodes[1].in[2], f->g->nodes[0].out[0]);
}

/* ---- Loops ---- */

/* while i < 3: i, a, b, c = Down(i), a + b, Down(b), Longer(c), which no other needs. */
static li_vid four_variables(struct fixture *f, li_vid x)
{
    struct li_graph *condition = less_body(f, 4, 3), *outer = begin_body(f);
    li_vid i = argument(f), a = argument(f), b = argument(f), c = argument(f);
    li_vid results[] = {node(f, &op_down, "i", i, LI_NONE), node(f, &op_add, "a", a, b),
                        node(f, &op_down, "b", b, LI_NONE), node(f, &op_longer, "c", c, LI_NONE)};
    OK(li_graph_set_outputs(f->g, results, 4, &f->err));
    struct li_graph *turn = end_body(f, outer);
    return control(f, &op_while, "while", (li_vid[]){x, x, x, x}, 4, 4, condition, turn);
}

static void a_variable_that_only_itself_needs_is_handed_on(void **state)
{
    struct fixture *f = *state;
    li_vid y = four_variables(f, input_of(f, SHAPE(1)));
    set_outputs(f, y + 1, LI_NONE);
    OK(li_graph_trim(&f->g, &f->err));
    const struct li_graph *turn = body_of(f, 0, 1);
    for (int i = 0; i < 4; i++) { /* i for the condition, b for a */
        assert_int_equal(turn->outputs[i] == turn->inputs[i], i == 3);
        assert_int_equal(f->g->values[f->g->nodes[0].in[i]].constant != NULL, 0);
    }
}

static void who_waits_for_a_loop_waits_for_all_its_variables(void **state)
{
    struct fixture *f = *state;
    li_vid y = four_variables(f, input_of(f, SHAPE(1)));
    set_outputs(f, y + 1, LI_NONE);
    f->g->nodes[0].required = true;
    const struct li_graph *before = f->g;
    OK(li_graph_trim(&f->g, &f->err));
    assert_ptr_equal(f->g, before);
}

/* So the loop has one shape in all turns, and needs no run between two segments. */
static void a_loop_without_what_nobody_reads_is_inferred_whole(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid y = four_variables(f, input_of(f, SHAPE(1)));
    set_outputs(f, y + 1, LI_NONE);
    OK(li_graph_trim(&f->g, &f->err));
    OK(li_graph_touch(f->g, 0, NULL, &f->err));
    const struct li_infer_input input = {.dtype = LINCE_FLOAT32, .shape = *SHAPE(1)};
    OK(li_graph_infer(&inferred, f->g, &input, &f->env, &f->err));
    assert_null(inferred.rest);
    assert_int_equal(inferred.graph->nodes[0].body[1]->node_count, 3);
    li_inferred_free(&inferred);
}

/* ---- Bodies in bodies ---- */

/* The turn of a loop runs a loop, whose last variable only the outer's last needs. */
static void what_nobody_reads_of_a_loop_in_a_loop_is_not_made(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *condition = less_body(f, 2, 3), *outer = begin_body(f);
    li_vid i = argument(f), c = argument(f);
    li_vid inner = four_variables(f, i);
    set_outputs(f, inner, node(f, &op_add, "c", c, inner + 3));
    struct li_graph *turn = end_body(f, outer);
    set_outputs(f, control(f, &op_while, "outer", (li_vid[]){x, x}, 2, 2, condition, turn), LI_NONE);
    OK(li_graph_trim(&f->g, &f->err));
    const struct li_graph *made = body_of(f, 0, 1), *inside = made->nodes[0].body[1];
    assert_int_equal(made->outputs[1], made->inputs[1]);
    for (int k = 0; k < 4; k++) {
        assert_int_equal(inside->outputs[k] == inside->inputs[k], k != 0);
    }
}

/* f(x, y): if x: f(x, y)'s first and second result, else y and x; the first is read. */
static void a_body_inside_itself_stays_there(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), y = two_results(f, x, x, x);
    struct li_graph *leaf = body_of(f, 0, 0), *outer = begin_body(f);
    li_vid a = argument(f), b = argument(f);
    li_vid again = control(f, &op_if, "again", (li_vid[]){a, a, b}, 3, 2, f->g, leaf);
    set_outputs(f, again, again + 1);
    struct li_graph *self = end_body(f, outer);
    OK(li_graph_set_bodies(f->g, 0, (struct li_graph *[]){self, leaf}, 2, &f->err));
    set_outputs(f, y, LI_NONE);
    OK(li_graph_trim(&f->g, &f->err));
    const struct li_graph *made = body_of(f, 0, 0);
    assert_ptr_not_equal(made, self);
    assert_ptr_equal(made->nodes[0].body[0], self);
    assert_ptr_not_equal(made->nodes[0].body[1], leaf);
    assert_ptr_equal(self->nodes[0].body[1], leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_result_of_a_branch_that_nobody_reads_is_not_made),
        TEST(what_all_read_stays_as_it_is),
        TEST(a_body_of_two_nodes_becomes_what_is_read_in_each),
        TEST(what_a_required_node_of_a_body_reads_is_made),
        TEST(a_variable_that_only_itself_needs_is_handed_on),
        TEST(who_waits_for_a_loop_waits_for_all_its_variables),
        TEST(a_loop_without_what_nobody_reads_is_inferred_whole),
        TEST(what_nobody_reads_of_a_loop_in_a_loop_is_not_made),
        TEST(a_body_inside_itself_stays_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
