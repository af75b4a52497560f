/* lince_session_run: results with their paths, and their structure as text. */
#include "session.h"

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
        grow(s->model->mem, &block, &s->output_room, (trace->leaf_count + s->fetch.count + 1) * each, err);
    s->outputs = block;
    if (st) {
        return st;
    }
    for (int i = 0; i < LINCE_MAX_RANK; i++) {
        longest.dim[i] = INT64_MAX;
    }
    s->shapes = (const struct li_shape **)(s->outputs + trace->leaf_count + s->fetch.count + 1);
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

static void write_outputs(struct lince_session *s, const struct li_api_bound *bound, const struct li_tensor *results)
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
    for (size_t i = 0; i < s->fetch.count; i++) {
        s->outputs[trace->leaf_count + i].path = s->fetch.node[i];
        li_api_tensor_out(&s->outputs[trace->leaf_count + i].tensor, &results[(size_t)bound->fetched + i]);
    }
    li_trace_result_text(trace, s->shapes, s->structure, s->structure_room);
}

struct looking {
    struct lince_session *session;
    const struct li_api_bound *bound;
    const struct li_api_accept *accept;
};

/* Results are written before the commit: whoever looks at them can still refuse. */
static lince_status look(void *context, const struct li_tensor *results, lince_error *err)
{
    const struct looking *l = context;
    struct lince_session *s = l->session;
    s->results = results;
    write_outputs(s, l->bound, results);
    return l->accept
               ? l->accept->leaves(l->accept->context, s->outputs, l->bound->trace->leaf_count + s->fetch.count, err)
               : LINCE_OK;
}

lince_status li_api_run(struct lince_session *s, struct li_api_bound *bound, const struct li_api_accept *accept,
                        lince_error *err)
{
    const struct li_tensor *results;
    struct looking l = {s, bound, accept};
    struct li_session_call call = s->how;
    call.stop = &s->stop;
    call.accept = look;
    call.context = &l;
    LI_TRY(make_room(s, bound->trace, err));
    lince_status st = li_api_bound_run(bound, s->inputs, s->arguments.input_count, &call, &results, err);
    if (st) {
        s->structure[0] = '\0';
    }
    return st;
}

static lince_status run(struct lince_session *s, const lince_tensor *inputs, size_t count, struct li_api_bound **bound,
                        lince_error *err)
{
    LI_TRY(li_api_choose(bound, s, inputs, count, err));
    return li_api_run(s, *bound, NULL, err);
}

lince_status lince_session_run(lince_session *session, const lince_tensor *inputs, size_t input_count,
                               const lince_output **outputs, size_t *count, lince_error *err)
{
    struct li_api_bound *bound = NULL;
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
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = run(session, inputs, input_count, &bound, err);
    if (!st) {
        *outputs = session->outputs;
        *count = bound->trace->leaf_count + session->fetch.count;
    }
    li_api_session_leave(session);
    return st;
}

const char *lince_session_structure(const lince_session *session)
{
    return session && session->structure ? session->structure : "";
}
