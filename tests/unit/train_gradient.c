/* Gradients of small graphs of real ops: against differences, and where there are none. */
#include "graph_fixture.h"

#include "kernels/kernels.h"
#include "ops/ops.h"
#include "unit/train_gradient_of.h"

#include <math.h>

static int set_up(void **state)
{
    struct fixture *f = fixture_new(li_ops());
    f->env.kernels = li_kernels_get(LI_ISA_REF);
    *state = f;
    return 0;
}

/* ---- Making ---- */

static li_vid input(struct fixture *f, int64_t rows, int64_t cols)
{
    li_vid v;
    OK(li_graph_input(f->g, LINCE_FLOAT32, &(struct li_shape){2, {rows, cols}}, &v, &f->err));
    return v;
}

static li_vid variable(struct fixture *f, const char *name, const struct li_shape *shape)
{
    float data[64];
    int32_t resource;
    li_vid v;
    for (int i = 0; i < 64; i++) {
        data[i] = sinf((float)(i * 7 + f->store->count)) * 0.7f;
    }
    OK(li_store_add(f->store, LI_VARIABLE, name, LINCE_FLOAT32, shape, &resource, &f->err));
    OK(li_store_write(f->store, resource, data, (size_t)li_shape_count(shape) * sizeof(float), &f->err));
    OK(li_graph_resource(f->g, resource, &v, &f->err));
    return v;
}

static li_vid emit(struct fixture *f, const char *op, li_vid a, li_vid b, const struct li_attr *attr)
{
    li_vid out;
    OK(li_graph_emit(f->g, op, op, (li_vid[]){a, b}, (a >= 0) + (b >= 0), attr, attr != NULL, &out, 1, &f->err));
    return out;
}

static li_vid read(struct fixture *f, li_vid handle)
{
    return emit(f, "ReadVariableOp", handle, LI_NONE, &(struct li_attr)LI_TYPE("dtype", LINCE_FLOAT32));
}

/* An op that only passes make, after gradients: it has none of its own. */
static li_vid bend(struct fixture *f, const char *name, li_vid v)
{
    const struct li_attr activation = LI_INT("activation", LI_ACT_RELU);
    li_vid out;
    OK(li_graph_emit(f->g, "_LiActivate", name, &v, 1, &activation, 1, &out, 1, &f->err));
    return out;
}

static li_vid sum_all(struct fixture *f, li_vid v)
{
    int64_t data[] = {0, 1};
    const struct li_tensor axes = {.dtype = LINCE_INT64, .shape = {1, {2}}, .data = data, .size_bytes = sizeof data};
    const struct li_tensor *own;
    li_vid constant;
    OK(li_graph_own_tensor(f->g, &axes, &own, &f->err));
    OK(li_graph_constant(f->g, own, &constant, &f->err));
    return emit(f, "Sum", v, constant, NULL);
}

/* ---- Running ---- */

static struct li_tensor content(const struct li_graph *g, li_vid v, const struct li_tensor *values)
{
    return g->values[v].constant ? *g->values[v].constant : values[v];
}

/* The elements of `wanted` as floats, every input of the graph holding 0.1, 0.2, ... */
static void run(struct fixture *f, struct li_graph *g, li_vid wanted, float *out)
{
    struct li_tensor *values = calloc((size_t)g->value_count, sizeof *values), in[8];
    for (int32_t i = 0; i < g->input_count; i++) {
        const struct li_value *value = &g->values[g->inputs[i]];
        struct li_tensor *t = &values[g->inputs[i]];
        *t = (struct li_tensor){.dtype = value->dtype, .shape = value->shape};
        OK(li_shape_bytes(&t->shape, t->dtype, &t->size_bytes, &f->err));
        t->data = li_alloc(f->mem, t->size_bytes, &f->err);
        for (size_t k = 0; k < t->size_bytes / sizeof(float); k++) {
            ((float *)t->data)[k] = (float)(k + 1) * 0.1f;
        }
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        const struct li_node *node = &g->nodes[n];
        assert_int_equal(node->nout, 1);
        assert_true(node->nin <= 8);
        for (int i = 0; i < node->nin; i++) {
            in[i] = content(g, node->in[i], values);
        }
        OK(li_node_eval(g, node, in, &values[node->out[0]], &f->env, &f->err));
    }
    const struct li_tensor result = content(g, wanted, values);
    for (int64_t i = 0; i < li_shape_count(&result.shape); i++) {
        out[i] = (float)li_tensor_float(&result, i);
    }
    for (li_vid v = 0; v < g->value_count; v++) {
        li_free(f->mem, values[v].data);
    }
    free(values);
}

/* The gradient of a variable against what the loss does when each element moves a little. */
static void check_variable(struct fixture *f, struct li_graph *g, li_vid loss, int32_t resource, li_vid grad)
{
    enum { MOST = 64 };
    float value[MOST], found[MOST], up, down, step = 1e-2f;
    size_t bytes = f->store->resources[resource]->value.size_bytes;
    assert_true(bytes <= sizeof value);
    assert_true(li_shape_equal(&g->values[grad].shape, &f->store->resources[resource]->shape));
    OK(li_store_read(f->store, resource, value, bytes, &f->err));
    run(f, g, grad, found);
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        float kept = value[i];
        value[i] = kept + step;
        OK(li_store_write(f->store, resource, value, bytes, &f->err));
        run(f, g, loss, &up);
        value[i] = kept - step;
        OK(li_store_write(f->store, resource, value, bytes, &f->err));
        run(f, g, loss, &down);
        value[i] = kept;
        OK(li_store_write(f->store, resource, value, bytes, &f->err));
        float expected = (up - down) / (2 * step);
        /* Rounding of the loss (1e-6 of about 10) over the step, and the third derivative. */
        assert_true(fabsf(found[i] - expected) <= 3e-3f + 3e-3f * fabsf(expected));
    }
}

/* ---- Tests ---- */

static void a_dense_layers_gradients_match_differences(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid x = input(f, 3, 4), grads[2];
    li_vid w = variable(f, "w", &(struct li_shape){2, {4, 5}}), b = variable(f, "b", &(struct li_shape){1, {5}});
    li_vid y =
        emit(f, "Tanh", emit(f, "AddV2", emit(f, "MatMul", x, read(f, w), NULL), read(f, b), NULL), LI_NONE, NULL);
    li_vid loss = sum_all(f, emit(f, "Square", y, LI_NONE, NULL));

    OK(gradient_of(&g, f->g, loss, (li_vid[]){w, b}, 2, grads, &f->err));
    check_variable(f, g, loss, 0, grads[0]);
    check_variable(f, g, loss, 1, grads[1]);
    li_graph_free(g);
}

/* w is read twice, and one of the reads is used twice. */
static void gradients_that_meet_are_summed(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid w = variable(f, "w", &(struct li_shape){2, {2, 3}}), grad;
    li_vid one = read(f, w), two = read(f, w);
    li_vid loss = sum_all(f, emit(f, "Mul", emit(f, "Mul", one, one, NULL), emit(f, "Exp", two, LI_NONE, NULL), NULL));

    OK(gradient_of(&g, f->g, loss, &w, 1, &grad, &f->err));
    check_variable(f, g, loss, 0, grad);
    li_graph_free(g);
}

static void an_input_is_a_target_too(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[6];
    li_vid x = input(f, 2, 3), grad;
    li_vid loss = sum_all(f, emit(f, "Square", x, LI_NONE, NULL));

    OK(gradient_of(&g, f->g, loss, &x, 1, &grad, &f->err));
    run(f, g, grad, found);
    for (int i = 0; i < 6; i++) {
        assert_float_equal(found[i], 0.2f * (float)(i + 1), 1e-6f);
    }
    li_graph_free(g);
}

static void a_loss_of_many_elements_counts_as_their_sum(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[6];
    li_vid x = input(f, 2, 3), grad;
    li_vid loss = emit(f, "Square", x, LI_NONE, NULL);

    OK(gradient_of(&g, f->g, loss, &x, 1, &grad, &f->err));
    run(f, g, grad, found);
    assert_float_equal(found[5], 1.2f, 1e-6f);
    li_graph_free(g);
}

static void the_loss_itself_has_the_gradient_one(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[1];
    li_vid loss = sum_all(f, input(f, 2, 3)), grad;

    OK(gradient_of(&g, f->g, loss, &loss, 1, &grad, &f->err));
    run(f, g, grad, found);
    assert_true(found[0] == 1);
    li_graph_free(g);
}

/* The sums of x * x and x, the first with gradients of 1, 2, ..., the second with none; then both with ones. */
static void what_arrives_at_each_output_is_given_or_one(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[6];
    li_vid x = input(f, 2, 3), upstream[2] = {input(f, 2, 3), LI_NONE}, grad;
    li_vid outputs[2] = {emit(f, "Square", x, LI_NONE, NULL), emit(f, "Neg", x, LI_NONE, NULL)};
    struct li_gradient_options options = {
        .outputs = outputs, .upstream = upstream, .output_count = 2, .targets = &x, .target_count = 1};

    OK(li_gradient(&g, f->g, &options, &grad, &f->err));
    run(f, g, grad, found);
    for (int i = 0; i < 6; i++) {
        float xi = 0.1f * (float)(i + 1);
        assert_float_equal(found[i], 2 * xi * xi, 1e-6f);
    }
    li_graph_free(g);
    upstream[1] = upstream[0];
    OK(li_gradient(&g, f->g, &options, &grad, &f->err));
    run(f, g, grad, found);
    assert_float_equal(found[5], 2 * 0.6f * 0.6f - 0.6f, 1e-6f);
    li_graph_free(g);
    options.upstream = NULL;
    OK(li_gradient(&g, f->g, &options, &grad, &f->err));
    run(f, g, grad, found);
    assert_float_equal(found[5], 2 * 0.6f - 1, 1e-6f);
    li_graph_free(g);
    upstream[1] = input(f, 3, 2);
    options.upstream = upstream;
    assert_int_equal(li_gradient(&g, f->g, &options, &grad, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "the gradient of output 1 is float32[3,2], the output float32[2,3]");
}

static void where_nothing_arrives_there_is_none_for_who_asks_for_that(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid x = input(f, 2, 3), unused = variable(f, "unused", &(struct li_shape){2, {2, 3}}), grads[2];
    li_vid loss = emit(f, "Square", x, LI_NONE, NULL);
    const struct li_gradient_options options = {
        .outputs = &loss, .output_count = 1, .targets = (li_vid[]){unused, x}, .target_count = 2, .none = true};

    OK(li_gradient(&g, f->g, &options, grads, &f->err));
    assert_int_equal(grads[0], LI_NONE);
    assert_true(grads[1] >= 0);
    li_graph_free(g);
}

static void where_nothing_arrives_the_gradient_is_zero(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[6];
    li_vid x = input(f, 2, 3), unused = variable(f, "unused", &(struct li_shape){2, {2, 3}}), grads[3];
    li_vid stopped = variable(f, "stopped", &(struct li_shape){2, {2, 3}});
    li_vid held = emit(f, "StopGradient", read(f, stopped), LI_NONE, NULL);
    li_vid loss = sum_all(f, emit(f, "Mul", x, held, NULL));

    OK(gradient_of(&g, f->g, loss, (li_vid[]){unused, stopped, x}, 3, grads, &f->err));
    for (int i = 0; i < 2; i++) {
        assert_true(li_shape_equal(&g->values[grads[i]].shape, &(struct li_shape){2, {2, 3}}));
        run(f, g, grads[i], found);
        for (int k = 0; k < 6; k++) {
            assert_true(found[k] == 0);
        }
    }
    run(f, g, grads[2], found);
    assert_true(found[1] != 0);
    li_graph_free(g);
}

static void numbers_and_outputs_of_the_graph_stay(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid x = input(f, 2, 3), grad;
    li_vid square = emit(f, "Square", x, LI_NONE, NULL), loss = sum_all(f, square);

    OK(li_graph_set_outputs(f->g, (li_vid[]){loss, square}, 2, &f->err));
    OK(gradient_of(&g, f->g, loss, &x, 1, &grad, &f->err));
    assert_true(g->node_count > f->g->node_count && grad >= f->g->value_count);
    assert_int_equal(g->outputs[1], square);
    assert_int_equal(g->inputs[0], x);
    for (int32_t n = 0; n < f->g->node_count; n++) {
        assert_ptr_equal(g->nodes[n].op, f->g->nodes[n].op);
        assert_int_equal(g->nodes[n].out[0], f->g->nodes[n].out[0]);
        assert_ptr_not_equal(g->nodes[n].out, f->g->nodes[n].out);
    }
    li_graph_free(f->g); /* nothing of it is borrowed */
    f->g = g;
    assert_non_null(li_graph_text(g, &f->err));
}

/* How many nodes the gradients by some targets take, beside the loss. */
static int32_t nodes_for(struct fixture *f, li_vid loss, const li_vid *targets, int count)
{
    struct li_graph *g, *needed;
    li_vid out[8];
    OK(gradient_of(&g, f->g, loss, targets, count, out, &f->err));
    out[count] = loss;
    OK(li_graph_set_outputs(g, out, count + 1, &f->err));
    OK(li_graph_prune(&needed, g, &f->err));
    int32_t nodes = needed->node_count - f->g->node_count;
    li_graph_free(needed);
    li_graph_free(g);
    return nodes;
}

/* A product of matrices has two gradients, each a product; Tanh has TanhGrad; the sum's is one value, filled in. */
static void only_what_the_targets_need_is_computed(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, 3, 4), w = variable(f, "w", &(struct li_shape){2, {4, 5}});
    li_vid v = variable(f, "v", &(struct li_shape){2, {5, 2}});
    li_vid hidden = emit(f, "Tanh", emit(f, "MatMul", x, read(f, w), NULL), LI_NONE, NULL);
    li_vid loss = sum_all(f, emit(f, "MatMul", hidden, read(f, v), NULL));

    int32_t none = nodes_for(f, loss, NULL, 0), head = nodes_for(f, loss, &v, 1);
    assert_int_equal(none, 0);
    assert_int_equal(nodes_for(f, loss, &w, 1) - head, 2);                  /* into hidden, Tanh, w instead of v */
    assert_int_equal(nodes_for(f, loss, (li_vid[]){w, v}, 2) - head, 3);    /* and v */
    assert_int_equal(nodes_for(f, loss, (li_vid[]){w, v, x}, 3) - head, 4); /* and x, which nobody asked for before */
    assert_int_equal(nodes_for(f, loss, &hidden, 1) - head, 0);             /* into hidden instead of v */
}

/* Twice the last row and once the second; the reading of it all adds to that. */
static void rows_of_a_variable_that_were_gathered_share_its_gradient(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    int32_t rows[] = {4, 1, 4};
    const struct li_tensor where = {.dtype = LINCE_INT32, .shape = {1, {3}}, .data = rows, .size_bytes = sizeof rows};
    li_vid w = variable(f, "w", &(struct li_shape){2, {5, 2}}), indices, grad;
    OK(li_graph_constant(f->g, &where, &indices, &f->err));
    li_vid taken = emit(f, "ResourceGather", w, indices, &(struct li_attr)LI_TYPE("dtype", LINCE_FLOAT32));
    li_vid part = sum_all(f, emit(f, "Square", taken, LI_NONE, NULL)), whole = sum_all(f, read(f, w));
    li_vid loss = emit(f, "Mul", part, whole, NULL);

    OK(gradient_of(&g, f->g, loss, &w, 1, &grad, &f->err));
    check_variable(f, g, loss, 0, grad);
    li_graph_free(g);
    OK(gradient_of(&g, f->g, part, &w, 1, &grad, &f->err));
    check_variable(f, g, part, 0, grad);
    li_graph_free(g);
}

/* ---- Lists ---- */

static li_vid whole(struct fixture *f, int32_t number)
{
    const struct li_tensor t = {.dtype = LINCE_INT32, .data = &number, .size_bytes = sizeof number};
    const struct li_tensor *own;
    li_vid v;
    OK(li_graph_own_tensor(f->g, &t, &own, &f->err));
    OK(li_graph_constant(f->g, own, &v, &f->err));
    return v;
}

static li_vid list_op(struct fixture *f, const char *op, li_vid a, li_vid b, li_vid c)
{
    const struct li_attr dtype = LI_TYPE("element_dtype", LINCE_FLOAT32);
    li_vid out;
    OK(li_graph_emit(f->g, op, op, (li_vid[]){a, b, c}, c >= 0 ? 3 : 2, &dtype, 1, &out, 1, &f->err));
    return out;
}

/* Element 0 is set twice: of what was put there first nothing is left. The list is unshaped to begin with. */
static void what_was_put_into_a_list_gets_the_gradient_of_what_was_taken_out(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    const struct li_shape shape = {2, {2, 3}};
    float found[6];
    li_vid handle[3], item[3], grads[3], any = whole(f, -1), list;
    for (int i = 0; i < 3; i++) {
        handle[i] = variable(f, (const char *const[]){"lost", "first", "second"}[i], &shape);
        item[i] = emit(f, "Square", read(f, handle[i]), LI_NONE, NULL);
    }
    list = list_op(f, "TensorListReserve", any, whole(f, 3), LI_NONE);
    list = list_op(f, "TensorListSetItem", list, whole(f, 0), item[0]);
    list = list_op(f, "TensorListSetItem", list, whole(f, 2), item[2]);
    list = list_op(f, "TensorListSetItem", list, whole(f, 0), item[1]);
    li_vid first = list_op(f, "TensorListGetItem", list, whole(f, 0), any);
    li_vid stack = list_op(f, "TensorListStack", list, any, LI_NONE);
    li_vid product = emit(f, "Mul", emit(f, "Square", stack, LI_NONE, NULL), first, NULL);
    li_vid loss = sum_all(f, emit(f, "Sum", product, whole(f, 0), NULL));

    OK(gradient_of(&g, f->g, loss, handle, 3, grads, &f->err));
    run(f, g, grads[0], found);
    for (int k = 0; k < 6; k++) {
        assert_true(found[k] == 0);
    }
    check_variable(f, g, loss, 1, grads[1]);
    check_variable(f, g, loss, 2, grads[2]);
    li_graph_free(g);
}

static void what_cannot_be_differentiated_is_said(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g = NULL;
    li_vid x = input(f, 2, 3), grad = 77;
    li_vid whole = emit(f, "Cast", x, LI_NONE, &(struct li_attr)LI_TYPE("DstT", LINCE_INT32));
    li_vid held = emit(f, "PreventGradient", x, LI_NONE, &(struct li_attr)LI_STR("message", "no."));

    assert_int_equal(gradient_of(&g, f->g, whole, &x, 1, &grad, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "output 0 is int32, wanted a float");
    assert_int_equal(gradient_of(&g, f->g, held, &x, 1, &grad, &f->err), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "PreventGradient"));
    assert_null(g);
    assert_int_equal(grad, 77);
}

/* A gradient that is missing is no gradient of zero. */
static void a_gradient_that_is_missing_is_refused_by_the_nodes_name(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g = NULL;
    li_vid x = input(f, 2, 3), grads[2] = {77, 77};
    li_vid w = variable(f, "w", &(struct li_shape){2, {2, 3}});
    li_vid loss = sum_all(f, bend(f, "head/bend", emit(f, "Mul", read(f, w), x, NULL)));

    for (int i = 0; i < 2; i++) {
        f->err.text[0] = 0;
        assert_int_equal(gradient_of(&g, f->g, loss, i ? &w : &x, 1, grads, &f->err), LINCE_EUNSUPPORTED);
        assert_non_null(strstr(f->err.text, "node \"head/bend\" (_LiActivate): has no gradient yet"));
    }
    assert_null(g);
    assert_int_equal(grads[0], 77);
}

/* Here it stands in a part that is not trained, before an end, and in what only decides an index. */
static void a_gradient_that_nothing_needs_may_be_missing(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    float found[6];
    const struct li_shape shape = {2, {2, 3}};
    li_vid x = input(f, 2, 3), frozen = variable(f, "frozen", &shape), w = variable(f, "w", &shape), grads[2];
    li_vid features = bend(f, "frozen", read(f, frozen));
    li_vid bent = bend(f, "stopped", x), stopped = emit(f, "StopGradient", bent, LI_NONE, NULL);
    li_vid signs = emit(f, "Cast", emit(f, "Less", bent, features, NULL), LI_NONE,
                        &(struct li_attr)LI_TYPE("DstT", LINCE_FLOAT32));
    li_vid y = emit(f, "Mul", emit(f, "AddV2", read(f, w), stopped, NULL), emit(f, "Mul", features, signs, NULL), NULL);
    li_vid loss = sum_all(f, y);

    OK(gradient_of(&g, f->g, loss, (li_vid[]){w, x}, 2, grads, &f->err));
    check_variable(f, g, loss, 1, grads[0]);
    run(f, g, grads[1], found);
    for (int k = 0; k < 6; k++) {
        assert_true(found[k] == 0);
    }
    li_graph_free(g);
}

static void a_long_chain_takes_no_stack(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid x = input(f, 1, 1), grad, v = x;

    for (int i = 0; i < 20000; i++) {
        v = emit(f, "Neg", v, LI_NONE, NULL);
    }
    OK(gradient_of(&g, f->g, v, &x, 1, &grad, &f->err));
    assert_true(g->node_count >= 40000);
    li_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_dense_layers_gradients_match_differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_that_meet_are_summed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_input_is_a_target_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loss_of_many_elements_counts_as_their_sum, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_loss_itself_has_the_gradient_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_arrives_at_each_output_is_given_or_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_arrives_there_is_none_for_who_asks_for_that, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_nothing_arrives_the_gradient_is_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_and_outputs_of_the_graph_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_the_targets_need_is_computed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_of_a_variable_that_were_gathered_share_its_gradient, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_put_into_a_list_gets_the_gradient_of_what_was_taken_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_differentiated_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gradient_that_is_missing_is_refused_by_the_nodes_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gradient_that_nothing_needs_may_be_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_chain_takes_no_stack, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
