/*
 * Each block of tests/ops is run five ways, on every instruction set of this machine: against its values; against the
 * reference kernels; the shape rule against what forward fills; in place against apart; and its gradient against
 * differences. How blocks are written stands in ops_case_file.h.
 */
#include "ops_case_run.h"

#include <dirent.h>
#include <math.h>

#define FOLDER LINCE_TEST_DATA "/ops"

enum { GUARD = 64, MOST_FILES = 64, SAMPLES = 48, STEEP = 1000 };

/* What was done; a way that nothing went would prove nothing. */
enum { MOST_ROWS = 512 };

struct tally {
    int cases, failures, fast, filled, in_place, slopes;
    bool checked[MOST_ROWS]; /* by row: its gradient was compared with a slope */
};

/* ---- Against values, and against the reference ---- */

static bool same_element(const struct li_tensor *got, const struct li_tensor *want, int64_t i, double tolerance)
{
    size_t size = li_dtype_size(want->dtype), at = (size_t)i * size;
    if (want->dtype == LINCE_STRING) {
        const lince_string *s = &((const lince_string *)got->data)[i], *t = &((const lince_string *)want->data)[i];
        return s->size == t->size && memcmp(s->data, t->data, s->size) == 0;
    }
    if (!li_dtype_is_float(want->dtype)) {
        return memcmp((const char *)got->data + at, (const char *)want->data + at, size) == 0;
    }
    double p = li_tensor_float(got, i), q = li_tensor_float(want, i);
    return p == q || (isnan(p) && isnan(q)) || fabs(p - q) <= tolerance * fmax(1, fabs(q));
}

static void compare(const struct case_block *b, const char *what, const struct li_tensor *got,
                    const struct case_array *wanted, double tolerance)
{
    const struct li_tensor *want = &wanted->tensor;
    char x[LI_SHAPE_TEXT], y[LI_SHAPE_TEXT];
    if (got->dtype != want->dtype || !li_shape_equal(&got->shape, &want->shape)) {
        fail_msg("%s:%d: %s %s is %s %s, wanted %s %s", b->file, b->line, b->op, what, li_dtype_name(got->dtype),
                 li_shape_text(&got->shape, x), li_dtype_name(want->dtype), li_shape_text(&want->shape, y));
    }
    for (int64_t i = 0; !wanted->any && i < li_shape_count(&want->shape); i++) {
        if (!same_element(got, want, i, tolerance)) {
            fail_msg("%s:%d: %s %s: element %lld is %g, wanted %g", b->file, b->line, b->op, what, (long long)i,
                     want->dtype == LINCE_STRING ? 0 : li_tensor_float(got, i),
                     want->dtype == LINCE_STRING ? 0 : li_tensor_float(want, i));
        }
    }
}

static void compare_outputs(const struct case_block *b, const struct run *r, const struct case_array *want,
                            const char *what, double tolerance)
{
    char text[32];
    for (int i = 0; i < b->nout; i++) {
        snprintf(text, sizeof text, "%s %d", what, i);
        compare(b, text, &r->content[r->inferred->outputs[i]], &want[i], tolerance);
    }
}

/* What the reference kernels made is kept for the others. */
static void keep_outputs(const struct case_block *b, const struct run *r, struct case_array *kept)
{
    for (int i = 0; i < b->nout; i++) {
        kept[i].tensor = r->content[r->inferred->outputs[i]];
        assert_true(kept[i].tensor.size_bytes <= CASE_BYTES);
        memcpy(kept[i].bytes, kept[i].tensor.data, kept[i].tensor.size_bytes);
        kept[i].tensor.data = kept[i].bytes;
        kept[i].any = false;
    }
}

static const char *status_word(lince_status st)
{
    return st == LI_DEFER ? "defers" : li_status_name(st);
}

static void check_failure(const struct case_block *b, const struct run *r, lince_status st)
{
    if (strcmp(status_word(st), b->wrong) != 0 || (st > 0 && !strstr(r->err.text, b->message))) {
        fail_msg("%s:%d: %s: %s %s; wanted %s %s", b->file, b->line, b->op, status_word(st), st > 0 ? r->err.text : "",
                 b->wrong, b->message);
    }
}

/* ---- Shape rule against result, in place against apart ---- */

/* Run the node's tasks, last one first, into buffers between guards. */
static void forward(struct run *r, const struct li_node *node, const struct li_tensor *in, char **buffer, bool in_place)
{
    struct li_graph *g = r->inferred;
    struct li_operand to[CASE_MOST], from[CASE_MOST];
    struct li_arena arena;
    li_arena_init(&arena, r->mem, 0);
    for (int i = 0; i < node->nin; i++) {
        struct li_value *v = &g->values[node->in[i]];
        from[i] = (struct li_operand){in[i].data, v->dtype, &v->shape, v->view.stride, &v->view};
    }
    for (int i = 0; i < node->nout; i++) {
        struct li_value *v = &g->values[node->out[i]];
        to[i] = (struct li_operand){buffer[i] + GUARD, v->dtype, &v->shape, v->view.stride, &v->view};
    }
    if (in_place) {
        memcpy(to[0].data, from[0].data, in[0].size_bytes);
        from[0].data = to[0].data;
    }
    struct li_prepare p = {.graph = g, .node = node, .env = &r->env, .arena = &arena, .err = &r->err, .tasks = 1};
    assert_int_equal(node->op->prepare ? node->op->prepare(&p) : LINCE_OK, LINCE_OK);
    void *scratch = li_alloc(r->mem, p.scratch_bytes, &r->err);
    assert_non_null(scratch);
    struct li_call c = {.node = node,
                        .in = from,
                        .out = to,
                        .plan = p.plan,
                        .tasks = p.tasks,
                        .scratch = scratch,
                        .kernels = r->env.kernels,
                        .err = &r->err};
    unsigned mode = li_subnormals_flush(); /* as everything that runs an op */
    for (c.task = c.tasks - 1; c.task >= 0; c.task--) {
        assert_int_equal(node->op->forward(&c), LINCE_OK);
    }
    li_subnormals_restore(mode);
    li_free(r->mem, scratch);
    li_arena_free(&arena);
}

/* All that the rule announced is written, with the bits of before, and nothing beside it. */
static void check_filled(const struct case_block *b, struct run *r, const struct li_node *node, int fill, bool in_place)
{
    char *buffer[CASE_MOST];
    struct li_tensor in[CASE_MOST];
    for (int i = 0; i < node->nin; i++) {
        in[i] = r->content[node->in[i]];
    }
    for (int i = 0; i < node->nout; i++) {
        size_t bytes = r->content[node->out[i]].size_bytes + 2 * (size_t)GUARD;
        buffer[i] = li_alloc(r->mem, bytes, &r->err);
        assert_non_null(buffer[i]);
        memset(buffer[i], fill, bytes);
    }
    forward(r, node, in, buffer, in_place);
    for (int i = 0; i < node->nout; i++) {
        const struct li_tensor *apart = &r->content[node->out[i]];
        for (int k = 0; k < GUARD; k++) {
            assert_int_equal((unsigned char)buffer[i][k], fill);
            assert_int_equal((unsigned char)buffer[i][GUARD + apart->size_bytes + (size_t)k], fill);
        }
        if (memcmp(buffer[i] + GUARD, apart->data, apart->size_bytes) != 0) {
            fail_msg("%s:%d: %s: output %d differs %s", b->file, b->line, b->op, i,
                     in_place ? "in place" : "with what lay in its memory");
        }
        li_free(r->mem, buffer[i]);
    }
}

static void check_memory(const struct case_block *b, struct run *r, struct tally *tally)
{
    li_graph_default_views(r->inferred);
    for (int32_t k = 0; k < r->inferred->node_count; k++) {
        const struct li_node *node = &r->inferred->nodes[k];
        unsigned state = LI_EFFECT_READ | LI_EFFECT_WRITE | LI_EFFECT_RANDOM | LI_EFFECT_LOOKUP;
        if (!node->op->forward || (node->op->flags & LI_OP_ALIAS) || (node->op->effects & state)) {
            continue;
        }
        check_filled(b, r, node, 0x00, false);
        check_filled(b, r, node, 0xff, false);
        tally->filled++;
        if ((node->op->flags & LI_OP_INPLACE) && node->nout == 1 &&
            r->content[node->in[0]].size_bytes == r->content[node->out[0]].size_bytes) {
            check_filled(b, r, node, 0xff, true);
            tally->in_place++;
        }
    }
}

/* ---- Gradient against differences ---- */

/* What arrives from above, for element i of output k: no two neighbours alike. */
static double arriving(int k, int64_t i)
{
    return 0.5 + (double)((i * 7 + k * 3 + 3) % 11) / 11;
}

static bool passes_gradient(const struct case_block *b, const struct li_value *v, int k)
{
    return (v->dtype == LINCE_FLOAT32 || v->dtype == LINCE_FLOAT64) && (b->dy == 0 || k < b->dy);
}

/* The sum of all outputs, weighted by what arrives. */
static double loss(struct run *r, const struct case_block *b)
{
    struct li_graph *g = r->inferred;
    double sum = 0;
    give_inputs(b, g, true, r->content);
    assert_int_equal(run_nodes(r, g, r->content, r->owned), LINCE_OK);
    for (int k = 0; k < g->output_count; k++) {
        const struct li_tensor *t = &r->content[g->outputs[k]];
        for (int64_t i = 0; passes_gradient(b, &g->values[g->outputs[k]], k) && i < li_shape_count(&t->shape); i++) {
            sum += arriving(k, i) * li_tensor_float(t, i);
        }
    }
    for (int32_t v = 0; v < g->value_count; v++) {
        if (r->owned[v]) {
            li_free(r->mem, r->content[v].data);
            r->owned[v] = false;
        }
    }
    return sum;
}

static double put_float(struct case_array *a, int64_t i, double x)
{
    if (a->tensor.dtype == LINCE_FLOAT64) {
        return ((double *)(void *)a->bytes)[i] = x;
    }
    return (double)(((float *)(void *)a->bytes)[i] = (float)x);
}

static void note_checked(struct tally *tally, const char *name)
{
    for (int i = 0; i < li_ops()->count; i++) {
        if (strcmp(li_ops()->rows[i]->name, name) == 0) {
            tally->checked[i] = true;
        }
    }
}

/* The slope of the loss between one element's values this far to both sides; what it is on either side. */
static double slope_between(struct run *r, struct case_block *b, int input, int64_t i, double step, double side[2])
{
    struct case_array *a = &b->in[input];
    double x = li_tensor_float(&a->tensor, i), middle = loss(r, b);
    double right = put_float(a, i, x + step), up = loss(r, b);
    double left = put_float(a, i, x - step), down = loss(r, b);
    put_float(a, i, x);
    side[0] = (middle - down) / (x - left);
    side[1] = (up - middle) / (right - x);
    return (up - down) / (right - left);
}

/*
 * The slope along one element, by steps of 2^-7 (of large ones, 2^-12 of them): what the third derivative and the
 * rounding of float32 leave is below 1e-3 for these sizes. False where there is no slope: at a corner the two sides
 * differ, beside one half the step gives another answer, and at a pole or a NaN the sides are huge or no numbers.
 */
static bool slope_along(struct run *r, struct case_block *b, int input, int64_t i, double *out)
{
    double side[2], closer[2], step = fmax(0x1p-7, fabs(li_tensor_float(&b->in[input].tensor, i)) * 0x1p-12);
    *out = slope_between(r, b, input, i, step, side);
    return fabs(side[0]) < STEEP && fabs(side[1]) < STEEP && fabs(side[1] - side[0]) <= 0.1 * (1 + fabs(*out)) &&
           fabs(slope_between(r, b, input, i, step / 2, closer) - *out) <= 2e-3 * (1 + fabs(*out));
}

static void compare_slopes(struct run *r, struct case_block *b, int input, const struct li_tensor *gradient,
                           struct tally *tally)
{
    int64_t count = li_shape_count(&b->in[input].tensor.shape), stride = 1 + count / SAMPLES;
    assert_int_equal(gradient->dtype, b->in[input].tensor.dtype);
    assert_true(li_shape_equal(&gradient->shape, &b->in[input].tensor.shape));
    for (int64_t i = 0; i < count; i += stride) {
        double slope, found = li_tensor_float(gradient, i);
        if (!slope_along(r, b, input, i, &slope)) {
            continue;
        }
        if (!(fabs(found - slope) <= 3e-3 * (1 + fabs(slope)))) {
            fail_msg("%s:%d: %s: the gradient of input %d at %lld is %g, differences give %g", b->file, b->line, b->op,
                     input, (long long)i, found, slope);
        }
        tally->slopes++;
        note_checked(tally, b->op);
    }
}

struct backward {
    struct li_graph *g;
    struct li_node node;
    li_vid dy[CASE_MOST], dx[CASE_MOST];
};

/* Append the gradient of the graph's one node to a copy. False when it is refused, as the block says. */
static bool differentiate(struct run *r, const struct case_block *b, struct backward *w)
{
    assert_int_equal(li_graph_copy(&w->g, r->inferred, &r->err), LINCE_OK);
    w->node = w->g->nodes[0];
    for (int k = 0; k < w->node.nout; k++) {
        const struct li_value v = w->g->values[w->node.out[k]];
        w->dy[k] = LI_NONE;
        if (passes_gradient(b, &v, k)) {
            assert_int_equal(li_graph_input(w->g, v.dtype, &v.shape, &w->dy[k], &r->err), LINCE_OK);
        }
    }
    for (int i = 0; i < w->node.nin; i++) {
        w->dx[i] = LI_NONE;
    }
    struct li_grad grad = {.graph = w->g,
                           .node = &w->node,
                           .in = w->node.in,
                           .out = w->node.out,
                           .dy = w->dy,
                           .dx = w->dx,
                           .err = &r->err};
    lince_status st = w->node.op->grad(&grad);
    if ((st != LINCE_OK) != (b->refuses[0] != 0) || (st && !strstr(r->err.text, b->refuses))) {
        fail_msg("%s:%d: %s: the gradient: %s; wanted %s", b->file, b->line, b->op, st ? r->err.text : "ok",
                 b->refuses);
    }
    return st == LINCE_OK;
}

/* Whether an input holds real numbers: without any, as in an unshaped list, a gradient may reach nothing. */
static bool has_numbers(const struct case_block *b)
{
    bool any = false;
    for (int i = 0; i < b->nin; i++) {
        any |= li_dtype_is_float(b->in[i].tensor.dtype) && li_shape_count(&b->in[i].tensor.shape) > 0;
    }
    return any;
}

/* Run forward and backward, then compare each gradient that there is. */
static void run_backward(struct run *r, struct case_block *b, struct backward *w, struct tally *tally)
{
    struct li_tensor *content = calloc((size_t)w->g->value_count, sizeof *content);
    bool *owned = calloc((size_t)w->g->value_count, sizeof *owned), any = false;
    give_inputs(b, w->g, true, content);
    for (int k = 0; k < w->node.nout; k++) {
        if (w->dy[k] == LI_NONE) {
            continue;
        }
        const struct li_value *v = &w->g->values[w->dy[k]];
        struct li_tensor *t = &content[w->dy[k]];
        *t = (struct li_tensor){.dtype = v->dtype, .shape = v->shape};
        assert_int_equal(li_shape_bytes(&t->shape, t->dtype, &t->size_bytes, &r->err), LINCE_OK);
        t->data = li_alloc(r->mem, t->size_bytes, &r->err);
        owned[w->dy[k]] = true;
        for (int64_t i = 0; i < li_shape_count(&t->shape); i++) {
            if (t->dtype == LINCE_FLOAT64) {
                ((double *)t->data)[i] = arriving(k, i);
            } else {
                ((float *)t->data)[i] = (float)arriving(k, i);
            }
        }
    }
    lince_status st = run_nodes(r, w->g, content, owned);
    if (st) {
        fail_msg("%s:%d: %s: the gradient: %s", b->file, b->line, b->op, r->err.text);
    }
    for (int i = 0; i < w->node.nin; i++) {
        if (w->dx[i] >= 0) {
            compare_slopes(r, b, i, &content[w->dx[i]], tally);
            any = true;
        }
    }
    assert_true(any || !has_numbers(b));
    free_content(r, content, owned, w->g->value_count);
}

/* Blocks of float32 and float64, without state: half floats are too coarse for differences. */
static bool has_slope(const struct case_block *b)
{
    const struct li_op *op = li_ops_find(li_ops(), b->op);
    bool any_in = false, any_out = false;
    for (int i = 0; i < b->nin; i++) {
        lince_dtype dtype = b->in[i].tensor.dtype;
        if (b->kind[i] == CASE_VARIABLE || dtype == LINCE_FLOAT16 || dtype == LINCE_BFLOAT16) {
            return false;
        }
        any_in |= li_dtype_is_float(dtype);
    }
    for (int i = 0; i < b->nout; i++) {
        any_out |= b->out[i].tensor.dtype == LINCE_FLOAT32 || b->out[i].tensor.dtype == LINCE_FLOAT64;
    }
    return op->grad && op->grad != li_grad_none && op->grad != li_grad_absent && any_in && any_out && !b->wrong[0] &&
           !b->unlike;
}

static void check_gradient(struct case_block *b, enum li_isa isa, struct tally *tally)
{
    struct backward w = {0};
    struct run r;
    open_run(&r, isa);
    assert_int_equal(build(&r, b, true), LINCE_OK);
    assert_int_equal(infer(&r, b, true), LINCE_OK);
    if (r.inferred->node_count == 1) {
        if (differentiate(&r, b, &w)) {
            run_backward(&r, b, &w, tally);
        }
        li_graph_free(w.g);
        if (b->refuses[0]) { /* which is what the gradient is */
            note_checked(tally, b->op);
        }
    }
    close_run(&r);
}

/* ---- All ---- */

static void run_block(struct case_block *b, enum li_isa isa, struct case_array *kept, struct tally *tally)
{
    struct run r;
    open_run(&r, isa);
    lince_status st = build(&r, b, false);
    st = st ? st : infer(&r, b, false);
    if (!st) {
        give_inputs(b, r.inferred, false, r.content);
        st = run_nodes(&r, r.inferred, r.content, r.owned);
    }
    if (st || b->wrong[0]) {
        check_failure(b, &r, st);
    } else {
        assert_int_equal(r.inferred->output_count, b->nout);
        compare_outputs(b, &r, b->out, "output", b->exact ? 0 : 1e-6);
        if (isa == LI_ISA_REF) {
            keep_outputs(b, &r, kept);
        } else { /* sums of up to some hundred products, in another order */
            compare_outputs(b, &r, kept, "against ref, output", 4e-6);
            tally->fast++;
        }
        check_memory(b, &r, tally);
    }
    if (b->has_after) {
        compare(b, "variable", &li_store_get(r.store, r.variable)->value, &b->after, 1e-6);
    }
    close_run(&r);
}

static void run_everywhere(struct case_block *b, void *context)
{
    struct tally *tally = context;
    struct case_array *kept = calloc(CASE_MOST, sizeof *kept);
    assert_non_null(kept);
    for (int isa = LI_ISA_REF; isa <= LI_ISA_NEON; isa++) {
        if (isa <= (int)li_cpu_isa() && li_kernels_get((enum li_isa)isa)->isa == (enum li_isa)isa) {
            run_block(b, (enum li_isa)isa, kept, tally);
            if (has_slope(b)) {
                check_gradient(b, (enum li_isa)isa, tally);
            }
        }
    }
    free(kept);
    tally->cases++;
    tally->failures += b->wrong[0] != 0;
}

struct file {
    char name[256];
    struct tally *tally;
};

static void every_block_holds(void **state)
{
    const struct file *file = *state;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", FOLDER, file->name);
    assert_true(case_read_file(path, file->tally, run_everywhere) > 0);
}

static void no_way_is_empty(void **state)
{
    const struct tally *t = ((const struct file *)*state)->tally;
    print_message("%d cases, %d of them failures; %d fast, %d filled, %d in place, %d slopes\n", t->cases, t->failures,
                  t->fast, t->filled, t->in_place, t->slopes);
    assert_true(t->cases > 90 && t->failures > 30);
    assert_true(t->filled > 60 && t->in_place > 20 && t->slopes > 200);
    assert_true(t->fast > 60 || li_cpu_isa() == LI_ISA_REF);
}

/*
 * A gradient that no case compares with a slope is checked nowhere, but for these: rows that run bodies, which
 * train_control and train_golden do, and gathering from a variable, which train_gradient does.
 */
static void every_gradient_is_checked_by_slopes(void **state)
{
    const struct tally *t = ((const struct file *)*state)->tally;
    int missing = 0;
    for (int i = 0; i < li_ops()->count; i++) {
        const struct li_op *op = li_ops()->rows[i];
        bool elsewhere = op->grad == li_grad_bodies || strcmp(op->name, "ResourceGather") == 0;
        bool has_one = op->grad && op->grad != li_grad_none && op->grad != li_grad_absent;
        if (has_one && !elsewhere && !t->checked[i]) {
            print_error("%s has a gradient that no case checks\n", op->name);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

static int is_case(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && strcmp(entry->d_name + len - 5, ".case") == 0;
}

int main(void)
{
    static struct file files[MOST_FILES];
    struct CMUnitTest tests[MOST_FILES + 2];
    struct tally tally = {0};
    struct dirent **entries;
    int count = scandir(FOLDER, &entries, is_case, alphasort);
    if (count < 1 || count >= MOST_FILES) {
        fprintf(stderr, "%s: %d files of cases, wanted 1 to %d\n", FOLDER, count, MOST_FILES - 1);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        snprintf(files[i].name, sizeof files[i].name, "%s", entries[i]->d_name);
        files[i].tally = &tally;
        tests[i] = (struct CMUnitTest){files[i].name, every_block_holds, NULL, NULL, &files[i]};
        free(entries[i]);
    }
    free(entries);
    tests[count] = (struct CMUnitTest){"no_way_is_empty", no_way_is_empty, NULL, NULL, &files[0]};
    tests[count + 1] = (struct CMUnitTest){"every_gradient_is_checked_by_slopes", every_gradient_is_checked_by_slopes,
                                           NULL, NULL, &files[0]};
    return _cmocka_run_group_tests("ops_cases", tests, (size_t)count + 2, NULL, NULL);
}
