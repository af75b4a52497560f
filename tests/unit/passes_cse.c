/* cse: what is merged, and what only looks the same. */
#include "graph_fixture.h"

#include "ops/ops.h"
#include "passes/passes.h"

static int set_up(void **state)
{
    *state = fixture_new(li_ops());
    return 0;
}

static li_vid input(struct fixture *f, int64_t n)
{
    li_vid v;
    OK(li_graph_input(f->g, LINCE_FLOAT32, &(struct li_shape){1, {n}}, &v, &f->err));
    return v;
}

static li_vid number(struct fixture *f, float value)
{
    const struct li_tensor t = {.dtype = LINCE_FLOAT32, .data = &value, .size_bytes = sizeof value};
    const struct li_tensor *own;
    li_vid v;
    OK(li_graph_own_tensor(f->g, &t, &own, &f->err));
    OK(li_graph_constant(f->g, own, &v, &f->err));
    return v;
}

static li_vid emit(struct fixture *f, const char *op, const char *name, li_vid a, li_vid b, const struct li_attr *attr)
{
    li_vid out = LI_NONE;
    const struct li_op *row = li_ops_find(li_ops(), op);
    assert_non_null(row);
    OK(li_graph_emit(f->g, op, name, (li_vid[]){a, b}, (a >= 0) + (b >= 0), attr, attr != NULL, &out,
                     row->outputs != NULL, &f->err));
    return out;
}

/* The names of the nodes that the pass leaves, each ended by a blank. */
static void check(struct fixture *f, const li_vid *outputs, int count, const char *expected)
{
    struct li_graph *merged;
    char names[1024] = "";
    OK(li_graph_set_outputs(f->g, outputs, count, &f->err));
    OK(li_pass_cse(&merged, f->g, NULL, &f->err));
    assert_int_equal(merged->output_count, count);
    for (int32_t n = 0; n < merged->node_count; n++) {
        strcat(names, merged->nodes[n].name);
        strcat(names, " ");
    }
    li_graph_free(merged);
    assert_string_equal(names, expected);
}

static void equal_nodes_become_the_first_and_so_on_behind_them(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, 7);
    li_vid a = emit(f, "Relu", "a", x, LI_NONE, NULL), b = emit(f, "Relu", "b", x, LI_NONE, NULL);
    li_vid c = emit(f, "Exp", "c", a, LI_NONE, NULL), d = emit(f, "Exp", "d", b, LI_NONE, NULL);

    check(f, (li_vid[]){c, d, b}, 3, "a c ");
}

static void constants_are_compared_by_their_bytes(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, 7);
    li_vid a = emit(f, "Mul", "a", x, number(f, 2), NULL), b = emit(f, "Mul", "b", x, number(f, 2), NULL);
    li_vid c = emit(f, "Mul", "c", x, number(f, 3), NULL), zero = emit(f, "Mul", "zero", x, number(f, 0.0f), NULL);
    li_vid minus = emit(f, "Mul", "minus", x, number(f, -0.0f), NULL);

    check(f, (li_vid[]){a, b, c, zero, minus}, 5, "a c zero minus ");
}

static void other_ops_inputs_or_attributes_stay_apart(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, 7), y = input(f, 7);
    li_vid a = emit(f, "Sub", "a", x, y, NULL), b = emit(f, "Sub", "b", y, x, NULL);
    li_vid c = emit(f, "LeakyRelu", "c", x, LI_NONE, &(struct li_attr)LI_FLOAT("alpha", 0.1));
    li_vid d = emit(f, "LeakyRelu", "d", x, LI_NONE, &(struct li_attr)LI_FLOAT("alpha", 0.2));
    li_vid e = emit(f, "LeakyRelu", "e", x, LI_NONE, &(struct li_attr)LI_FLOAT("alpha", 0.1));
    li_vid g = emit(f, "Relu", "g", x, LI_NONE, NULL);

    check(f, (li_vid[]){a, b, c, d, e, g}, 6, "a b c d g ");
}

static li_vid handle(struct fixture *f, const char *name)
{
    int32_t resource;
    li_vid v;
    OK(li_store_add(f->store, LI_VARIABLE, name, LINCE_FLOAT32, &(struct li_shape){1, {7}}, &resource, &f->err));
    OK(li_graph_resource(f->g, resource, &v, &f->err));
    return v;
}

static li_vid again(struct fixture *f, li_vid h)
{
    li_vid v;
    OK(li_graph_resource(f->g, f->g->values[h].resource, &v, &f->err));
    return v;
}

static void reads_are_merged_unless_the_graph_writes(void **state)
{
    struct fixture *f = *state;
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    li_vid x = input(f, 7), w = handle(f, "w"), v = handle(f, "v");
    li_vid a = emit(f, "ReadVariableOp", "a", w, LI_NONE, &type);
    li_vid b = emit(f, "ReadVariableOp", "b", again(f, w), LI_NONE, &type);
    li_vid c = emit(f, "ReadVariableOp", "c", v, LI_NONE, &type);

    emit(f, "AssignVariableOp", "write", v, x, NULL);
    f->g->nodes[f->g->node_count - 1].required = true;
    li_vid d = emit(f, "ReadVariableOp", "d", v, LI_NONE, &type);
    check(f, (li_vid[]){a, b, c, d}, 4, "a c write d ");
}

static void random_numbers_are_drawn_anew(void **state)
{
    struct fixture *f = *state;
    int32_t dims = 3;
    const struct li_tensor t = {.dtype = LINCE_INT32, .shape = {1, {1}}, .data = &dims, .size_bytes = sizeof dims};
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    const struct li_tensor *own;
    li_vid shape;

    OK(li_graph_own_tensor(f->g, &t, &own, &f->err));
    OK(li_graph_constant(f->g, own, &shape, &f->err));
    li_vid a = emit(f, "RandomUniform", "a", shape, LI_NONE, &type);
    li_vid b = emit(f, "RandomUniform", "b", shape, LI_NONE, &type);
    check(f, (li_vid[]){a, b}, 2, "a b ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_nodes_become_the_first_and_so_on_behind_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(constants_are_compared_by_their_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_ops_inputs_or_attributes_stay_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_are_merged_unless_the_graph_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_numbers_are_drawn_anew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
