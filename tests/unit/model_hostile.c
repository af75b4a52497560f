/*
 * Graphs that ask for more than they are worth: calls that multiply, shapes that are huge, numbers at the ends of their
 * range. Each ends in an error or an answer, soon, and in little memory.
 */
#include "model_forge.h"

enum { LIMIT_BYTES = 512 << 20 };

/* Of the processor, as a machine may be busy. A sanitizer may take that much; what is bad takes minutes. */
static const double limit_seconds = 5.0;

struct attempt {
    struct forge forge;
    struct li_mem *mem;
    lince_error err;
    double started;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void begin(struct attempt *a)
{
    memset(a, 0, sizeof *a);
    a->mem = li_mem_new(NULL, NULL, NULL, LIMIT_BYTES);
    user_object(&a->forge, "__call__=1", "_generic_user_object");
}

static lince_status run_graph(struct attempt *a, struct li_graph *graph, const struct li_tensor *in, int32_t count)
{
    const struct li_env env = {li_kernels_get(li_cpu_isa()), li_cpu_isa(), a->mem};
    struct li_pool *pool;
    struct li_session *session;
    const struct li_tensor *out;

    assert_int_equal(li_pool_new(&pool, 1, a->mem, &a->err), 0);
    const struct li_session_options options = {&env, pool, li_passes_run};
    lince_status st = li_session_new(&session, graph, &options, &a->err);
    if (!st) {
        st = li_session_run(session, in, count, &out, &a->err);
        li_session_free(session);
    }
    li_pool_release(pool);
    return st;
}

static lince_status call_model(struct attempt *a, struct li_model *model, const struct li_tensor *in, size_t count)
{
    struct li_arg args[4];
    struct li_callable *c;
    struct li_binding *b;
    struct li_graph *graph;
    lince_status st = li_model_callable(model, NULL, &c, &a->err);

    for (size_t i = 0; i < count; i++) {
        args[i] =
            (struct li_arg){.kind = LI_ARG_TENSOR, .dtype = in[i].dtype, .shape = in[i].shape, .input = (int32_t)i};
    }
    st = st ? st : li_callable_match(&b, c, &(struct li_call_args){args, count, NULL, NULL, 0}, &a->err);
    if (!st) {
        st = li_binding_import(&graph, b, &a->err);
        li_binding_free(b);
    }
    return st ? st : run_graph(a, graph, in, (int32_t)count);
}

/* Open and call it: what comes of it, once it is sure that it came soon and left nothing behind. */
static lince_status finish(struct attempt *a, const char *traces, const struct li_tensor *in, size_t count)
{
    struct li_model *model = NULL;

    callable(&a->forge, traces);
    a->started = now();
    lince_status st = open_forge(&a->forge, &model, a->mem, &a->err);
    st = st ? st : call_model(a, model, in, count);
    li_model_close(model);
    double took = now() - a->started;
    if (took > limit_seconds) {
        fail_msg("took %.1f s: %s", took, st ? a->err.text : "done");
    }
    assert_int_equal(li_mem_used_bytes(a->mem), 0);
    li_mem_release(a->mem);
    free_forge(&a->forge);
    return st;
}

static float pixels[2 * 8 * 8 * 3];
static const struct li_tensor images = {LINCE_FLOAT32, {4, {2, 8, 8, 3}}, pixels, sizeof pixels};

#define IMAGES "x:1:-1,-1,-1,-1"

/* ---- Calls ---- */

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

/* ---- Ops ---- */

struct op_case {
    const char *what;
    const char *nodes[8]; /* "NAME OP | INPUTS | ATTRS" */
    const char *result;
    int allowed; /* a bit for each status; 0: any error */
};

#define OK_OR_ERROR 1

static void put_line(struct forge *f, const char *line)
{
    char text[1024], *save, *head, *inputs, *attrs, name[64], op[64];

    snprintf(text, sizeof text, "%s", line);
    head = strtok_r(text, "|", &save);
    inputs = strtok_r(NULL, "|", &save);
    attrs = strtok_r(NULL, "|", &save);
    assert_int_equal(sscanf(head, "%63s %63s", name, op), 2);
    node(f, name, op, inputs, attrs ? attrs : "");
}

static const struct op_case op_cases[] = {
    {"Fill of 4 TB",
     {"d Const | | dtype=t:3 value=v:3:3:10000,10000,10000", "v Const | | dtype=t:1 value=v:1::1",
      "y Fill | d:output:0 v:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"Fill of 4 GB",
     {"d Const | | dtype=t:3 value=v:3:2:100000,10000", "v Const | | dtype=t:1 value=v:1::1",
      "y Fill | d:output:0 v:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"Fill that overflows",
     {"d Const | | dtype=t:9 value=v:9:3:4611686018427387904,4611686018427387904,4",
      "v Const | | dtype=t:1 value=v:1::1", "y Fill | d:output:0 v:output:0 | T=t:1 index_type=t:9"},
     "y:output:0",
     0},
    {"Fill below 0",
     {"d Const | | dtype=t:3 value=v:3:1:-1", "v Const | | dtype=t:1 value=v:1::1",
      "y Fill | d:output:0 v:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"Fill of 0 and huge",
     {"d Const | | dtype=t:9 value=v:9:2:0,9223372036854775807", "v Const | | dtype=t:1 value=v:1::1",
      "y Fill | d:output:0 v:output:0 | T=t:1 index_type=t:9"},
     "y:output:0",
     OK_OR_ERROR},
    {"Tile to overflow",
     {"m Const | | dtype=t:9 value=v:9:4:9223372036854775807,9223372036854775807,2,2",
      "y Tile | x m:output:0 | T=t:1 Tmultiples=t:9"},
     "y:output:0",
     0},
    {"Tile below 0", {"m Const | | dtype=t:3 value=v:3:4:-1,1,1,1", "y Tile | x m:output:0 | T=t:1"}, "y:output:0", 0},
    {"BroadcastTo huge",
     {"d Const | | dtype=t:9 value=v:9:5:99999999999,2,8,8,3", "y BroadcastTo | x d:output:0 | T=t:1 Tidx=t:9"},
     "y:output:0",
     0},
    {"BroadcastTo below 0",
     {"d Const | | dtype=t:3 value=v:3:4:-1,8,8,3", "y BroadcastTo | x d:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"Range to the end of int64",
     {"s Const | | dtype=t:9 value=v:9::-9223372036854775808", "l Const | | dtype=t:9 value=v:9::9223372036854775807",
      "d Const | | dtype=t:9 value=v:9::1", "y Range | s:output:0 l:output:0 d:output:0 | Tidx=t:9",
      "z Cast | y:output:0 | SrcT=t:9 DstT=t:1"},
     "z:y:0",
     0},
    {"Range by 0",
     {"s Const | | dtype=t:3 value=v:3::0", "l Const | | dtype=t:3 value=v:3::1", "d Const | | dtype=t:3 value=v:3::0",
      "y Range | s:output:0 l:output:0 d:output:0 | Tidx=t:3", "z Cast | y:output:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     0},
    {"Range by a float of no size",
     {"s Const | | dtype=t:1 value=v:1::0", "l Const | | dtype=t:1 value=v:1::inf",
      "d Const | | dtype=t:1 value=v:1::1e-38", "y Range | s:output:0 l:output:0 d:output:0 | Tidx=t:1"},
     "y:output:0",
     0},
    {"Range of NaN",
     {"s Const | | dtype=t:1 value=v:1::nan", "l Const | | dtype=t:1 value=v:1::1",
      "d Const | | dtype=t:1 value=v:1::1", "y Range | s:output:0 l:output:0 d:output:0 | Tidx=t:1"},
     "y:output:0",
     OK_OR_ERROR},
    {"Pad by int64 max",
     {"p Const | | dtype=t:9 value=v:9:4,2:9223372036854775807,9223372036854775807,0,0,0,0,0,0",
      "y Pad | x p:output:0 | T=t:1 Tpaddings=t:9"},
     "y:output:0",
     0},
    {"Pad below 0",
     {"p Const | | dtype=t:3 value=v:3:4,2:-1,0,0,0,0,0,0,0", "y Pad | x p:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"MirrorPad beyond",
     {"p Const | | dtype=t:3 value=v:3:4,2:2147483647,0,0,0,0,0,0,0",
      "y MirrorPad | x p:output:0 | T=t:1 mode=s:SYMMETRIC"},
     "y:output:0",
     0},
    {"OneHot of 2^31",
     {"i Const | | dtype=t:3 value=v:3:4:0,1,2,3", "d Const | | dtype=t:3 value=v:3::2147483647",
      "n Const | | dtype=t:1 value=v:1::1", "y OneHot | i:output:0 d:output:0 n:output:0 n:output:0 | T=t:1 TI=t:3"},
     "y:output:0",
     0},
    {"OneHot below 0",
     {"i Const | | dtype=t:3 value=v:3:1:0", "d Const | | dtype=t:3 value=v:3::-5",
      "n Const | | dtype=t:1 value=v:1::1", "y OneHot | i:output:0 d:output:0 n:output:0 n:output:0 | T=t:1 TI=t:3"},
     "y:output:0",
     0},
    {"resize to 2^31",
     {"d Const | | dtype=t:3 value=v:3:2:2147483647,2147483647", "y ResizeBilinear | x d:output:0 | T=t:1"},
     "y:resized_images:0",
     0},
    {"resize to below 0",
     {"d Const | | dtype=t:3 value=v:3:2:-8,8", "y ResizeBilinear | x d:output:0 | T=t:1"},
     "y:resized_images:0",
     0},
    {"resize to 0",
     {"d Const | | dtype=t:3 value=v:3:2:0,8", "y ResizeNearestNeighbor | x d:output:0 | T=t:1"},
     "y:resized_images:0",
     0},
    {"Einsum that multiplies all",
     {"y Einsum | x x | T=t:1 N=i:2 equation=s:abcd,efgh->abcdefgh"},
     "y:output:0",
     OK_OR_ERROR},
    {"Reshape -1 of 0",
     {"e Const | | dtype=t:3 value=v:3:2:0,-1", "y Reshape | x e:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"Reshape to overflow",
     {"e Const | | dtype=t:9 value=v:9:3:-1,4611686018427387904,4", "y Reshape | x e:output:0 | T=t:1 Tshape=t:9"},
     "y:output:0",
     0},
    {"Reshape below -1",
     {"e Const | | dtype=t:3 value=v:3:2:-2,-192", "y Reshape | x e:output:0 | T=t:1"},
     "y:output:0",
     0},
    {"StridedSlice at the ends of int32",
     {"b Const | | dtype=t:3 value=v:3:4:-2147483648,2147483647,0,0",
      "e Const | | dtype=t:3 value=v:3:4:2147483647,-2147483648,8,3",
      "s Const | | dtype=t:3 value=v:3:4:2147483647,-2147483648,-2147483648,1",
      "y StridedSlice | x b:output:0 e:output:0 s:output:0 | T=t:1 Index=t:3"},
     "y:output:0",
     OK_OR_ERROR},
    {"StridedSlice at the ends of int64",
     {"b Const | | dtype=t:9 value=v:9:2:-9223372036854775808,9223372036854775807",
      "e Const | | dtype=t:9 value=v:9:2:9223372036854775807,-9223372036854775808",
      "s Const | | dtype=t:9 value=v:9:2:9223372036854775807,-9223372036854775808",
      "y StridedSlice | x b:output:0 e:output:0 s:output:0 | T=t:1 Index=t:9"},
     "y:output:0",
     OK_OR_ERROR},
    {"StridedSlice by 0",
     {"b Const | | dtype=t:3 value=v:3:1:0", "e Const | | dtype=t:3 value=v:3:1:1",
      "s Const | | dtype=t:3 value=v:3:1:0", "y StridedSlice | x b:output:0 e:output:0 s:output:0 | T=t:1 Index=t:3"},
     "y:output:0",
     0},
    {"Slice at the ends of int64",
     {"b Const | | dtype=t:9 value=v:9:4:9223372036854775807,0,0,0",
      "e Const | | dtype=t:9 value=v:9:4:9223372036854775807,1,1,1",
      "y Slice | x b:output:0 e:output:0 | T=t:1 Index=t:9"},
     "y:output:0",
     0},
    {"GatherV2 out of range",
     {"i Const | | dtype=t:3 value=v:3:2:0,2147483647", "a Const | | dtype=t:3 value=v:3::0",
      "y GatherV2 | x i:output:0 a:output:0 | Tparams=t:1 Tindices=t:3 Taxis=t:3"},
     "y:output:0",
     0},
    {"GatherV2 below 0",
     {"i Const | | dtype=t:3 value=v:3:2:0,-1", "a Const | | dtype=t:3 value=v:3::0",
      "y GatherV2 | x i:output:0 a:output:0 | Tparams=t:1 Tindices=t:3 Taxis=t:3"},
     "y:output:0",
     0},
    {"FloorDiv by 0",
     {"a Const | | dtype=t:3 value=v:3:2:1,2", "b Const | | dtype=t:3 value=v:3:2:0,1",
      "y FloorDiv | a:output:0 b:output:0 | T=t:3", "z Cast | y:z:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     0},
    {"FloorMod by 0",
     {"a Const | | dtype=t:9 value=v:9::1", "b Const | | dtype=t:9 value=v:9::0",
      "y FloorMod | a:output:0 b:output:0 | T=t:9", "z Cast | y:z:0 | SrcT=t:9 DstT=t:1"},
     "z:y:0",
     0},
    {"FloorDiv of the least int32 by -1",
     {"a Const | | dtype=t:3 value=v:3::-2147483648", "b Const | | dtype=t:3 value=v:3::-1",
      "y FloorDiv | a:output:0 b:output:0 | T=t:3", "z Cast | y:z:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     OK_OR_ERROR},
    {"FloorMod of the least int64 by -1",
     {"a Const | | dtype=t:9 value=v:9::-9223372036854775808", "b Const | | dtype=t:9 value=v:9::-1",
      "y FloorMod | a:output:0 b:output:0 | T=t:9", "z Cast | y:z:0 | SrcT=t:9 DstT=t:1"},
     "z:y:0",
     OK_OR_ERROR},
    {"Mul and Neg and Abs that overflow",
     {"a Const | | dtype=t:3 value=v:3::-2147483648", "y Mul | a:output:0 a:output:0 | T=t:3",
      "n Neg | a:output:0 | T=t:3", "s Sub | n:y:0 y:z:0 | T=t:3", "b Abs | s:z:0 | T=t:3",
      "z Cast | b:y:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     OK_OR_ERROR},
    {"Pow below 0",
     {"a Const | | dtype=t:3 value=v:3::0", "b Const | | dtype=t:3 value=v:3::-1",
      "y Pow | a:output:0 b:output:0 | T=t:3", "z Cast | y:z:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     OK_OR_ERROR},
    {"Pow that is large",
     {"a Const | | dtype=t:9 value=v:9::3", "b Const | | dtype=t:9 value=v:9::9223372036854775807",
      "y Pow | a:output:0 b:output:0 | T=t:9", "z Cast | y:z:0 | SrcT=t:9 DstT=t:1"},
     "z:y:0",
     OK_OR_ERROR},
    {"Cast of NaN as a size",
     {"a Const | | dtype=t:1 value=v:1:1:nan", "d Cast | a:output:0 | SrcT=t:1 DstT=t:3",
      "v Const | | dtype=t:1 value=v:1::1", "y Fill | d:y:0 v:output:0 | T=t:1"},
     "y:output:0",
     OK_OR_ERROR},
    {"Cast of infinity as a size",
     {"a Const | | dtype=t:1 value=v:1:1:inf", "d Cast | a:output:0 | SrcT=t:1 DstT=t:9",
      "v Const | | dtype=t:1 value=v:1::1", "y Fill | d:y:0 v:output:0 | T=t:1 index_type=t:9"},
     "y:output:0",
     OK_OR_ERROR},
    {"a size that overflows in int32",
     {"a Const | | dtype=t:3 value=v:3:1:65536", "m Mul | a:output:0 a:output:0 | T=t:3",
      "v Const | | dtype=t:1 value=v:1::1", "y Fill | m:z:0 v:output:0 | T=t:1"},
     "y:output:0",
     OK_OR_ERROR},
    {"SpaceToBatchND by huge blocks",
     {"b Const | | dtype=t:9 value=v:9:2:9223372036854775807,2",
      "p Const | | dtype=t:9 value=v:9:2,2:9223372036854775807,0,0,0",
      "y SpaceToBatchND | x b:output:0 p:output:0 | T=t:1 Tblock_shape=t:9 Tpaddings=t:9"},
     "y:output:0",
     0},
    {"BatchToSpaceND by 0",
     {"b Const | | dtype=t:3 value=v:3:2:0,0", "p Const | | dtype=t:3 value=v:3:2,2:0,0,0,0",
      "y BatchToSpaceND | x b:output:0 p:output:0 | T=t:1 Tblock_shape=t:3 Tcrops=t:3"},
     "y:output:0",
     0},
    {"DepthToSpace by the largest int",
     {"y DepthToSpace | x | T=t:1 block_size=i:9223372036854775807"},
     "y:output:0",
     0},
    {"SpaceToDepth by 2^32", {"y SpaceToDepth | x | T=t:1 block_size=i:4294967296"}, "y:output:0", 0},
    {"MaxPool with a huge window",
     {"y MaxPool | x | T=t:1 ksize=l:1,9223372036854775807,9223372036854775807,1 strides=l:1,1,1,1 padding=s:SAME"},
     "y:output:0",
     OK_OR_ERROR},
    {"MaxPool by a stride of 2^32",
     {"y MaxPool | x | T=t:1 ksize=l:1,2,2,1 strides=l:1,4294967297,4294967297,1 padding=s:SAME"},
     "y:output:0",
     OK_OR_ERROR},
    {"AvgPool by a stride below 0",
     {"y AvgPool | x | T=t:1 ksize=l:1,2,2,1 strides=l:1,-2,-2,1 padding=s:SAME"},
     "y:output:0",
     0},
    {"Conv2D with a huge dilation",
     {"k Const | | dtype=t:1 value=v:1:3,3,3,4:0.5", "y Conv2D | x k:output:0 | T=t:1 strides=l:1,1,1,1 padding=s:SAME "
                                                     "dilations=l:1,9223372036854775807,4294967296,1"},
     "y:output:0",
     OK_OR_ERROR},
    {"Conv2D with huge padding",
     {"k Const | | dtype=t:1 value=v:1:3,3,3,4:0.5",
      "y Conv2D | x k:output:0 | T=t:1 strides=l:1,1,1,1 padding=s:EXPLICIT "
      "explicit_paddings=l:0,0,9223372036854775807,9223372036854775807,0,0,0,0"},
     "y:output:0",
     0},
    {"Conv2D with 1 GB of padding",
     {"k Const | | dtype=t:1 value=v:1:3,3,3,4:0.5",
      "y Conv2D | x k:output:0 | T=t:1 strides=l:1,1,1,1 padding=s:EXPLICIT "
      "explicit_paddings=l:0,0,8000,8000,8000,8000,0,0"},
     "y:output:0",
     0},
    {"ExtractImagePatches with huge rates",
     {"y ExtractImagePatches | x | T=t:1 ksizes=l:1,3,3,1 strides=l:1,1,1,1 rates=l:1,4294967296,9223372036854775807,1 "
      "padding=s:SAME"},
     "y:patches:0",
     OK_OR_ERROR},
    {"Split into 0",
     {"a Const | | dtype=t:3 value=v:3::0", "y Split | a:output:0 x | T=t:1 num_split=i:0"},
     "y:output:0",
     0},
    {"Split into 2^23 + 1",
     {"a Const | | dtype=t:3 value=v:3::0", "y Split | a:output:0 x | T=t:1 num_split=i:8388609"},
     "y:output:0",
     0},
    {"SplitV below 0",
     {"n Const | | dtype=t:3 value=v:3:2:-5,7", "a Const | | dtype=t:3 value=v:3::0",
      "y SplitV | x n:output:0 a:output:0 | T=t:1 Tlen=t:3 num_split=i:2"},
     "y:output:0",
     0},
    {"TopKV2 of 2^31",
     {"k Const | | dtype=t:3 value=v:3::2147483647", "y TopKV2 | x k:output:0 | T=t:1"},
     "y:values:0",
     0},
    {"ArgMax of an axis far out",
     {"a Const | | dtype=t:3 value=v:3::-2147483648", "y ArgMax | x a:output:0 | T=t:1 Tidx=t:3",
      "z Cast | y:output:0 | SrcT=t:9 DstT=t:1"},
     "z:y:0",
     0},
    {"Roll by the least int64",
     {"s Const | | dtype=t:9 value=v:9:1:-9223372036854775808", "a Const | | dtype=t:9 value=v:9:1:1",
      "y Roll | x s:output:0 a:output:0 | T=t:1 Tshift=t:9 Taxis=t:9"},
     "y:output:0",
     OK_OR_ERROR},
    {"RandomUniform huge",
     {"d Const | | dtype=t:9 value=v:9:2:4294967296,4294967296", "y RandomUniform | d:output:0 | T=t:9 dtype=t:1"},
     "y:output:0",
     0},
    {"Transpose by a permutation that is none",
     {"p Const | | dtype=t:3 value=v:3:4:0,0,2147483647,-1", "y Transpose | x p:output:0 | T=t:1 Tperm=t:3"},
     "y:y:0",
     0},
    {"LRN with a huge radius", {"y LRN | x | T=t:1 depth_radius=i:9223372036854775807"}, "y:output:0", OK_OR_ERROR},
    {"ScatterNd to huge",
     {"i Const | | dtype=t:3 value=v:3:1,1:0", "u Const | | dtype=t:1 value=v:1:1:1",
      "d Const | | dtype=t:3 value=v:3:1:2147483647",
      "y ScatterNd | i:output:0 u:output:0 d:output:0 | T=t:1 Tindices=t:3"},
     "y:output:0",
     0},
    {"a graph of ops that grow what is constant",
     {"d Const | | dtype=t:3 value=v:3:1:16000", "v Const | | dtype=t:3 value=v:3::1",
      "a Fill | d:output:0 v:output:0 | T=t:3", "m Const | | dtype=t:3 value=v:3:1:16000",
      "b Tile | a:output:0 m:output:0 | T=t:3", "z Cast | b:output:0 | SrcT=t:3 DstT=t:1"},
     "z:y:0",
     0},
};

static void ops_at_the_ends_of_their_range_end_soon(void **state)
{
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < LI_COUNT(op_cases); i++) {
        const struct op_case *c = &op_cases[i];
        struct attempt a;
        begin(&a);
        argument(&a.forge, IMAGES);
        for (size_t k = 0; k < LI_COUNT(c->nodes) && c->nodes[k]; k++) {
            put_line(&a.forge, c->nodes[k]);
        }
        result(&a.forge, "r", c->result);
        function(&a.forge, "f");
        lince_status st = finish(&a, "f", &images, 1);
        bool unknown = st == LINCE_EUNSUPPORTED && strstr(a.err.text, "needs what is not supported");
        if (getenv("LINCE_TELL")) {
            print_message("%-45s %s\n", c->what, st ? a.err.text : "OK");
        }
        if ((st == LINCE_OK && c->allowed != OK_OR_ERROR) || unknown) {
            print_error("%s: %s\n", c->what, st ? a.err.text : "was accepted");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
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
        cmocka_unit_test(ops_at_the_ends_of_their_range_end_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
