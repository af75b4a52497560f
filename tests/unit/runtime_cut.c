/* A stage that cuts: what runs first and is committed, and what goes on from there, again and again. */
#include "unit/runtime_support.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

enum { N = 3 };

/* The result is x + v; what comes behind the cut, given u, is u + (x + v) + v, of which v is read again. */
static lince_status cut_in_two(struct li_graph **out, struct li_cut *cut, const struct li_graph *from, void *context,
                               const struct li_env *env, lince_error *err)
{
    struct li_graph *g;
    li_vid given, in[2], sum, again, all[8];
    LI_TRY(li_graph_copy(&g, from, err));
    (void)context;
    g->env = env;
    li_vid result = g->outputs[0], v = LI_NONE;
    const struct li_value like = g->values[result];
    for (int32_t n = 0; n < g->node_count; n++) {
        v = g->nodes[n].op == &op_read ? g->nodes[n].in[0] : v;
    }
    bool later[16] = {false};
    li_vid itself[64];
    int32_t first = g->node_count;
    lince_status st = li_graph_input(g, like.dtype, &like.shape, &given, err);
    in[0] = given;
    in[1] = result;
    st = st ? st : li_graph_emit(g, "Add", "sum", in, 2, NULL, 0, &sum, 1, err);
    st = st ? st : li_graph_emit(g, "Read", "again", &v, 1, NULL, 0, &again, 1, err);
    in[0] = sum;
    in[1] = again;
    st = st ? st : li_graph_emit(g, "Add", "whole", in, 2, NULL, 0, &sum, 1, err);
    st = st ? st : li_graph_set_outputs(g, &sum, 1, err);
    assert_true(g->node_count <= 16 && g->value_count <= 64);
    for (int32_t n = 0; n < g->node_count; n++) {
        later[n] = n >= first;
    }
    for (li_vid i = 0; i < g->value_count; i++) {
        itself[i] = i;
    }
    const struct li_split how = {
        .from = g, .to = g, .map = itself, .later = later, .loop = LI_NONE, .given = &given, .given_count = 1};
    st = st ? st : li_graph_split(&cut->rest, &how, err);
    cut->given = 1;
    all[0] = result;
    for (int32_t i = 0; !st && i < g->output_count; i++) {
        all[i + 1] = g->outputs[i];
    }
    st = st ? st : li_graph_set_outputs(g, all, (int)g->output_count + 1, err);
    g->input_count--;
    st = st ? st : li_graph_prune(out, g, err);
    li_graph_free(g);
    if (!st) {
        li_graph_default_views(*out);
    }
    return st;
}

struct lab {
    int32_t v, counted; /* read; written */
    struct li_session *session;
};

static struct li_session *cut_session(struct fixture *f, const struct li_program_options *options)
{
    struct li_pool *pool;
    struct li_program *program;
    struct li_session *session;
    OK(li_pool_new(&pool, 1, f->mem, &f->err));
    OK(li_program_new(&program, f->g, options, &f->err));
    OK(li_session_new(&session, program, pool, &f->err));
    li_program_release(program);
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, &ops, f->mem, &f->err));
    return session;
}

static struct lab build(struct fixture *f, bool apart)
{
    static const struct li_stage stages[] = {{.cut = cut_in_two}};
    struct lab lab = {.v = variable(f, "v", N), .counted = variable(f, "counted", N)};
    set_variable(f, lab.v, N, 10);
    set_variable(f, lab.counted, N, 0);
    li_vid x = input_of(f, SHAPE(-1));
    li_vid sum = node(f, &op_add, "add", x, node(f, &op_read, "read", handle(f, lab.v), LI_NONE));
    effect(f, &op_accumulate, "count", handle(f, lab.counted), sum);
    set_outputs(f, sum, LI_NONE);
    const struct li_program_options options = {.env = &f->env, .stages = stages, .stage_count = 1, .apart = apart};
    lab.session = cut_session(f, &options);
    return lab;
}

static float resume(struct fixture *f, const struct lab *lab, float given)
{
    const float data[N] = {given, given, given};
    struct li_tensor input = float_tensor(SHAPE(N), data);
    const struct li_tensor *out;
    OK(li_session_resume(lab->session, &input, 1, NULL, &out, &f->err));
    assert_int_equal(out->shape.dim[0], N);
    return first_of(out);
}

static void the_rest_goes_on_from_the_first_part_any_number_of_times(void **state)
{
    struct fixture *f = *state;
    struct lab lab = build(f, false);
    const struct li_tensor *out = run_on(f, lab.session, SHAPE(N), (const float[]){1, 2, 3});
    assert_true(first_of(out) == 11);
    assert_true(get_variable(f, lab.counted) == 11);
    assert_true(resume(f, &lab, 100) == 121 && resume(f, &lab, 200) == 221 && resume(f, &lab, 100) == 121);
    assert_true(first_of(out) == 11);                /* stays */
    assert_true(get_variable(f, lab.counted) == 11); /* was committed once */
    out = run_on(f, lab.session, SHAPE(N), (const float[]){5, 5, 5});
    assert_true(first_of(out) == 15 && resume(f, &lab, 0) == 25);
    li_session_free(lab.session);
}

static void there_is_nothing_to_go_on_with_before_a_run_and_after_one_that_failed(void **state)
{
    struct fixture *f = *state;
    struct lab lab = build(f, false);
    const float data[N] = {1, 1, 1};
    struct li_tensor input = float_tensor(SHAPE(N), data), other = float_tensor(SHAPE(2), data);
    const struct li_tensor *out;
    assert_int_equal(li_session_resume(lab.session, &input, 1, NULL, &out, &f->err), LINCE_EINVAL);
    run_on(f, lab.session, SHAPE(N), data);
    assert_int_equal(li_session_resume(lab.session, &other, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "float32[2], wanted float32[3]"));
    assert_int_equal(li_session_resume(lab.session, &input, 2, NULL, &out, &f->err), LINCE_EINVAL);
    assert_true(resume(f, &lab, 1) == 22);
    assert_int_equal(li_session_run(lab.session, &other, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_int_equal(li_session_resume(lab.session, &input, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "no run to go on with"));
    li_session_free(lab.session);
}

static void a_write_to_what_the_rest_reads_again_ends_it(void **state)
{
    struct fixture *f = *state;
    struct lab lab = build(f, false);
    const float data[N] = {1, 1, 1};
    struct li_tensor input = float_tensor(SHAPE(N), data);
    const struct li_tensor *out;
    run_on(f, lab.session, SHAPE(N), data);
    set_variable(f, lab.counted, N, 7); /* which nothing reads again */
    assert_true(resume(f, &lab, 1) == 22);
    set_variable(f, lab.v, N, 20);
    assert_int_equal(li_session_resume(lab.session, &input, 1, NULL, &out, &f->err), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "\"v\" was written"));
    run_on(f, lab.session, SHAPE(N), data);
    assert_true(resume(f, &lab, 1) == 42);
    li_session_free(lab.session);
}

static void what_is_kept_can_be_had_and_is_not_committed(void **state)
{
    struct fixture *f = *state;
    struct lab lab = build(f, true);
    const float data[N] = {1, 1, 1};
    struct li_tensor input = float_tensor(SHAPE(N), data);
    const struct li_session_call keep = {.keep = true};
    const struct li_tensor *out;
    OK(li_session_run(lab.session, &input, 1, &keep, &out, &f->err));
    assert_true(*(const float *)li_session_written(lab.session, lab.counted) == 11);
    assert_null(li_session_written(lab.session, lab.v));
    assert_null(li_session_written(lab.session, 99));
    assert_true(get_variable(f, lab.counted) == 0);
    assert_true(resume(f, &lab, 1) == 22);
    assert_true(*(const float *)li_session_written(lab.session, lab.counted) == 11);
    OK(li_session_run(lab.session, &input, 1, NULL, &out, &f->err));
    assert_true(get_variable(f, lab.counted) == 11);
    li_session_free(lab.session);
}

static void a_graph_whose_shapes_depend_on_data_is_not_cut(void **state)
{
    struct fixture *f = *state;
    static const struct li_stage stages[] = {{.cut = cut_in_two}};
    const float data[N] = {1, 1, 1};
    struct li_tensor input = float_tensor(SHAPE(N), data);
    const struct li_tensor *out;
    li_vid x = input_of(f, SHAPE(-1));
    set_outputs(f, node(f, &op_ones, "ones", node(f, &op_length, "length", x, LI_NONE), LI_NONE), LI_NONE);
    const struct li_program_options options = {.env = &f->env, .stages = stages, .stage_count = 1};
    struct li_session *session = cut_session(f, &options);
    assert_int_equal(li_session_run(session, &input, 1, NULL, &out, &f->err), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "\"ones\""));
    li_session_free(session);
}

/* ---- A seed for one run ---- */

static uint64_t draw(struct fixture *f, struct li_session *s, const struct li_session_call *call)
{
    const float data[1] = {0};
    struct li_tensor input = float_tensor(SHAPE(1), data);
    const struct li_tensor *out;
    OK(li_session_run(s, &input, 1, call, &out, &f->err));
    return *(const uint64_t *)out[1].data;
}

static void a_run_with_a_seed_leaves_generators_where_they_are(void **state)
{
    struct fixture *f = *state;
    const struct li_session_call seeded = {.has_seed = true, .seed = 3};
    li_vid x = input_of(f, SHAPE(1));
    set_outputs(f, x, node(f, &op_random, "random", LI_NONE, LI_NONE));
    struct li_session *s = session_of(f);
    uint64_t first = draw(f, s, NULL), start = draw(f, s, &seeded);
    assert_int_equal(draw(f, s, &seeded), start);
    assert_int_equal(draw(f, s, NULL), first + 1);
    assert_int_equal(draw(f, s, NULL), first + 2);
    li_session_free(s);
}

/* ---- What others change ---- */

static void nothing_made_of_what_changes_is_kept(void **state)
{
    struct fixture *f = *state;
    for (int turn = 0; turn < 2; turn++) {
        int32_t v = variable(f, turn ? "w" : "v", 1);
        set_variable(f, v, 1, 1);
        li_vid packed = node(f, &op_pack, "pack", node(f, &op_read, "read", handle(f, v), LI_NONE), LI_NONE);
        set_outputs(f, node(f, &op_add, "add", input_of(f, SHAPE(1)), packed), LI_NONE);
        const struct li_program_options options = {.env = &f->env, .changing = &v, .changing_count = turn};
        struct li_session *s = cut_session(f, &options);
        atomic_store(&packs, 0);
        for (int run = 0; run < 3; run++) {
            assert_true(first_of(run_on(f, s, SHAPE(1), (const float[]){1})) == 3);
        }
        assert_int_equal(atomic_load(&packs), turn ? 3 : 1);
        li_session_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_rest_goes_on_from_the_first_part_any_number_of_times),
        TEST(there_is_nothing_to_go_on_with_before_a_run_and_after_one_that_failed),
        TEST(a_write_to_what_the_rest_reads_again_ends_it),
        TEST(what_is_kept_can_be_had_and_is_not_committed),
        TEST(a_graph_whose_shapes_depend_on_data_is_not_cut),
        TEST(a_run_with_a_seed_leaves_generators_where_they_are),
        TEST(nothing_made_of_what_changes_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
