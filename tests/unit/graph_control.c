/* Inference of nodes that run bodies: what is decided before running, and what is left to it. */
#include "unit/control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void touch_all(struct fixture *f)
{
    for (int32_t n = 0; n < f->g->node_count; n++) {
        OK(li_graph_touch(f->g, n, NULL, &f->err));
    }
}

static lince_status try_infer(struct fixture *f, struct li_inferred *out, const struct li_shape *shapes)
{
    struct li_infer_input inputs[4] = {{.known = NULL}};
    for (int32_t i = 0; i < f->g->input_count; i++) {
        inputs[i] = (struct li_infer_input){.dtype = LINCE_FLOAT32, .shape = shapes[i]};
    }
    touch_all(f);
    return li_graph_infer(out, f->g, inputs, &f->env, &f->err);
}

static void assert_text(struct fixture *f, const struct li_graph *g, const char *wanted)
{
    char *text = li_graph_text((struct li_graph *)(uintptr_t)g, &f->err);
    assert_non_null(text);
    assert_string_equal(text, wanted);
}

static const struct li_value *result(const struct li_graph *g, int i)
{
    return &g->values[g->outputs[i]];
}

/* ---- Branches ---------------------------------------------------------------------------------------------------- */

/* if selector: Down(x), else: `other`(x). */
static void choice(struct fixture *f, li_vid selector, const struct li_op *other)
{
    li_vid x = input_of(f, SHAPE(-1));
    struct li_graph *down = unary_body(f, &op_down, "down"), *two = unary_body(f, other, "other");
    set_outputs(f, control(f, &op_if, "if", (li_vid[]){selector, x}, 2, 1, down, two), LI_NONE);
}

static void a_branch_of_constant_selector_gives_way_to_its_body(void **state)
{
    struct fixture *f = *state;
    for (int taken = 0; taken < 2; taken++) {
        struct li_inferred inferred;
        choice(f, number(f, taken == 0), &op_longer);
        OK(try_infer(f, &inferred, SHAPE(3)));
        assert_null(inferred.rest);
        assert_int_equal(inferred.graph->node_count, 1);
        assert_string_equal(inferred.graph->nodes[0].name, taken ? "other" : "down");
        assert_int_equal(result(inferred.graph, 0)->shape.dim[0], taken ? 4 : 3);
        assert_int_equal(inferred.choices, 1);
        assert_int_equal(inferred.choice[0], taken);
        li_inferred_free(&inferred);
        li_graph_free(f->g);
        OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    }
}

static void a_branch_whose_bodies_give_one_shape_needs_no_selector(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    choice(f, input_of(f, SHAPE(1)), &op_slow);
    struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(3)};
    f->g->nodes[0].body[1]->nodes[0].op = &op_down;
    OK(try_infer(f, &inferred, shapes));
    assert_null(inferred.rest);
    assert_int_equal(inferred.graph->nodes[0].bodies, 2);
    assert_int_equal(result(inferred.graph, 0)->shape.dim[0], 3);
    assert_int_equal(result(inferred.graph->nodes[0].body[1], 0)->shape.dim[0], 3);
    li_inferred_free(&inferred);
}

static void a_branch_whose_bodies_give_two_shapes_waits_for_the_selector(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    const struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(3)};
    choice(f, input_of(f, SHAPE(1)), &op_longer);
    OK(try_infer(f, &inferred, shapes));
    assert_non_null(inferred.rest);
    assert_int_equal(inferred.graph->node_count, 0);
    assert_null(inferred.loop.op);
    li_inferred_free(&inferred);
}

/* Unknown by its rank: Ones takes a vector of numbers as its shape, and finds a float32. */
static void a_body_in_error_is_left_to_running(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    const struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(3)};
    choice(f, input_of(f, SHAPE(1)), &op_ones);
    OK(try_infer(f, &inferred, shapes));
    assert_non_null(inferred.rest);
    li_inferred_free(&inferred);
}

static void a_body_for_another_number_of_arguments_is_refused(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *body = unary_body(f, &op_down, "down");
    control(f, &op_if, "if", (li_vid[]){x, x, x}, 3, 1, body, body);
    require_last(f);
    assert_int_equal(try_infer(f, &inferred, SHAPE(1)), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "node \"if\" (If): a body takes 1 tensors and gives 1, wanted 2 and 1"));
}

static void a_body_for_arguments_of_another_dtype_is_refused(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid x = input_of(f, SHAPE(1)), selectors[2] = {x, number(f, 1)};
    struct li_graph *body = unary_body(f, &op_down, "down");
    body->values[body->inputs[0]].dtype = LINCE_INT64;
    for (int i = 0; i < 2; i++) {
        control(f, &op_if, "if", (li_vid[]){selectors[i], x}, 2, 1, body, body);
        require_last(f);
        assert_int_equal(try_infer(f, &inferred, SHAPE(1)), LINCE_EINVAL);
        assert_non_null(strstr(f->err.text, "node \"if\" (If): input 1 is float32, its body takes int64"));
        f->g->node_count--;
    }
}

static void branches_that_lead_into_each_other_without_end_are_refused(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f), *self = f->g;
    li_vid y = argument(f);
    set_outputs(f, control(f, &op_if, "again", (li_vid[]){number(f, 1), y}, 2, 1, self, self), LI_NONE);
    struct li_graph *body = end_body(f, outer);
    set_outputs(f, control(f, &op_if, "if", (li_vid[]){number(f, 1), x}, 2, 1, body, body), LI_NONE);
    assert_int_equal(try_infer(f, &inferred, SHAPE(1)), LINCE_ELIMIT);
    assert_non_null(strstr(f->err.text, "node \"again\" (If): more than"));
}

static int counted;

static lince_status counted_rule(struct li_infer *s)
{
    counted++;
    return li_out_same(s, 0, 0);
}

static const struct li_op op_counted = {
    .name = "Counted", .inputs_min = 1, .inputs_max = 1, .outputs = OUTPUT("y"), .shape = counted_rule};

/* A body that runs itself in eight places would be looked at 8 to the power of the depth times. */
static void a_body_that_lies_in_itself_often_is_looked_at_only_so_often(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f), *self = f->g;
    li_vid y = node(f, &op_counted, "counted", argument(f), LI_NONE);
    for (int i = 0; i < 8; i++) {
        control(f, &op_if, "again", (li_vid[]){y, y}, 2, 1, self, self);
        require_last(f);
    }
    set_outputs(f, y, LI_NONE);
    struct li_graph *body = end_body(f, outer);
    set_outputs(f, control(f, &op_if, "if", (li_vid[]){x, x}, 2, 1, body, body), LI_NONE);
    counted = 0;
    OK(try_infer(f, &inferred, SHAPE(1)));
    assert_non_null(inferred.rest);
    assert_true(counted > 1000 && counted < 1 << 20);
    li_inferred_free(&inferred);
}

/* ---- What waits for a branch ------------------------------------------------------------------------------------- */

/* A body that writes v if its argument says so, and gives two shapes. */
static struct li_graph *writing_body(struct fixture *f, int32_t v)
{
    struct li_graph *outer = begin_body(f);
    li_vid x = argument(f);
    struct li_graph *inner = begin_body(f);
    li_vid y = argument(f);
    effect(f, &op_write, "write", handle(f, v), y);
    set_outputs(f, node(f, &op_longer, "longer", y, LI_NONE), LI_NONE);
    struct li_graph *writes = end_body(f, inner), *plain = unary_body(f, &op_down, "down");
    set_outputs(f, control(f, &op_if, "inner", (li_vid[]){x, x}, 2, 1, writes, plain), LI_NONE);
    require_last(f);
    return end_body(f, outer);
}

/* The inner branch comes into sight only when the outer one has given way to its body. */
static void a_read_waits_for_a_branch_in_a_branch_that_may_write(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *body = writing_body(f, v);
    li_vid y = control(f, &op_if, "outer", (li_vid[]){number(f, 1), x}, 2, 1, body, body);
    require_last(f);
    set_outputs(f, y, node(f, &op_read, "read", handle(f, v), LI_NONE));
    OK(try_infer(f, &inferred, SHAPE(1)));
    assert_non_null(inferred.rest);
    assert_int_equal(inferred.graph->node_count, 0);
    assert_int_equal(inferred.rest->node_count, 2);
    li_inferred_free(&inferred);
}

/* ---- Loops ------------------------------------------------------------------------------------------------------- */

/* while i < 3: i + step, op(x); step goes through unchanged. */
static void loop(struct fixture *f, const struct li_op *op)
{
    li_vid i = input_of(f, SHAPE(1)), x = input_of(f, SHAPE(-1)), one = number(f, 1);
    struct li_graph *condition = less_body(f, 3, 3);
    struct li_graph *outer = begin_body(f);
    li_vid a = argument(f), b = argument(f), step = argument(f);
    li_vid same = node(f, &op_identity, "same", step, LI_NONE);
    li_vid out[3] = {node(f, &op_add, "add", a, step), node(f, op, "op", b, LI_NONE), same};
    OK(li_graph_set_outputs(f->g, out, 3, &f->err));
    struct li_graph *turn = end_body(f, outer);
    li_vid y = control(f, &op_while, "while", (li_vid[]){i, x, one}, 3, 3, condition, turn);
    OK(li_graph_set_outputs(f->g, (li_vid[]){y, y + 1, y + 2}, 3, &f->err));
}

static void a_loop_of_stable_shapes_is_inferred_whole(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    const struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(5)};
    loop(f, &op_down);
    OK(try_infer(f, &inferred, shapes));
    assert_null(inferred.rest);
    assert_int_equal(inferred.graph->node_count, 1);
    assert_int_equal(result(inferred.graph, 1)->shape.dim[0], 5);
    li_inferred_free(&inferred);
}

static void what_goes_through_all_turns_unchanged_is_constant_in_the_turn(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    const struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(5)};
    loop(f, &op_down);
    OK(try_infer(f, &inferred, shapes));
    const struct li_graph *turn = inferred.graph->nodes[0].body[1];
    assert_non_null(turn->values[turn->inputs[2]].constant);
    assert_null(turn->values[turn->inputs[0]].constant);
    assert_int_equal(turn->outputs[2], turn->inputs[2]);
    struct li_graph *copy;
    OK(li_graph_prune(&copy, turn, &f->err));
    assert_non_null(copy->values[copy->inputs[2]].constant);
    li_graph_free(copy);
    li_inferred_free(&inferred);
}

static void a_loop_whose_shapes_change_runs_between_two_segments(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    const struct li_shape shapes[2] = {*SHAPE(1), *SHAPE(5)};
    loop(f, &op_longer);
    OK(try_infer(f, &inferred, shapes));
    assert_non_null(inferred.rest);
    assert_ptr_equal(inferred.loop.op, &op_while);
    assert_int_equal(inferred.graph->output_count, 3);
    assert_int_equal(inferred.rest->input_count, 3);
    assert_int_equal(inferred.rest->node_count, 0);
    li_inferred_free(&inferred);
}

/* An output of [n, 0] that says it is a list without elements yet. */
static lince_status list_rule(struct li_infer *s)
{
    LI_TRY(li_out_is(s, 0, LINCE_FLOAT32, SHAPE(4, 0)));
    s->graph->values[s->node->out[0]].unshaped = true;
    return LINCE_OK;
}

/* Elements are numbers. */
static lince_status set_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_FLOAT32, SHAPE(li_in_shape(s, 0)->dim[0], 1));
}

static const struct li_op op_list = {.name = "List", .outputs = OUTPUT("y"), .shape = list_rule};
static const struct li_op op_set = {
    .name = "Set", .inputs_min = 1, .inputs_max = 1, .outputs = OUTPUT("y"), .shape = set_rule};

static void list_loop(struct fixture *f, li_vid list)
{
    li_vid i = number(f, 0);
    struct li_graph *condition = less_body(f, 2, 3);
    struct li_graph *outer = begin_body(f);
    li_vid a = argument(f), b = argument(f);
    set_outputs(f, node(f, &op_add, "add", a, number(f, 1)), node(f, &op_set, "set", b, LI_NONE));
    struct li_graph *turn = end_body(f, outer);
    li_vid y = control(f, &op_while, "while", (li_vid[]){i, list}, 2, 2, condition, turn);
    set_outputs(f, y + 1, LI_NONE);
}

static void a_list_takes_the_shape_that_the_turn_gives_its_elements(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    list_loop(f, node(f, &op_list, "list", LI_NONE, LI_NONE));
    OK(try_infer(f, &inferred, NULL));
    assert_null(inferred.rest);
    assert_text(f, inferred.graph,
                "list = List() -> %1:float32[4,0]\n"
                "while = While(%0:float32[1], %1:float32[4,0]) -> %2:float32[1], %3:float32[4,1]\n");
    li_inferred_free(&inferred);
}

/* Length waits, and the loop with it, for a list that the first segment makes. */
static void a_list_is_without_elements_in_the_next_segment_too(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred, rest;
    li_vid list = node(f, &op_list, "list", LI_NONE, LI_NONE), x = input_of(f, SHAPE(1));
    li_vid length = node(f, &op_length, "length", x, LI_NONE), ones = node(f, &op_ones, "ones", length, LI_NONE);
    list_loop(f, list);
    f->g->nodes[f->g->node_count - 1].in[0] = ones;
    OK(try_infer(f, &inferred, SHAPE(1)));
    assert_non_null(inferred.rest);
    struct li_infer_input inputs[2] = {{.known = NULL}};
    int64_t one = 1;
    struct li_tensor known = {LINCE_INT64, *SHAPE(1), &one, sizeof one};
    for (int32_t i = 0; i < 2; i++) {
        const struct li_value *value = &inferred.rest->values[inferred.rest->inputs[i]];
        inputs[i] = (struct li_infer_input){.dtype = value->dtype, .shape = value->shape};
        inputs[i].known = value->dtype == LINCE_INT64 ? &known : NULL;
    }
    OK(li_graph_infer(&rest, inferred.rest, inputs, &f->env, &f->err));
    assert_null(rest.rest);
    assert_int_equal(result(rest.graph, 0)->shape.dim[1], 1);
    li_inferred_free(&rest);
    li_inferred_free(&inferred);
}

/* while: hands it on; if: either body gives it; then it is filled. */
static void a_list_is_without_elements_behind_a_branch_and_a_loop_too(void **state)
{
    struct fixture *f = *state;
    struct li_inferred inferred;
    li_vid x = input_of(f, SHAPE(1)), list = node(f, &op_list, "list", LI_NONE, LI_NONE);
    struct li_graph *condition = less_body(f, 2, 3), *outer = begin_body(f);
    li_vid a = argument(f), b = argument(f);
    set_outputs(f, node(f, &op_down, "down", a, LI_NONE), node(f, &op_identity, "same", b, LI_NONE));
    struct li_graph *turn = end_body(f, outer), *same = unary_body(f, &op_identity, "same");
    list = control(f, &op_while, "hand_on", (li_vid[]){x, list}, 2, 2, condition, turn) + 1;
    list = control(f, &op_if, "if", (li_vid[]){x, list}, 2, 1, same, same);
    list_loop(f, list);
    OK(try_infer(f, &inferred, SHAPE(1)));
    assert_null(inferred.rest);
    assert_int_equal(result(inferred.graph, 0)->shape.dim[1], 1);
    li_inferred_free(&inferred);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_branch_of_constant_selector_gives_way_to_its_body),
        TEST(a_branch_whose_bodies_give_one_shape_needs_no_selector),
        TEST(a_branch_whose_bodies_give_two_shapes_waits_for_the_selector),
        TEST(a_body_in_error_is_left_to_running),
        TEST(a_body_for_another_number_of_arguments_is_refused),
        TEST(a_body_for_arguments_of_another_dtype_is_refused),
        TEST(branches_that_lead_into_each_other_without_end_are_refused),
        TEST(a_body_that_lies_in_itself_often_is_looked_at_only_so_often),
        TEST(a_read_waits_for_a_branch_in_a_branch_that_may_write),
        TEST(a_loop_of_stable_shapes_is_inferred_whole),
        TEST(what_goes_through_all_turns_unchanged_is_constant_in_the_turn),
        TEST(a_loop_whose_shapes_change_runs_between_two_segments),
        TEST(a_list_takes_the_shape_that_the_turn_gives_its_elements),
        TEST(a_list_is_without_elements_in_the_next_segment_too),
        TEST(a_list_is_without_elements_behind_a_branch_and_a_loop_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
