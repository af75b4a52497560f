/* Names and sizes of statuses and dtypes; the version. */
#include "api.h"

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
