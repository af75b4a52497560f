/* Sessions: plans by shape, segments, no allocation in steady state, refusals, and memory that runs out. */
#include "unit/runtime_failing.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const float numbers[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static struct li_session *doubling(struct fixture *f)
{
    set_outputs(f, node(f, &op_twice, "twice", input_of(f, SHAPE(-1)), LI_NONE), LI_NONE);
    return session_of(f);
}

static void run_shape(struct fixture *f, struct li_session *s, int64_t n)
{
    const struct li_tensor *out = run_on(f, s, SHAPE(n), numbers);
    assert_int_equal(out->shape.dim[0], n);
    for (int64_t i = 0; i < n; i++) {
        assert_true(((const float *)out->data)[i] == 2 * numbers[i]);
    }
}

static void shapes_in_turn_are_planned_once_and_then_allocate_nothing(void **state)
{
    struct fixture *f = *state;
    struct li_session *s = doubling(f);
    atomic_store(&prepares, 0);
    for (int64_t n = 1; n <= 4; n++) {
        run_shape(f, s, 4 * n);
    }
    assert_int_equal(atomic_load(&prepares), 4);
    uint64_t allocations = li_mem_allocations(f->mem);
    for (int64_t run = 0; run < 20; run++) {
        run_shape(f, s, 4 + run * 4 % 16);
    }
    assert_int_equal(atomic_load(&prepares), 4);
    assert_int_equal(li_mem_allocations(f->mem), allocations);
    li_session_free(s);
}

static void beyond_the_limit_the_plan_used_least_recently_goes(void **state)
{
    struct fixture *f = *state;
    struct li_session *s = doubling(f);
    atomic_store(&prepares, 0);
    for (int64_t n = 1; n <= LI_MAX_PLANS; n++) {
        run_shape(f, s, n);
    }
    run_shape(f, s, 1); /* so that 2 is the oldest */
    run_shape(f, s, LI_MAX_PLANS + 1);
    assert_int_equal(atomic_load(&prepares), LI_MAX_PLANS + 1);
    run_shape(f, s, 1);
    assert_int_equal(atomic_load(&prepares), LI_MAX_PLANS + 1);
    run_shape(f, s, 2);
    assert_int_equal(atomic_load(&prepares), LI_MAX_PLANS + 2);
    for (int64_t run = 0; run < 40; run++) {
        run_shape(f, s, 1 + run % (LI_MAX_PLANS + 2));
    }
    li_session_free(s);
}

/*
 * An allocator that gives a freed block to the next who wants as much, so that a plan lies where one that is gone lay.
 */
struct recycled {
    struct recycled *next;
    size_t bytes;
};

static void *recycling_alloc(size_t bytes, void *context)
{
    struct recycled **at = context, *block;
    while (*at && (*at)->bytes != bytes) {
        at = &(*at)->next;
    }
    block = *at;
    if (block) {
        *at = block->next;
    } else {
        block = malloc(sizeof *block + bytes);
        assert_non_null(block);
        block->bytes = bytes;
    }
    return block + 1;
}

static void recycling_free(void *pointer, void *context)
{
    struct recycled **list = context, *block = pointer;
    if (block) {
        block--;
        block->next = *list;
        *list = block;
    }
}

static int nothing(const struct li_step_info *step, void *context)
{
    (void)step, (void)context;
    return 0;
}

/* Explaining makes plans too: the one that ran last may go, and its memory be the next one's. */
static void a_new_plan_in_the_place_of_an_old_one_is_not_taken_for_it(void **state)
{
    (void)state;
    struct recycled *list = NULL;
    struct fixture f = {.mem = li_mem_new(recycling_alloc, recycling_free, &list, 0)};
    f.env = (struct li_env){.mem = f.mem, .isa = LI_ISA_REF};
    assert_int_equal(li_store_new(&f.store, f.mem, &f.err), LINCE_OK);
    assert_int_equal(li_graph_new(&f.g, f.store, &ops, f.mem, &f.err), LINCE_OK);
    struct li_session *s = doubling(&f);
    run_shape(&f, s, 1);
    for (int64_t n = 2; n <= LI_MAX_PLANS + 1; n++) {
        assert_int_equal(li_session_explain(s, SHAPE(n), 1, nothing, NULL, &f.err), LINCE_OK);
    }
    run_shape(&f, s, 40);
    li_session_free(s);
    li_graph_free(f.g);
    li_store_release(f.store);
    li_mem_release(f.mem);
    while (list) {
        struct recycled *next = list->next;
        free(list);
        list = next;
    }
}

/* Two segments: the sum of the input is the shape of what comes after. */
static void counting(struct fixture *f)
{
    li_vid x = input_of(f, SHAPE(-1)), length = node(f, &op_length, "length", x, LI_NONE);
    li_vid ones = node(f, &op_ones, "ones", length, LI_NONE);
    set_outputs(f, node(f, &op_twice, "twice", ones, LI_NONE), x);
}

static void run_count(struct fixture *f, struct li_session *s, int count, int plans)
{
    const float data[2] = {(float)count, 0};
    const struct li_tensor *out = run_on(f, s, SHAPE(2), data);
    assert_int_equal(out[0].shape.dim[0], count);
    for (int i = 0; i < count; i++) {
        assert_true(((const float *)out[0].data)[i] == 2);
    }
    assert_memory_equal(out[1].data, data, sizeof data);
    assert_int_equal(atomic_load(&prepares), plans);
}

static void a_shape_that_depends_on_data_ends_a_segment_and_the_next_is_cached(void **state)
{
    struct fixture *f = *state;
    counting(f);
    struct li_session *s = session_of(f);
    atomic_store(&prepares, 0);
    run_count(f, s, 3, 1);
    run_count(f, s, 3, 1);
    run_count(f, s, 5, 2);
    run_count(f, s, 3, 2);
    run_count(f, s, 0, 3);
    for (int count = 6; count < 20; count++) {
        run_count(f, s, count, count - 2);
    }
    li_session_free(s);
}

static void a_shape_that_running_does_not_tell_either_is_refused(void **state)
{
    struct fixture *f = *state;
    set_outputs(f, node(f, &op_never, "never", input_of(f, SHAPE(1)), LI_NONE), LI_NONE);
    struct li_session *s = session_of(f);
    struct li_tensor input = float_tensor(SHAPE(1), numbers);
    const struct li_tensor *out;
    assert_int_equal(li_session_run(s, &input, 1, NULL, &out, &f->err), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "never"));
    li_session_free(s);
}

/* ---- Refusals ---- */

static void wrong_inputs_are_refused_and_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct li_session *s = doubling(f);
    struct li_tensor input = float_tensor(SHAPE(2), numbers), integer = input,
                     flat = float_tensor(SHAPE(1, 2), numbers);
    const struct li_tensor *out;
    integer.dtype = LINCE_INT32;
    assert_int_equal(li_session_run(s, &input, 0, NULL, &out, &f->err), LINCE_EINVAL);
    assert_int_equal(li_session_run(s, &integer, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "int32"));
    assert_int_equal(li_session_run(s, &flat, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_int_equal(li_session_explain(s, SHAPE(2), 2, NULL, NULL, &f->err), LINCE_EINVAL);
    run_shape(f, s, 2);
    li_session_free(s);
}

/* ---- Memory that runs out ---- */

/* Reads, prepares, writes, is random, and has two segments. */
static void everything(struct fixture *f)
{
    int32_t v = variable(f, "v", 2), w = variable(f, "w", 2);
    li_vid x = input_of(f, SHAPE(-1)), h = handle(f, v), k = handle(f, w);
    li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", h, LI_NONE), LI_NONE);
    effect(f, &op_accumulate, "write", k, packed);
    li_vid ones = node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE);
    li_vid twice = node(f, &op_twice, "twice", node(f, &op_parts, "parts", ones, LI_NONE), LI_NONE);
    set_outputs(f, twice, node(f, &op_random, "random", LI_NONE, LI_NONE));
}

static lince_status run_twice(struct fixture *f, struct li_session *s)
{
    float before = get_variable(f, 1);
    for (int run = 0; run < 2; run++) {
        const float data[3] = {2, 1 + (float)run, 1};
        struct li_tensor input = float_tensor(SHAPE(2 + run), data);
        const struct li_tensor *out;
        LI_TRY(li_session_run(s, &input, 1, NULL, &out, &f->err));
    }
    assert_true(get_variable(f, 1) == before + 2);
    return LINCE_OK;
}

static void every_allocation_that_fails_ends_in_enomem_without_a_leak(void **state)
{
    (void)state;
    survives(everything, run_twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shapes_in_turn_are_planned_once_and_then_allocate_nothing),
        TEST(beyond_the_limit_the_plan_used_least_recently_goes),
        cmocka_unit_test(a_new_plan_in_the_place_of_an_old_one_is_not_taken_for_it),
        TEST(a_shape_that_depends_on_data_ends_a_segment_and_the_next_is_cached),
        TEST(a_shape_that_running_does_not_tell_either_is_refused),
        TEST(wrong_inputs_are_refused_and_do_no_harm),
        cmocka_unit_test(every_allocation_that_fails_ends_in_enomem_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
