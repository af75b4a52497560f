/* Programs: plans that sessions share, from one thread and from two, and what is prepared once for all of them. */
#include "unit/runtime_control_support.h"

#include <pthread.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A program of the fixture's graph, which is taken over; the fixture gets a new one. */
static struct li_program *program_of(struct fixture *f)
{
    const struct li_program_options options = {.env = &f->env};
    struct li_program *program;
    OK(li_program_new(&program, f->g, &options, &f->err));
    OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    return program;
}

/* `count` sessions of the fixture's graph, each with a pool of its own. */
static void twins(struct fixture *f, struct li_session **s, int count, int threads)
{
    struct li_program *program = program_of(f);
    for (int i = 0; i < count; i++) {
        struct li_pool *pool;
        OK(li_pool_new(&pool, threads, f->mem, &f->err));
        OK(li_session_new(&s[i], program, pool, &f->err));
        li_pool_release(pool);
    }
    li_program_release(program);
}

/* ---- Runs of one plan -------------------------------------------------------------------------------------------- */

static void doubling(struct fixture *f)
{
    li_vid x = input_of(f, SHAPE(-1));
    set_outputs(f, node(f, &op_twice, "twice", node(f, &op_add, "sum", x, x), LI_NONE), LI_NONE);
}

static void two_sessions_plan_once_and_both_results_stay_readable(void **state)
{
    struct fixture *f = *state;
    struct li_session *s[2];
    doubling(f);
    twins(f, s, 2, 1);
    atomic_store(&prepares, 0);
    const struct li_tensor *a = run_on(f, s[0], SHAPE(3), (const float[]){1, 2, 3});
    const struct li_tensor *b = run_on(f, s[1], SHAPE(3), (const float[]){10, 20, 30});
    assert_int_equal(atomic_load(&prepares), 1);
    assert_memory_equal(a->data, ((const float[]){4, 8, 12}), 12);
    assert_memory_equal(b->data, ((const float[]){40, 80, 120}), 12);
    li_session_free(s[0]);
    assert_memory_equal(b->data, ((const float[]){40, 80, 120}), 12);
    li_session_free(s[1]);
}

static void a_session_that_comes_later_finds_the_plans_of_those_before_it(void **state)
{
    struct fixture *f = *state;
    struct li_session *s;
    struct li_pool *pool;
    doubling(f);
    struct li_program *program = program_of(f);
    OK(li_pool_new(&pool, 1, f->mem, &f->err));
    atomic_store(&prepares, 0);
    for (int i = 0; i < 3; i++) {
        OK(li_session_new(&s, program, pool, &f->err));
        assert_true(run_number(f, s, 2) == 8);
        li_session_free(s);
    }
    assert_int_equal(atomic_load(&prepares), 1);
    li_pool_release(pool);
    li_program_release(program);
}

struct runner {
    struct fixture *f;
    struct li_session *s;
    float value;
    int count;
};

enum { RUNS = 200 };

/* Two shapes in turn; the sum of each right. */
static void *run_often(void *context)
{
    struct runner *r = context;
    lince_error err;
    for (int i = 0; i < RUNS; i++) {
        const float data[8] = {r->value, (float)i};
        struct li_tensor input = float_tensor(SHAPE(2 + i % 2 * 6), data);
        const struct li_tensor *out;
        r->count += li_session_run(r->s, &input, 1, NULL, &out, &err) == LINCE_OK &&
                    ((const float *)out->data)[0] == 4 * r->value && ((const float *)out->data)[1] == 4 * (float)i;
    }
    return NULL;
}

static void run_both(struct runner r[2], void *(*run)(void *))
{
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, run, &r[1]), 0);
    run(&r[0]);
    assert_int_equal(pthread_join(other, NULL), 0);
}

static void two_threads_run_one_plan_at_a_time_each_its_own(void **state)
{
    struct fixture *f = *state;
    struct li_session *s[2];
    doubling(f);
    twins(f, s, 2, 2);
    atomic_store(&prepares, 0);
    struct runner r[2] = {{f, s[0], 3, 0}, {f, s[1], 5, 0}};
    run_both(r, run_often);
    assert_int_equal(atomic_load(&prepares), 2);
    assert_int_equal(r[0].count + r[1].count, 2 * RUNS);
    li_session_free(s[0]);
    li_session_free(s[1]);
}

/* ---- Bodies, from two threads ------------------------------------------------------------------------------------ */

/* total += i while i < input; then what total is. A check keeps effects, and touches nothing. */
static struct li_graph *counting_turn(struct fixture *f, int32_t total)
{
    struct li_graph *outer = begin_body(f);
    li_vid i = argument(f), limit = argument(f);
    effect(f, &op_check, "check", limit, LI_NONE);
    effect(f, &op_accumulate, "count", handle(f, total), i);
    set_outputs(f, node(f, &op_add, "next", i, number(f, 1)), limit);
    return end_body(f, outer);
}

static void counting(struct fixture *f, int32_t total)
{
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *outer = begin_body(f);
    li_vid i = argument(f), limit = argument(f);
    set_outputs(f, node(f, &op_less, "less", i, limit), LI_NONE);
    struct li_graph *condition = end_body(f, outer), *turn = counting_turn(f, total);
    control(f, &op_while, "while", (li_vid[]){number(f, 0), x}, 2, 2, condition, turn);
    require_last(f);
    set_outputs(f, node(f, &op_read, "total", handle(f, total), LI_NONE), LI_NONE);
}

static void *count_often(void *context)
{
    struct runner *r = context;
    lince_error err;
    for (int i = 0; i < RUNS; i++) {
        struct li_tensor input = float_tensor(SHAPE(1), &r->value);
        const struct li_tensor *out;
        r->count += li_session_run(r->s, &input, 1, NULL, &out, &err) == LINCE_OK;
    }
    return NULL;
}

/* Each run adds 0 + 1 + ... below its limit, and none is lost. */
static void two_threads_lose_nothing_that_loops_write(void **state)
{
    struct fixture *f = *state;
    int32_t total = variable(f, "total", 1);
    struct li_session *s[2];
    counting(f, total);
    twins(f, s, 2, 1);
    struct runner r[2] = {{f, s[0], 4, 0}, {f, s[1], 3, 0}};
    run_both(r, count_often);
    assert_int_equal(r[0].count + r[1].count, 2 * RUNS);
    assert_true(get_variable(f, total) == RUNS * (6 + 3));
    li_session_free(s[0]);
    li_session_free(s[1]);
}

/* ---- Telling plans apart ----------------------------------------------------------------------------------------- */

/* Behind the first segment the only trace of the content is a constant: the shape of what nobody reads. */
static void a_plan_is_not_taken_for_contents_that_lead_to_another_constant(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), length = node(f, &op_length, "length", x, LI_NONE);
    li_vid shape = node(f, &op_shape, "shape", node(f, &op_ones, "ones", length, LI_NONE), LI_NONE);
    set_outputs(f, shape, LI_NONE);
    struct li_session *s = session_of(f);
    for (int64_t n = 1; n < 12; n++) {
        assert_int_equal(*(const int64_t *)run_on(f, s, SHAPE(1), (const float[]){(float)n})->data, n);
    }
    li_session_free(s);
}

/* Nor where only what comes behind that segment knows the constant. */
static void nor_for_contents_that_lead_to_another_constant_later(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1)), length = node(f, &op_length, "length", x, LI_NONE);
    li_vid shape = node(f, &op_shape, "shape", node(f, &op_ones, "ones", length, LI_NONE), LI_NONE);
    li_vid four = node(f, &op_add, "four", node(f, &op_times, "zero", x, number(f, 0)), number(f, 4));
    li_vid fours = node(f, &op_slow, "fours", node(f, &op_length, "second", four, LI_NONE), LI_NONE);
    set_outputs(f, node(f, &op_ones, "late", node(f, &op_length, "third", fours, LI_NONE), LI_NONE), shape);
    struct li_session *s = session_of(f);
    for (int64_t n = 1; n < 12; n++) {
        const struct li_tensor *out = run_on(f, s, SHAPE(1), (const float[]){(float)n});
        assert_int_equal(out[0].shape.dim[0], 4);
        assert_int_equal(*(const int64_t *)out[1].data, n);
    }
    li_session_free(s);
}

/* ---- Prepare ----------------------------------------------------------------------------------------------------- */

/* input + Pack(v), or Twice(input) + Pack(v) */
static struct li_session *adding(struct fixture *f, int32_t v, bool twice, int threads)
{
    li_vid x = input_of(f, SHAPE(-1));
    li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", handle(f, v), LI_NONE), LI_NONE);
    x = twice ? node(f, &op_twice, "twice", x, LI_NONE) : x;
    set_outputs(f, node(f, &op_add, "sum", x, packed), LI_NONE);
    return session_with(f, threads, NULL);
}

static void two_programs_share_what_is_packed_until_it_is_written(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1), w = variable(f, "w", 1);
    struct li_session *s[3] = {adding(f, v, false, 1), adding(f, v, true, 2), adding(f, w, false, 1)};
    atomic_store(&packs, 0);
    for (int run = 0; run < 3; run++) {
        set_variable(f, v, 1, (float)run * 100);
        assert_true(run_number(f, s[0], 5) == 6 + (float)run * 100);
        assert_true(run_number(f, s[1], 5) == 11 + (float)run * 100);
        assert_true(run_number(f, s[2], 5) == 6);
        assert_int_equal(atomic_load(&packs), 2 + run);
    }
    for (int i = 0; i < 3; i++) {
        li_session_free(s[i]);
    }
}

/* v + 3, for the commit; the graph that the program was made of does not say so. */
static lince_status add_an_update(struct li_graph **out, const struct li_graph *from, void *context,
                                  const struct li_env *env, lince_error *err)
{
    static const float three = 3;
    const struct li_tensor tensor = {LINCE_FLOAT32, {1, {1}}, (void *)&three, sizeof three};
    const int32_t *v = context;
    li_vid in[2];
    struct li_node *update;
    (void)env;
    LI_TRY(li_graph_copy(out, from, err));
    LI_TRY(li_graph_resource(*out, *v, &in[0], err));
    LI_TRY(li_graph_constant(*out, &tensor, &in[1], err));
    LI_TRY(li_graph_append(*out, &op_assign_add, "update", in, 2, NULL, 0, &update, err));
    update->required = true;
    LI_TRY(li_graph_touch(*out, (*out)->node_count - 1, NULL, err));
    li_graph_default_views(*out);
    return LINCE_OK;
}

static void what_a_stage_writes_is_packed_in_every_run(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    const struct li_stage updating = {.make = add_an_update, .context = &v};
    const struct li_program_options options = {
        .env = &f->env, .stages = &updating, .stage_count = 1, .written = &v, .written_count = 1};
    struct li_program *program;
    struct li_session *s;
    struct li_pool *pool;
    li_vid read = node(f, &op_read, "read", handle(f, v), LI_NONE);
    set_outputs(f, node(f, &op_add, "sum", input_of(f, SHAPE(1)), node(f, &op_pack, "pack", read, LI_NONE)), LI_NONE);
    OK(li_program_new(&program, f->g, &options, &f->err));
    OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    OK(li_pool_new(&pool, 1, f->mem, &f->err));
    OK(li_session_new(&s, program, pool, &f->err));
    atomic_store(&packs, 0);
    for (int run = 0; run < 3; run++) {
        assert_true(run_number(f, s, 5) == 6 + 3 * (float)run);
    }
    assert_int_equal(atomic_load(&packs), 3);
    li_session_free(s);
    li_pool_release(pool);
    li_program_release(program);
}

static atomic_int widest; /* tasks of Wide */

static lince_status wide_prepare(struct li_prepare *p)
{
    p->tasks = 16;
    return LINCE_OK;
}

static lince_status wide_forward(struct li_call *c)
{
    int64_t begin, end;
    atomic_fetch_add(&widest, 1);
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        ((float *)c->out[0].data)[i] = 1 + li_f32(&c->in[0])[i];
    }
    return LINCE_OK;
}

UNARY(op_wide, "Wide", same_rule, .prepare = wide_prepare, .forward = wide_forward, .flags = LI_OP_NO_FOLD);

static void packing_is_cut_into_tasks_as_a_step_is(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 32);
    li_vid x = input_of(f, SHAPE(32));
    li_vid wide = node(f, &op_wide, "wide", node(f, &op_read, "read", handle(f, v), LI_NONE), LI_NONE);
    set_outputs(f, node(f, &op_add, "sum", x, wide), LI_NONE);
    struct li_session *s = session_with(f, 3, NULL);
    const float zeros[32] = {0};
    atomic_store(&widest, 0);
    for (int run = 0; run < 3; run++) {
        const float *out = run_on(f, s, SHAPE(32), zeros)->data;
        assert_true(out[0] == 1 && out[31] == 1);
    }
    assert_int_equal(atomic_load(&widest), 16);
    li_session_free(s);
}

/* while i < 4: i + Pack(constant), which goes through all turns */
static void what_a_turn_makes_of_a_constant_is_made_once(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *condition = less_body(f, 2, 4), *outer = begin_body(f);
    li_vid i = argument(f), constant = argument(f);
    li_vid packed = node(f, &op_pack, "pack", constant, LI_NONE);
    set_outputs(f, node(f, &op_add, "next", i, packed), constant);
    struct li_graph *turn = end_body(f, outer);
    set_outputs(f, control(f, &op_while, "while", (li_vid[]){x, number(f, 0)}, 2, 2, condition, turn), LI_NONE);
    struct li_session *s = session_of(f);
    atomic_store(&packs, 0);
    assert_true(run_number(f, s, 0) == 4);
    assert_true(run_number(f, s, 1.5f) == 4.5f);
    assert_int_equal(atomic_load(&packs), 1);
    li_session_free(s);
}

/* The same of a variable that nobody writes; made again when somebody from outside did. */
static void what_a_body_makes_of_a_variable_is_made_once_until_it_is_written(void **state)
{
    struct fixture *f = *state;
    int32_t v = variable(f, "v", 1);
    li_vid x = input_of(f, SHAPE(1));
    struct li_graph *condition = less_body(f, 1, 4), *outer = begin_body(f);
    li_vid i = argument(f), read = node(f, &op_read, "read", handle(f, v), LI_NONE);
    set_outputs(f, node(f, &op_add, "next", i, node(f, &op_pack, "pack", read, LI_NONE)), LI_NONE);
    struct li_graph *turn = end_body(f, outer);
    set_outputs(f, control(f, &op_while, "while", &x, 1, 1, condition, turn), LI_NONE);
    struct li_session *s = session_of(f);
    atomic_store(&packs, 0);
    assert_true(run_number(f, s, 0) == 4);
    assert_int_equal(atomic_load(&packs), 1);
    set_variable(f, v, 1, 1);
    assert_true(run_number(f, s, 1) == 5);
    assert_int_equal(atomic_load(&packs), 2);
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_sessions_plan_once_and_both_results_stay_readable),
        TEST(a_session_that_comes_later_finds_the_plans_of_those_before_it),
        TEST(two_threads_run_one_plan_at_a_time_each_its_own),
        TEST(two_threads_lose_nothing_that_loops_write),
        TEST(a_plan_is_not_taken_for_contents_that_lead_to_another_constant),
        TEST(nor_for_contents_that_lead_to_another_constant_later),
        TEST(two_programs_share_what_is_packed_until_it_is_written),
        TEST(what_a_stage_writes_is_packed_in_every_run),
        TEST(packing_is_cut_into_tasks_as_a_step_is),
        TEST(what_a_turn_makes_of_a_constant_is_made_once),
        TEST(what_a_body_makes_of_a_variable_is_made_once_until_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
