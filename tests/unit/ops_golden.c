/*
 * Every op against what TensorFlow answered (tests/golden/ops): forward on each instruction set, in place against
 * apart, cut into tasks against whole, and gradients. Ops and gradients that we do not have stand by name in the lists
 * below.
 */
#include "test.h"

#include "graph/graph.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <jansson.h>
#include <math.h>

#define FOLDER LINCE_TEST_DATA "/golden/ops/"

enum { MOST = 16 };

static const char *const no_row[] = {"CropAndResize", "SoftmaxCrossEntropyWithLogits",
                                     "SparseSoftmaxCrossEntropyWithLogits"};

/* They wait for training. */

static json_t *cases;
static int complaints; /* of the running test, which goes on, so that one run shows all */

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
    char text[LINCE_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    print_message("%s\n", text);
    complaints++;
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static lince_dtype dtype_named(const char *name)
{
    for (int d = 1; d < 32; d++) {
        if (strcmp(li_dtype_name((lince_dtype)d), name) == 0) {
            return (lince_dtype)d;
        }
    }
    fail_msg("no dtype is called %s", name);
    return LINCE_DTYPE_NONE;
}

/* ---- Arrays ---- */

/* A record of a .npys file; data is aligned and freed with free(). */
static struct li_tensor read_array(json_t *entry)
{
    char path[1024];
    uint8_t head[10];
    struct li_tensor t = {.dtype = dtype_named(json_string_value(json_object_get(entry, "dtype")))};
    json_t *shape = json_object_get(entry, "shape");
    t.shape.rank = (int)json_array_size(shape);
    for (int i = 0; i < t.shape.rank; i++) {
        t.shape.dim[i] = json_integer_value(json_array_get(shape, (size_t)i));
    }
    t.size_bytes = (size_t)li_shape_count(&t.shape) * li_dtype_size(t.dtype);
    snprintf(path, sizeof(path), "%s%s", FOLDER, json_string_value(json_object_get(entry, "file")));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, (long)json_integer_value(json_object_get(entry, "offset")), SEEK_SET), 0);
    assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
    assert_memory_equal(head, "\x93NUMPY", 6);
    assert_int_equal(fseek(f, head[8] + head[9] * 256, SEEK_CUR), 0);
    t.data = aligned_alloc(64, (t.size_bytes / 64 + 1) * 64);
    assert_non_null(t.data);
    assert_int_equal(fread(t.data, 1, t.size_bytes, f), t.size_bytes);
    fclose(f);
    return t;
}

static void compare(const char *what, const struct li_tensor *got, const struct li_tensor *want, json_t *tolerance)
{
    char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
    double atol = json_number_value(json_object_get(tolerance, "atol")),
           rtol = json_number_value(json_object_get(tolerance, "rtol"));
    if (got->dtype != want->dtype || !li_shape_equal(&got->shape, &want->shape)) {
        complain("%s: %s %s, wanted %s %s", what, li_dtype_name(got->dtype), li_shape_text(&got->shape, a),
                 li_dtype_name(want->dtype), li_shape_text(&want->shape, b));
        return;
    }
    if (!li_dtype_is_float(got->dtype) || !json_object_get(tolerance, "atol")) {
        if (memcmp(got->data, want->data, want->size_bytes) != 0) {
            complain("%s: not equal", what);
        }
        return;
    }
    for (int64_t i = 0; i < li_shape_count(&want->shape); i++) {
        double x = li_tensor_float(got, i), y = li_tensor_float(want, i);
        bool same = x == y || (isnan(x) && isnan(y)) || fabs(x - y) <= atol + rtol * fabs(y);
        if (!same) {
            complain("%s: element %lld is %.9g, wanted %.9g", what, (long long)i, x, y);
            return;
        }
    }
}

/* ---- Attributes ---- */

struct attributes {
    struct li_attr list[MOST];
    int64_t ints[MOST][16];
    int count;
};

static void read_attribute(struct attributes *to, const struct li_attr_spec *spec, json_t *value)
{
    int i = to->count++;
    struct li_attr *a = &to->list[i];
    *a = (struct li_attr){.name = spec->name, .kind = spec->kind};
    switch (spec->kind) {
    case LI_ATTR_INT:
        a->i = json_integer_value(value);
        break;
    case LI_ATTR_FLOAT:
        a->f = json_number_value(value);
        break;
    case LI_ATTR_BOOL:
        a->i = json_is_true(value);
        break;
    case LI_ATTR_STRING:
        a->s = json_string_value(value);
        a->s_len = strlen(a->s);
        break;
    case LI_ATTR_TYPE:
        a->i = dtype_named(json_string_value(value));
        break;
    case LI_ATTR_INTS:
        a->count = json_array_size(value);
        a->ints = to->ints[i];
        for (size_t k = 0; k < a->count; k++) {
            to->ints[i][k] = json_integer_value(json_array_get(value, k));
        }
        break;
    default:
        fail_msg("no way to read attribute %s", spec->name);
    }
}

/* Those given, and the types that follow from the inputs. */
static void read_attributes(struct attributes *to, const struct li_op *op, json_t *attrs, lince_dtype dtype)
{
    const char *name;
    json_t *value;
    to->count = 0;
    json_object_foreach(attrs, name, value)
    {
        const struct li_attr_spec *spec = op->attrs;
        while (spec && spec->name && strcmp(spec->name, name) != 0) {
            spec++;
        }
        if (!spec || !spec->name) {
            fail_msg("%s: attribute %s is in no spec", op->name, name);
        }
        read_attribute(to, spec, value);
    }
    for (const struct li_attr_spec *spec = op->attrs; spec && spec->name; spec++) {
        if (spec->kind == LI_ATTR_TYPE && !spec->fallback && !json_object_get(attrs, spec->name)) {
            to->list[to->count++] = (struct li_attr)LI_TYPE(spec->name, dtype);
        }
    }
}

/* ---- One case on a bench ---- */

struct bench {
    struct li_mem *mem;
    struct li_store *store;
    struct li_graph *graph;
    struct li_env env;
    lince_error err;
    char what[128];
    struct li_tensor in[MOST];
    int nin;
    struct li_node *node;
};

static bool open_bench(struct bench *b, json_t *item, const struct li_op *op, enum li_isa isa)
{
    struct attributes attributes;
    json_t *entry;
    size_t i;
    li_vid ids[MOST];
    *b = (struct bench){.mem = li_mem_new(NULL, NULL, NULL, 0)};
    snprintf(b->what, sizeof(b->what), "%s on %s", json_string_value(json_object_get(item, "id")), li_isa_name(isa));
    b->env = (struct li_env){.kernels = li_kernels_get(isa), .isa = isa, .mem = b->mem};
    assert_int_equal(li_store_new(&b->store, b->mem, &b->err), LINCE_OK);
    assert_int_equal(li_graph_new(&b->graph, b->store, li_ops(), b->mem, &b->err), LINCE_OK);
    b->graph->env = &b->env;
    json_array_foreach(json_object_get(item, "inputs"), i, entry)
    {
        b->in[b->nin] = read_array(entry);
        assert_int_equal(li_graph_constant(b->graph, &b->in[b->nin], &ids[b->nin], &b->err), LINCE_OK);
        b->nin++;
    }
    read_attributes(&attributes, op, json_object_get(item, "attrs"), b->in[0].dtype);
    bool failed = li_graph_append(b->graph, op, "x", ids, b->nin, attributes.list, attributes.count, &b->node, &b->err);
    struct li_infer s = {.graph = b->graph, .node = b->node, .env = &b->env, .err = &b->err};
    if (failed || op->shape(&s)) {
        complain("%s: %s", b->what, b->err.text);
        return false;
    }
    li_graph_default_views(b->graph);
    return true;
}

static void close_bench(struct bench *b)
{
    for (int i = 0; i < b->nin; i++) {
        free(b->in[i].data);
    }
    li_graph_free(b->graph);
    li_store_release(b->store);
    assert_int_equal(li_mem_used_bytes(b->mem), 0);
    li_mem_release(b->mem);
}

static void compare_outputs(const struct bench *b, json_t *item, const struct li_tensor *out)
{
    json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(item, "outputs"), i, entry)
    {
        char what[160];
        struct li_tensor want = read_array(entry);
        snprintf(what, sizeof(what), "%s, output %zu", b->what, i);
        assert_true((int)i < b->node->nout);
        compare(what, &out[i], &want, entry);
        free(want.data);
    }
}

static void run_apart(struct bench *b, json_t *item)
{
    struct li_tensor out[MOST];
    if (li_node_eval(b->graph, b->node, b->in, out, &b->env, &b->err)) {
        complain("%s: %s", b->what, b->err.text);
        return;
    }
    compare_outputs(b, item, out);
    for (int i = 0; i < b->node->nout; i++) {
        li_free(b->mem, out[i].data);
    }
}

static void operand(struct bench *b, struct li_operand *o, li_vid v, void *data)
{
    const struct li_value *value = &b->graph->values[v];
    *o = (struct li_operand){data, value->dtype, &value->shape, value->view.stride, &value->view};
}

/* Run by hand: with more tasks than planned, and output 0 where input 0 lies. */
static void run_by_hand(struct bench *b, json_t *item, int64_t tasks, bool in_place)
{
    struct li_operand in[MOST], out[MOST];
    struct li_tensor result[MOST];
    struct li_arena arena;
    const struct li_op *op = b->node->op;
    li_arena_init(&arena, b->mem, 0);
    for (int i = 0; i < b->nin; i++) {
        operand(b, &in[i], b->node->in[i], b->in[i].data);
    }
    for (int i = 0; i < b->node->nout; i++) {
        const struct li_value *v = &b->graph->values[b->node->out[i]];
        result[i] = (struct li_tensor){.dtype = v->dtype, .shape = v->shape};
        assert_int_equal(li_shape_bytes(&v->shape, v->dtype, &result[i].size_bytes, &b->err), LINCE_OK);
        result[i].data = li_arena_alloc(&arena, LI_MAX(result[i].size_bytes, 1), &b->err);
        assert_non_null(result[i].data);
        memset(result[i].data, 0x5b, result[i].size_bytes);
        operand(b, &out[i], b->node->out[i], result[i].data);
    }
    if (in_place) {
        memcpy(result[0].data, b->in[0].data, b->in[0].size_bytes);
        in[0].data = result[0].data;
    }
    struct li_prepare p = {
        .graph = b->graph, .node = b->node, .env = &b->env, .arena = &arena, .err = &b->err, .tasks = 1};
    assert_int_equal(op->prepare ? op->prepare(&p) : LINCE_OK, LINCE_OK);
    int64_t count = op->prepare && !p.plan ? LI_MAX(p.tasks, tasks) : p.tasks;
    void *scratch = li_alloc(b->mem, p.scratch_bytes, &b->err);
    for (int64_t task = count - 1; task >= 0; task--) {
        struct li_call c = {.node = b->node,
                            .in = in,
                            .out = out,
                            .plan = p.plan,
                            .task = task,
                            .tasks = count,
                            .scratch = scratch,
                            .kernels = b->env.kernels,
                            .err = &b->err};
        if (op->forward(&c)) {
            complain("%s: %s", b->what, b->err.text);
        }
    }
    compare_outputs(b, item, result);
    li_free(b->mem, scratch);
    li_arena_free(&arena);
}

static bool runs(enum li_isa isa)
{
    return isa <= li_cpu_isa() && li_kernels_get(isa)->isa == isa;
}

/* ---- Forward ---- */

static void forward(enum li_isa isa)
{
    json_t *item;
    size_t i, ran = 0;
    complaints = 0;
    if (!runs(isa)) {
        skip();
    }
    json_array_foreach(cases, i, item)
    {
        const struct li_op *op = li_ops_find(li_ops(), json_string_value(json_object_get(item, "op")));
        struct bench b;
        if (!op) {
            continue;
        }
        bool ready = open_bench(&b, item, op, isa);
        if (ready) {
            run_apart(&b, item);
        }
        if (ready && op->forward && !(op->flags & LI_OP_ALIAS)) {
            const struct li_value *to = &b.graph->values[b.node->out[0]];
            run_by_hand(&b, item, 3, false);
            bool one_size = to->dtype == b.in[0].dtype && li_shape_equal(&to->shape, &b.in[0].shape);
            if ((op->flags & LI_OP_INPLACE) && one_size) {
                run_by_hand(&b, item, 1, true);
                run_by_hand(&b, item, 3, true);
            }
        }
        close_bench(&b);
        ran++;
    }
    print_message("%zu cases\n", ran);
    assert_int_equal(complaints, 0);
    assert_true(ran > 400);
}

static void forward_matches_tensorflow_on_ref(void **state)
{
    (void)state;
    forward(LI_ISA_REF);
}

static void forward_matches_tensorflow_on_avx2(void **state)
{
    (void)state;
    forward(LI_ISA_AVX2);
}

static void forward_matches_tensorflow_on_avx512(void **state)
{
    (void)state;
    forward(LI_ISA_AVX512);
}

static void ops_without_a_row_are_the_listed_ones(void **state)
{
    (void)state;
    json_t *item;
    size_t i;
    bool seen[LI_COUNT(no_row)] = {false};
    json_array_foreach(cases, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "op"));
        bool has = li_ops_find(li_ops(), name) != NULL;
        if (has == listed(no_row, LI_COUNT(no_row), name)) {
            fail_msg("%s has %s row", name, has ? "a" : "no");
        }
        for (size_t k = 0; k < LI_COUNT(no_row); k++) {
            seen[k] = seen[k] || strcmp(no_row[k], name) == 0;
        }
    }
    for (size_t k = 0; k < LI_COUNT(no_row); k++) {
        assert_true(seen[k]);
    }
}

/* ---- Gradients ---- */

/* All nodes in order; what each value holds. */
static void run_all(struct bench *b, struct li_tensor *content)
{
    for (int32_t v = 0; v < b->graph->value_count; v++) {
        content[v] = b->graph->values[v].constant ? *b->graph->values[v].constant : (struct li_tensor){.data = NULL};
    }
    for (int32_t n = 0; n < b->graph->node_count; n++) {
        const struct li_node *node = &b->graph->nodes[n];
        struct li_tensor in[MOST], out[MOST];
        for (int i = 0; i < node->nin; i++) {
            in[i] = content[node->in[i]];
        }
        if (li_node_eval(b->graph, node, in, out, &b->env, &b->err)) {
            fail_msg("%s: %s", b->what, b->err.text);
        }
        for (int i = 0; i < node->nout; i++) {
            if (b->graph->values[node->out[i]].constant) {
                li_free(b->mem, out[i].data);
            } else {
                content[node->out[i]] = out[i];
            }
        }
    }
}

/* Which of the case's inputs an entry of "gradients" speaks of. */
static int input_of(json_t *item, json_t *gradient)
{
    json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(item, "inputs"), i, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "arg")),
                   json_string_value(json_object_get(gradient, "arg"))) == 0 &&
            json_integer_value(json_object_get(entry, "index")) ==
                json_integer_value(json_object_get(gradient, "index"))) {
            return (int)i;
        }
    }
    fail_msg("a gradient of no input");
    return 0;
}

static void differentiate(struct bench *b, json_t *item)
{
    struct li_node node = *b->node;
    struct li_tensor upstream[MOST], *content;
    li_vid dy[MOST], dx[MOST];
    json_t *entry;
    size_t i, count = 0;
    for (int k = 0; k < MOST; k++) {
        dy[k] = dx[k] = LI_NONE;
    }
    json_array_foreach(json_object_get(item, "upstream"), i, entry)
    {
        upstream[count] = read_array(entry);
        assert_int_equal(li_graph_constant(b->graph, &upstream[count],
                                           &dy[json_integer_value(json_object_get(entry, "output"))], &b->err),
                         LINCE_OK);
        count++;
    }
    struct li_grad g = {
        .graph = b->graph, .node = &node, .in = node.in, .out = node.out, .dy = dy, .dx = dx, .err = &b->err};
    if (node.op->grad(&g)) {
        complain("%s, gradient: %s", b->what, b->err.text);
        for (size_t k = 0; k < count; k++) {
            free(upstream[k].data);
        }
        return;
    }
    content = calloc((size_t)b->graph->value_count, sizeof(*content));
    assert_non_null(content);
    run_all(b, content);
    json_array_foreach(json_object_get(item, "gradients"), i, entry)
    {
        char what[160];
        int k = input_of(item, entry);
        snprintf(what, sizeof(what), "%s, gradient of input %d", b->what, k);
        if (json_object_get(entry, "none")) {
            continue;
        }
        if (dx[k] == LI_NONE) {
            complain("%s: none", what);
            continue;
        }
        struct li_tensor want = read_array(entry);
        compare(what, &content[dx[k]], &want, entry);
        free(want.data);
    }
    for (int32_t v = 0; v < b->graph->value_count; v++) {
        if (!b->graph->values[v].constant) {
            li_free(b->mem, content[v].data);
        }
    }
    free(content);
    for (size_t k = 0; k < count; k++) {
        free(upstream[k].data);
    }
}

/* Where nothing flows, TensorFlow says that there is none, or that it is zero (Sign). */
static void expect_nothing(json_t *item, const char *name)
{
    json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(item, "gradients"), i, entry)
    {
        if (json_object_get(entry, "none")) {
            continue;
        }
        struct li_tensor want = read_array(entry);
        for (int64_t k = 0; k < li_shape_count(&want.shape); k++) {
            if (li_tensor_float(&want, k) != 0) {
                complain("%s has a gradient in TensorFlow", name);
            }
        }
        free(want.data);
    }
}

static void gradients_match_tensorflow(void **state)
{
    (void)state;
    json_t *item;
    size_t i, compared = 0;
    complaints = 0;
    json_array_foreach(cases, i, item)
    {
        const char *name = json_string_value(json_object_get(item, "op"));
        const struct li_op *op = li_ops_find(li_ops(), name);
        struct bench b;
        if (!op || json_array_size(json_object_get(item, "gradients")) == 0) {
            continue;
        }
        if (!op->grad) {
            complain("%s has no gradient", name);
        }
        if (op->grad == li_grad_none) {
            expect_nothing(item, name);
        }
        if (!op->grad || op->grad == li_grad_none) {
            continue;
        }
        if (open_bench(&b, item, op, li_cpu_isa())) {
            differentiate(&b, item);
        }
        close_bench(&b);
        compared++;
    }
    print_message("%zu cases\n", compared);
    assert_int_equal(complaints, 0);
    assert_true(compared > 100);
}

/* ---- The table ---- */

static void rows_are_sorted_and_whole(void **state)
{
    (void)state;
    const struct li_ops *ops = li_ops();
    for (int i = 0; i < ops->count; i++) {
        const struct li_op *op = ops->rows[i];
        if (i > 0) {
            assert_true(strcmp(ops->rows[i - 1]->name, op->name) < 0);
        }
        assert_ptr_equal(li_ops_find(ops, op->name), op);
        assert_non_null(op->shape || op->control);
        bool plain_read = (op->effects & LI_EFFECT_READ) != 0;
        bool placeholder = strcmp(op->name, "Placeholder") == 0;
        assert_true(op->forward || op->control || (op->flags & LI_OP_ALIAS) || plain_read || placeholder);
        assert_int_equal((op->flags & LI_OP_INTERNAL) != 0, strncmp(op->name, "_Li", 3) == 0);
    }
}

static int load(void **state)
{
    (void)state;
    json_error_t error;
    cases = json_load_file(FOLDER "ops.json", 0, &error);
    if (!cases) {
        print_message("%s, line %d: %s\n", error.source, error.line, error.text);
    }
    return cases ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    json_decref(cases);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_and_whole),
        cmocka_unit_test(ops_without_a_row_are_the_listed_ones),
        cmocka_unit_test(forward_matches_tensorflow_on_ref),
        cmocka_unit_test(forward_matches_tensorflow_on_avx2),
        cmocka_unit_test(forward_matches_tensorflow_on_avx512),
        cmocka_unit_test(gradients_match_tensorflow),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
