/*
 * Forging SavedModels: a library of functions whose nodes are given as text, an object graph, a checkpoint; written to
 * a folder of its own and opened from there.
 */
#ifndef LI_UNIT_MODEL_FORGE_H
#define LI_UNIT_MODEL_FORGE_H

#include "bundle_support.h"

#include "kernels/kernels.h"
#include "model/model.h"
#include "passes/passes.h"
#include "runtime/runtime.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct forge {
    struct buf library, objects, concrete; /* fields of FunctionDefLibrary and SavedObjectGraph */
    struct buf signature, body;            /* fields of the function that is being made */
    struct buf inputs, outputs;            /* StructuredValues of its arguments and results */
    struct buf captured;                   /* fields of its SavedConcreteFunction */
    struct buf meta;                       /* fields of MetaGraphDef besides its graph and its objects */
    bool graph;                            /* nodes are the graph's, as TensorFlow 1 has it: there are no objects */
    struct buf index, data;                /* the checkpoint; an index without bytes is not written */
    char folder[64];
};

/* ---- Values and attributes ---- */

static inline void put_shape(struct buf *b, unsigned number, const int64_t *dim, int rank)
{
    struct buf shape = {0}, one = {0};

    for (int i = 0; i < rank; i++) {
        put_number(&one, 1, dim[i]);
        put_message(&shape, 2, &one);
    }
    put_message(b, number, &shape);
    free(shape.data);
    free(one.data);
}

/* "2,3,-1"; "" is no number. Returns how many. */
static inline int parse_numbers(const char *text, int64_t *to, int room)
{
    int n = 0;

    while (*text && *text != ':') {
        char *end;
        assert_true(n < room);
        to[n++] = strtoll(text, &end, 10);
        assert_true(end > text);
        text = end + (*end == ',');
    }
    return n;
}

/* "DTYPE:DIMS:VALUE": a tensor of one value repeated, or of int32 values when there are several: "3:2:7,8". */
static inline void put_constant(struct buf *b, unsigned number, const char *text)
{
    struct buf tensor = {0};
    int64_t dim[16], value[64];
    int dtype = atoi(text);
    const char *dims = strchr(text, ':') + 1, *values = strchr(dims, ':') + 1;

    put_number(&tensor, 1, dtype);
    put_shape(&tensor, 2, dim, parse_numbers(dims, dim, 16));
    if (dtype == LINCE_FLOAT32) {
        float f = strtof(values, NULL);
        put_varint(&tensor, 5 << 3 | 5);
        put(&tensor, &f, 4);
    } else {
        unsigned field = dtype == LINCE_INT64 ? 10 : dtype == LINCE_BOOL ? 11 : 7;
        int n = parse_numbers(values, value, 64);
        for (int i = 0; i < n; i++) {
            put_number(&tensor, field, value[i]);
        }
    }
    put_message(b, number, &tensor);
    free(tensor.data);
}

/* A list of functions, "NAME,NAME". */
static inline void put_functions(struct buf *value, const char *names)
{
    struct buf list = {0}, one = {0};
    char *text = strdup(names), *save;

    for (char *at = strtok_r(text, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
        put_text(&one, 1, at);
        put_message(&list, 9, &one);
    }
    put_message(value, 1, &list);
    free(list.data);
    free(one.data);
    free(text);
}

/* "KEY=KIND:VALUE": t a type, i an int, f a float, b a bool, s a string, l a list of ints, y one of types,
 * F a function, G a list of them, v a tensor. */
static inline void put_attr(struct buf *node, const char *text)
{
    struct buf entry = {0}, value = {0}, inner = {0};
    int64_t numbers[64];
    char key[64];
    const char *equals = strchr(text, '='), *v = equals + 3;
    float f;

    snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
    switch (equals[1]) {
    case 't':
        put_number(&value, 6, atoi(v));
        break;
    case 'i':
        put_number(&value, 3, strtoll(v, NULL, 10));
        break;
    case 'f':
        f = strtof(v, NULL);
        put_varint(&value, 4 << 3 | 5);
        put(&value, &f, 4);
        break;
    case 'b':
        put_number(&value, 5, atoi(v));
        break;
    case 's':
        put_text(&value, 2, v);
        break;
    case 'l':
    case 'y':
        for (int i = 0, n = parse_numbers(v, numbers, 64); i < n; i++) {
            put_number(&inner, equals[1] == 'l' ? 3 : 6, numbers[i]);
        }
        put_message(&value, 1, &inner);
        break;
    case 'F':
        put_text(&inner, 1, v);
        put_message(&value, 10, &inner);
        break;
    case 'G':
        put_functions(&value, v);
        break;
    default:
        put_constant(&value, 8, v);
    }
    put_text(&entry, 1, key);
    put_message(&entry, 2, &value);
    put_message(node, 5, &entry);
    free(entry.data);
    free(value.data);
    free(inner.data);
}

/* ---- Functions ---- */

static inline void put_spec(struct buf *values, const char *name, int dtype, const int64_t *dim, int rank)
{
    struct buf spec = {0}, value = {0};

    put_text(&spec, 1, name);
    if (rank < 0) {
        struct buf unknown = {0};
        put_number(&unknown, 3, 1);
        put_message(&spec, 2, &unknown);
        free(unknown.data);
    } else {
        put_shape(&spec, 2, dim, rank);
    }
    put_number(&spec, 3, dtype);
    put_message(&value, 33, &spec);
    put_message(values, 1, &value);
    free(spec.data);
    free(value.data);
}

/* An argument of the function that is being made, "NAME:DTYPE:DIMS". */
static inline void argument(struct forge *f, const char *text)
{
    struct buf arg = {0};
    char name[64];
    int64_t dim[16];
    const char *dtype = strchr(text, ':') + 1, *dims = strchr(dtype, ':') + 1;

    snprintf(name, sizeof name, "%.*s", (int)(dtype - 1 - text), text);
    put_text(&arg, 1, name);
    put_number(&arg, 3, atoi(dtype));
    put_message(&f->signature, 2, &arg);
    put_spec(&f->inputs, name, atoi(dtype), dim, parse_numbers(dims, dim, 16));
    free(arg.data);
}

/* An argument that gets what an object stands for, after all others. */
static inline void capture(struct forge *f, const char *name, int object)
{
    struct buf arg = {0};

    put_text(&arg, 1, name);
    put_number(&arg, 3, LINCE_RESOURCE);
    put_message(&f->signature, 2, &arg);
    put_number(&f->captured, 2, object);
    free(arg.data);
}

/* A result, float32: NAME is returned by SOURCE, "node:output:0". */
static inline void result(struct forge *f, const char *name, const char *source)
{
    struct buf arg = {0};

    put_text(&arg, 1, name);
    put_number(&arg, 3, LINCE_FLOAT32);
    put_message(&f->signature, 3, &arg);
    put_text(&arg, 1, name);
    put_text(&arg, 2, source);
    put_message(&f->body, 4, &arg);
    put_spec(&f->outputs, name, LINCE_FLOAT32, NULL, -1);
    free(arg.data);
}

/* inputs and attrs are separated by blanks. */
static inline void node(struct forge *f, const char *name, const char *op, const char *inputs, const char *attrs)
{
    struct buf node = {0};
    char text[16384], *save;

    put_text(&node, 1, name);
    put_text(&node, 2, op);
    snprintf(text, sizeof text, "%s", inputs);
    for (char *in = strtok_r(text, " ", &save); in; in = strtok_r(NULL, " ", &save)) {
        put_text(&node, 3, in);
    }
    snprintf(text, sizeof text, "%s", attrs);
    for (char *attr = strtok_r(text, " ", &save); attr; attr = strtok_r(NULL, " ", &save)) {
        put_attr(&node, attr);
    }
    put_message(&f->body, f->graph ? 1 : 3, &node);
    free(node.data);
}

/* Finish the function. As a trace it takes its arguments by position, and returns a list. */
static inline void function(struct forge *f, const char *name)
{
    struct buf def = {0}, saved = {0}, both = {0}, value = {0}, entry = {0};

    put_text(&f->signature, 1, name);
    put_message(&def, 1, &f->signature);
    put(&def, f->body.data, f->body.len);
    f->body.len = 0;
    put_message(&f->library, 1, &def);
    put_message(&value, 52, &f->inputs);
    put_message(&both, 1, &value);
    put_message(&value, 53, &entry);
    put_message(&both, 1, &value);
    put_message(&value, 52, &both);
    put_message(&saved, 3, &value);
    put_message(&value, 51, &f->outputs);
    put_message(&saved, 4, &value);
    put(&saved, f->captured.data, f->captured.len);
    f->captured.len = 0;
    put_text(&entry, 1, name);
    put_message(&entry, 2, &saved);
    put_message(&f->concrete, 2, &entry);
    free(def.data);
    free(saved.data);
    free(both.data);
    free(value.data);
    free(entry.data);
}

/* ---- Signatures of TensorFlow 1 ---- */

/* "KEY=TENSOR ...", each float32 of unknown shape, into the inputs (1) or the outputs (2) of a signature. */
static inline void put_tensors(struct buf *signature, unsigned field, const char *tensors)
{
    struct buf info = {0}, entry = {0}, shape = {0};
    char *text = strdup(tensors), *save;
    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(at, '=');
        *equals = '\0';
        put_text(&info, 1, equals + 1);
        put_number(&info, 2, LINCE_FLOAT32);
        put_number(&shape, 3, 1);
        put_message(&info, 3, &shape);
        put_text(&entry, 1, at);
        put_message(&entry, 2, &info);
        put_message(signature, field, &entry);
    }
    free(info.data);
    free(entry.data);
    free(shape.data);
    free(text);
}

static inline void put_signature(struct forge *f, const char *key, const char *inputs, const char *outputs)
{
    struct buf signature = {0}, entry = {0};
    put_tensors(&signature, 1, inputs);
    put_tensors(&signature, 2, outputs);
    put_text(&entry, 1, key);
    put_message(&entry, 2, &signature);
    put_message(&f->meta, 5, &entry);
    free(signature.data);
    free(entry.data);
}

/* A collection of the names of nodes. */
static inline void put_nodes(struct forge *f, const char *key, const char *names)
{
    struct buf list = {0}, collection = {0}, entry = {0};
    char *text = strdup(names), *save;
    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        put_text(&list, 1, at);
    }
    put_message(&collection, 1, &list);
    put_text(&entry, 1, key);
    put_message(&entry, 2, &collection);
    put_message(&f->meta, 4, &entry);
    free(list.data);
    free(collection.data);
    free(entry.data);
    free(text);
}

/* ---- Objects ---- */

/* An object: its children, "NAME=ID ...", and its kind, a field of SavedObject (4: a user object; 7: a variable). */
static inline void object(struct forge *f, const char *children, unsigned kind, struct buf *message)
{
    struct buf o = {0}, child = {0};
    char *text = strdup(children), *save;

    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        char *equals = strrchr(at, '=');
        *equals = '\0';
        put_number(&child, 1, atoi(equals + 1));
        put_text(&child, 2, at);
        put_message(&o, 1, &child);
    }
    put_message(&o, kind, message);
    put_message(&f->objects, 1, &o);
    free(o.data);
    free(child.data);
    free(text);
}

static inline void user_object(struct forge *f, const char *children, const char *identifier)
{
    struct buf message = {0};

    put_text(&message, 1, identifier);
    object(f, children, 4, &message);
    free(message.data);
}

/* A callable with these traces, separated by blanks, that takes what it is given. */
static inline void callable(struct forge *f, const char *traces)
{
    struct buf message = {0}, pair = {0}, tuple = {0}, value = {0}, spec = {0};
    char *text = strdup(traces), *save;

    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        put_text(&message, 1, at);
    }
    put_text(&value, 13, "args");
    put_text(&pair, 1, "varargs");
    put_message(&pair, 2, &value);
    put_message(&tuple, 2, &pair);
    put_message(&value, 54, &tuple);
    put_message(&spec, 1, &value);
    put_message(&message, 2, &spec);
    object(f, "", 6, &message);
    free(message.data);
    free(pair.data);
    free(tuple.data);
    free(value.data);
    free(spec.data);
    free(text);
}

/* ---- Checkpoints ---- */

/* A float32 scalar. */
static inline void put_variable(struct forge *f, const char *name)
{
    struct buf message = {0};

    put_number(&message, 1, LINCE_FLOAT32);
    put_shape(&message, 2, NULL, 0);
    put_text(&message, 6, name);
    object(f, "", 7, &message);
    free(message.data);
}

/* A node of the checkpoint's graph: its children, "NAME=ID ...", and the key of its value. */
static inline void put_tracked(struct buf *graph, const char *children, const char *key)
{
    struct buf node = {0}, child = {0};
    char text[256], *save;

    snprintf(text, sizeof text, "%s", children);
    for (char *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(at, '=');
        *equals = '\0';
        put_number(&child, 1, atoi(equals + 1));
        put_text(&child, 2, at);
        put_message(&node, 1, &child);
    }
    if (key) {
        put_text(&child, 1, "VARIABLE_VALUE");
        put_text(&child, 3, key);
        put_message(&node, 2, &child);
    }
    put_message(graph, 1, &node);
    free(node.data);
    free(child.data);
}

/* The graph, and one value under "the key". */
static inline void put_checkpoint(struct forge *f, struct buf *graph, float value)
{
    struct buf entries = {0}, entry = {0}, shape = {0};
    struct buf *data = &f->data;
    uint32_t crc = 0, length = (uint32_t)graph->len;

    put_header(&entries, 1);
    put_varint(data, graph->len);
    crc = li_crc32c(0, &length, 4);
    put_u32(data, li_crc32c_mask(crc));
    crc = li_crc32c(crc, data->data + data->len - 4, 4);
    put(data, graph->data, graph->len);
    put_number(&entry, 1, LINCE_STRING);
    put_message(&entry, 2, &shape);
    put_number(&entry, 5, (int64_t)data->len);
    put_varint(&entry, 6 << 3 | 5);
    put_u32(&entry, li_crc32c_mask(li_crc32c(crc, graph->data, graph->len)));
    put_entry_text(&entries, "_CHECKPOINTABLE_OBJECT_GRAPH", &entry);

    put_number(&entry, 1, LINCE_FLOAT32);
    put_message(&entry, 2, &shape);
    put_number(&entry, 4, (int64_t)data->len);
    put_number(&entry, 5, 4);
    put_varint(&entry, 6 << 3 | 5);
    put_u32(&entry, li_crc32c_mask(li_crc32c(0, &value, 4)));
    put_entry_text(&entries, "the key", &entry);
    put(data, &value, 4);
    f->index = table_of(&entries);
    free(entries.data);
    free(entry.data);
    free(shape.data);
    free(graph->data);
}

/* ---- The folder ---- */

static inline void write_file(const struct forge *f, const char *name, const void *data, size_t size)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    remove(path); /* some file systems wait for the disk where a file is written over */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static inline lince_status open_forge(struct forge *f, struct li_model **out, struct li_mem *mem, lince_error *err)
{
    struct buf graph = {0}, meta = {0}, model = {0};
    char path[128];

    strcpy(f->folder, "/tmp/lince-forge-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    put(&graph, f->body.data, f->graph ? f->body.len : 0);
    put_message(&graph, 2, &f->library);
    put_message(&meta, 2, &graph);
    put(&graph, f->objects.data, f->objects.len);
    put(&graph, f->concrete.data, f->concrete.len);
    if (!f->graph) {
        put_message(&meta, 7, &graph);
    }
    put(&meta, f->meta.data, f->meta.len);
    put_message(&model, 2, &meta);
    write_file(f, "saved_model.pb", model.data, model.len);
    if (f->index.len) {
        snprintf(path, sizeof path, "%s/variables", f->folder);
        assert_int_equal(mkdir(path, 0700), 0);
        write_file(f, "variables/variables.index", f->index.data, f->index.len);
        write_file(f, "variables/variables.data-00000-of-00001", f->data.data, f->data.len);
    }
    free(graph.data);
    free(meta.data);
    free(model.data);
    return li_model_open(out, f->folder, NULL, mem, err);
}

static inline void free_forge(struct forge *f)
{
    struct buf *all[] = {&f->library, &f->objects,  &f->concrete, &f->signature, &f->body, &f->inputs,
                         &f->outputs, &f->captured, &f->meta,     &f->index,     &f->data};
    char command[128];

    for (size_t i = 0; i < LI_COUNT(all); i++) {
        free(all[i]->data);
    }
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

#endif
