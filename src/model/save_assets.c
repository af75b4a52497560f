/* Which files lie in assets/: the new labels, and those that kept objects stand for. Names are made flat and unique. */
#include "model/draft.h"

#include <string.h>

static lince_status add(struct li_saving *s, const char *from, const char *filename, struct li_names *names)
{
    struct li_draft *d = s->draft;
    struct li_saved_asset *asset = &s->asset[s->assets];
    const char *slash = strrchr(filename, '/');
    asset->from = from;
    LI_TRY(li_names_take(names, slash && slash[1] ? slash + 1 : filename, &d->arena, &asset->filename, d->err));
    LI_TRY(li_save_node_name(s, "asset", &asset->node));
    s->assets++;
    return LINCE_OK;
}

/* Of the model's own assets: two that name one file are one. */
static lince_status add_own(struct li_saving *s, size_t which, int32_t *index, struct li_names *names)
{
    struct li_draft *d = s->draft;
    const char *path;
    LI_TRY(li_model_asset_path(d->model, which, &path, d->err));
    for (*index = 0; *index < s->assets; ++*index) {
        if (s->asset[*index].from && strcmp(s->asset[*index].from, path) == 0) {
            return LINCE_OK;
        }
    }
    return add(s, path, path, names);
}

lince_status li_save_assets(struct li_saving *s)
{
    struct li_draft *d = s->draft;
    struct li_names names = {0};
    size_t n = (size_t)s->kept.objects;
    s->asset_index = li_arena_alloc(&d->arena, n * sizeof *s->asset_index, d->err);
    s->asset = li_arena_calloc(&d->arena, d->model->asset_count + 1, sizeof *s->asset, d->err);
    if (!s->asset_index || !s->asset) {
        return LINCE_ENOMEM;
    }
    if (d->labels.data) {
        LI_TRY(add(s, NULL, "labels.txt", &names));
    }
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const Tf__SavedObject *o = d->object[s->kept.object[i]];
        s->asset_index[i] = 0;
        if (o->kind_case == TF__SAVED_OBJECT__KIND_ASSET && s->kept.object[i] < d->model->object_count) {
            LI_TRY(add_own(s, (size_t)o->asset->asset_file_def_index, &s->asset_index[i], &names));
        }
    }
    return LINCE_OK;
}

void li_save_asset_defs(const struct li_saving *s, struct li_out *meta)
{
    enum { META_ASSET = 6, ASSET_TENSOR = 1, ASSET_FILENAME = 2 };
    for (int32_t i = 0; i < s->assets; i++) {
        size_t at = li_out_open(meta, META_ASSET), info = li_out_open(meta, ASSET_TENSOR);
        li_node_tensor(meta, 1, s->asset[i].node);
        li_out_close(meta, info);
        li_out_text(meta, ASSET_FILENAME, s->asset[i].filename);
        li_out_close(meta, at);
    }
}
