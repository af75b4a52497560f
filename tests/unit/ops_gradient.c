/* What gradients share: sums that undo a broadcast, sums of what meets, filled values. */
#include "ops_lab.h"

#include "ops/common.h"

static li_vid value_of(struct lab *lab, const struct li_shape *shape)
{
    li_vid v;
    assert_int_equal(li_graph_input(lab->graph, LINCE_FLOAT32, shape, &v, &lab->err), LINCE_OK);
    return v;
}

/* The shape dy has, the shape of the operand, and the axes that are summed. */
static void broadcasts_are_undone_by_sums(void **state)
{
    static const struct {
        struct li_shape dy, like;
        int axes[LI_MAX_RANK], count, nodes;
    } cases[] = {
        {{2, {2, 3}}, {2, {2, 3}}, {0}, 0, 0}, {{2, {2, 3}}, {1, {3}}, {0}, 1, 1},
        {{2, {2, 3}}, {2, {1, 3}}, {0}, 1, 2}, {{3, {7, 2, 3}}, {2, {2, 1}}, {0, 2}, 2, 2},
        {{2, {2, 3}}, {0, {0}}, {0, 1}, 2, 1}, {{2, {1, 3}}, {1, {3}}, {0}, 1, 1},
    };
    struct lab lab;
    (void)state;

    lab_open(&lab, LI_ISA_REF);

    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        li_vid dy = value_of(&lab, &cases[i].dy), like = value_of(&lab, &cases[i].like), out;
        struct li_grad grad = {.graph = lab.graph, .node = &(struct li_node){.name = "n"}, .err = &lab.err};
        int32_t before = lab.graph->node_count;
        assert_int_equal(li_grad_unbroadcast(&grad, dy, like, &out), LINCE_OK);
        assert_true(li_shape_equal(&lab.graph->values[out].shape, &cases[i].like));
        assert_int_equal(lab.graph->node_count - before, cases[i].nodes);
        if (cases[i].count == 0) {
            assert_int_equal(out, dy);
            continue;
        }
        const struct li_tensor *axes = lab.graph->values[lab.graph->nodes[before].in[1]].constant;
        assert_int_equal(li_shape_count(&axes->shape), cases[i].count);
        for (int k = 0; k < cases[i].count; k++) {
            assert_int_equal(li_tensor_int(axes, k), cases[i].axes[k]);
        }
        assert_string_equal(lab.graph->nodes[before].name, "gradients/n/Sum");
    }
    lab_close(&lab);
}

static void filled_values_hold_one_number(void **state)
{
    struct lab lab;
    struct li_tensor out, in[2];
    li_vid v;
    (void)state;

    lab_open(&lab, LI_ISA_REF);
    assert_int_equal(li_ops_fill(lab.graph, "h", LINCE_FLOAT16, &(struct li_shape){0, {0}}, 1.5, &v, &lab.err),
                     LINCE_OK);
    assert_int_equal(lab.graph->node_count, 0); /* a scalar is a constant */
    assert_true(li_tensor_float(lab.graph->values[v].constant, 0) == 1.5);
    assert_int_equal(li_ops_fill(lab.graph, "i", LINCE_INT32, &(struct li_shape){2, {7, 13}}, -3, &v, &lab.err),
                     LINCE_OK);
    const struct li_node *node = &lab.graph->nodes[0];
    in[0] = *lab.graph->values[node->in[0]].constant;
    in[1] = *lab.graph->values[node->in[1]].constant;
    assert_int_equal(li_node_eval(lab.graph, node, in, &out, &lab.env, &lab.err), LINCE_OK);
    assert_true(li_shape_equal(&out.shape, &(struct li_shape){2, {7, 13}}));
    assert_int_equal(li_tensor_int(&out, 90), -3);
    li_free(lab.mem, out.data);
    assert_int_equal(li_ops_fill(lab.graph, "s", LINCE_STRING, &(struct li_shape){0, {0}}, 0, &v, &lab.err),
                     LINCE_EUNSUPPORTED);
    lab_close(&lab);
}

static void one_value_is_its_own_sum(void **state)
{
    struct lab lab;
    (void)state;

    lab_open(&lab, LI_ISA_REF);
    li_vid in[3], out;
    for (int i = 0; i < 3; i++) {
        in[i] = value_of(&lab, &(struct li_shape){1, {7}});
    }
    assert_int_equal(li_ops_add_all(lab.graph, "s", in, 1, &out, &lab.err), LINCE_OK);
    assert_int_equal(out, in[0]);
    assert_int_equal(li_ops_add_all(lab.graph, "s", in, 3, &out, &lab.err), LINCE_OK);
    assert_int_equal(lab.graph->nodes[0].nin, 3);
    assert_int_equal(lab.graph->nodes[0].out[0], out);
    lab_close(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_are_undone_by_sums),
        cmocka_unit_test(filled_values_hold_one_number),
        cmocka_unit_test(one_value_is_its_own_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
