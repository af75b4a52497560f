/* Saving a model as it is now. Only variables have changed since it was opened, so only variables/ is written anew. */
#include "model/internal.h"

/* saved_model.pb comes last, as TensorFlow writes it: with it a folder is a SavedModel. */
static lince_status fill(struct li_model *m, struct li_folder *folder, lince_error *err)
{
    LI_TRY(li_folder_copy(folder, m->path, err));
    LI_TRY(li_checkpoint_write(m, folder, err));
    return li_folder_write(folder, "saved_model.pb", m->file.bytes, err);
}

lince_status li_model_save(struct li_model *m, const char *path, const struct li_save_options *options,
                           lince_error *err)
{
    struct li_folder folder;
    LI_TRY(li_folder_open(&folder, path, m->path, options && options->overwrite, m->mem, err));
    lince_status st = fill(m, &folder, err);
    st = st ? st : li_folder_commit(&folder, err);
    li_folder_discard(&folder);
    return st;
}
