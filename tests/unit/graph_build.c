/* Building graphs: attributes, outputs, text, views. */
#include "graph_support.h"

static struct li_node *tuned(struct fixture *f, const struct li_attr *attrs, int count)
{
    struct li_node *made;
    OK(li_graph_append(f->g, &op_tuned, "t", (li_vid[]){input_of(f, SHAPE(2))}, 1, attrs, count, &made, &f->err));
    return made;
}

static void absent_attributes_take_the_rows_fallback(void **state)
{
    struct fixture *f = *state;
    const struct li_node *n = tuned(f, (struct li_attr[]){LI_STR("padding", "SAME")}, 1);

    assert_true(li_attr_is(n, "padding", "SAME") && !li_attr_is(n, "padding", "SAM"));
    assert_int_equal(li_attr_int(n, "T"), LINCE_FLOAT32);
    assert_int_equal(li_attr(n, "strides")->count, 4);
    assert_int_equal(li_attr(n, "strides")->ints[2], -3);
    assert_true(li_attr_float(n, "rate") == 0.25);
    assert_int_equal(li_attr_int(n, "on"), 1);
    assert_true(li_shape_equal(li_attr(n, "shape")->shape, SHAPE(2, -1)));
    assert_int_equal(li_attr(n, "types")->ints[1], LINCE_BOOL);
    assert_string_equal(li_attr(n, "words")->strings[1], "bc");
    assert_int_equal(li_attr(n, "any")->shape->rank, -1);
    assert_int_equal(li_attr(n, "scales")->count, 0);
}

static void given_attributes_are_copied(void **state)
{
    struct fixture *f = *state;
    char padding[] = "VALID";
    int64_t strides[] = {7, 9};
    const struct li_node *n = tuned(f,
                                    (struct li_attr[]){LI_STR("padding", padding), LI_INTS("strides", strides, 2),
                                                       LI_INTS("scales", NULL, 0), LI_TYPE("T", LINCE_FLOAT16)},
                                    4);

    memset(padding, 0, sizeof padding);
    strides[1] = 0;
    assert_true(li_attr_is(n, "padding", "VALID"));
    assert_int_equal(li_attr(n, "strides")->ints[1], 9);
    assert_int_equal(li_attr(n, "scales")->kind, LI_ATTR_FLOATS);
    assert_int_equal(li_attr_int(n, "T"), LINCE_FLOAT16);
}

static void refuse(struct fixture *f, const struct li_attr *attrs, int count, lince_status status, const char *text)
{
    li_vid in = input_of(f, SHAPE(2));
    int32_t nodes = f->g->node_count, values = f->g->value_count;

    assert_int_equal(li_graph_append(f->g, &op_tuned, "a/b", &in, 1, attrs, count, NULL, &f->err), status);
    assert_string_equal(f->err.text, text);
    assert_int_equal(f->g->node_count, nodes);
    assert_int_equal(f->g->value_count, values);
}

static void attributes_outside_the_row_are_refused_by_name(void **state)
{
    struct fixture *f = *state;

    refuse(f, (struct li_attr[]){LI_STR("padding", "FULL")}, 1, LINCE_EUNSUPPORTED,
           "node \"a/b\" (Tuned): attribute \"padding\" is \"FULL\"; supported: SAME VALID");
    refuse(f, (struct li_attr[]){LI_STR("padding", "SAME"), LI_TYPE("T", LINCE_INT8)}, 2, LINCE_EUNSUPPORTED,
           "node \"a/b\" (Tuned): attribute \"T\" is \"int8\"; supported: float32 float16");
    refuse(f, (struct li_attr[]){LI_STR("padding", "SAME"), LI_INT("groups", 4)}, 2, LINCE_EUNSUPPORTED,
           "node \"a/b\" (Tuned): attribute \"groups\" (4) is not supported");
    refuse(f, NULL, 0, LINCE_EINVAL, "node \"a/b\" (Tuned): has no attribute \"padding\", wanted a string");
    refuse(f, (struct li_attr[]){LI_INT("padding", 1)}, 1, LINCE_EINVAL,
           "node \"a/b\" (Tuned): attribute \"padding\" is an int, wanted a string");
    refuse(f, (struct li_attr[]){LI_STR("padding", "")}, 1, LINCE_EUNSUPPORTED,
           "node \"a/b\" (Tuned): attribute \"padding\" is \"\"; supported: SAME VALID");
}

static void hints_that_begin_with_an_underscore_are_dropped(void **state)
{
    struct fixture *f = *state;
    const struct li_node *n = tuned(f, (struct li_attr[]){LI_STR("padding", "SAME"), LI_INT("_hint", 4)}, 2);

    assert_int_equal(n->nattrs, 10);
}

static void inputs_are_counted_against_the_row(void **state)
{
    struct fixture *f = *state;
    li_vid in[3] = {input_of(f, SHAPE(2)), 0, 0};

    assert_int_equal(li_graph_append(f->g, &op_add, "a", in, 1, NULL, 0, NULL, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "node \"a\" (Add): has 1 inputs, wanted at least 2");
    assert_int_equal(li_graph_append(f->g, &op_add, "a", in, 3, NULL, 0, NULL, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "node \"a\" (Add): has 3 inputs, wanted at most 2");
}

static void output_lists_are_counted_by_their_attribute(void **state)
{
    struct fixture *f = *state;
    li_vid in = input_of(f, SHAPE(2));
    struct li_node *n;
    struct li_attr attrs[] = {LI_INT("n", 3),
                              {.name = "T", .kind = LI_ATTR_TYPES, .ints = (int64_t[]){1, 3}, .count = 2}};

    OK(li_graph_append(f->g, &op_copies, "c", &in, 1, attrs, 2, &n, &f->err));
    assert_int_equal(n->nout, 5);
    assert_int_equal(f->g->values[n->out[4]].output, 4);
    attrs[0].i = -1;
    assert_int_equal(li_graph_append(f->g, &op_copies, "c", &in, 1, attrs, 2, &n, &f->err), LINCE_ELIMIT);
    attrs[0].i = INT64_MAX;
    assert_int_equal(li_graph_append(f->g, &op_copies, "c", &in, 1, attrs, 2, &n, &f->err), LINCE_ELIMIT);
}

static void a_graph_reads_as_a_line_for_each_node(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2, 3)), b = floats(f, SHAPE(3), (float[]){1, 2, 3});

    set_outputs(f, node(f, &op_identity, "y", node(f, &op_add, "n/sum", x, b), LI_NONE), LI_NONE);
    struct li_graph *g = infer(f, SHAPE(2, 3), NULL);
    assert_string_equal(li_graph_text(g, &f->err), "n/sum = Add(%0:float32[2,3], %1:float32[3]) -> %2:float32[2,3]\n"
                                                   "y = Identity(%2:float32[2,3]) -> %3:float32[2,3]\n");
    li_graph_free(g);
}

static void aliases_lie_in_their_inputs_buffer(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2, 3, 1)), to = ints(f, 2, (int64_t[]){3, 2});
    li_vid first = node(f, &op_identity, "i", x, LI_NONE);

    set_outputs(f, node(f, &op_reshape, "r", first, to), LI_NONE);
    struct li_graph *g = infer(f, SHAPE(2, 3, 1), NULL);
    li_graph_default_views(g);
    struct li_value *y = &g->values[g->outputs[0]];
    assert_int_equal(y->view.base, g->inputs[0]);
    assert_int_equal(y->view.stride[0], 2);
    assert_int_equal(g->values[g->inputs[0]].view.buffer_count, 6);
    assert_true(li_view_dense(y));
    y->view.halo[2] = 1;
    assert_false(li_view_dense(y));
    y->view.halo[2] = 0;
    y->view.stride[0] = 4;
    assert_false(li_view_dense(y));
    y->shape.dim[0] = 1; /* the stride of a single element is never taken */
    assert_true(li_view_dense(y));
    li_graph_free(g);
}

static void strings_of_own_tensors_are_copied(void **state)
{
    struct fixture *f = *state;
    char text[] = "abc";
    lince_string strings[2] = {{text, 3}, {NULL, 0}};
    const struct li_tensor *t = tensor_of(f->g, LINCE_STRING, SHAPE(2), strings);

    text[0] = 'x';
    assert_memory_equal(((lince_string *)t->data)[0].data, "abc", 3);
    assert_int_equal(((lince_string *)t->data)[1].size, 0);
    assert_int_equal((uintptr_t)t->data % LI_ALIGN, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(absent_attributes_take_the_rows_fallback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_attributes_are_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attributes_outside_the_row_are_refused_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hints_that_begin_with_an_underscore_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inputs_are_counted_against_the_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_lists_are_counted_by_their_attribute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_graph_reads_as_a_line_for_each_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aliases_lie_in_their_inputs_buffer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_of_own_tensors_are_copied, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
