/* What selectors of If and Case mean, and which are refused. Bodies give a number each: which one was taken. */
#include "unit/graph_fixture.h"
#include "ops/ops.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int set_up(void **state)
{
    *state = fixture_new(li_ops());
    return 0;
}

static li_vid constant(struct fixture *f, lince_dtype dtype, int rank, int64_t count, const void *data)
{
    struct li_tensor tensor = {.dtype = dtype, .shape = {rank, {count}}, .data = (void *)(uintptr_t)data};
    const struct li_tensor *own;
    li_vid v;
    OK(li_shape_bytes(&tensor.shape, dtype, &tensor.size_bytes, &f->err));
    OK(li_graph_own_tensor(f->g, &tensor, &own, &f->err));
    OK(li_graph_constant(f->g, own, &v, &f->err));
    return v;
}

enum { BODIES = 3 };

/* Bodies without arguments, of which body b gives b. */
static void set_bodies(struct fixture *f, int count)
{
    struct li_graph *bodies[BODIES], *outer = f->g;
    for (int32_t b = 0; b < count; b++) {
        OK(li_graph_new(&f->g, f->store, f->g->ops, f->mem, &f->err));
        li_vid out = constant(f, LINCE_INT32, 0, 1, &b);
        OK(li_graph_set_outputs(f->g, &out, 1, &f->err));
        bodies[b] = f->g;
        f->g = outer;
        OK(li_graph_own_body(outer, bodies[b], &f->err));
    }
    OK(li_graph_set_bodies(f->g, 0, bodies, count, &f->err));
}

/* The only node of a new graph, of one output. */
static void choosing(struct fixture *f, const char *name, lince_dtype dtype, int rank, int64_t count, const void *data)
{
    static const int64_t types[] = {LINCE_INT32};
    static const char *const names[] = {"a", "b", "c"};
    const struct li_op *op = li_ops_find(li_ops(), name);
    bool is_case = strcmp(name, "Case") == 0;
    const struct li_attr out = {.name = "Tout", .kind = LI_ATTR_TYPES, .ints = types, .count = 1},
                         in = {.name = "Tin", .kind = LI_ATTR_TYPES, .ints = types, .count = 0},
                         of = {.name = "Tcond", .kind = LI_ATTR_TYPE, .i = dtype},
                         yes = {.name = "then_branch", .kind = LI_ATTR_FUNC, .s = "a", .s_len = 1},
                         no = {.name = "else_branch", .kind = LI_ATTR_FUNC, .s = "b", .s_len = 1},
                         all = {.name = "branches", .kind = LI_ATTR_FUNCS, .strings = names, .count = BODIES};
    const struct li_attr of_if[] = {out, in, of, yes, no}, of_case[] = {out, in, all};
    struct li_node *node;
    li_graph_free(f->g);
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    li_vid selector = constant(f, dtype, rank, count, data);
    OK(li_graph_append(f->g, op, "choice", &selector, 1, is_case ? of_case : of_if, is_case ? 3 : 5, &node, &f->err));
    OK(li_graph_set_outputs(f->g, node->out, 1, &f->err));
    set_bodies(f, is_case ? BODIES : 2);
}

static lince_status taken(struct fixture *f, int *out)
{
    struct li_inferred inferred;
    LI_TRY(li_graph_infer(&inferred, f->g, NULL, &f->env, &f->err));
    *out = (int)li_tensor_int(inferred.graph->values[inferred.graph->outputs[0]].constant, 0);
    li_inferred_free(&inferred);
    return LINCE_OK;
}

static void assert_taken(struct fixture *f, int wanted)
{
    int found;
    OK(taken(f, &found));
    assert_int_equal(found, wanted);
}

static void if_takes_its_first_body_for_what_is_not_zero_or_empty(void **state)
{
    struct fixture *f = *state;
    const lince_string texts[2] = {{"", 0}, {"x", 1}};
    const float numbers[2] = {0, 0.5f};
    const bool flags[2] = {false, true};
    for (int i = 0; i < 2; i++) {
        choosing(f, "If", LINCE_FLOAT32, 0, 1, &numbers[i]);
        assert_taken(f, 1 - i);
        choosing(f, "If", LINCE_BOOL, 0, 1, &flags[i]);
        assert_taken(f, 1 - i);
        choosing(f, "If", LINCE_STRING, 0, 1, &texts[i]);
        assert_taken(f, 1 - i);
        choosing(f, "If", LINCE_FLOAT32, 1, i, numbers);
        assert_taken(f, 1 - i);
    }
}

static void case_takes_its_last_body_for_a_number_that_is_no_bodys(void **state)
{
    struct fixture *f = *state;
    const int32_t selectors[] = {0, 1, 2, 3, -1, INT32_MIN}, wanted[] = {0, 1, 2, 2, 2, 2};
    for (size_t i = 0; i < LI_COUNT(selectors); i++) {
        choosing(f, "Case", LINCE_INT32, 0, 1, &selectors[i]);
        assert_taken(f, wanted[i]);
    }
}

/* One without elements has none to look at. */
static void case_refuses_a_selector_that_is_no_number(void **state)
{
    struct fixture *f = *state;
    const int32_t zero = 0;
    const float half = 0.5f;
    int found;
    choosing(f, "Case", LINCE_INT32, 1, 0, &zero);
    assert_int_equal(taken(f, &found), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "node \"choice\" (Case): input 0"));
    choosing(f, "Case", LINCE_FLOAT32, 0, 1, &half);
    assert_int_not_equal(taken(f, &found), LINCE_OK);
    assert_non_null(strstr(f->err.text, "node \"choice\" (Case): input 0 is float32"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(if_takes_its_first_body_for_what_is_not_zero_or_empty),
        TEST(case_takes_its_last_body_for_a_number_that_is_no_bodys),
        TEST(case_refuses_a_selector_that_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
