/* Files that ask for more than they are worth: calls that multiply, lists and names that grow. */
#include "model_attempt.h"

/* levels functions, each calling the next `width` times in a row; the last one is a Relu. */
static void put_calls(struct forge *f, int levels, int width, const char *node_name)
{
    char name[32], node_n[4200], source[4300], attrs[32];

    for (int i = 0; i < levels; i++) {
        argument(f, "x:1:2,8,8,3");
        strcpy(source, "x");
        for (int k = 0; k < width && i + 1 < levels; k++) {
            snprintf(node_n, sizeof node_n, "%s%d", node_name, k);
            snprintf(attrs, sizeof attrs, "f=F:f%d", i + 1);
            node(f, node_n, "PartitionedCall", source, attrs);
            snprintf(source, sizeof source, "%.4100s:output:0", node_n);
        }
        if (i + 1 == levels) {
            node(f, "relu", "Relu", "x", "T=t:1");
            strcpy(source, "relu:activations:0");
        }
        result(f, "r", source);
        snprintf(name, sizeof name, "f%d", i);
        function(f, name);
    }
}

static void calls_that_double_at_each_level_are_refused(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a);
    put_calls(&a.forge, 40, 2, "call");
    assert_int_equal(finish(&a, "f0", &images, 1), LINCE_ELIMIT);
}

/* Each level adds its node's name to those below it. */
static void long_names_do_not_multiply_with_calls(void **state)
{
    struct attempt a;
    char name[500];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begin(&a);
    put_calls(&a.forge, 7, 9, name);
    assert_int_equal(finish(&a, "f0", &images, 1), LINCE_ELIMIT);
}

static void calls_deeper_than_the_limit_are_refused(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a);
    put_calls(&a.forge, 200, 1, "call");
    assert_int_equal(finish(&a, "f0", &images, 1), LINCE_ELIMIT);
    begin(&a);
    put_calls(&a.forge, LI_MAX_CALL_DEPTH, 1, "call");
    assert_int_equal(finish(&a, "f0", &images, 1), LINCE_OK);
}

static void functions_that_call_each_other_in_a_circle_are_refused(void **state)
{
    struct attempt a;

    (void)state;
    begin(&a);
    for (int i = 0; i < 3; i++) {
        char name[8], attr[16];
        argument(&a.forge, "x:1:2,8,8,3");
        snprintf(attr, sizeof attr, "f=F:f%d", (i + 1) % 3);
        node(&a.forge, "call", "PartitionedCall", "x", attr);
        result(&a.forge, "r", "call:output:0");
        snprintf(name, sizeof name, "f%d", i);
        function(&a.forge, name);
    }
    assert_int_equal(finish(&a, "f0", &images, 1), LINCE_EINVAL);
    assert_non_null(strstr(a.err.text, "calls itself"));
}

static void put_split(struct forge *f, int outputs)
{
    char text[64];

    snprintf(text, sizeof text, "x:1:%d", outputs);
    argument(f, text);
    node(f, "axis", "Const", "", "dtype=t:3 value=v:3::0");
    snprintf(text, sizeof text, "T=t:1 num_split=i:%d", outputs);
    node(f, "s", "Split", "axis:output:0 x", text);
}

static lince_status split(struct attempt *a, int outputs)
{
    float *data = calloc((size_t)outputs, sizeof *data);
    const struct li_tensor in = {LINCE_FLOAT32, {1, {outputs}}, data, (size_t)outputs * sizeof *data};

    assert_non_null(data);
    lince_status st = finish(a, "f", &in, 1);
    free(data);
    return st;
}

/* A node with many outputs that many nodes read whole. */
static void lists_read_whole_again_and_again_are_refused(void **state)
{
    struct attempt a;
    char inputs[4000] = "", name[16];

    (void)state;
    for (int i = 0; i < 200; i++) {
        strcat(inputs, "s:output ");
    }
    begin(&a);
    put_split(&a.forge, 10000);
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "n%d", i);
        node(&a.forge, name, "AddN", inputs, "T=t:1 N=i:2000000");
    }
    node(&a.forge, "last", "AddN", "n0:sum:0 n1:sum:0 n2:sum:0 n3:sum:0 n4:sum:0 n5:sum:0", "T=t:1 N=i:6");
    result(&a.forge, "r", "last:sum:0");
    function(&a.forge, "f");
    assert_int_equal(split(&a, 10000), LINCE_ELIMIT);
}

static void outputs_are_found_by_name_among_many(void **state)
{
    enum { MANY = 30000 };
    struct attempt a;
    char name[16], source[32];

    (void)state;
    begin(&a);
    argument(&a.forge, "x:1:2,8,8,3");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "o%d", i);
        result(&a.forge, name, "x");
    }
    function(&a.forge, "g");
    argument(&a.forge, "x:1:2,8,8,3");
    node(&a.forge, "c", "g", "x", "");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(source, sizeof source, i ? "c:o%d:0 n%d:z:0" : "c:o%d:0 x", MANY - 1 - i, i - 1);
        node(&a.forge, name, "AddV2", source, "T=t:1");
    }
    result(&a.forge, "r", "n9:z:0");
    function(&a.forge, "f");
    assert_int_equal(finish(&a, "f", &images, 1), LINCE_OK);
}

static void more_attributes_than_any_op_has_are_refused(void **state)
{
    struct attempt a;
    char attrs[16000] = "f=F:g ";

    (void)state;
    for (int i = 0; i < LI_MAX_NODE_ATTRIBUTES; i++) {
        sprintf(attrs + strlen(attrs), "a%d=i:1 ", i);
    }
    begin(&a);
    argument(&a.forge, "x:1:2,8,8,3");
    node(&a.forge, "n", "Relu", "x", attrs);
    result(&a.forge, "r", "n:activations:0");
    function(&a.forge, "f");
    assert_int_equal(finish(&a, "f", &images, 1), LINCE_ELIMIT);
}

/* One constant of 100 MB from a few bytes may be; any number of them may not. */
static void constants_that_repeat_a_value_are_bounded_together(void **state)
{
    struct attempt a;
    char name[16], source[32] = "x";

    (void)state;
    begin(&a);
    argument(&a.forge, "x:1:1");
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "c%d", i);
        node(&a.forge, name, "Const", "", "dtype=t:1 value=v:1:5000,5000:1");
        snprintf(source, sizeof source, i ? "c%d:output:0 n%d:z:0" : "c%d:output:0 x", i, i - 1);
        snprintf(name, sizeof name, "n%d", i);
        node(&a.forge, name, "AddV2", source, "T=t:1");
    }
    result(&a.forge, "r", "n39:z:0");
    function(&a.forge, "f");
    const struct li_tensor one = {LINCE_FLOAT32, {1, {1}}, pixels, 4};
    assert_int_equal(finish(&a, "f", &one, 1), LINCE_ELIMIT);
}

static void a_node_has_as_many_outputs_as_a_small_file_may_ask_for(void **state)
{
    struct attempt a;

    (void)state;
    for (int outputs = LI_MAX_OUTPUTS; outputs <= LI_MAX_OUTPUTS + 1; outputs++) {
        begin(&a);
        put_split(&a.forge, outputs);
        node(&a.forge, "n", "ConcatV2", "s:output axis:output:0", "T=t:1 Tidx=t:3 N=i:16384");
        result(&a.forge, "r", "n:output:0");
        function(&a.forge, "f");
        lince_status st = split(&a, outputs);
        assert_int_equal(st, outputs > LI_MAX_OUTPUTS ? LINCE_ELIMIT : LINCE_OK);
    }
}

/* What the calls come to is bounded for all traces together when they are only looked at. */
static void telling_of_many_traces_takes_no_longer_than_the_file_is_large(void **state)
{
    struct attempt a;
    struct li_model *model;
    struct li_callable *c;
    char *traces = calloc(1, 300 * 8), *at = traces;
    const char *const *texts;
    size_t count;

    (void)state;
    begin(&a);
    put_calls(&a.forge, 40, 2, "call");
    for (int i = 0; i < 300; i++) {
        at += sprintf(at, "f%d ", i % 3);
    }
    callable(&a.forge, traces);
    assert_int_equal(open_forge(&a.forge, &model, a.mem, &a.err), 0);
    assert_int_equal(li_model_callable(model, NULL, &c, &a.err), 0);
    double start = now();
    assert_int_equal(li_callable_unsupported(c, &texts, &count, &a.err), 0);
    assert_true(now() - start < limit_seconds);
    assert_true(count > 0);
    assert_non_null(strstr(texts[0], "times as large as the functions"));
    li_model_close(model);
    li_mem_release(a.mem);
    free_forge(&a.forge);
    free(traces);
}

static void a_chain_of_thirty_thousand_nodes_runs(void **state)
{
    enum { MANY = 30000 };
    struct attempt a;
    char name[16], source[32] = "x";

    (void)state;
    begin(&a);
    argument(&a.forge, "x:1:2");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "n%d", i);
        node(&a.forge, name, i % 2 ? "Relu" : "Neg", source, "T=t:1");
        snprintf(source, sizeof source, "%s:%s:0", name, i % 2 ? "activations" : "y");
    }
    result(&a.forge, "r", source);
    function(&a.forge, "f");
    lince_status st = finish(&a, "f", &(struct li_tensor){LINCE_FLOAT32, {1, {2}}, pixels, 8}, 1);
    if (st != LINCE_OK) {
        fail_msg("%s", a.err.text);
    }
}

/* Only the trace that is called is unpacked and imported. */
static void five_thousand_traces_open_quickly(void **state)
{
    enum { MANY = 5000, NODES = 40 };
    struct attempt a;
    char *traces = malloc(MANY * 8), *at = traces, name[16], spec[32], source[48];

    (void)state;
    assert_non_null(traces);
    begin(&a);
    for (int i = 0; i < MANY; i++) {
        snprintf(spec, sizeof spec, "x:1:%d,8,8,3", i + 1);
        argument(&a.forge, spec);
        strcpy(source, "x");
        for (int n = 0; n < NODES; n++) {
            snprintf(name, sizeof name, "n%d", n);
            node(&a.forge, name, "Relu", source, "T=t:1");
            snprintf(source, sizeof source, "%s:activations:0", name);
        }
        result(&a.forge, "r", source);
        snprintf(name, sizeof name, "f%d", i);
        function(&a.forge, name);
        at += sprintf(at, "%s ", name);
    }
    assert_int_equal(finish(&a, traces, &images, 1), LINCE_OK);
    free(traces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_that_double_at_each_level_are_refused),
        cmocka_unit_test(long_names_do_not_multiply_with_calls),
        cmocka_unit_test(calls_deeper_than_the_limit_are_refused),
        cmocka_unit_test(functions_that_call_each_other_in_a_circle_are_refused),
        cmocka_unit_test(lists_read_whole_again_and_again_are_refused),
        cmocka_unit_test(outputs_are_found_by_name_among_many),
        cmocka_unit_test(more_attributes_than_any_op_has_are_refused),
        cmocka_unit_test(constants_that_repeat_a_value_are_bounded_together),
        cmocka_unit_test(a_node_has_as_many_outputs_as_a_small_file_may_ask_for),
        cmocka_unit_test(telling_of_many_traces_takes_no_longer_than_the_file_is_large),
        cmocka_unit_test(a_chain_of_thirty_thousand_nodes_runs),
        cmocka_unit_test(five_thousand_traces_open_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
