/*
 * Gradients through bodies, of graphs made by hand: variables that are read at any depth, against differences; how many
 * turns are recorded, and what is said when they are too many; and that nothing is done that nobody asked for.
 */
#include "passes_support.h"

#include "unit/runtime_session_on.h"
#include "train/train.h"

#include <math.h>

enum { ROWS = 2, COLS = 3, ELEMENTS = ROWS * COLS };

static const struct li_shape shape = {2, {ROWS, COLS}}, scalar = {.rank = 0};

/* ---- Making ---- */

static li_vid matrix(struct fixture *f, const char *name)
{
    float data[ELEMENTS];
    int32_t resource;
    li_vid v;
    for (int i = 0; i < ELEMENTS; i++) {
        data[i] = 0.4f + 0.1f * (float)i;
    }
    OK(li_store_add(f->store, LI_VARIABLE, name, LINCE_FLOAT32, &shape, &resource, &f->err));
    OK(li_store_write(f->store, resource, data, sizeof data, &f->err));
    OK(li_graph_resource(f->g, resource, &v, &f->err));
    return v;
}

static li_vid read_variable(struct fixture *f, int32_t resource)
{
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    li_vid handle;
    OK(li_graph_resource(f->g, resource, &handle, &f->err));
    return emit_with(f, "ReadVariableOp", handle, LI_NONE, &type, 1);
}

static li_vid whole(struct fixture *f, int32_t number)
{
    return constant(f, LINCE_INT32, scalar, &number);
}

static li_vid sum(struct fixture *f, li_vid v)
{
    const int32_t both[2] = {0, 1};
    return emit(f, "Sum", v, constant(f, LINCE_INT32, SHAPE(2), both));
}

/* From here on the fixture's graph is a body of a counter, if `counts`, and a matrix. */
static struct li_graph *begin_body(struct fixture *f, bool counts, li_vid *i, li_vid *y)
{
    struct li_graph *outer = f->g;
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    f->g->env = &f->env;
    if (counts) {
        OK(li_graph_input(f->g, LINCE_INT32, &scalar, i, &f->err));
    }
    OK(li_graph_input(f->g, LINCE_FLOAT32, &shape, y, &f->err));
    return outer;
}

static struct li_graph *end_body(struct fixture *f, struct li_graph *outer, const li_vid *out, int count)
{
    struct li_graph *body = f->g;
    OK(li_graph_set_outputs(body, out, count, &f->err));
    for (int32_t i = 0; i < body->input_count; i++) {
        body->values[body->inputs[i]].shape.rank = -1; /* as importing leaves it */
    }
    f->g = outer;
    OK(li_graph_own_body(outer, body, &f->err));
    return body;
}

/* A node that runs two bodies; its last output. */
static li_vid control(struct fixture *f, const char *op, const char *name, const li_vid *in, int nin,
                      struct li_graph *first, struct li_graph *second)
{
    const int64_t types[] = {LINCE_INT32, LINCE_FLOAT32};
    bool loop = strcmp(op, "While") == 0;
    const struct li_attr loops[] = {{.name = "T", .kind = LI_ATTR_TYPES, .ints = types, .count = 2},
                                    {.name = "cond", .kind = LI_ATTR_FUNC, .s = "cond", .s_len = 4},
                                    {.name = "body", .kind = LI_ATTR_FUNC, .s = "body", .s_len = 4}};
    const struct li_attr branches[] = {LI_TYPE("Tcond", LINCE_BOOL),
                                       {.name = "Tin", .kind = LI_ATTR_TYPES, .ints = types + 1, .count = 1},
                                       {.name = "Tout", .kind = LI_ATTR_TYPES, .ints = types + 1, .count = 1},
                                       {.name = "then_branch", .kind = LI_ATTR_FUNC, .s = "then", .s_len = 4},
                                       {.name = "else_branch", .kind = LI_ATTR_FUNC, .s = "else", .s_len = 4}};
    struct li_node *node;
    int32_t n = f->g->node_count;
    OK(li_graph_append(f->g, li_ops_find(li_ops(), op), name, in, nin, loop ? loops : branches, loop ? 3 : 5, &node,
                       &f->err));
    li_vid out = node->out[node->nout - 1];
    OK(li_graph_set_bodies(f->g, n, (struct li_graph *[]){first, second}, 2, &f->err));
    f->g->values[out].dtype = LINCE_FLOAT32; /* so that what comes after it can be emitted */
    f->g->values[out].shape = shape;
    return out;
}

/* i < turns, or the largest of y below `most` where that is not 0. */
static struct li_graph *condition(struct fixture *f, int32_t turns, float most)
{
    const int32_t both[2] = {0, 1};
    li_vid i, y, out;
    struct li_graph *outer = begin_body(f, true, &i, &y);
    if (most != 0) {
        out = emit(f, "Less", emit(f, "Max", y, constant(f, LINCE_INT32, SHAPE(2), both)), number(f, most));
    } else {
        out = emit(f, "Less", i, whole(f, turns));
    }
    return end_body(f, outer, &out, 1);
}

/* while the condition holds: i, y = i + 1, Tanh(y) * w, or y + w where it is to grow */
static li_vid simple_loop(struct fixture *f, const char *name, int32_t w, li_vid x, int32_t turns, float most)
{
    li_vid i, y, out[2];
    struct li_graph *test = condition(f, turns, most), *outer = begin_body(f, true, &i, &y);
    out[0] = emit(f, "AddV2", i, whole(f, 1));
    out[1] = most != 0 ? emit(f, "AddV2", y, emit(f, "Square", read_variable(f, w), LI_NONE))
                       : emit(f, "Mul", emit(f, "Tanh", y, LI_NONE), read_variable(f, w));
    struct li_graph *turn = end_body(f, outer, out, 2);
    return control(f, "While", name, (li_vid[]){whole(f, 0), x}, 2, test, turn);
}

/* Where y is large a loop of two turns, else y * w * w. */
static li_vid branch(struct fixture *f, int32_t w, li_vid x)
{
    li_vid ignored, y, out;
    struct li_graph *outer = begin_body(f, false, &ignored, &y);
    out = simple_loop(f, "inner", w, y, 2, 0);
    struct li_graph *large = end_body(f, outer, &out, 1);
    outer = begin_body(f, false, &ignored, &y);
    out = emit(f, "Mul", emit(f, "Mul", y, read_variable(f, w)), read_variable(f, w));
    struct li_graph *small = end_body(f, outer, &out, 1);
    li_vid selector = emit(f, "Less", number(f, 1.5f), sum(f, x));
    return control(f, "If", "choice", (li_vid[]){selector, x}, 2, large, small);
}

/* Three turns of branch(y) + w. */
static li_vid nest(struct fixture *f, int32_t w, li_vid x)
{
    li_vid i, y, out[2];
    struct li_graph *test = condition(f, 3, 0), *outer = begin_body(f, true, &i, &y);
    out[0] = emit(f, "AddV2", i, whole(f, 1));
    out[1] = emit(f, "AddV2", branch(f, w, y), read_variable(f, w));
    struct li_graph *turn = end_body(f, outer, out, 2);
    return control(f, "While", "outer", (li_vid[]){whole(f, 0), x}, 2, test, turn);
}

/* ---- Running ---- */

/* What a stage is asked, and what it left. */
struct asked {
    const int32_t *target; /* resources */
    int targets;
    int32_t nodes, loops; /* of the graph of gradients alone, without what nothing needs */
};

static lince_status differentiate(struct li_graph **out, const struct li_graph *from, void *context,
                                  const struct li_env *env, lince_error *err)
{
    struct asked *a = context;
    li_vid targets[4] = {from->inputs[0]}, grads[5] = {from->outputs[0]};
    struct li_graph *g, *pruned;
    LI_TRY(li_graph_copy(&g, from, err));
    for (int i = 0; i < a->targets; i++) {
        LI_TRY(li_graph_resource(g, a->target[i], &targets[i + 1], err));
    }
    const struct li_gradient_options options = {
        .outputs = g->outputs, .output_count = 1, .targets = targets, .target_count = a->targets + 1};
    lince_status st = li_gradient(out, g, &options, grads + 1, err);
    li_graph_free(g);
    LI_TRY(st);
    g = *out;
    LI_TRY(li_graph_set_outputs(g, grads, a->targets + 2, err));
    LI_TRY(li_graph_prune(&pruned, g, err));
    a->nodes = pruned->node_count;
    a->loops = 0;
    for (int32_t n = 0; n < pruned->node_count; n++) {
        a->loops += pruned->nodes[n].op->control == LI_CONTROL_LOOP;
    }
    li_graph_free(pruned);
    st = li_passes_run(out, g, NULL, env, err);
    li_graph_free(g);
    return st;
}

/* Outputs: the loss, its gradient by x, those by the targets. The fixture's graph is used up. */
static struct li_session *session_of(struct fixture *f, li_vid loss, struct asked *a, int threads)
{
    const struct li_stage stages[] = {{.make = differentiate, .context = a}};
    const struct li_program_options options = {.env = &f->env, .stages = stages, .stage_count = 1};
    struct li_program *program;
    struct li_session *session;
    struct li_pool *pool;
    OK(li_graph_set_outputs(f->g, &loss, 1, &f->err));
    OK(li_pool_new(&pool, threads, f->mem, &f->err));
    OK(li_program_new(&program, f->g, &options, &f->err));
    OK(li_session_new(&session, program, pool, &f->err));
    li_program_release(program);
    li_pool_release(pool);
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    f->g->env = &f->env;
    return session;
}

static lince_status run(struct fixture *f, struct li_session *s, float *x, const struct li_tensor **out)
{
    const struct li_tensor input = {LINCE_FLOAT32, shape, x, ELEMENTS * sizeof *x};
    return li_session_run(s, &input, 1, NULL, out, &f->err);
}

static double loss_at(struct fixture *f, struct li_session *s, float *x)
{
    const struct li_tensor *out;
    OK(run(f, s, x, &out));
    return (double)*(const float *)out[0].data;
}

static void is_near(float found, double slope)
{
    /* Rounding of the loss (1e-7 of about 10) over the step of 2e-2, and the third derivative. */
    if (!(fabs((double)found - slope) <= 3e-3 + 3e-3 * fabs(slope))) {
        fail_msg("a gradient is %g, the slope is %g", (double)found, slope);
    }
}

/* Each element of x, and of variable 0, moved a little. */
static void check_slopes(struct fixture *f, struct li_session *s, float *x)
{
    float by_x[ELEMENTS], by_w[ELEMENTS], w[ELEMENTS];
    const struct li_tensor *out;
    OK(run(f, s, x, &out));
    memcpy(by_x, out[1].data, sizeof by_x);
    memcpy(by_w, out[2].data, sizeof by_w);
    OK(li_store_read(f->store, 0, w, sizeof w, &f->err));
    for (int i = 0; i < 2 * ELEMENTS; i++) {
        float *at = i < ELEMENTS ? &x[i] : &w[i - ELEMENTS], kept = *at;
        double loss[2];
        for (int k = 0; k < 2; k++) {
            *at = kept + (k ? -1e-2f : 1e-2f);
            OK(li_store_write(f->store, 0, w, sizeof w, &f->err));
            loss[k] = loss_at(f, s, x);
        }
        *at = kept;
        OK(li_store_write(f->store, 0, w, sizeof w, &f->err));
        is_near(i < ELEMENTS ? by_x[i] : by_w[i - ELEMENTS], (loss[0] - loss[1]) / 2e-2);
    }
}

/* ---- Tests ---- */

static void a_variable_that_is_read_at_any_depth_gets_the_sum_over_turns_and_branches(void **state)
{
    struct fixture *f = *state;
    float large[ELEMENTS] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f}, small[ELEMENTS] = {0.1f, 0.2f, 0.05f, 0, -0.1f, 0.3f};
    li_vid x = input(f, shape);
    const int32_t w = f->g->values[matrix(f, "w")].resource;
    struct asked a = {&w, 1, 0, 0};
    struct li_session *s = session_of(f, sum(f, emit(f, "Square", nest(f, w, x), LI_NONE)), &a, 1);
    check_slopes(f, s, large);
    check_slopes(f, s, small);
    assert_int_equal(a.loops, 2); /* one that records, and one that runs back */
    li_session_free(s);
}

static void a_gradient_through_bodies_has_the_same_bits_for_any_number_of_threads_and_allocates_nothing(void **state)
{
    struct fixture *f = *state;
    float at[ELEMENTS] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f}, wanted[2][ELEMENTS];
    for (int threads = 1; threads <= 3; threads++) {
        const struct li_tensor *out;
        li_vid x = input(f, shape);
        const int32_t w = f->g->values[matrix(f, "w")].resource;
        struct asked a = {&w, 1, 0, 0};
        struct li_session *s = session_of(f, sum(f, nest(f, w, x)), &a, threads);
        OK(run(f, s, at, &out));
        uint64_t allocations = li_mem_allocations(f->mem);
        OK(run(f, s, at, &out));
        assert_int_equal(li_mem_allocations(f->mem), allocations);
        for (int i = 0; i < 2; i++) {
            if (threads == 1) {
                memcpy(wanted[i], out[1 + i].data, sizeof wanted[i]);
            }
            assert_memory_equal(out[1 + i].data, wanted[i], sizeof wanted[i]);
        }
        li_session_free(s);
    }
}

/* The variable that another loop reads is no target: nothing runs back through that one, and nothing is recorded. */
static void nothing_is_recorded_of_a_loop_that_no_target_goes_into(void **state)
{
    struct fixture *f = *state;
    float at[ELEMENTS] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f};
    const struct li_tensor *out;
    li_vid x = input(f, shape);
    const int32_t w = f->g->values[matrix(f, "w")].resource, frozen = f->g->values[matrix(f, "frozen")].resource;
    li_vid features = simple_loop(f, "frozen", frozen, emit(f, "StopGradient", x, LI_NONE), 4, 0);
    struct asked a = {&w, 1, 0, 0};
    li_vid loss = sum(f, emit(f, "Mul", features, simple_loop(f, "trained", w, x, 4, 0)));
    struct li_session *s = session_of(f, loss, &a, 1);
    OK(run(f, s, at, &out));
    assert_int_equal(a.loops, 3);
    li_session_free(s);
}

static void a_loop_of_which_only_running_tells_the_turns_has_room_for_some(void **state)
{
    struct fixture *f = *state;
    float few[ELEMENTS] = {1, 0.5f, 0.25f, 0, 0, 0}, many[ELEMENTS] = {-900, -900, -900, -900, -900, -900};
    const struct li_tensor *out;
    li_vid x = input(f, shape);
    const int32_t w = f->g->values[matrix(f, "w")].resource;
    struct asked a = {&w, 1, 0, 0};
    struct li_session *s = session_of(f, sum(f, simple_loop(f, "until", w, x, 0, 9.5f)), &a, 1);
    check_slopes(f, s, few);
    assert_int_equal(run(f, s, many, &out), LINCE_EDATA);
    assert_non_null(strstr(f->err.text, "node \"until\" (Assert)"));
    assert_non_null(strstr(f->err.text, "until makes more turns than its gradient records:] [256]"));
    check_slopes(f, s, few);
    li_session_free(s);
}

/* 10,000 turns that keep 4,000,000 bytes each. */
static void what_a_loop_records_has_a_limit_too(void **state)
{
    struct fixture *f = *state;
    const struct li_shape large = {2, {1000, 1000}};
    struct li_tensor in = {LINCE_FLOAT32, large, calloc(1000 * 1000, sizeof(float)), 1000 * 1000 * sizeof(float)};
    const struct li_tensor *out;
    li_vid x = input(f, large), i, y, next[2];
    struct li_graph *test = condition(f, 10000, 0), *outer = begin_body(f, true, &i, &y);
    test->values[test->inputs[1]].shape.rank = -1;
    next[0] = emit(f, "AddV2", i, whole(f, 1));
    next[1] = emit(f, "Tanh", y, LI_NONE);
    struct li_graph *turn = end_body(f, outer, next, 2);
    struct asked a = {NULL, 0, 0, 0};
    li_vid loss = control(f, "While", "large", (li_vid[]){whole(f, 0), x}, 2, test, turn);
    struct li_session *s = session_of(f, loss, &a, 1);
    assert_int_equal(li_session_run(s, &in, 1, NULL, &out, &f->err), LINCE_ELIMIT);
    assert_non_null(
        strstr(f->err.text, "node \"large\" (While): its gradient records 1 values in each of 10000 turns"));
    li_session_free(s);
    free(in.data);
}

/* ---- Memory ---- */

struct failing {
    int64_t left; /* allocations that succeed */
};

static void *give(size_t bytes, void *context)
{
    struct failing *failing = context;
    return failing->left-- > 0 ? malloc(bytes) : NULL;
}

static void take(void *pointer, void *context)
{
    (void)context;
    free(pointer);
}

/* The graph, from memory that gives out: LINCE_ENOMEM, and all that was taken is given back. */
static bool survives(int64_t allocations)
{
    struct failing failing = {INT64_MAX};
    struct fixture fixture = {.g = NULL}, *f = &fixture;
    struct li_inferred inferred;
    struct li_graph *g = NULL;
    f->mem = li_mem_new(give, take, &failing, 0);
    f->env = (struct li_env){.mem = f->mem, .isa = LI_ISA_REF, .kernels = li_kernels_get(LI_ISA_REF)};
    OK(li_store_new(&f->store, f->mem, &f->err));
    OK(li_graph_new(&f->g, f->store, li_ops(), f->mem, &f->err));
    f->g->env = &f->env;
    li_vid x = input(f, shape), handle = matrix(f, "w"), grads[2];
    li_vid loss = sum(f, nest(f, f->g->values[handle].resource, x));
    OK(li_graph_set_outputs(f->g, &loss, 1, &f->err));
    OK(li_graph_infer(&inferred, f->g, &(struct li_infer_input){.shape = shape}, &f->env, &f->err));
    li_graph_free(f->g);
    f->g = inferred.graph;
    li_free(f->mem, inferred.choice);
    OK(li_graph_resource(f->g, f->store->count - 1, &handle, &f->err));
    const struct li_gradient_options options = {
        .outputs = f->g->outputs, .output_count = 1, .targets = (li_vid[]){f->g->inputs[0], handle}, .target_count = 2};
    failing.left = allocations;
    lince_status st = li_gradient(&g, f->g, &options, grads, &f->err);
    assert_true(st == LINCE_OK || st == LINCE_ENOMEM);
    failing.left = INT64_MAX;
    li_graph_free(g);
    li_graph_free(f->g);
    li_store_release(f->store);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
    return st == LINCE_OK;
}

static void memory_that_runs_out_on_the_way_is_an_error(void **state)
{
    int64_t n = 0;
    (void)state;
    while (!survives(n)) {
        n++;
    }
    print_message("%lld allocations\n", (long long)n);
    assert_true(n > 100);
}

static void a_loop_of_too_many_turns_is_refused_by_name_and_number(void **state)
{
    struct fixture *f = *state;
    float at[ELEMENTS] = {0};
    const struct li_tensor *out;
    li_vid x = input(f, shape);
    const int32_t w = f->g->values[matrix(f, "w")].resource;
    struct asked a = {&w, 1, 0, 0};
    struct li_session *s = session_of(f, sum(f, simple_loop(f, "long", w, x, 20000, 0)), &a, 1);
    assert_int_equal(run(f, s, at, &out), LINCE_ELIMIT);
    assert_non_null(strstr(f->err.text, "node \"long\" (While): makes more than 16384 turns"));
    li_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_variable_that_is_read_at_any_depth_gets_the_sum_over_turns_and_branches),
        TEST(a_gradient_through_bodies_has_the_same_bits_for_any_number_of_threads_and_allocates_nothing),
        TEST(nothing_is_recorded_of_a_loop_that_no_target_goes_into),
        TEST(a_loop_of_which_only_running_tells_the_turns_has_room_for_some),
        TEST(a_loop_of_too_many_turns_is_refused_by_name_and_number),
        TEST(what_a_loop_records_has_a_limit_too),
        cmocka_unit_test(memory_that_runs_out_on_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
