/* Rewriting, pruning, emitting, and dividing work. */
#include "graph_support.h"

/* x + 0 is x; every Identity becomes an Add of its input and itself. */
static lince_status simplify(struct li_rewrite *r, int32_t n, bool *done, lince_error *err)
{
    const struct li_node *node = &r->from->nodes[n];
    if (node->op == &op_add) {
        const struct li_tensor *b = r->from->values[node->in[1]].constant;
        if (b && *(const float *)b->data == 0) {
            r->map[node->out[0]] = li_mapped(r, node->in[0]);
            *done = true;
        }
        *(int *)r->context += r->uses[node->out[0]];
        return LINCE_OK;
    }
    if (node->op == &op_identity) {
        li_vid in[2] = {li_mapped(r, node->in[0]), li_mapped(r, node->in[0])};
        *done = true;
        return li_graph_emit(r->to, "Add", "emitted", in, 2, NULL, 0, &r->map[node->out[0]], 1, err);
    }
    return LINCE_OK;
}

static void a_rewrite_replaces_nodes_and_drops_what_is_left_over(void **state)
{
    struct fixture *f = *state;
    struct li_graph *rewritten;
    int uses = 0;
    li_vid x = input_of(f, SHAPE(2)), zero = floats(f, SCALAR, (float[]){0}), h = handle(f, variable(f, "v", 2));
    li_vid same = node(f, &op_add, "zero", x, zero);
    li_vid two = node(f, &op_identity, "two", same, LI_NONE);

    node(f, &op_write, "write", h, same), require_last(f);
    set_outputs(f, two, same);
    struct li_graph *g = infer(f, SHAPE(2), NULL);
    OK(li_graph_rewrite(&rewritten, g, &f->env, &uses, simplify, &f->err));
    li_graph_free(g);
    assert_int_equal(uses, 3);
    assert_string_equal(li_graph_text(rewritten, &f->err),
                        "emitted = Add(%0:float32[2], %0:float32[2]) -> %2:float32[2]\n"
                        "write = Write(%1:resource[], %0:float32[2])\n");
    assert_int_equal(rewritten->outputs[1], rewritten->inputs[0]);
    assert_int_equal(rewritten->nodes[1].touch[0].resource, 0);
    assert_true(rewritten->nodes[1].required);
    li_graph_free(rewritten);
}

static void pruning_keeps_required_nodes_inputs_and_views(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid unread = input_of(f, SHAPE(7)), x = input_of(f, SHAPE(2));

    node(f, &op_add, "dead", unread, unread);
    node(f, &op_check, "check", x, LI_NONE), require_last(f);
    set_outputs(f, node(f, &op_identity, "y", x, LI_NONE), LI_NONE);
    f->g->values[f->g->outputs[0]].view.base = x;
    f->g->values[f->g->outputs[0]].view.offset = 13;
    OK(li_graph_prune(&g, f->g, &f->err));
    assert_int_equal(g->node_count, 2);
    assert_string_equal(g->nodes[0].name, "check");
    assert_int_equal(g->input_count, 2);
    assert_int_equal(g->value_count, 3);
    assert_int_equal(g->values[g->outputs[0]].view.base, g->inputs[1]);
    assert_int_equal(g->values[g->outputs[0]].view.offset, 13);
    assert_int_equal(g->values[g->outputs[0]].producer, 1);
    li_graph_free(g);
}

static void a_copy_has_the_same_numbers_and_grows_alone(void **state)
{
    struct fixture *f = *state;
    struct li_graph *g;
    li_vid x = input_of(f, SHAPE(2)), y = input_of(f, SHAPE(2)), z = input_of(f, SHAPE(2)), more;

    node(f, &op_add, "dead", x, y);
    set_outputs(f, node(f, &op_add, "sum", z, y), x);
    OK(li_graph_copy(&g, f->g, &f->err));
    OK(li_graph_input(g, LINCE_FLOAT32, SHAPE(7), &more, &f->err));
    OK(li_graph_input(g, LINCE_FLOAT32, SHAPE(7), &more, &f->err));
    assert_int_equal(more, f->g->value_count + 1);
    assert_int_equal(f->g->input_count, 3);
    li_graph_free(f->g);
    f->g = g;
    assert_int_equal(g->node_count, 2);
    assert_string_equal(g->nodes[1].name, "sum");
    assert_int_equal(g->nodes[1].in[0], z);
    assert_int_equal(g->values[g->outputs[0]].producer, 1);
    assert_int_equal(g->outputs[1], x);
    assert_int_equal(g->inputs[2], z);
    assert_int_equal(g->inputs[4], more);
}

static void emitting_infers_and_settles(void **state)
{
    struct fixture *f = *state;
    li_vid x = input_of(f, SHAPE(2, 3)), y;

    OK(li_graph_emit(f->g, "Shape", "s", &x, 1, NULL, 0, &y, 1, &f->err));
    assert_int_equal(f->g->node_count, 0);
    assert_int_equal(((int64_t *)f->g->values[y].constant->data)[1], 3);
    assert_int_equal(li_graph_emit(f->g, "Nonsense", "n", &x, 1, NULL, 0, &y, 1, &f->err), LINCE_EUNSUPPORTED);
    assert_string_equal(f->err.text, "node \"n\" (Nonsense): there is no such op");
    li_vid length;
    OK(li_graph_emit(f->g, "Length", "l", &x, 1, NULL, 0, &length, 1, &f->err));
    assert_int_equal(li_graph_emit(f->g, "Ones", "o", &length, 1, NULL, 0, &y, 1, &f->err), LINCE_EUNSUPPORTED);
    assert_string_equal(f->err.text, "node \"o\" (Ones): its shape depends on data");
}

static void tasks_divide_everything_once(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 40; n++) {
        for (int64_t tasks = 1; tasks < 14; tasks++) {
            int64_t at = 0, begin, end;
            for (int64_t task = 0; task < tasks; task++) {
                li_task_range(&(struct li_call){.task = task, .tasks = tasks}, n, &begin, &end);
                assert_int_equal(begin, at);
                assert_true(end >= begin && end - begin <= n / tasks + 1);
                at = end;
            }
            assert_int_equal(at, n);
        }
    }
    assert_int_equal(li_task_count(0, 100), 1);
    assert_int_equal(li_task_count(199, 100), 1);
    assert_int_equal(li_task_count(1300, 100), 13);
    assert_true(li_task_count(INT64_MAX, 1) <= 1 << 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rewrite_replaces_nodes_and_drops_what_is_left_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pruning_keeps_required_nodes_inputs_and_views, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_has_the_same_numbers_and_grows_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(emitting_infers_and_settles, set_up, tear_down),
        cmocka_unit_test(tasks_divide_everything_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
