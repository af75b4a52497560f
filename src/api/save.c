/* lince_model_save. */
#include "api.h"

#include <string.h>

void lince_save_options_init(lince_save_options *options)
{
    if (options) {
        *options = (lince_save_options){.struct_size = sizeof *options};
    }
}

lince_status lince_model_save(lince_model *model, const char *path, const lince_save_options *options, lince_error *err)
{
    lince_save_options o;
    LI_NEED("lince_model_save", model);
    LI_NEED("lince_model_save", path);
    lince_save_options_init(&o);
    if (options && (options->struct_size == 0 || options->struct_size > sizeof o)) {
        return li_fail(err, LINCE_EINVAL, "lince_save_options.struct_size is %zu; lince_save_options_init() sets it",
                       options->struct_size);
    }
    if (options) {
        memcpy(&o, options, options->struct_size);
    }
    const struct li_save_options to = {.overwrite = o.overwrite != 0};
    return li_model_save(model->model, path, &to, err);
}
