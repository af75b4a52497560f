/* The traces of a callable: as text, and the tensors that each takes and gives. */
#include "api.h"

size_t lince_callable_trace_count(const lince_callable *callable)
{
    return callable ? callable->callable->trace_count : 0;
}

const char *lince_callable_trace(const lince_callable *callable, size_t index)
{
    return callable && index < callable->callable->trace_count ? callable->callable->trace[index].text : "";
}

static const struct li_trace *trace_of(const lince_callable *callable, size_t trace)
{
    return callable && trace < callable->callable->trace_count ? &callable->callable->trace[trace] : NULL;
}

size_t lince_callable_input_count(const lince_callable *callable, size_t trace)
{
    const struct li_trace *t = trace_of(callable, trace);
    return t ? t->spec_count : 0;
}

size_t lince_callable_output_count(const lince_callable *callable, size_t trace)
{
    const struct li_trace *t = trace_of(callable, trace);
    return t ? t->leaf_count : 0;
}

static lince_status none(const lince_callable *callable, size_t trace, const char *what, size_t index, size_t count,
                         lince_error *err)
{
    const struct li_callable *c = callable->callable;
    return trace < c->trace_count
               ? li_fail(err, LINCE_EINVAL, "%s %zu of %zu of trace %zu of %s", what, index, count, trace, c->name)
               : li_fail(err, LINCE_EINVAL, "trace %zu of %zu of %s", trace, c->trace_count, c->name);
}

static lince_tensor_info tensor_info(const char *path, const char *name, lince_dtype dtype,
                                     const struct li_shape *shape)
{
    lince_tensor_info info = {
        .struct_size = sizeof info, .path = path, .name = name ? name : "", .dtype = dtype, .rank = shape->rank};
    for (int i = 0; i < shape->rank; i++) {
        info.dims[i] = shape->dim[i];
    }
    return info;
}

lince_tensor_info li_api_leaf_info(const struct li_result_leaf *leaf, const struct li_shape *shape)
{
    return leaf->output == LI_NONE ? tensor_info(leaf->path, NULL, leaf->tensor.dtype, shape)
                                   : tensor_info(leaf->path, leaf->value->text, leaf->value->dtype, shape);
}

lince_status lince_callable_input(const lince_callable *callable, size_t trace, size_t index, lince_tensor_info *info,
                                  lince_error *err)
{
    LI_NEED("lince_callable_input", callable);
    LI_NEED("lince_callable_input", info);
    const struct li_trace *t = trace_of(callable, trace);
    if (!t || index >= t->spec_count) {
        return none(callable, trace, "input", index, t ? t->spec_count : 0, err);
    }
    const struct li_arg *spec = t->spec[index];
    const lince_tensor_info full = tensor_info(t->spec_path[index], spec->text, spec->dtype, &spec->shape);
    return LI_FILL(lince_tensor_info, info, &full, err);
}

lince_status lince_callable_output(const lince_callable *callable, size_t trace, size_t index, lince_tensor_info *info,
                                   lince_error *err)
{
    LI_NEED("lince_callable_output", callable);
    LI_NEED("lince_callable_output", info);
    const struct li_trace *t = trace_of(callable, trace);
    if (!t || index >= t->leaf_count) {
        return none(callable, trace, "output", index, t ? t->leaf_count : 0, err);
    }
    const struct li_result_leaf *leaf = &t->leaf[index];
    const lince_tensor_info full =
        li_api_leaf_info(leaf, leaf->output == LI_NONE ? &leaf->tensor.shape : &leaf->value->shape);
    return LI_FILL(lince_tensor_info, info, &full, err);
}
