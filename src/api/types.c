/* Names and sizes of statuses and dtypes; structs that carry their size; the version. */
#include "api.h"

#include <string.h>

const char *lince_version(void)
{
    return LINCE_VERSION;
}

const char *lince_status_name(lince_status status)
{
    return li_status_name(status);
}

const char *lince_dtype_name(lince_dtype dtype)
{
    return li_dtype_name(dtype);
}

size_t lince_dtype_size(lince_dtype dtype)
{
    return li_dtype_size(dtype);
}

lince_status li_api_fill(void *to, const void *full, size_t size, const char *type, lince_error *err)
{
    size_t given;
    memcpy(&given, to, sizeof given);
    if (given < sizeof given || given > size) {
        return li_fail(err, LINCE_EINVAL, "%s.struct_size is %zu; it must be sizeof(%s)", type, given, type);
    }
    memcpy((char *)to + sizeof given, (const char *)full + sizeof given, given - sizeof given);
    return LINCE_OK;
}
