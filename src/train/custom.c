/* Gradients that a model brings for its own nodes (tf.custom_gradient): each becomes part of the backward graph. */
#include "train/backward.h"

#include <string.h>

const char *li_custom_type(const struct li_node *node)
{
    for (int i = 0; i < node->nattrs; i++) {
        if (strcmp(node->attrs[i].name, "_gradient_op_type") == 0) {
            return node->attrs[i].s_len ? node->attrs[i].s : NULL;
        }
    }
    return NULL;
}

/* ---- One that was not saved ---- */

static lince_status pass_over(struct li_backward *b, const struct li_node *node)
{
    struct li_backward_call *call = b->call;
    const char *type = li_custom_type(node);
    if (call->options->strict) {
        return li_fail(call->err, LINCE_EUNSUPPORTED,
                       "node \"%.500s\" (%s): its gradient, \"%.200s\", was not saved with the model", node->name,
                       node->op->name, type);
    }
    if (call->unsaved++ == 0) {
        call->unsaved_text = li_arena_printf(&call->arena, call->err,
                                             "node \"%.500s\" (%s): its gradient, \"%.200s\", was not saved with the "
                                             "model; taken as the identity",
                                             node->name, node->op->name, type);
    }
    return call->unsaved_text ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- One that was ---- */

/* The first inputs of the graph are gradients of outputs, zeros where none arrives; then what the node hands on. */
static lince_status list_arguments(struct li_backward *b, const struct li_node *node, const li_vid *dy, int upstream,
                                   const struct li_graph *body, li_vid *args)
{
    int n = 0;
    for (int i = 0; i < node->nin && n < body->input_count; i++) {
        const struct li_value value = b->g->values[i < upstream ? node->out[i] : node->in[i]];
        if (i >= upstream && value.dtype == LINCE_RESOURCE) {
            continue;
        }
        args[n] = i < upstream ? dy[i] : node->in[i];
        if (args[n] < 0) {
            LI_TRY(li_ops_fill(b->g, node->name, value.dtype, &value.shape, 0, &args[n], b->call->err));
        }
        n++;
    }
    return n == body->input_count ? LINCE_OK
                                  : li_fail(b->call->err, LINCE_EINVAL,
                                            "node \"%.500s\" (%s): its gradient takes %d tensors, there are %d",
                                            node->name, node->op->name, (int)body->input_count, n);
}

/* What its inputs are, and only the results that somebody wants. */
static lince_status infer(struct li_backward *b, const struct li_node *node, const struct li_graph *body,
                          const li_vid *args, struct li_graph **out)
{
    struct li_backward_call *call = b->call;
    struct li_inferred inferred;
    struct li_infer_input *inputs =
        li_arena_calloc(&call->arena, (size_t)body->input_count + 1, sizeof *inputs, call->err);
    if (!inputs) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < body->input_count; i++) {
        const struct li_value *value = &b->g->values[args[i]];
        inputs[i] = (struct li_infer_input){
            .dtype = value->dtype, .shape = value->shape, .constant = value->constant, .unshaped = value->unshaped};
    }
    lince_status st = li_graph_infer(&inferred, body, inputs, b->g->env, call->err);
    if (st) {
        return li_prefix(call->err, st, "node \"%.500s\" (%s): its gradient", node->name, node->op->name);
    }
    if (inferred.rest) {
        li_inferred_free(&inferred);
        return li_fail(call->err, LINCE_EUNSUPPORTED, "node \"%.500s\" (%s): shapes in its gradient depend on data",
                       node->name, node->op->name);
    }
    *out = inferred.graph;
    inferred.graph = NULL;
    li_free((*out)->arena.mem, inferred.choice);
    return LINCE_OK;
}

static lince_status put(struct li_backward *b, const struct li_node *node, struct li_graph *body, const li_vid *args,
                        li_vid *results)
{
    struct li_graph *inferred = NULL;
    LI_TRY(infer(b, node, body, args, &inferred));
    LI_TRY(li_graph_own_body(b->g, inferred, b->call->err)); /* what its nodes point to is there */
    return li_graph_put(b->g, inferred, args, results, b->call->err);
}

/* Results whose inputs nobody asks for are not computed. */
static lince_status choose_results(struct li_backward *b, const struct li_node *node,
                                   const struct li_registered_gradient *own, int *input)
{
    struct li_graph *g = own->graph;
    int count = 0;
    for (int32_t i = 0; i < g->output_count; i++) {
        if (own->input[i] < node->nin && li_backward_wants(b, node->in[own->input[i]])) {
            input[count] = own->input[i];
            g->outputs[count++] = g->outputs[i];
        }
    }
    g->output_count = count;
    return LINCE_OK;
}

static lince_status use(struct li_backward *b, const struct li_node *node, const li_vid *dy,
                        const struct li_registered_gradient *own, li_vid *dx)
{
    struct li_arena *arena = &b->call->arena;
    struct li_graph *g = own->graph;
    li_vid *args = li_arena_alloc(arena, ((size_t)g->input_count + 1) * sizeof *args, b->call->err);
    li_vid *results = li_arena_alloc(arena, ((size_t)g->output_count + 1) * sizeof *results, b->call->err);
    int *input = li_arena_alloc(arena, ((size_t)g->output_count + 1) * sizeof *input, b->call->err);
    if (!args || !results || !input) {
        return LINCE_ENOMEM;
    }
    LI_TRY(choose_results(b, node, own, input));
    LI_TRY(list_arguments(b, node, dy, own->upstream, g, args));
    LI_TRY(put(b, node, g, args, results));
    for (int32_t i = 0; i < g->output_count; i++) {
        dx[input[i]] = results[i];
    }
    return LINCE_OK;
}

lince_status li_custom_gradient(struct li_backward *b, const struct li_node *node, const li_vid *dy, li_vid *dx,
                                bool *done)
{
    struct li_registered_gradient own = {.graph = NULL};
    if (b->call->options->model) {
        LI_TRY(li_model_gradient(&own, b->call->options->model, b->g, node, b->call->err));
    }
    *done = own.graph != NULL;
    if (!*done) {
        return pass_over(b, node);
    }
    lince_status st = use(b, node, dy, &own, dx);
    li_graph_free(own.graph);
    return st;
}
