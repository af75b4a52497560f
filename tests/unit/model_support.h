/* What the tests of model/ share: opening, calling with images, reading manifests. */
#ifndef LI_UNIT_MODEL_SUPPORT_H
#define LI_UNIT_MODEL_SUPPORT_H

#include "test.h"

#include <jansson.h>

#include "kernels/kernels.h"
#include "model/model.h"

static inline json_t *read_manifest(const char *name)
{
    char path[512];
    json_error_t fault;

    snprintf(path, sizeof path, "%s/%s", LINCE_TEST_DATA, name);
    json_t *json = json_load_file(path, 0, &fault);
    if (!json) {
        fail_msg("%s:%d: %s", path, fault.line, fault.text);
    }
    return json;
}

static inline const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* name: below tests/. */
static inline lince_status open_model(struct li_model **out, const char *name, struct li_mem *mem, lince_error *err)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", LINCE_TEST_DATA, name);
    return li_model_open(out, path, NULL, mem, err);
}

/* A tensor that the session will give as its input. */
static inline struct li_arg input(int32_t number, lince_dtype dtype, int rank, const int64_t *dim)
{
    struct li_arg arg = {.kind = LI_ARG_TENSOR, .dtype = dtype, .input = number, .shape = {.rank = rank}};

    memcpy(arg.shape.dim, dim, (size_t)rank * sizeof *dim);
    return arg;
}

#endif
