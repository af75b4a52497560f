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

lince_status li_assets_open(struct li_model *m, lince_error *err)
{
    const Tf__MetaGraphDef *def = m->meta->def;
    m->asset = li_arena_calloc(&m->arena, def->n_asset_file_def, sizeof *m->asset, err);
    if (!m->asset) {
        return LINCE_ENOMEM;
    }
    m->asset_count = def->n_asset_file_def;
    for (size_t i = 0; i < m->asset_count; i++) {
        struct li_bytes name = {def->asset_file_def[i]->filename.data, def->asset_file_def[i]->filename.len};
        if (name.len > LI_MAX_NAME) {
            return li_fail(err, LINCE_ELIMIT, "asset %zu: its name has %zu bytes, the limit is %d", i, name.len,
                           LI_MAX_NAME);
        }
        if (!is_inside(name)) {
            return li_fail(err, LINCE_EUNSAFE, "asset %zu: \"%.*s\" does not name a file in the model's folder", i,
                           (int)name.len, name.len ? (const char *)name.data : "");
        }
        m->asset[i].name = name;
    }
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
