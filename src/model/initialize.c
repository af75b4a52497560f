/*
 * Tables of TensorFlow 1. What initializes a model, the nodes that its init op waits for and those of the collection
 * table_initializer, gives variables their first values and fills tables. Variables come from the checkpoint; for a
 * table, the nodes that fill it are run, the paths of the model's own assets fed to them.
 */
#include "model/section.h"

#include <string.h>

/* A node that fills a table. */
struct li_fill {
    const char *node, *table;
};

struct search {
    struct li_model *model;
    struct li_arena scratch;
    struct li_trail trail;
    lince_error *err;
};

/* ---- Finding them ---- */

static void visit_collection(struct search *s, const char *key)
{
    const Tf__MetaGraphDef *def = s->model->meta->def;
    const Tf__CollectionDef *c = li_proto_collection(def->collection_def, def->n_collection_def, key);
    if (c && c->kind_case == TF__COLLECTION_DEF__KIND_NODE_LIST) {
        for (size_t i = 0; i < c->node_list->n_value; i++) {
            li_trail_visit(&s->trail, c->node_list->value[i]);
        }
    }
}

static void visit_signature(struct search *s, const char *key)
{
    const Tf__MetaGraphDef *def = s->model->meta->def;
    for (size_t i = 0; i < def->n_signature_def; i++) {
        const Tf__SignatureDef *found = def->signature_def[i]->value;
        for (size_t k = 0; found && strcmp(def->signature_def[i]->key, key) == 0 && k < found->n_outputs; k++) {
            const Tf__TensorInfo *info = found->outputs[k]->value;
            if (info && info->encoding_case == TF__TENSOR_INFO__ENCODING_NAME) {
                li_trail_visit(&s->trail, info->name);
            }
        }
    }
}

static lince_status add_fill(struct search *s, const Tf__NodeDef *node)
{
    struct li_model *m = s->model;
    if (m->fills == LI_MAX_FILLS) {
        return li_fail(s->err, LINCE_ELIMIT, "more than %d nodes fill tables", LI_MAX_FILLS);
    }
    const char *table = node->n_input ? node->input[0] : "";
    m->fill[m->fills] = (struct li_fill){.node = li_arena_strdup(&m->arena, node->name, s->err),
                                         .table = li_arena_strndup(&m->arena, table, strcspn(table, ":"), s->err)};
    return m->fill[m->fills].node && m->fill[m->fills++].table ? LINCE_OK : LINCE_ENOMEM;
}

/* A node that fills a table is what is looked for; of others, what they wait for. */
static lince_status look_at(struct search *s, const struct li_proto_item *item)
{
    const Tf__NodeDef *node;
    LI_TRY(li_proto_node(&node, item, &s->scratch, s->err));
    const struct li_special *special = li_special_find(node->op);
    if (special && special->fills) {
        return add_fill(s, node);
    }
    li_trail_visit_controls(&s->trail, node);
    return LINCE_OK;
}

static lince_status search(struct search *s)
{
    LI_TRY(li_trail_begin(&s->trail, &s->model->meta->nodes, &s->scratch, s->err));
    s->model->fill = li_arena_alloc(&s->model->arena, LI_MAX_FILLS * sizeof *s->model->fill, s->err);
    if (!s->model->fill) {
        return LINCE_ENOMEM;
    }
    visit_signature(s, "__saved_model_init_op");
    visit_collection(s, "saved_model_main_op");
    visit_collection(s, "legacy_init_op");
    visit_collection(s, "table_initializer");
    for (const struct li_proto_item *item; (item = li_trail_next(&s->trail));) {
        LI_TRY(look_at(s, item));
    }
    s->model->fills_found = true;
    return LINCE_OK;
}

static lince_status find_fills(struct li_import *im)
{
    struct search s = {.model = im->model, .err = im->err};
    if (im->model->fills_found) {
        return LINCE_OK;
    }
    im->model->fills = 0;
    li_arena_init(&s.scratch, im->model->mem, im->model->unpacking_bytes);
    lince_status st = search(&s);
    li_arena_free(&s.scratch);
    return st;
}

/* ---- Running them ---- */

/* The tensors that are assets' paths are fed with them. */
static lince_status feed_assets(struct li_import *im, struct li_section *s, li_vid **args)
{
    const struct li_model *m = im->model;
    s->feed = li_arena_alloc(&im->scratch, m->asset_count * sizeof *s->feed, im->err);
    s->arg = li_arena_calloc(&im->scratch, m->asset_count, sizeof *s->arg, im->err);
    *args = li_arena_alloc(&im->scratch, m->asset_count * sizeof **args, im->err);
    if (!s->feed || !s->arg || !*args) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < m->asset_count; i++) {
        const char *tensor = m->asset[i].tensor;
        if (tensor) {
            s->feed[s->feeds] = tensor;
            s->arg[s->feeds] = (struct li_port){.name = tensor, .type = LINCE_STRING};
            LI_TRY(li_import_asset(im, i, &(*args)[s->feeds++]));
        }
    }
    return LINCE_OK;
}

/* The body lies in the model's arena as all do; it is made once, as its table is. */
static lince_status run_fill(struct li_import *im, const void *context)
{
    const struct li_fill *fill = context;
    const char *run[] = {fill->node};
    struct li_section s = {.name = fill->node, .run = run, .runs = 1};
    struct li_body *body;
    const li_vid *results;
    li_vid *args;
    LI_TRY(feed_assets(im, &s, &args));
    LI_TRY(li_section_body(&body, im->model, &s, im->err));
    return li_inline(im, body, args, &results);
}

static lince_status build(struct li_import *im, struct li_table_build *build, const void *context)
{
    for (size_t i = 0; i < im->model->fills; i++) {
        const struct li_fill *fill = &im->model->fill[i];
        if (strcmp(fill->table, context) == 0) {
            LI_TRY(li_table_run(im, build, fill->node, run_fill, fill));
        }
    }
    return LINCE_OK;
}

lince_status li_table_named(struct li_import *im, struct li_step *s)
{
    struct li_model *m = im->model;
    const struct li_proto_item *item = li_named_item(im, s->part);
    li_vid v;
    if (!item) {
        return li_import_missing(im, s, s->part->op_name);
    }
    int32_t *slot = &m->node_resource[item - m->meta->nodes.item];
    LI_TRY(find_fills(im));
    const char *name = li_arena_strndup(&m->arena, (const char *)item->name.data, item->name.len, im->err);
    lince_status st = !name ? LINCE_ENOMEM : *slot == LI_NONE ? li_table_new(im, slot, name, build, name) : LINCE_OK;
    if (st) {
        return li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->part->op_name);
    }
    LI_TRY(li_graph_resource(im->graph, *slot, &v, im->err));
    LI_TRY(li_import_gave(im, s, v));
    s->to->output = "table_handle";
    return LINCE_OK;
}
