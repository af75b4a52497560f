/*
 * saved_model.pb. Nodes and function bodies are most of it and few of them are ever wanted, so they stay packed: a
 * skim over tags and lengths lists them, and the other fields, which may stand anywhere between them, are put in a row
 * and unpacked.
 */
#include "proto/unpack.h"
#include "proto/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAVED_MODEL_VERSION = 1, SAVED_MODEL_META_GRAPH = 2 };
enum { META_GRAPH_GRAPH = 2 };
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, GRAPH_DEBUG_INFO = 5 };
enum { LIBRARY_FUNCTION = 1 };
enum { FUNCTION_SIGNATURE = 1, NODE_NAME = 1, OP_NAME = 1 };

/* What one skim counts, the next one fills in. */
struct parts {
    struct li_proto_items *nodes, *functions; /* .item NULL while counting */
    size_t graph_bytes, library_bytes, rest_bytes;
    uint8_t *graph, *library, *rest; /* NULL while counting */
    bool has_graph, has_library;
};

static void append(uint8_t *buffer, size_t *len, struct li_bytes bytes)
{
    if (buffer) {
        memcpy(buffer + *len, bytes.data, bytes.len);
    }
    *len += bytes.len;
}

/* A string, or a message still packed: its last occurrence, as the parser would have it. */
static struct li_bytes bytes_field(struct li_bytes message, uint32_t number)
{
    struct li_bytes bytes = {(const uint8_t *)"", 0};
    struct li_wire_field field;
    while (message.len && !li_wire_next(&message, &field)) {
        if (field.number == number) {
            bytes = field.value;
        }
    }
    return bytes;
}

static struct li_bytes function_name(struct li_bytes function)
{
    return bytes_field(bytes_field(function, FUNCTION_SIGNATURE), OP_NAME);
}

static struct li_bytes node_name(struct li_bytes node)
{
    return bytes_field(node, NODE_NAME);
}

static void add_item(struct li_proto_items *items, struct li_bytes bytes, struct li_bytes (*name_of)(struct li_bytes))
{
    if (items->item) {
        items->item[items->count] = (struct li_proto_item){.name = name_of(bytes), .bytes = bytes};
    }
    items->count++;
}

static void skim_library(struct parts *p, struct li_bytes library)
{
    struct li_wire_field field;
    p->has_library = true;
    while (library.len && !li_wire_next(&library, &field)) {
        if (field.number == LIBRARY_FUNCTION) {
            add_item(p->functions, field.value, function_name);
        } else {
            append(p->library, &p->library_bytes, field.whole);
        }
    }
}

static void skim_graph(struct parts *p, struct li_bytes graph)
{
    struct li_wire_field field;
    p->has_graph = true;
    while (graph.len && !li_wire_next(&graph, &field)) {
        if (field.number == GRAPH_NODE) {
            add_item(p->nodes, field.value, node_name);
        } else if (field.number == GRAPH_LIBRARY) {
            skim_library(p, field.value);
        } else if (field.number != GRAPH_DEBUG_INFO) { /* stack traces; they can be larger than the graph */
            append(p->graph, &p->graph_bytes, field.whole);
        }
    }
}

static void skim_meta_graph(struct parts *p, struct li_bytes meta_graph)
{
    struct li_wire_field field;
    p->nodes->count = p->functions->count = 0;
    p->graph_bytes = p->library_bytes = p->rest_bytes = 0;
    while (meta_graph.len && !li_wire_next(&meta_graph, &field)) {
        if (field.number == META_GRAPH_GRAPH) {
            skim_graph(p, field.value);
        } else {
            append(p->rest, &p->rest_bytes, field.whole);
        }
    }
}

/* Bytewise, a shorter one first. (Sorting, and no hash table: the names are a stranger's.) */
static int compare_names(struct li_bytes a, struct li_bytes b)
{
    int order = memcmp(a.data, b.data, LI_MIN(a.len, b.len));
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Of the same name, the first in the file comes first. */
static int compare_items(const void *a, const void *b)
{
    const struct li_proto_item *x = *(const struct li_proto_item *const *)a,
                               *y = *(const struct li_proto_item *const *)b;
    int order = compare_names(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

static lince_status alloc_items(struct li_proto_items *items, struct li_arena *arena, const char *where,
                                lince_error *err)
{
    if (items->count > LI_MAX_NODES) {
        return li_fail(err, LINCE_ELIMIT, "%s: %zu nodes or functions in one list, wanted at most %d", where,
                       items->count, LI_MAX_NODES);
    }
    items->item = li_arena_calloc(arena, items->count, sizeof *items->item, err);
    items->by_name = li_arena_calloc(arena, items->count, sizeof *items->by_name, err);
    return items->item && items->by_name ? LINCE_OK : li_prefix(err, LINCE_ENOMEM, "%s", where);
}

static void sort_items(struct li_proto_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        items->by_name[i] = &items->item[i];
    }
    qsort(items->by_name, items->count, sizeof *items->by_name, compare_items);
}

const struct li_proto_item *li_proto_find_bytes(const struct li_proto_items *items, struct li_bytes wanted)
{
    size_t low = 0, high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(items->by_name[middle]->name, wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < items->count && !compare_names(items->by_name[low]->name, wanted) ? items->by_name[low] : NULL;
}

const struct li_proto_item *li_proto_find(const struct li_proto_items *items, const char *name)
{
    return li_proto_find_bytes(items, (struct li_bytes){(const uint8_t *)name, strlen(name)});
}

/*
 * Unpack the meta graph without its graph, the graph without its library, the library without its functions; join
 * them.
 */
static lince_status unpack_parts(Tf__MetaGraphDef **out, const struct parts *p, const char *where,
                                 struct li_arena *arena, lince_error *err)
{
    ProtobufCMessage *message;
    LI_TRY(li_proto_unpack_guarded(&message, (struct li_bytes){p->rest, p->rest_bytes}, &tf__meta_graph_def__descriptor,
                                   where, arena, err));
    Tf__MetaGraphDef *def = (Tf__MetaGraphDef *)message;
    if (p->has_graph) {
        LI_TRY(li_proto_unpack_guarded(&message, (struct li_bytes){p->graph, p->graph_bytes},
                                       &tf__graph_def__descriptor, where, arena, err));
        def->graph_def = (Tf__GraphDef *)message;
    }
    if (p->has_library) {
        LI_TRY(li_proto_unpack_guarded(&message, (struct li_bytes){p->library, p->library_bytes},
                                       &tf__function_def_library__descriptor, where, arena, err));
        def->graph_def->library = (Tf__FunctionDefLibrary *)message;
    }
    *out = def;
    return LINCE_OK;
}

static lince_status read_meta_graph(struct li_proto_meta_graph *out, struct li_bytes bytes, const char *where,
                                    struct li_arena *arena, lince_error *err)
{
    struct parts p = {.nodes = &out->nodes, .functions = &out->functions};
    struct li_arena scratch;
    Tf__MetaGraphDef *def = NULL;
    lince_status st;
    skim_meta_graph(&p, bytes);
    LI_TRY(alloc_items(&out->nodes, arena, where, err));
    LI_TRY(alloc_items(&out->functions, arena, where, err));

    li_arena_init(&scratch, arena->mem, 0);
    p.rest = li_arena_alloc(&scratch, p.rest_bytes, err);
    p.graph = li_arena_alloc(&scratch, p.graph_bytes, err);
    p.library = li_arena_alloc(&scratch, p.library_bytes, err);
    if (p.rest && p.graph && p.library) {
        skim_meta_graph(&p, bytes);
        st = unpack_parts(&def, &p, where, arena, err);
    } else {
        st = li_prefix(err, LINCE_ENOMEM, "%s", where);
    }
    li_arena_free(&scratch);
    if (st) {
        return st;
    }
    sort_items(&out->nodes);
    sort_items(&out->functions);
    out->def = def;
    return LINCE_OK;
}

/* Count the meta graphs, or read them once there is memory for them. */
static lince_status read_model(struct li_proto_model *model, const char *where, lince_error *err)
{
    struct li_bytes bytes = model->bytes;
    struct li_wire_field field;
    size_t n = 0;
    while (bytes.len && !li_wire_next(&bytes, &field)) {
        if (field.number == SAVED_MODEL_VERSION) {
            uint64_t tag, version = 0;
            (void)(li_read_varint(&field.whole, &tag) &&
                   li_read_varint(&field.whole, &version)); /* the guard read both */
            model->schema_version = (int64_t)version;
        } else if (field.number == SAVED_MODEL_META_GRAPH) {
            if (model->meta_graph) {
                LI_TRY(read_meta_graph(&model->meta_graph[n], field.value, where, &model->arena, err));
            }
            n++;
        }
    }
    model->meta_graphs = n;
    return LINCE_OK;
}

static lince_status fill_model(struct li_proto_model *model, const char *where, lince_error *err)
{
    LI_TRY(li_proto_guard(model->bytes, &tf__saved_model__descriptor, where, err));
    LI_TRY(read_model(model, where, err));
    if (!model->meta_graphs) {
        return li_fail(err, LINCE_EFORMAT, "%s: %zu bytes without a meta graph, wanted a SavedModel", where,
                       model->bytes.len);
    }
    if (model->meta_graphs > LI_MAX_META_GRAPHS) {
        return li_fail(err, LINCE_ELIMIT, "%s: %zu meta graphs, wanted at most %d", where, model->meta_graphs,
                       LI_MAX_META_GRAPHS);
    }
    model->meta_graph = li_arena_calloc(&model->arena, model->meta_graphs, sizeof *model->meta_graph, err);
    return model->meta_graph ? read_model(model, where, err) : li_prefix(err, LINCE_ENOMEM, "%s", where);
}

lince_status li_proto_model_open(struct li_proto_model **out, struct li_bytes bytes, const char *where,
                                 struct li_mem *mem, lince_error *err)
{
    struct li_proto_model *model = li_calloc(mem, 1, sizeof *model, err);
    if (!model) {
        return li_prefix(err, LINCE_ENOMEM, "%s", where);
    }
    li_arena_init(&model->arena, mem, 0);
    model->bytes = bytes;
    lince_status st = fill_model(model, where, err);
    if (st) {
        li_proto_model_close(model);
        return st;
    }
    *out = model;
    return LINCE_OK;
}

void li_proto_model_close(struct li_proto_model *model)
{
    if (model) {
        struct li_mem *mem = model->arena.mem;
        li_arena_free(&model->arena);
        li_free(mem, model);
    }
}

/* "function NAME" for errors, a long name cut. */
static void item_where(char text[96], const char *kind, const struct li_proto_item *item)
{
    size_t n = LI_MIN(item->name.len, (size_t)64);
    snprintf(text, 96, "%s %.*s%s", kind, (int)n, (const char *)item->name.data, n < item->name.len ? "..." : "");
}

/* Items are guarded once more: the file is mapped, and what was written to it since it was opened is here now. */

lince_status li_proto_node(const Tf__NodeDef **out, const struct li_proto_item *item, struct li_arena *arena,
                           lince_error *err)
{
    ProtobufCMessage *message;
    char where[96];
    item_where(where, "node", item);
    LI_TRY(li_proto_unpack(&message, item->bytes, &tf__node_def__descriptor, where, arena, err));
    *out = (const Tf__NodeDef *)message;
    return LINCE_OK;
}

lince_status li_proto_function(const Tf__FunctionDef **out, const struct li_proto_item *item, struct li_arena *arena,
                               lince_error *err)
{
    ProtobufCMessage *message;
    char where[96];
    item_where(where, "function", item);
    LI_TRY(li_proto_unpack(&message, item->bytes, &tf__function_def__descriptor, where, arena, err));
    *out = (const Tf__FunctionDef *)message;
    return LINCE_OK;
}
