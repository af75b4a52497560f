/* What is asked: outputs, what arrives at them, and targets. */
#include "train/backward.h"

#include <stdio.h>
#include <string.h>

/* ---- What arrives ------------------------------------------------------------------------------------------------ */

static lince_status check_upstream(const struct li_backward *b, int i)
{
    const struct li_value *value = &b->g->values[b->call->options->outputs[i]];
    const struct li_value *grad = &b->g->values[b->call->options->upstream[i]];
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    if (grad->dtype == value->dtype && li_shape_equal(&grad->shape, &value->shape)) {
        return LINCE_OK;
    }
    return li_fail(b->call->err, LINCE_EINVAL, "the gradient of output %d is %s%s, the output %s%s", i,
                   li_dtype_name(grad->dtype), li_shape_text(&grad->shape, found), li_dtype_name(value->dtype),
                   li_shape_text(&value->shape, wanted));
}

static lince_status seed(struct li_backward *b, int i)
{
    const li_vid output = b->call->options->outputs[i];
    const struct li_value value = b->g->values[output];
    li_vid upstream = b->call->options->upstream ? b->call->options->upstream[i] : LI_NONE;
    if (b->call->options->upstream && upstream < 0) {
        return LINCE_OK;
    }
    if (!li_dtype_is_float(value.dtype)) {
        return li_fail(b->call->err, LINCE_EINVAL, "output %d is %s, wanted a float", i, li_dtype_name(value.dtype));
    }
    if (b->call->options->upstream) {
        LI_TRY(check_upstream(b, i));
    } else {
        LI_TRY(li_ops_fill(b->g, "gradients/loss", value.dtype, &value.shape, 1, &upstream, b->call->err));
    }
    return li_backward_add(b, &b->terms[output], upstream);
}

/* ---- Targets ----------------------------------------------------------------------------------------------------- */

static lince_status target_gradient(struct li_backward *b, li_vid target, li_vid *out)
{
    const struct li_value value = b->g->values[target];
    lince_dtype dtype = value.dtype;
    struct li_shape shape = value.shape;
    const char *name = "target";
    struct li_term **terms = &b->terms[target];
    if (dtype == LINCE_RESOURCE) {
        const struct li_resource *r = li_store_get(b->g->store, value.resource);
        terms = &b->by_handle[value.resource];
        dtype = r->dtype;
        shape = r->shape;
        name = r->name;
    }
    LI_TRY(li_backward_sum(b, terms, name, out));
    if (*out >= 0 || b->call->options->none) {
        return LINCE_OK;
    }
    const char *zeros = li_arena_printf(&b->call->arena, b->call->err, "gradients/%s/zeros", name);
    return zeros ? li_ops_fill(b->g, zeros, dtype, &shape, 0, out, b->call->err) : LINCE_ENOMEM;
}

static lince_status check_targets(const struct li_backward *b)
{
    for (int i = 0; i < b->call->options->target_count; i++) {
        const struct li_value *value = &b->g->values[b->call->options->targets[i]];
        if (value->dtype == LINCE_RESOURCE && (value->resource < 0 || value->resource >= b->call->resources)) {
            return li_fail(b->call->err, LINCE_EINVAL, "target %d is a handle of no variable", i);
        }
    }
    return LINCE_OK;
}

static void mark_targets(struct li_backward *b, bool *handle)
{
    for (int i = 0; i < b->call->options->target_count; i++) {
        li_vid target = b->call->options->targets[i];
        const struct li_value *value = &b->g->values[target];
        if (value->dtype == LINCE_RESOURCE) {
            handle[value->resource] = true;
        } else {
            b->wanted[target] = true;
        }
    }
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

/* Once, of all that was passed over. */
static void warn(const struct li_backward_call *call)
{
    char text[2 * LINCE_ERROR_TEXT];
    if (call->unsaved && call->options->warn) {
        snprintf(text, sizeof text, call->unsaved > 1 ? "%s; so are %d more" : "%s", call->unsaved_text,
                 call->unsaved - 1);
        call->options->warn(call->options->warn_context, text);
    }
}

static lince_status run(struct li_backward_call *call, struct li_graph *g, li_vid *grads)
{
    struct li_backward b;
    bool *handle = li_arena_calloc(&call->arena, (size_t)call->resources + 1, sizeof *handle, call->err);
    call->handle = handle;
    call->written = li_graph_written(g, &call->arena, call->err);
    LI_TRY(handle && call->written ? li_backward_begin(&b, call, g) : LINCE_ENOMEM);
    LI_TRY(check_targets(&b));
    mark_targets(&b, handle);
    LI_TRY(li_backward_find_wanted(&b));
    for (int i = 0; i < call->options->output_count; i++) {
        LI_TRY(seed(&b, i));
    }
    LI_TRY(li_backward_run(&b));
    for (int i = 0; i < call->options->target_count; i++) {
        LI_TRY(target_gradient(&b, call->options->targets[i], &grads[i]));
    }
    return LINCE_OK;
}

lince_status li_gradient(struct li_graph **out, const struct li_graph *g, const struct li_gradient_options *options,
                         li_vid *grads, lince_error *err)
{
    struct li_backward_call call = {.options = options, .resources = g->store ? g->store->count : 0, .err = err};
    const size_t count = (size_t)options->target_count;
    struct li_graph *copy;
    LI_TRY(li_graph_copy(&copy, g, err));
    li_arena_init(&call.arena, g->arena.mem, 0);
    li_vid *found = li_arena_alloc(&call.arena, count * sizeof *found, err);
    lince_status st = found ? run(&call, copy, found) : LINCE_ENOMEM;
    if (!st) {
        warn(&call);
        if (count) {
            memcpy(grads, found, count * sizeof *grads);
        }
    }
    li_arena_free(&call.arena);
    if (st) {
        li_graph_free(copy);
        return st;
    }
    *out = copy;
    return LINCE_OK;
}
