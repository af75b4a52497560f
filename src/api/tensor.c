/* The caller's tensors and ours. */
#include "api.h"

lince_status li_api_null(lince_error *err, const char *function, const char *name)
{
    return li_fail(err, LINCE_EINVAL, "%s: %s is NULL", function, name);
}

/* A string of no bytes may have no data. */
static lince_status check_strings(const struct li_tensor *t, const char *what, lince_error *err)
{
    const lince_string *strings = t->data;
    for (int64_t i = 0; i < li_shape_count(&t->shape); i++) {
        if (strings[i].size && !strings[i].data) {
            return li_fail(err, LINCE_EINVAL, "%s: string %lld has no data, %zu bytes are said", what, (long long)i,
                           strings[i].size);
        }
    }
    return LINCE_OK;
}

lince_status li_api_tensor_shape(struct li_tensor *out, const lince_tensor *in, const char *what, lince_error *err)
{
    struct li_tensor t = {.dtype = in->dtype, .shape = {.rank = in->rank}};
    if (lince_dtype_size(in->dtype) == 0) {
        return li_fail(err, LINCE_EINVAL, "%s: dtype %d is none that a tensor of the caller's can have", what,
                       (int)in->dtype);
    }
    if (in->rank < 0 || in->rank > LINCE_MAX_RANK) {
        return li_fail(err, LINCE_EINVAL, "%s: rank %d; 0 to %d are possible", what, (int)in->rank, LINCE_MAX_RANK);
    }
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] < 0) {
            return li_fail(err, LINCE_EINVAL, "%s: dimension %d is %lld; 0 or more is wanted", what, i,
                           (long long)in->dims[i]);
        }
        t.shape.dim[i] = in->dims[i];
    }
    if (li_shape_bytes(&t.shape, t.dtype, &t.size_bytes, err)) {
        return li_prefix(err, LINCE_EINVAL, "%s", what); /* no tensor that is there can be so large */
    }
    *out = t;
    return LINCE_OK;
}

lince_status li_api_tensor(struct li_tensor *out, const lince_tensor *in, const char *what, lince_error *err)
{
    struct li_tensor t;
    LI_TRY(li_api_tensor_shape(&t, in, what, err));
    size_t bytes = t.size_bytes;
    t.data = in->data;
    if (bytes != in->size_bytes || (bytes && !in->data)) {
        char text[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL, "%s: %s%s takes %zu bytes, %zu are given", what, lince_dtype_name(in->dtype),
                       li_shape_text(&t.shape, text), bytes, in->data ? in->size_bytes : 0);
    }
    if (t.dtype == LINCE_STRING) {
        LI_TRY(check_strings(&t, what, err));
    }
    *out = t;
    return LINCE_OK;
}

void li_api_tensor_out(lince_tensor *out, const struct li_tensor *in)
{
    *out = (lince_tensor){.dtype = in->dtype, .rank = in->shape.rank, .data = in->data, .size_bytes = in->size_bytes};
    for (int i = 0; i < in->shape.rank; i++) {
        out->dims[i] = in->shape.dim[i];
    }
}
