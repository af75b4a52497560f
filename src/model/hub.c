/*
 * What makes a Hub module of a model of TensorFlow 1: the file that marks it, on which hangs which meta graph and which
 * signature are meant when nobody says; and what is attached to its graph.
 */
#include "model/internal.h"

#include <string.h>

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

lince_status li_hub_mark(struct li_model *m, lince_error *err)
{
    struct li_arena arena;
    struct li_file file;
    li_arena_init(&arena, m->mem, 0);
    const char *path = li_arena_printf(&arena, err, "%s/tfhub_module.pb", m->path);
    lince_status st = path ? li_file_read(&file, path, m->files, err) : LINCE_ENOMEM;
    m->is_hub_module = st == LINCE_OK;
    if (st == LINCE_OK) {
        st = check(file.bytes, "tfhub_module.pb", &arena, err);
        li_file_unmap(&file);
    } else if (st == LINCE_ENOENT) {
        st = LINCE_OK;
    }
    li_arena_free(&arena);
    return st;
}

/* ---- Attachments ---- */

/* Of a message that may be anything: NULL, too, when it is none of this type. */
static lince_status unpack(const ProtobufCMessage **out, ProtobufCBinaryData bytes,
                           const ProtobufCMessageDescriptor *type, struct li_arena *arena, lince_error *err)
{
    ProtobufCMessage *message = NULL;
    lince_status st =
        li_proto_unpack(&message, (struct li_bytes){bytes.data, bytes.len}, type, "attachment", arena, err);
    *out = st ? NULL : message;
    return st == LINCE_ENOMEM ? st : LINCE_OK;
}

/* Both sides or nothing. */
static lince_status read_attachment(struct li_model *m, ProtobufCBinaryData bytes, struct li_arena *arena,
                                    lince_error *err)
{
    const ProtobufCMessage *message;
    LI_TRY(unpack(&message, bytes, &tf__hub_attachment__descriptor, arena, err));
    const Tf__HubAttachment *attachment = (const Tf__HubAttachment *)message;
    if (!attachment || strcmp(attachment->key, "image_module_info") != 0) {
        return LINCE_OK;
    }
    LI_TRY(unpack(&message, attachment->value, &tf__hub_image_info__descriptor, arena, err));
    const Tf__HubImageSize *size = message ? ((const Tf__HubImageInfo *)message)->default_image_size : NULL;
    if (size && size->height > 0 && size->width > 0) {
        m->image_height = size->height;
        m->image_width = size->width;
    }
    return LINCE_OK;
}

lince_status li_hub_image(struct li_model *m, lince_error *err)
{
    const Tf__MetaGraphDef *def = m->meta->def;
    const Tf__CollectionDef *all =
        li_proto_collection(def->collection_def, def->n_collection_def, "hub_module_attachments");
    bool bytes = all && all->kind_case == TF__COLLECTION_DEF__KIND_BYTES_LIST;
    for (size_t i = 0; bytes && i < all->bytes_list->n_value; i++) {
        struct li_arena scratch;
        li_arena_init(&scratch, m->mem, 0);
        lince_status st = read_attachment(m, all->bytes_list->value[i], &scratch, err);
        li_arena_free(&scratch);
        LI_TRY(st);
    }
    return LINCE_OK;
}
