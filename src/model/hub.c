/* The file that marks a TensorFlow 1 Hub module. Which meta graph is meant when nobody says hangs on it. */
#include "model/internal.h"

enum { FORMAT_V3 = 3, MOST_BYTES = 4096 };

static lince_status check(struct li_bytes bytes, const char *where, struct li_arena *arena, lince_error *err)
{
    ProtobufCMessage *message;
    if (bytes.len > MOST_BYTES) {
        return li_fail(err, LINCE_ELIMIT, "%s: %zu bytes, the limit is %d", where, bytes.len, MOST_BYTES);
    }
    LI_TRY(li_proto_unpack(&message, bytes, &tf__hub_module_def__descriptor, where, arena, err));
    const Tf__HubModuleDef *def = (const Tf__HubModuleDef *)message;
    if (def->format != FORMAT_V3) {
        return li_fail(err, LINCE_EUNSUPPORTED, "%s: format %d, wanted %d", where, def->format, FORMAT_V3);
    }
    if (def->n_required_features) {
        return li_fail(err, LINCE_EUNSUPPORTED, "%s: it requires \"%.100s\"", where, def->required_features[0]);
    }
    return LINCE_OK;
}

lince_status li_hub_module(const struct li_model *m, bool *is_one, lince_error *err)
{
    struct li_arena arena;
    struct li_file file;
    li_arena_init(&arena, m->mem, 0);
    const char *path = li_arena_printf(&arena, err, "%s/tfhub_module.pb", m->path);
    lince_status st = path ? li_file_read(&file, path, m->files, err) : LINCE_ENOMEM;
    *is_one = st == LINCE_OK;
    if (st == LINCE_OK) {
        st = check(file.bytes, "tfhub_module.pb", &arena, err);
        li_file_unmap(&file);
    } else if (st == LINCE_ENOENT) {
        st = LINCE_OK;
    }
    li_arena_free(&arena);
    return st;
}
