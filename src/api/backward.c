/* lince_pass_backward: from upstream gradients to those of variables and inputs. */
#include "layer.h"

#include <string.h>

/* ---- What is asked for ------------------------------------------------------------------------------------------- */

struct asked {
    lince_gradient *gradient;
    size_t count;
    const struct lince_pass *pass;
    const struct li_tensor *made; /* by place */
};

/* Its place among what the layer gives; LI_NONE: it does not. */
static int32_t place_of(const struct lince_layer *l, const lince_gradient *g)
{
    if (g->variable >= 0) {
        bool known = (size_t)g->variable < li_model_variable_count(l->model->model);
        return known ? l->place[g->variable] : LI_NONE;
    }
    bool known = g->input >= 0 && g->input < l->wants.input_count;
    return known ? l->wants.variable_count + g->input : LI_NONE;
}

static lince_status check_dtype(lince_dtype dtype, const char *what, int32_t index, lince_error *err)
{
    return li_dtype_is_float(dtype)
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL, "%s %d is %s: it has no gradient", what, (int)index, li_dtype_name(dtype));
}

static lince_status check_one(const struct lince_pass *pass, const lince_gradient *g, lince_error *err)
{
    const struct lince_layer *l = pass->mode->layer;
    const char *what = g->variable >= 0 ? "variable" : "input";
    int32_t index = g->variable >= 0 ? g->variable : g->input;
    size_t bytes;
    if (place_of(l, g) == LI_NONE) {
        return li_fail(err, LINCE_EINVAL, "the layer gives no gradient of %s %d", what, (int)index);
    }
    if (g->variable >= 0) {
        const struct li_resource *r =
            li_store_get(li_model_store(l->model->model), l->wants.variables[l->place[g->variable]]);
        LI_TRY(li_shape_bytes(&r->shape, r->dtype, &bytes, err));
    } else {
        const struct li_tensor *input = &pass->session->inputs[g->input];
        LI_TRY(check_dtype(input->dtype, what, index, err));
        LI_TRY(li_shape_bytes(&input->shape, input->dtype, &bytes, err));
    }
    if (g->size_bytes != bytes || (bytes && !g->data)) {
        return li_fail(err, LINCE_EINVAL, "the gradient of %s %d takes %zu bytes, there are %zu", what, (int)index,
                       bytes, g->data ? g->size_bytes : 0);
    }
    return LINCE_OK;
}

/* ---- What arrives ------------------------------------------------------------------------------------------------ */

static lince_status check_upstream(struct li_tensor *out, const struct lince_layer *l, const lince_output *output,
                                   const lince_tensor *upstream, lince_error *err)
{
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    struct li_tensor is;
    LI_TRY(li_api_tensor(out, upstream, "an upstream gradient", err));
    LI_TRY(li_api_tensor_shape(&is, &output->tensor, "an output", err));
    if (!li_dtype_is_float(is.dtype) || !li_api_arrives(l, output->path)) {
        return li_fail(err, LINCE_EINVAL, "output \"%s\" (%s): the layer takes no upstream gradient there",
                       output->path, li_dtype_name(is.dtype));
    }
    if (out->dtype != is.dtype || !li_shape_equal(&out->shape, &is.shape)) {
        return li_fail(err, LINCE_EINVAL, "the upstream gradient of output \"%s\" is %s%s, wanted %s%s", output->path,
                       li_dtype_name(out->dtype), li_shape_text(&out->shape, found), li_dtype_name(is.dtype),
                       li_shape_text(&is.shape, wanted));
    }
    return LINCE_OK;
}

static lince_status grow_zeros(struct lince_pass *pass, size_t bytes, lince_error *err)
{
    struct li_mem *mem = pass->mode->layer->model->mem;
    if (bytes <= pass->zero_room) {
        return LINCE_OK;
    }
    li_free(mem, pass->zeros);
    pass->zeros = li_calloc(mem, bytes, 1, err);
    pass->zero_room = pass->zeros ? bytes : 0;
    return pass->zeros ? LINCE_OK : LINCE_ENOMEM;
}

/* By output of the graph: what arrives there; data NULL: nothing. */
static lince_status sort_upstreams(struct lince_pass *pass, const lince_tensor *upstreams, lince_error *err)
{
    const struct li_trace *trace = pass->bound->trace;
    const struct li_tensor *results = pass->session->results;
    size_t zeros = 0;
    for (int32_t i = 0; i < pass->bound->fetched; i++) {
        pass->given[i] = (struct li_tensor){.dtype = LINCE_DTYPE_NONE};
    }
    for (size_t i = 0; i < trace->leaf_count; i++) {
        const struct li_result_leaf *leaf = &trace->leaf[i];
        if (leaf->output != LI_NONE && li_api_arrives(pass->mode->layer, leaf->path)) {
            pass->given[leaf->output] = results[leaf->output];
            pass->given[leaf->output].data = NULL;
        }
    }
    for (size_t i = 0; upstreams && i < trace->leaf_count; i++) {
        if (upstreams[i].dtype == LINCE_DTYPE_NONE) {
            continue;
        }
        struct li_tensor arrives;
        LI_TRY(check_upstream(&arrives, pass->mode->layer, &pass->session->outputs[i], &upstreams[i], err));
        if (trace->leaf[i].output != LI_NONE && arrives.size_bytes) {
            pass->given[trace->leaf[i].output] = arrives;
        }
    }
    for (int32_t i = 0; i < pass->bound->fetched; i++) {
        bool needed = li_dtype_is_float(pass->given[i].dtype) && !pass->given[i].data;
        zeros = needed ? LI_MAX(zeros, pass->given[i].size_bytes) : zeros;
    }
    return grow_zeros(pass, zeros, err);
}

/* As the cut wants them: floats alone, and the losses' sum last. */
static lince_status take_upstreams(struct lince_pass *pass, const lince_tensor *upstreams, float loss_upstream,
                                   int32_t *count, lince_error *err)
{
    int32_t fetched = pass->bound->fetched;
    LI_TRY(li_grow(pass->mode->layer->model->mem, &pass->given, &pass->given_room, (int64_t)fetched + 1,
                   sizeof *pass->given, err));
    LI_TRY(sort_upstreams(pass, upstreams, err));
    *count = 0;
    for (int32_t i = 0; i < fetched; i++) {
        if (li_dtype_is_float(pass->given[i].dtype)) {
            pass->given[*count] = pass->given[i];
            pass->given[*count].data = pass->given[i].data ? pass->given[i].data : pass->zeros;
            ++*count;
        }
    }
    if (pass->mode->layer->losses) {
        pass->loss_upstream = loss_upstream;
        pass->given[(*count)++] = (struct li_tensor){
            .dtype = LINCE_FLOAT32, .data = &pass->loss_upstream, .size_bytes = sizeof pass->loss_upstream};
    }
    return LINCE_OK;
}

/* ---- Writing it -------------------------------------------------------------------------------------------------- */

static void add_half(uint16_t *to, const uint16_t *from, size_t count, float (*wide)(uint16_t), uint16_t (*half)(float))
{
    for (size_t i = 0; i < count; i++) {
        to[i] = half(wide(to[i]) + wide(from[i]));
    }
}

static void add(const struct li_kernels *kernels, void *to, const struct li_tensor *from)
{
    size_t count = from->size_bytes / li_dtype_size(from->dtype);
    if (from->dtype == LINCE_FLOAT32) {
        const struct li_binary_rows all = {.rows = 1, .cols = (int64_t)count};
        kernels->binary->rows(LI_BINARY_ADD, &all, to, to, from->data);
    } else if (from->dtype == LINCE_FLOAT64) {
        for (size_t i = 0; i < count; i++) {
            ((double *)to)[i] += ((const double *)from->data)[i];
        }
    } else if (from->dtype == LINCE_FLOAT16) {
        add_half(to, from->data, count, li_half_to_float, li_float_to_half);
    } else {
        add_half(to, from->data, count, li_bfloat16_to_float, li_float_to_bfloat16);
    }
}

/* A gradient that is asked for is a task. */
static void write_one(void *context, int64_t task, int worker)
{
    const struct asked *a = context;
    const struct lince_layer *l = a->pass->mode->layer;
    lince_gradient *g = &a->gradient[task];
    const struct li_tensor *made = &a->made[place_of(l, g)];
    (void)worker;
    g->none = g->size_bytes && !made->size_bytes;
    if (g->none && !g->add) {
        memset(g->data, 0, g->size_bytes);
    } else if (g->size_bytes && !g->none && g->add) {
        add(l->model->env.kernels, g->data, made);
    } else if (g->size_bytes && !g->none) {
        memcpy(g->data, made->data, g->size_bytes);
    }
}

static lince_status run(struct lince_pass *pass, const lince_tensor *upstreams, size_t upstream_count,
                        float loss_upstream, lince_gradient *gradients, size_t count, lince_error *err)
{
    struct asked a = {.gradient = gradients, .count = count, .pass = pass};
    int32_t given = 0;
    if (upstream_count != (upstreams ? pass->output_count : 0)) {
        return li_fail(err, LINCE_EINVAL, "%zu upstream gradients are given, the result has %zu leaves", upstream_count,
                       pass->output_count);
    }
    for (size_t i = 0; i < count; i++) {
        LI_TRY(check_one(pass, &gradients[i], err));
    }
    LI_TRY(take_upstreams(pass, upstreams, loss_upstream, &given, err));
    LI_TRY(li_api_bound_resume(pass->bound, pass->given, given, &pass->session->stop, &a.made, err));
    li_pool_run(pass->session->pool, (int64_t)count, write_one, &a);
    return LINCE_OK;
}

lince_status lince_pass_backward(lince_pass *pass, const lince_tensor *upstreams, size_t upstream_count,
                                 float loss_upstream, lince_gradient *gradients, size_t gradient_count,
                                 lince_error *err)
{
    LI_NEED("lince_pass_backward", pass);
    if (gradient_count) {
        LI_NEED("lince_pass_backward", gradients);
    }
    if (!pass->mode->backward) {
        return li_fail(err, LINCE_EINVAL, "the forward of this pass said that no backward would come (no_backward)");
    }
    LI_TRY(li_api_session_enter(pass->session, err));
    lince_status st = run(pass, upstreams, upstream_count, loss_upstream, gradients, gradient_count, err);
    li_api_session_leave(pass->session);
    return st;
}
