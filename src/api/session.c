/* lince_session: arguments bound once, a trace chosen for each kind of input, results with their paths. */
#include "api.h"

#include "passes/passes.h"
#include "runtime/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A trace in use, bound to this session's arguments. */
struct bound {
    const struct li_trace *trace;
    struct li_session *run;
    int32_t fetched; /* the first output that is no part of the result */
    struct bound *next;
};

/* Which trace inputs of these dtypes and shapes chose. */
struct choice {
    struct li_shape *shapes;
    lince_dtype *dtypes;
    struct bound *bound; /* NULL: not used yet */
};

struct lince_session {
    struct lince_model *model;
    struct li_callable *callable;
    struct li_pool *pool;
    struct li_arena arena; /* arguments */
    struct li_api_arguments arguments;
    const char **fetch;
    size_t fetch_count;
    struct bound *bounds;
    struct choice choices[LI_MAX_PLANS];
    unsigned next_choice;
    struct li_tensor *inputs;
    struct lince_output *outputs;
    size_t output_room;
    const struct li_shape **shapes; /* of the graph's outputs; behind outputs */
    char *structure;
    size_t structure_room;
    atomic_bool busy;
};

/* ---- New and free ---- */

void lince_session_options_init(lince_session_options *options)
{
    if (options) {
        *options = (lince_session_options){.struct_size = sizeof *options};
    }
}

static lince_status make_choices(struct lince_session *s, lince_error *err)
{
    size_t n = s->arguments.input_count + 1;
    for (size_t i = 0; i < LI_COUNT(s->choices); i++) {
        s->choices[i].shapes = li_arena_calloc(&s->arena, n, sizeof *s->choices[i].shapes, err);
        s->choices[i].dtypes = li_arena_calloc(&s->arena, n, sizeof *s->choices[i].dtypes, err);
        if (!s->choices[i].shapes || !s->choices[i].dtypes) {
            return LINCE_ENOMEM;
        }
    }
    s->inputs = li_arena_calloc(&s->arena, n, sizeof *s->inputs, err);
    return s->inputs ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status new_session(struct lince_session **out, struct lince_model *model, struct li_callable *callable,
                                const lince_argument *arguments, size_t count, struct li_pool *pool, lince_error *err)
{
    struct lince_session *s = li_calloc(model->mem, 1, sizeof *s, err);
    if (!s) {
        return LINCE_ENOMEM;
    }
    s->model = li_api_model_retain(model);
    s->callable = callable;
    s->pool = pool;
    li_pool_retain(pool);
    li_arena_init(&s->arena, model->mem, 0);
    lince_status st = li_api_arguments(&s->arguments, arguments, count, &s->arena, err);
    st = st ? st : make_choices(s, err);
    if (st) {
        lince_session_free(s);
        return st;
    }
    *out = s;
    return LINCE_OK;
}

lince_status lince_session_new(lince_session **session, lince_callable *callable, const lince_argument *arguments,
                               size_t count, const lince_session_options *options, lince_error *err)
{
    LI_NEED("lince_session_new", session);
    *session = NULL;
    LI_NEED("lince_session_new", callable);
    if (options && (options->struct_size == 0 || options->struct_size > sizeof *options)) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_session_options.struct_size is %zu; lince_session_options_init() sets it",
                       options->struct_size);
    }
    struct li_pool *pool = options && options->pool ? options->pool->pool : callable->owner->pool;
    return new_session(session, callable->owner, callable->callable, arguments, count, pool, err);
}

void lince_session_free(lince_session *s)
{
    if (!s) {
        return;
    }
    struct lince_model *model = s->model;
    while (s->bounds) {
        struct bound *b = s->bounds;
        s->bounds = b->next;
        li_session_free(b->run);
        li_free(model->mem, b);
    }
    li_free(model->mem, s->outputs);
    li_free(model->mem, s->structure);
    li_pool_release(s->pool);
    li_arena_free(&s->arena);
    li_free(model->mem, s);
    li_api_model_release(model);
}

/* ---- Choosing a trace ---- */

static struct bound *chosen_before(const struct lince_session *s)
{
    for (size_t i = 0; i < LI_COUNT(s->choices); i++) {
        const struct choice *c = &s->choices[i];
        bool same = c->bound != NULL;
        for (size_t k = 0; same && k < s->arguments.input_count; k++) {
            same = c->dtypes[k] == s->inputs[k].dtype && li_shape_equal(&c->shapes[k], &s->inputs[k].shape);
        }
        if (same) {
            return c->bound;
        }
    }
    return NULL;
}

static void remember(struct lince_session *s, struct bound *bound)
{
    struct choice *c = &s->choices[s->next_choice++ % LI_COUNT(s->choices)];
    c->bound = bound;
    for (size_t k = 0; k < s->arguments.input_count; k++) {
        c->dtypes[k] = s->inputs[k].dtype;
        c->shapes[k] = s->inputs[k].shape;
    }
}

/* ---- One call at a time ---- */

static lince_status enter(struct lince_session *s, lince_error *err)
{
    return atomic_exchange(&s->busy, true)
               ? li_fail(err, LINCE_EINVAL, "the session is running in another thread; it takes one call at a time")
               : LINCE_OK;
}

/* ---- Fetching ---- */

static lince_status fetch_nodes(struct lince_session *s, const char *const *nodes, size_t count, lince_error *err)
{
    if (s->bounds || s->fetch) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_session_fetch: the session was used already; once, before its first run");
    }
    const char **fetch = li_arena_calloc(&s->arena, count + 1, sizeof *fetch, err);
    if (!fetch) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        LI_NEED("lince_session_fetch", nodes[i]);
        if (!(fetch[i] = li_arena_strdup(&s->arena, nodes[i], err))) {
            return LINCE_ENOMEM;
        }
    }
    s->fetch = fetch;
    s->fetch_count = count;
    return LINCE_OK;
}

lince_status lince_session_fetch(lince_session *session, const char *const *nodes, size_t count, lince_error *err)
{
    LI_NEED("lince_session_fetch", session);
    if (count) {
        LI_NEED("lince_session_fetch", nodes);
    }
    LI_TRY(enter(session, err));
    lince_status st = fetch_nodes(session, nodes, count, err);
    atomic_store(&session->busy, false);
    return st;
}

/* The value that "NODE" or "NODE:1" stands for. */
static lince_status find_fetched(li_vid *out, const struct li_graph *g, const char *fetch, lince_error *err)
{
    const char *colon = strrchr(fetch, ':');
    bool numbered = colon && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0' && strlen(colon) < 6;
    size_t length = numbered ? (size_t)(colon - fetch) : strlen(fetch);
    int32_t found = 0, output = numbered ? (int32_t)strtol(colon + 1, NULL, 10) : 0;
    const struct li_node *node = NULL;
    for (int32_t i = 0; i < g->node_count; i++) {
        const struct li_node *n = &g->nodes[i];
        if (strlen(n->name) == length && memcmp(n->name, fetch, length) == 0) {
            node = n;
            found++;
        }
    }
    if (found != 1) {
        return li_fail(err, found ? LINCE_EINVAL : LINCE_ENOENT, "node \"%.200s\" to fetch: %s", fetch,
                       found ? "several nodes of the trace have this name" : "the trace has none of this name");
    }
    if (output >= node->nout || g->values[node->out[output]].dtype == LINCE_RESOURCE) {
        return li_fail(err, LINCE_EINVAL, "node \"%.200s\" to fetch: it is %s with %d outputs, a tensor is wanted",
                       fetch, node->op->name, (int)node->nout);
    }
    *out = node->out[output];
    return LINCE_OK;
}

static lince_status add_fetched(const struct lince_session *s, struct li_graph *g, lince_error *err)
{
    size_t n = (size_t)g->output_count;
    li_vid *outputs = li_calloc(s->model->mem, n + s->fetch_count + 1, sizeof *outputs, err);
    if (!outputs) {
        return LINCE_ENOMEM;
    }
    memcpy(outputs, g->outputs, n * sizeof *outputs);
    lince_status st = LINCE_OK;
    for (size_t i = 0; !st && i < s->fetch_count; i++) {
        st = find_fetched(&outputs[n + i], g, s->fetch[i], err);
    }
    st = st ? st : li_graph_set_outputs(g, outputs, (int)(n + s->fetch_count), err);
    li_free(s->model->mem, outputs);
    return st;
}

static lince_status import_trace(struct lince_session *s, const struct li_binding *binding, struct bound **out,
                                 lince_error *err)
{
    static const struct li_stage passes = {li_passes_run, NULL};
    const struct li_program_options options = {&s->model->env, &passes, 1};
    struct li_program *program = NULL;
    struct li_graph *graph;
    struct bound *b = li_calloc(s->model->mem, 1, sizeof *b, err);
    if (!b) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_binding_import(&graph, binding, err);
    if (!st) {
        b->fetched = graph->output_count;
        st = add_fetched(s, graph, err);
        if (st) {
            li_graph_free(graph);
        }
    }
    st = st ? st : li_program_new(&program, graph, &options, err);
    st = st ? st : li_session_new(&b->run, program, s->pool, err);
    li_program_release(program);
    if (st) {
        li_free(s->model->mem, b);
        return st;
    }
    b->trace = binding->trace;
    b->next = s->bounds;
    *out = s->bounds = b;
    return LINCE_OK;
}

/* The trace for the session's inputs as they are now; imported when it is new. */
static lince_status choose(struct lince_session *s, struct bound **out, lince_error *err)
{
    struct li_binding *binding;
    *out = chosen_before(s);
    if (*out) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < s->arguments.input_count; i++) {
        s->arguments.inputs[i]->dtype = s->inputs[i].dtype;
        s->arguments.inputs[i]->shape = s->inputs[i].shape;
    }
    LI_TRY(li_callable_match(&binding, s->callable, &s->arguments.args, err));
    for (struct bound *b = s->bounds; b && !*out; b = b->next) {
        *out = b->trace == binding->trace ? b : NULL;
    }
    lince_status st = *out ? LINCE_OK : import_trace(s, binding, out, err);
    li_binding_free(binding);
    if (!st) {
        remember(s, *out);
    }
    return st;
}

/* ---- Results ---- */

static lince_status grow(struct li_mem *mem, void **block, size_t *room, size_t bytes, lince_error *err)
{
    if (*block && bytes <= *room) {
        return LINCE_OK;
    }
    li_free(mem, *block);
    *block = li_alloc(mem, bytes, err);
    *room = *block ? bytes : 0;
    return *block ? LINCE_OK : LINCE_ENOMEM;
}

/*
 * All that the results need is taken before the call, so that nothing can fail once it has changed variables. outputs,
 * and behind them the shapes of the graph's outputs for the structure's text, which is longest with the longest shapes.
 * A call that fails leaves no structure.
 */
static lince_status make_room(struct lince_session *s, const struct li_trace *trace, lince_error *err)
{
    struct li_shape longest = {.rank = LINCE_MAX_RANK};
    void *block = s->outputs;
    size_t each = sizeof *s->outputs + sizeof(struct li_shape *);
    lince_status st =
        grow(s->model->mem, &block, &s->output_room, (trace->leaf_count + s->fetch_count + 1) * each, err);
    s->outputs = block;
    if (st) {
        return st;
    }
    for (int i = 0; i < LINCE_MAX_RANK; i++) {
        longest.dim[i] = INT64_MAX;
    }
    s->shapes = (const struct li_shape **)(s->outputs + trace->leaf_count + s->fetch_count + 1);
    for (size_t i = 0; i < trace->leaf_count; i++) {
        s->shapes[i] = &longest;
    }
    block = s->structure;
    st = grow(s->model->mem, &block, &s->structure_room, li_trace_result_text(trace, s->shapes, NULL, 0) + 1, err);
    s->structure = block;
    if (!st) {
        s->structure[0] = '\0';
    }
    return st;
}

static void write_outputs(struct lince_session *s, const struct bound *bound, const struct li_tensor *results)
{
    const struct li_trace *trace = bound->trace;
    for (size_t i = 0; i < trace->leaf_count; i++) {
        const struct li_result_leaf *leaf = &trace->leaf[i];
        const struct li_tensor *t = leaf->output == LI_NONE ? &leaf->tensor : &results[leaf->output];
        s->outputs[i].path = leaf->path;
        li_api_tensor_out(&s->outputs[i].tensor, t);
        if (leaf->output != LI_NONE) {
            s->shapes[leaf->output] = &t->shape;
        }
    }
    for (size_t i = 0; i < s->fetch_count; i++) {
        s->outputs[trace->leaf_count + i].path = s->fetch[i];
        li_api_tensor_out(&s->outputs[trace->leaf_count + i].tensor, &results[(size_t)bound->fetched + i]);
    }
    li_trace_result_text(trace, s->shapes, s->structure, s->structure_room);
}

/* ---- Running ---- */

static lince_status take_inputs(struct lince_session *s, const lince_tensor *inputs, size_t count, lince_error *err)
{
    char name[32];
    if (count != s->arguments.input_count) {
        return li_fail(err, LINCE_EINVAL, "%s: %zu inputs are given, the session's arguments name %zu",
                       s->callable->name, count, s->arguments.input_count);
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "input %zu", i);
        LI_TRY(li_api_tensor(&s->inputs[i], &inputs[i], name, err));
    }
    return LINCE_OK;
}

/* What lince_session_run_images() wants of a result: one float32 [batch, features] of at most so many numbers. */
struct wanted {
    int64_t batch;
    size_t count;
};

static lince_status check_result(const struct wanted *w, size_t leaves, lince_dtype dtype, const struct li_shape *shape,
                                 lince_error *err)
{
    if (leaves != 1 || dtype != LINCE_FLOAT32 || shape->rank != 2 ||
        (shape->dim[0] >= 0 && shape->dim[0] != w->batch)) {
        char text[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL,
                       "the parts of the result are %zu, the first %s%s; one float32[%lld,features] is wanted", leaves,
                       leaves ? lince_dtype_name(dtype) : "none", leaves ? li_shape_text(shape, text) : "",
                       (long long)w->batch);
    }
    size_t need;
    if (shape->dim[1] >= 0 && (!li_mul_size((size_t)w->batch, (size_t)shape->dim[1], &need) || need > w->count)) {
        return li_fail(err, LINCE_EINVAL, "the result has %lld x %lld numbers, there is room for %zu",
                       (long long)w->batch, (long long)shape->dim[1], w->count);
    }
    return LINCE_OK;
}

/* What the trace says of its result is checked before the call, which may change variables. */
static lince_status check_trace(const struct wanted *w, const struct li_trace *trace, lince_error *err)
{
    static const struct li_shape none;
    const struct li_arg *value = trace->leaf_count ? trace->leaf[0].value : NULL;
    if (value && trace->leaf_count == 1 && value->kind == LI_ARG_SPEC && value->shape.rank < 0) {
        return LINCE_OK;
    }
    return check_result(w, trace->leaf_count, value ? value->dtype : LINCE_DTYPE_NONE, value ? &value->shape : &none,
                        err);
}

static lince_status run(struct lince_session *s, const lince_tensor *inputs, size_t count, const struct wanted *wanted,
                        struct bound **bound, lince_error *err)
{
    const struct li_tensor *results;
    LI_TRY(take_inputs(s, inputs, count, err));
    LI_TRY(choose(s, bound, err));
    if (wanted) {
        LI_TRY(check_trace(wanted, (*bound)->trace, err));
    }
    LI_TRY(make_room(s, (*bound)->trace, err));
    LI_TRY(li_session_run((*bound)->run, s->inputs, (int32_t)count, NULL, &results, err));
    write_outputs(s, *bound, results);
    return LINCE_OK;
}

lince_status lince_session_run(lince_session *session, const lince_tensor *inputs, size_t input_count,
                               const lince_output **outputs, size_t *count, lince_error *err)
{
    struct bound *bound = NULL;
    const lince_output *ignored;
    size_t uncounted;
    outputs = outputs ? outputs : &ignored;
    count = count ? count : &uncounted;
    *outputs = NULL;
    *count = 0;
    LI_NEED("lince_session_run", session);
    if (input_count) {
        LI_NEED("lince_session_run", inputs);
    }
    LI_TRY(enter(session, err));
    lince_status st = run(session, inputs, input_count, NULL, &bound, err);
    if (!st) {
        *outputs = session->outputs;
        *count = bound->trace->leaf_count + session->fetch_count;
    }
    atomic_store(&session->busy, false);
    return st;
}

const char *lince_session_structure(const lince_session *session)
{
    return session && session->structure ? session->structure : "";
}

/* The session stays busy until its result is copied. */
static lince_status run_images(struct lince_session *s, const lince_tensor *input, const struct wanted *wanted,
                               float *out, lince_error *err)
{
    struct bound *bound;
    struct li_shape shape;
    LI_TRY(run(s, input, 1, wanted, &bound, err));
    const lince_tensor *t = &s->outputs[0].tensor;
    shape.rank = t->rank;
    memcpy(shape.dim, t->dims, sizeof t->dims);
    LI_TRY(check_result(wanted, bound->trace->leaf_count, t->dtype, &shape, err));
    if (t->size_bytes) {
        memcpy(out, t->data, t->size_bytes);
    }
    return LINCE_OK;
}

lince_status lince_session_run_images(lince_session *session, const float *images, int64_t batch, int64_t height,
                                      int64_t width, float *out, size_t out_count, lince_error *err)
{
    struct wanted wanted = {batch, out_count};
    struct li_shape shape = {4, {batch, height, width, 3}};
    lince_tensor input = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {batch, height, width, 3}};
    LI_NEED("lince_session_run_images", session);
    if (batch != 0) {
        LI_NEED("lince_session_run_images", images);
        LI_NEED("lince_session_run_images", out);
    }
    if (batch < 0 || height < 0 || width < 0) {
        return li_fail(err, LINCE_EINVAL, "%lld images of %lld x %lld; 0 or more is wanted", (long long)batch,
                       (long long)height, (long long)width);
    }
    if (li_shape_bytes(&shape, LINCE_FLOAT32, &input.size_bytes, err)) {
        return li_prefix(err, LINCE_EINVAL, "images");
    }
    input.data = (void *)(uintptr_t)images;
    LI_TRY(enter(session, err));
    lince_status st = run_images(session, &input, &wanted, out, err);
    atomic_store(&session->busy, false);
    return st;
}

/* ---- Explain ---- */

struct telling {
    int (*tell)(const lince_step *step, void *context);
    void *context;
};

static int pass_on(const struct li_step_info *info, void *context)
{
    const struct telling *t = context;
    lince_step step = {.name = info->name,
                       .op = info->op,
                       .shapes = info->shapes,
                       .reason = info->reason ? info->reason : "",
                       .prepared = info->prepared,
                       .tasks = info->tasks,
                       .bytes = info->bytes,
                       .flop = info->flop};
    return t->tell(&step, t->context);
}

static lince_status explain(struct lince_session *s, const lince_tensor *inputs, size_t count, struct telling *t,
                            lince_error *err)
{
    struct bound *bound;
    LI_TRY(take_inputs(s, inputs, count, err));
    LI_TRY(choose(s, &bound, err));
    struct li_shape *shapes = li_calloc(s->model->mem, count + 1, sizeof *shapes, err);
    if (!shapes) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        shapes[i] = s->inputs[i].shape;
    }
    lince_status st = li_session_explain(bound->run, shapes, (int32_t)count, pass_on, t, err);
    li_free(s->model->mem, shapes);
    return st;
}

lince_status lince_session_explain(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                   int (*tell)(const lince_step *step, void *context), void *context, lince_error *err)
{
    struct telling t = {tell, context};
    LI_NEED("lince_session_explain", session);
    LI_NEED("lince_session_explain", tell);
    if (input_count) {
        LI_NEED("lince_session_explain", inputs);
    }
    LI_TRY(enter(session, err));
    lince_status st = explain(session, inputs, input_count, &t, err);
    atomic_store(&session->busy, false);
    return st;
}

/* ---- Losses: callables without arguments ---- */

int64_t lince_loss_count(const lince_model *model)
{
    return model ? li_model_loss_count(model->model) : -1;
}

lince_status lince_loss_value(lince_model *model, size_t index, float *value, lince_error *err)
{
    static const lince_argument none;
    struct lince_session *session;
    const lince_output *outputs;
    size_t count;
    LI_NEED("lince_loss_value", model);
    LI_NEED("lince_loss_value", value);
    int64_t losses = li_model_loss_count(model->model);
    if (losses < 0 || index >= (size_t)losses) {
        return li_fail(err, LINCE_EINVAL, "regularization loss %zu of %lld", index, (long long)LI_MAX(losses, 0));
    }
    struct li_callable *loss = li_model_loss(model->model, index);
    LI_TRY(new_session(&session, model, loss, &none, 0, model->pool, err));
    lince_status st = lince_session_run(session, NULL, 0, &outputs, &count, err);
    if (!st && (count != 1 || outputs[0].tensor.dtype != LINCE_FLOAT32 || outputs[0].tensor.rank != 0)) {
        st = li_fail(err, LINCE_EINVAL, "regularization loss %zu gives no float32 scalar", index);
    }
    if (!st) {
        memcpy(value, outputs[0].tensor.data, sizeof *value);
    }
    lince_session_free(session);
    return st;
}
