/* Checks and task counts that many rows share. */
#include "common.h"

lince_status li_ops_need(const struct li_infer *s, int input, unsigned set)
{
    if (!li_dtype_in(li_in_dtype(s, input), set)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "input %d is %s, which is not supported here", input,
                             li_dtype_name(li_in_dtype(s, input)));
    }
    return LINCE_OK;
}

lince_status li_ops_need_alike(const struct li_infer *s, int first, int end)
{
    for (int i = first + 1; i < end; i++) {
        LI_TRY(li_need_same_dtype(s, first, i));
    }
    return LINCE_OK;
}

const struct li_resource *li_ops_resource(const struct li_infer *s)
{
    const struct li_store *store = s->graph->store;
    int32_t i = s->graph->values[s->node->in[0]].resource;
    return li_in_dtype(s, 0) == LINCE_RESOURCE && store && i >= 0 && i < store->count ? li_store_get(store, i) : NULL;
}

lince_status li_ops_need_generator(const struct li_infer *s)
{
    const struct li_resource *r = li_ops_resource(s);
    if (!r || r->kind != LI_VARIABLE || r->dtype != LINCE_INT64 || r->shape.rank != 1 || r->shape.dim[0] < 3) {
        return li_infer_fail(s, LINCE_EINVAL, "input 0 is no generator: a variable int64[3]");
    }
    return LINCE_OK;
}

lince_status li_ops_same_float(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT));
    return li_out_same(s, 0, 0);
}

lince_status li_ops_same_number(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    return li_out_same(s, 0, 0);
}

lince_status li_ops_prepare_cheap(struct li_prepare *p)
{
    p->tasks = li_task_count(li_shape_count(&li_ops_out(p, 0)->shape), LI_GRAIN_CHEAP);
    return LINCE_OK;
}

lince_status li_ops_prepare_costly(struct li_prepare *p)
{
    p->tasks = li_task_count(li_shape_count(&li_ops_out(p, 0)->shape), LI_GRAIN_COSTLY);
    return LINCE_OK;
}

lince_status li_ops_prepare_input(struct li_prepare *p)
{
    p->tasks = li_task_count(li_shape_count(&li_ops_in(p, 0)->shape), LI_GRAIN_CHEAP);
    return LINCE_OK;
}

void li_ops_layout_strided(struct li_layout *l)
{
    for (int i = 0; i < (int)LI_COUNT(l->in_accepts); i++) {
        l->in_accepts[i] = LI_LAYOUT_STRIDED;
        l->out_accepts[i] = LI_LAYOUT_STRIDED;
    }
}

lince_status li_ops_known(struct li_infer *s, int output, lince_dtype dtype, const int64_t *values, int count)
{
    int64_t wide[LI_MAX_RANK];
    int32_t narrow[LI_MAX_RANK];
    struct li_tensor tensor = {.dtype = dtype, .shape = {.rank = count < 0 ? 0 : 1, .dim = {count}}};
    int n = count < 0 ? 1 : count;
    for (int i = 0; i < n; i++) {
        if (dtype == LINCE_INT32 && values[i] > INT32_MAX) {
            return li_infer_fail(s, LINCE_ELIMIT, "%lld does not fit an int32", (long long)values[i]);
        }
        wide[i] = values[i];
        narrow[i] = (int32_t)values[i];
    }
    if (!li_dtype_in(dtype, LI_SET_INDEX)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "output type is %s, not int32 or int64", li_dtype_name(dtype));
    }
    tensor.data = dtype == LINCE_INT32 ? (void *)narrow : (void *)wide;
    tensor.size_bytes = (size_t)n * li_dtype_size(dtype);
    const struct li_tensor *own;
    LI_TRY(li_out_is(s, output, dtype, &tensor.shape));
    LI_TRY(li_graph_own_tensor(s->graph, &tensor, &own, s->err));
    s->graph->values[s->node->out[output]].constant = own;
    return LINCE_OK;
}
