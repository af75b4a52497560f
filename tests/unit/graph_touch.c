/* What a node touches: behind its handles, its generator, and in its bodies, also where one lies in itself. */
#include "unit/control_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* As a step of Adam: three variables are written, one is read; the last input is a gradient. */
static const struct li_handle adam_handles[] = {
    {0, LI_EFFECT_WRITE}, {1, LI_EFFECT_WRITE}, {2, LI_EFFECT_WRITE}, {3, LI_EFFECT_READ}, {0, 0}};
static const struct li_op op_adam = {.name = "Adam",
                                     .inputs_min = 5,
                                     .inputs_max = 5,
                                     .effects = LI_EFFECT_READ | LI_EFFECT_WRITE,
                                     .handles = adam_handles};

static lince_status touch_last(struct fixture *f)
{
    return li_graph_touch(f->g, f->g->node_count - 1, NULL, &f->err);
}

static const struct li_node *last(const struct fixture *f)
{
    return &f->g->nodes[f->g->node_count - 1];
}

static void adam(struct fixture *f, const int32_t variables[4])
{
    li_vid in[5];
    for (int i = 0; i < 4; i++) {
        in[i] = handle(f, variables[i]);
    }
    in[4] = input_of(f, SHAPE(1));
    OK(li_graph_append(f->g, &op_adam, "adam", in, 5, NULL, 0, NULL, &f->err));
}

static void each_handle_of_a_row_is_a_touch_in_the_rows_order(void **state)
{
    struct fixture *f = *state;
    int32_t variables[4];
    for (int i = 0; i < 4; i++) {
        variables[3 - i] = variable(f, "v", 1);
    }
    adam(f, variables);
    OK(touch_last(f));
    assert_int_equal(last(f)->touches, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(last(f)->touch[i].resource, variables[i]);
        assert_int_equal(last(f)->touch[i].how, i < 3 ? LI_EFFECT_WRITE : LI_EFFECT_READ);
    }
}

static void one_variable_is_not_written_through_two_handles(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1), m = variable(f, "m", 1);
    adam(f, (const int32_t[]){v, m, v, m});
    assert_int_equal(touch_last(f), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "node \"adam\" (Adam)"));
    assert_non_null(strstr(f->err.text, "two handles"));
}

static void a_variable_may_be_read_through_another_handle_than_it_is_written(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1), m = variable(f, "m", 1), w = variable(f, "w", 1);
    adam(f, (const int32_t[]){v, m, w, v});
    OK(touch_last(f));
    assert_int_equal(last(f)->touches, 4);
    assert_int_equal(last(f)->touch[3].resource, v);
}

static void the_generator_of_a_random_node_is_among_its_touches(void **state)
{
    struct fixture *f = *state;
    int32_t before = f->store->count;
    node(f, &op_random, "random", LI_NONE, LI_NONE);
    OK(touch_last(f));
    assert_int_equal(last(f)->touches, 1);
    assert_int_equal(last(f)->touch[0].resource, before);
    assert_int_equal(last(f)->touch[0].how, LI_EFFECT_RANDOM);
    assert_int_equal(li_store_get(f->store, before)->kind, LI_GENERATOR);
}

static void a_handle_that_nothing_tells_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    node(f, &op_read, "read", input_of(f, SHAPE(1)), LI_NONE);
    assert_int_equal(touch_last(f), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "node \"read\" (Read): which resource"));
}

/* ---- Bodies ---- */

/* A body that writes w with its argument, or reads it, and gives its argument. */
static struct li_graph *state_body(struct fixture *f, const struct li_op *op, int32_t w)
{
    struct li_graph *outer = begin_body(f);
    li_vid x = argument(f), h = handle(f, w);
    if (op == &op_read) {
        node(f, op, "read", h, LI_NONE);
    } else {
        effect(f, op, "write", h, x);
    }
    set_outputs(f, x, LI_NONE);
    return end_body(f, outer);
}

static void what_bodies_do_to_one_resource_is_one_touch(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *reads = state_body(f, &op_read, v), *writes = state_body(f, &op_write, v);
    control(f, &op_if, "if", (li_vid[]){x, x}, 2, 1, reads, writes);
    OK(touch_last(f));
    assert_int_equal(last(f)->touches, 1);
    assert_int_equal(last(f)->touch[0].resource, v);
    assert_int_equal(last(f)->touch[0].how, LI_EFFECT_READ | LI_EFFECT_WRITE);
    assert_int_equal(last(f)->effects, LI_EFFECT_READ | LI_EFFECT_WRITE);
}

/* if x: write v, then this again; else nothing. */
static struct li_graph *body_in_itself(struct fixture *f, int32_t v)
{
    struct li_graph *outer = begin_body(f), *self = f->g;
    li_vid x = argument(f);
    effect(f, &op_write, "write", handle(f, v), x);
    struct li_graph *inner = begin_body(f);
    set_outputs(f, argument(f), LI_NONE);
    struct li_graph *nothing = end_body(f, inner);
    set_outputs(f, control(f, &op_if, "again", (li_vid[]){x, x}, 2, 1, self, nothing), LI_NONE);
    return end_body(f, outer);
}

static void a_body_that_lies_in_itself_is_looked_into_once(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *body = body_in_itself(f, v);
    control(f, &op_if, "if", (li_vid[]){x, x}, 2, 1, body, body);
    OK(touch_last(f));
    assert_int_equal(last(f)->touches, 1);
    assert_int_equal(last(f)->touch[0].resource, v);
}

/* They are inferred as nodes of a graph of their own when their body takes the place of its node. */
static void control_nodes_in_bodies_know_what_they_touch_too(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *body = body_in_itself(f, v);
    control(f, &op_if, "if", (li_vid[]){x, x}, 2, 1, body, body);
    OK(touch_last(f));
    const struct li_node *again = &body->nodes[body->node_count - 1];
    assert_int_equal(again->touches, 1);
    assert_int_equal(again->touch[0].resource, v);
    assert_int_equal(again->effects, LI_EFFECT_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_handle_of_a_row_is_a_touch_in_the_rows_order),
        TEST(one_variable_is_not_written_through_two_handles),
        TEST(a_variable_may_be_read_through_another_handle_than_it_is_written),
        TEST(the_generator_of_a_random_node_is_among_its_touches),
        TEST(a_handle_that_nothing_tells_is_refused_by_name),
        TEST(what_bodies_do_to_one_resource_is_one_touch),
        TEST(a_body_that_lies_in_itself_is_looked_into_once),
        TEST(control_nodes_in_bodies_know_what_they_touch_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
