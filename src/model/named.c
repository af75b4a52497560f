/*
 * Variables of TensorFlow 1, told apart by the names of their nodes: those that the collection `variables` names, and
 * others when they are met. The saver says which entry of the checkpoint is whose (restore.c). Where it does not,
 * entries have the names of nodes, and a part of a partitioned variable is a slice of an entry.
 */
#include "model/section.h"

#include <string.h>

/* The bytes of a node's name in "name:0". */
static struct li_bytes node_of(const char *tensor)
{
    return (struct li_bytes){(const uint8_t *)tensor, strcspn(tensor, ":")};
}

/* ---- Entries ---- */

static lince_status find_slice(const struct li_bundle_entry **out, struct li_model *m, const char *key,
                               const struct li_slice *slice, lince_error *err)
{
    const struct li_bundle_entry *whole;
    LI_TRY(li_bundle_get(&whole, m->bundle, key, err));
    if (slice->rank != whole->shape.rank) {
        return li_fail(err, LINCE_EINVAL, "a slice of \"%.200s\" has %d dimensions, wanted %d", key, slice->rank,
                       whole->shape.rank);
    }
    *out = li_bundle_slice(m->bundle, whole, slice->offset, slice->shape);
    return *out ? LINCE_OK : li_fail(err, LINCE_ENOENT, "the checkpoint has no such slice of \"%.200s\"", key);
}

static lince_status find_part(const struct li_bundle_entry **out, struct li_model *m, const Tf__SaveSliceInfoDef *part,
                              lince_error *err)
{
    struct li_slice slice = {.rank = (int)LI_MIN(part->n_full_shape, (size_t)LI_MAX_RANK)};
    size_t rank = (size_t)slice.rank;
    if (part->n_full_shape != rank || part->n_var_offset != rank || part->n_var_shape != rank) {
        return li_fail(err, LINCE_EINVAL, "a slice of \"%.200s\" has %zu, %zu and %zu dimensions", part->full_name,
                       part->n_full_shape, part->n_var_offset, part->n_var_shape);
    }
    for (size_t d = 0; d < rank; d++) {
        slice.offset[d] = part->var_offset[d];
        slice.shape[d] = part->var_shape[d];
    }
    return find_slice(out, m, part->full_name, &slice, err);
}

/* What the saver reads. */
static lince_status find_restored(const struct li_bundle_entry **out, struct li_model *m,
                                  const struct li_restored *restored, lince_error *err)
{
    struct li_slice slice;
    if (!*restored->slice) {
        return li_bundle_get(out, m->bundle, restored->key, err);
    }
    return li_restore_slice(&slice, restored->slice)
               ? find_slice(out, m, restored->key, &slice, err)
               : li_fail(err, LINCE_EINVAL, "the saver reads \"%.200s\" of \"%.200s\", which is no slice",
                         restored->slice, restored->key);
}

static lince_status need_bundle(struct li_model *m, lince_error *err)
{
    return m->bundle ? LINCE_OK : li_fail(err, LINCE_ENOENT, "there is no checkpoint, variables/variables.index");
}

static lince_status add(struct li_model *m, size_t item, const char *name, const Tf__SaveSliceInfoDef *slice,
                        lince_error *err)
{
    const struct li_restored *restored = m->restored ? &m->restored[item] : NULL;
    const struct li_bundle_entry *entry;
    LI_TRY(need_bundle(m, err));
    LI_TRY(restored && restored->key    ? find_restored(&entry, m, restored, err)
           : slice && *slice->full_name ? find_part(&entry, m, slice, err)
                                        : li_bundle_get(&entry, m->bundle, name, err));
    return li_checkpoint_variable(m, name, entry, &m->node_resource[item], err);
}

/* ---- The collection ---- */

static lince_status count_bytes(struct li_model *m, int32_t resource, lince_error *err)
{
    const struct li_resource *r = li_store_get(m->store, resource);
    size_t bytes;
    LI_TRY(li_shape_bytes(&r->shape, r->dtype, &bytes, err));
    return li_add_size(m->variable_bytes, bytes, &m->variable_bytes)
               ? LINCE_OK
               : li_fail(err, LINCE_ELIMIT, "the variables take more bytes than can be counted");
}

/* What Python sees as `variables`: there is no object for a variable that is no resource. */
static lince_status list_variable(struct li_model *m, const Tf__VariableDef *def, int32_t resource, lince_error *err)
{
    if (!def->is_resource) {
        return LINCE_OK;
    }
    const char *name = li_arena_strdup(&m->arena, def->variable_name, err);
    m->variable[m->variable_count++] = (struct li_variable){name, resource, def->trainable};
    return name ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status open_variable(struct li_model *m, const Tf__VariableDef *def, lince_error *err)
{
    struct li_bytes node = node_of(def->variable_name);
    if (node.len > LI_MAX_NAME) {
        return li_fail(err, LINCE_ELIMIT, "a name of %zu bytes, the limit is %d", node.len, LI_MAX_NAME);
    }
    const struct li_proto_item *item = li_proto_find_bytes(&m->meta->nodes, node);
    const char *name = li_arena_strndup(&m->arena, (const char *)node.data, node.len, err);
    if (!item) {
        return li_fail(err, LINCE_EINVAL, "the graph has no such node");
    }
    size_t i = (size_t)(item - m->meta->nodes.item);
    if (!name) {
        return LINCE_ENOMEM;
    }
    if (m->node_resource[i] == LI_NONE) {
        LI_TRY(add(m, i, name, def->save_slice_info_def, err));
        LI_TRY(count_bytes(m, m->node_resource[i], err));
        LI_TRY(list_variable(m, def, m->node_resource[i], err));
    }
    return LINCE_OK;
}

static lince_status open_variables(struct li_model *m, const Tf__CollectionDef__BytesList *list,
                                   struct li_arena *scratch, lince_error *err)
{
    m->variable = li_arena_calloc(&m->arena, list->n_value, sizeof *m->variable, err);
    if (!m->variable) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < list->n_value; i++) {
        ProtobufCMessage *message;
        struct li_bytes bytes = {list->value[i].data, list->value[i].len};
        LI_TRY(
            li_proto_unpack(&message, bytes, &tf__variable_def__descriptor, "collection \"variables\"", scratch, err));
        const Tf__VariableDef *def = (const Tf__VariableDef *)message;
        lince_status st = open_variable(m, def, err);
        if (st) {
            return li_prefix(err, st, "variable \"%.200s\"", def->variable_name);
        }
    }
    return LINCE_OK;
}

/* TensorFlow lists them in the collection's order. */
static lince_status list_all(struct li_model *m, lince_error *err)
{
    int32_t *all = li_arena_alloc(&m->arena, m->variable_count * sizeof *all, err);
    if (!all) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < m->variable_count; i++) {
        all[i] = (int32_t)i;
    }
    m->list[LI_LIST_VARIABLES] = (struct li_list){all, m->variable_count};
    return LINCE_OK;
}

lince_status li_named_open(struct li_model *m, lince_error *err)
{
    const Tf__MetaGraphDef *def = m->meta->def;
    const Tf__CollectionDef *variables = li_proto_collection(def->collection_def, def->n_collection_def, "variables");
    struct li_arena scratch;
    m->node_resource = li_arena_alloc(&m->arena, m->meta->nodes.count * sizeof *m->node_resource, err);
    if (!m->node_resource) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < m->meta->nodes.count; i++) {
        m->node_resource[i] = LI_NONE;
    }
    lince_status st = li_checkpoint_open(m, err);
    if (st && st != LINCE_ENOENT) { /* a model without variables needs none */
        return st;
    }
    LI_TRY(li_restore_open(m, err));
    li_arena_init(&scratch, m->mem, 0);
    st = variables && variables->kind_case == TF__COLLECTION_DEF__KIND_BYTES_LIST
             ? open_variables(m, variables->bytes_list, &scratch, err)
             : LINCE_OK;
    li_arena_free(&scratch);
    return st ? st : list_all(m, err);
}

/* ---- Their nodes ---- */

/* A handle is shared by all nodes that give the same name for it; as a rule, its own. */
const struct li_proto_item *li_named_item(struct li_import *im, const struct li_part *part)
{
    if (!im->model->node_resource) {
        return NULL;
    }
    const char *shared = li_attrs_text(part, "shared_name", &im->scratch, im->err);
    const struct li_proto_item *item = shared && *shared ? li_proto_find(&im->model->meta->nodes, shared) : NULL;
    return item ? item : li_proto_find(&im->model->meta->nodes, part->name);
}

lince_status li_named_variable(struct li_import *im, struct li_step *s)
{
    struct li_model *m = im->model;
    const struct li_proto_item *item = li_named_item(im, s->part);
    li_vid v;
    if (!item) {
        return li_import_missing(im, s, s->part->op_name);
    }
    int32_t *resource = &m->node_resource[item - m->meta->nodes.item];
    if (*resource == LI_NONE) {
        const char *name = li_arena_strndup(&m->arena, (const char *)item->name.data, item->name.len, im->err);
        lince_status st = name ? add(m, (size_t)(item - m->meta->nodes.item), name, NULL, im->err) : LINCE_ENOMEM;
        if (st) {
            return li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->part->op_name);
        }
    }
    LI_TRY(li_graph_resource(im->graph, *resource, &v, im->err));
    LI_TRY(li_import_gave(im, s, v));
    s->to->output = "resource";
    return LINCE_OK;
}
