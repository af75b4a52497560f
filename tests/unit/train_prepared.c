/*
 * Prepare and step, with real ops and all passes: the transform of a filter and a folded batch norm are done once in
 * inference, and by the same nodes in every step where the variables they read are written.
 */
#include "passes_support.h"

#include "unit/runtime_session_on.h"

enum { C = 4, SIDE = 5, PIXELS = SIDE * SIDE, MOST = 64 };

/* ---- Rows that count ---- */

/* How often nodes of this name were run; one for each name. */
struct count {
    char name[64];
    int runs;
};
static struct count counts[MOST];
static int count_of_counts;

static void count_run(const char *name)
{
    for (int i = 0; i < count_of_counts; i++) {
        if (strcmp(counts[i].name, name) == 0) {
            counts[i].runs++;
            return;
        }
    }
    assert_true(count_of_counts < MOST);
    snprintf(counts[count_of_counts].name, sizeof counts[0].name, "%s", name);
    counts[count_of_counts++].runs = 1;
}

static int runs_of(const char *name)
{
    for (int i = 0; i < count_of_counts; i++) {
        if (strcmp(counts[i].name, name) == 0) {
            return counts[i].runs;
        }
    }
    return 0;
}

/* The rows that transform a filter, and the one that only a folded norm uses. */
static const char *const counted[] = {"_LiConvPack", "Rsqrt"};
static struct li_op rows[LI_COUNT(counted)];
static lince_status (*originals[LI_COUNT(counted)])(struct li_call *c);

static lince_status counting_forward(struct li_call *c)
{
    char name[64];
    snprintf(name, sizeof name, "%s of %s", c->node->op->name, c->node->name);
    if (c->task == 0) {
        count_run(name);
    }
    for (size_t i = 0; i < LI_COUNT(counted); i++) {
        if (c->node->op == &rows[i]) {
            return originals[i](c);
        }
    }
    return LINCE_EINVAL;
}

static const struct li_ops *counting_ops(void)
{
    static const struct li_op *all[512];
    static struct li_ops ops;
    ops = (struct li_ops){all, li_ops()->count};
    assert_true(ops.count <= (int)LI_COUNT(all));
    for (int i = 0; i < ops.count; i++) {
        all[i] = li_ops()->rows[i];
        for (size_t k = 0; k < LI_COUNT(counted); k++) {
            if (strcmp(all[i]->name, counted[k]) == 0) {
                rows[k] = *all[i];
                originals[k] = all[i]->forward;
                rows[k].forward = counting_forward;
                all[i] = &rows[k];
            }
        }
    }
    return &ops;
}

static int set_up_counting(void **state)
{
    set_up(state);
    struct fixture *f = *state;
    li_graph_free(f->g);
    assert_int_equal(li_graph_new(&f->g, f->store, counting_ops(), f->mem, &f->err), LINCE_OK);
    f->g->env = &f->env;
    count_of_counts = 0;
    return 0;
}

/* ---- The network: two convolutions, the first with a batch norm ---- */

enum { FIRST, GAMMA, BETA, MEAN, VARIANCE, SECOND, VARIABLES };

struct network {
    int32_t resource[VARIABLES];
    size_t count[VARIABLES];
};

static void set(struct fixture *f, const struct network *n, int which, float value)
{
    float data[3 * 3 * C * C];
    for (size_t i = 0; i < n->count[which]; i++) {
        data[i] = value + 0.01f * (float)(i % 7);
    }
    OK(li_store_write(f->store, n->resource[which], data, n->count[which] * sizeof *data, &f->err));
}

static void make_variables(struct fixture *f, struct network *n)
{
    const struct li_shape shapes[VARIABLES] = {SHAPE(3, 3, C, C), SHAPE(C), SHAPE(C),
                                               SHAPE(C),          SHAPE(C), SHAPE(1, 1, C, C)};
    for (int i = 0; i < VARIABLES; i++) {
        n->count[i] = (size_t)li_shape_count(&shapes[i]);
        OK(li_store_add(f->store, LI_VARIABLE, "v", LINCE_FLOAT32, &shapes[i], &n->resource[i], &f->err));
        set(f, n, i, 0.1f * (float)(i + 1));
    }
}

static void name_last(struct fixture *f, const char *name)
{
    f->g->nodes[f->g->node_count - 1].name = name;
}

/* With writes: both, and the same after it: what is written is what was read, so that results can be compared. */
static void build(struct fixture *f, const struct network *n, const int *writes, int write_count)
{
    li_vid handle[VARIABLES], value[VARIABLES], x = input(f, SHAPE(1, SIDE, SIDE, C)), out[6];
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32), inference = LI_BOOL("is_training", false);
    for (int i = 0; i < VARIABLES; i++) {
        OK(li_graph_resource(f->g, n->resource[i], &handle[i], &f->err));
        value[i] = emit_with(f, "ReadVariableOp", handle[i], LI_NONE, &type, 1);
    }
    li_vid y = window(f, "Conv2D", x, value[FIRST], "SAME");
    name_last(f, "first");
    emit_all(f, "FusedBatchNormV3", (li_vid[]){y, value[GAMMA], value[BETA], value[MEAN], value[VARIANCE]}, 5,
             &inference, 1, out, 6);
    name_last(f, "norm");
    y = window(f, "Conv2D", emit(f, "Relu", out[0], LI_NONE), value[SECOND], "SAME");
    name_last(f, "second");
    for (int i = 0; i < write_count; i++) {
        li_vid in[2] = {handle[writes[i]], value[writes[i]]};
        emit_all(f, "AssignVariableOp", in, 2, NULL, 0, NULL, 0);
        f->g->nodes[f->g->node_count - 1].required = true;
    }
    OK(li_graph_set_outputs(f->g, &y, 1, &f->err));
}

/* A session of the fixture's graph, which is taken over; the fixture gets a new one. */
static struct li_session *start(struct fixture *f)
{
    struct li_session *session;
    struct li_pool *pool;
    const struct li_ops *ops = f->g->ops;
    OK(li_pool_new(&pool, 1, f->mem, &f->err));
    OK(session_on(&session, f->g, &f->env, pool, li_passes_run, &f->err));
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, ops, f->mem, &f->err));
    f->g->env = &f->env;
    return session;
}

static struct li_session *session_of(struct fixture *f, const struct network *n, const int *writes, int write_count)
{
    build(f, n, writes, write_count);
    return start(f);
}

static void run(struct fixture *f, struct li_session *session, float *out)
{
    float data[PIXELS * C];
    for (int i = 0; i < PIXELS * C; i++) {
        data[i] = (float)(i % 11) * 0.1f - 0.4f;
    }
    struct li_tensor x = {LINCE_FLOAT32, SHAPE(1, SIDE, SIDE, C), data, sizeof data};
    const struct li_tensor *y;
    OK(li_session_run(session, &x, 1, NULL, &y, &f->err));
    memcpy(out, y->data, sizeof data);
}

/* ---- What explain tells ---- */

struct told {
    char prepared[1024], step[1024];
};

static int listen(const struct li_step_info *step, void *context)
{
    struct told *told = context;
    char *list = step->prepared ? told->prepared : told->step;
    if (strcmp(step->op, "ReadVariableOp") != 0 && strcmp(step->op, "AssignVariableOp") != 0) {
        strcat(list, step->op);
        strcat(list, "/");
        strcat(list, step->name);
        strcat(list, " ");
    }
    return 0;
}

static struct told told_of(struct fixture *f, struct li_session *session)
{
    struct told told = {"", ""};
    struct li_shape shape = SHAPE(1, SIDE, SIDE, C);
    OK(li_session_explain(session, &shape, 1, listen, &told, &f->err));
    return told;
}

/* ---- Tests ---- */

#define NORM "AddV2/norm Rsqrt/norm Mul/norm Mul/norm Sub/norm Mul/first _LiConvPack/first "

static void nodes_are_prepared_in_inference_and_the_same_are_steps_where_they_are_trained(void **state)
{
    struct fixture *f = *state;
    struct network n;
    float wanted[PIXELS * C], got[PIXELS * C];
    make_variables(f, &n);
    struct li_session *inference = session_of(f, &n, NULL, 0), *filter = session_of(f, &n, (const int[]){FIRST}, 1),
                      *all = session_of(f, &n, (const int[]){FIRST, GAMMA, VARIANCE, SECOND}, 4);
    struct told told = told_of(f, inference);
    assert_string_equal(told.prepared, NORM "_LiConvPack/second ");
    assert_string_equal(told.step, "_LiConv2D/first _LiConv2D/second ");
    told = told_of(f, filter); /* the norm's factors stay prepared: nothing writes what they read */
    assert_string_equal(told.prepared, "AddV2/norm Rsqrt/norm Mul/norm Mul/norm Sub/norm _LiConvPack/second ");
    assert_string_equal(told.step, "Mul/first _LiConvPack/first _LiConv2D/first _LiConv2D/second ");
    told = told_of(f, all);
    assert_string_equal(told.prepared, "");
    assert_string_equal(told.step, NORM "_LiConv2D/first _LiConvPack/second _LiConv2D/second ");
    run(f, inference, wanted);
    run(f, filter, got);
    assert_memory_equal(got, wanted, sizeof wanted);
    run(f, all, got);
    assert_memory_equal(got, wanted, sizeof wanted);
    li_session_free(inference);
    li_session_free(filter);
    li_session_free(all);
}

static void assert_runs(int first, int second)
{
    assert_int_equal(runs_of("_LiConvPack of first"), first);
    assert_int_equal(runs_of("_LiConvPack of second"), second);
}

static void after_a_write_only_what_read_the_variable_is_made_again(void **state)
{
    struct fixture *f = *state;
    struct network n;
    float before[PIXELS * C], got[PIXELS * C], fresh[PIXELS * C];
    make_variables(f, &n);
    struct li_session *s = session_of(f, &n, NULL, 0), *other = session_of(f, &n, NULL, 0);
    run(f, s, before);
    run(f, other, got);
    run(f, s, got);
    assert_runs(1, 1); /* once for both sessions */
    assert_int_equal(runs_of("Rsqrt of norm"), 1);
    assert_memory_equal(got, before, sizeof before);
    static const struct {
        int write, first, second;
    } rounds[] = {{SECOND, 1, 2}, {FIRST, 2, 2}, {GAMMA, 3, 2}, {VARIANCE, 4, 2}, {MEAN, 4, 2}, {BETA, 4, 2}};
    for (size_t i = 0; i < LI_COUNT(rounds); i++) {
        set(f, &n, rounds[i].write, 0.7f);
        run(f, s, got);
        run(f, other, fresh);
        assert_memory_not_equal(got, before, sizeof before);
        assert_memory_equal(got, fresh, sizeof before);
        memcpy(before, got, sizeof before);
        assert_runs(rounds[i].first, rounds[i].second);
    }
    li_session_free(s);
    li_session_free(other);
    struct li_session *late = session_of(f, &n, NULL, 0);
    run(f, late, fresh);
    assert_memory_equal(fresh, before, sizeof before);
    li_session_free(late);
}

static void a_step_makes_them_every_time_and_what_it_wrote_reaches_inference(void **state)
{
    struct fixture *f = *state;
    struct network n;
    float got[PIXELS * C], trained[PIXELS * C];
    make_variables(f, &n);
    struct li_session *inference = session_of(f, &n, NULL, 0), *training = session_of(f, &n, (const int[]){FIRST}, 1);
    run(f, inference, got);
    for (int i = 1; i <= 3; i++) {
        run(f, training, trained);
        assert_runs(1 + i, 1); /* the second is shared with inference */
    }
    set(f, &n, FIRST, -0.3f);
    run(f, training, trained);
    run(f, inference, got);
    assert_memory_equal(got, trained, sizeof got);
    li_session_free(inference);
    li_session_free(training);
}

/*
 * x w, x transposed w, x (w + a) and x (w + b): four transforms that differ in an attribute, or in the second input of
 * one.
 */
static void what_differs_in_an_attribute_or_an_input_is_another_result(void **state)
{
    struct fixture *f = *state;
    int32_t resource;
    const struct li_shape square = SHAPE(2, 2);
    const struct li_attr transpose = LI_BOOL("transpose_b", true);
    const float data[4] = {1, 2, 3, 4}, row[2] = {1, 10}, vector[2][2] = {{0, 1}, {5, 0}};
    const float wanted[4][2] = {{31, 42}, {21, 43}, {31, 53}, {86, 42}};
    OK(li_store_add(f->store, LI_VARIABLE, "w", LINCE_FLOAT32, &square, &resource, &f->err));
    OK(li_store_write(f->store, resource, data, sizeof data, &f->err));
    li_vid handle, x = input(f, SHAPE(1, 2)), out[4];
    OK(li_graph_resource(f->g, resource, &handle, &f->err));
    li_vid w = emit_with(f, "ReadVariableOp", handle, LI_NONE, &(struct li_attr)LI_TYPE("dtype", LINCE_FLOAT32), 1);
    out[0] = emit(f, "MatMul", x, w);
    out[1] = emit_with(f, "MatMul", x, w, &transpose, 1);
    for (int i = 0; i < 2; i++) {
        out[2 + i] = emit(f, "MatMul", x, emit(f, "AddV2", w, constant(f, LINCE_FLOAT32, SHAPE(2), vector[i])));
    }
    OK(li_graph_set_outputs(f->g, out, 4, &f->err));
    struct li_session *session = start(f);
    struct li_tensor in = {LINCE_FLOAT32, SHAPE(1, 2), (void *)(uintptr_t)row, sizeof row};
    const struct li_tensor *found;
    OK(li_session_run(session, &in, 1, NULL, &found, &f->err));
    for (int i = 0; i < 4; i++) {
        assert_memory_equal(found[i].data, wanted[i], sizeof wanted[i]);
    }
    li_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nodes_are_prepared_in_inference_and_the_same_are_steps_where_they_are_trained,
                                        set_up_counting, tear_down),
        cmocka_unit_test_setup_teardown(after_a_write_only_what_read_the_variable_is_made_again, set_up_counting,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_differs_in_an_attribute_or_an_input_is_another_result, set_up_counting,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_step_makes_them_every_time_and_what_it_wrote_reaches_inference,
                                        set_up_counting, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
