/* Inference: shapes, folding, deferring what depends on data, errors that name the node. */
#include "graph_support.h"

static void shapes_follow_the_inputs_and_broadcast(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1, 1, 3)), y = input_of(f, SHAPE(7, 1));

    set_outputs(f, node(f, &op_add, "a", x, y), LI_NONE);
    struct li_graph *g = infer(f, (struct li_shape[]){{3, {13, 1, 3}}, {2, {7, 1}}}, NULL);
    const struct li_value *out = &g->values[g->outputs[0]];
    assert_true(li_shape_equal(&out->shape, SHAPE(13, 7, 3)));
    assert_int_equal(out->dtype, LINCE_FLOAT32);
    assert_int_equal(out->producer, 0);
    li_graph_free(g);
}

static void errors_name_the_node(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g, *rest;
    li_vid x = input_of(f, SHAPE(-1, -1)), y = input_of(f, SHAPE(7, 1));

    set_outputs(f, node(f, &op_add, "block/add", x, y), LI_NONE);
    struct li_shape shapes[] = {{2, {3, 2}}, {2, {7, 1}}};
    assert_int_equal(infer_with(&g, &rest, f->g, shapes, NULL, &f->env, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "node \"block/add\" (Add): shapes [3,2] and [7,1] do not broadcast");
    shapes[1].dim[0] = 6;
    assert_int_equal(infer_with(&g, &rest, f->g, shapes, NULL, &f->env, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "input 1 has shape [6,1], wanted [7,1]");
    shapes[0].dim[0] = -1;
    assert_int_equal(infer_with(&g, &rest, f->g, shapes, NULL, &f->env, &f->err), LINCE_EINVAL);
    shapes[0] = *SHAPE((int64_t)1 << 40, (int64_t)1 << 40);
    assert_int_equal(infer_with(&g, &rest, f->g, shapes, NULL, &f->env, &f->err), LINCE_ELIMIT);
}

static void constants_are_folded_and_outlive_the_source(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(4)), a = floats(f, SHAPE(4), (float[]){1, 2, 3, 4}),
           b = floats(f, SCALAR, (float[]){10});
    li_vid sum = node(f, &op_add, "sum", a, b);
    li_vid square = node(f, &op_reshape, "r", sum, ints(f, 2, (int64_t[]){2, 2}));

    set_outputs(f, node(f, &op_add, "y", x, sum), square);
    struct li_graph *g = infer(f, SHAPE(4), NULL);
    li_graph_free(f->g);
    f->g = NULL;
    assert_int_equal(g->node_count, 1);
    assert_string_equal(g->nodes[0].name, "y");
    const struct li_value *folded = &g->values[g->nodes[0].in[1]], *other = &g->values[g->outputs[1]];
    assert_int_equal(folded->producer, LI_NONE);
    assert_memory_equal(folded->constant->data, ((float[]){11, 12, 13, 14}), 16);
    assert_true(li_shape_equal(&other->constant->shape, SHAPE(2, 2)));
    assert_ptr_equal(other->constant->data, folded->constant->data); /* an alias: the same bytes */
    li_graph_free(g);
}

static void shapes_are_known_though_their_tensor_is_not(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1, 3));
    li_vid deep = node(f, &op_identity, "dead after folding", x, LI_NONE);

    set_outputs(f, node(f, &op_ones, "ones", node(f, &op_shape, "shape", deep, LI_NONE), LI_NONE), LI_NONE);
    struct li_graph *g = infer(f, SHAPE(2, 3), NULL);
    const struct li_value *out = &g->values[g->outputs[0]];
    assert_int_equal(g->node_count, 0);
    assert_int_equal(g->value_count, 2);
    assert_int_equal(g->input_count, 1);
    assert_true(((float *)out->constant->data)[5] == 1.0f);
    li_graph_free(g);
}

static void large_slow_and_stateful_results_are_not_folded(void **state)
{
    struct fixture *f = *state;
    li_vid large = node(f, &op_ones, "large", ints(f, 1, (int64_t[]){LI_MAX_FOLD_BYTES / 4 + 1}), LI_NONE);
    li_vid slow = node(f, &op_slow, "slow", ints(f, 1, (int64_t[]){2}), LI_NONE);

    node(f, &op_read, "read", handle(f, variable(f, "v", 3)), LI_NONE);
    require_last(f);
    set_outputs(f, large, slow);
    struct li_graph *g = infer(f, NULL, NULL);
    assert_int_equal(g->node_count, 3);
    assert_int_equal(g->nodes[2].touch[0].resource, 0);
    li_graph_free(g);
}

static void nodes_that_nothing_needs_are_dropped_but_required_ones_stay(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(3)), v = handle(f, variable(f, "v", 3));

    node(f, &op_add, "dead", x, x);
    node(f, &op_write, "unasked", v, x);
    node(f, &op_write, "asked", v, node(f, &op_add, "for it", x, x));
    require_last(f);
    node(f, &op_check, "check", x, LI_NONE);
    require_last(f);
    set_outputs(f, x, LI_NONE);
    struct li_graph *g = infer(f, SHAPE(3), NULL);
    assert_int_equal(g->node_count, 3);
    assert_string_equal(g->nodes[0].name, "for it");
    assert_string_equal(g->nodes[1].name, "asked");
    assert_string_equal(g->nodes[2].name, "check");
    assert_int_equal(g->outputs[0], g->inputs[0]);
    li_graph_free(g);
}

static void checks_that_hold_vanish_and_others_wait_for_the_run(void **state)
{
    struct fixture *f = *state;

    node(f, &op_check, "holds", floats(f, SCALAR, (float[]){1}), LI_NONE);
    require_last(f);
    node(f, &op_check, "fails", floats(f, SCALAR, (float[]){-1}), LI_NONE);
    require_last(f);
    struct li_graph *g = infer(f, NULL, NULL);
    assert_int_equal(g->node_count, 1);
    assert_string_equal(g->nodes[0].name, "fails");
    li_graph_free(g);
}

static void what_depends_on_data_becomes_the_rest(void **state)
{
    struct fixture *f = *state;
    struct li_graph *rest, *none;
    li_vid x = input_of(f, SHAPE(3)), c = floats(f, SCALAR, (float[]){0.5f});
    li_vid half = node(f, &op_add, "before", x, c);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", half, LI_NONE), LI_NONE);

    set_outputs(f, node(f, &op_add, "after", ones, c), half);
    struct li_graph *g = infer(f, SHAPE(3), &rest);
    li_graph_free(f->g);
    f->g = rest;
    assert_int_equal(g->node_count, 2);
    assert_int_equal(g->output_count, 2);
    assert_int_equal(g->values[g->outputs[0]].dtype, LINCE_INT64); /* length first: the deferred node reads it first */
    assert_int_equal(rest->input_count, 2);
    assert_int_equal(rest->node_count, 2);
    assert_int_equal(rest->outputs[1], rest->inputs[1]);
    assert_true(li_shape_equal(&rest->values[rest->inputs[1]].shape, SHAPE(3)));

    struct li_tensor length = {.dtype = LINCE_INT64, .shape = {1, {1}}, .data = (int64_t[]){5}, .size_bytes = 8};
    const struct li_tensor *known[] = {&length, NULL};
    struct li_shape shapes[] = {{1, {1}}, {1, {3}}};
    struct li_graph *second;
    OK(infer_with(&second, &none, rest, shapes, known, &f->env, &f->err));
    assert_null(none);
    assert_true(li_shape_equal(&second->values[second->outputs[0]].shape, SHAPE(5)));
    assert_int_equal(second->node_count, 2); /* decided by what is known, not folded into the graph */
    li_graph_free(second);
    li_graph_free(g);
}

static void known_contents_are_followed_through_small_nodes(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g, *rest;
    li_vid x = input_of(f, SHAPE(2));
    li_vid length = node(f, &op_length, "length", node(f, &op_add, "twice", x, x), LI_NONE);

    set_outputs(f, node(f, &op_ones, "ones", length, LI_NONE), LI_NONE);
    struct li_tensor content = {.dtype = LINCE_FLOAT32, .shape = {1, {2}}, .data = (float[]){3, 4}, .size_bytes = 8};
    OK(infer_with(&g, &rest, f->g, SHAPE(2), (const struct li_tensor *const[]){&content}, &f->env, &f->err));
    assert_null(rest);
    assert_int_equal(g->node_count, 3);
    assert_true(li_shape_equal(&g->values[g->outputs[0]].shape, SHAPE(14)));
    li_graph_free(g);
    content.shape.dim[0] = 1;
    assert_int_equal(
        infer_with(&g, &rest, f->g, SHAPE(2), (const struct li_tensor *const[]){&content}, &f->env, &f->err),
        LINCE_EINVAL);
}

/* Reads a variable where a value says, as ResourceGather does. */
static const struct li_op op_peek = {.name = "Peek",
                                     .inputs_min = 2,
                                     .inputs_max = 2,
                                     .outputs = OUTPUT("y"),
                                     .shape = read_rule,
                                     .forward = write_forward,
                                     .effects = LI_EFFECT_READ};

/* Writes v (deferred), then reads and writes it and w; reads t (deferred), then writes it. */
static void effects_keep_their_order_around_what_is_deferred(void **state)
{
    struct fixture *f = *state;
    struct li_graph *rest;
    int32_t v = variable(f, "v", 3), w = variable(f, "w", 3), u = variable(f, "u", 3);
    li_vid x = input_of(f, SHAPE(3)), hv = handle(f, v), hw = handle(f, w), hu = handle(f, u);
    li_vid ht = handle(f, variable(f, "t", 3));
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);

    node(f, &op_read, "v before", hv, LI_NONE), require_last(f);
    node(f, &op_write, "v deferred", hv, ones), require_last(f);
    node(f, &op_read, "v after", hv, LI_NONE), require_last(f);
    node(f, &op_write, "w free", hw, x), require_last(f);
    li_vid r = node(f, &op_read, "u read", hu, LI_NONE);
    node(f, &op_write, "w deferred", hw, node(f, &op_add, "late", r, ones)), require_last(f);
    node(f, &op_write, "w waits", hw, x), require_last(f);
    node(f, &op_write, "u free", hu, x), require_last(f);
    node(f, &op_peek, "t peeked", ht, ones), require_last(f);
    node(f, &op_read, "t read", ht, LI_NONE), require_last(f);
    node(f, &op_write, "t waits", ht, x), require_last(f);
    struct li_graph *g = infer(f, SHAPE(3), &rest);
    static const char *const now[] = {"length", "v before", "w free", "u read", "u free", "t read"};
    static const char *const later[] = {"ones",       "v deferred", "v after",  "late",
                                        "w deferred", "w waits",    "t peeked", "t waits"};
    assert_int_equal(g->node_count, LI_COUNT(now));
    assert_int_equal(rest->node_count, LI_COUNT(later));
    for (size_t i = 0; i < LI_COUNT(now); i++) {
        assert_string_equal(g->nodes[i].name, now[i]);
    }
    for (size_t i = 0; i < LI_COUNT(later); i++) {
        assert_string_equal(rest->nodes[i].name, later[i]);
    }
    assert_int_equal(g->output_count, 3); /* length, u read, x */
    li_graph_free(rest);
    li_graph_free(g);
}

static void handles_pass_through_identities(void **state)
{
    struct fixture *f = *state;
    li_vid h = node(f, &op_identity, "alias", handle(f, variable(f, "v", 5)), LI_NONE);

    set_outputs(f, node(f, &op_read, "read", h, LI_NONE), LI_NONE);
    struct li_graph *g = infer(f, NULL, NULL);
    assert_int_equal(g->node_count, 1);
    assert_int_equal(g->nodes[0].touch[0].resource, 0);
    assert_true(li_shape_equal(&g->values[g->outputs[0]].shape, SHAPE(5)));
    li_graph_free(g);
}

static void an_effect_without_resource_is_refused(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g, *rest;

    set_outputs(f, node(f, &op_read, "read", input_of(f, SHAPE(1)), LI_NONE), LI_NONE);
    assert_int_equal(infer_with(&g, &rest, f->g, SHAPE(1), NULL, &f->env, &f->err), LINCE_EUNSUPPORTED);
    assert_string_equal(f->err.text, "node \"read\" (Read): which resource it uses is only known by running");
}

static void evaluation_reads_and_writes_resources(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 3);
    float read[3], *written;
    li_vid x = input_of(f, SHAPE(3)), h = handle(f, v);
    struct li_tensor in[2] = {
        {.dtype = LINCE_RESOURCE},
        {.dtype = LINCE_FLOAT32, .shape = {1, {3}}, .data = (float[]){1, 2, 3}, .size_bytes = 12}};
    struct li_tensor out;

    node(f, &op_write, "w", h, x), require_last(f);
    li_vid r = node(f, &op_read, "r", h, LI_NONE);
    set_outputs(f, r, node(f, &op_random, "random", LI_NONE, LI_NONE));
    struct li_graph *g = infer(f, SHAPE(3), NULL);
    OK(li_node_eval(g, &g->nodes[0], in, NULL, &f->env, &f->err));
    OK(li_store_read(f->store, v, read, sizeof read, &f->err));
    assert_memory_equal(read, in[1].data, sizeof read);
    OK(li_node_eval(g, &g->nodes[1], in, &out, &f->env, &f->err));
    written = out.data;
    assert_memory_equal(written, read, sizeof read);
    li_free(f->mem, out.data);
    for (uint64_t i = 0; i < 3; i++) { /* the generator goes on */
        OK(li_node_eval(g, &g->nodes[2], NULL, &out, &f->env, &f->err));
        assert_int_equal(*(uint64_t *)out.data, i);
        li_free(f->mem, out.data);
    }
    li_graph_free(g);
}

static void deep_graphs_neither_recurse_nor_take_long(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2)), v = x;

    for (int i = 0; i < 100000; i++) {
        v = node(f, &op_add, "a", v, x);
    }
    set_outputs(f, v, LI_NONE);
    struct li_graph *g = infer(f, SHAPE(2), NULL);
    assert_int_equal(g->node_count, 100000);
    assert_int_equal(g->outputs[0], 100000);
    li_graph_free(g);
}

static int32_t failing_after;

static void *scarce(size_t bytes, void *context)
{
    (void)context;
    return failing_after-- > 0 ? malloc(bytes) : NULL;
}

static void give_back(void *pointer, void *context)
{
    (void)context;
    free(pointer);
}

static lince_status build_and_infer(struct li_mem *mem, lince_error *err)
{
    struct li_store *store;
    struct li_graph *g = NULL, *out = NULL, *rest = NULL;
    li_vid x, a[2];
    struct li_env env = {.mem = mem};
    float one = 1;
    struct li_tensor t = {.dtype = LINCE_FLOAT32, .shape = {0, {0}}, .data = &one, .size_bytes = 4};
    struct li_node *n;

    LI_TRY(li_store_new(&store, mem, err));
    lince_status st = li_graph_new(&g, store, &ops, mem, err);
    st = st ? st : li_graph_input(g, LINCE_FLOAT32, SHAPE(2), &x, err);
    st = st ? st : li_graph_constant(g, &t, &a[0], err);
    a[1] = a[0];
    st = st ? st : li_graph_append(g, &op_add, "c", a, 2, NULL, 0, &n, err);
    if (!st) {
        a[0] = n->out[0];
        a[1] = x;
        st = li_graph_append(g, &op_add, "d", a, 2, NULL, 0, &n, err);
    }
    st = st ? st : li_graph_append(g, &op_length, "l", n->out, 1, NULL, 0, &n, err);
    st = st ? st : li_graph_append(g, &op_ones, "o", n->out, 1, NULL, 0, &n, err);
    st = st ? st : li_graph_set_outputs(g, n->out, 1, err);
    st = st ? st : infer_with(&out, &rest, g, SHAPE(2), NULL, &env, err);
    li_graph_free(g);
    li_graph_free(out);
    li_graph_free(rest);
    li_store_release(store);
    return st;
}

static void every_failed_allocation_is_an_error_without_a_leak(void **state)
{
    lince_error err;
    (void)state;

    for (int32_t n = 0;; n++) {
        failing_after = 1 << 20;
        struct li_mem *mem = li_mem_new(scarce, give_back, NULL, 0);
        failing_after = n;
        lince_status st = build_and_infer(mem, &err);
        assert_int_equal(li_mem_used_bytes(mem), 0);
        li_mem_release(mem);
        if (st == LINCE_OK) {
            assert_true(n > 20);
            return;
        }
        assert_int_equal(st, LINCE_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shapes_follow_the_inputs_and_broadcast, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_name_the_node, set_up, tear_down),
        cmocka_unit_test_setup_teardown(constants_are_folded_and_outlive_the_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shapes_are_known_though_their_tensor_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_slow_and_stateful_results_are_not_folded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_that_nothing_needs_are_dropped_but_required_ones_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks_that_hold_vanish_and_others_wait_for_the_run, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_depends_on_data_becomes_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(known_contents_are_followed_through_small_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(effects_keep_their_order_around_what_is_deferred, set_up, tear_down),
        cmocka_unit_test_setup_teardown(handles_pass_through_identities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_effect_without_resource_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evaluation_reads_and_writes_resources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep_graphs_neither_recurse_nor_take_long, set_up, tear_down),
        cmocka_unit_test(every_failed_allocation_is_an_error_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
