/* What functions capture: variables, tables, constants and assets, as values of the graph. */
#include "model/inline.h"

#include <string.h>

static lince_status read_constant(struct li_import *im, int32_t object, const struct li_tensor **out)
{
    struct li_model *m = im->model;
    const char *name = m->object[object]->constant->operation;
    const struct li_proto_item *item = li_proto_find(&m->meta->nodes, name);
    const Tf__NodeDef *node;
    struct li_tensor *tensor = li_arena_calloc(&m->arena, 1, sizeof *tensor, im->err);
    if (!tensor) {
        return LINCE_ENOMEM;
    }
    if (!item) {
        return li_fail(im->err, LINCE_EINVAL, "the graph has no node \"%.200s\"", name);
    }
    LI_TRY(li_proto_node(&node, item, &m->arena, im->err));
    const Tf__AttrValue *value = li_proto_attr(node->attr, node->n_attr, "value");
    if (strcmp(node->op, "Const") != 0 || !value || value->value_case != TF__ATTR_VALUE__VALUE_TENSOR) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.200s\" (%.200s) is no Const with a value", name, node->op);
    }
    LI_TRY(li_proto_tensor(tensor, value->tensor, &m->arena, im->err));
    *out = tensor;
    return LINCE_OK;
}

static lince_status capture_constant(struct li_import *im, int32_t object, li_vid *out)
{
    const struct li_tensor **slot = &im->model->object_constant[object];
    if (!*slot) {
        LI_TRY(read_constant(im, object, slot));
    }
    return li_graph_constant(im->graph, *slot, out, im->err);
}

lince_status li_import_asset(struct li_import *im, size_t asset, li_vid *out)
{
    const char *path;
    const struct li_tensor *own;
    LI_TRY(li_asset_find(im->model, asset, &path, im->err));
    lince_string text = {path, strlen(path)};
    const struct li_tensor tensor = {.dtype = LINCE_STRING, .data = &text, .size_bytes = sizeof text};
    LI_TRY(li_graph_own_tensor(im->graph, &tensor, &own, im->err));
    return li_graph_constant(im->graph, own, out, im->err);
}

static lince_status capture_variable(struct li_import *im, int32_t object, li_vid *out)
{
    int32_t resource = im->model->object_resource[object];
    if (resource == LI_NONE) {
        return li_fail(im->err, LINCE_EINVAL, "variable \"%.200s\" cannot be reached from the root object",
                       im->model->object[object]->variable->name);
    }
    return li_graph_resource(im->graph, resource, out, im->err);
}

static lince_status capture_table(struct li_import *im, int32_t object, li_vid *out)
{
    int32_t resource;
    LI_TRY(li_table_resource(im, object, &resource));
    return li_graph_resource(im->graph, resource, out, im->err);
}

lince_status li_import_capture(struct li_import *im, int32_t object, li_vid *out)
{
    const Tf__SavedObject *o = im->model->object[object];
    lince_status st;
    switch (o->kind_case) {
    case TF__SAVED_OBJECT__KIND_VARIABLE:
        st = capture_variable(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_CONSTANT:
        st = capture_constant(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_ASSET:
        st = li_import_asset(im, (size_t)o->asset->asset_file_def_index, out);
        break;
    case TF__SAVED_OBJECT__KIND_RESOURCE:
        st = capture_table(im, object, out);
        break;
    case TF__SAVED_OBJECT__KIND_CAPTURED_TENSOR:
        st = li_fail(im->err, LINCE_EUNSUPPORTED, "a tensor inside another function");
        break;
    default:
        st = li_fail(im->err, LINCE_EINVAL, "%s, which no function can take", li_object_kind(o));
    }
    return st ? li_prefix(im->err, st, "captured object %d", object) : LINCE_OK;
}

lince_status li_import_captures(struct li_import *im, const Tf__SavedConcreteFunction *saved, li_vid *args)
{
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        LI_TRY(li_import_capture(im, saved->bound_inputs[i], &args[i]));
    }
    return LINCE_OK;
}
