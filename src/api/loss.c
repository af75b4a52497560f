/*
 * Losses: callables without arguments. What runs one is made when its value is first asked for and kept with the model.
 * A call takes it out of its place and puts it back: another call of the same moment finds the place empty, makes its
 * own, and frees it when the place is taken again. So nobody waits, in a forked child neither.
 */
#include "session.h"

#include <string.h>

lince_status li_api_losses_open(struct lince_model *m, lince_error *err)
{
    size_t count = (size_t)LI_MAX(li_model_loss_count(m->model), 0);
    m->losses = li_calloc(m->mem, count + 1, sizeof *m->losses, err);
    if (!m->losses) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        atomic_init(&m->losses[i], NULL);
    }
    return LINCE_OK;
}

void li_api_losses_close(struct lince_model *m)
{
    size_t count = m->losses ? (size_t)LI_MAX(li_model_loss_count(m->model), 0) : 0;
    for (size_t i = 0; i < count; i++) {
        li_api_bound_free(m, atomic_load(&m->losses[i]));
    }
    li_free(m->mem, m->losses);
}

/* A loss gives one float32 scalar, as a tensor or as a Python number. */
static lince_status check_loss(const struct li_trace *trace, size_t index, lince_error *err)
{
    const struct li_result_leaf *leaf = trace->leaf;
    const struct li_arg *value = trace->leaf_count == 1 ? leaf->value : NULL;
    bool computed = value && leaf->output != LI_NONE;
    bool scalar = value && (computed ? value->dtype == LINCE_FLOAT32 && value->shape.rank <= 0
                                     : leaf->tensor.dtype == LINCE_FLOAT32 && leaf->tensor.shape.rank == 0);
    return scalar ? LINCE_OK
                  : li_fail(err, LINCE_EINVAL, "regularization loss %zu gives no float32 scalar: %.500s", index,
                            trace->text);
}

static lince_status match_loss(struct li_binding **out, struct lince_model *m, size_t index, lince_error *err)
{
    static const struct li_call_args no_arguments;
    struct li_binding *binding;
    LI_TRY(li_callable_match(&binding, li_model_loss(m->model, index), &no_arguments, err));
    lince_status st = check_loss(binding->trace, index, err);
    if (st) {
        li_binding_free(binding);
        return st;
    }
    *out = binding;
    return LINCE_OK;
}

lince_status li_api_loss_append(struct li_graph *g, struct lince_model *m, size_t index, li_vid *out, lince_error *err)
{
    struct li_binding *binding;
    LI_TRY(match_loss(&binding, m, index, err));
    const struct li_result_leaf *leaf = &binding->trace->leaf[0];
    lince_status st = leaf->output == LI_NONE ? li_graph_constant(g, &leaf->tensor, out, err)
                                              : li_binding_append(g, binding, NULL, out, err);
    li_binding_free(binding);
    return st;
}

static lince_status take(struct li_api_bound **out, struct lince_model *m, size_t index, lince_error *err)
{
    static const struct li_api_fetch nothing;
    struct li_binding *binding;
    *out = atomic_exchange(&m->losses[index], NULL);
    if (*out) {
        return LINCE_OK;
    }
    LI_TRY(match_loss(&binding, m, index, err));
    lince_status st = li_api_bound_new(out, m, m->pool, binding, &nothing, err);
    li_binding_free(binding);
    return st;
}

static void put_back(struct lince_model *m, size_t index, struct li_api_bound *bound)
{
    struct li_api_bound *empty = NULL;
    if (!atomic_compare_exchange_strong(&m->losses[index], &empty, bound)) {
        li_api_bound_free(m, bound);
    }
}

/* The trace may leave the rank open. */
static lince_status run(struct li_api_bound *bound, size_t index, float *value, lince_error *err)
{
    const struct li_tensor *results;
    LI_TRY(li_api_bound_run(bound, NULL, 0, NULL, &results, err));
    const struct li_result_leaf *leaf = &bound->trace->leaf[0];
    const struct li_tensor *t = leaf->output == LI_NONE ? &leaf->tensor : &results[leaf->output];
    if (t->shape.rank != 0) {
        char text[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL, "regularization loss %zu gives float32%s, a scalar is wanted", index,
                       li_shape_text(&t->shape, text));
    }
    memcpy(value, t->data, sizeof *value);
    return LINCE_OK;
}

int64_t lince_loss_count(const lince_model *model)
{
    return model ? li_model_loss_count(model->model) : -1;
}

lince_status lince_loss_value(lince_model *model, size_t index, float *value, lince_error *err)
{
    struct li_api_bound *bound;
    LI_NEED("lince_loss_value", model);
    LI_NEED("lince_loss_value", value);
    int64_t losses = li_model_loss_count(model->model);
    if (losses < 0 || index >= (size_t)losses) {
        return li_fail(err, LINCE_EINVAL, "regularization loss %zu of %lld", index, (long long)LI_MAX(losses, 0));
    }
    LI_TRY(take(&bound, model, index, err));
    lince_status st = run(bound, index, value, err);
    put_back(model, index, bound);
    return st;
}
