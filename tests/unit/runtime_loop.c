/* Runs of loops: variables from turn to turn, shapes that stay and shapes that change, and one inside another. */
#include "unit/runtime_control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* ---- Variables --------------------------------------------------------------------------------------------------- */

static void a_variable_is_doubled_in_place_from_turn_to_turn(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1)), y = repeat(f, &op_twice, 5, x);
    set_outputs(f, y, x);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 2; run++) {
        atomic_store(&in_place, 0);
        const struct li_tensor *out = run_on(f, s, SHAPE(3), (const float[]){1, 2, 3});
        assert_numbers(&out[0], 3, (const float[]){32, 64, 96});
        assert_numbers(&out[1], 3, (const float[]){1, 2, 3});
        assert_int_equal(atomic_load(&in_place), 5);
    }
    li_session_free(s);
}

static void a_loop_without_a_turn_gives_what_it_began_with(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const ops_of[] = {&op_twice, &op_longer};
    for (int i = 0; i < 2; i++) {
        set_outputs(f, repeat(f, ops_of[i], 0, input_of(f, SHAPE(-1))), LI_NONE);
        struct li_session *s = session_of(f);
        assert_numbers(run_on(f, s, SHAPE(3), (const float[]){1, 2, 3}), 3, (const float[]){1, 2, 3});
        li_session_free(s);
    }
}

static void variables_change_places_each_turn(void **state)
{
    struct fixture *f = *state;
    for (int turns = 0; turns < 4; turns++) {
        li_vid x = input_of(f, SHAPE(1)), y = node(f, &op_twice, "y", x, LI_NONE);
        struct turn t = turn_begin(f, 3);
        li_vid z = turn_end(f, &t, (li_vid[]){t.in[2], t.in[1]}, 0, (float)turns, (li_vid[]){x, y});
        set_outputs(f, z, z + 1);
        struct li_session *s = session_of(f);
        const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){3});
        assert_true(first_of(&out[0]) == (turns % 2 ? 6 : 3) && first_of(&out[1]) == (turns % 2 ? 3 : 6));
        li_session_free(s);
    }
}

/* a, b = 2 b, a: what is made in b's place is a's, and a is b's. */
static void what_is_made_in_place_may_be_anothers_next_value(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), hundred = number(f, 100);
    struct turn t = turn_begin(f, 3);
    li_vid twice = node(f, &op_twice, "twice", t.in[2], LI_NONE);
    li_vid z = turn_end(f, &t, (li_vid[]){twice, t.in[1]}, 0, 4, (li_vid[]){x, hundred});
    set_outputs(f, z, z + 1);
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){3});
    assert_true(first_of(&out[0]) == 12 && first_of(&out[1]) == 400);
    li_session_free(s);
}

/* a, b = 2 a, 2 a; then a, b = 2 a, a. */
static void one_value_may_be_two_variables(void **state)
{
    struct fixture *f = *state;
    for (int twins = 0; twins < 2; twins++) {
        li_vid x = input_of(f, SHAPE(1));
        struct turn t = turn_begin(f, 3);
        li_vid twice = node(f, &op_twice, "twice", t.in[1], LI_NONE);
        li_vid z = turn_end(f, &t, (li_vid[]){twice, twins ? twice : t.in[1]}, 0, 3, (li_vid[]){x, x});
        set_outputs(f, z, z + 1);
        struct li_session *s = session_of(f);
        const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){3});
        assert_true(first_of(&out[0]) == 24 && first_of(&out[1]) == (twins ? 24 : 12));
        li_session_free(s);
    }
}

/* Ones(shape) + x, the shape going through all turns. */
static void what_stays_constant_decides_shapes_in_the_turn(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), shape = ints(f, 1, (const int64_t[]){1});
    struct turn t = turn_begin(f, 3);
    f->g->values[t.in[2]].dtype = LINCE_INT64;
    li_vid sum = node(f, &op_add, "sum", t.in[1], node(f, &op_ones, "ones", t.in[2], LI_NONE));
    li_vid z = turn_end(f, &t, (li_vid[]){sum, t.in[2]}, 0, 3, (li_vid[]){x, shape});
    const struct li_graph *condition = f->g->nodes[f->g->node_count - 1].body[0];
    condition->values[condition->inputs[2]].dtype = LINCE_INT64;
    set_outputs(f, z, z + 1);
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){10});
    assert_true(first_of(&out[0]) == 13 && *(const int64_t *)out[1].data == 1);
    li_session_free(s);
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

static lince_status list_rule(struct li_infer *s)
{
    LI_TRY(li_out_is(s, 0, LINCE_FLOAT32, SHAPE(4, 0)));
    s->graph->values[s->node->out[0]].unshaped = true;
    return LINCE_OK;
}

static lince_status list_forward(struct li_call *c)
{
    (void)c;
    return LINCE_OK;
}

/* Inputs: a list, an index, an element. */
static lince_status set_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_FLOAT32, SHAPE(li_in_shape(s, 0)->dim[0], li_in_shape(s, 2)->dim[0]));
}

static lince_status set_forward(struct li_call *c)
{
    float *out = c->out[0].data;
    int64_t width = c->out[0].shape->dim[1], row = (int64_t)li_f32(&c->in[1])[0];
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        float old = li_count(&c->in[0]) ? li_f32(&c->in[0])[i] : 0;
        out[i] = i / width == row ? li_f32(&c->in[2])[i % width] : old;
    }
    return LINCE_OK;
}

static const struct li_op op_list = {
    .name = "List", .outputs = OUTPUT("y"), .shape = list_rule, .forward = list_forward};
static const struct li_op op_set = {
    .name = "Set", .inputs_min = 3, .inputs_max = 3, .outputs = OUTPUT("y"), .shape = set_rule, .forward = set_forward};

static void a_list_without_elements_takes_those_of_the_turn(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1)), list = node(f, &op_list, "list", LI_NONE, LI_NONE);
    struct turn t = turn_begin(f, 3);
    struct li_node *set;
    OK(li_graph_append(f->g, &op_set, "set", (li_vid[]){t.in[1], t.in[0], t.in[2]}, 3, NULL, 0, &set, &f->err));
    li_vid y = set->out[0], twice = node(f, &op_twice, "twice", t.in[2], LI_NONE);
    set_outputs(f, turn_end(f, &t, (li_vid[]){y, twice}, 0, 3, (li_vid[]){list, x}), LI_NONE);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 2; run++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(2), (const float[]){1, 5});
        assert_int_equal(out->shape.rank, 2);
        assert_numbers(out, 8, (const float[]){1, 5, 2, 10, 4, 20, 0, 0});
    }
    li_session_free(s);
}

static lince_status texts_rule(struct li_infer *s)
{
    LI_TRY(li_out_is(s, 0, LINCE_STRING, SHAPE(2, 0)));
    s->graph->values[s->node->out[0]].unshaped = true;
    return LINCE_OK;
}

static lince_status keep_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_STRING, SHAPE(2, 1));
}

static lince_status keep_forward(struct li_call *c)
{
    memcpy(c->out[0].data, c->in[0].data, 2 * sizeof(lince_string));
    return LINCE_OK;
}

static const struct li_op op_texts = {
    .name = "Texts", .outputs = OUTPUT("y"), .shape = texts_rule, .forward = list_forward};
UNARY(op_keep, "Keep", keep_rule, .forward = keep_forward);

static void the_elements_of_a_list_of_texts_begin_as_texts(void **state)
{
    struct fixture *f = *state;
    li_vid texts = node(f, &op_texts, "texts", LI_NONE, LI_NONE);
    struct turn t = turn_begin(f, 2);
    f->g->values[t.in[1]].dtype = LINCE_STRING;
    li_vid kept = node(f, &op_keep, "keep", t.in[1], LI_NONE);
    li_vid y = turn_end(f, &t, &kept, 0, 2, &texts);
    const struct li_graph *condition = f->g->nodes[f->g->node_count - 1].body[0];
    condition->values[condition->inputs[1]].dtype = LINCE_STRING;
    set_outputs(f, y, LI_NONE);
    struct li_session *s = session_of(f);
    const struct li_tensor *out;
    OK(li_session_run(s, NULL, 0, NULL, &out, &f->err));
    const lince_string *text = out->data;
    assert_true(text[0].data && text[1].data && text[0].size == 0 && text[1].size == 0);
    li_session_free(s);
}

/* ---- Shapes that change ------------------------------------------------------------------------------------------ */

static void a_shape_may_change_from_turn_to_turn(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1)), y = repeat(f, &op_longer, 5, x);
    set_outputs(f, node(f, &op_twice, "twice", y, LI_NONE), x);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 3; run++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(2), (const float[]){8, 9});
        assert_numbers(&out[0], 7, (const float[]){2, 2, 2, 2, 2, 2, 2});
        assert_numbers(&out[1], 2, (const float[]){8, 9});
    }
    li_session_free(s);
}

/* ---- One inside another ------------------------------------------------------------------------------------------ */

static void a_loop_in_a_loop_begins_anew_each_turn(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const inner_ops[] = {&op_twice, &op_longer};
    for (int i = 0; i < 2; i++) {
        li_vid x = input_of(f, SHAPE(-1));
        struct turn t = turn_begin(f, 2);
        li_vid y = repeat(f, inner_ops[i], 2, t.in[1]);
        set_outputs(f, turn_end(f, &t, &y, 0, 3, &x), LI_NONE);
        struct li_session *s = session_of(f);
        for (int run = 0; run < 2; run++) {
            const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){3});
            assert_numbers(out, i ? 7 : 1, i ? (const float[]){1, 1, 1, 1, 1, 1, 1} : (const float[]){3 * 64});
        }
        li_session_free(s);
    }
}

/* for i in range(4): x = i < 2 ? op(x) : 2 x */
static void a_branch_in_a_loop_is_chosen_each_turn(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const firsts[] = {&op_down, &op_longer};
    for (int i = 0; i < 2; i++) {
        li_vid x = input_of(f, SHAPE(1));
        struct turn t = turn_begin(f, 2);
        struct li_graph *first = unary_body(f, firsts[i], "first"), *twice = unary_body(f, &op_twice, "twice");
        li_vid early = node(f, &op_less, "early", t.in[0], number(f, 2));
        li_vid y = control(f, &op_if, "if", (li_vid[]){early, t.in[1]}, 2, 1, first, twice);
        set_outputs(f, turn_end(f, &t, &y, 0, 4, &x), LI_NONE);
        struct li_session *s = session_of(f);
        for (int run = 0; run < 2; run++) {
            const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){10});
            assert_numbers(out, i ? 3 : 1, i ? (const float[]){4, 4, 4} : (const float[]){32});
        }
        li_session_free(s);
    }
}

/* if x > 0: loop(x) else x - 1 */
static void a_loop_in_a_branch_runs_when_that_is_taken(void **state)
{
    struct fixture *f = *state;
    const struct li_op *const bodies[] = {&op_twice, &op_longer};
    for (int i = 0; i < 2; i++) {
        li_vid x = input_of(f, SHAPE(1));
        struct li_graph *outer = begin_body(f);
        set_outputs(f, repeat(f, bodies[i], 3, argument(f)), LI_NONE);
        struct li_graph *loop = end_body(f, outer), *down = unary_body(f, &op_down, "down");
        li_vid positive = node(f, &op_less, "less", number(f, 0), x);
        set_outputs(f, control(f, &op_if, "if", (li_vid[]){positive, x}, 2, 1, loop, down), LI_NONE);
        struct li_session *s = session_of(f);
        for (int run = 0; run < 2; run++) {
            assert_numbers(run_on(f, s, SHAPE(1), (const float[]){1}), i ? 4 : 1, (const float[]){i ? 1 : 8, 1, 1, 1});
            assert_numbers(run_on(f, s, SHAPE(1), (const float[]){-1}), 1, (const float[]){-2});
        }
        li_session_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_variable_is_doubled_in_place_from_turn_to_turn),
        TEST(a_loop_without_a_turn_gives_what_it_began_with),
        TEST(variables_change_places_each_turn),
        TEST(what_is_made_in_place_may_be_anothers_next_value),
        TEST(one_value_may_be_two_variables),
        TEST(what_stays_constant_decides_shapes_in_the_turn),
        TEST(a_list_without_elements_takes_those_of_the_turn),
        TEST(the_elements_of_a_list_of_texts_begin_as_texts),
        TEST(a_shape_may_change_from_turn_to_turn),
        TEST(a_loop_in_a_loop_begins_anew_each_turn),
        TEST(a_branch_in_a_loop_is_chosen_each_turn),
        TEST(a_loop_in_a_branch_runs_when_that_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
