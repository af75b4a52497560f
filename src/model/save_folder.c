/* A draft as a new folder: checkpoint, assets, saved_model.pb; looked at before it gets its name. */
#include "model/draft.h"

#include <string.h>

/* ---- Values ---- */

static const struct li_tensor *new_value(const struct li_draft *d, int32_t object)
{
    for (int32_t i = 0; i < d->variables; i++) {
        if (d->variable[i].object == object) {
            return &d->variable[i].value;
        }
    }
    return NULL;
}

/* The present value. The read lock is held. */
static lince_status value_of(const struct li_draft *d, int32_t object, const struct li_tensor **value)
{
    struct li_model *m = d->model;
    *value = new_value(d, object);
    if (*value) {
        return LINCE_OK;
    }
    int32_t resource = object < m->object_count ? m->object_resource[object] : LI_NONE;
    if (resource == LI_NONE) {
        return li_fail(d->err, LINCE_EINVAL, "variable \"%.200s\" cannot be reached from the root object",
                       d->object[object]->variable->name);
    }
    LI_TRY(li_store_ready(m->store, resource, d->err));
    *value = &li_store_get(m->store, resource)->value;
    return LINCE_OK;
}

static lince_status write_values(const struct li_saving *s, struct li_bundle_writer *to)
{
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const struct li_tensor *value;
        if (s->key[i]) {
            LI_TRY(value_of(s->draft, s->kept.object[i], &value));
            LI_TRY(li_bundle_writer_add(to, s->key[i], value, s->draft->err));
        }
    }
    return LINCE_OK;
}

static lince_status write_trackable(const struct li_saving *s, struct li_bundle_writer *to)
{
    struct li_out out;
    li_out_init(&out, s->draft->mem, s->draft->err);
    li_save_trackable(s, &out);
    lince_string text = {(const char *)out.data, out.len};
    struct li_tensor tensor = {.dtype = LINCE_STRING, .data = &text, .size_bytes = sizeof text};
    lince_status st = out.status;
    st = st ? st : li_bundle_writer_add(to, "_CHECKPOINTABLE_OBJECT_GRAPH", &tensor, s->draft->err);
    li_out_free(&out);
    return st;
}

static lince_status write_checkpoint(const struct li_saving *s, struct li_folder *folder)
{
    struct li_draft *d = s->draft;
    struct li_bundle_writer *to;
    LI_TRY(li_folder_make(folder, "variables", d->err));
    const char *prefix = li_folder_path(folder, "variables/variables", d->err);
    if (!prefix) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_bundle_writer_open(&to, prefix, d->mem, d->err));
    pthread_rwlock_rdlock(&d->model->store->lock); /* the values of one moment */
    lince_status st = write_values(s, to);
    pthread_rwlock_unlock(&d->model->store->lock);
    st = st ? st : write_trackable(s, to);
    st = st ? st : li_bundle_writer_finish(to, d->err);
    li_bundle_writer_free(to);
    return st;
}

/* ---- Files ---- */

static lince_status write_asset(const struct li_saving *s, const struct li_saved_asset *asset, struct li_folder *folder)
{
    struct li_draft *d = s->draft;
    struct li_file file = {.bytes = d->labels};
    const char *name = li_arena_printf(&folder->arena, d->err, "assets/%s", asset->filename);
    if (!name) {
        return LINCE_ENOMEM;
    }
    if (asset->from) {
        LI_TRY(li_file_map(&file, asset->from, d->err));
    }
    lince_status st = li_folder_write(folder, name, file.bytes, d->err);
    if (asset->from) {
        li_file_unmap(&file);
    }
    return st;
}

static lince_status write_assets(const struct li_saving *s, struct li_folder *folder)
{
    LI_TRY(li_folder_make(folder, "assets", s->draft->err));
    for (int32_t i = 0; i < s->assets; i++) {
        LI_TRY(write_asset(s, &s->asset[i], folder));
    }
    return LINCE_OK;
}

static lince_status write_message(struct li_saving *s, struct li_folder *folder)
{
    struct li_out out;
    li_out_init(&out, s->draft->mem, s->draft->err);
    lince_status st = li_save_message(s, &out);
    st = st ? st : li_folder_write(folder, "saved_model.pb", (struct li_bytes){out.data, out.len}, s->draft->err);
    li_out_free(&out);
    return st;
}

/* What cannot be opened is not published. A stranger's model may hold anything that its own opening did not look at. */
static lince_status look_at(const struct li_draft *d, const struct li_folder *folder)
{
    struct li_model *again;
    lince_status st = li_model_open(&again, folder->work, NULL, d->mem, d->err);
    if (st) {
        return li_prefix(d->err, st, "what was written cannot be opened");
    }
    li_model_close(again);
    return LINCE_OK;
}

static lince_status fill(struct li_draft *d, struct li_folder *folder)
{
    struct li_saving s = {.draft = d};
    LI_TRY(li_keep(&s.kept, d));
    LI_TRY(li_save_keys(&s));
    LI_TRY(li_save_node_names(&s));
    LI_TRY(write_checkpoint(&s, folder));
    LI_TRY(write_assets(&s, folder));
    LI_TRY(write_message(&s, folder));
    return look_at(d, folder);
}

lince_status li_draft_save(struct li_draft *d, const char *path, bool overwrite)
{
    struct li_folder folder;
    LI_TRY(li_folder_open(&folder, path, d->model->path, overwrite, d->mem, d->err));
    lince_status st = fill(d, &folder);
    st = st ? st : li_folder_commit(&folder, d->err);
    li_folder_discard(&folder);
    return st;
}
