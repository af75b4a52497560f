/* Variables: list, describe, read, write. */
#include "api.h"

size_t lince_variable_count(const lince_model *model)
{
    return model ? li_model_variable_count(model->model) : 0;
}

static lince_status find(const lince_model *model, size_t index, const struct li_variable **out, lince_error *err)
{
    size_t count = li_model_variable_count(model->model);
    if (index >= count) {
        return li_fail(err, LINCE_EINVAL, "variable %zu of %zu", index, count);
    }
    *out = li_model_variable(model->model, index);
    return LINCE_OK;
}

/* All but the sizes. */
static lince_variable_info describe(const struct li_variable *v, struct li_resource *r)
{
    lince_variable_info info = {.name = v->name,
                                .dtype = r->dtype,
                                .rank = r->shape.rank,
                                .trainable = v->trainable,
                                .version = atomic_load(&r->version)};
    for (int i = 0; i < r->shape.rank; i++) {
        info.dims[i] = r->shape.dim[i];
    }
    return info;
}

lince_status lince_variable_info_at(const lince_model *model, size_t index, lince_variable_info *info, lince_error *err)
{
    const struct li_variable *v = NULL;
    LI_NEED("lince_variable_info_at", model);
    LI_NEED("lince_variable_info_at", info);
    LI_TRY(find(model, index, &v, err));
    struct li_resource *r = li_store_get(li_model_store(model->model), v->resource);
    lince_variable_info full = describe(v, r);
    LI_TRY(li_shape_bytes(&r->shape, r->dtype, &full.size_bytes, err));
    return LI_FILL(lince_variable_info, info, &full, err);
}

void lince_model_variables(const lince_model *model, lince_variable_list list, const int32_t **indices, size_t *count)
{
    struct li_list found = {NULL, 0};
    if (model && (list == LINCE_VARIABLES || list == LINCE_TRAINABLE_VARIABLES)) {
        found = li_model_list(model->model, list == LINCE_VARIABLES ? LI_LIST_VARIABLES : LI_LIST_TRAINABLE);
    }
    if (indices) {
        *indices = found.indices;
    }
    if (count) {
        *count = found.count;
    }
}

lince_status lince_variable_read(lince_model *model, size_t index, void *data, size_t size_bytes, lince_error *err)
{
    const struct li_variable *v = NULL;
    LI_NEED("lince_variable_read", model);
    if (size_bytes) {
        LI_NEED("lince_variable_read", data);
    }
    LI_TRY(find(model, index, &v, err));
    return li_store_read(li_model_store(model->model), v->resource, data, size_bytes, err);
}

lince_status lince_variable_bind(lince_model *model, size_t index, void *data, size_t size_bytes, uint64_t version,
                                 lince_error *err)
{
    const struct li_variable *v = NULL;
    LI_NEED("lince_variable_bind", model);
    LI_TRY(find(model, index, &v, err));
    return li_store_bind(li_model_store(model->model), v->resource, data, size_bytes, version, err);
}

lince_status lince_variable_unbind(lince_model *model, size_t index, lince_error *err)
{
    const struct li_variable *v = NULL;
    LI_NEED("lince_variable_unbind", model);
    LI_TRY(find(model, index, &v, err));
    return li_store_unbind(li_model_store(model->model), v->resource, err);
}

lince_status lince_variable_write(lince_model *model, size_t index, const void *data, size_t size_bytes,
                                  lince_error *err)
{
    const struct li_variable *v = NULL;
    LI_NEED("lince_variable_write", model);
    if (size_bytes) {
        LI_NEED("lince_variable_write", data);
    }
    LI_TRY(find(model, index, &v, err));
    return li_store_write(li_model_store(model->model), v->resource, data, size_bytes, err);
}
