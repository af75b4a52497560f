/* A second call beside the first in one graph: a loss, and a function of the same images. */
#include "model_support.h"

struct fixture {
    struct li_mem *mem;
    struct li_model *model;
    struct li_graph *graph;
    lince_error err;
};

static void ok(struct fixture *f, lince_status st)
{
    if (st) {
        fail_msg("%s", f->err.text);
    }
}

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->mem = li_mem_new(NULL, NULL, NULL, 0);
    ok(f, open_model(&f->model, "golden/models/classifier", f->mem, &f->err));
}

static void end(struct fixture *f)
{
    li_graph_free(f->graph);
    li_model_close(f->model);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
}

static struct li_binding *call_on_images(struct fixture *f)
{
    const struct li_arg x = input(0, LINCE_FLOAT32, 4, (int64_t[]){2, 16, 16, 3});
    struct li_callable *call;
    struct li_binding *b;
    ok(f, li_model_callable(f->model, NULL, &call, &f->err));
    ok(f, li_callable_match(&b, call, &(struct li_call_args){&x, 1, NULL, NULL, 0}, &f->err));
    return b;
}

static struct li_binding *first_loss(struct fixture *f)
{
    static const struct li_call_args nothing;
    struct li_binding *b;
    ok(f, li_callable_match(&b, li_model_loss(f->model, 0), &nothing, &f->err));
    return b;
}

static int32_t nodes_alone(struct fixture *f, const struct li_binding *b)
{
    struct li_graph *alone;
    ok(f, li_binding_import(&alone, b, &f->err));
    int32_t nodes = alone->node_count;
    li_graph_free(alone);
    return nodes;
}

/* Appends, and finds the graph as it was but for what came behind. */
static li_vid append(struct fixture *f, const struct li_binding *b, const li_vid *inputs)
{
    int32_t nodes = f->graph->node_count, ins = f->graph->input_count, outs = f->graph->output_count;
    li_vid result = LI_NONE;
    ok(f, li_binding_append(f->graph, b, inputs, &result, &f->err));
    assert_int_equal(f->graph->node_count, nodes + nodes_alone(f, b));
    assert_int_equal(f->graph->input_count, ins);
    assert_int_equal(f->graph->output_count, outs);
    assert_true(f->graph->values[result].producer >= nodes);
    return result;
}

static void a_loss_stands_beside_the_call_it_belongs_to(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    struct li_binding *call = call_on_images(&f), *loss = first_loss(&f);
    ok(&f, li_binding_import(&f.graph, call, &f.err));
    append(&f, loss, NULL);
    li_binding_free(call);
    li_binding_free(loss);
    end(&f);
}

static void a_second_call_reads_the_images_of_the_first(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    struct li_binding *call = call_on_images(&f);
    ok(&f, li_binding_import(&f.graph, call, &f.err));
    li_vid outputs[2] = {f.graph->outputs[0], append(&f, call, f.graph->inputs)};
    assert_int_not_equal(outputs[0], outputs[1]);
    int32_t readers = 0;
    for (int32_t n = 0; n < f.graph->node_count; n++) {
        for (int i = 0; i < f.graph->nodes[n].nin; i++) {
            readers += f.graph->nodes[n].in[i] == f.graph->inputs[0];
        }
    }
    assert_true(readers >= 2);
    li_binding_free(call);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_stands_beside_the_call_it_belongs_to),
        cmocka_unit_test(a_second_call_reads_the_images_of_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
