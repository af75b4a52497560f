/* Variables to and from .npz files, which numpy reads and writes. */
#include "archive.h"
#include "arrays.h"
#include "say.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT ((size_t)1 << 20) /* of a .npy file, as it is read */

/* ---- Names ---- */

/* The name with its index behind it, and more of "#" when a variable is called just that. */
static char *tell_apart(const struct app_name *sorted, size_t count, const struct app_name *one)
{
    char *key = NULL, *more;
    if (asprintf(&key, "%s#%zu", one->text, one->index) < 0) {
        return NULL;
    }
    while (app_names_find(sorted, count, key)) {
        int made = asprintf(&more, "%s#", key);
        free(key);
        if (made < 0) {
            return NULL;
        }
        key = more;
    }
    return key;
}

static lince_status make_keys(char **keys, struct app_name *sorted, const lince_model *model, size_t count,
                              lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        APP_TRY(lince_variable_info_at(model, i, &info, err));
        sorted[i] = (struct app_name){info.name, i};
    }
    app_names_sort(sorted, count);
    for (size_t i = 0; i < count; i++) {
        bool again = i > 0 && strcmp(sorted[i - 1].text, sorted[i].text) == 0;
        char *key = again ? tell_apart(sorted, count, &sorted[i]) : strdup(sorted[i].text);
        if (!key) {
            return app_fail(err, LINCE_ENOMEM, "no memory for the names of %zu variables", count);
        }
        keys[sorted[i].index] = key;
    }
    return LINCE_OK;
}

static void free_keys(char **keys, size_t count)
{
    for (size_t i = 0; keys && i < count; i++) {
        free(keys[i]);
    }
    free(keys);
}

/* Of each variable the name of its array; free_keys(). */
static lince_status keys_of(char ***out, const lince_model *model, lince_error *err)
{
    size_t count = lince_variable_count(model);
    char **keys = calloc(count + 1, sizeof *keys);
    struct app_name *sorted = calloc(count + 1, sizeof *sorted);
    lince_status st = keys && sorted ? make_keys(keys, sorted, model, count, err)
                                     : app_fail(err, LINCE_ENOMEM, "no memory for the names of %zu variables", count);
    free(sorted);
    if (st) {
        free_keys(keys, count);
        keys = NULL;
    }
    *out = keys;
    return st;
}

/* ---- Export ---- */

static bool has_bits_only(lince_dtype dtype)
{
    return dtype == LINCE_BFLOAT16 || dtype == LINCE_FLOAT8_E5M2 || dtype == LINCE_FLOAT8_E4M3FN;
}

static lince_status export_one(struct app_npz_writer *w, lince_model *model, size_t i, const char *key,
                               const struct cli_args *args, lince_error *err)
{
    lince_variable_info info = {.struct_size = sizeof info};
    APP_TRY(lince_variable_info_at(model, i, &info, err));
    if (info.dtype == LINCE_STRING) {
        cli_note(args, "%s holds texts, which are not taken out", key);
        return LINCE_OK;
    }
    if (has_bits_only(info.dtype)) {
        cli_note(args, "%s: %s, which numpy does not have, is stored as its bits, %s", key,
                 lince_dtype_name(info.dtype), app_npy_descr(info.dtype));
    }
    lince_tensor t = {
        .dtype = info.dtype, .rank = info.rank, .size_bytes = info.size_bytes, .data = malloc(info.size_bytes + 1)};
    if (!t.data) {
        return app_fail(err, LINCE_ENOMEM, "no memory for variable %s", info.name);
    }
    memcpy(t.dims, info.dims, sizeof t.dims);
    lince_status st = lince_variable_read(model, i, t.data, t.size_bytes, err);
    st = st ? st : app_npz_add(w, key, &t, err);
    free(t.data);
    return st;
}

static lince_status export_all(FILE *file, lince_model *model, char **keys, const struct cli_args *args,
                               lince_error *err)
{
    struct app_npz_writer w = {.file = file};
    lince_status st = LINCE_OK;
    for (size_t i = 0; i < lince_variable_count(model) && !st; i++) {
        st = export_one(&w, model, i, keys[i], args, err);
    }
    st = st ? st : app_npz_end(&w, err);
    app_npz_writer_free(&w);
    return st;
}

int cli_archive_export(lince_model *model, const struct cli_args *args, const char *path)
{
    struct app_output out;
    char **keys;
    lince_error err;
    lince_status st = keys_of(&keys, model, &err);
    if (st || (st = app_output_open(&out, path, &err))) {
        free_keys(keys, lince_variable_count(model));
        return cli_failed(path, &err);
    }
    st = export_all(out.file, model, keys, args, &err);
    st = st ? st : app_output_commit(&out, &err);
    app_output_discard(&out);
    free_keys(keys, lince_variable_count(model));
    return st ? cli_failed(path, &err) : CLI_DONE;
}

/* ---- Import ---- */

static lince_tensor tensor_of(const lince_variable_info *info)
{
    lince_tensor t = {.dtype = info->dtype, .rank = info->rank, .size_bytes = info->size_bytes};
    memcpy(t.dims, info->dims, sizeof t.dims);
    return t;
}

/* Elements that are stored alike: uint16 may be the bits of a bfloat16. */
static lince_status check_array(const lince_tensor *found, const lince_tensor *wanted, lince_error *err)
{
    char there[192], here[192];
    const char *stored = app_npy_descr(found->dtype), *descr = app_npy_descr(wanted->dtype);
    if (stored && descr && strcmp(stored, descr) == 0 && found->rank == wanted->rank &&
        memcmp(found->dims, wanted->dims, (size_t)found->rank * sizeof *found->dims) == 0) {
        return LINCE_OK;
    }
    return app_fail(err, LINCE_EINVAL, "found %s%s, wanted %s%s%s", lince_dtype_name(found->dtype),
                    cli_shape(there, found), lince_dtype_name(wanted->dtype), cli_shape(here, wanted),
                    has_bits_only(wanted->dtype) ? ", its bits" : "");
}

static lince_status import_array(lince_model *model, size_t i, const struct app_npz *npz, size_t member,
                                 const lince_variable_info *info, lince_error *err)
{
    struct app_array array;
    lince_tensor wanted = tensor_of(info);
    APP_TRY(app_npz_read(npz, member, info->size_bytes + HEADER_LIMIT, &array, err));
    lince_status st = check_array(&array.tensor, &wanted, err);
    st = st ? st : lince_variable_write(model, i, array.tensor.data, array.tensor.size_bytes, err);
    app_array_free(&array);
    return st;
}

/* Texts are not taken out, so they are not put in. */
static lince_status import_one(lince_model *model, size_t i, const char *key, const struct app_npz *npz, bool *used,
                               lince_error *err)
{
    lince_variable_info info = {.struct_size = sizeof info};
    lince_error why;
    char shape[192];
    APP_TRY(lince_variable_info_at(model, i, &info, err));
    if (info.dtype == LINCE_STRING) {
        return LINCE_OK;
    }
    size_t member = app_npz_find(npz, key);
    if (member == npz->count) {
        lince_tensor wanted = tensor_of(&info);
        return app_fail(err, LINCE_ENOENT, "no array \"%s\", wanted %s%s: one for each variable of the model", key,
                        lince_dtype_name(info.dtype), cli_shape(shape, &wanted));
    }
    used[member] = true;
    lince_status st = import_array(model, i, npz, member, &info, &why);
    if (st == LINCE_ELIMIT) { /* the array is too large to be looked at */
        lince_tensor wanted = tensor_of(&info);
        return app_fail(err, st, "\"%s\": %.1500s for %s%s", key, why.text, lince_dtype_name(info.dtype),
                        cli_shape(shape, &wanted));
    }
    return st ? app_fail(err, st, "\"%s\": %.1500s", key, why.text) : LINCE_OK;
}

static lince_status check_used(const struct app_npz *npz, const bool *used, size_t variables, lince_error *err)
{
    for (size_t i = 0; i < npz->count; i++) {
        if (!used[i]) {
            const char *name;
            size_t size;
            app_npz_name(npz, i, &name, &size);
            return app_fail(err, LINCE_EINVAL, "array \"%.*s\" is none of the model's %zu variables, wanted only these",
                            (int)(size < 500 ? size : 500), name, variables);
        }
    }
    return LINCE_OK;
}

static lince_status import_all(lince_model *model, char **keys, const struct app_npz *npz, lince_error *err)
{
    size_t count = lince_variable_count(model);
    bool *used = calloc(npz->count + 1, sizeof *used);
    lince_status st = used ? LINCE_OK : app_fail(err, LINCE_ENOMEM, "no memory for %zu names", npz->count);
    for (size_t i = 0; i < count && !st; i++) {
        st = import_one(model, i, keys[i], npz, used, err);
    }
    st = st ? st : check_used(npz, used, count, err);
    free(used);
    return st;
}

int cli_archive_import(lince_model *model, const char *path)
{
    struct app_npz npz = {0};
    char **keys = NULL;
    void *data = NULL;
    size_t size;
    lince_error err;
    lince_status st = app_read(path, SIZE_MAX / 2, &data, &size, &err);
    st = st ? st : app_npz_open(&npz, data, size, &err);
    st = st ? st : keys_of(&keys, model, &err);
    st = st ? st : import_all(model, keys, &npz, &err);
    free_keys(keys, lince_variable_count(model));
    app_npz_close(&npz);
    free(data);
    return st ? cli_failed(path, &err) : CLI_DONE;
}
