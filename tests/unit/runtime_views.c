/* Where values lie while a plan runs: in place, aliases, frames, strides, and what the caller gets to see of it. */
#include "unit/runtime_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void a_chain_of_in_place_ops_uses_one_buffer(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(4)), a = node(f, &op_twice, "a", x, LI_NONE);
    set_outputs(f, node(f, &op_twice, "c", node(f, &op_twice, "b", a, LI_NONE), LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    const float data[] = {1, 2, 3, 4};
    atomic_store(&in_place, 0);
    const float *out = run_on(f, s, SHAPE(4), data)->data;
    assert_int_equal(atomic_load(&in_place), 2); /* not a, which must not touch the caller's input */
    for (int i = 0; i < 4; i++) {
        assert_true(out[i] == 8 * data[i] && data[i] == (float)(i + 1));
    }
    li_session_free(s);
}

static void a_value_that_is_read_again_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2)), a = node(f, &op_copy, "a", x, LI_NONE), b = node(f, &op_twice, "b", a, LI_NONE);
    set_outputs(f, node(f, &op_add, "sum", a, b), LI_NONE);
    struct li_session *s = session_of(f);
    atomic_store(&in_place, 0);
    const float *out = run_on(f, s, SHAPE(2), (const float[]){5, 7})->data;
    assert_true(out[0] == 15 && out[1] == 21);
    assert_int_equal(atomic_load(&in_place), 0);
    li_session_free(s);
}

static void an_output_of_the_graph_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    li_vid a = node(f, &op_copy, "a", input_of(f, SHAPE(1)), LI_NONE);
    set_outputs(f, a, node(f, &op_twice, "b", a, LI_NONE));
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){5});
    assert_true(first_of(&out[0]) == 5 && first_of(&out[1]) == 10);
    li_session_free(s);
}

static void a_value_read_through_an_alias_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    li_vid a = node(f, &op_copy, "a", input_of(f, SHAPE(4)), LI_NONE);
    li_vid other = node(f, &op_reshape, "other", a, ints(f, 2, (const int64_t[]){2, 2}));
    li_vid b = node(f, &op_twice, "b", a, LI_NONE);
    set_outputs(f, b, node(f, &op_copy, "c", other, LI_NONE));
    struct li_session *s = session_of(f);
    const struct li_tensor *out = run_on(f, s, SHAPE(4), (const float[]){1, 2, 3, 4});
    assert_int_equal(out[1].shape.rank, 2);
    assert_true(((const float *)out[0].data)[3] == 8 && ((const float *)out[1].data)[3] == 4);
    li_session_free(s);
}

static void inputs_constants_and_aliases_of_them_are_copied_out(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2));
    set_outputs(f, node(f, &op_identity, "same", x, LI_NONE), floats(f, SHAPE(2), (const float[]){8, 9}));
    struct li_session *s = session_of(f);
    float data[] = {3, 4};
    const struct li_tensor *out = run_on(f, s, SHAPE(2), data);
    assert_ptr_not_equal(out[0].data, data);
    data[0] = 0;
    assert_true(first_of(&out[0]) == 3 && first_of(&out[1]) == 8);
    li_session_free(s);
}

static lince_status with_views(struct li_graph **out, const struct li_graph *inferred, void *context,
                               const struct li_env *env, lince_error *err)
{
    (void)context;
    (void)env;
    LI_TRY(li_graph_prune(out, inferred, err));
    li_graph_default_views(*out);
    for (int32_t n = 0; n < (*out)->node_count; n++) {
        const struct li_node *node = &(*out)->nodes[n];
        struct li_value *value = &(*out)->values[node->out[0]];
        const int64_t *dim = value->shape.dim;
        if (strcmp(node->name, "framed") == 0) { /* one pixel all around */
            value->view.stride[1] = (dim[2] + 2) * dim[3];
            value->view.stride[0] = (dim[1] + 2) * value->view.stride[1];
            value->view.offset = value->view.stride[1] + value->view.stride[2];
            value->view.buffer_count = dim[0] * value->view.stride[0];
            memcpy(value->view.halo, (int32_t[]){1, 1, 1, 1}, sizeof value->view.halo);
        } else if (strcmp(node->name, "apart") == 0) { /* rows with two elements between them, behind three */
            value->view.stride[0] = dim[1] + 2;
            value->view.offset = 3;
            value->view.buffer_count = 3 + dim[0] * value->view.stride[0];
        }
    }
    return LINCE_OK;
}

/* The frame lies where something else, now dead, has left its numbers. */
static void frames_are_cleared_in_every_run(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1, 3, 3, 1)), wide = node(f, &op_grow, "wide", x, LI_NONE);
    li_vid narrow = node(f, &op_shrink, "narrow", wide, LI_NONE), framed = node(f, &op_copy, "framed", narrow, LI_NONE);
    set_outputs(f, node(f, &op_around, "around", framed, LI_NONE), LI_NONE);
    struct li_session *s = session_with(f, 1, with_views);
    const float ones[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const float wanted[9] = {4, 6, 4, 6, 9, 6, 4, 6, 4};
    for (int64_t run = 0; run < 4; run++) {
        int64_t batch = 1 + run % 2;
        const float *out = run_on(f, s, SHAPE(batch, 3, 3, 1), ones)->data;
        for (int64_t i = 0; i < 9 * batch; i++) {
            assert_true(out[i] == wanted[i % 9]);
        }
    }
    li_session_free(s);
}

static void strided_and_framed_outputs_are_given_densely(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2, 3)), shape = ints(f, 4, (const int64_t[]){1, 2, 3, 1});
    li_vid apart = node(f, &op_copy, "apart", x, LI_NONE);
    set_outputs(f, apart, node(f, &op_copy, "framed", node(f, &op_reshape, "picture", x, shape), LI_NONE));
    struct li_session *s = session_with(f, 1, with_views);
    const float data[] = {1, 2, 3, 4, 5, 6};
    const struct li_tensor *out = run_on(f, s, SHAPE(2, 3), data);
    assert_int_equal(out[0].size_bytes, sizeof data);
    assert_memory_equal(out[0].data, data, sizeof data);
    assert_memory_equal(out[1].data, data, sizeof data);
    li_session_free(s);
}

static lince_status half_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_FLOAT64, SHAPE(li_in_shape(s, 0)->dim[0] / 2));
}

/*
 * The second half from its end, in elements twice as large: as many bytes as the input has, but no element stays in its
 * place.
 */
static lince_status half_forward(struct li_call *c)
{
    int64_t n = li_count(&c->in[0]);
    for (int64_t i = 0; i < n / 2; i++) {
        ((double *)c->out[0].data)[i] = (double)li_f32(&c->in[0])[n - 1 - i];
    }
    return LINCE_OK;
}

UNARY(op_half, "Half", half_rule, .forward = half_forward, .flags = LI_OP_INPLACE);

static void elements_of_another_size_do_not_lie_in_place(void **state)
{
    struct fixture *f = *state;
    li_vid a = node(f, &op_copy, "a", input_of(f, SHAPE(8)), LI_NONE);
    set_outputs(f, node(f, &op_half, "half", a, LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    const double *out = run_on(f, s, SHAPE(8), (const float[]){1, 2, 3, 4, 5, 6, 7, 8})->data;
    assert_true(out[0] == 8 && out[1] == 7 && out[2] == 6 && out[3] == 5);
    li_session_free(s);
}

static lince_status part_rule(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_FLOAT32, SHAPE(li_in_shape(s, 0)->dim[0], 1));
}

/* The first column, which lies in the input. */
static lince_status part_forward(struct li_call *c)
{
    return c->out[0].data == c->in[0].data ? LINCE_OK
                                           : li_call_fail(c, LINCE_EDATA, "the part was to lie in the whole");
}

/* Each row plus its first number, from the first element on: in place, the second would find that changed. */
static lince_status add_part_forward(struct li_call *c)
{
    int64_t cols = c->in[0].shape->dim[1];
    for (int64_t i = 0; i < li_count(&c->out[0]); i++) {
        ((float *)c->out[0].data)[i] = li_f32(&c->in[0])[i] + li_f32(&c->in[1])[i / cols * c->in[1].stride[0]];
    }
    return LINCE_OK;
}

UNARY(op_part, "Part", part_rule, .forward = part_forward);
static const struct li_op op_add_part = {.name = "AddPart",
                                         .inputs_min = 2,
                                         .inputs_max = 2,
                                         .outputs = OUTPUT("y"),
                                         .shape = same_rule,
                                         .forward = add_part_forward,
                                         .flags = LI_OP_INPLACE};

static lince_status with_parts(struct li_graph **out, const struct li_graph *inferred, void *context,
                               const struct li_env *env, lince_error *err)
{
    (void)context;
    (void)env;
    LI_TRY(li_graph_prune(out, inferred, err));
    li_graph_default_views(*out);
    for (int32_t n = 0; n < (*out)->node_count; n++) {
        const struct li_node *node = &(*out)->nodes[n];
        if (node->op == &op_part) {
            struct li_view *view = &(*out)->values[node->out[0]].view;
            *view = (*out)->values[node->in[0]].view;
            view->base = node->in[0];
        }
    }
    return LINCE_OK;
}

static void a_value_whose_part_is_read_beside_it_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    li_vid a = node(f, &op_copy, "a", input_of(f, SHAPE(2, 3)), LI_NONE), part = node(f, &op_part, "part", a, LI_NONE);
    set_outputs(f, node(f, &op_add_part, "sum", a, part), LI_NONE);
    struct li_session *s = session_with(f, 1, with_parts);
    const float *out = run_on(f, s, SHAPE(2, 3), (const float[]){1, 2, 3, 10, 20, 30})->data;
    const float wanted[] = {2, 3, 4, 20, 30, 40};
    assert_memory_equal(out, wanted, sizeof wanted);
    li_session_free(s);
}

static void an_empty_batch_gives_an_empty_result(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(-1, 4)), a = node(f, &op_copy, "apart", x, LI_NONE);
    set_outputs(f, node(f, &op_twice, "b", node(f, &op_parts, "c", a, LI_NONE), LI_NONE), a);
    struct li_session *s = session_with(f, 2, with_views);
    for (int64_t batch = 0; batch < 3; batch++) {
        const float data[8] = {1};
        const struct li_tensor *out = run_on(f, s, SHAPE(batch % 2, 4), batch % 2 ? data : NULL);
        assert_int_equal(out[0].shape.dim[0], batch % 2);
        assert_int_equal(out[1].size_bytes, (size_t)(batch % 2) * 4 * sizeof(float));
    }
    li_session_free(s);
}

static void inputs_at_odd_addresses_are_taken(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2)), y = input_of(f, SHAPE(2));
    set_outputs(f, node(f, &op_add, "sum", x, y), LI_NONE);
    struct li_session *s = session_of(f);
    char bytes[40];
    struct li_tensor in[2];
    for (int i = 0; i < 2; i++) {
        memcpy(bytes + 1 + 17 * i, (const float[]){3 + (float)i, 4 + (float)i}, 8);
        in[i] = (struct li_tensor){LINCE_FLOAT32, *SHAPE(2), bytes + 1 + 17 * i, 8};
    }
    const struct li_tensor *out;
    OK(li_session_run(s, in, 2, NULL, &out, &f->err));
    assert_true(((const float *)out->data)[0] == 7 && ((const float *)out->data)[1] == 9);
    li_session_free(s);
}

static void strings_outlive_the_inputs_they_came_from(void **state)
{
    struct fixture *f = *state;
    li_vid x;
    OK(li_graph_input(f->g, LINCE_STRING, SHAPE(2), &x, &f->err));
    set_outputs(f, node(f, &op_turn, "turned", x, LI_NONE), node(f, &op_identity, "same", x, LI_NONE));
    struct li_session *s = session_of(f);
    char text[] = "onetwo";
    lince_string strings[] = {{text, 3}, {text + 3, 3}};
    struct li_tensor input = {LINCE_STRING, *SHAPE(2), strings, sizeof strings};
    const struct li_tensor *out;
    for (int run = 0; run < 2; run++) {
        memcpy(text, "onetwo", 6);
        OK(li_session_run(s, &input, 1, NULL, &out, &f->err));
        memset(text, 0, sizeof text);
        const lince_string *turned = out[0].data, *same = out[1].data;
        assert_memory_equal(turned[0].data, "two", 3);
        assert_memory_equal(turned[1].data, "one", 3);
        assert_memory_equal(same[0].data, "one", 3);
    }
    li_session_free(s);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static lince_status probe_forward(struct li_call *c)
{
    const char *in = c->in[0].data, *out = c->out[0].data;
    size_t bytes = (size_t)li_count(&c->out[0]) * sizeof(float);
    bool guarded = __asan_address_is_poisoned(out + bytes) && __asan_address_is_poisoned(in + bytes);
    memcpy(c->out[0].data, in, bytes);
    return guarded ? LINCE_OK : li_call_fail(c, LINCE_EDATA, "the gap behind a value may be touched");
}

UNARY(op_probe, "Probe", same_rule, .forward = probe_forward);

static void gaps_of_the_block_are_poisoned(void **state)
{
    struct fixture *f = *state;
    li_vid x = node(f, &op_copy, "a", input_of(f, SHAPE(3)), LI_NONE);
    set_outputs(f, node(f, &op_probe, "c", node(f, &op_probe, "b", x, LI_NONE), LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    for (int run = 0; run < 2; run++) {
        assert_true(first_of(run_on(f, s, SHAPE(3), (const float[]){1, 2, 3})) == 1);
    }
    li_session_free(s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_of_in_place_ops_uses_one_buffer),
        TEST(a_value_that_is_read_again_is_not_overwritten),
        TEST(an_output_of_the_graph_is_not_overwritten),
        TEST(a_value_read_through_an_alias_is_not_overwritten),
        TEST(inputs_constants_and_aliases_of_them_are_copied_out),
        TEST(frames_are_cleared_in_every_run),
        TEST(strided_and_framed_outputs_are_given_densely),
        TEST(elements_of_another_size_do_not_lie_in_place),
        TEST(a_value_whose_part_is_read_beside_it_is_not_overwritten),
        TEST(an_empty_batch_gives_an_empty_result),
        TEST(inputs_at_odd_addresses_are_taken),
        TEST(strings_outlive_the_inputs_they_came_from),
#if defined(__SANITIZE_ADDRESS__)
        TEST(gaps_of_the_block_are_poisoned),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
