/* The stage that makes a training step: what it refuses, by name. */
#include "passes_support.h"

#include "train/train.h"

enum { ROWS = 3 };

/* A node of a graph that is not inferred yet. */
static li_vid put(struct fixture *f, const char *op, const li_vid *in, int nin)
{
    struct li_node *node;
    OK(li_graph_append(f->g, li_ops_find(li_ops(), op), op, in, nin, NULL, 0, &node, &f->err));
    return node->out[0];
}

/* Outputs: the squares' loss on the second input, and logits. */
static void end_in_loss(struct fixture *f, li_vid logits, li_vid targets)
{
    const struct li_loss mse = {.kind = LI_LOSS_MSE};
    li_vid outputs[2] = {LI_NONE, logits};
    OK(li_ops_loss(f->g, &mse, logits, targets, LI_NONE, &outputs[0], &f->err));
    OK(li_graph_set_outputs(f->g, outputs, 2, &f->err));
}

static lince_status make_stage(struct fixture *f, struct li_training *t, int64_t rows)
{
    const struct li_infer_input inputs[2] = {{.dtype = LINCE_FLOAT32, .shape = SHAPE(ROWS, 2)},
                                             {.dtype = LINCE_FLOAT32, .shape = SHAPE(rows, 2)}};
    struct li_inferred inferred;
    struct li_graph *made;
    OK(li_graph_infer(&inferred, f->g, inputs, &f->env, &f->err));
    lince_status st = li_training_stage(&made, inferred.graph, t, &f->env, &f->err);
    if (!st) {
        li_graph_free(made);
    }
    li_inferred_free(&inferred);
    return st;
}

static void begin(struct fixture *f, li_vid *x, li_vid *targets)
{
    f->g->env = NULL;
    *x = input(f, SHAPE(ROWS, 2));
    *targets = input(f, (struct li_shape){.rank = -1});
}

static void shapes_that_depend_on_data_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    struct li_training t = {.targets = 1, .weights = LI_NONE, .factors = LI_NONE, .by = LI_NONE};
    float data[ROWS * 2] = {1, 0, 2, 0, 3, 0};
    li_vid x, targets;
    begin(f, &x, &targets);
    li_vid where = put(f, "Where", &x, 1);
    end_in_loss(f, put(f, "GatherNd", (li_vid[]){x, where}, 2), targets);
    const struct li_tensor inputs[2] = {{LINCE_FLOAT32, SHAPE(ROWS, 2), data, sizeof data},
                                        {LINCE_FLOAT32, SHAPE(ROWS), data, ROWS * sizeof *data}};
    assert_int_equal(make_stage(f, &t, ROWS), LINCE_EUNSUPPORTED);
    assert_int_equal(li_training_check(f->g, inputs, &f->env, &f->err), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(f->err.text, "node \"Where\" (Where): its shape depends on data"));
}

/* Targets of one row would be broadcast. */
static void targets_are_not_broadcast(void **state)
{
    struct fixture *f = *state;
    struct li_training t = {.targets = 1, .weights = LI_NONE, .factors = LI_NONE, .by = LI_NONE};
    li_vid x, targets;
    begin(f, &x, &targets);
    end_in_loss(f, put(f, "Tanh", &x, 1), targets);
    assert_int_equal(make_stage(f, &t, 1), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "the targets are float32[1,2], the model's result is float32[3,2]"));
    assert_int_equal(make_stage(f, &t, ROWS), LINCE_OK);
}

static void a_loss_that_depends_on_no_variable_trains_nothing(void **state)
{
    struct fixture *f = *state;
    struct li_trained variable = {.name = "v"};
    struct li_training t = {.variables = &variable,
                            .count = 1,
                            .update = true,
                            .targets = 1,
                            .weights = LI_NONE,
                            .factors = 0,
                            .by = LI_NONE};
    const struct li_shape shape = SHAPE(2);
    li_vid x, targets;
    OK(li_store_add(f->store, LI_VARIABLE, "v", LINCE_FLOAT32, &shape, &variable.resource, &f->err));
    begin(f, &x, &targets);
    end_in_loss(f, put(f, "Tanh", &x, 1), targets);
    assert_int_equal(make_stage(f, &t, ROWS), LINCE_EINVAL);
    assert_non_null(strstr(f->err.text, "does not depend on any of the 1 variables"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shapes_that_depend_on_data_are_refused_by_name),
        TEST(targets_are_not_broadcast),
        TEST(a_loss_that_depends_on_no_variable_trains_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
