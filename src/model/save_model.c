/* saved_model.pb: what the model had, its kept functions byte for byte, and what is new. */
#include "model/draft.h"

#include <string.h>

enum { SAVED_VERSION = 1, SAVED_META = 2 };
enum { META_GRAPH = 2, META_SAVER = 3, META_COLLECTION = 4, META_SIGNATURE = 5 };
enum { GRAPH_LIBRARY = 2, GRAPH_VERSIONS = 4, LIBRARY_FUNCTION = 1, LIBRARY_GRADIENT = 2, LIBRARY_REGISTERED = 3 };

/* The first graph version that has all ops which new functions use; for models that do not say theirs. */
enum { GRAPH_PRODUCER = 1882, GRAPH_CONSUMER = 12 };

/* ---- The library ---- */

static bool keeps(const struct li_saving *s, const char *function)
{
    const struct li_proto_items *items = &s->draft->model->meta->functions;
    const struct li_proto_item *item = li_proto_find(items, function);
    return item && s->kept.function[item - items->item];
}

static void write_functions(const struct li_saving *s, struct li_out *out)
{
    const struct li_proto_items *items = &s->draft->model->meta->functions;
    for (size_t i = 0; i < items->count; i++) {
        if (s->kept.function[i]) {
            li_out_bytes(out, LIBRARY_FUNCTION, items->item[i].bytes);
        }
    }
    for (int32_t i = 0; i < s->draft->functions; i++) {
        if (s->kept.new_function[i]) {
            li_out_bytes(out, LIBRARY_FUNCTION, s->draft->function[i].bytes);
        }
    }
}

static void write_library(const struct li_saving *s, const Tf__FunctionDefLibrary *library, struct li_out *out)
{
    size_t at = li_out_open(out, GRAPH_LIBRARY);
    write_functions(s, out);
    for (size_t i = 0; library && i < library->n_gradient; i++) {
        if (keeps(s, library->gradient[i]->function_name)) {
            li_out_message(out, LIBRARY_GRADIENT, &library->gradient[i]->base);
        }
    }
    for (size_t i = 0; library && i < library->n_registered_gradients; i++) {
        if (keeps(s, library->registered_gradients[i]->gradient_func)) {
            li_out_message(out, LIBRARY_REGISTERED, &library->registered_gradients[i]->base);
        }
    }
    li_out_close(out, at);
}

/* ---- The meta graph ---- */

static void write_saver(const struct li_saver *saver, struct li_out *meta)
{
    enum { FILENAME = 1, SAVE = 2, RESTORE = 3, VERSION = 7, V2 = 2, NODE_LIST = 1 };
    size_t at = li_out_open(meta, META_SAVER);
    li_node_tensor(meta, FILENAME, saver->filename);
    li_node_tensor(meta, SAVE, saver->save);
    li_out_text(meta, RESTORE, saver->restore);
    li_out_int(meta, VERSION, V2);
    li_out_close(meta, at);
    at = li_out_open(meta, META_COLLECTION);
    li_out_text(meta, 1, "saved_model_main_op");
    size_t value = li_out_open(meta, 2), list = li_out_open(meta, NODE_LIST);
    li_out_text(meta, 1, saver->init);
    li_out_close(meta, list);
    li_out_close(meta, value);
    li_out_close(meta, at);
}

/* What initializes a model is found as a signature of its own. */
static void write_init(const struct li_saver *saver, struct li_out *meta)
{
    static const char key[] = "__saved_model_init_op";
    enum { OUTPUTS = 2, NAME = 1, SHAPE = 3 };
    size_t entry = li_out_open(meta, META_SIGNATURE);
    li_out_text(meta, 1, key);
    size_t value = li_out_open(meta, 2), output = li_out_open(meta, OUTPUTS);
    li_out_text(meta, 1, key);
    size_t info = li_out_open(meta, 2);
    li_out_text(meta, NAME, saver->init);
    li_shape_out(meta, SHAPE, &(struct li_shape){.rank = -1});
    li_out_close(meta, info);
    li_out_close(meta, output);
    li_out_close(meta, value);
    li_out_close(meta, entry);
}

static void write_versions(const Tf__GraphDef *graph, struct li_out *meta)
{
    Tf__VersionDef versions = TF__VERSION_DEF__INIT;
    versions.producer = GRAPH_PRODUCER;
    versions.min_consumer = GRAPH_CONSUMER;
    li_out_message(meta, GRAPH_VERSIONS, graph && graph->versions ? &graph->versions->base : &versions.base);
}

static lince_status write_graph(struct li_saving *s, struct li_out *meta, struct li_out *defs)
{
    const Tf__GraphDef *graph = s->draft->model->meta->def->graph_def;
    struct li_saver saver;
    size_t at = li_out_open(meta, META_GRAPH);
    LI_TRY(li_save_nodes(s, meta));
    LI_TRY(li_save_state(s, meta, &saver));
    LI_TRY(li_save_signatures(s, meta, defs));
    write_library(s, graph ? graph->library : NULL, meta);
    write_versions(graph, meta);
    li_out_close(meta, at);
    li_out_raw(meta, (struct li_bytes){defs->data, defs->len});
    write_saver(&saver, meta);
    write_init(&saver, meta);
    return defs->status ? defs->status : meta->status;
}

/* What stands of the model's own meta graph besides: what it says of itself, and fields that nobody here knows. */
static void write_rest(const struct li_saving *s, struct li_out *meta)
{
    static char serve[] = "serve";
    char *tags[] = {serve};
    Tf__MetaInfoDef info = TF__META_INFO_DEF__INIT;
    Tf__MetaGraphDef rest = *s->draft->model->meta->def;
    info = rest.meta_info_def ? *rest.meta_info_def : info;
    info.n_function_aliases = 0;
    if (!info.n_tags) {
        info.tags = tags;
        info.n_tags = 1;
    }
    rest.meta_info_def = &info;
    rest.graph_def = NULL;
    rest.saver_def = NULL;
    rest.object_graph_def = NULL;
    rest.n_collection_def = rest.n_signature_def = rest.n_asset_file_def = 0;
    li_out_fields(meta, &rest.base);
}

lince_status li_save_message(struct li_saving *s, struct li_out *out)
{
    struct li_out defs;
    li_out_init(&defs, s->draft->mem, s->draft->err);
    li_out_int(out, SAVED_VERSION, 1);
    size_t at = li_out_open(out, SAVED_META);
    write_rest(s, out);
    li_save_asset_defs(s, out);
    lince_status st = write_graph(s, out, &defs);
    li_out_free(&defs);
    LI_TRY(st);
    LI_TRY(li_save_objects(s, out));
    li_out_close(out, at);
    return out->status;
}
