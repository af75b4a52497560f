/*
 * The files that a model's own list names. They must lie in its folder; whether they are there matters when one is
 * asked for.
 */
#include "model/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A plain relative path: no NUL, no leading slash, no part that is "..". */
static bool is_inside(struct li_bytes name)
{
    size_t start = 0;
    if (!name.len || name.data[0] == '/' || memchr(name.data, 0, name.len)) {
        return false;
    }
    for (size_t i = 0; i <= name.len; i++) {
        if (i == name.len || name.data[i] == '/') {
            if (i - start == 2 && name.data[start] == '.' && name.data[start + 1] == '.') {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

static lince_status open_asset(struct li_asset *out, size_t i, const Tf__AssetFileDef *def, lince_error *err)
{
    const Tf__TensorInfo *info = def->tensor_info;
    struct li_bytes name = {def->filename.data, def->filename.len};
    if (name.len > LI_MAX_NAME) {
        return li_fail(err, LINCE_ELIMIT, "asset %zu: its name has %zu bytes, the limit is %d", i, name.len,
                       LI_MAX_NAME);
    }
    if (!is_inside(name)) {
        return li_fail(err, LINCE_EUNSAFE, "asset %zu: \"%.*s\" does not name a file in the model's folder", i,
                       (int)name.len, name.len ? (const char *)name.data : "");
    }
    bool named = info && info->encoding_case == TF__TENSOR_INFO__ENCODING_NAME;
    *out = (struct li_asset){.name = name, .tensor = named ? info->name : NULL};
    return LINCE_OK;
}

/* One of the collection: wrapped, with the name of its type. */
static lince_status open_wrapped(struct li_model *m, size_t i, const Tf__Any *any, lince_error *err)
{
    ProtobufCMessage *message;
    const char *type = strrchr(any->type_url, '/');
    if (!type || strcmp(type, "/tensorflow.AssetFileDef") != 0) {
        return li_fail(err, LINCE_EINVAL, "it is a \"%.200s\", wanted an AssetFileDef", any->type_url);
    }
    LI_TRY(li_proto_unpack(&message, (struct li_bytes){any->value.data, any->value.len},
                           &tf__asset_file_def__descriptor, "AssetFileDef", &m->arena, err));
    return open_asset(&m->asset[i], i, (const Tf__AssetFileDef *)message, err);
}

static lince_status alloc_assets(struct li_model *m, size_t count, lince_error *err)
{
    m->asset = li_arena_calloc(&m->arena, count, sizeof *m->asset, err);
    m->asset_count = m->asset ? count : 0;
    return m->asset ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status open_collection(struct li_model *m, const Tf__CollectionDef__AnyList *list, lince_error *err)
{
    LI_TRY(alloc_assets(m, list->n_value, err));
    for (size_t i = 0; i < list->n_value; i++) {
        lince_status st = open_wrapped(m, i, list->value[i], err);
        if (st) {
            return li_prefix(err, st, "collection \"saved_model_assets\", entry %zu", i);
        }
    }
    return LINCE_OK;
}

/* What TensorFlow 1 saved lists them in a collection; one list is enough for TensorFlow, the meta graph's own first. */
static lince_status open_lists(struct li_model *m, lince_error *err)
{
    const Tf__MetaGraphDef *def = m->meta->def;
    const Tf__CollectionDef *c = li_proto_collection(def->collection_def, def->n_collection_def, "saved_model_assets");
    if (!def->n_asset_file_def && c && c->kind_case == TF__COLLECTION_DEF__KIND_ANY_LIST) {
        return open_collection(m, c->any_list, err);
    }
    LI_TRY(alloc_assets(m, def->n_asset_file_def, err));
    for (size_t i = 0; i < m->asset_count; i++) {
        LI_TRY(open_asset(&m->asset[i], i, def->asset_file_def[i], err));
    }
    return LINCE_OK;
}

lince_status li_assets_open(struct li_model *m, lince_error *err)
{
    LI_TRY(open_lists(m, err));
    for (int32_t i = 0; i < m->object_count; i++) {
        const Tf__SavedObject *o = m->object[i];
        if (o->kind_case == TF__SAVED_OBJECT__KIND_ASSET &&
            (o->asset->asset_file_def_index < 0 || (size_t)o->asset->asset_file_def_index >= m->asset_count)) {
            return li_fail(err, LINCE_EINVAL, "object %d is asset %d, the model lists %zu", i,
                           o->asset->asset_file_def_index, m->asset_count);
        }
    }
    return LINCE_OK;
}

/* Links are followed: what they lead to must lie in the folder as well. */
static lince_status check_links(const struct li_model *m, const char *path, lince_error *err)
{
    char real[PATH_MAX], folder[PATH_MAX];
    size_t len;
    if (!realpath(path, real)) {
        return li_fail(err, errno == ENOENT || errno == ENOTDIR ? LINCE_ENOENT : LINCE_EIO, "asset %s: %s", path,
                       strerror(errno));
    }
    if (!realpath(m->path, folder)) {
        return li_fail(err, LINCE_EIO, "%s: %s", m->path, strerror(errno));
    }
    len = strlen(folder);
    if (strncmp(real, folder, len) != 0 || (real[len] != '/' && strcmp(folder, "/") != 0)) {
        return li_fail(err, LINCE_EUNSAFE, "asset %s: a link leads out of the model's folder, to %s", path, real);
    }
    return LINCE_OK;
}

lince_status li_asset_find(struct li_model *m, size_t i, const char **path, lince_error *err)
{
    struct li_asset *a = &m->asset[i];
    if (!a->path) {
        const char *full =
            li_arena_printf(&m->arena, err, "%s/assets/%.*s", m->path, (int)a->name.len, (const char *)a->name.data);
        if (!full) {
            return LINCE_ENOMEM;
        }
        LI_TRY(check_links(m, full, err));
        a->path = full;
    }
    *path = a->path;
    return LINCE_OK;
}

size_t li_model_asset_count(const struct li_model *m)
{
    return m->asset_count;
}

lince_status li_model_asset_path(struct li_model *m, size_t i, const char **path, lince_error *err)
{
    if (i >= m->asset_count) {
        return li_fail(err, LINCE_EINVAL, "asset %zu of %zu", i, m->asset_count);
    }
    pthread_mutex_lock(&m->lock);
    lince_status st = li_asset_find(m, i, path, err);
    pthread_mutex_unlock(&m->lock);
    return st;
}

bool li_model_asset_of(const struct li_model *m, const char *name, size_t *i)
{
    int32_t object = m->object_count ? li_object_child(m, 0, name) : LI_NONE;
    if (object == LI_NONE || m->object[object]->kind_case != TF__SAVED_OBJECT__KIND_ASSET) {
        return false;
    }
    *i = (size_t)m->object[object]->asset->asset_file_def_index;
    return true;
}
